/* A run and what was posted to it: what is read of it, against what the lines themselves say. */
#pragma once

#include <float.h>
#include <math.h>
#include <stdio.h>

#include "server/store/store.h"
#include "store.h"

enum { LINES_MAX = 6000 };

/* A run, and what was posted to it. */
struct logged {
    struct world *w;
    struct store *s;
    int64_t run_id, project_id, user_id;
    size_t len;
    double step[LINES_MAX], loss[LINES_MAX]; /* loss NAN: none in the line; INFINITY: a word for NaN in it */
};

static inline struct logged *begin(struct world *w, struct store *s)
{
    struct logged *l = arena_alloc(w->a, sizeof(*l));
    struct store_run_upsert u = { .name = STR("run1"), .now_unix_ms = T0 };
    struct store_new_project p = { .name = STR("demo"), .now_unix_ms = T0 };
    struct store_entity entity = { 0 };
    struct store_project project = { 0 };
    struct store_run run = { 0 };
    bool made = false;
    struct err e = { 0 };

    u.user_id = add_user(s, w, "ann");
    must(store_entity_by_name(s, w->a, STR("ann"), &entity, &e), &e);
    p.entity_id = entity.id;
    must(store_project_ensure(s, w->a, &p, &project, &made, &e), &e);
    u.project_id = project.id;
    must(store_run_upsert(s, w->a, &u, &run, &made, &e), &e);
    *l = (struct logged){ .w = w, .s = s, .run_id = run.id, .project_id = project.id, .user_id = u.user_id };
    return l;
}

static inline struct str line_of(struct logged *l, size_t i)
{
    if (isnan(l->loss[i]))
        return str_of(arena_printf(l->w->a, "{\"_step\":%.0f,\"other\":\"x\"}", l->step[i]));
    if (isinf(l->loss[i]))
        return str_of(arena_printf(l->w->a, "{\"_step\":%.0f,\"loss\":NaN}", l->step[i]));
    return str_of(arena_printf(l->w->a, "{\"train\":{\"loss\":1},\"loss\":%.17g,\"_step\":%.0f}", l->loss[i],
                               l->step[i]));
}

/* Lines from @at on, with steps from @step on; a rewind when @at is behind the end. */
static inline void post(struct logged *l, size_t at, size_t count, double step)
{
    struct str *lines = arena_array(l->w->a, count, sizeof(*lines));
    const struct store_post_lines part = { RUN_HISTORY, (int64_t)at, lines, count };
    const struct store_post p = {
        .run_id = l->run_id, .parts = &part, .part_count = 1, .now_unix_ms = T0 + 1
    };
    bool stop;
    struct err e = { 0 };

    for (size_t i = 0; i < count; i++) {
        size_t n = at + i;

        l->step[n] = step + (double)i;
        l->loss[n] = n % 97 == 5 ? NAN : n % 89 == 7 ? INFINITY : sin((double)n * 0.37 + step) * 100;
        lines[i] = line_of(l, n);
    }
    l->len = at + count > l->len ? at + count : l->len;
    must(store_run_post(l->s, &p, &stop, &e), &e);
}

static inline struct chart chart_of(struct logged *l, size_t buckets, double from, double to)
{
    const struct str keys[] = { STR("nowhere"), STR("loss") };
    const struct store_chart_query q = { .of = { l->run_id, RUN_HISTORY },
                                         .x = STR("_step"),
                                         .keys = keys,
                                         .key_count = 2,
                                         .buckets = buckets,
                                         .from = from,
                                         .to = to };
    struct chart *charts = NULL;
    struct err e = { 0 };

    must(store_chart(l->s, l->w->a, &q, &charts, &e), &e);
    assert_int_equal(charts[0].points, 0);
    return charts[1];
}

/* Every bucket says of the lines between its ends exactly what they say, and no line is in none. */
static inline void check_chart(struct logged *l, size_t buckets, double from, double to)
{
    const struct chart c = chart_of(l, buckets, from, to);
    double end = -DBL_MAX;
    int64_t points = 0, wanted = 0;

    for (size_t b = 0; b < c.len; b++) {
        const struct chart_bucket *have = &c.buckets[b];
        struct column_block want = { 0 };

        if (have->y.count + have->y.not_finite == 0)
            continue;
        assert_true(have->x_min > end && have->x_max >= have->x_min);
        end = have->x_max;
        for (size_t i = 0; i < l->len; i++)
            if (!isnan(l->loss[i]) && l->step[i] >= have->x_min && l->step[i] <= have->x_max)
                column_block_add(&want, l->loss[i]);
        assert_int_equal(have->y.count, want.count);
        assert_int_equal(have->y.not_finite, want.not_finite);
        assert_true(have->y.min == want.min && have->y.max == want.max && have->y.last == want.last);
        assert_true(fabs(have->y.sum - want.sum) < 1e-6);
        points += want.count + want.not_finite;
    }
    for (size_t i = 0; i < l->len; i++)
        wanted += !isnan(l->loss[i]) && l->step[i] >= from && l->step[i] <= to;
    assert_int_equal(points, wanted);
    assert_int_equal(c.points, wanted);
}

static inline void check_all(struct logged *l)
{
    check_chart(l, 1, -DBL_MAX, DBL_MAX);
    check_chart(l, 7, -DBL_MAX, DBL_MAX);
    check_chart(l, 10000, -DBL_MAX, DBL_MAX);
    check_chart(l, 5, 100, 3000.5);
    check_chart(l, 500, 1000, 1100);
}

static inline void pack(struct logged *l)
{
    struct err e = { 0 };

    must(store_history_pack(l->s, &(struct store_history){ l->run_id, RUN_HISTORY }, &e), &e);
}

static inline struct store_history_key key_of(struct logged *l, const char *name)
{
    struct store_history_key *keys = NULL;
    size_t len = 0;
    struct err e = { 0 };

    must(
        store_history_keys(l->s, l->w->a, &(struct store_history){ l->run_id, RUN_HISTORY }, &keys, &len, &e),
        &e);
    for (size_t i = 0; i < len; i++)
        if (str_is(keys[i].name, name))
            return keys[i];
    fail_msg("no key %s", name);
    return (struct store_history_key){ 0 };
}

static inline void check_keys(struct logged *l)
{
    int64_t numbers = 0;
    double last = 0;

    for (size_t i = 0; i < l->len; i++) {
        numbers += !isnan(l->loss[i]);
        last = l->step[i] > last ? l->step[i] : last;
    }
    assert_int_equal(key_of(l, "loss").numbers, numbers);
    assert_int_equal(key_of(l, "other").others, (int64_t)l->len - numbers);
    assert_true(key_of(l, "_step").hi == last);
    assert_int_equal(key_of(l, "train.loss").others, 0);
}
