/*
 * tests/unit/agent/test_takeover.c: items of an agent that fell silent, which our own server lends again:
 * what it made of them is found by their label before anything else is made.
 */
#include <stdio.h>

#include "agent_world.h"

#define STOCKED_OUT "Resources are insufficient in region: us-central1."

enum { MINUTE_MS = 60000, MANY = 60 };

/* Another agent gets the first item: one with a disk of its own, on which nothing is. */
static void take_over(void)
{
    queue.items[0].taken_over = true;
    snprintf(queue.items[0].state, sizeof(queue.items[0].state), "PENDING");
    lose_the_disk();
}

static void take_over_all(void)
{
    for (size_t i = 1; i < queue.count; i++) {
        queue.items[i].taken_over = true;
        snprintf(queue.items[i].state, sizeof(queue.items[i].state), "PENDING");
    }
    take_over();
}

static void begin(void)
{
    queue.fences = true;
    start_job();
    run_for(10000);
}

static void a_job_that_lives_is_seen_through(void **state)
{
    begin();
    take_over();
    run_for(2 * MINUTE_MS);
    assert_int_equal(queue.items[0].acks, 2);
    cloud_set_state(0, "SUCCEEDED", NULL);
    run_until(all_reported);
    assert_item(0, "FINISHED", "");
    assert_int_equal(cloud.creates, 1);
    assert_int_equal(cloud.cancels, 0);
}

static void a_job_that_ended_meanwhile_is_told(void **state)
{
    begin();
    cloud_set_state(0, "FAILED", "boom");
    take_over();
    run_until(all_reported);
    assert_item(0, "FAILED", "boom");
    assert_int_equal(cloud.creates, 1);
}

static void of_several_jobs_that_ended_the_latest_counts(void **state)
{
    cloud.twice = true;
    begin();
    cloud_set_state(0, "FAILED", "boom");
    cloud_set_state(1, "SUCCEEDED", NULL);
    take_over();
    run_until(all_reported);
    assert_item(0, "FINISHED", "");
    assert_int_equal(cloud.creates, 1);
}

static void where_no_job_was_made_one_is(void **state)
{
    queue.fences = true;
    cloud.refuse_creates = 1000;
    push(SPEC);
    boot();
    run_for(MINUTE_MS);
    assert_int_equal(queue.items[0].acks, 1);
    cloud.refuse_creates = 0;
    take_over();
    run_until(has_job);
    end_job();
    assert_int_equal(cloud.count, 1);
}

static void what_cannot_be_asked_yet_is_waited_for(void **state)
{
    begin();
    cloud.down = true;
    take_over();
    run_for(30 * MINUTE_MS);
    cloud.down = false;
    run_for(10 * MINUTE_MS);
    assert_int_equal(cloud.creates, 1);
    end_job();
}

static void each_place_of_the_ladder_is_asked_once(void **state)
{
    const struct launch_rung rungs[] = { { .region = STR("us-central1") },
                                         { .region = STR("us-central1"), .strategy = STR("SPOT") },
                                         { .region = STR("us-east4") } };
    struct launch_policies policies;
    int lists;

    launch_policies_default(&policies);
    policies.all.rungs = rungs;
    policies.all.rung_count = ARRAY_LEN(rungs);
    world.policies = &policies;
    begin();
    cloud_set_state(0, "SUCCEEDED", NULL);
    lists = cloud.item_lists;
    take_over();
    run_until(all_reported);
    assert_item(0, "FINISHED", "");
    assert_int_equal(cloud.item_lists - lists, 2);
}

static void an_item_that_is_to_stop_has_its_job_ended(void **state)
{
    begin();
    cloud_set_state(0, "RUNNING", NULL);
    queue.items[0].stop_asked = true;
    cloud.down = true;
    take_over();
    run_for(MINUTE_MS);
    cloud.down = false;
    run_until(all_reported);
    assert_item(0, "STOPPED", "stopped on request");
    assert_int_equal(cloud_live_jobs(), 0);
    assert_int_equal(cloud.creates, 1);
}

static int jobs_wanted;

static bool has_jobs_wanted(void)
{
    return cloud.count == jobs_wanted;
}

static void run_until_jobs(int count)
{
    jobs_wanted = count;
    run_until(has_jobs_wanted);
}

/* They are not asked for one by one in each sweep; and what a third agent has is let alone. */
static void many_jobs_are_watched_by_lists(void **state)
{
    int gets;

    world.max_jobs = MANY;
    queue.fences = true;
    for (int i = 0; i < MANY; i++)
        push(SPEC);
    boot();
    run_until_jobs(MANY);
    cloud.jobs[cloud.count] = cloud.jobs[0];
    snprintf(cloud.jobs[cloud.count].name, sizeof(cloud.jobs[0].name), "of-a-third-agent");
    snprintf(cloud.jobs[cloud.count].agent, sizeof(cloud.jobs[0].agent), "third");
    cloud.count++;
    take_over_all();
    run_for(5 * MINUTE_MS);
    gets = cloud.gets;
    for (int i = 0; i < MANY; i++)
        cloud_set_state(i, "RUNNING", NULL);
    run_for(5 * MINUTE_MS);
    for (int i = 0; i < MANY; i++)
        cloud_set_state(i, "SUCCEEDED", NULL);
    run_for(MINUTE_MS / 4);
    assert_true(all_reported());
    assert_in_range(cloud.gets - gets, 0, MANY);
    assert_int_equal(cloud.creates, MANY);
    assert_int_equal(cloud.cancels, 0);
}

static void begin_schedulers(int n)
{
    world.max_schedulers = n;
    queue.fences = true;
    for (int i = 0; i < n; i++)
        push(SCHEDULER_SPEC);
    boot();
    run_for(MINUTE_MS);
}

/* All schedulers go to an agent that may have @max of them. */
static void take_over_schedulers(int64_t max)
{
    world.max_schedulers = max;
    take_over_all();
    run_for(5 * MINUTE_MS);
}

/* One rung, which is tried again and again. */
static void allow_rounds(void)
{
    static struct launch_rung spot[1];
    static struct launch_policies policies;

    spot[0].strategy = STR("SPOT");
    launch_policies_default(&policies);
    policies.all.rungs = spot;
    policies.all.rung_count = ARRAY_LEN(spot);
    policies.all.stockout_rounds = 5;
    world.policies = &policies;
}

static bool second_is_reported(void)
{
    return queue.items[1].reports > 0;
}

static void a_scheduler_that_is_one_too_many_is_watched_when_it_has_a_job(void **state)
{
    begin_schedulers(2);
    assert_int_equal(cloud.count, 2);
    take_over_schedulers(1);
    cloud_set_state(0, "RUNNING", NULL);
    cloud_set_state(1, "SUCCEEDED", NULL);
    run_until(second_is_reported);
    assert_item(1, "FINISHED", "");
    assert_int_equal(queue.items[0].reports, 0);
    assert_int_equal(cloud.creates, 2);
    end_job();
}

static void a_scheduler_that_is_one_too_many_and_has_no_job_waits(void **state)
{
    world.max_schedulers = 2;
    queue.fences = true;
    push(SCHEDULER_SPEC);
    boot();
    run_until(has_job);
    cloud.refuse_creates = 1000;
    push(SCHEDULER_SPEC);
    run_for(MINUTE_MS);
    cloud.refuse_creates = 0;
    take_over_schedulers(1);
    cloud_set_state(0, "RUNNING", NULL);
    cloud.down = true; /* it is looked for in vain, then again */
    run_for(5 * MINUTE_MS);
    cloud.down = false;
    run_for(30 * MINUTE_MS);
    assert_int_equal(cloud.count, 1);
    assert_string_equal(queue.items[1].state, "CLAIMED");
    cloud_set_state(0, "SUCCEEDED", NULL);
    run_for(10 * MINUTE_MS);
    assert_item(0, "FINISHED", "");
    assert_int_equal(cloud.count, 2);
}

/* It was adopted as one too many; another try has to wait for its turn. */
static void a_scheduler_that_is_one_too_many_and_found_no_machine_waits(void **state)
{
    allow_rounds();
    begin_schedulers(2);
    cloud_set_state(0, "RUNNING", NULL);
    take_over_schedulers(1);
    cloud_set_state(1, "FAILED", STOCKED_OUT);
    run_for(30 * MINUTE_MS);
    assert_int_equal(cloud.creates, 2);
    assert_string_equal(queue.items[1].state, "CLAIMED");
    sim_node_kill(world.agent); /* whose turn it was is known after a restart, too */
    boot();
    run_for(30 * MINUTE_MS);
    assert_int_equal(cloud.creates, 2);
    cloud_set_state(0, "SUCCEEDED", NULL);
    run_until_jobs(3);
    cloud_set_state(2, "SUCCEEDED", NULL);
    run_until(all_reported);
    assert_item(1, "FINISHED", "");
}

/* Of those that were adopted as too many and wait for another try one has the turn. */
static void schedulers_that_are_too_many_try_again_one_by_one(void **state)
{
    allow_rounds();
    begin_schedulers(3);
    cloud_set_state(0, "RUNNING", NULL);
    take_over_schedulers(1);
    cloud_set_state(1, "FAILED", STOCKED_OUT);
    cloud_set_state(2, "FAILED", STOCKED_OUT "\nTry again later.");
    run_for(30 * MINUTE_MS);
    assert_int_equal(cloud.creates, 3);
    cloud_set_state(0, "SUCCEEDED", NULL);
    run_until_jobs(4);
    cloud_set_state(3, "RUNNING", NULL);
    run_for(30 * MINUTE_MS);
    assert_int_equal(cloud.creates, 4);
    cloud_set_state(3, "SUCCEEDED", NULL);
    run_for(30 * MINUTE_MS);
    assert_int_equal(cloud.creates, 5);
    cloud_set_state(4, "SUCCEEDED", NULL);
    run_until(all_reported);
    assert_item(1, "FINISHED", "");
    assert_item(2, "FINISHED", "");
}

static void an_agent_that_takes_no_schedulers_keeps_one_it_adopted(void **state)
{
    allow_rounds();
    begin_schedulers(1);
    take_over_schedulers(0);
    cloud_set_state(0, "FAILED", STOCKED_OUT);
    run_for(30 * MINUTE_MS);
    assert_int_equal(cloud.creates, 2);
    cloud_set_state(1, "SUCCEEDED", NULL);
    run_until(all_reported);
    assert_item(0, "FINISHED", "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LIFE(a_job_that_lives_is_seen_through),
        LIFE(a_job_that_ended_meanwhile_is_told),
        LIFE(of_several_jobs_that_ended_the_latest_counts),
        LIFE(where_no_job_was_made_one_is),
        LIFE(what_cannot_be_asked_yet_is_waited_for),
        LIFE(each_place_of_the_ladder_is_asked_once),
        LIFE(an_item_that_is_to_stop_has_its_job_ended),
        LIFE(many_jobs_are_watched_by_lists),
        LIFE(a_scheduler_that_is_one_too_many_is_watched_when_it_has_a_job),
        LIFE(a_scheduler_that_is_one_too_many_and_has_no_job_waits),
        LIFE(a_scheduler_that_is_one_too_many_and_found_no_machine_waits),
        LIFE(schedulers_that_are_too_many_try_again_one_by_one),
        LIFE(an_agent_that_takes_no_schedulers_keeps_one_it_adopted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
