/* Turns at the gate: in the simulator, where a minute passes at once. */
#include "agent/gate.h"

#include "../test.h"

#include <stdio.h>

#include "agent/bucket.h"
#include "io/sim.h"

enum { PASSES_MAX = 64 };

static char queue_a[] = "a", queue_b[] = "b";

static struct {
    struct io *io;
    struct gate *gate;
    char order[PASSES_MAX + 1];
    int64_t at_ms[PASSES_MAX];
    size_t count;
} seen;

static void pass(void *queue)
{
    struct err e = { 0 };

    if (gate_pass(seen.io, seen.gate, str_of(queue), &e))
        return;
    seen.order[seen.count] = ((const char *)queue)[0];
    seen.at_ms[seen.count++] = io_now_ms(seen.io);
}

static void many_of_a_and_few_of_b(struct io *io, void *arg)
{
    struct group *g = group_new(io);

    seen.io = io;
    seen.gate = gate_new(1000, 2);
    for (int i = 0; i < 20; i++)
        group_spawn(g, "a", pass, queue_a);
    for (int i = 0; i < 3; i++)
        group_spawn(g, "b", pass, queue_b);
    group_wait(g);
    group_free(g);
    gate_free(seen.gate);
}

static void some_are_cancelled(struct io *io, void *arg)
{
    struct group *a = group_new(io), *b = group_new(io);

    seen.io = io;
    seen.gate = gate_new(1000, 1);
    for (int i = 0; i < 5; i++)
        group_spawn(a, "a", pass, queue_a);
    for (int i = 0; i < 2; i++)
        group_spawn(b, "b", pass, queue_b);
    (void)!io_sleep(io, 500, NULL);
    group_end(a);
    group_wait(b);
    group_free(b);
    gate_free(seen.gate);
}

static void run(sim_main_fn fn)
{
    struct sim *s = sim_new(1);
    struct sim_node *n = sim_node_new(s, "node");

    memset(&seen, 0, sizeof(seen));
    sim_node_start(n, fn, NULL);
    while (sim_node_is_up(n) && sim_step(s))
        continue;
    sim_free(s);
}

static void a_queue_with_few_items_does_not_wait_for_one_with_many(void **state)
{
    run(many_of_a_and_few_of_b);
    assert_int_equal(seen.count, 23);
    for (size_t i = 0, b = 0; i < seen.count; i++) {
        b += seen.order[i] == 'b';
        if (b == 3) {
            assert_true(i <= 7);
            break;
        }
    }
}

static void no_more_pass_than_the_rate_allows(void **state)
{
    run(many_of_a_and_few_of_b);
    for (size_t i = 2; i < seen.count; i++)
        assert_true(seen.at_ms[i] - seen.at_ms[i - 2] >= 1000);
    assert_in_range(seen.at_ms[22], 21000, 22000);
}

static void turns_after_a_rest(struct io *io, void *arg)
{
    struct group *g = group_new(io);

    seen.io = io;
    seen.gate = gate_new(1000, 3);
    for (int round = 0; round < 2; round++) {
        (void)!io_sleep(io, 3600 * 1000, NULL);
        for (int i = 0; i < 3; i++)
            group_spawn(g, "a", pass, queue_a);
        for (int i = 0; i < 3; i++)
            group_spawn(g, "b", pass, queue_b);
        group_wait(g);
    }
    group_free(g);
    gate_free(seen.gate);
}

static void queues_take_turns_and_a_rest_is_worth_a_burst_and_no_more(void **state)
{
    run(turns_after_a_rest);
    assert_int_equal(seen.count, 12);
    for (int round = 0; round < 2; round++) {
        const int64_t *at_ms = &seen.at_ms[round * 6];

        assert_int_equal(at_ms[2], at_ms[0]); /* three at once, for all queues together */
        for (int i = 1; i < 6; i++)           /* whoever comes first */
            assert_int_not_equal(seen.order[round * 6 + i], seen.order[round * 6 + i - 1]);
        for (int i = 3; i < 6; i++)
            assert_int_equal(at_ms[i], at_ms[0] + 1000 * (i - 2));
    }
}

static void a_bucket_gives_its_burst_and_then_one_an_interval(void **state)
{
    static const struct {
        int64_t now_ms, wait_ms;
    } rows[] = {
        { 50000, 0 },  { 50000, 0 },    { 50000, 100 }, { 50000, 200 }, /* each further one waits longer */
        { 50250, 50 }, { 60000, 0 },    { 60000, 0 },   { 60000, 100 }, /* a rest fills it, to the brim */
        { 60150, 50 }, { 59000, 1300 },                                 /* and a clock that went back */
    };
    struct bucket b = { .interval_ms = 100, .burst = 2 };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_int_equal(bucket_take(&b, rows[i].now_ms), rows[i].wait_ms);
}

static void no_gate_is_freed_like_one(void **state)
{
    gate_free(NULL);
}

static void who_is_cancelled_leaves_the_others_their_turns(void **state)
{
    run(some_are_cancelled);
    assert_non_null(strchr(seen.order, 'b'));
    assert_int_equal(seen.count, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_queue_with_few_items_does_not_wait_for_one_with_many),
        cmocka_unit_test(no_more_pass_than_the_rate_allows),
        cmocka_unit_test(queues_take_turns_and_a_rest_is_worth_a_burst_and_no_more),
        cmocka_unit_test(a_bucket_gives_its_burst_and_then_one_an_interval),
        cmocka_unit_test(no_gate_is_freed_like_one),
        cmocka_unit_test(who_is_cancelled_leaves_the_others_their_turns),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
