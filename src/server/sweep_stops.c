/* server/sweep_stops.c: hyperband over what runs have logged. */
#include "server/sweep_stops.h"

#include "base/log.h"

enum { LINES_MAX = 5000 }; /* of a run's history, at a look; the rest comes with the next */

struct judging {
    struct server *s;
    const struct sweep_look *look;
    struct store_sweep_progress *run;
    double passed[BANDS_MAX]; /* what it had at the bands since the last look */
    size_t passed_count;
};

static void read_line(struct judging *j, struct str line)
{
    AUTO_PTR(arena) a = arena_new();
    const struct search *search = j->look->search;
    struct store_sweep_progress *r = j->run;
    double metric;

    r->lines_read++;
    if (!search_metric_in(&search->metric, a, line, &metric))
        return;
    r->logged++;
    if (!r->has_best || search_better(&search->metric, metric, r->best))
        r->best = metric;
    r->has_best = true;
    if (r->bands_seen < (int64_t)search->bands.len && r->logged == search->bands.at[r->bands_seen]) {
        j->passed[j->passed_count++] = r->best;
        r->bands_seen++;
    }
}

static int read_on(struct judging *j, struct err *e)
{
    AUTO_PTR(arena) a = arena_new();
    const struct store_line_query q = {
        .run_id = j->run->run_id, .stream = RUN_HISTORY, .from = j->run->lines_read, .count = LINES_MAX
    };
    struct str *lines = NULL;
    size_t len = 0;
    int rc = store_run_lines(j->s->store, a, &q, &lines, &len, e);

    for (size_t i = 0; rc == 0 && i < len; i++)
        read_line(j, lines[i]);
    return rc;
}

/* At each band that it has passed since the last look. */
static int judge(struct judging *j, struct err *e)
{
    AUTO_PTR(arena) a = arena_new();
    const struct search *search = j->look->search;
    struct store_sweep_progress *r = j->run;
    int64_t first = r->bands_seen - (int64_t)j->passed_count;
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < j->passed_count && !r->is_stopped; i++) {
        const struct store_sweep_band_query q = { r->sweep_id, first + (int64_t)i, r->run_name };
        double *others = NULL;
        size_t len = 0;

        rc = store_sweep_band(j->s->store, a, &q, &others, &len, e);
        if (rc == 0)
            r->is_stopped = !bands_keep(&search->bands, search->bands.strict ? j->passed[i] : r->best, others,
                                        len, search->metric.maximize);
    }
    return rc;
}

static int ask_stop(struct judging *j, struct err *e)
{
    const struct store_by by = { STR("server"), j->look->now_unix_ms };

    LOG_INFO("sweep.run_stopped_early", "sweep=%.*s run=%.*s logged=%lld", STR_ARG(j->look->sweep->name),
             STR_ARG(j->run->run_name), (long long)j->run->logged);
    return j->look->sweep->is_launched ? store_run_ask_stop(j->s->store, j->run->run_id, &by, e) : 0;
}

static int look_at(struct judging *j, struct err *e)
{
    struct store_sweep_progress *r = j->run;
    bool was_stopped = r->is_stopped;
    struct store_sweep_bands passed = { .at = j->passed };
    int rc;

    if (r->history_lines <= r->lines_read)
        return 0;
    rc = read_on(j, e);
    if (rc == 0)
        rc = judge(j, e);
    passed.first = r->bands_seen - (int64_t)j->passed_count;
    passed.count = j->passed_count;
    if (rc == 0)
        rc = store_sweep_progress_save(j->s->store, r, &passed, e);
    return rc == 0 && r->is_stopped && !was_stopped ? ask_stop(j, e) : rc;
}

int sweep_stops(struct server *s, struct arena *a, const struct sweep_look *look, struct jval **ret,
                struct err *e)
{
    const struct store_sweep_progress_query q = { .sweep_id = look->sweep->id,
                                                  .agent_id = look->sweep->is_launched ? 0 : look->agent_id };
    struct jval *names = jval_new_array(a);
    struct store_sweep_progress *runs = NULL;
    size_t len = 0;
    int rc = 0;

    if (look->search->bands.len > 0)
        rc = store_sweep_progress(s->store, a, &q, &runs, &len, e);
    for (size_t i = 0; rc == 0 && i < len; i++) {
        struct judging j = { .s = s, .look = look, .run = &runs[i] };

        rc = look_at(&j, e);
        if (runs[i].is_stopped)
            jval_push(a, names, jval_new_str(a, runs[i].run_name));
    }
    if (rc == 0)
        *ret = names;
    return rc;
}
