/* server/store/branches.h: runs that are taken back to a step, and runs that begin where another was. */
#include "base/jval.h"
#include "logged.h"

static int rewind_to(struct logged *l, double step, int64_t *ret_gone, struct err *e)
{
    const struct store_by by = { STR("user ann"), T0 + 5 };
    const struct store_rewind r = { l->run_id, step, &by };

    return store_run_rewind(l->s, &r, ret_gone, e);
}

static struct store_run run_of(struct logged *l, int64_t id)
{
    struct store_run run = { 0 };
    struct err e = { 0 };

    must(store_run_by_id(l->s, l->w->a, id, &run, &e), &e);
    return run;
}

static size_t lines_of(struct logged *l, int64_t run_id, enum run_stream stream, struct str **ret)
{
    const struct store_line_query q = { .run_id = run_id, .stream = stream, .count = 10 * LINES_MAX };
    size_t len = 0;
    struct err e = { 0 };

    must(store_run_lines(l->s, l->w->a, &q, ret, &len, &e), &e);
    return len;
}

/* Lines, charts, keys and counts say what was posted. */
static void check(struct logged *l)
{
    struct str *lines = NULL;

    assert_int_equal(lines_of(l, l->run_id, RUN_HISTORY, &lines), l->len);
    for (size_t i = 0; i < l->len; i++)
        assert_true(str_eq(lines[i], line_of(l, i)));
    assert_int_equal(run_of(l, l->run_id).history_lines, l->len);
    check_chart(l, 7, -DBL_MAX, DBL_MAX);
    check_chart(l, 200, 50, 2000.5);
    check_keys(l);
}

static void rewind_well(struct logged *l, size_t keep)
{
    int64_t gone = 0;
    struct err e = { 0 };

    must(rewind_to(l, (double)keep - 1, &gone, &e), &e);
    assert_int_equal(gone, l->len - keep);
    l->len = keep;
}

/* --- rewinds --- */

static void places_test(struct world *w)
{
    AUTO_PTR(store) s = open_store(w);
    struct logged *l = begin(w, s);
    const size_t keeps[] = { 3200, 3 * COLUMN_ROWS + 1, 3 * COLUMN_ROWS, 3 * COLUMN_ROWS - 1,
                             2500, 2 * COLUMN_ROWS,     COLUMN_ROWS + 7, 100 };

    for (size_t i = 0; i < ARRAY_LEN(keeps); i++) {
        for (size_t at = l->len; at < 3300; at += 500)
            post(l, at, at + 500 < 3300 ? 500 : 3300 - at, (double)at);
        pack(l);
        rewind_well(l, keeps[i]);
        check(l);
        post(l, l->len, 100, (double)l->len); /* the run is logged on */
        pack(l);
        check(l);
    }
}

static void a_rewind_ends_a_run_in_columns_at_their_borders_and_behind_them(void **state)
{
    world_run(places_test);
}

static void words_test(struct world *w)
{
    AUTO_PTR(store) s = open_store(w);
    struct logged *l = begin(w, s);
    int64_t gone = 0;
    struct err e = { 0 };

    assert_int_equal(rewind_to(l, 0, &gone, &e), -ERR_INVALID);
    assert_string_equal(e.msg, "it has no history");
    post(l, 0, 50, 0);
    assert_int_equal(rewind_to(l, 50, &gone, &e), -ERR_INVALID);
    assert_string_equal(e.msg, "it has no step 50: its last one is 49");
    rewind_well(l, 50); /* to its last step: nothing goes */
    check(l);
    must(rewind_to(l, 20.5, &gone, &e), &e);
    assert_int_equal(gone, 29);
    must(rewind_to(l, 20.5, &gone, &e), &e); /* a client that lost the answer asks again */
    assert_int_equal(gone, 0);
    assert_int_equal(rewind_to(l, 21, &gone, &e), -ERR_INVALID);
    assert_int_equal(run_of(l, l->run_id).history_lines, 21);
    l->run_id = 999;
    assert_int_equal(rewind_to(l, 1, &gone, &e), -ERR_NOT_FOUND);
}

/* After its time; also of a run that had lines in columns. */
static void gone_test(struct world *w)
{
    AUTO_PTR(store) s = open_store(w);
    struct logged *l = begin(w, s);
    const struct store_keep keep = { .keep = { .history_ms = 1 }, .now_unix_ms = T0 + 1000 };
    const struct store_post end = { .run_id = l->run_id, .complete = true, .now_unix_ms = T0 + 2 };
    int64_t lines = 1, runs = 0, gone = 0;
    bool stop;
    struct err e = { 0 };

    post(l, 0, 1500, 0);
    pack(l);
    must(store_run_post(s, &end, &stop, &e), &e);
    while (lines > 0)
        must(store_prune_lines(s, &keep, &lines, &runs, &e), &e);
    assert_int_equal(rewind_to(l, 3, &gone, &e), -ERR_INVALID);
    assert_string_equal(e.msg, "its history is no longer there");
}

static void a_run_whose_history_was_removed_is_not_rewound(void **state)
{
    world_run(gone_test);
}

static void a_step_that_the_run_has_not_come_to_is_refused(void **state)
{
    world_run(words_test);
}

static int post_part(struct logged *l, enum run_stream stream, int64_t at, const char *text,
                     struct str summary)
{
    const struct str line = str_of(text);
    const struct store_post_lines part = { stream, at, &line, 1 };
    const struct store_post p = {
        .run_id = l->run_id, .parts = &part, .part_count = 1, .summary = summary, .now_unix_ms = T0 + 9
    };
    bool stop;

    return store_run_post(l->s, &p, &stop, NULL);
}

static void late_test(struct world *w)
{
    AUTO_PTR(store) s = open_store(w);
    struct logged *l = begin(w, s);
    const struct str old = STR("{\"old\":1}");
    struct str *lines = NULL;

    post(l, 0, 3000, 0);
    pack(l);
    assert_int_equal(post_part(l, RUN_EVENTS, 0, "{\"system.cpu\":1}", old), 0);
    rewind_well(l, 1500);
    assert_int_equal(post_part(l, RUN_HISTORY, 3000, "{\"_step\":3000}", old), -ERR_LIMIT);
    assert_int_equal(post_part(l, RUN_EVENTS, 1, "{\"system.cpu\":2}", old), -ERR_LIMIT);
    check(l);
    assert_int_equal(lines_of(l, l->run_id, RUN_EVENTS, &lines), 0);
    assert_true(str_find(run_of(l, l->run_id).summary, STR("old")) < 0);
    post(l, 1500, 1600, 1500); /* the new one has come further, and the old one is one of two clients */
    pack(l);
    l->step[3000] = 3000;
    l->loss[3000] = NAN;
    assert_int_equal(post_part(l, RUN_HISTORY, 3000, line_of(l, 3000).ptr, old), 0);
    check(l);
    pack(l);
    check(l);
}

static void an_old_client_that_posts_on_leaves_no_gap_and_nothing_twice(void **state)
{
    world_run(late_test);
}

static void summary_is(struct logged *l, int64_t run_id, const char *want)
{
    AUTO_PTR(arena) a = arena_new();
    struct jval *have = NULL, *wanted = NULL;
    struct err e = { 0 };

    must(jval_from_json(a, run_of(l, run_id).summary, "have", NULL, &have, &e), &e);
    must(jval_from_json(a, str_of(want), "want", NULL, &wanted, &e), &e);
    if (!jval_equal(have, wanted))
        fail_msg("%s\nis not %s", run_of(l, run_id).summary.ptr, want);
}

static const char *summary_line(struct logged *l, size_t step)
{
    switch (step) {
    case 3:
        return "{\"_step\":3,\"rare\":{\"x\":\"once\"},\"flat.name\":1,\"nan\":NaN}";
    case 1200:
        return "{\"_step\":1200,\"rare\":{\"y\":2},\"image\":{\"_type\":\"image-file\",\"path\":\"p\"}}";
    case 2001:
        return "{\"_step\":2001,\"rare\":{\"x\":\"later\"},\"a\":null}";
    default:
        return arena_printf(l->w->a, "{\"_step\":%zu,\"a\":%zu}", step, step * 2);
    }
}

static void summary_lines(struct logged *l)
{
    struct str lines[2500];
    const struct store_post_lines part = { RUN_HISTORY, 0, lines, ARRAY_LEN(lines) };
    const struct store_post p = {
        .run_id = l->run_id, .parts = &part, .part_count = 1, .summary = STR("{\"a\":-1}"), .now_unix_ms = T0
    };
    bool stop;
    struct err e = { 0 };

    for (size_t i = 0; i < ARRAY_LEN(lines); i++)
        lines[i] = str_of(summary_line(l, i));
    must(store_run_post(l->s, &p, &stop, &e), &e);
}

static void summary_test(struct world *w)
{
    AUTO_PTR(store) s = open_store(w);
    struct logged *l = begin(w, s);
    int64_t gone = 0;
    struct err e = { 0 };

    summary_lines(l);
    pack(l);
    must(rewind_to(l, 2100, &gone, &e), &e);
    summary_is(
        l, l->run_id,
        "{\"_step\":2100,\"a\":4200,\"rare\":{\"x\":\"later\",\"y\":2},\"flat.name\":1,\"nan\":\"NaN\","
        "\"image\":{\"_type\":\"image-file\",\"path\":\"p\"}}");
    must(rewind_to(l, 2001, &gone, &e), &e);
    must(rewind_to(l, 2000, &gone, &e), &e);
    summary_is(l, l->run_id,
               "{\"_step\":2000,\"a\":4000,\"rare\":{\"x\":\"once\",\"y\":2},\"flat.name\":1,\"nan\":\"NaN\","
               "\"image\":{\"_type\":\"image-file\",\"path\":\"p\"}}");
    must(rewind_to(l, 4, &gone, &e), &e);
    summary_is(l, l->run_id,
               "{\"_step\":4,\"a\":8,\"rare\":{\"x\":\"once\"},\"flat.name\":1,\"nan\":\"NaN\"}");
    assert_int_equal(post_part(l, RUN_HISTORY, 5, "{\"_step\":5}", STR("{\"_step\":5,\"rare\":{\"x\":9}}")),
                     0);
    summary_is(l, l->run_id, "{\"_step\":5,\"rare\":{\"x\":9},\"a\":8,\"flat.name\":1,\"nan\":\"NaN\"}");
}

static void the_summary_is_what_was_logged_last_until_then(void **state)
{
    world_run(summary_test);
}

static void rest_test(struct world *w)
{
    AUTO_PTR(store) s = open_store(w);
    struct logged *l = begin(w, s);
    const struct store_post end = {
        .run_id = l->run_id, .complete = true, .exit_code = 3, .now_unix_ms = T0
    };
    struct str *lines = NULL;
    bool stop;
    struct err e = { 0 };

    post(l, 0, 30, 0);
    assert_int_equal(post_part(l, RUN_OUTPUT, 0, "hello", (struct str){ 0 }), 0);
    assert_int_equal(post_part(l, RUN_EVENTS, 0, "{\"system.cpu\":1}", (struct str){ 0 }), 0);
    must(store_run_ask_stop(s, l->run_id, &(struct store_by){ STR("user ann"), T0 }, &e), &e);
    must(store_run_post(s, &end, &stop, &e), &e);
    assert_int_equal(run_of(l, l->run_id).state, RUN_KILLED);
    rewind_well(l, 10);
    assert_int_equal(run_of(l, l->run_id).state, RUN_RUNNING);
    assert_false(run_of(l, l->run_id).stop_asked || run_of(l, l->run_id).has_exit_code);
    assert_int_equal(lines_of(l, l->run_id, RUN_OUTPUT, &lines), 0);
    assert_int_equal(lines_of(l, l->run_id, RUN_EVENTS, &lines), 0);
    assert_int_equal(run_of(l, l->run_id).events_lines + run_of(l, l->run_id).log_lines, 0);
    assert_int_equal(post_part(l, RUN_OUTPUT, 2, "again", (struct str){ 0 }), 0); /* behind empty lines */
    assert_int_equal(lines_of(l, l->run_id, RUN_OUTPUT, &lines), 1);
    check(l);
}

static void a_run_that_has_ended_runs_again_with_a_new_console(void **state)
{
    world_run(rest_test);
}

static struct store_sweep_progress progress_of(struct logged *l, int64_t sweep_id)
{
    const struct store_sweep_progress_query q = { sweep_id, 0 };
    struct store_sweep_progress *p = NULL;
    size_t len = 0;
    struct err e = { 0 };

    must(store_sweep_progress(l->s, l->w->a, &q, &p, &len, &e), &e);
    assert_int_equal(len, 1);
    return p[0];
}

/* A sweep that has handed out a run, which is the one from now on. */
static int64_t sweep_of(struct logged *l)
{
    const struct store_new_sweep n = { .project_id = l->project_id,
                                       .name = STR("sweep1"),
                                       .method = STR("grid"),
                                       .config = STR("{}"),
                                       .expected = 3,
                                       .user_id = l->user_id,
                                       .by = { STR("user ann"), T0 } };
    struct store_new_sweep_agent g = { .user_id = l->user_id, .host = STR("host"), .now_unix_ms = T0 };
    struct store_hand_out h = {
        .user_id = l->user_id, .run_name = STR("run2"), .args = STR("{}"), .now_unix_ms = T0
    };
    struct store_sweep sweep = { 0 };
    struct store_sweep_agent agent = { 0 };
    struct store_run run = { 0 };
    struct str uid = { 0 };
    bool taken = false;
    struct err e = { 0 };

    must(store_sweep_add(l->s, l->w->a, &n, &sweep, &e), &e);
    g.sweep_id = h.sweep_id = sweep.id;
    must(store_sweep_agent_add(l->s, l->w->a, &g, &uid, &e), &e);
    must(store_sweep_agent_by_uid(l->s, l->w->a, uid, &agent, &e), &e);
    must(store_sweep_beat(l->s, agent.id, T0 + 1, &e), &e);
    h.agent_id = agent.id;
    must(store_sweep_hand_out(l->s, &h, &taken, &e), &e);
    assert_true(taken);
    must(store_run_by_name(l->s, l->w->a, l->project_id, h.run_name, &run, &e), &e);
    l->run_id = run.id;
    return sweep.id;
}

static void sweep_test(struct world *w)
{
    AUTO_PTR(store) s = open_store(w);
    struct logged *l = begin(w, s);
    int64_t sweep = sweep_of(l);
    struct store_sweep_progress p;
    const double at = 0.5;
    struct err e = { 0 };

    post(l, 0, 30, 0);
    p = progress_of(l, sweep);
    p.lines_read = 29;
    p.logged = p.bands_seen = 1;
    p.is_stopped = p.has_best = true;
    must(store_sweep_progress_save(s, &p, &(struct store_sweep_bands){ .at = &at, .count = 1 }, &e), &e);
    rewind_well(l, 10);
    p = progress_of(l, sweep);
    assert_int_equal(p.lines_read + p.logged + p.bands_seen + p.is_stopped + p.has_best, 0);
}

static void a_sweep_counts_the_lines_of_a_run_that_was_rewound_again(void **state)
{
    world_run(sweep_test);
}

/* --- forks --- */

static int fork_at(struct logged *l, const char *name, double step, int64_t *ret_lines, struct err *e)
{
    const struct store_fork f = { l->project_id, str_of(name), STR("run1"), step, l->user_id, T0 + 6 };
    struct store_forked made = { 0 };
    int rc = store_run_fork(l->s, &f, &made, e);

    if (rc == 0)
        *ret_lines = made.lines;
    return rc;
}

/* The fork as a run that has what its parent had. */
static struct logged *fork_of(struct logged *l, const char *name, size_t keep)
{
    struct logged *fork = arena_alloc(l->w->a, sizeof(*fork));
    struct store_run run = { 0 };
    int64_t lines = 0;
    struct err e = { 0 };

    must(fork_at(l, name, (double)keep - 1, &lines, &e), &e);
    assert_int_equal(lines, keep);
    must(store_run_by_name(l->s, l->w->a, l->project_id, str_of(name), &run, &e), &e);
    *fork = *l;
    fork->run_id = run.id;
    fork->len = keep;
    return fork;
}

static void fork_test(struct world *w)
{
    AUTO_PTR(store) s = open_store(w);
    struct logged *l = begin(w, s), *fork, *of_fork;
    struct err e = { 0 };

    for (size_t i = 0; i < 10; i++)
        post(l, l->len, 500, (double)l->len);
    pack(l);
    fork = fork_of(l, "fork", 4500);
    assert_int_equal(run_of(l, fork->run_id).state, RUN_PENDING);
    check(fork);
    check(l);
    post(fork, 4500, 300, 4500);
    check(fork);
    rewind_well(fork, 1100); /* before the fork */
    check(fork);
    post(fork, 1100, 30, 1100);
    check(fork);
    rewind_well(l, 70); /* the parent is another run */
    check(l);
    must(store_run_delete(s, l->run_id, &(struct store_by){ STR("user ann"), T0 }, &e), &e);
    check(fork);
    of_fork = arena_alloc(w->a, sizeof(*of_fork));
    *of_fork = *fork;
    of_fork->len = 1130;
    check(of_fork);
}

static void a_fork_has_its_parents_history_and_goes_its_own_way(void **state)
{
    world_run(fork_test);
}

static void refused_test(struct world *w)
{
    AUTO_PTR(store) s = open_store(w);
    struct logged *l = begin(w, s);
    int64_t lines = 0;
    struct err e = { 0 };

    assert_int_equal(fork_at(l, "fork", 3, &lines, &e), -ERR_INVALID);
    post(l, 0, 50, 0);
    assert_int_equal(fork_at(l, "fork", 50, &lines, &e), -ERR_INVALID);
    assert_string_equal(e.msg, "it has no step 50: its last one is 49");
    assert_int_equal(fork_at(l, "run1", 20, &lines, &e), -ERR_INVALID);
    must(fork_at(l, "fork", 20, &lines, &e), &e);
    must(fork_at(l, "fork", 20, &lines, &e), &e); /* a client that lost the answer asks again */
    assert_int_equal(lines, 21);
    assert_int_equal(fork_at(l, "fork", 21, &lines, &e), -ERR_INVALID);
    l->project_id++;
    assert_int_equal(fork_at(l, "other", 20, &lines, &e), -ERR_NOT_FOUND);
}

static void a_fork_that_cannot_be_made_is_refused(void **state)
{
    world_run(refused_test);
}

static void fork_fiber(void *arg)
{
    int64_t lines = 0;

    (void)fork_at(arg, "fork", 5499, &lines, NULL);
}

static void again_test(struct world *w)
{
    AUTO_PTR(store) s = open_store(w);
    struct logged *l = begin(w, s), *fork;
    struct store_run run = { 0 };
    struct group *g = group_new(w->io);
    int64_t parent = l->run_id;
    struct err e = { 0 };

    for (size_t i = 0; i < 11; i++)
        post(l, l->len, 500, (double)l->len);
    pack(l);
    group_spawn(g, "fork", fork_fiber, l);
    while (group_count(g) > 0 && run.history_lines == 0) {
        must(io_sleep(w->io, 1, &e), &e);
        if (store_run_by_name(s, w->a, l->project_id, STR("fork"), &run, &e) < 0)
            assert_int_equal(e.code, ERR_NOT_FOUND);
    }
    group_end(g);
    if (run_of(l, run.id).history_lines < 5500) { /* nobody logs to it meanwhile */
        l->run_id = run.id;
        assert_int_equal(post_part(l, RUN_HISTORY, 0, "{}", (struct str){ 0 }), -ERR_CONFLICT);
        l->run_id = parent;
    }
    fork = fork_of(l, "fork", 5500);
    check(fork);
}

static void a_fork_that_was_not_finished_is_gone_on_with(void **state)
{
    world_run(again_test);
}

static void fork_summary_test(struct world *w)
{
    AUTO_PTR(store) s = open_store(w);
    struct logged *l = begin(w, s);
    struct store_run run = { 0 };
    int64_t lines = 0;
    struct err e = { 0 };

    summary_lines(l);
    must(fork_at(l, "fork", 4, &lines, &e), &e);
    must(store_run_by_name(s, w->a, l->project_id, STR("fork"), &run, &e), &e);
    summary_is(l, run.id, "{\"_step\":4,\"a\":8,\"rare\":{\"x\":\"once\"},\"flat.name\":1,\"nan\":\"NaN\"}");
    summary_is(l, l->run_id, "{\"a\":-1}");
}

static void a_fork_begins_with_its_parents_summary_as_it_was_then(void **state)
{
    world_run(fork_summary_test);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_rewind_ends_a_run_in_columns_at_their_borders_and_behind_them),
        cmocka_unit_test(a_step_that_the_run_has_not_come_to_is_refused),
        cmocka_unit_test(a_run_whose_history_was_removed_is_not_rewound),
        cmocka_unit_test(an_old_client_that_posts_on_leaves_no_gap_and_nothing_twice),
        cmocka_unit_test(the_summary_is_what_was_logged_last_until_then),
        cmocka_unit_test(a_run_that_has_ended_runs_again_with_a_new_console),
        cmocka_unit_test(a_sweep_counts_the_lines_of_a_run_that_was_rewound_again),
        cmocka_unit_test(a_fork_has_its_parents_history_and_goes_its_own_way),
        cmocka_unit_test(a_fork_that_cannot_be_made_is_refused),
        cmocka_unit_test(a_fork_that_was_not_finished_is_gone_on_with),
        cmocka_unit_test(a_fork_begins_with_its_parents_summary_as_it_was_then),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
