/*
 * server/search/search.h: a sweep's search: its config, and which values its next run gets. Pure: the same
 * config, seed, position and history give the same values, on every machine.
 *
 * Grid goes through all combinations once, by position. Random draws each position anew. Bayes draws the
 * first positions too, then models what it has seen (gaussian.h) and takes the point that promises most.
 */
#pragma once

#include "server/search/bands.h"
#include "server/search/parameter.h"

enum search_method {
    SEARCH_GRID,
    SEARCH_RANDOM,
    SEARCH_BAYES,
    SEARCH_OTHER /* "custom", or a controller of the user's own: not for us to search */
};
struct search_metric {
    struct str name; /* absent: none */
    bool maximize, has_target;
    double target;
};
struct search {
    enum search_method method;
    struct str method_name; /* as written */
    struct str name, description;
    struct param_list params;
    struct search_metric metric;
    int64_t run_cap; /* 0: none */
    struct bands bands;
    const struct jval *warnings; /* list of texts: what is there and does nothing */
};
/** search_parse() - a sweep's config, which was JSON or YAML; the result borrows from it. -ERR_INVALID says
 * which key is wrong and what to write. */
NODISCARD int search_parse(struct arena *a, const struct jval *config, const struct search **ret,
                           struct err *e);

/* A run of the sweep, as far as a search wants to know. */
struct search_run {
    const struct jval
        *args; /* {"lr": {"value": 0.1}}: its config; members that are no parameters are passed over */
    bool has_loss, ended;
    double loss; /* the metric; of a run under way the latest, which counts for nothing yet */
};
struct search_state {
    uint64_t seed;
    int64_t position; /* how many runs the sweep has had from here */
    const struct search_run *runs;
    size_t run_count; /* only bayes looks at runs */
};
/** search_next() - the values of the next run: {"lr": {"value": 0.1}}; NULL: there is none, by the run_cap,
 * at the end of a grid, or since the method is another's. Bayes with hundreds of runs takes tens of
 * milliseconds. */
const struct jval *search_next(const struct search *s, const struct search_state *state, struct arena *a);
/** search_count() - how many runs it will have; 0: no end. */
int64_t search_count(const struct search *s);
/** search_metric_of() - the metric in a run's summary or a line of its history, also as "a.b" for {"a": {"b":
 * 1}}; false: it is not there, or no finite number. */
bool search_metric_of(const struct search_metric *m, const struct jval *values, double *ret);
/** search_metric_in() - the same of JSON text, which is parsed in @a; false also for what is no JSON, or not
 * there. */
bool search_metric_in(const struct search_metric *m, struct arena *a, struct str text, double *ret);
/** search_better() - is @one better than @other, by the goal? */
bool search_better(const struct search_metric *m, double one, double other);
