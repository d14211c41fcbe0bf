/* tests/unit/agent/agent_world.h: the real agent in the simulator, a queue server and Vertex AI as tables
 * beside it, and how a test moves them on. */
#pragma once

#include "../test.h"
#include "agent/agent.h"
#include "fake_google.h"
#include "fake_queue.h"
#include "io/sim.h"

#define KEY "0123456789abcdef0123456789abcdef01234567"
#define POOL                                                                                                 \
    "{\"machine_spec\":{\"machine_type\":\"n1-standard-4\"},\"replica_count\":1,"                            \
    "\"container_spec\":{\"image_uri\":\"${image_uri}\"}}"
#define SPEC_WITH(more)                                                                                      \
    "{\"entity\":\"ent\",\"project\":\"proj\",\"docker\":{\"docker_image\":\"img:1\"}," more                 \
    "\"resource_args\":{\"vertex\":{\"spec\":{\"worker_pool_specs\":[" POOL "],"                             \
    "\"staging_bucket\":\"gs://b\"},\"run\":{}}}}"
#define SPEC SPEC_WITH("")
#define SCHEDULER_SPEC                                                                                       \
    SPEC_WITH("\"uri\":\"placeholder-uri-scheduler\",\"overrides\":{\"entry_point\":[\"wandb\","             \
              "\"scheduler\",\"s1\"]},")

struct world {
    struct sim *sim;
    struct sim_node *server, *agent;
    char dir[FOLDER_SIZE];
    int64_t max_jobs, max_schedulers;
    const struct launch_policies *policies; /* NULL: the default ones */
    bool two_queues;                        /* also "r" */
    bool agent_ended;
    int agent_rc;
    struct err agent_err;
    struct agent *running;
    int live_max;
};
extern struct world world;

int set_up(void **state); /* of each test; the agent is not started */
int tear_down(void **state);
#define LIFE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
void push(const char *spec);
void boot(void); /* starts the agent */
/** lose_the_disk() - the agent is killed, and starts anew on an empty disk after five seconds. */
void lose_the_disk(void);
/** run_until() - step until @done says so, for at most two hours of virtual time. */
void run_until(bool (*done)(void));
void run_for(int64_t ms);
bool has_job(void);
bool all_reported(void);
bool ended(void);
bool no_live_jobs(void);
/** assert_item() - its state and one report, whose message has @message in it. */
void assert_item(size_t i, const char *state, const char *message);
void start_job(void); /* one item, and its job at Vertex */
void end_job(void);   /* well, and it was told */
