/* tests/unit/agent/test_journal.c: what is written down is there after a reopen. In the simulator. */
#include "../test.h"

#include <stdio.h>
#include <unistd.h>

#include "agent/bucket.h"
#include "agent/journal.h"
#include "agent/journal_look.h"
#include "io/sim.h"

struct world {
    char dir[FOLDER_SIZE];
    void (*run)(struct io *io, const char *dir);
    bool ran;
};

static void run_node(struct io *io, void *arg)
{
    struct world *w = arg;

    w->run(io, w->dir);
    w->ran = true;
}

static void in_world(void (*run)(struct io *io, const char *dir))
{
    struct world w = { .run = run };
    struct sim *s = sim_new(3);

    folder_make(w.dir);
    sim_node_start(sim_node_new(s, "agent"), run_node, &w);
    for (int steps = 0; !w.ran && steps < 100000 && sim_step(s); steps++)
        continue;
    sim_free(s);
    assert_true(w.ran);
    folder_remove(w.dir);
}

static struct journal *open_in(struct io *io, const char *dir)
{
    struct journal *j = NULL;
    struct err e = { 0 };

    must(journal_open(io, &(struct journal_options){ dir, true }, &j, &e), &e);
    return j;
}

static struct launch_row row_of(const char *item)
{
    return (struct launch_row){ .item = str_of(item),
                                .queue = STR("q"),
                                .run_id = STR("abcd1234"),
                                .run_entity = STR("e"),
                                .wb_project = STR("P"),
                                .phase = LAUNCH_LEASED,
                                .own_key = true,
                                .leased_at_ms = 1000 };
}

static void keep_row(void *ctx, const struct launch_row *r)
{
    launch_row_assign(ctx, r);
}

static void save_and_reopen(struct io *io, const char *dir)
{
    struct journal *j = open_in(io, dir);
    AUTO_PTR(arena) a = arena_new();
    struct launch_row row = row_of("i1"), seen = { 0 };
    struct journal_move *moves = NULL;
    struct str spec = { 0 }, request = { 0 }, label = arena_str(a, journal_agent_label(j));
    size_t count = 0;
    struct err e = { 0 };

    assert_int_equal(journal_add(j, &row, STR("{\"a\":1}"), &row.id, &e), 0);
    row.phase = LAUNCH_SUBMITTING;
    row.attempt = 2;
    row.retries = 3;
    row.probes = 1;
    row.probe_needed = row.acked = row.ran = row.spot = row.flexible = true;
    row.stop = LAUNCH_STOP_DEADLINE;
    row.cause = CAUSE_QUOTA;
    row.rungs = 5;
    row.at = (struct launch_place){ .rung = 4, .round = 3, .resumes = 2, .out = UINT64_C(1) << 63 };
    row.waiting_since_ms = 77;
    row.gcp_project = STR("g");
    row.region = STR("r");
    row.attempt_label = STR("l2");
    row.vertex_job = STR("projects/1/locations/r/customJobs/2");
    row.vertex_status = STR("JOB_STATE_RUNNING");
    row.reason = STR("why");
    row.stage = STR("run");
    assert_int_equal(
        journal_save(j, &(struct journal_change){ &row, LAUNCH_LEASED, STR("{}"), STR("note"), 2000 }, &e),
        0);
    journal_close(j);

    j = open_in(io, dir);
    assert_true(str_eq(journal_agent_label(j), label));
    assert_int_equal(journal_each(j, keep_row, &seen, &e), 0);
    assert_true(launch_row_equal(&seen, &row));
    assert_int_equal(seen.leased_at_ms, 1000);
    assert_int_equal(journal_spec(j, a, row.id, &spec, &e), 0);
    assert_true(str_is(spec, "{\"a\":1}"));
    assert_int_equal(journal_request(j, a, row.id, &request, &e), 0);
    assert_true(str_is(request, "{}"));
    assert_int_equal(journal_history(j, a, row.id, &moves, &count, &e), 0);
    assert_int_equal(count, 2);
    assert_int_equal(moves[1].from, LAUNCH_LEASED);
    assert_int_equal(moves[1].to, LAUNCH_SUBMITTING);
    assert_true(str_is(moves[1].note, "note"));
    launch_row_done(&seen);
    journal_close(j);
}

static void a_launch_is_the_same_after_a_reopen(void **state)
{
    (void)state;
    in_world(save_and_reopen);
}

static void count_row(void *ctx, const struct launch_row *r)
{
    ++*(int *)ctx;
}

static void save_every_phase(struct io *io, const char *dir)
{
    struct journal *j = open_in(io, dir);
    int open = 0;

    for (unsigned p = 0; p < LAUNCH_PHASE_COUNT; p++) {
        char item[20];
        struct launch_row row, seen = { 0 };

        snprintf(item, sizeof(item), "i%u", p);
        row = row_of(item);
        assert_int_equal(journal_add(j, &row, STR("{}"), &row.id, NULL), 0);
        row.phase = (enum launch_phase)p;
        assert_int_equal(
            journal_save(j, &(struct journal_change){ .row = &row, .from = LAUNCH_LEASED }, NULL), 0);
        assert_int_equal(journal_each(j, keep_row, &seen, NULL), 0);
        if (p != LAUNCH_REPORTED)
            assert_int_equal(seen.phase, p);
        launch_row_done(&seen);
    }
    assert_int_equal(journal_each(j, count_row, &open, NULL), 0);
    assert_int_equal(open, LAUNCH_PHASE_COUNT - 1);
    journal_close(j);
}

static void look_while_open(struct io *io, const char *dir)
{
    AUTO_PTR(arena) a = arena_new();
    struct journal_glance g = { 0 };
    struct launch_row row = row_of("i1");
    struct journal *j;
    struct err e = { 0 };

    assert_int_equal(journal_look(io, a, dir, STR("i1"), &g, &e), -ERR_NOT_FOUND);
    j = open_in(io, dir);
    assert_int_equal(journal_look(io, a, dir, STR("i1"), &g, &e), -ERR_NOT_FOUND);
    must(journal_add(j, &row, STR("{}"), &row.id, &e), &e);
    row.phase = LAUNCH_WAITING;
    row.cause = CAUSE_STOCKOUT;
    row.reason = STR("none is free");
    row.attempt = 2;
    row.waiting_since_ms = 77;
    must(journal_save(j, &(struct journal_change){ .row = &row, .from = LAUNCH_LEASED, .at_ms = 2000 }, &e),
         &e);

    must(journal_look(io, a, dir, STR("i1"), &g, &e), &e);

    assert_int_equal(g.phase, LAUNCH_WAITING);
    assert_int_equal(g.cause, CAUSE_STOCKOUT);
    assert_int_equal(g.attempts, 2);
    assert_int_equal(g.moved_at_ms, 2000);
    assert_int_equal(g.waiting_since_ms, 77);
    assert_true(str_is(g.reason, "none is free") && str_is(g.queue, "q") && !g.vertex_job.ptr);
    journal_close(j);
    must(journal_look(io, a, dir, STR("i1"), &g, &e), &e);
}

static void an_outsider_reads_the_journal_of_a_running_agent(void **state)
{
    in_world(look_while_open);
}

static void every_phase_can_be_read_back_and_reported_ones_are_done(void **state)
{
    (void)state;
    in_world(save_every_phase);
}

static void two_writers(struct io *io, const char *dir)
{
    struct journal *j = open_in(io, dir), *second = NULL;
    struct launch_row row = row_of("i1");
    struct err e = { 0 };

    assert_int_equal(journal_open(io, &(struct journal_options){ dir, true }, &second, &e), -ERR_CONFLICT);
    assert_non_null(strstr(e.msg, "is in use by another agent"));
    assert_null(second);

    assert_int_equal(journal_add(j, &row, STR("{}"), &row.id, &e), 0);
    row.phase = LAUNCH_ACTIVE;
    assert_int_equal(journal_save(j, &(struct journal_change){ .row = &row, .from = LAUNCH_SUBMITTING }, &e),
                     -ERR_STORE);
    assert_int_equal(journal_add(j, &row, STR("{}"), &row.id, &e), -ERR_CONFLICT);
    row.phase = LAUNCH_REPORTED;
    assert_int_equal(journal_save(j, &(struct journal_change){ .row = &row, .from = LAUNCH_LEASED }, &e), 0);
    row.phase = LAUNCH_LEASED;
    assert_int_equal(journal_add(j, &row, STR("{}"), &row.id, &e), 0);
    journal_close(j);
}

static void a_second_agent_a_second_writer_and_a_second_launch_of_an_item_are_refused(void **state)
{
    (void)state;
    in_world(two_writers);
}

static void a_bucket_gives_a_burst_and_then_one_an_interval(void **state)
{
    struct bucket b = { .interval_ms = 1000, .burst = 3 };

    (void)state;
    assert_int_equal(bucket_take(&b, 50000), 0);
    assert_int_equal(bucket_take(&b, 50000), 0);
    assert_int_equal(bucket_take(&b, 50000), 0);
    assert_int_equal(bucket_take(&b, 50000), 1000);
    assert_int_equal(bucket_take(&b, 50500), 1500);
    assert_int_equal(bucket_take(&b, 90000), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_launch_is_the_same_after_a_reopen),
        cmocka_unit_test(an_outsider_reads_the_journal_of_a_running_agent),
        cmocka_unit_test(every_phase_can_be_read_back_and_reported_ones_are_done),
        cmocka_unit_test(a_second_agent_a_second_writer_and_a_second_launch_of_an_item_are_refused),
        cmocka_unit_test(a_bucket_gives_a_burst_and_then_one_an_interval),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
