/* io/db: group commit, rollback, migrations and refusals, on the real world with its worker threads. */
#include "../test.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/db.h"
#include "io/real.h"

static const char *const migrations[] = {
    "CREATE TABLE item(id INTEGER PRIMARY KEY, name TEXT UNIQUE, cost REAL);",
    "ALTER TABLE item ADD COLUMN state TEXT NOT NULL DEFAULT 'new';"
    "CREATE TABLE part(item INTEGER NOT NULL REFERENCES item(id));",
    NULL,
};

struct fixture {
    char folder[FOLDER_SIZE], path[96];
    void (*body)(struct io *io, struct fixture *f);
    struct db *db;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    folder_make(f->folder);
    snprintf(f->path, sizeof(f->path), "%s/test.db", f->folder);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    folder_remove(f->folder);
    free(f);
    return 0;
}

static struct db *open_db(struct io *io, struct fixture *f)
{
    struct err e = { 0 };
    struct db *d = NULL;

    must(db_open(io, &(struct db_options){ .path = f->path, .migrations = migrations }, &d, &e), &e);
    return d;
}

static int open_fails(struct io *io, struct fixture *f, const char *const *steps, struct err *e)
{
    struct db *d = NULL;
    int rc = db_open(io, &(struct db_options){ .path = f->path, .migrations = steps }, &d, e);

    assert_null(d);
    return rc;
}

static int body_main(struct io *io, void *arg, struct err *e)
{
    struct fixture *f = arg;

    (void)e;
    f->body(io, f);
    return 0;
}

static void run(void **state, void (*body)(struct io *io, struct fixture *f))
{
    struct fixture *f = *state;
    struct err e = { 0 };

    f->body = body;
    assert_int_equal(io_real_run(body_main, f, &e), 0);
}

/* --- statements used by the tests ----------------------------------------------------------------------- */
static int insert_name(struct db_conn *c, void *arg, struct err *e)
{
    return db_run(c, NULL, e, "INSERT INTO item(name) VALUES(?)", "z", (const char *)arg);
}

static int count_items(struct db_conn *c, void *arg, struct err *e)
{
    struct db_stmt *s = NULL;
    bool row = false;
    int rc = db_query(c, &s, e, "SELECT count(*) FROM item", "");

    rc = rc ? rc : db_step(s, &row, e);
    if (!rc)
        *(int64_t *)arg = db_col_i64(s, 0);
    db_finish(s);
    return rc;
}

static int64_t items(struct db *d)
{
    int64_t n = -1;
    struct err e = { 0 };

    must(db_read(d, count_items, &n, &e), &e);
    return n;
}

static void write_name(struct db *d, const char *name)
{
    struct err e = { 0 };

    must(db_write(d, insert_name, (void *)(uintptr_t)name, &e), &e);
}

/* --- opening -------------------------------------------------------------------------------------------- */
static void body_private(struct io *io, struct fixture *f)
{
    struct db *d = open_db(io, f);
    struct stat st;
    char log[128];

    write_name(d, "a");
    snprintf(log, sizeof(log), "%s-wal", f->path);

    assert_int_equal(stat(f->path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(stat(log, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    db_close(d);
}
static void file_and_log_are_private_whatever_the_umask(void **state)
{
    mode_t old = umask(0);

    run(state, body_private);
    umask(old);
}

static void body_reopen(struct io *io, struct fixture *f)
{
    struct db *d = open_db(io, f);

    write_name(d, "a");
    db_close(d);
    d = open_db(io, f);

    assert_int_equal(items(d), 1);
    db_close(d);
}
static void what_was_written_is_there_after_reopening(void **state)
{
    run(state, body_reopen);
}

static void body_migrate(struct io *io, struct fixture *f)
{
    const char *const first_only[] = { migrations[0], NULL };
    struct err e = { 0 };
    struct db *d = NULL;

    assert_int_equal(db_open(io, &(struct db_options){ .path = f->path, .migrations = first_only }, &d, &e),
                     0);
    write_name(d, "old");
    db_close(d);

    d = open_db(io, f);
    assert_int_equal(items(d), 1);
    db_close(d);
}
static void an_older_file_is_brought_up_to_date_with_its_rows(void **state)
{
    run(state, body_migrate);
}

static void body_newer(struct io *io, struct fixture *f)
{
    const char *const first_only[] = { migrations[0], NULL };
    struct err e = { 0 };

    db_close(open_db(io, f));

    assert_int_equal(open_fails(io, f, first_only, &e), -ERR_STORE);
    assert_non_null(strstr(e.msg, f->path));
    assert_non_null(strstr(e.msg, "format 2, this one knows up to 1"));
}
static void a_file_of_a_newer_program_is_refused_with_both_versions(void **state)
{
    run(state, body_newer);
}

static void body_bad_step(struct io *io, struct fixture *f)
{
    const char *const steps[] = { migrations[0], "CREATE TABLE extra(a); CREATE TABLE item(twice);", NULL };
    struct err e = { 0 };

    assert_int_equal(open_fails(io, f, steps, &e), -ERR_STORE);
    assert_non_null(strstr(e.msg, "from 1 to 2"));
    assert_non_null(strstr(e.msg, "already exists"));

    /* the first step holds, the second left nothing: the right second step can follow */
    const char *const better[] = { migrations[0], "CREATE TABLE extra(a);", NULL };
    struct db *d = NULL;
    assert_int_equal(db_open(io, &(struct db_options){ .path = f->path, .migrations = better }, &d, &e), 0);
    db_close(d);
}
static void a_step_that_fails_is_undone_and_named(void **state)
{
    run(state, body_bad_step);
}

static void scribble(const char *path, off_t at, const char *text, size_t len)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

    assert_true(fd >= 0);
    for (size_t i = 0; i < len; i += strlen(text))
        assert_true(pwrite(fd, text, strlen(text), at + (off_t)i) > 0);
    close(fd);
}

static void body_not_a_db(struct io *io, struct fixture *f)
{
    struct err e = { 0 };

    scribble(f->path, 0, "this is a diary, and quite long ", 4096);
    assert_int_equal(open_fails(io, f, migrations, &e), -ERR_STORE);
    assert_non_null(strstr(e.msg, f->path));
    assert_non_null(strstr(e.msg, "not a database"));
}
static void a_file_that_is_no_database_is_refused(void **state)
{
    run(state, body_not_a_db);
}

static void body_damaged(struct io *io, struct fixture *f)
{
    struct err e = { 0 };
    struct db *d = open_db(io, f);

    for (int i = 0; i < 20; i++) {
        char name[400];
        memset(name, 'a' + i, sizeof(name) - 1);
        name[sizeof(name) - 1] = '\0';
        write_name(d, name);
    }
    db_close(d);
    scribble(f->path, 4096, "garbage!", 4096); /* the table's root page */

    assert_int_equal(open_fails(io, f, migrations, &e), -ERR_STORE);
    assert_non_null(strstr(e.msg, f->path));
}
static void a_damaged_file_is_refused(void **state)
{
    run(state, body_damaged);
}

static void body_no_folder(struct io *io, struct fixture *f)
{
    struct err e = { 0 };

    snprintf(f->path, sizeof(f->path), "%s/none/test.db", f->folder);
    assert_int_equal(open_fails(io, f, migrations, &e), -ERR_STORE);
    assert_non_null(strstr(e.msg, f->path));
    assert_non_null(strstr(e.msg, "No such file"));
}
static void a_missing_folder_is_named(void **state)
{
    run(state, body_no_folder);
}

/* --- statements ----------------------------------------------------------------------------------------- */
static int round_trip(struct db_conn *c, void *arg, struct err *e)
{
    struct db_stmt *s = NULL;
    bool row = false;
    int64_t changes = 0;

    (void)arg;
    assert_int_equal(db_run(c, &changes, e, "INSERT INTO item(id, name, cost, state) VALUES(?, ?, ?, ?)",
                            "isdz", (int64_t)7000000000, ((struct str){ "a\0b", 3 }), 0.25, "new"),
                     0);
    assert_int_equal(changes, 1);
    assert_int_equal(db_last_id(c), 7000000000);
    assert_int_equal(db_run(c, NULL, e, "INSERT INTO item(name, cost) VALUES(?, ?)", "sn", (struct str){ 0 }),
                     0);
    assert_int_equal(db_query(c, &s, e, "SELECT id, name, cost FROM item ORDER BY id DESC", ""), 0);
    assert_int_equal(db_step(s, &row, e), 0);
    assert_true(row);
    assert_true(db_col_is_null(s, 1));
    assert_null(db_col_str(s, 1).ptr);
    assert_true(db_col_is_null(s, 2));
    assert_int_equal(db_step(s, &row, e), 0);
    assert_int_equal(db_col_i64(s, 0), 7000000000);
    assert_true(str_eq(db_col_str(s, 1), ((struct str){ "a\0b", 3 })));
    assert_true(db_col_double(s, 2) == 0.25);
    assert_int_equal(db_step(s, &row, e), 0);
    assert_false(row);
    return 0;
}
static void body_round_trip(struct io *io, struct fixture *f)
{
    struct db *d = open_db(io, f);

    assert_int_equal(db_write(d, round_trip, NULL, NULL), 0);
    db_close(d);
}
static void values_of_every_type_come_back_as_bound(void **state)
{
    run(state, body_round_trip);
}

/* Counts pairs with the same statement inside its own loop. */
static int nested(struct db_conn *c, void *arg, struct err *e)
{
    struct db_stmt *outer = NULL;
    bool row = true;
    int rc = db_query(c, &outer, e, "SELECT id FROM item", "");

    for (rc = rc ? rc : db_step(outer, &row, e); !rc && row; rc = db_step(outer, &row, e)) {
        struct db_stmt *inner = NULL;
        bool more = true;
        rc = db_query(c, &inner, e, "SELECT id FROM item", "");
        for (rc = rc ? rc : db_step(inner, &more, e); !rc && more; rc = db_step(inner, &more, e))
            ++*(int *)arg;
    }
    return rc;
}
static void body_nested(struct io *io, struct fixture *f)
{
    struct db *d = open_db(io, f);
    int pairs = 0;

    write_name(d, "a");
    write_name(d, "b");
    write_name(d, "c");

    assert_int_equal(db_read(d, nested, &pairs, NULL), 0);
    assert_int_equal(pairs, 9);
    db_close(d);
}
static void a_query_may_run_inside_a_loop_over_the_same_query(void **state)
{
    run(state, body_nested);
}

static int leave_open(struct db_conn *c, void *arg, struct err *e)
{
    struct db_stmt *s = NULL;
    bool row = false;
    int rc = db_query(c, &s, e, "SELECT id FROM item", "");

    (void)arg;
    return rc ? rc : db_step(s, &row, e);
}
static void body_left_open(struct io *io, struct fixture *f)
{
    struct db *d = open_db(io, f);

    write_name(d, "a");
    write_name(d, "b");
    assert_int_equal(db_read(d, leave_open, NULL, NULL), 0);
    assert_int_equal(db_write(d, leave_open, NULL, NULL), 0);
    write_name(d, "c");

    assert_int_equal(items(d), 3); /* an old snapshot would say 2 */
    db_close(d);
}
static void a_statement_left_open_holds_nothing_back(void **state)
{
    run(state, body_left_open);
}

static void body_conflict(struct io *io, struct fixture *f)
{
    struct db *d = open_db(io, f);
    struct err e = { 0 };
    char name[] = "same";

    write_name(d, name);
    assert_int_equal(db_write(d, insert_name, name, &e), -ERR_CONFLICT);
    assert_non_null(strstr(e.msg, "UNIQUE"));
    assert_int_equal(items(d), 1);
    db_close(d);
}
static void a_violated_constraint_is_a_conflict(void **state)
{
    run(state, body_conflict);
}

static int orphan(struct db_conn *c, void *arg, struct err *e)
{
    (void)arg;
    return db_run(c, NULL, e, "INSERT INTO part(item) VALUES(99)", "");
}
static void body_foreign(struct io *io, struct fixture *f)
{
    struct db *d = open_db(io, f);

    assert_int_equal(db_write(d, orphan, NULL, NULL), -ERR_CONFLICT);
    db_close(d);
}
static void foreign_keys_are_enforced(void **state)
{
    run(state, body_foreign);
}

static void body_read_only(struct io *io, struct fixture *f)
{
    struct db *d = open_db(io, f);
    struct err e = { 0 };
    char name[] = "a";

    assert_int_equal(db_read(d, insert_name, name, &e), -ERR_STORE);
    assert_non_null(strstr(e.msg, "readonly"));
    assert_int_equal(items(d), 0);
    db_close(d);
}
static void reading_cannot_write(void **state)
{
    run(state, body_read_only);
}

/* --- group commit --------------------------------------------------------------------------------------- */
enum { WRITERS = 200 };
struct writer {
    struct db *db;
    struct io *io;
    int number, rc;
    bool fails, cancelled_after;
    atomic_bool begun;
    int gate[2]; /* pipe */
};

static int insert_number(struct db_conn *c, void *arg, struct err *e)
{
    struct writer *w = arg;
    char name[32];

    snprintf(name, sizeof(name), "n%d", w->number);
    int rc = db_run(c, NULL, e, "INSERT INTO item(name) VALUES(?)", "z", name);
    if (!rc && w->fails)
        return err_set(e, ERR_INVALID, "changed its mind");
    return rc;
}

static int find_number(struct db_conn *c, void *arg, struct err *e)
{
    struct writer *w = arg;
    struct db_stmt *s = NULL;
    bool row = false;
    char name[32];

    snprintf(name, sizeof(name), "n%d", w->number);
    int rc = db_query(c, &s, e, "SELECT 1 FROM item WHERE name = ?", "z", name);
    rc = rc ? rc : db_step(s, &row, e);
    return rc ? rc : row ? 0 : -ERR_NOT_FOUND;
}

static void writer_run(void *arg)
{
    struct writer *w = arg;

    w->rc = db_write(w->db, insert_number, w, NULL);
    w->cancelled_after = io_cancelled(w->io);
    /* woken after the commit: the other connection sees it at once, or never */
    assert_int_equal(db_read(w->db, find_number, w, NULL), w->rc ? -ERR_NOT_FOUND : 0);
}

static void writers_run(struct io *io, struct db *d, int fail_every, struct writer *w)
{
    struct group *g = group_new(io);

    for (int i = 0; i < WRITERS; i++) {
        w[i].db = d;
        w[i].io = io;
        w[i].number = i;
        w[i].fails = fail_every && i % fail_every == 0;
        group_spawn(g, "test writer", writer_run, &w[i]);
    }
    group_wait(g);
    group_free(g);
}

static void body_group(struct io *io, struct fixture *f)
{
    struct db *d = open_db(io, f);
    struct writer *w = calloc(WRITERS, sizeof(*w));
    uint64_t before = db_commits(d);

    writers_run(io, d, 0, w);

    assert_int_equal(items(d), WRITERS);
    assert_in_range(db_commits(d) - before, 1, WRITERS / 10);
    free(w);
    db_close(d);
}
static void writes_that_wait_together_share_a_transaction(void **state)
{
    run(state, body_group);
}

static void body_rollback(struct io *io, struct fixture *f)
{
    struct db *d = open_db(io, f);
    struct writer *w = calloc(WRITERS, sizeof(*w));

    writers_run(io, d, 10, w);

    for (int i = 0; i < WRITERS; i++)
        assert_int_equal(w[i].rc, i % 10 ? 0 : -ERR_INVALID);
    assert_int_equal(items(d), WRITERS - WRITERS / 10);
    free(w);
    db_close(d);
}
static void a_failed_write_takes_only_its_own_changes_with_it(void **state)
{
    run(state, body_rollback);
}

/* --- cancelling ----------------------------------------------------------------------------------------- */
static int begin_and_linger(struct db_conn *c, void *arg, struct err *e)
{
    struct writer *w = arg;
    char byte;

    atomic_store(&w->begun, true);
    assert_int_equal(read(w->gate[0], &byte, 1),
                     1); /* on the worker: the loop goes on and cancels meanwhile */
    return insert_number(c, arg, e);
}

static void lingering_run(void *arg)
{
    struct writer *w = arg;

    w->rc = db_write(w->db, begin_and_linger, w, NULL);
    w->cancelled_after = io_cancelled(w->io);
}

static void body_cancel(struct io *io, struct fixture *f)
{
    struct db *d = open_db(io, f);
    struct writer under_way = { .db = d, .io = io, .number = 1 },
                  waiting = { .db = d, .io = io, .number = 2 };
    struct group *g = group_new(io);

    assert_int_equal(pipe2(under_way.gate, O_CLOEXEC), 0);
    group_spawn(g, "under way", lingering_run, &under_way);
    while (!atomic_load(&under_way.begun))
        assert_int_equal(io_sleep(io, 1, NULL), 0);
    group_spawn(g, "waiting", lingering_run, &waiting);
    assert_int_equal(io_sleep(io, 0, NULL), 0);
    group_cancel(g);
    assert_int_equal(io_sleep(io, 1, NULL), 0);
    assert_int_equal(group_count(g), 1); /* the waiting one has gone already */
    assert_int_equal(write(under_way.gate[1], "x", 1), 1);
    group_wait(g);
    group_free(g);

    assert_int_equal(under_way.rc, 0);
    assert_true(under_way.cancelled_after);
    assert_int_equal(waiting.rc, -ERR_CANCELLED);
    assert_int_equal(db_read(d, find_number, &under_way, NULL), 0);
    assert_int_equal(db_read(d, find_number, &waiting, NULL), -ERR_NOT_FOUND);
    close(under_way.gate[0]);
    close(under_way.gate[1]);
    db_close(d);
}
static void a_cancelled_write_under_way_tells_the_truth_and_a_waiting_one_does_nothing(void **state)
{
    run(state, body_cancel);
}

int main(void)
{
#define DB_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        DB_TEST(file_and_log_are_private_whatever_the_umask),
        DB_TEST(what_was_written_is_there_after_reopening),
        DB_TEST(an_older_file_is_brought_up_to_date_with_its_rows),
        DB_TEST(a_file_of_a_newer_program_is_refused_with_both_versions),
        DB_TEST(a_step_that_fails_is_undone_and_named),
        DB_TEST(a_file_that_is_no_database_is_refused),
        DB_TEST(a_damaged_file_is_refused),
        DB_TEST(a_missing_folder_is_named),
        DB_TEST(values_of_every_type_come_back_as_bound),
        DB_TEST(a_query_may_run_inside_a_loop_over_the_same_query),
        DB_TEST(a_statement_left_open_holds_nothing_back),
        DB_TEST(a_violated_constraint_is_a_conflict),
        DB_TEST(foreign_keys_are_enforced),
        DB_TEST(reading_cannot_write),
        DB_TEST(writes_that_wait_together_share_a_transaction),
        DB_TEST(a_failed_write_takes_only_its_own_changes_with_it),
        DB_TEST(a_cancelled_write_under_way_tells_the_truth_and_a_waiting_one_does_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
