/*
 * tests/unit/agent/test_trouble.c: lives of launches in which Vertex, the queue or a person does what is not
 * wished for: jobs deleted, cancelled or moved on behind the agent's back, words that come late, cancels that
 * fail, items that are somebody else's now.
 */
#include <stdio.h>

#include "agent_world.h"

enum { MINUTE_MS = 60000 };

static void run_job(void)
{
    start_job();
    cloud_set_state(0, "RUNNING", NULL);
    run_for(15000);
}

/* --- what Vertex says ----------------------------------------------------------------------------------- */

static void a_job_goes_through_all_states_that_are_no_end_and_holds_its_slot(void **state)
{
    static const char *const states[] = { "QUEUED",     "PENDING",  "RUNNING",     "UPDATING", "PAUSED",
                                          "CANCELLING", "OF_2031_", "UNSPECIFIED", "RUNNING" };

    world.max_jobs = 1;
    start_job();
    push(SPEC);
    for (size_t i = 0; i < ARRAY_LEN(states); i++) {
        cloud_set_state(0, states[i], NULL);
        run_for(2 * MINUTE_MS);
        assert_int_equal(queue.items[0].reports, 0);
        assert_int_equal(cloud.count, 1);
    }
    assert_int_equal(cloud.cancels, 0);
}

static bool two_jobs(void)
{
    return cloud.count == 2;
}

static void each_end_frees_the_slot_and_is_told(void **state)
{
    static const struct {
        const char *end, *item_state, *message;
    } rows[] = {
        { "SUCCEEDED", "FINISHED", "" },
        { "PARTIALLY_SUCCEEDED", "FINISHED", "" },
        { "FAILED", "FAILED", "without giving a reason" },
        { "EXPIRED", "FAILED", "JOB_STATE_EXPIRED without giving a reason" },
        { "CANCELLED", "STOPPED", "cancelled on Vertex AI" },
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        tear_down(state);
        set_up(state);
        world.max_jobs = 1;
        run_job();
        push(SPEC);
        cloud_set_state(0, rows[i].end, NULL);
        run_for(20000); /* also while a failure is still asked why */
        assert_true(two_jobs());
        cloud_set_state(1, "SUCCEEDED", NULL);
        run_until(all_reported);
        assert_item(0, rows[i].item_state, rows[i].message);
    }
}

static void the_words_for_a_failure_may_come_a_minute_late(void **state)
{
    run_job();
    cloud_set_state(0, "FAILED", NULL);
    run_for(45000);
    assert_int_equal(queue.items[0].reports, 0);
    cloud.jobs[0].error =
        "The replica workerpool0-0 ran out of memory and exited with a non-zero status of 137.";
    run_until(all_reported);
    assert_item(0, "FAILED", "ran out of memory");
}

static void a_job_that_is_deleted_has_failed(void **state)
{
    run_job();
    cloud.jobs[0].deleted = true;
    run_until(all_reported);
    assert_item(0, "FAILED", "the Vertex job was deleted before it ended");
    assert_int_equal(cloud.creates, 1);
}

static bool cancel_failed(void)
{
    return cloud.cancels == 1;
}

static int gets_before;

static bool asked_twice(void)
{
    return cloud.gets >= gets_before + 2;
}

static void a_job_that_is_not_found_for_a_while_lives_on(void **state)
{
    run_job();
    gets_before = cloud.gets;
    cloud.jobs[0].deleted = true; /* so says a proxy */
    run_until(asked_twice);
    cloud.jobs[0].deleted = false;
    run_for(5 * MINUTE_MS);
    assert_int_equal(queue.items[0].reports, 0);
    end_job();
    assert_int_equal(cloud.creates, 1);
}

static void a_job_that_is_deleted_while_it_is_stopped_is_stopped(void **state)
{
    run_job();
    cloud.fail_cancels = 1;
    queue.items[0].stop_asked = true;
    run_until(cancel_failed);
    cloud.jobs[0].deleted = true; /* the next cancel finds it gone */
    run_until(all_reported);
    assert_item(0, "STOPPED", "");
}

static void a_cancel_that_fails_is_sent_until_it_is_heard(void **state)
{
    run_job();
    cloud.fail_cancels = 4;
    queue.items[0].stop_asked = true;
    run_until(all_reported);
    assert_item(0, "STOPPED", "stopped on request");
    assert_int_equal(cloud.cancels, 5);
    assert_int_equal(cloud_live_jobs(), 0);
}

/* --- creates -------------------------------------------------------------------------------------------- */

static void of_two_jobs_of_a_lost_create_the_live_one_is_watched(void **state)
{
    cloud.lose_answers = 1;
    cloud.twice = true;
    push(SPEC);
    boot();
    run_until(has_job);
    cloud_set_state(0, "FAILED", "boom");
    run_for(2 * MINUTE_MS);
    assert_int_equal(cloud.creates, 1);
    assert_int_equal(cloud_live_jobs(), 1);
    assert_int_equal(queue.items[0].reports, 0);
    cloud_set_state(1, "SUCCEEDED", NULL);
    run_until(all_reported);
    assert_item(0, "FINISHED", "");
}

static void a_lost_create_whose_jobs_have_all_ended_is_not_made_again(void **state)
{
    cloud.lose_answers = 1;
    cloud.twice = true;
    push(SPEC);
    boot();
    run_until(has_job);
    cloud_set_state(0, "FAILED", "boom");
    cloud_set_state(1, "FAILED", "boom");
    run_until(all_reported);
    assert_item(0, "FAILED", "boom");
    assert_int_equal(cloud.creates, 1);
}

static void a_second_job_that_cannot_be_cancelled_at_once_is_cancelled_later(void **state)
{
    cloud.twice = true;
    cloud.fail_cancels = 2;
    start_job();
    run_for(5 * MINUTE_MS);
    assert_int_equal(cloud_live_jobs(), 1);
    assert_int_equal(cloud.cancels, 3);
}

static void a_region_that_does_not_exist_is_believed_in_the_end(void **state)
{
    cloud.nowhere = true;
    push(SPEC);
    boot();
    run_until(all_reported);
    assert_string_equal(queue.items[0].state, "FAILED");
    assert_int_equal(cloud.creates, 1);
    assert_true(cloud.lists > 1);
}

static bool five_jobs(void)
{
    return cloud.count == 5;
}

static void without_a_limit_all_items_run_at_once(void **state)
{
    world.max_jobs = -1;
    for (int i = 0; i < 5; i++)
        push(SPEC);
    boot();
    run_until(five_jobs);
    assert_int_equal(cloud_live_jobs(), 5);
}

/* --- the disk ------------------------------------------------------------------------------------------- */

static void set_disk_full(bool full)
{
    const struct sim_faults none = { 0 }, always = { .disk_full = 1, .disk_full_max_ms = 3600 * 1000 };

    sim_node_set_disk_faults(world.agent, full);
    sim_set_faults(world.sim, full ? &always : &none);
}

static void on_a_full_disk_nothing_is_taken(void **state)
{
    boot();
    run_for(15000);
    set_disk_full(true);
    push(SPEC);
    run_for(10 * MINUTE_MS);
    set_disk_full(false);
    assert_int_equal(cloud.creates, 0);
    assert_int_equal(queue.items[0].acks, 0);
    run_until(has_job);
    end_job();
}

static void on_a_full_disk_an_end_is_not_told_and_nothing_is_lost(void **state)
{
    int reports;

    run_job();
    set_disk_full(true);
    cloud_set_state(0, "SUCCEEDED", NULL);
    run_for(10 * MINUTE_MS);
    reports = queue.items[0].reports;
    set_disk_full(false);
    assert_int_equal(reports, 0);
    run_until(all_reported);
    assert_item(0, "FINISHED", "");
    assert_int_equal(cloud.creates, 1);
}

/* --- time ----------------------------------------------------------------------------------------------- */

static const struct launch_rung two_rungs[2];

static struct launch_policies policies(int64_t start_timeout_ms, int64_t deadline_ms)
{
    struct launch_policies p;

    launch_policies_default(&p);
    p.all.rungs = two_rungs;
    p.all.rung_count = 2;
    p.all.start_timeout_ms = start_timeout_ms;
    p.all.deadline_ms = deadline_ms;
    return p;
}

static bool popped(void)
{
    return queue.items[0].pops == 1;
}

static void an_item_whose_time_is_over_before_its_ack_may_be_anothers_by_then(void **state)
{
    const struct launch_policies p = policies(0, MINUTE_MS);

    queue.own_server = false;
    world.policies = &p;
    push(SPEC);
    boot();
    run_until(popped);
    queue.down = true;
    run_for(2 * MINUTE_MS);
    snprintf(queue.items[0].state, sizeof(queue.items[0].state), "FINISHED");
    snprintf(queue.items[0].run, sizeof(queue.items[0].run), "of-another");
    queue.down = false;
    run_for(5 * MINUTE_MS);
    assert_int_equal(queue.items[0].reports, 0);
    assert_string_equal(queue.items[0].state, "FINISHED");
}

static void a_job_that_does_not_start_goes_to_the_next_rung_and_then_fails(void **state)
{
    const struct launch_policies p = policies(2 * MINUTE_MS, 0);

    world.policies = &p;
    start_job();
    run_until(two_jobs);
    assert_int_equal(cloud_live_jobs(), 1);
    run_until(all_reported);
    assert_item(0, "FAILED", "did not start within 120 s");
    assert_int_equal(cloud.count, 2);
    assert_int_equal(cloud_live_jobs(), 0);
    assert_int_equal(world.live_max, 1);
}

/* The wall clock is not asked how long a job has waited: it may have been set while the agent was down. */
static void a_clock_that_was_set_ends_no_job_that_is_starting(void **state)
{
    const struct launch_policies p = policies(2 * MINUTE_MS, 0);

    world.policies = &p;
    start_job();
    run_for(5000);
    sim_node_kill(world.agent);
    sim_node_set_clock(world.agent, 78 * MINUTE_MS, 0);
    boot();
    run_for(MINUTE_MS);
    assert_int_equal(cloud_live_jobs(), 1);
    end_job();
    assert_int_equal(cloud.creates, 1);
}

/* But nothing waits for ever, when each life is long enough. */
static void a_job_that_does_not_start_after_a_restart_is_given_up_too(void **state)
{
    const struct launch_policies p = policies(2 * MINUTE_MS, 0);

    world.policies = &p;
    start_job();
    run_for(5000);
    sim_node_kill(world.agent);
    boot();
    run_until(two_jobs);
    run_until(all_reported);
    assert_item(0, "FAILED", "did not start within 120 s");
}

/* The words for its end come late, and only they tell that it had begun: no stock-out then, but a preemption.
 */
static void a_spot_job_that_ran_unseen_was_preempted(void **state)
{
    const struct launch_rung spot[] = { { .strategy = STR("SPOT") }, { .strategy = STR("SPOT") } };
    struct launch_policies p = policies(0, 0);

    p.all.rungs = spot;
    p.all.max_resumes = 0;
    world.policies = &p;
    start_job();
    run_for(5000);
    cloud_set_state(0, "FAILED", NULL);
    run_for(12000);
    cloud.jobs[0].started = true;
    cloud_set_state(0, "FAILED", "Resources are insufficient in region: us-central1.");
    run_until(all_reported);
    assert_item(0, "FAILED", "Resources are insufficient");
    assert_int_equal(cloud.creates, 1);
}

/* Its time to start runs out while its end is being written down, whenever the agent looked last. */
static void a_job_that_ends_just_before_it_had_to_start_is_followed_by_the_next(void **state)
{
    const struct launch_policies p = policies(2 * MINUTE_MS, 0);

    for (int64_t ends_ms = 100 * 1000; ends_ms < 2 * MINUTE_MS; ends_ms += 2000) {
        tear_down(state);
        set_up(state);
        world.policies = &p;
        start_job();
        run_for(ends_ms);
        set_disk_full(true);
        cloud_set_state(0, "FAILED", "Resources are insufficient in region: us-central1.");
        run_for(2 * MINUTE_MS + 5000 - ends_ms);
        set_disk_full(false);
        run_until(two_jobs);
        cloud_set_state(1, "SUCCEEDED", NULL);
        run_until(all_reported);
        assert_item(0, "FINISHED", "");
    }
}

static void a_job_whose_time_is_over_is_ended_and_the_item_fails(void **state)
{
    const struct launch_policies p = policies(0, 10 * MINUTE_MS);

    world.policies = &p;
    run_job();
    run_for(9 * MINUTE_MS);
    assert_int_equal(cloud_live_jobs(), 1);
    run_until(all_reported);
    assert_item(0, "FAILED", "did not end within 600 s of being taken");
    assert_int_equal(cloud_live_jobs(), 0);
    assert_int_equal(cloud.count, 1);
}

static void a_job_that_fails_while_its_time_is_over_keeps_the_first_reason(void **state)
{
    const struct launch_policies p = policies(0, 10 * MINUTE_MS);

    world.policies = &p;
    cloud.fail_cancels = 1;
    run_job();
    run_until(cancel_failed);
    cloud_set_state(0, "FAILED", "boom");
    run_until(all_reported);
    assert_item(0, "FAILED", "did not end within 600 s of being taken");
}

static void a_launch_whose_time_is_over_while_it_waits_fails(void **state)
{
    const struct launch_policies p = policies(0, 10 * MINUTE_MS);

    world.policies = &p;
    cloud.refuse_creates = 1000;
    push(SPEC);
    boot();
    run_until(all_reported);
    assert_item(0, "FAILED", "did not end within 600 s of being taken");
    assert_int_equal(cloud.count, 0);
}

/* --- whose is it ---------------------------------------------------------------------------------------- */

static void after_a_silence_an_item_that_is_another_s_is_let_go_with_its_job(void **state)
{
    queue.fences = true;
    run_job();
    queue.down = true;
    run_for(10 * MINUTE_MS);
    queue.down = false;
    queue.lent_on = true;
    run_for(5 * MINUTE_MS);
    assert_true(queue.keeps > 0);
    cloud_set_state(0, "SUCCEEDED", NULL);
    run_for(5 * MINUTE_MS);
    assert_int_equal(queue.items[0].reports, 0);
    assert_int_equal(cloud.creates, 1);

    queue.lent_on = false;
    cloud_set_state(0, "RUNNING", NULL); /* seen again when there is another job to watch */
    push(SPEC);
    run_until(two_jobs);
    run_for(5 * MINUTE_MS);
    assert_int_equal(cloud.cancels, 0);
    assert_int_equal(cloud_live_jobs(), 2);
}

static void an_item_lent_on_while_it_waited_makes_no_job(void **state)
{
    queue.fences = true;
    cloud.refuse_creates = 1000;
    push(SPEC);
    boot();
    run_for(10 * MINUTE_MS);
    queue.down = true;
    run_for(10 * MINUTE_MS);
    queue.down = false;
    queue.lent_on = true;
    cloud.refuse_creates = 0;
    run_for(HOUR_MS);
    assert_int_equal(cloud.count, 0);
    assert_int_equal(queue.items[0].reports, 0);
}

/* Its silence began with the registration, though no heartbeat was answered yet. */
static void an_item_lent_on_before_the_first_heartbeat_was_answered_makes_no_job(void **state)
{
    queue.fences = queue.deaf = true;
    cloud.refuse_creates = 1000;
    push(SPEC);
    boot();
    run_for(10 * MINUTE_MS);
    queue.deaf = false;
    queue.lent_on = true;
    cloud.refuse_creates = 0;
    run_for(HOUR_MS);
    assert_int_equal(queue.items[0].pops, 1);
    assert_int_equal(cloud.count, 0);
    assert_int_equal(queue.items[0].reports, 0);
}

static void an_agent_that_cannot_be_heard_makes_no_job(void **state)
{
    queue.fences = true;
    cloud.refuse_creates = 1000;
    push(SPEC);
    boot();
    run_for(10 * MINUTE_MS);
    queue.down = true;
    run_for(3 * MINUTE_MS); /* the last beat is too old */
    cloud.refuse_creates = 0;
    run_for(HOUR_MS);
    assert_int_equal(cloud.count, 0);
    queue.down = false;
    run_until(has_job);
    end_job();
}

static void after_a_silence_an_item_that_is_still_ours_goes_on(void **state)
{
    queue.fences = true;
    run_job();
    queue.down = true;
    run_for(10 * MINUTE_MS);
    queue.down = false;
    run_for(5 * MINUTE_MS);
    assert_int_equal(queue.keeps, 1);
    end_job();
}

static void an_item_that_comes_again_while_in_hand_is_acked_again_and_no_second_job_made(void **state)
{
    queue.fences = true;
    run_job();
    snprintf(queue.items[0].state, sizeof(queue.items[0].state), "PENDING"); /* the server forgot the ack */
    queue.items[0].run[0] = '\0';
    run_for(MINUTE_MS);
    assert_int_equal(queue.items[0].pops, 2);
    assert_int_equal(queue.items[0].acks, 2);
    assert_string_equal(queue.items[0].state, "CLAIMED");
    end_job();
    assert_int_equal(cloud.creates, 1);
}

static void a_paused_agent_takes_nothing_and_sees_through_what_it_has(void **state)
{
    run_job();
    agent_pause(world.running, true);
    run_for(5000);
    push(SPEC);
    push(SPEC);
    cloud_set_state(0, "SUCCEEDED", NULL);
    run_for(10 * MINUTE_MS);
    assert_item(0, "FINISHED", "");
    assert_int_equal(queue.items[2].pops, 0); /* a poll under way may bring one */
    agent_pause(world.running, false);
    run_for(MINUTE_MS);
    assert_int_equal(cloud.count, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LIFE(a_job_goes_through_all_states_that_are_no_end_and_holds_its_slot),
        LIFE(each_end_frees_the_slot_and_is_told),
        LIFE(the_words_for_a_failure_may_come_a_minute_late),
        LIFE(a_job_that_is_deleted_has_failed),
        LIFE(a_job_that_is_not_found_for_a_while_lives_on),
        LIFE(a_job_that_is_deleted_while_it_is_stopped_is_stopped),
        LIFE(a_cancel_that_fails_is_sent_until_it_is_heard),
        LIFE(of_two_jobs_of_a_lost_create_the_live_one_is_watched),
        LIFE(a_lost_create_whose_jobs_have_all_ended_is_not_made_again),
        LIFE(a_second_job_that_cannot_be_cancelled_at_once_is_cancelled_later),
        LIFE(an_item_whose_time_is_over_before_its_ack_may_be_anothers_by_then),
        LIFE(a_job_that_does_not_start_goes_to_the_next_rung_and_then_fails),
        LIFE(a_clock_that_was_set_ends_no_job_that_is_starting),
        LIFE(a_job_that_does_not_start_after_a_restart_is_given_up_too),
        LIFE(a_spot_job_that_ran_unseen_was_preempted),
        LIFE(a_job_that_ends_just_before_it_had_to_start_is_followed_by_the_next),
        LIFE(a_job_whose_time_is_over_is_ended_and_the_item_fails),
        LIFE(a_region_that_does_not_exist_is_believed_in_the_end),
        LIFE(without_a_limit_all_items_run_at_once),
        LIFE(on_a_full_disk_nothing_is_taken),
        LIFE(on_a_full_disk_an_end_is_not_told_and_nothing_is_lost),
        LIFE(a_job_that_fails_while_its_time_is_over_keeps_the_first_reason),
        LIFE(an_item_lent_on_while_it_waited_makes_no_job),
        LIFE(an_item_lent_on_before_the_first_heartbeat_was_answered_makes_no_job),
        LIFE(an_agent_that_cannot_be_heard_makes_no_job),
        LIFE(a_launch_whose_time_is_over_while_it_waits_fails),
        LIFE(after_a_silence_an_item_that_is_another_s_is_let_go_with_its_job),
        LIFE(after_a_silence_an_item_that_is_still_ours_goes_on),
        LIFE(an_item_that_comes_again_while_in_hand_is_acked_again_and_no_second_job_made),
        LIFE(a_paused_agent_takes_nothing_and_sees_through_what_it_has),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
