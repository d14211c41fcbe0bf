/* tests/unit/agent/agent_world.c: see agent_world.h. */
#include "agent_world.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"

struct world world;

/* --- the agent's machine -------------------------------------------------------------------------------- */

static void run_agent(struct io *io, void *arg)
{
    const char *const queues[] = { "q", world.two_queues ? "r" : NULL, NULL };
    AUTO_PTR(secret) key = secret_new(STR(KEY));
    AUTO_PTR(wandb)
    w = wandb_new(io, &(struct wandb_options){
                          .base_url = "http://server:80", .api_key = key, .user_agent_version = "test" });
    const struct agent_options o = { .state_dir = world.dir,
                                     .home = "machine:state",
                                     .entity = "ent",
                                     .queues = queues,
                                     .max_jobs = world.max_jobs,
                                     .max_schedulers = world.max_schedulers,
                                     .policies = world.policies,
                                     .config_json = "{}",
                                     .version = "test",
                                     .fast_and_unsafe_db = true,
                                     .wandb = w };
    struct agent *a = NULL;

    cloud.io = io;
    world.agent_rc = agent_new(io, &o, &a, &world.agent_err);
    world.running = a;
    if (!world.agent_rc)
        world.agent_rc = agent_run(a, &world.agent_err);
    world.running = NULL;
    agent_free(a);
    world.agent_ended = true;
}

static void no_log(void *ctx, enum log_level level, const char *event, const char *pairs)
{
    if (getenv("AGENT_TEST_LOG"))
        fprintf(stderr, "%9lld %s %s\n", (long long)(world.sim ? sim_now_ms(world.sim) : 0), event, pairs);
}

int set_up(void **state)
{
    log_set_sink(no_log, NULL);
    memset(&queue, 0, sizeof(queue));
    memset(&cloud, 0, sizeof(cloud));
    memset(&world, 0, sizeof(world));
    queue.own_server = true;
    world.max_jobs = 2;
    folder_make(world.dir);
    world.sim = queue.sim = sim_new(11);
    world.server = sim_node_new(world.sim, "server");
    world.agent = sim_node_new(world.sim, "agent");
    sim_node_start(world.server, queue_server_main, NULL);
    return 0;
}

int tear_down(void **state)
{
    sim_free(world.sim);
    world.sim = NULL;
    folder_remove(world.dir);
    log_set_sink(NULL, NULL);
    return 0;
}

void push(const char *spec)
{
    struct item *it = &queue.items[queue.count++];

    it->spec = spec;
    snprintf(it->state, sizeof(it->state), "PENDING");
}

void boot(void)
{
    sim_node_start(world.agent, run_agent, NULL);
}

void run_until(bool (*done)(void))
{
    int64_t end = sim_now_ms(world.sim) + 2 * HOUR_MS;

    for (long steps = 0; !done(); steps++) {
        if (steps > 3000000 || sim_now_ms(world.sim) > end || !sim_step(world.sim))
            fail_msg("it did not come to that: item 0 is %s, %d jobs, %d creates", queue.items[0].state,
                     cloud.count, cloud.creates);
        if (cloud_live_jobs() > world.live_max)
            world.live_max = cloud_live_jobs();
    }
}

void run_for(int64_t ms)
{
    int64_t end = sim_now_ms(world.sim) + ms;

    while (sim_now_ms(world.sim) < end && sim_step(world.sim))
        continue;
}

void lose_the_disk(void)
{
    sim_node_kill(world.agent);
    run_for(5000);
    folder_remove(world.dir);
    folder_make(world.dir);
    boot();
}

bool has_job(void)
{
    return cloud.count > 0;
}

bool all_reported(void)
{
    for (size_t i = 0; i < queue.count; i++)
        if (!queue.items[i].reports)
            return false;
    return true;
}

bool ended(void)
{
    return world.agent_ended;
}

void assert_item(size_t i, const char *state, const char *message)
{
    assert_string_equal(queue.items[i].state, state);
    if (!strstr(queue.items[i].message, message))
        fail_msg("item %zu: \"%s\" does not say \"%s\"", i, queue.items[i].message, message);
    assert_int_equal(queue.items[i].reports, 1);
}

bool no_live_jobs(void)
{
    return cloud_live_jobs() == 0;
}

void start_job(void)
{
    push(SPEC);
    boot();
    run_until(has_job);
}

void end_job(void)
{
    cloud_set_state(0, "SUCCEEDED", NULL);
    run_until(all_reported);
    assert_item(0, "FINISHED", "");
}
