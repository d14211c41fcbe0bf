/* base/prom.c: see base/prom.h. */
#include "base/prom.h"

#include <inttypes.h>

static const double limits_s[PROM_BUCKETS] = { 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30 };
static const char *const answer_names[PROM_ANSWERS] = { "none", "2xx", "3xx", "4xx", "429", "5xx" };

void prom_head(struct strbuf *out, const char *name, const char *type, const char *help)
{
    strbuf_addf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

void prom_one(struct strbuf *out, const char *name, const char *type, const char *help, double value)
{
    prom_head(out, name, type, help);
    strbuf_addf(out, "%s %.17g\n", name, value);
}

void prom_text(struct strbuf *out, struct str value)
{
    for (size_t i = 0; i < value.len; i++) {
        char c = value.ptr[i];

        if (c == '\n')
            strbuf_addz(out, "\\n");
        else if (c == '"' || c == '\\')
            strbuf_addf(out, "\\%c", c);
        else
            strbuf_addc(out, c);
    }
}

static size_t answer_of(int status)
{
    if (status == 429)
        return 4;
    return status < 100 ? 0 : status < 300 ? 1 : status < 400 ? 2 : status < 500 ? 3 : 5;
}

void prom_calls_add(struct prom_calls *c, int status, int64_t took_ms)
{
    double s = took_ms > 0 ? (double)took_ms / 1000 : 0;
    size_t i = 0;

    while (i < PROM_BUCKETS && s > limits_s[i])
        i++;
    c->took[i]++;
    c->seconds += s;
    c->answers[answer_of(status)]++;
}

static void write_answers(struct strbuf *out, const struct prom_calls_names *n, const struct prom_kind *k)
{
    for (size_t i = 0; i < PROM_ANSWERS; i++)
        if (k->calls->answers[i])
            strbuf_addf(out, "%ss_total{%s=\"%s\",answer=\"%s\"} %" PRIu64 "\n", n->prefix, n->label, k->name,
                        answer_names[i], k->calls->answers[i]);
}

static void write_times(struct strbuf *out, const struct prom_calls_names *n, const struct prom_kind *k)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < PROM_BUCKETS; i++) {
        sum += k->calls->took[i];
        strbuf_addf(out, "%s_seconds_bucket{%s=\"%s\",le=\"%g\"} %" PRIu64 "\n", n->prefix, n->label, k->name,
                    limits_s[i], sum);
    }
    sum += k->calls->took[PROM_BUCKETS];
    strbuf_addf(out, "%s_seconds_bucket{%s=\"%s\",le=\"+Inf\"} %" PRIu64 "\n", n->prefix, n->label, k->name,
                sum);
    strbuf_addf(out, "%s_seconds_sum{%s=\"%s\"} %.17g\n", n->prefix, n->label, k->name, k->calls->seconds);
    strbuf_addf(out, "%s_seconds_count{%s=\"%s\"} %" PRIu64 "\n", n->prefix, n->label, k->name, sum);
}

void prom_calls_write(struct strbuf *out, const struct prom_calls_names *n, const struct prom_kind *kinds,
                      size_t len)
{
    strbuf_addf(out, "# HELP %ss_total %s, by answer.\n# TYPE %ss_total counter\n", n->prefix, n->help,
                n->prefix);
    for (size_t i = 0; i < len; i++)
        write_answers(out, n, &kinds[i]);
    strbuf_addf(out, "# HELP %s_seconds %s: how long they took.\n# TYPE %s_seconds histogram\n", n->prefix,
                n->help, n->prefix);
    for (size_t i = 0; i < len; i++)
        write_times(out, n, &kinds[i]);
}
