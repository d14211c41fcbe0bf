/* io/sim: a node's disk. What a power cut leaves of a database, and what a failing disk does to its writers.
 */
#include "../test.h"

#include <stdio.h>

#include "io/db.h"
#include "io/sim.h"

enum { CHANGES = 12, SEEDS = 40, SIZE = 6000 /* more than a page */ };

static const char *const migrations[] = {
    "CREATE TABLE change(id INTEGER PRIMARY KEY, body TEXT NOT NULL) STRICT;",
    "CREATE TABLE again(id INTEGER PRIMARY KEY REFERENCES change(id)) STRICT;",
    NULL,
};

struct world {
    struct sim *sim;
    struct sim_node *node;
    bool unsafe;
    int64_t disk_takes; /* writes, syncs and deletions; 0: no end */
    int tries;          /* how often a refused change is tried again */
    int begun, refused; /* changes, numbered from 1 */
    bool acked[CHANGES + 1];
    bool found[CHANGES + 1];
    int torn; /* rows of one table alone, or of a wrong body */
    char check[64];
    int rc; /* of opening */
};

static void begin(struct world *w, uint64_t seed)
{
    w->sim = sim_new(seed);
    w->node = sim_node_new(w->sim, "a");
}

static void settle(struct sim *s)
{
    while (sim_step(s))
        ;
}

static int open_db(struct io *io, struct world *w, struct db **ret)
{
    const struct db_options o = { .path = "a.db", .migrations = migrations, .fast_and_unsafe = w->unsafe };

    return w->rc = db_open(io, &o, ret, NULL);
}

/* --- a node that writes --------------------------------------------------------------------------------- */
static bool is_odd(int64_t id)
{
    return id % 2 != 0;
}

/* Every other change has rows in two tables: some changes touch pages that the one before did not. */
static int change_add(struct db_conn *c, void *arg, struct err *e)
{
    char body[SIZE + 1];
    int64_t id = *(int *)arg;

    memset(body, 'a' + (int)id, SIZE);
    body[SIZE] = '\0';
    int rc = db_run(c, NULL, e, "INSERT INTO change(id, body) VALUES(?, ?)", "iz", id, body);
    return rc || is_odd(id) ? rc : db_run(c, NULL, e, "INSERT INTO again(id) VALUES(?)", "i", id);
}

/* For the power to be cut. */
static void stay_up(struct io *io)
{
    int signal = 0;
    int rc = io_signal_wait(io, &signal, NULL);

    (void)rc;
}

/* Half of the changes before the log is folded into the file, half behind it. */
static void write_all(struct io *io, struct world *w)
{
    for (int part = 0; part < 2; part++) {
        struct db *d = NULL;

        if (open_db(io, w, &d))
            return;
        for (int i = 0; i < CHANGES / 2; i++) {
            int id = part * CHANGES / 2 + i + 1, rc = 0;

            w->begun = id;
            for (int tries = 0; tries <= w->tries && (!tries || rc); tries++) {
                rc = db_write(d, change_add, &id, NULL);
                w->refused += rc != 0;
            }
            w->acked[id] = !rc;
            if (rc && !w->tries)
                stay_up(io);
        }
        db_close(d);
    }
}

static void main_write(struct io *io, void *arg)
{
    struct world *w = arg;

    if (w->disk_takes)
        sim_node_stop_disk(w->node, w->disk_takes);
    write_all(io, w);
    stay_up(io);
}

/* --- and one that looks at what is there ---------------------------------------------------------------- */
static int look(struct db_conn *c, void *arg, struct err *e)
{
    struct world *w = arg;
    struct db_stmt *s = NULL;
    bool row = false;
    int rc = db_query(c, &s, e,
                      "SELECT c.id, a.id, length(replace(c.body, char(97 + c.id), '')) FROM change c "
                      "FULL JOIN again a ON a.id = c.id",
                      "");

    while (!rc && (rc = db_step(s, &row, e)) == 0 && row) {
        int64_t id = db_col_i64(s, 0);
        if (id < 1 || id > CHANGES || db_col_i64(s, 1) != (is_odd(id) ? 0 : id) || db_col_i64(s, 2) != 0)
            w->torn++;
        else
            w->found[id] = true;
    }
    if (!rc)
        rc = db_query(c, &s, e, "PRAGMA integrity_check", "");
    if (!rc && (rc = db_step(s, &row, e)) == 0 && row) {
        snprintf(w->check, sizeof(w->check), "%.*s", STR_ARG(db_col_str(s, 0)));
        db_finish(s);
    }
    return rc;
}

static void main_look(struct io *io, void *arg)
{
    struct world *w = arg;
    struct db *d = NULL;

    if (open_db(io, w, &d))
        return;
    w->rc = db_read(d, look, w, NULL);
    db_close(d);
}

/* As the next boot finds it, on a disk without faults. */
static void look_again(struct world *w)
{
    sim_set_faults(w->sim, &(struct sim_faults){ 0 });
    sim_node_start(w->node, main_look, w);
    settle(w->sim);
}

/* The power is cut when the disk has taken @changes; *ret_lost counts what was acknowledged and is gone. */
static bool cut_after(int64_t changes, uint64_t seed, bool unsafe, int *ret_lost)
{
    struct world w = { .unsafe = unsafe };
    int lost = 0, beyond = 0;

    begin(&w, seed);
    w.disk_takes = changes;
    sim_node_start(w.node, main_write, &w);
    settle(w.sim);
    bool all = w.acked[CHANGES];
    sim_node_cut_power(w.node);
    look_again(&w);
    for (int id = 1; id <= CHANGES; id++) {
        lost += w.acked[id] && !w.found[id];
        beyond += w.found[id] && id > w.begun;
    }
    *ret_lost += lost + (w.rc != 0) + (strcmp(w.check, "ok") != 0) + w.torn + beyond;
    sim_free(w.sim);
    return all;
}

static void what_was_acknowledged_survives_a_power_cut_at_any_moment(void **state)
{
    int64_t moments = 1;
    bool all = false;

    (void)state;
    while (!all) {
        int lost = 0;
        for (uint64_t seed = 1; seed <= SEEDS / 8; seed++)
            all = cut_after(moments, seed, false, &lost);
        assert_int_equal(lost, 0);
        moments++;
    }

    assert_true(moments > 100); /* the disk was stopped between the steps of a commit */
}

static void without_syncs_a_power_cut_loses_changes(void **state)
{
    int lost = 0;

    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++)
        cut_after(0, seed, true, &lost);

    assert_true(lost > 0);
}

static void a_killed_process_leaves_what_it_wrote_even_unsynced(void **state)
{
    struct world w = { .unsafe = true };

    (void)state;
    begin(&w, 1);
    sim_node_start(w.node, main_write, &w);
    settle(w.sim);
    sim_node_kill(w.node);
    look_again(&w);

    for (int id = 1; id <= CHANGES; id++)
        assert_true(w.found[id]);
    assert_string_equal(w.check, "ok");
    sim_free(w.sim);
}

static void a_lost_disk_is_empty(void **state)
{
    struct world w = { 0 };

    (void)state;
    begin(&w, 1);
    sim_node_start(w.node, main_write, &w);
    settle(w.sim);
    sim_node_kill(w.node);
    sim_node_lose_disk(w.node);
    look_again(&w);

    assert_true(w.acked[1]);
    for (int id = 1; id <= CHANGES; id++)
        assert_false(w.found[id]);
    sim_free(w.sim);
}

/* --- disks that fail ------------------------------------------------------------------------------------ */
/* Changes are tried again until they are taken: then all have to be there after a power cut. */
static void write_on_a_bad_disk(const struct sim_faults *faults)
{
    int refused = 0;

    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct world w = { .tries = 1000 };

        begin(&w, seed);
        sim_node_start(w.node, main_write, &w);
        while (!w.acked[1] && sim_step(w.sim))
            ;
        sim_node_set_disk_faults(w.node, true);
        sim_set_faults(w.sim, faults);
        settle(w.sim);
        sim_node_cut_power(w.node);
        int rc = w.rc;
        look_again(&w);

        assert_string_equal(w.check, "ok");
        assert_int_equal(w.torn, 0);
        for (int id = 1; id <= (rc ? CHANGES / 2 : CHANGES); id++)
            assert_true(w.acked[id] && w.found[id]);
        refused += w.refused;
        sim_free(w.sim);
    }
    assert_true(refused > 0);
}

static void a_change_refused_by_a_full_disk_is_taken_once_there_is_room(void **state)
{
    (void)state;
    write_on_a_bad_disk(&(struct sim_faults){ .disk_full = 0.03, .disk_full_max_ms = 300 });
}

static void a_change_whose_sync_failed_is_safe_when_it_is_made_again(void **state)
{
    (void)state;
    write_on_a_bad_disk(&(struct sim_faults){ .fsync_fails = 0.4 });
}

/* Behind what an earlier process did, of which the last change was refused. */
static void main_write_on(struct io *io, void *arg)
{
    struct world *w = arg;
    struct db *d = NULL;

    sim_node_stop_disk(w->node, w->disk_takes);
    if (!open_db(io, w, &d))
        for (int id = w->begun + 1; id <= CHANGES; id++)
            w->acked[id] = db_write(d, change_add, &id, NULL) == 0;
    stay_up(io);
    db_close(d);
}

/* The sync of change @at fails, the process is killed, and the next one's disk takes @changes. */
static int fail_and_go_on(uint64_t seed, int at, int64_t changes)
{
    struct world w = { 0 };
    int lost = 0;

    begin(&w, seed);
    sim_node_start(w.node, main_write, &w);
    while (w.begun < at && sim_step(w.sim))
        ;
    sim_node_set_disk_faults(w.node, true);
    sim_set_faults(w.sim, &(struct sim_faults){ .fsync_fails = 1 });
    settle(w.sim);
    assert_int_equal(w.refused, 1);
    sim_set_faults(w.sim, &(struct sim_faults){ 0 });
    sim_node_kill(w.node);
    w.disk_takes = changes;
    sim_node_start(w.node, main_write_on, &w);
    settle(w.sim);
    sim_node_cut_power(w.node);
    look_again(&w);
    for (int id = 1; id <= CHANGES; id++)
        lost += w.acked[id] && !w.found[id];
    lost += w.rc != 0 || strcmp(w.check, "ok") != 0 || w.torn;
    sim_free(w.sim);
    return lost;
}

/* The kernel shows the next process what the sync of the first did not write, as if it had. */
static void what_is_written_behind_a_failed_sync_of_an_earlier_process_is_safe(void **state)
{
    int lost = 0;

    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS / 4; seed++)
        for (int64_t changes = 1; changes <= 60; changes++)
            lost += fail_and_go_on(seed, 4, changes) + fail_and_go_on(seed, CHANGES / 2 + 2, changes);
    assert_int_equal(lost, 0);
}

static void open_once(struct io *io, void *arg)
{
    struct world *w = arg;
    struct db *d = NULL;

    if (!open_db(io, w, &d))
        db_close(d);
}

/* Of a database that is being made: what the disk refuses then is told, and the next opening begins where it
 * was. */
static void a_first_opening_that_the_disk_refuses_is_made_again(void **state)
{
    int refused = 0;

    (void)state;
    for (uint64_t seed = 1; seed <= 5 * SEEDS; seed++) {
        struct world w = { .rc = -1 };

        begin(&w, seed);
        sim_node_set_disk_faults(w.node, true);
        sim_set_faults(w.sim, &(struct sim_faults){ .fsync_fails = 0.3 });
        for (int i = 0; i < 3; i++) {
            sim_node_start(w.node, open_once, &w);
            settle(w.sim);
            refused += w.rc != 0;
        }
        sim_set_faults(w.sim, &(struct sim_faults){ 0 });
        sim_node_start(w.node, open_once, &w);
        settle(w.sim);
        assert_int_equal(w.rc, 0);
        look_again(&w);
        assert_string_equal(w.check, "ok");
        sim_free(w.sim);
    }
    assert_true(refused > SEEDS);
}

static void a_write_cut_short_is_no_change(void **state)
{
    (void)state;
    write_on_a_bad_disk(&(struct sim_faults){ .short_write = 0.1 });
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_acknowledged_survives_a_power_cut_at_any_moment),
        cmocka_unit_test(without_syncs_a_power_cut_loses_changes),
        cmocka_unit_test(a_killed_process_leaves_what_it_wrote_even_unsynced),
        cmocka_unit_test(a_lost_disk_is_empty),
        cmocka_unit_test(a_change_refused_by_a_full_disk_is_taken_once_there_is_room),
        cmocka_unit_test(a_change_whose_sync_failed_is_safe_when_it_is_made_again),
        cmocka_unit_test(what_is_written_behind_a_failed_sync_of_an_earlier_process_is_safe),
        cmocka_unit_test(a_first_opening_that_the_disk_refuses_is_made_again),
        cmocka_unit_test(a_write_cut_short_is_no_change),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
