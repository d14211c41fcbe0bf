/* server/store: sweeps, their agents, and what is handed out; every implementation passes this. */
#include "server/store/sweeps.h"

#include "store.h"

struct bench {
    struct store *s;
    struct world *w;
    struct store_project project;
    int64_t user;
};

static void bench_open(struct bench *b, struct world *w)
{
    struct store_new_project n = { .name = STR("p"), .now_unix_ms = T0 };
    struct store_entity entity = { 0 };
    bool made = false;
    struct err e = { 0 };

    *b = (struct bench){ .s = open_store(w), .w = w };
    b->user = add_user(b->s, w, "ann");
    must(store_entity_by_name(b->s, w->a, STR("ann"), &entity, &e), &e);
    n.entity_id = entity.id;
    must(store_project_ensure(b->s, w->a, &n, &b->project, &made, &e), &e);
}

static struct store_sweep add_sweep(struct bench *b, const char *name)
{
    const struct store_new_sweep n = { .project_id = b->project.id,
                                       .name = str_of(name),
                                       .method = STR("grid"),
                                       .config = STR("{}"),
                                       .seed = 7,
                                       .expected = 3,
                                       .user_id = b->user,
                                       .by = { STR("user ann"), T0 } };
    struct store_sweep sweep = { 0 };
    struct err e = { 0 };

    must(store_sweep_add(b->s, b->w->a, &n, &sweep, &e), &e);
    return sweep;
}

static struct store_sweep_agent add_agent(struct bench *b, const struct store_sweep *sweep)
{
    const struct store_new_sweep_agent n = {
        .sweep_id = sweep->id, .user_id = b->user, .host = STR("host"), .now_unix_ms = T0
    };
    struct store_sweep_agent agent = { 0 };
    struct str uid = { 0 };
    struct err e = { 0 };

    must(store_sweep_agent_add(b->s, b->w->a, &n, &uid, &e), &e);
    must(store_sweep_agent_by_uid(b->s, b->w->a, uid, &agent, &e), &e);
    must(store_sweep_beat(b->s, agent.id, T0 + 1, &e), &e);
    return agent;
}

static bool hand_out(struct bench *b, const struct store_sweep_agent *agent, int64_t position,
                     const char *run)
{
    const struct store_hand_out h = { .sweep_id = agent->sweep_id,
                                      .agent_id = agent->id,
                                      .user_id = b->user,
                                      .position = position,
                                      .run_name = str_of(run),
                                      .args = STR("{\"x\":{\"value\":1}}"),
                                      .now_unix_ms = T0 + 2 };
    bool taken = false;
    struct err e = { 0 };

    must(store_sweep_hand_out(b->s, &h, &taken, &e), &e);
    return taken;
}

static struct store_sweep now_of(struct bench *b, const struct store_sweep *sweep)
{
    struct store_sweep now = { 0 };
    struct err e = { 0 };

    must(store_sweep_by_id(b->s, b->w->a, sweep->id, &now, &e), &e);
    return now;
}

static struct store_run run_of(struct bench *b, const char *name)
{
    struct store_run run = { 0 };
    struct err e = { 0 };

    must(store_run_by_name(b->s, b->w->a, b->project.id, str_of(name), &run, &e), &e);
    return run;
}

static int set_state(struct bench *b, const struct store_sweep *sweep, enum sweep_state state)
{
    const struct store_sweep_change g = {
        .sweep_id = sweep->id, .has_state = true, .state = state, .by = { STR("user ann"), T0 + 3 }
    };
    struct store_sweep after = { 0 };
    int rc = store_sweep_change(b->s, b->w->a, &g, &after, NULL);

    if (rc == 0)
        assert_int_equal(after.state, state);
    return rc;
}

/* --- handing out --- */

static void position_test(struct world *w)
{
    struct bench b;
    struct store_sweep sweep;
    struct store_sweep_agent one, other;
    struct store_run run;

    bench_open(&b, w);
    sweep = add_sweep(&b, "sweep001");
    assert_int_equal(sweep.state, SWEEP_PENDING);
    one = add_agent(&b, &sweep);
    other = add_agent(&b, &sweep);
    assert_int_equal(now_of(&b, &sweep).state, SWEEP_RUNNING); /* by its first agent */
    assert_true(hand_out(&b, &one, 0, "run00000"));
    assert_false(hand_out(&b, &other, 0, "run0000b")); /* taken meanwhile */
    assert_true(hand_out(&b, &other, 1, "run00001"));
    sweep = now_of(&b, &sweep);
    assert_int_equal(sweep.handed_out, 2);
    assert_int_equal(sweep.run_count, 2);
    run = run_of(&b, "run00000");
    assert_int_equal(run.state, RUN_PENDING);
    assert_true(str_is(run.sweep, "sweep001"));
    assert_true(str_is(run.config, "{\"x\":{\"value\":1}}"));
    store_close(b.s);
}

static void each_position_is_handed_out_once(void **state)
{
    world_run(position_test);
}

static void states_test(struct world *w)
{
    static const enum sweep_state closed[] = { SWEEP_PAUSED, SWEEP_STOPPED, SWEEP_CANCELED, SWEEP_FINISHED };
    struct bench b;
    struct store_sweep sweep;
    struct store_sweep_agent agent;
    int64_t position = 0;

    bench_open(&b, w);
    sweep = add_sweep(&b, "sweep001");
    agent = add_agent(&b, &sweep);
    for (size_t i = 0; i < ARRAY_LEN(closed); i++) {
        assert_int_equal(set_state(&b, &sweep, closed[i]), 0);
        assert_false(hand_out(&b, &agent, position, "run0000z"));
        assert_int_equal(set_state(&b, &sweep, SWEEP_RUNNING), 0);
        assert_true(hand_out(&b, &agent, position, arena_printf(w->a, "run%05zu", i)));
        position++;
    }
    assert_int_equal(set_state(&b, &sweep, SWEEP_CANCELED), 0);
    assert_int_equal(set_state(&b, &sweep, SWEEP_PAUSED), -ERR_CONFLICT);
    assert_int_equal(set_state(&b, &sweep, SWEEP_FINISHED), -ERR_CONFLICT);
    assert_int_equal(now_of(&b, &sweep).state, SWEEP_CANCELED);
    store_close(b.s);
}

static void only_a_running_sweep_hands_out(void **state)
{
    world_run(states_test);
}

static void cancel_test(struct world *w)
{
    struct store_post last = { .complete = true, .now_unix_ms = T0 + 3 };
    struct bench b;
    struct store_sweep sweep, untouched;
    struct store_sweep_agent agent, bystander;
    bool stop = false;
    struct err e = { 0 };

    bench_open(&b, w);
    sweep = add_sweep(&b, "sweep001");
    untouched = add_sweep(&b, "sweep002");
    agent = add_agent(&b, &sweep);
    bystander = add_agent(&b, &untouched);
    assert_true(hand_out(&b, &agent, 0, "run00000"));
    assert_true(hand_out(&b, &agent, 1, "run00001"));
    assert_true(hand_out(&b, &bystander, 0, "other000"));
    last.run_id = run_of(&b, "run00000").id;
    must(store_run_post(b.s, &last, &stop, &e), &e);
    assert_int_equal(set_state(&b, &sweep, SWEEP_CANCELED), 0);
    assert_false(run_of(&b, "run00000").stop_asked);
    assert_true(run_of(&b, "run00001").stop_asked);
    assert_false(run_of(&b, "other000").stop_asked);
    store_close(b.s);
}

static void a_cancel_asks_for_the_end_of_its_runs(void **state)
{
    world_run(cancel_test);
}

static void config_test(struct world *w)
{
    struct bench b;
    struct store_sweep sweep, after = { 0 };
    struct store_sweep_agent agent;
    struct store_sweep_change g = { .config = STR("{\"a\":1}"),
                                    .method = STR("random"),
                                    .is_launched = true,
                                    .expected = 9,
                                    .by = { STR("user ann"), T0 + 3 } };
    struct err e = { 0 };

    bench_open(&b, w);
    sweep = add_sweep(&b, "sweep001");
    g.sweep_id = sweep.id;
    must(store_sweep_change(b.s, w->a, &g, &after, &e), &e);
    assert_true(str_is(after.config, "{\"a\":1}"));
    assert_true(str_is(after.method, "random"));
    assert_true(after.is_launched);
    assert_int_equal(after.expected, 9);
    agent = add_agent(&b, &sweep);
    assert_true(hand_out(&b, &agent, 0, "run00000"));
    assert_int_equal(store_sweep_change(b.s, w->a, &g, &after, &e), -ERR_CONFLICT);
    g = (struct store_sweep_change){ .sweep_id = sweep.id, .display_name = STR("name"), .by = g.by };
    must(store_sweep_change(b.s, w->a, &g, &after, &e), &e);
    assert_true(str_is(after.display_name, "name"));
    assert_int_equal(after.expected, 9);
    store_close(b.s);
}

static void a_config_stays_once_there_are_runs(void **state)
{
    world_run(config_test);
}

/* --- lists --- */

static void list_test(struct world *w)
{
    const struct str prior[] = { STR("before00"), STR("not-there") };
    struct store_run_upsert before = { .name = STR("before00"), .now_unix_ms = T0 };
    struct store_new_sweep n = { .name = STR("sweep001"),
                                 .method = STR("random"),
                                 .config = STR("{}"),
                                 .prior_runs = prior,
                                 .prior_run_count = 2,
                                 .by = { STR("user ann"), T0 } };
    struct store_sweep_run_query q = { .sweep = STR("sweep001"),
                                       .page = { .first = 10, .oldest_first = true } };
    struct store_sweep_query all = { .page = { .first = 10 } };
    struct bench b;
    struct store_sweep sweep = { 0 }, *sweeps = NULL;
    struct store_sweep_agent agent, *agents = NULL;
    struct store_run run = { 0 }, *runs = NULL;
    int64_t count = 0;
    size_t len = 0;
    bool made = false;
    struct err e = { 0 };

    bench_open(&b, w);
    before.project_id = n.project_id = q.project_id = all.project_id = b.project.id;
    before.user_id = n.user_id = b.user;
    must(store_run_upsert(b.s, w->a, &before, &run, &made, &e), &e);
    must(store_sweep_add(b.s, w->a, &n, &sweep, &e), &e);
    assert_int_equal(store_sweep_add(b.s, w->a, &n, &sweep, NULL), -ERR_CONFLICT); /* the name is taken */
    agent = add_agent(&b, &sweep);
    assert_true(hand_out(&b, &agent, 0, "run00000"));
    must(store_sweep_runs(b.s, w->a, &q, &runs, &len, &e), &e);
    assert_int_equal(len, 2);
    assert_true(str_is(runs[0].name, "before00"));
    q.agent_id = agent.id;
    q.page.oldest_first = false;
    must(store_sweep_runs(b.s, w->a, &q, &runs, &len, &e), &e);
    assert_int_equal(len, 1);
    assert_true(str_is(runs[0].name, "run00000"));
    must(store_sweep_alive(b.s, &sweep, &count, &e), &e);
    assert_int_equal(count, 2);
    must(store_sweep_agent_list(b.s, w->a, sweep.id, &agents, &len, &e), &e);
    assert_int_equal(len, 1);
    assert_int_equal(agents[0].total_runs, 1);
    assert_int_equal(agents[0].heartbeat_unix_ms, T0 + 1);
    must(store_sweep_list(b.s, w->a, &all, &sweeps, &len, &e), &e);
    must(store_sweep_count(b.s, b.project.id, &count, &e), &e);
    assert_int_equal(len, 1);
    assert_int_equal(count, 1);
    assert_int_equal(sweeps[0].run_count, 2);
    store_close(b.s);
}

static void sweeps_agents_and_runs_are_listed(void **state)
{
    world_run(list_test);
}

static void audit_test(struct world *w)
{
    struct store_audit_row *rows = NULL;
    struct bench b;
    struct store_sweep sweep;
    size_t len = 0, seen = 0;
    struct err e = { 0 };

    bench_open(&b, w);
    sweep = add_sweep(&b, "sweep001");
    (void)add_agent(&b, &sweep);
    assert_int_equal(set_state(&b, &sweep, SWEEP_PAUSED), 0);
    assert_int_equal(set_state(&b, &sweep, SWEEP_PAUSED), 0); /* nothing changed */
    must(store_audit_list(b.s, w->a, (struct store_audit_query){ 0, 100 }, &rows, &len, &e), &e);
    for (size_t i = 0; i < len; i++) {
        if (!str_is(rows[i].object, "sweep ann/p/sweep001"))
            continue;
        seen++;
        assert_true(str_is(rows[i].who, "user ann"));
        assert_true(str_is(rows[i].what, seen == 1 ? "sweep.create" : "sweep.state"));
        if (seen == 2)
            assert_true(str_is(rows[i].detail, "RUNNING to PAUSED"));
    }
    assert_int_equal(seen, 2);
    store_close(b.s);
}

static void changes_by_people_are_in_the_audit_log(void **state)
{
    world_run(audit_test);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_position_is_handed_out_once),
        cmocka_unit_test(only_a_running_sweep_hands_out),
        cmocka_unit_test(a_cancel_asks_for_the_end_of_its_runs),
        cmocka_unit_test(a_config_stays_once_there_are_runs),
        cmocka_unit_test(sweeps_agents_and_runs_are_listed),
        cmocka_unit_test(changes_by_people_are_in_the_audit_log),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
