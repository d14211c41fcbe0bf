/* server: sweeps as their agents meet them: over HTTP in the simulated world. */
#include "api.h"

static const char *text(struct api *t, const char *document, const char *path)
{
    struct str s = jval_str(data(t, t->ann, document, path));

    return s.ptr ? s.ptr : "(none)";
}

static const char *sweep_of(struct api *t, const char *config)
{
    return text(
        t,
        arena_printf(t->w->a,
                     "mutation{upsertSweep(input:{entityName:\"ann\",projectName:\"p\",config:\"%s\"})"
                     "{sweep{name}}}",
                     config),
        "upsertSweep.sweep.name");
}

static const char *agent_of(struct api *t, const char *sweep)
{
    return text(
        t,
        arena_printf(t->w->a,
                     "mutation{createAgent(input:{host:\"h\",entityName:\"ann\",projectName:\"p\",sweep:"
                     "\"%s\"}){agent{id}}}",
                     sweep),
        "createAgent.agent.id");
}

/* @run NULL: it has none under way. */
static const struct jval *beat(struct api *t, const char *agent, const char *run)
{
    const char *state = run ? arena_printf(t->w->a, "{\\\"%s\\\":true}", run) : "{}";
    const char *answer =
        text(t,
             arena_printf(t->w->a, "mutation{agentHeartbeat(input:{id:\"%s\",runState:\"%s\"}){commands}}",
                          agent, state),
             "agentHeartbeat.commands");
    struct jval *commands = NULL;
    struct err e = { 0 };

    must(jval_from_json(t->w->a, str_of(answer), "commands", NULL, &commands, &e), &e);
    return commands;
}

static const char *next_run(struct api *t, const char *agent)
{
    const struct jval *commands = beat(t, agent, NULL);

    assert_int_equal(jval_len(commands), 1);
    is_text(jval_path(commands, "0.type"), "run");
    return jval_str(jval_path(commands, "0.run_id")).ptr;
}

static void logs(struct api *t, const char *run, const char *body)
{
    const char *url = arena_printf(t->w->a, "%s/files/ann/p/%s/file_stream", t->base, run);

    assert_int_equal(request(t, "POST", url, t->ann, body).status, 200);
}

static const char *state_of(struct api *t, const char *sweep)
{
    return text(t,
                arena_printf(t->w->a,
                             "{project(entityName:\"ann\",name:\"p\"){sweep(sweepName:\"%s\"){state}}}",
                             sweep),
                "project.sweep.state");
}

static void set_state(struct api *t, const char *sweep, const char *state)
{
    const char *id = text(
        t,
        arena_printf(t->w->a, "{project(entityName:\"ann\",name:\"p\"){sweep(sweepName:\"%s\"){id}}}", sweep),
        "project.sweep.id");

    (void)data(t, t->ann,
               arena_printf(t->w->a, "mutation{upsertSweep(input:{id:\"%s\",state:\"%s\"}){sweep{name}}}", id,
                            state),
               "");
}

/* --- agents at once --- */

#define GRID                                                                                                 \
    "{method: grid, program: train.py, parameters: {a: {values: [1, 2, 3, 4]}, b: {values: [x, y, z]}}}"
enum { AGENTS = 4, POINTS = 12 };
struct crowd {
    struct api t;
    const char *sweep;
    const char *seen[POINTS];
    size_t len, exits;
};

static void work(void *arg)
{
    struct crowd *c = arg;
    const char *agent = agent_of(&c->t, c->sweep);

    for (int i = 0; i < 100; i++) {
        const struct jval *commands = beat(&c->t, agent, NULL);

        if (jval_len(commands) == 0)
            continue;
        if (str_is(jval_str(jval_path(commands, "0.type")), "exit")) {
            c->exits++;
            return;
        }
        assert_true(c->len < POINTS);
        is_text(jval_path(commands, "0.program"), "train.py");
        c->seen[c->len++] = jval_text(c->t.w->a, jval_path(commands, "0.args"), JVAL_COMPACT).ptr;
        logs(&c->t, jval_str(jval_path(commands, "0.run_id")).ptr, "{\"complete\":true,\"exitcode\":0}");
    }
}

static void crowd_test(struct world *w)
{
    struct group *g = group_new(w->io);
    struct crowd c = { .len = 0 };

    api_open(&c.t, w);
    c.sweep = sweep_of(&c.t, GRID);
    assert_string_equal(state_of(&c.t, c.sweep), "PENDING");
    for (int i = 0; i < AGENTS; i++)
        group_spawn(g, "agent", work, &c);
    group_wait(g);
    group_free(g);
    assert_int_equal(c.exits, AGENTS);
    assert_int_equal(c.len, POINTS);
    for (size_t i = 0; i < POINTS; i++)
        for (size_t k = 0; k < i; k++)
            assert_string_not_equal(c.seen[i], c.seen[k]);
    assert_string_equal(state_of(&c.t, c.sweep), "FINISHED");
    api_close(&c.t);
}

static void agents_at_once_go_through_a_grid_once(void **state)
{
    world_run(crowd_test);
}

/* --- states --- */

static void states_test(struct world *w)
{
    struct api t;
    const char *sweep, *agent, *run;

    api_open(&t, w);
    sweep = sweep_of(&t, GRID);
    agent = agent_of(&t, sweep);
    run = next_run(&t, agent);
    assert_int_equal(jval_len(beat(&t, agent, run)), 0); /* one at a time */
    set_state(&t, sweep, "PAUSED");
    assert_int_equal(jval_len(beat(&t, agent, NULL)), 0);
    set_state(&t, sweep, "RUNNING");
    run = next_run(&t, agent);
    set_state(&t, sweep, "FINISHED"); /* what `wandb sweep --stop` says */
    assert_int_equal(jval_len(beat(&t, agent, run)), 0);
    is_text(jval_path(beat(&t, agent, NULL), "0.type"), "exit");
    set_state(&t, sweep, "RUNNING");
    set_state(&t, sweep, "CANCELLED"); /* the other spelling */
    assert_string_equal(state_of(&t, sweep), "CANCELED");
    is_text(jval_path(beat(&t, agent, run), "0.type"), "exit");
    api_close(&t);
}

static void states_say_what_agents_are_told(void **state)
{
    world_run(states_test);
}

static void wrong_test(struct world *w)
{
    struct api t;
    const struct jval *answer;
    int status = 0;

    api_open(&t, w);
    answer = ask(
        &t, t.ann, &status,
        "mutation{upsertSweep(input:{projectName:\"p\",config:\"{method: grid, parameters: {lr: {min: 0.1,"
        " max: 0.2}}}\"}){sweep{name}}}");
    assert_int_equal(status, 400);
    assert_non_null(
        strstr(jval_str(jval_path(answer, "errors.0.message")).ptr, "parameters.lr has no end of values"));
    answer = ask(&t, t.ann, &status, "mutation{agentHeartbeat(input:{id:\"nobody\"}){commands}}");
    assert_int_equal(status, 404); /* which tells clients that the sweep is gone */
    answer = ask(&t, t.ann, &status,
                 "mutation{upsertSweep(input:{projectName:\"p\",state:\"BUSY\",config:\"{method: custom}\"})"
                 "{sweep{name}}}");
    assert_int_equal(status, 400);
    api_close(&t);
}

static void what_is_wrong_is_said_when_the_sweep_is_made(void **state)
{
    world_run(wrong_test);
}

/* --- hyperband --- */

#define HYPERBAND                                                                                            \
    "{method: random, metric: {name: loss}, early_terminate: {type: hyperband, min_iter: 2, eta: 2},"        \
    " parameters: {x: {min: 0.0, max: 1.0}}}"

/* Twice the same loss, at lines 0 and 1. */
static void logs_twice(struct api *t, const char *run, double loss)
{
    logs(t, run,
         arena_printf(t->w->a,
                      "{\"files\":{\"wandb-history.jsonl\":{\"offset\":0,\"content\":[\"{\\\"loss\\\":%g}\","
                      "\"{\\\"other\\\":1}\",\"{\\\"loss\\\":%g}\"]}}}",
                      loss, loss));
}

static void hyperband_test(struct world *w)
{
    struct api t;
    const struct jval *commands;
    const char *sweep, *good, *bad, *good_run, *bad_run;

    api_open(&t, w);
    sweep = sweep_of(&t, HYPERBAND);
    good = agent_of(&t, sweep);
    bad = agent_of(&t, sweep);
    good_run = next_run(&t, good);
    bad_run = next_run(&t, bad);
    logs_twice(&t, good_run, 0.5);
    assert_int_equal(jval_len(beat(&t, good, good_run)), 0);
    logs(&t, bad_run,
         "{\"files\":{\"wandb-history.jsonl\":{\"offset\":0,\"content\":[\"{\\\"loss\\\":0.9}\"]}}}");
    assert_int_equal(jval_len(beat(&t, bad, bad_run)), 0); /* not at the band yet */
    logs_twice(&t, bad_run, 0.9);
    for (int i = 0; i < 2; i++) { /* until it has ended */
        commands = beat(&t, bad, bad_run);
        is_text(jval_path(commands, "0.type"), "stop");
        is_text(jval_path(commands, "0.run_id"), bad_run);
    }
    assert_int_equal(jval_len(beat(&t, good, good_run)), 0);
    logs(&t, bad_run, "{\"complete\":true,\"exitcode\":1}");
    assert_string_not_equal(next_run(&t, bad), bad_run);
    api_close(&t);
}

static void hyperband_stops_the_worse_half(void **state)
{
    world_run(hyperband_test);
}

static void target_test(struct world *w)
{
    struct api t;
    const char *sweep, *agent, *run;

    api_open(&t, w);
    sweep = sweep_of(
        &t, "{method: bayes, metric: {name: acc, goal: maximize, target: 0.9}, parameters: {x: {min: 0.0,"
            " max: 1.0}}}");
    agent = agent_of(&t, sweep);
    run = next_run(&t, agent);
    logs(
        &t, run,
        "{\"files\":{\"wandb-summary.json\":{\"offset\":0,\"content\":[\"{\\\"acc\\\":0.5}\"]}},\"complete\":"
        "true,\"exitcode\":0}");
    run = next_run(&t, agent);
    logs(&t, run,
         "{\"files\":{\"wandb-summary.json\":{\"offset\":0,\"content\":[\"{\\\"acc\\\":0.95}\"]}},"
         "\"complete\":true,\"exitcode\":0}");
    is_text(jval_path(beat(&t, agent, NULL), "0.type"), "exit");
    assert_string_equal(state_of(&t, sweep), "FINISHED");
    api_close(&t);
}

static void a_target_that_is_reached_ends_the_sweep(void **state)
{
    world_run(target_test);
}

/* --- on Launch --- */

static void launch_test(struct world *w)
{
    struct api t;
    const struct jval *item;
    const char *sweep, *agent, *run;

    api_open(&t, w);
    (void)data(
        &t, t.ann,
        "mutation{createRunQueue(input:{entityName:\"ann\",projectName:\"model-registry\",queueName:\"q\","
        "access:PROJECT}){success}}",
        "");
    sweep = text(
        &t,
        "mutation{upsertSweep(input:{entityName:\"ann\",projectName:\"p\",state:\"PENDING\",config:\"{method:"
        " grid, parameters: {a: {values: "
        "[1]}}}\",templateVariableValues:\"null\",launchScheduler:\"{\\\"queue"
        "\\\":\\\"q\\\",\\\"run_queue_project\\\":\\\"model-registry\\\",\\\"run_spec\\\":\\\"{\\\\\\\"run_id"
        "\\\\\\\":\\\\\\\"WANDB_SWEEP_ID\\\\\\\",\\\\\\\"name\\\\\\\":\\\\\\\"Scheduler.WANDB_SWEEP_"
        "ID\\\\\\\",\\\\\\\"overrides\\\\\\\":{\\\\\\\"args\\\\\\\":[\\\\\\\"'q'\\\\\\\",\\\\\\\"'a "
        "b'\\\\\\\",\\\\\\\"--x\\\\\\\"]}}"
        "\\\"}\"}){sweep{name}}}",
        "upsertSweep.sweep.name");
    item = data(
        &t, t.ann,
        "mutation{popFromRunQueue(input:{entityName:\"ann\",projectName:\"model-registry\",queueName:\"q\"})"
        "{runSpec}}",
        "popFromRunQueue.runSpec");
    is_text(jval_get(item, "run_id"), sweep);
    is_text(jval_get(item, "name"), arena_printf(w->a, "Scheduler.%s", sweep));
    is_text(jval_path(item, "overrides.args.0"), "q");
    is_text(jval_path(item, "overrides.args.1"), "'a b'"); /* a shell would take it apart */
    is_text(jval_path(item, "overrides.args.2"), "--x");
    agent = agent_of(&t, sweep);
    run = next_run(&t, agent);
    assert_int_equal(jval_len(beat(&t, agent, NULL)), 0); /* an exit would end the run that goes on */
    assert_string_equal(state_of(&t, sweep), "RUNNING");
    logs(&t, run, "{\"complete\":true,\"exitcode\":0}");
    assert_int_equal(jval_len(beat(&t, agent, NULL)), 0);
    assert_string_equal(state_of(&t, sweep), "FINISHED");
    api_close(&t);
}

static void a_scheduler_is_pushed_and_never_told_to_exit_while_runs_go(void **state)
{
    world_run(launch_test);
}

/* --- nobody asks --- */

static void wait_min(struct api *t, int64_t minutes)
{
    struct err e = { 0 };

    must(io_sleep(t->w->io, minutes * 60000, &e), &e);
}

static void rest_test(struct world *w)
{
    struct api t;
    const char *random, *grid, *busy, *agent, *busy_agent, *busy_run;

    api_open(&t, w);
    random = sweep_of(&t, "{method: random, parameters: {x: {min: 0.0, max: 1.0}}}");
    agent = agent_of(&t, random);
    (void)next_run(&t, agent); /* which never starts */
    grid = sweep_of(&t, "{method: grid, parameters: {x: {values: [1]}}}");
    logs(&t, next_run(&t, agent_of(&t, grid)), "{\"complete\":true,\"exitcode\":0}");
    busy = sweep_of(&t, "{method: random, parameters: {x: {min: 0.0, max: 1.0}}}");
    busy_agent = agent_of(&t, busy);
    busy_run = next_run(&t, busy_agent);
    for (int i = 0; i < 9; i++) {
        wait_min(&t, 1);
        logs(&t, busy_run, "{}");
    }
    assert_string_equal(state_of(&t, random), "RUNNING"); /* an agent may be away for a while */
    assert_string_equal(state_of(&t, grid), "RUNNING");
    for (int i = 0; i < 4; i++) {
        wait_min(&t, 1);
        logs(&t, busy_run, "{}");
    }
    assert_string_equal(state_of(&t, random), "PENDING");
    assert_string_equal(state_of(&t, grid), "FINISHED");
    assert_string_equal(state_of(&t, busy), "RUNNING"); /* its run goes on without the agent */
    is_text(data(&t, t.ann, "{project(entityName:\"ann\",name:\"p\"){runs(first:9){edges{node{state}}}}}",
                 "project.runs.edges.2.node.state"),
            "crashed");
    assert_int_equal(jval_len(beat(&t, agent, NULL)), 1); /* it goes on where it was */
    assert_string_equal(state_of(&t, random), "RUNNING");
    wait_min(&t, 16); /* the run falls silent, and then nobody has asked for long */
    assert_string_equal(state_of(&t, busy), "PENDING");
    api_close(&t);
}

static void a_sweep_that_nobody_asks_any_more_waits_or_is_finished(void **state)
{
    world_run(rest_test);
}

static const char *launched(struct api *t, const char *config)
{
    const char *spec = "{\\\"queue\\\":\\\"q\\\",\\\"run_queue_project\\\":\\\"model-registry\\\","
                       "\\\"run_spec\\\":\\\"{}\\\"}";

    (void)data(t, t->ann,
               "mutation{createRunQueue(input:{entityName:\"ann\",projectName:\"model-registry\",queueName:"
               "\"q\",access:PROJECT}){success}}",
               "");
    return text(t,
                arena_printf(t->w->a,
                             "mutation{upsertSweep(input:{entityName:\"ann\",projectName:\"p\",config:\"%s\","
                             "launchScheduler:\"%s\"}){sweep{name}}}",
                             config, spec),
                "upsertSweep.sweep.name");
}

static bool is_told_to_stop(struct api *t, const char *run)
{
    const char *url = arena_printf(t->w->a, "%s/files/ann/p/%s/file_stream", t->base, run);

    return str_find(request(t, "POST", url, t->ann, "{}").body, STR("\"stopped\":true")) >= 0;
}

static void busy_workers_test(struct world *w)
{
    struct api t;
    const char *sweep, *good, *bad;
    struct err e = { 0 };

    api_open(&t, w);
    sweep = launched(&t, HYPERBAND);
    good = next_run(&t, agent_of(&t, sweep));
    bad = next_run(&t, agent_of(&t, sweep));
    logs_twice(&t, good, 0.5);
    must(io_sleep(w->io, 20000, &e), &e);
    logs_twice(&t, bad, 0.9);
    must(io_sleep(w->io, 20000, &e), &e);
    assert_true(is_told_to_stop(&t, bad));
    assert_false(is_told_to_stop(&t, good));
    api_close(&t);
}

static void a_run_on_launch_is_stopped_early_while_no_worker_is_free(void **state)
{
    world_run(busy_workers_test);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agents_at_once_go_through_a_grid_once),
        cmocka_unit_test(states_say_what_agents_are_told),
        cmocka_unit_test(what_is_wrong_is_said_when_the_sweep_is_made),
        cmocka_unit_test(hyperband_stops_the_worse_half),
        cmocka_unit_test(a_target_that_is_reached_ends_the_sweep),
        cmocka_unit_test(a_scheduler_is_pushed_and_never_told_to_exit_while_runs_go),
        cmocka_unit_test(a_sweep_that_nobody_asks_any_more_waits_or_is_finished),
        cmocka_unit_test(a_run_on_launch_is_stopped_early_while_no_worker_is_free),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
