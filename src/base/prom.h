/*
 * base/prom.h: metrics as Prometheus reads them (text format 0.0.4), and counters of requests. Pure: times
 * are given by the caller.
 */
#pragma once

#include "base/str.h"

/** prom_head() - the two lines before a metric's values. @type: "counter", "gauge" or "histogram". */
void prom_head(struct strbuf *out, const char *name, const char *type, const char *help);
/** prom_one() - a metric with one value and no labels. */
void prom_one(struct strbuf *out, const char *name, const char *type, const char *help, double value);
/** prom_text() - a label's value: backslash, quote and line break are escaped. */
void prom_text(struct strbuf *out, struct str value);

enum { PROM_BUCKETS = 12, PROM_ANSWERS = 6 };

/* Requests of one kind: what was answered, and how long that took. All zero: none yet. */
struct prom_calls {
    uint64_t answers[PROM_ANSWERS]; /* none, 2xx, 3xx, 4xx but 429, 429, 5xx */
    uint64_t took[PROM_BUCKETS + 1];
    double seconds; /* in all */
};
/** prom_calls_add() - @status 0: no answer came. */
void prom_calls_add(struct prom_calls *c, int status, int64_t took_ms);
struct prom_kind {
    const char *name; /* the label's value */
    const struct prom_calls *calls;
};
struct prom_calls_names {
    const char *prefix; /* "slipway_agent_request": gives PREFIXs_total and PREFIX_seconds */
    const char *label;  /* that tells the kinds apart */
    const char *help;   /* "Requests sent" */
};
/** prom_calls_write() - a counter by kind and answer, and a histogram by kind. */
void prom_calls_write(struct strbuf *out, const struct prom_calls_names *n, const struct prom_kind *kinds,
                      size_t len);
