/* server/store/history.h: charts, samples and keys of runs, against what the lines themselves say. */
#include "logged.h"
#include "server/store/retention.h"

static void chart_test(struct world *w)
{
    AUTO_PTR(store) s = open_store(w);
    struct logged *l = begin(w, s);
    struct store_run run = { 0 };
    struct err e = { 0 };

    assert_int_equal(chart_of(l, 10, -DBL_MAX, DBL_MAX).points, 0);
    post(l, 0, 300, 0);
    check_all(l); /* from lines alone */
    for (size_t i = 0; i < 9; i++)
        post(l, l->len, 500, (double)l->len);
    pack(l);
    must(store_run_by_id(s, w->a, l->run_id, &run, &e), &e);
    assert_int_equal(run.history_packed, 4 * COLUMN_ROWS);
    check_all(l); /* from columns and lines */
    post(l, l->len, 1000, (double)l->len);
    check_all(l); /* packed by the one who reads */
    must(store_run_by_id(s, w->a, l->run_id, &run, &e), &e);
    assert_int_equal(run.history_packed, 5 * COLUMN_ROWS);
}

static void charts_say_what_the_lines_say(void **state)
{
    world_run(chart_test);
}

static void rewind_test(struct world *w)
{
    AUTO_PTR(store) s = open_store(w);
    struct logged *l = begin(w, s);
    struct store_run run = { 0 };
    struct store_deleted deleted = { .more = true };
    int64_t lines = 0, runs = 0;
    struct err e = { 0 };

    for (size_t i = 0; i < 7; i++)
        post(l, l->len, 500, (double)l->len);
    pack(l);
    check_keys(l);
    post(l, 3400, 200, 3400); /* the end of what is there, and more: nothing packed is touched */
    check_all(l);
    post(l, 1500, 300, 1500); /* a client that lost the answer posts again, what it then computed */
    must(store_run_by_id(s, w->a, l->run_id, &run, &e), &e);
    assert_int_equal(run.history_packed, COLUMN_ROWS);
    check_all(l);
    check_keys(l);
    pack(l);
    check_all(l);
    check_keys(l);
    post(l, 0, 1, 0);
    check_all(l);
    check_keys(l);
    must(store_run_delete(s, l->run_id, &(struct store_by){ STR("user ann"), T0 }, &e), &e);
    assert_int_equal(store_run_by_id(s, w->a, l->run_id, &run, &e), -ERR_NOT_FOUND);
    assert_int_equal(store_run_delete(s, l->run_id, &(struct store_by){ STR("user ann"), T0 }, &e),
                     -ERR_NOT_FOUND);
    for (int steps = 0; deleted.more; steps++) {
        must(store_deleted_step(s, &deleted, &e), &e);
        assert_in_range(steps, 0, 20);
        lines += deleted.lines;
        runs += deleted.runs;
    }
    assert_int_equal(lines, 3600);
    assert_int_equal(runs, 1);
    assert_int_equal(store_history_pack(s, &(struct store_history){ l->run_id, RUN_HISTORY }, &e),
                     -ERR_NOT_FOUND);
}

static void a_line_that_comes_anew_counts_instead_of_the_old_one(void **state)
{
    world_run(rewind_test);
}

/* A resumed run begins at an earlier step, further down. */
static void back_test(struct world *w)
{
    AUTO_PTR(store) s = open_store(w);
    struct logged *l = begin(w, s);

    post(l, 0, 2000, 0);
    post(l, 2000, 2000, 1700); /* steps 1700 to 1999 are there twice */
    pack(l);
    assert_int_equal(chart_of(l, 100, -DBL_MAX, DBL_MAX).points, 4000 - 4000 / 97 - 1);
    for (size_t b = 0; b < 100; b++) {
        const struct chart c = chart_of(l, 100, -DBL_MAX, DBL_MAX);

        assert_true(c.buckets[b].x_max - c.buckets[b].x_min <= 2 * 3699.0 / 100);
    }
}

static void steps_that_go_back_are_drawn_where_they_belong(void **state)
{
    world_run(back_test);
}

/* --- samples --- */

static size_t sample(struct logged *l, const struct store_sample_query *q, struct str **ret)
{
    size_t len = 0;
    struct err e = { 0 };

    must(store_sample(l->s, l->w->a, q, ret, &len, &e), &e);
    return len;
}

static void sample_test(struct world *w)
{
    AUTO_PTR(store) s = open_store(w);
    struct logged *l = begin(w, s);
    const struct str both[] = { STR("_step"), STR("loss") }, none[] = { STR("loss"), STR("other") };
    struct store_sample_query q = {
        .of = { l->run_id, RUN_HISTORY }, .keys = both, .key_count = 2, .samples = 10000
    };
    struct str *lines = NULL;
    size_t len, at = 0;

    post(l, 0, 3000, 0);
    post(l, 3000, 500, 3000);
    len = sample(l, &q, &lines);
    for (size_t i = 0; i < l->len; i++) /* all that have both, as they came, in their order */
        if (!isnan(l->loss[i]))
            assert_true(str_eq(lines[at++], line_of(l, i)));
    assert_int_equal(len, at);

    q.samples = 100;
    assert_int_equal(sample(l, &q, &lines), 100);
    assert_true(str_eq(lines[0], line_of(l, 0)));
    assert_true(str_eq(lines[99], line_of(l, l->len - 1)));

    q.keys = none;
    assert_int_equal(sample(l, &q, &lines), 0);
    q.key_count = 0;
    assert_int_equal(sample(l, &q, &lines), 100); /* of every line */
    assert_true(str_eq(lines[99], line_of(l, l->len - 1)));

    q.samples = 10000;
    q.min_step = 1000;
    q.max_step = 3200;
    assert_int_equal(sample(l, &q, &lines), 2200);
    for (size_t i = 0; i < 2200; i++)
        assert_true(str_eq(lines[i], line_of(l, 1000 + i)));
}

static void samples_are_lines_as_they_came(void **state)
{
    world_run(sample_test);
}

/* --- odd runs --- */

static void post_text(struct logged *l, int64_t at, struct str text)
{
    const struct store_post_lines part = { RUN_HISTORY, at, &text, 1 };
    const struct store_post p = {
        .run_id = l->run_id, .parts = &part, .part_count = 1, .now_unix_ms = T0 + 1
    };
    bool stop;
    struct err e = { 0 };

    must(store_run_post(l->s, &p, &stop, &e), &e);
}

static void odd_test(struct world *w)
{
    AUTO_PTR(store) s = open_store(w);
    struct logged *l = begin(w, s);
    int64_t *ids = NULL;
    size_t len = 0;
    struct err e = { 0 };

    post(l, 0, 10, 0);
    post_text(l, 5000000, STR("{\"_step\":10,\"loss\":\"Infinity\",\"image\":{\"w\":1,\"_type\":\"i\"}}"));
    post_text(l, 5000001, STR("no JSON"));
    must(store_history_unpacked(s, w->a, 10, &ids, &len, &e), &e);
    assert_int_equal(len, 1);
    pack(l);
    must(store_history_unpacked(s, w->a, 10, &ids, &len, &e), &e);
    assert_int_equal(len, 0);
    assert_true(key_of(l, "_step").hi == 10);
    assert_int_equal(key_of(l, "image").others, 1);
    assert_int_equal(chart_of(l, 10, -DBL_MAX, DBL_MAX).buckets[9].y.not_finite, 1);
    post_text(l, 100, STR("{\"_step\":5.5,\"loss\":1e300}")); /* into the gap */
    pack(l);
    assert_true(chart_of(l, 1, -DBL_MAX, DBL_MAX).buckets[0].y.max == 1e300);
}

static void gaps_and_lines_that_are_no_json_harm_nothing(void **state)
{
    world_run(odd_test);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(charts_say_what_the_lines_say),
        cmocka_unit_test(a_line_that_comes_anew_counts_instead_of_the_old_one),
        cmocka_unit_test(steps_that_go_back_are_drawn_where_they_belong),
        cmocka_unit_test(samples_are_lines_as_they_came),
        cmocka_unit_test(gaps_and_lines_that_are_no_json_harm_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
