/*
 * tests/unit/agent/test_moments.c: lives of launches in which the agent is drained or killed at some moment,
 * spread over the whole life, and started again: the item ends as if nothing had been, and never has two
 * jobs.
 */
#include <limits.h>
#include <stdio.h>

#include "agent_world.h"
#include "launch/phase.h"

enum { MOMENTS = 40, MAX_STEPS = 100000, PENDING_MS = 4000, ALIVE_MS = 13000 };

struct life {
    void (*prepare)(void);
    const char *end, *error; /* of the first job; a further one succeeds */
    bool never_runs;         /* the first job ends before its program begins */
    const char *item_state, *message;
    int jobs;  /* how many are made in all */
    bool stop; /* somebody asks for its end once it runs, and it does not end before */
};
static const struct life *life;
static int64_t seen_ms[CLOUD_MAX_JOBS]; /* when a job was there first */

/* --- what happens by itself ----------------------------------------------------------------------------- */

static void turn_job(int i)
{
    bool first = i == 0, runs = strcmp(cloud.jobs[i].state, "JOB_STATE_RUNNING") == 0;
    int64_t now = sim_now_ms(world.sim), age;

    seen_ms[i] = seen_ms[i] ? seen_ms[i] : now;
    age = now - seen_ms[i];
    queue.items[0].stop_asked = queue.items[0].stop_asked || (life->stop && runs);
    if ((age > ALIVE_MS && !life->stop) || (first && life->never_runs && age > PENDING_MS))
        cloud_set_state(i, first ? life->end : "SUCCEEDED", first ? life->error : NULL);
    else if (age > PENDING_MS && !runs)
        cloud_set_state(i, "RUNNING", NULL);
}

static bool is_over(void)
{
    for (int i = 0; i < cloud.count; i++)
        if (!vertex_status_is_ended(vertex_status_parse(str_of(cloud.jobs[i].state))))
            turn_job(i);
    return all_reported();
}

/* Up to @max steps of the life; how many there were. */
static int live(int max)
{
    int steps = 0;

    while (steps < max && !is_over()) {
        if (steps++ == MAX_STEPS || !sim_step(world.sim))
            fail_msg("it does not end: the item is %s, %d jobs", queue.items[0].state, cloud.count);
        if (cloud_live_jobs() > world.live_max)
            world.live_max = cloud_live_jobs();
    }
    return steps;
}

static void begin(void **state)
{
    tear_down(state);
    set_up(state);
    memset(seen_ms, 0, sizeof(seen_ms));
    if (life->prepare)
        life->prepare();
    if (!queue.count)
        push(SPEC);
    if (!sim_node_is_up(world.agent))
        boot();
}

/* --- the moments ---------------------------------------------------------------------------------------- */

static void drain(void)
{
    int64_t begun = sim_now_ms(world.sim);

    if (!world.running) /* not yet */
        return;
    world.agent_ended = false; /* another one may have been killed */
    agent_drain(world.running);
    run_until(ended);
    assert_int_equal(world.agent_rc, 0);
    assert_in_range(sim_now_ms(world.sim) - begun, 0, 10000);
    boot();
}

static void kill_it(void)
{
    sim_node_kill(world.agent);
    world.running = NULL;
    boot();
}

static void check_end(int moment)
{
    if (strcmp(queue.items[0].state, life->item_state) || !strstr(queue.items[0].message, life->message))
        fail_msg("moment %d: %s: %s", moment, queue.items[0].state, queue.items[0].message);
    if (world.live_max > 1 || cloud.count != life->jobs)
        fail_msg("moment %d: %d jobs, %d at once", moment, cloud.count, world.live_max);
}

static void interrupt_at_each_moment(void **state, const struct life *l)
{
    void (*const ways[])(void) = { drain, kill_it };
    int steps;

    life = l;
    begin(state);
    steps = live(INT_MAX);
    check_end(-1);
    for (int moment = 0; moment < MOMENTS; moment++)
        for (size_t way = 0; way < ARRAY_LEN(ways); way++) {
            begin(state);
            live(steps * moment / MOMENTS);
            ways[way]();
            live(INT_MAX);
            check_end(moment);
        }
}

/* --- lives ---------------------------------------------------------------------------------------------- */

static void on_a_wandb_server(void)
{
    queue.own_server = false;
    cloud.log_text = "Traceback";
}

static void with_a_lost_answer(void)
{
    cloud.lose_answers = 1;
}

static void with_a_bad_network(void)
{
    queue.lose_acks = 1;
    queue.answer_429 = 2;
    cloud.refuse_creates = 1;
}

static void a_job_that_goes_well(void **state)
{
    interrupt_at_each_moment(state, &(struct life){ NULL, "SUCCEEDED", NULL, false, "FINISHED", "", 1 });
}

static void a_job_that_fails_without_a_word(void **state)
{
    interrupt_at_each_moment(
        state, &(struct life){ NULL, "FAILED", NULL, false, "FAILED", "without giving a reason", 1 });
}

static void a_job_whose_run_never_comes_to_the_server(void **state)
{
    interrupt_at_each_moment(state, &(struct life){ on_a_wandb_server, "SUCCEEDED", NULL, false, "FAILED",
                                                    "failed to call wandb.init", 1 });
}

static void a_job_that_fails_with_evidence(void **state)
{
    interrupt_at_each_moment(
        state, &(struct life){ on_a_wandb_server, "FAILED", "boom", false, "FAILED", "boom", 1 });
}

static void a_create_without_an_answer(void **state)
{
    interrupt_at_each_moment(
        state, &(struct life){ with_a_lost_answer, "SUCCEEDED", NULL, false, "FINISHED", "", 1 });
}

static void a_network_that_fails_now_and_then(void **state)
{
    interrupt_at_each_moment(
        state, &(struct life){ with_a_bad_network, "SUCCEEDED", NULL, false, "FINISHED", "", 1 });
}

static void after_a_takeover(void)
{
    queue.fences = true;
    start_job();
    run_for(10000);
    queue.items[0].taken_over = true;
    snprintf(queue.items[0].state, sizeof(queue.items[0].state), "PENDING");
    lose_the_disk();
}

static void a_job_of_another_agent(void **state)
{
    interrupt_at_each_moment(state,
                             &(struct life){ after_a_takeover, "SUCCEEDED", NULL, false, "FINISHED", "", 1 });
}

static void with_a_ladder(void)
{
    static const struct launch_rung rungs[2];
    static struct launch_policies policies;

    launch_policies_default(&policies);
    policies.all.rungs = rungs;
    policies.all.rung_count = ARRAY_LEN(rungs);
    world.policies = &policies;
}

static void a_job_that_is_to_stop(void **state)
{
    interrupt_at_each_moment(state, &(struct life){ NULL, "SUCCEEDED", NULL, false, "STOPPED",
                                                    "stopped on request", 1, .stop = true });
}

static void a_stock_out(void **state)
{
    interrupt_at_each_moment(state, &(struct life){ with_a_ladder, "FAILED",
                                                    "Resources are insufficient in region: us-central1.",
                                                    true, "FINISHED", "", 2 });
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LIFE(a_job_that_goes_well),
        LIFE(a_job_that_fails_without_a_word),
        LIFE(a_job_whose_run_never_comes_to_the_server),
        LIFE(a_job_that_fails_with_evidence),
        LIFE(a_create_without_an_answer),
        LIFE(a_network_that_fails_now_and_then),
        LIFE(a_job_of_another_agent),
        LIFE(a_job_that_is_to_stop),
        LIFE(a_stock_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
