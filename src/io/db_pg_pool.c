/*
 * io/db_pg_pool.c: the connections of one process to PostgreSQL. A fiber that has work takes one, and waits
 * on a worker thread; one more connection listens for notifications.
 */
#include <assert.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "io/db_engine.h"

enum { CONNECTIONS = 6, LISTEN_TURN_MS = 300, LISTEN_PAUSE_MS = 1000, SCHEMA_MAX_BYTES = 1024 * 1024 };

/* Two processes that start at once migrate one after the other. */
#define MIGRATION_LOCK "SELECT pg_advisory_xact_lock(5475294613)"

struct pg_pool {
    struct io *io;
    struct pg_conn *idle[CONNECTIONS];
    size_t idle_count, busy, waiting;
    struct cond changed;
    struct group *listeners; /* and who tells */
    struct pg_words words;   /* to be told */
    bool is_telling;
    struct pg_conn *listening;
    struct db_listener listener;
    char *url;
    uint64_t commits;
};

struct job {
    struct pg_conn *conn;
    const struct pg_work *work;
    struct err *e;
    int rc;
};

static void run_job(void *arg)
{
    struct job *j = arg;

    j->rc = pg_transact(j->conn, j->work, j->e);
}

/*
 * Words go in transactions of their own: the commit of one that notifies holds a lock of the whole database
 * while it is written to the disk, so that no two of them could share a write.
 */
static int tell(struct db_conn *c, void *arg, struct err *e)
{
    const struct pg_words *words = arg;
    int rc = 0;

    for (size_t i = 0; !rc && i < words->len; i++)
        rc = db_run(c, NULL, e, "SELECT pg_notify(?, ?)", "zz", words->at[i].channel, words->at[i].text);
    return rc;
}

static void tell_run(void *arg)
{
    struct pg_pool *p = arg;

    while (p->words.len) {
        struct pg_words now = p->words;

        p->words = (struct pg_words){ 0 };
        (void)!pg_pool_work(p, &(struct pg_work){ tell, &now, PG_LOCKING }, NULL);
        free(now.at);
    }
    p->is_telling = false;
}

static void take_words(struct pg_pool *p, const struct pg_words *said)
{
    for (size_t i = 0; i < said->len; i++)
        pg_words_add(&p->words, said->at[i].channel, str_of(said->at[i].text));
    if (p->words.len && !p->is_telling) {
        p->is_telling = true;
        group_spawn(p->listeners, "db teller", tell_run, p);
    }
}

/* In the order in which they came: who comes just as a connection is free stands behind those who wait. */
static int take_idle(struct pg_pool *p, struct pg_conn **ret, struct err *e)
{
    int rc = 0;

    if (p->waiting > 0 || !p->idle_count) {
        p->waiting++;
        do
            rc = cond_wait(p->io, &p->changed, -1, e);
        while (!rc && !p->idle_count);
        p->waiting--;
    }
    if (!rc)
        *ret = p->idle[--p->idle_count];
    if (p->idle_count)
        cond_signal(p->io, &p->changed);
    return rc;
}

int pg_pool_work(struct pg_pool *p, const struct pg_work *w, struct err *e)
{
    struct job j = { .work = w, .e = e };
    int rc = take_idle(p, &j.conn, e);

    if (rc)
        return rc;
    p->busy++;
    rc = io_work(p->io, run_job, &j, e);
    p->busy--;
    p->idle[p->idle_count++] = j.conn;
    if (!rc && !j.rc && !pg_work_reads(w)) {
        p->commits++;
        take_words(p, pg_conn_words(pg_conn_base(j.conn)));
    }
    cond_signal(p->io, &p->changed);
    return rc ? rc : j.rc;
}

uint64_t pg_pool_commits(const struct pg_pool *p)
{
    return p->commits;
}

const char *pg_pool_url(const struct pg_pool *p)
{
    return p->url;
}

/* --- the schema ----------------------------------------------------------------------------------------- */

struct migration {
    struct pg_conn *conn;
    const char *const *steps;
};

static int read_version(struct db_conn *c, int64_t *ret, struct err *e)
{
    struct db_stmt *s = NULL;
    bool row = false;
    int rc = db_query(c, &s, e, "SELECT coalesce(max(version), 0) FROM slipway_schema", "");

    rc = rc ? rc : db_step(s, &row, e);
    if (!rc && row) {
        *ret = db_col_i64(s, 0);
        db_finish(s);
    }
    return rc;
}

static int migrate_step(struct pg_conn *c, int64_t from, const char *sql, struct err *e)
{
    AUTO_STRBUF struct strbuf text = STRBUF(SCHEMA_MAX_BYTES);
    struct err why = { 0 };
    int rc;

    pg_schema_text(&text, sql);
    rc = strbuf_check(&text, e);
    rc = rc ? rc : pg_exec(c, strbuf_cstr(&text), &why);
    if (rc)
        return err_set(e, ERR_STORE, "cannot bring the format from %lld to %lld: %s", (long long)from,
                       (long long)from + 1, why.msg);
    return db_run(pg_conn_base(c), NULL, e, "INSERT INTO slipway_schema (version) VALUES (?)", "i", from + 1);
}

static int migrate(struct db_conn *base, void *arg, struct err *e)
{
    const struct migration *m = arg;
    int64_t version = 0, known = 0;
    int rc =
        pg_exec(m->conn,
                MIGRATION_LOCK "; CREATE TABLE IF NOT EXISTS slipway_schema (version BIGINT PRIMARY KEY)", e);

    while (m->steps && m->steps[known])
        known++;
    rc = rc ? rc : read_version(base, &version, e);
    if (!rc && version > known)
        return err_set(e, ERR_STORE,
                       "the database has format %lld, and this program knows %lld: use a newer one",
                       (long long)version, (long long)known);
    for (; !rc && version < known; version++)
        rc = migrate_step(m->conn, version, m->steps[version], e);
    return rc;
}

/* --- opening and closing -------------------------------------------------------------------------------- */

int pg_pool_open(struct io *io, const struct db_options *o, struct pg_pool **ret, struct err *e)
{
    struct pg_pool *p = xcalloc(1, sizeof(*p));
    struct migration m = { .steps = o->migrations };
    int rc;

    p->io = io;
    p->url = xstrdup(o->url);
    p->listeners = group_new(io);
    for (size_t i = 0; i < CONNECTIONS; i++)
        p->idle[p->idle_count++] = pg_conn_new(o->url);
    m.conn = p->idle[p->idle_count - 1]; /* the one that is taken first */
    rc = pg_pool_work(p, &(struct pg_work){ migrate, &m, PG_LOCKING }, e);
    if (rc) {
        pg_pool_close(p);
        return rc;
    }
    *ret = p;
    return 0;
}

void pg_pool_close(struct pg_pool *p)
{
    if (!p)
        return;
    group_end(p->listeners);
    assert(!p->busy); /* who works is of a group that has ended */
    for (size_t i = 0; i < p->idle_count; i++)
        pg_conn_free(p->idle[i]);
    pg_conn_free(p->listening);
    free(p->words.at);
    mem_free_wiped(p->url);
    free(p);
}

/* --- notifications -------------------------------------------------------------------------------------- */

struct turn {
    struct pg_pool *pool;
    struct str text;
    bool fresh; /* a new connection: what was said before it is not known */
    struct err e;
    int rc;
};

static void listen_turn(void *arg)
{
    struct turn *t = arg;
    struct pg_conn *c = t->pool->listening;
    char sql[80];

    t->rc = pg_conn_open(c, &t->e);
    if (!t->rc && t->fresh) {
        snprintf(sql, sizeof(sql), "LISTEN %s", t->pool->listener.channel);
        t->rc = pg_exec(c, sql, &t->e);
    }
    if (!t->rc)
        t->rc = pg_next_notice(c, LISTEN_TURN_MS, &t->text, &t->e);
}

static void listen_run(void *arg)
{
    struct pg_pool *p = arg;
    bool fresh = true;

    for (;;) {
        struct turn t = { .pool = p, .fresh = fresh };

        if (io_work(p->io, listen_turn, &t, NULL))
            return;
        if (!t.rc && fresh)
            p->listener.heard(p->listener.ctx, (struct str){ NULL, 0 });
        if (!t.rc && t.text.ptr)
            p->listener.heard(p->listener.ctx, t.text);
        fresh = t.rc != 0;
        if (fresh) {
            pg_conn_free(p->listening);
            p->listening = pg_conn_new(p->url);
        }
        if (fresh && io_sleep(p->io, LISTEN_PAUSE_MS, NULL))
            return;
    }
}

int pg_pool_listen(struct pg_pool *p, const struct db_listener *l, struct err *e)
{
    p->listener = *l;
    p->listening = pg_conn_new(p->url);
    group_spawn(p->listeners, "db listener", listen_run, p);
    return 0;
}
