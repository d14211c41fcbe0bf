/*
 * Is an item still ours: who has to ask, when, how many at once, and what waits for the answer. The agent is
 * made by hand around src/agent/hold.c; the queue's server is a function here.
 */
#include "agent/agent_internal.h"

#include "../test.h"

#include <stdio.h>

#include "io/sim.h"

enum { LAUNCHES_MAX = 40, ANSWER_MS = 100, MINUTE_MS = 60000 };

static struct world {
    struct io *io;
    struct agent agent;
    struct launch launches[LAUNCHES_MAX];
    struct group *fibers;
    int answers[LAUNCHES_MAX]; /* what the server says from now on, by item; a negative enum err_code */
    int asked[LAUNCHES_MAX], woken[LAUNCHES_MAX];
    int64_t asked_at_ms[LAUNCHES_MAX];
    int under_way, most_under_way;
    void (*meanwhile)(void); /* while a question is under way */
    int rc;                  /* of the call under test, and when it returned */
    int64_t returned_ms, until_ms;
} w;

/* --- in place of the queue's client and of the table of launches ------------------------------------------
 */

int wandb_item_keep(struct wandb *wandb, const struct wandb_hold *h, struct str agent_id, struct err *e)
{
    int64_t i = 0;
    int rc;

    assert_true(str_to_i64(h->item_id, &i));
    assert_true(str_is(agent_id, "agent-1"));
    w.asked[i]++;
    w.asked_at_ms[i] = io_now_ms(w.io);
    if (++w.under_way > w.most_under_way)
        w.most_under_way = w.under_way;
    rc = io_sleep(w.io, ANSWER_MS, e);
    if (!rc && w.meanwhile)
        w.meanwhile();
    w.under_way--;
    return rc ? rc : w.answers[i] ? err_set(e, (enum err_code) - w.answers[i], "as told") : 0;
}

struct wandb_hold launch_hold(const struct launch *l)
{
    return (struct wandb_hold){ l->row.item, l->newer_fence ? l->newer_fence : l->row.fence };
}

static void ask_and_park(void *arg)
{
    struct launch *l = arg;
    struct err e = { 0 };

    (void)!hold_ask(l, &e);
    l->parked = true;
}

/* A woken launch asks, and is parked again. */
void launch_wake(struct launch *l)
{
    w.woken[l - w.launches]++;
    if (!l->parked)
        return;
    l->parked = false;
    group_spawn(w.fibers, "launch", ask_and_park, l);
}

/* --- the world --------------------------------------------------------------------------------------------
 */

static struct launch *add(void)
{
    static char names[LAUNCHES_MAX][8];
    size_t i = w.agent.launches.len;
    struct launch *l = &w.launches[i];

    snprintf(names[i], sizeof(names[i]), "%zu", i);
    *l = (struct launch){ .agent = &w.agent,
                          .row = {
                              .item = str_of(names[i]), .phase = LAUNCH_ACTIVE, .fence = 7, .acked = true } };
    vec_push(&w.agent.launches, l);
    return l;
}

static void (*scenario)(void);

static void run_scenario(struct io *io, void *arg)
{
    memset(&w, 0, sizeof(w)); /* too large for a literal on a fiber's stack */
    w.io = w.agent.io = io;
    w.agent.agent_id = STR("agent-1");
    w.agent.hold_epoch = 3;
    w.agent.foreign = map_new();
    w.fibers = group_new(io);
    (void)!io_sleep(io, 10 * MINUTE_MS, NULL); /* so that no time is 0 */
    scenario();
    group_end(w.fibers);
    map_free(w.agent.foreign);
    vec_done(&w.agent.launches);
}

static void run(void (*fn)(void))
{
    struct sim *s = sim_new(1);
    struct sim_node *n = sim_node_new(s, "node");

    scenario = fn;
    sim_node_start(n, run_scenario, NULL);
    while (sim_node_is_up(n) && sim_step(s))
        continue;
    sim_free(s);
}

static void pass_time(int64_t ms)
{
    must(io_sleep(w.io, ms, NULL), NULL);
}

/* --- who has to ask ---------------------------------------------------------------------------------------
 */

static void whose_turn_it_is(void)
{
    struct launch *l = add();
    struct launch as_new = *l;

    assert_int_equal(hold_wait_ms(l), 0);
    l->row.fence = 0; /* a server without tokens lends nothing again */
    assert_int_equal(hold_wait_ms(l), -1);
    *l = as_new;
    l->row.acked = false; /* the ack will tell */
    assert_int_equal(hold_wait_ms(l), -1);
    *l = as_new;
    l->row.disowned = true; /* known to be another's */
    assert_int_equal(hold_wait_ms(l), -1);
    for (int ph = 0; ph < LAUNCH_PHASE_COUNT; ph++) {
        *l = as_new;
        l->row.phase = ph;
        assert_int_equal(hold_wait_ms(l), launch_phase_is_ended(ph) ? -1 : 0);
    }
    *l = as_new;
    l->hold_epoch = w.agent.hold_epoch; /* the server has said so since the silence */
    assert_int_equal(hold_wait_ms(l), -1);
    l->hold_epoch--;
    assert_int_equal(hold_wait_ms(l), 0);
    w.agent.hold_epoch = 0; /* not registered yet */
    assert_int_equal(hold_wait_ms(l), -1);
}

static void who_can_have_lost_an_item_asks_and_nobody_else(void **state)
{
    run(whose_turn_it_is);
}

static void a_failed_question(void)
{
    struct launch *l = add();
    struct err e = { 0 };

    w.answers[0] = -ERR_NET;
    assert_int_equal(hold_ask(l, &e), -ERR_NET);
    assert_int_equal(hold_wait_ms(l), 5000 - ANSWER_MS);
    pass_time(4000);
    assert_int_equal(hold_wait_ms(l), 1000 - ANSWER_MS);
    pass_time(5000);
    assert_int_equal(hold_wait_ms(l), 0);
    w.answers[0] = 0;
    assert_int_equal(hold_ask(l, &e), 0);
    assert_int_equal(hold_wait_ms(l), -1);
    w.agent.hold_epoch++;
    assert_int_equal(hold_wait_ms(l), 0); /* at once: the last question was answered */
}

static void a_question_without_an_answer_is_asked_again_after_five_seconds(void **state)
{
    run(a_failed_question);
}

/* --- one question -----------------------------------------------------------------------------------------
 */

static void each_answer(void)
{
    static const struct {
        int answer, rc;
        bool is_ours;
    } rows[] = {
        { 0, 0, true },
        { -ERR_NOT_FOUND, 0, true }, /* the server began again from nothing */
        { -ERR_CONFLICT, -ERR_CONFLICT, false },
        { -ERR_NET, -ERR_NET, false },
        { -ERR_TIMEOUT, -ERR_TIMEOUT, false },
        { -ERR_REMOTE, -ERR_REMOTE, false },
        { -ERR_THROTTLED, -ERR_THROTTLED, false },
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct launch *l = add();
        struct err e = { 0 };

        w.answers[i] = rows[i].answer;
        assert_int_equal(hold_ask(l, &e), rows[i].rc);
        assert_int_equal(l->hold_epoch == w.agent.hold_epoch, rows[i].is_ours);
        assert_int_equal(l->hold_asked_ms == 0, rows[i].is_ours);
        assert_int_equal(w.agent.hold_asks, 0);
    }
}

static void each_answer_says_whose_the_item_is(void **state)
{
    run(each_answer);
}

static void lend_again(void)
{
    w.launches[0].newer_fence = 8;
}

static void fall_silent_again(void)
{
    w.agent.hold_epoch++;
}

static void answers_of_yesterday(void)
{
    struct launch *l = add();
    struct err e = { 0 };

    w.meanwhile = lend_again; /* the conflict is about our old token, and we have a newer one */
    w.answers[0] = -ERR_CONFLICT;
    assert_int_equal(hold_ask(l, &e), -ERR_NET);
    w.meanwhile = NULL;
    assert_int_equal(hold_ask(l, &e), -ERR_CONFLICT);

    w.meanwhile = fall_silent_again; /* a yes to a question from before the silence is none for after it */
    w.answers[0] = 0;
    assert_int_equal(hold_ask(l, &e), 0);
    assert_int_equal(hold_wait_ms(l), 0);
}

static void an_answer_counts_for_the_token_and_the_time_it_was_asked_for(void **state)
{
    run(answers_of_yesterday);
}

/* --- before a create --------------------------------------------------------------------------------------
 */

static void make_sure(void *launch)
{
    struct err e = { 0 };

    w.rc = 1;
    w.rc = hold_make_sure(launch, &w.until_ms, &e);
    w.returned_ms = io_now_ms(w.io);
}

static void start_making_sure(struct launch *l)
{
    group_spawn(w.fibers, "sure", make_sure, l);
    w.rc = 1;
    pass_time(1);
}

static void beats_and_creates(void)
{
    struct launch *l = add();

    w.agent.last_beat_ms = io_now_ms(w.io) - 1000;
    l->hold_epoch = w.agent.hold_epoch;
    start_making_sure(l);
    assert_int_equal(w.rc, 0); /* heard of lately, and ours since the last silence */
    assert_int_equal(w.asked[0], 0);
    assert_int_equal(w.until_ms, w.agent.last_beat_ms + 2 * MINUTE_MS);
    assert_true(hold_is_sure(l));

    pass_time(2 * MINUTE_MS); /* the beat is too old */
    assert_false(hold_is_sure(l));
    start_making_sure(l);
    pass_time(10 * MINUTE_MS);
    assert_int_equal(w.rc, 1);
    w.agent.last_beat_ms = io_now_ms(w.io);
    pass_time(500);
    assert_int_equal(w.rc, 0);
    assert_int_equal(w.asked[0], 0); /* no silence that the server noticed */

    w.agent.last_beat_ms = 0; /* not one was answered yet */
    l->row.acked = false;     /* it is, and the row of its first attempt is to say so */
    start_making_sure(l);
    pass_time(MINUTE_MS);
    assert_int_equal(w.rc, 1);
    w.agent.last_beat_ms = io_now_ms(w.io);
    w.agent.hold_epoch++; /* and it was a silence */
    pass_time(1000);
    assert_int_equal(w.rc, 0);
    assert_int_equal(w.asked[0], 1);
}

static void nothing_is_created_without_a_beat_in_two_minutes_and_a_word_after_a_silence(void **state)
{
    run(beats_and_creates);
}

static void refusals_of_a_create(void)
{
    struct launch *l = add();

    w.agent.last_beat_ms = io_now_ms(w.io);
    w.answers[0] = -ERR_NET;
    start_making_sure(l);
    pass_time(20500);
    assert_int_equal(w.rc, 1); /* asked again and again, five seconds apart, a look aside */
    assert_in_range(w.asked[0], 4, 5);
    w.answers[0] = -ERR_CONFLICT;
    pass_time(6000);
    assert_int_equal(w.rc, -ERR_CONFLICT);

    w.answers[0] = -ERR_NET;
    start_making_sure(l);
    pass_time(1000);
    assert_int_equal(w.rc, 1);
    l->row.disowned = true; /* found out by another question */
    pass_time(1000);
    assert_int_equal(w.rc, -ERR_CONFLICT);
    l->row.disowned = false;
    l->row.fence = 0;
    w.agent.last_beat_ms = 0;
    start_making_sure(l);
    assert_int_equal(w.rc, 0);
    assert_int_equal(w.until_ms, 0); /* whenever: it is not lent again */
    assert_true(hold_is_sure(l));
}

static void an_item_that_is_another_s_is_not_created(void **state)
{
    run(refusals_of_a_create);
}

static void cancels(void)
{
    struct launch *l = add();

    for (int i = 0; i < 2; i++) {
        w.agent.last_beat_ms = i ? io_now_ms(w.io) : 0; /* while it waits for a beat; while it asks */
        start_making_sure(l);
        assert_int_equal(w.under_way, i);
        group_end(w.fibers);
        w.fibers = group_new(w.io);
        assert_int_equal(w.rc, -ERR_CANCELLED);
        assert_int_equal(w.agent.hold_asks, 0);
    }
}

static void who_waits_to_be_sure_can_be_cancelled(void **state)
{
    run(cancels);
}

/* --- after a silence --------------------------------------------------------------------------------------
 */

static void many_ask_again(void)
{
    for (int i = 0; i < LAUNCHES_MAX; i++) {
        struct launch *l = add();

        l->hold_epoch = w.agent.hold_epoch;
        l->parked = i > 0;
    }
    w.answers[5] = -ERR_NET;
    group_spawn(w.fibers, "holds", holds_run, &w.agent);
    pass_time(MINUTE_MS);
    for (int i = 0; i < LAUNCHES_MAX; i++)
        assert_int_equal(w.woken[i], 0);
    hold_all_again(&w.agent);
    assert_int_equal(w.woken[0], 1); /* has a fiber: it asks by itself */
    assert_int_equal(w.woken[1], 0);
    pass_time(4500);
    assert_in_range(w.most_under_way, 2, 16);
    for (int i = 1; i < LAUNCHES_MAX; i++)
        assert_int_equal(w.asked[i], 1);
    w.answers[5] = 0;
    pass_time(MINUTE_MS);
    for (int i = 1; i < LAUNCHES_MAX; i++)
        assert_int_equal(w.asked[i], i == 5 ? 2 : 1); /* only what was not answered is asked again */
}

static void after_a_silence_all_ask_again_and_no_more_than_sixteen_at_once(void **state)
{
    run(many_ask_again);
}

static void two_fail_apart(void)
{
    for (int i = 0; i < 3; i++) {
        struct launch *l = add();

        l->parked = true;
        w.answers[i] = -ERR_NET;
    }
    w.launches[0].hold_asked_ms = io_now_ms(w.io) - 1000; /* 4 s to go, 1 s, 3 s */
    w.launches[1].hold_asked_ms = io_now_ms(w.io) - 4000;
    w.launches[2].hold_asked_ms = io_now_ms(w.io) - 2000;
    group_spawn(w.fibers, "holds", holds_run, &w.agent);
    pass_time(4500);
    assert_int_equal(w.asked_at_ms[1] - w.launches[1].hold_asked_ms, 0);
    assert_int_equal(w.asked[0] + w.asked[1] + w.asked[2], 3);
    assert_int_equal(w.asked_at_ms[2] - w.asked_at_ms[1], 2000);
    assert_int_equal(w.asked_at_ms[0] - w.asked_at_ms[2], 1000);
}

static void each_is_asked_for_when_its_own_time_has_come(void **state)
{
    run(two_fail_apart);
}

/* --- another's --------------------------------------------------------------------------------------------
 */

static void give_and_take(void)
{
    AUTO_PTR(arena) a = arena_new();

    assert_false(hold_is_foreign(&w.agent, STR("item-1")));
    hold_give_up(&w.agent, STR("item-1"));
    assert_true(hold_is_foreign(&w.agent, STR("item-1")));
    assert_false(hold_is_foreign(&w.agent, STR("item-2")));
    hold_take_back(&w.agent, STR("item-1"));
    hold_take_back(&w.agent, STR("item-2"));
    assert_false(hold_is_foreign(&w.agent, STR("item-1")));
}

static void an_item_given_up_is_another_s_until_it_is_lent_to_us_again(void **state)
{
    run(give_and_take);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_can_have_lost_an_item_asks_and_nobody_else),
        cmocka_unit_test(a_question_without_an_answer_is_asked_again_after_five_seconds),
        cmocka_unit_test(each_answer_says_whose_the_item_is),
        cmocka_unit_test(an_answer_counts_for_the_token_and_the_time_it_was_asked_for),
        cmocka_unit_test(nothing_is_created_without_a_beat_in_two_minutes_and_a_word_after_a_silence),
        cmocka_unit_test(an_item_that_is_another_s_is_not_created),
        cmocka_unit_test(who_waits_to_be_sure_can_be_cancelled),
        cmocka_unit_test(after_a_silence_all_ask_again_and_no_more_than_sixteen_at_once),
        cmocka_unit_test(each_is_asked_for_when_its_own_time_has_come),
        cmocka_unit_test(an_item_given_up_is_another_s_until_it_is_lent_to_us_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
