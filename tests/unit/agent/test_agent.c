/*
 * tests/unit/agent/test_agent.c: whole lives of launches, in the simulator: the real agent and W&B client, a
 * small queue server behind HTTP (fake_queue.h), and Vertex AI as a table (fake_google.h).
 */
#include <stdio.h>
#include <unistd.h>

#include "agent_world.h"
#include "base/log.h"

enum { SEEDS = 60 };

/* --- lives ---------------------------------------------------------------------------------------------- */

static void an_item_becomes_a_job_and_its_end_is_told(void **state)
{
    start_job();
    assert_non_null(strstr(cloud.wire, KEY));
    assert_string_equal(queue.items[0].state, "CLAIMED");
    cloud_set_state(0, "RUNNING", NULL);
    run_for(5000);
    cloud_set_state(0, "SUCCEEDED", NULL);
    run_until(all_reported);
    run_for(60000);
    assert_item(0, "FINISHED", "");
    assert_int_equal(cloud.creates, 1);
    assert_int_equal(queue.items[0].acks, 1);
}

static void a_failed_job_is_told_with_vertex_words(void **state)
{
    start_job();
    cloud_set_state(0, "FAILED", "The replica workerpool0-0 exited with a non-zero status of 3.");
    run_until(all_reported);
    assert_item(0, "FAILED", "status of 3");
    assert_string_equal(queue.items[0].stage, "run");
}

static void a_create_whose_answer_was_lost_is_found_again(void **state)
{
    cloud.lose_answers = 1;
    start_job();
    run_for(300000);
    assert_int_equal(cloud.creates, 1);
    end_job();
    assert_int_equal(cloud.count, 1);
}

static void of_a_create_that_ran_twice_one_job_is_left(void **state)
{
    cloud.twice = true;
    start_job();
    run_for(30000);
    assert_int_equal(cloud.count, 2);
    assert_int_equal(cloud_live_jobs(), 1);
    end_job();
}

static void an_item_that_somebody_else_has_is_let_go(void **state)
{
    queue.steal = true;
    push(SPEC);
    boot();
    run_for(120000);
    assert_int_equal(cloud.creates, 0);
    assert_int_equal(queue.items[0].reports, 0);
    queue.steal = false;
    push(SPEC);
    run_until(has_job);
}

static void an_ack_whose_answer_was_lost_is_known_to_be_ours(void **state)
{
    queue.lose_acks = 1;
    start_job();
    end_job();
    assert_int_equal(queue.items[0].acks, 2);
}

static void all_that_is_wrong_with_a_spec_is_told(void **state)
{
    push("{\"entity\":\"ent\",\"project\":\"proj\",\"docker\":{\"docker_image\":\"img:1\"},\"resource_args\":"
         "{\"vertex\":{\"spec\":{\"worker_pool_specs\":[{\"machine_spec\":{\"machine_typ\":\"x\"},"
         "\"container_spec\":{\"image_ur\":\"y\"}}]}}}}");
    boot();
    run_until(all_reported);
    assert_item(0, "FAILED", "machine_typ");
    assert_item(0, "FAILED", "image_ur");
    assert_string_equal(queue.items[0].stage, "agent");
    assert_int_equal(cloud.creates, 0);
}

static void a_project_that_cannot_be_asked_for_is_waited_for(void **state)
{
    push(SPEC_WITH(""));
    cloud.project_unknown = true;
    boot();
    run_for(600000);
    assert_int_equal(queue.items[0].reports, 0);
    assert_int_equal(queue.items[0].waits, 1);
    cloud.project_unknown = false;
    run_until(has_job);
    end_job();
}

static void warnings_are_told_once_and_the_job_runs(void **state)
{
    push(SPEC_WITH("\"overides\":{},\"git\":{\"branch\":\"b\"},"));
    cloud.refuse_creates = 2;
    boot();
    run_until(has_job);
    assert_int_equal(queue.items[0].warnings, 1);
    assert_non_null(strstr(queue.items[0].warning, "unknown key \"overides\" is not used"));
    assert_non_null(strstr(queue.items[0].warning, "; git: unknown key \"branch\""));
    assert_int_equal(queue.items[0].reports, 0);
}

static void an_item_without_a_flaw_draws_no_warning(void **state)
{
    start_job();
    assert_int_equal(queue.items[0].warnings, 0);
}

static void a_sweeps_scheduler_is_sent_where_it_can_run(void **state)
{
    push("{\"uri\":\"placeholder-uri-scheduler\",\"entity\":\"ent\",\"project\":\"proj\",\"docker\":{},"
         "\"git\":{},"
         "\"overrides\":{\"entry_point\":[\"wandb\",\"scheduler\",\"s1\"]},\"resource\":\"vertex\"}");
    boot();
    run_until(all_reported);
    assert_item(0, "FAILED", "the item is the scheduler of a sweep");
}

static void a_stop_request_ends_the_job(void **state)
{
    start_job();
    run_for(5000);
    queue.items[0].stop_asked = true;
    run_until(all_reported);
    assert_item(0, "STOPPED", "stopped on request");
    assert_int_equal(cloud_live_jobs(), 0);
}

/* A run that goes on after its script was asked is ended when the grace is over. */
static void a_stop_request_on_a_wandb_server_ends_the_job(void **state)
{
    queue.own_server = false;
    start_job();
    run_for(5000);
    queue.run_state = "running";
    queue.stop_runs = true;
    run_until(no_live_jobs);
}

static bool has_launch_fiber(void)
{
    AUTO_STRBUF struct strbuf fibers = STRBUF(64 * 1024);

    sim_fibers(world.sim, &fibers);
    return str_find(strbuf_str(&fibers), STR("launch")) >= 0;
}

/* Thousands of jobs may run: each is a row in memory, and no stack. */
static void a_job_that_runs_has_no_fiber_also_after_a_restart(void **state)
{
    start_job();
    assert_true(has_launch_fiber()); /* the create is being answered */
    cloud_set_state(0, "RUNNING", NULL);
    run_for(15000);
    assert_false(has_launch_fiber());
    sim_node_kill(world.agent);
    boot();
    run_for(15000);
    assert_false(has_launch_fiber());
    end_job();
}

static void a_new_agent_takes_up_what_a_killed_one_left(void **state)
{
    start_job();
    run_for(3000);
    sim_node_kill(world.agent);
    boot();
    run_for(60000);
    assert_int_equal(cloud.creates, 1);
    end_job();
}

static void an_agent_killed_in_a_create_finds_its_job(void **state)
{
    start_job();
    sim_node_kill(world.agent); /* the answer is on its way */
    boot();
    run_for(60000);
    assert_int_equal(cloud.count, 1);
    end_job();
}

static void a_job_of_a_lost_journal_is_found_by_its_home_on_a_wandb_server(void **state)
{
    queue.own_server = false;
    start_job();
    run_for(3000);
    lose_the_disk();
    run_for(120000);
    assert_int_equal(cloud.creates, 1);
    assert_int_equal(queue.items[0].acks, 1);
    cloud_set_state(0, "FAILED", "boom");
    run_until(all_reported);
    assert_item(0, "FAILED", "boom");
}

static bool two_jobs(void)
{
    return cloud.count == 2;
}

static void a_new_journal_takes_nothing_before_it_has_looked_for_the_jobs_of_a_lost_one(void **state)
{
    queue.own_server = false;
    world.max_jobs = 1;
    start_job();
    run_for(3000);
    push(SPEC);
    lose_the_disk();
    run_for(120000);
    assert_int_equal(cloud.creates, 1);
    cloud_set_state(0, "FAILED", "boom");
    run_until(two_jobs);
    assert_int_equal(world.live_max, 1);
}

static void a_job_of_a_lost_journal_whose_item_has_ended_is_left_alone(void **state)
{
    queue.own_server = false;
    start_job();
    snprintf(queue.items[0].state, sizeof(queue.items[0].state), "FINISHED");
    run_for(3000);
    lose_the_disk();
    run_for(120000);
    cloud_set_state(0, "FAILED", "boom");
    run_for(120000);
    assert_int_equal(queue.items[0].reports, 0);
    assert_int_equal(cloud.cancels, 0);
}

static void an_outage_of_an_hour_loses_nothing(void **state)
{
    start_job();
    queue.down = cloud.down = true;
    cloud_set_state(0, "FAILED", "boom");
    push(SPEC);
    run_for(HOUR_MS);
    assert_int_equal(queue.items[0].reports, 0);
    assert_false(world.agent_ended);
    queue.down = cloud.down = false;
    run_until(two_jobs);
    cloud_set_state(1, "SUCCEEDED", NULL);
    run_until(all_reported);
    assert_item(0, "FAILED", "boom");
    assert_item(1, "FINISHED", "");
}

static void a_throttled_start_and_no_quota_are_waited_for(void **state)
{
    queue.answer_429 = 3;
    cloud.refuse_creates = 2;
    start_job();
    assert_int_equal(cloud.creates, 3);
    end_job();
}

static bool five_ended(void)
{
    for (int i = 0; i < cloud.count; i++)
        if (strcmp(cloud.jobs[i].state, "JOB_STATE_PENDING") == 0)
            cloud_set_state(i, cloud_live_jobs() > 1 ? "SUCCEEDED" : "RUNNING", NULL);
        else if (strcmp(cloud.jobs[i].state, "JOB_STATE_RUNNING") == 0 && cloud.lists % 7 == 6)
            cloud_set_state(i, "SUCCEEDED", NULL);
    return all_reported();
}

static void no_more_jobs_than_slots_live_at_once(void **state)
{
    for (int i = 0; i < 5; i++)
        push(SPEC);
    world.max_jobs = 1;
    boot();
    run_until(five_ended);
    assert_int_equal(cloud.creates, 5);
    assert_int_equal(world.live_max, 1);
}

static void an_idle_agent_polls_a_foreign_server_rarely(void **state)
{
    int before;

    queue.own_server = false;
    boot();
    run_for(60000);
    before = queue.requests;
    run_for(10 * 60 * 1000);
    /* A pop and a heartbeat each 10 s, and every other time a status: what the W&B agent sends. */
    assert_in_range(queue.requests - before, 100, 150);
}

static void on_a_wandb_server_a_run_that_never_appears_is_a_failure(void **state)
{
    queue.own_server = false;
    start_job();
    cloud_set_state(0, "SUCCEEDED", NULL);
    run_until(all_reported);
    assert_item(0, "FAILED", "The submitted job exited successfully but failed to call wandb.init");
    assert_string_equal(queue.items[0].stage, "run");
}

static void on_a_wandb_server_the_run_tells_its_own_end(void **state)
{
    queue.own_server = false;
    queue.run_state = "finished";
    start_job();
    cloud_set_state(0, "SUCCEEDED", NULL);
    run_for(120000);
    assert_int_equal(queue.items[0].reports, 0);
    agent_drain(world.running);
    run_until(ended);
    assert_int_equal(world.agent_rc, 0);
}

static void a_queue_that_does_not_exist_yet_is_waited_for(void **state)
{
    queue.is_missing = true;
    push(SPEC);
    boot();
    run_for(600000);
    assert_false(world.agent_ended);
    assert_string_equal(queue.items[0].state, "PENDING");
    queue.is_missing = false;
    run_until(has_job);
}

static void the_server_can_end_the_agent_and_jobs_run_on(void **state)
{
    start_job();
    run_for(3000);
    queue.stop_polling = true;
    run_until(ended);
    assert_int_equal(world.agent_rc, 0);
    assert_int_equal(cloud_live_jobs(), 1);
    assert_int_equal(queue.items[0].reports, 0);
}

/* Is @text in a file of the agent's? */
static bool is_on_disk(const char *text)
{
    return sim_node_disk_holds(world.agent, text);
}

static void a_key_in_the_spec_goes_to_the_job_and_not_into_the_journal(void **state)
{
    push(SPEC_WITH("\"_wandb_api_key\":\"fedcba9876543210fedcba9876543210fedcba98\","));
    boot();
    run_until(has_job);
    run_for(3000);
    assert_non_null(strstr(cloud.wire, "fedcba9876543210"));
    assert_null(strstr(cloud.wire, KEY));
    assert_true(is_on_disk("proj"));
    assert_false(is_on_disk("fedcba9876543210"));
    assert_false(is_on_disk(KEY));
}

static bool no_quota_met(void)
{
    return cloud.creates > 0;
}

static void a_key_in_the_spec_does_not_outlive_the_agent_and_the_item_is_told_so(void **state)
{
    push(SPEC_WITH("\"_wandb_api_key\":\"fedcba9876543210fedcba9876543210fedcba98\","));
    cloud.refuse_creates = 1000;
    boot();
    run_until(no_quota_met);
    sim_node_kill(world.agent);
    cloud.refuse_creates = 0;
    boot();
    run_until(all_reported);
    assert_item(0, "FAILED", "the item brought its own API key");
    assert_item(0, "FAILED", "queue the item again");
    assert_int_equal(cloud.count, 0);
}

static void a_job_with_its_own_key_outlives_the_agent_once_it_is_made(void **state)
{
    push(SPEC_WITH("\"_wandb_api_key\":\"fedcba9876543210fedcba9876543210fedcba98\","));
    boot();
    run_until(has_job);
    run_for(3000);
    sim_node_kill(world.agent);
    boot();
    run_for(60000);
    end_job();
    assert_int_equal(cloud.creates, 1);
}

static void the_author_is_not_named_beside_anothers_key(void **state)
{
    push(SPEC_WITH("\"author\":\"ann\",\"_wandb_api_key\":\"fedcba9876543210fedcba9876543210fedcba98\","));
    boot();
    run_until(has_job);
    assert_null(strstr(cloud.wire, "WANDB_USERNAME"));
}

#define ENV_SPEC(env)                                                                                        \
    "{\"entity\":\"ent\",\"project\":\"proj\",\"docker\":{\"docker_image\":\"img:1\"},"                      \
    "\"resource_args\":{\"vertex\":{\"spec\":{\"staging_bucket\":\"gs://b\",\"worker_pool_specs\":[{"        \
    "\"machine_spec\":{\"machine_type\":\"n1-standard-4\"},\"replica_count\":1,\"container_spec\":{"         \
    "\"image_uri\":\"img:1\",\"env\":[" env "]}}]}}}}"
#define SECRET_SPEC                                                                                          \
    ENV_SPEC("{\"name\":\"HF_TOKEN\",\"valueFrom\":{\"secretKeyRef\":{\"name\":\"projects/p/secrets/"        \
             "hf\"}}}")

static void a_secret_of_the_config_is_in_the_request_and_not_on_the_disk(void **state)
{
    cloud.secret = "hf_planted\"$(X)";
    push(SECRET_SPEC);
    boot();
    run_until(has_job);
    run_for(3000);
    assert_non_null(strstr(cloud.wire, "{\"name\":\"HF_TOKEN\",\"value\":\"hf_planted\\\"$$(X)\"}"));
    assert_true(is_on_disk("projects/p/secrets/hf/versions/latest"));
    assert_false(is_on_disk("hf_planted"));
    end_job();
}

static void a_secret_that_two_variables_want_is_read_once_and_its_fields_apart(void **state)
{
    cloud.secret = "whole";
    push(ENV_SPEC("{\"name\":\"A\",\"valueFrom\":{\"secretKeyRef\":{\"name\":\"s\"}}},"
                  "{\"name\":\"B\",\"valueFrom\":{\"secretKeyRef\":{\"name\":\"s\"}}},"
                  "{\"name\":\"C\",\"valueFrom\":{\"secretKeyRef\":{\"name\":\"s\",\"key\":\"user\"}}}"));
    boot();
    run_until(has_job);
    assert_non_null(strstr(cloud.wire,
                           "{\"name\":\"A\",\"value\":\"whole\"},{\"name\":\"B\",\"value\":\"whole\"},"
                           "{\"name\":\"C\",\"value\":\"user\"}"));
    assert_int_equal(cloud.secret_reads, 2);
}

static void a_secret_that_may_not_be_read_fails_the_item_and_is_named(void **state)
{
    push(SECRET_SPEC);
    boot();
    run_until(all_reported);
    assert_item(0, "FAILED",
                "variable HF_TOKEN: secret projects/p/secrets/hf/versions/latest: PERMISSION_DENIED");
    assert_item(0, "FAILED", "secretmanager.versions.access");
    assert_int_equal(cloud.creates, 0);
    assert_int_equal(cloud.lists, 0);
}

static void a_secret_manager_that_is_down_is_waited_for(void **state)
{
    cloud.secret = "later";
    cloud.secret_failures = 3;
    push(SECRET_SPEC);
    boot();
    run_until(has_job);
    assert_non_null(strstr(cloud.wire, "later"));
    assert_int_equal(cloud.secret_reads, 4);
    assert_int_equal(cloud.creates, 1);
    assert_int_equal(cloud.lists, 0);
}

static void a_secret_that_is_no_text_fails_the_item(void **state)
{
    cloud.secret = "\xff\xfe";
    push(SECRET_SPEC);
    boot();
    run_until(all_reported);
    assert_item(0, "FAILED", "is not UTF-8 text");
    assert_int_equal(cloud.creates, 0);
}

/* --- faults --------------------------------------------------------------------------------------------- */

static void jobs_move_on(void)
{
    for (int i = 0; i < cloud.count; i++)
        if (strcmp(cloud.jobs[i].state, "JOB_STATE_PENDING") == 0)
            cloud_set_state(i, "RUNNING", NULL);
        else if (strcmp(cloud.jobs[i].state, "JOB_STATE_RUNNING") == 0 && sim_random_unit(world.sim) < 0.02)
            cloud_set_state(i, i % 2 ? "FAILED" : "SUCCEEDED", i % 2 ? "boom" : NULL);
    cloud.lose_answers = sim_random_unit(world.sim) < 0.2;
    cloud.secret_failures = sim_random_unit(world.sim) < 0.2;
}

/* Half an hour of faults and kills, then peace. */
static void live_through(uint64_t seed)
{
    const struct sim_faults bad = { .delay_max_ms = 200,
                                    .drop_request = 0.05,
                                    .drop_reply = 0.05,
                                    .duplicate = 0.03,
                                    .answer_429 = 0.02,
                                    .answer_500 = 0.02,
                                    .answer_html = 0.01,
                                    .kill_node = 0.002 };
    int64_t next_ms = 0;

    sim_node_set_killable(world.agent, true);
    sim_set_faults(world.sim, &bad);
    for (long steps = 0; !all_reported(); steps++) {
        if (sim_now_ms(world.sim) > HOUR_MS / 2)
            sim_set_faults(world.sim, &(struct sim_faults){ 0 });
        if (!sim_node_is_up(world.agent))
            boot();
        if (sim_now_ms(world.sim) >= next_ms) {
            next_ms = sim_now_ms(world.sim) + 500;
            jobs_move_on();
        }
        if (steps > 2000000 || !sim_step(world.sim))
            fail_msg("seed %llu: not all items were reported", (unsigned long long)seed);
    }
    if (cloud.count != (int)queue.count)
        fail_msg("seed %llu: %d jobs for %zu items", (unsigned long long)seed, cloud.count, queue.count);
}

static void no_item_is_lost_or_doubled_under_faults_and_kills(void **state)
{
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        tear_down(state);
        set_up(state);
        sim_free(world.sim);
        world.sim = queue.sim = sim_new(seed);
        world.server = sim_node_new(world.sim, "server");
        world.agent = sim_node_new(world.sim, "agent");
        sim_node_start(world.server, queue_server_main, NULL);
        cloud.secret = "planted";
        for (int i = 0; i < 5; i++)
            push(i % 2 ? SECRET_SPEC : SPEC);
        boot();
        live_through(seed);
        assert_false(is_on_disk("planted"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LIFE(an_item_becomes_a_job_and_its_end_is_told),
        LIFE(a_failed_job_is_told_with_vertex_words),
        LIFE(a_create_whose_answer_was_lost_is_found_again),
        LIFE(of_a_create_that_ran_twice_one_job_is_left),
        LIFE(an_item_that_somebody_else_has_is_let_go),
        LIFE(an_ack_whose_answer_was_lost_is_known_to_be_ours),
        LIFE(all_that_is_wrong_with_a_spec_is_told),
        LIFE(a_project_that_cannot_be_asked_for_is_waited_for),
        LIFE(warnings_are_told_once_and_the_job_runs),
        LIFE(an_item_without_a_flaw_draws_no_warning),
        LIFE(a_sweeps_scheduler_is_sent_where_it_can_run),
        LIFE(a_stop_request_ends_the_job),
        LIFE(a_stop_request_on_a_wandb_server_ends_the_job),
        LIFE(a_job_that_runs_has_no_fiber_also_after_a_restart),
        LIFE(a_new_agent_takes_up_what_a_killed_one_left),
        LIFE(an_agent_killed_in_a_create_finds_its_job),
        LIFE(a_job_of_a_lost_journal_is_found_by_its_home_on_a_wandb_server),
        LIFE(a_new_journal_takes_nothing_before_it_has_looked_for_the_jobs_of_a_lost_one),
        LIFE(a_job_of_a_lost_journal_whose_item_has_ended_is_left_alone),
        LIFE(an_outage_of_an_hour_loses_nothing),
        LIFE(a_throttled_start_and_no_quota_are_waited_for),
        LIFE(no_more_jobs_than_slots_live_at_once),
        LIFE(an_idle_agent_polls_a_foreign_server_rarely),
        LIFE(on_a_wandb_server_a_run_that_never_appears_is_a_failure),
        LIFE(on_a_wandb_server_the_run_tells_its_own_end),
        LIFE(a_queue_that_does_not_exist_yet_is_waited_for),
        LIFE(the_server_can_end_the_agent_and_jobs_run_on),
        LIFE(a_key_in_the_spec_goes_to_the_job_and_not_into_the_journal),
        LIFE(a_key_in_the_spec_does_not_outlive_the_agent_and_the_item_is_told_so),
        LIFE(a_job_with_its_own_key_outlives_the_agent_once_it_is_made),
        LIFE(the_author_is_not_named_beside_anothers_key),
        LIFE(a_secret_of_the_config_is_in_the_request_and_not_on_the_disk),
        LIFE(a_secret_that_two_variables_want_is_read_once_and_its_fields_apart),
        LIFE(a_secret_that_may_not_be_read_fails_the_item_and_is_named),
        LIFE(a_secret_manager_that_is_down_is_waited_for),
        LIFE(a_secret_that_is_no_text_fails_the_item),
        LIFE(no_item_is_lost_or_doubled_under_faults_and_kills),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
