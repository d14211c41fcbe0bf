/*
 * tests/unit/agent/test_agent_queue.c: the agent's words to the queue: its states, files about failed items,
 * sweeps and their schedulers, several queues, outages.
 */
#include <stdio.h>
#include <string.h>

#include "agent_world.h"

#define SWEEP_SPEC SPEC_WITH("\"sweep_id\":\"s1\",")

/* The words in this order, whatever is between them. */
static void assert_told(const char *const words[])
{
    const char *at = queue.told;

    for (size_t i = 0; words[i]; i++) {
        const char *found = strstr(at, words[i]);

        if (!found)
            fail_msg("\"%s\" was not told, or too early: %s", words[i], queue.told);
        at = found + strlen(words[i]);
    }
}

static bool has_word(const char *word)
{
    return strstr(queue.told, word) != NULL;
}

/* --- states --------------------------------------------------------------------------------------------- */

static void each_state_is_told_and_the_last_is_killed(void **state)
{
    queue.run_state = "finished";
    boot();
    run_for(30000);
    push(SPEC);
    run_until(has_job);
    run_for(1000);
    assert_true(has_word("RUNNING")); /* at once, not with the next beat */
    run_for(30000);
    end_job();
    run_for(1000);
    assert_non_null(strstr(strstr(queue.told, "RUNNING"), "POLLING"));
    run_for(30000);
    push(SPEC);
    run_for(5000);
    agent_drain(world.running);
    run_until(ended);
    run_for(60000);
    assert_told((const char *const[]){ "createLaunchAgent", "POLLING", "pop:i0", "ackRunQueueItem", "RUNNING",
                                       "finishRunQueueItem", "POLLING", "pop:i1", "KILLED", NULL });
    assert_string_equal(strstr(queue.told, "KILLED"), "KILLED ");
}

/* --- files ---------------------------------------------------------------------------------------------- */

static void fail_on_wandb(void)
{
    queue.own_server = false;
    start_job();
    cloud_set_state(0, "FAILED", "The replica workerpool0-0 exited with a non-zero status of 3.");
    run_until(all_reported);
    assert_item(0, "FAILED", "status of 3");
}

static void on_a_wandb_server_a_failed_item_has_a_file_with_the_evidence(void **state)
{
    cloud.log_text = "ValueError: no such dataset";
    fail_on_wandb();
    run_for(60000);
    assert_told(
        (const char *const[]){ "UpsertBucket", "CreateRunFiles", "PUT", "stream", "failRunQueueItem", NULL });
    assert_string_equal(queue.items[0].files, "i0/error/error.log");
    assert_string_equal(queue.file_url, "/storage/i0/error/error.log");
    assert_false(queue.put_had_key);
    assert_true(queue.put_had_headers);
    assert_string_equal(queue.stream_url, "/files/ent/model-registry/n/file_stream");
    assert_non_null(strstr(queue.stream, "\"complete\":true,\"exitcode\":0"));
    assert_non_null(strstr(queue.file, "status of 3"));
    assert_non_null(strstr(queue.file, "ent/proj/"));
    assert_non_null(strstr(queue.file, cloud.jobs[0].name));
    assert_non_null(strstr(queue.file, " leased: taken\n"));
    assert_non_null(strstr(queue.file, "ValueError: no such dataset\n"));
    assert_null(strstr(queue.file, KEY));
}

static void a_log_that_may_not_be_read_is_said_to_be_so(void **state)
{
    fail_on_wandb();
    assert_non_null(strstr(queue.file, "(its log could not be read: logging.logEntries.list is not allowed"));
}

static void without_a_storage_the_item_fails_all_the_same(void **state)
{
    queue.no_storage = true;
    fail_on_wandb();
    assert_string_equal(queue.items[0].files, "");
    assert_told((const char *const[]){ "PUT", "stream", "failRunQueueItem", NULL });
}

static void our_own_server_gets_no_file_and_an_idle_agent_sends_none(void **state)
{
    start_job();
    cloud_set_state(0, "FAILED", "boom");
    run_until(all_reported);
    assert_false(has_word("UpsertBucket"));
    queue.own_server = false;
    run_for(600000);
    assert_false(has_word("UpsertBucket"));
}

/* --- sweeps --------------------------------------------------------------------------------------------- */

static void a_run_of_a_sweep_is_launched_while_the_sweep_goes_on(void **state)
{
    queue.own_server = false;
    queue.sweep_state = "PAUSED";
    push(SWEEP_SPEC);
    boot();
    run_until(has_job);
    assert_told((const char *const[]){ "ackRunQueueItem", "GetSweepState", NULL });
}

static void a_run_of_a_sweep_that_has_ended_is_not_launched(void **state)
{
    queue.own_server = false;
    queue.sweep_state = "CANCELED";
    push(SWEEP_SPEC);
    boot();
    run_until(all_reported);
    assert_item(0, "FAILED",
                "Launch agent picked up sweep job, but sweep (s1) was in a terminal state (CANCELED)");
    assert_string_equal(queue.items[0].stage, "agent");
    queue.sweep_state = NULL;
    push(SWEEP_SPEC);
    run_until(all_reported);
    assert_item(1, "FAILED", "was in a terminal state (None)");
    assert_int_equal(cloud.creates, 0);
}

static bool two_jobs(void)
{
    return cloud.count == 2;
}

static bool three_jobs(void)
{
    return cloud.count == 3;
}

static void schedulers_have_a_limit_of_their_own_and_one_too_many_is_held(void **state)
{
    world.max_jobs = 1;
    world.max_schedulers = 1;
    push(SCHEDULER_SPEC);
    push(SCHEDULER_SPEC);
    boot();
    run_until(has_job);
    run_for(600000); /* longer than a lease */
    assert_int_equal(cloud.count, 1);
    assert_string_equal(queue.items[1].state, "CLAIMED");
    assert_int_equal(queue.items[1].pops, 1);
    assert_int_equal(queue.items[1].waits, 1);
    assert_int_equal(queue.items[1].reports, 0);

    push(SPEC); /* a job has the one slot */
    run_until(two_jobs);
    sim_node_kill(world.agent);
    boot();
    run_for(300000);
    assert_int_equal(cloud.count, 2);
    cloud_set_state(0, "SUCCEEDED", NULL);
    run_until(three_jobs);
    assert_int_equal(queue.items[1].pops, 1);
    assert_string_equal(queue.items[0].state, "FINISHED");
}

static void a_scheduler_that_is_held_can_be_stopped(void **state)
{
    world.max_schedulers = 1;
    push(SCHEDULER_SPEC);
    push(SCHEDULER_SPEC);
    boot();
    run_until(has_job);
    run_for(60000);
    queue.items[1].stop_asked = true;
    run_for(20000);
    assert_item(1, "STOPPED", "stopped on request");
    assert_int_equal(cloud.count, 1);
}

static void an_agent_that_takes_no_schedulers_says_so(void **state)
{
    push(SCHEDULER_SPEC);
    boot();
    run_until(all_reported);
    assert_item(0, "FAILED", "takes none (max_schedulers: 0)");
}

/* --- several queues, outages ---------------------------------------------------------------------------- */

static bool jobs_end_at_once(void)
{
    for (int i = 0; i < cloud.count; i++)
        if (strcmp(cloud.jobs[i].state, "JOB_STATE_PENDING") == 0)
            cloud_set_state(i, "SUCCEEDED", NULL);
    return all_reported();
}

static void two_queues_take_turns_at_the_one_slot(bool own_server)
{
    queue.own_server = own_server;
    queue.run_state = "finished";
    world.two_queues = true;
    world.max_jobs = 1;
    for (int i = 0; i < 4; i++)
        push(SPEC);
    for (size_t i = 4; i < 8; i++) {
        push(SPEC);
        queue.items[i].queue = "r";
    }
    boot();
    if (own_server)
        run_until(jobs_end_at_once);
    else
        for (int i = 0; i < 600; i++) {
            (void)jobs_end_at_once();
            run_for(1000);
        }
    assert_int_equal(cloud.creates, 8);
    assert_in_range(world.live_max, own_server ? 1 : 0, 1); /* only run_until() counts them */
    /* whoever begins: after two pops of the first four, the other queue has had at least one */
    for (const char *at = strstr(queue.told, "pop:i"); at; at = strstr(at + 1, "pop:i")) {
        const char *next = strstr(at + 1, "pop:i");
        const char *third = next ? strstr(next + 1, "pop:i") : NULL;

        if (third && at[5] < '4' && next[5] < '4' && third[5] < '4')
            fail_msg("three of one queue in a row: %s", queue.told);
    }
}

static void two_queues_of_ours_are_served_in_turn(void **state)
{
    two_queues_take_turns_at_the_one_slot(true);
}

static void two_queues_of_wandbs_are_served_in_turn(void **state)
{
    two_queues_take_turns_at_the_one_slot(false);
}

static void a_long_outage_is_no_storm_and_all_goes_on_behind_it(bool own_server)
{
    int before;

    queue.own_server = own_server;
    queue.run_state = "finished";
    start_job();
    run_for(30000);
    queue.down = true;
    cloud_set_state(0, "SUCCEEDED", NULL);
    before = queue.requests;
    run_for(HOUR_MS);
    /* the heartbeat, the taker, the report and the questions about stops, each about once a minute; a W&B
     * agent that is idle sends 900 */
    assert_in_range(queue.requests - before, 100, 320);
    assert_false(world.agent_ended);
    queue.down = false;
    push(SPEC);
    run_for(120000);
    assert_int_equal(cloud.count, 2);
}

static void a_long_outage_of_our_server_is_no_storm(void **state)
{
    a_long_outage_is_no_storm_and_all_goes_on_behind_it(true);
    assert_item(0, "FINISHED", "");
}

static void a_long_outage_of_wandbs_server_is_no_storm(void **state)
{
    a_long_outage_is_no_storm_and_all_goes_on_behind_it(false);
}

/* --- more than can be made soon ------------------------------------------------------------------------- */

static int items_taken(void)
{
    int n = 0;

    for (size_t i = 0; i < queue.count; i++)
        n += queue.items[i].pops > 0;
    return n;
}

static bool all_have_jobs(void)
{
    return cloud.count == (int)queue.count;
}

static void no_more_is_taken_than_can_be_made_within_a_minute(void **state)
{
    world.max_jobs = -1;
    for (int i = 0; i < MAX_ITEMS; i++)
        push(SPEC);
    boot();
    run_for(8000);
    assert_in_range(items_taken() - cloud.count, 60, 64);
    run_until(all_have_jobs);
    assert_int_equal(cloud.creates, MAX_ITEMS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LIFE(each_state_is_told_and_the_last_is_killed),
        LIFE(on_a_wandb_server_a_failed_item_has_a_file_with_the_evidence),
        LIFE(a_log_that_may_not_be_read_is_said_to_be_so),
        LIFE(without_a_storage_the_item_fails_all_the_same),
        LIFE(our_own_server_gets_no_file_and_an_idle_agent_sends_none),
        LIFE(a_run_of_a_sweep_is_launched_while_the_sweep_goes_on),
        LIFE(a_run_of_a_sweep_that_has_ended_is_not_launched),
        LIFE(schedulers_have_a_limit_of_their_own_and_one_too_many_is_held),
        LIFE(a_scheduler_that_is_held_can_be_stopped),
        LIFE(an_agent_that_takes_no_schedulers_says_so),
        LIFE(two_queues_of_ours_are_served_in_turn),
        LIFE(two_queues_of_wandbs_are_served_in_turn),
        LIFE(a_long_outage_of_our_server_is_no_storm),
        LIFE(a_long_outage_of_wandbs_server_is_no_storm),
        LIFE(no_more_is_taken_than_can_be_made_within_a_minute),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
