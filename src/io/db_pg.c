/*
 * io/db_pg.c: one connection to PostgreSQL: its statements, prepared once by text, and its transactions. All
 * calls block, so they are made on worker threads.
 */
#include <assert.h>
#include <libpq-fe.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/map.h"
#include "base/mem.h"
#include "io/db_engine.h"

enum {
    TRIES_MAX = 50,
    PAUSE_US = 500, /* doubled with each try, with jitter */
    PAUSE_MAX_US = 50000,
    VALUES_MAX = 40,
    NUMBER_BYTES = 32,
    TEXT_OID = 25,
    INT8_OID = 20,
    FLOAT8_OID = 701
};

struct pg_conn {
    struct db_head head;
    char *url;
    PGconn *pg;
    struct map *prepared; /* SQL text -> its name on the server, "s1" */
    struct pg_stmt *open; /* those whose rows are being read */
    const char *begin;    /* of the transaction, until it goes with its first statement */
    bool is_ending;       /* the answer to a reader's commit is not taken yet */
    bool is_lost;         /* what goes on with it is not known */
    int64_t changes;
    unsigned names, seed;
    bool again; /* the transaction met another one, and is to be tried again */
    struct pg_words words;
    PGnotify *notice;
};

struct pg_stmt {
    struct db_head head;
    struct pg_conn *conn;
    PGresult *result;
    int row; /* of those that were stepped to; -1: before the first */
    struct pg_stmt *next, *prev;
};

struct db_conn *pg_conn_base(struct pg_conn *c)
{
    return (struct db_conn *)c;
}

/* --- failures ------------------------------------------------------------------------------------------- */

/* The server's own words, on one line. */
static int fail(struct pg_conn *c, const PGresult *r, struct err *e)
{
    const char *state = r ? PQresultErrorField(r, PG_DIAG_SQLSTATE) : NULL;
    const char *text = r ? PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY) : NULL;
    struct str words = str_trim(str_of(text ? text : PQerrorMessage(c->pg)));
    enum err_code code = state && strncmp(state, "23", 2) == 0 ? ERR_CONFLICT : ERR_STORE;
    ptrdiff_t line = str_find(words, STR("\n"));

    if (state && (strcmp(state, "40001") == 0 || strcmp(state, "40P01") == 0))
        c->again = true;
    return err_set(e, code, "PostgreSQL: %.*s", STR_ARG(line < 0 ? words : str_sub(words, 0, (size_t)line)));
}

static bool went_well(const PGresult *r)
{
    return PQresultStatus(r) == PGRES_COMMAND_OK || PQresultStatus(r) == PGRES_TUPLES_OK;
}

int pg_exec(struct pg_conn *c, const char *sql, struct err *e)
{
    const char *begin = c->begin;
    PGresult *r;
    int rc;

    c->begin = NULL;
    rc = begin ? pg_exec(c, begin, e) : 0;
    if (rc)
        return rc;
    r = PQexec(c->pg, sql);
    rc = went_well(r) ? 0 : fail(c, r, e);
    PQclear(r);
    return rc;
}

/* --- statements ----------------------------------------------------------------------------------------- */

static void pg_finish(struct db_stmt *base)
{
    struct pg_stmt *s = (struct pg_stmt *)base;

    if (s->prev)
        s->prev->next = s->next;
    else
        s->conn->open = s->next;
    if (s->next)
        s->next->prev = s->prev;
    PQclear(s->result);
    free(s);
}

static void finish_all(struct pg_conn *c)
{
    while (c->open) {
        struct db_stmt *first = (struct db_stmt *)c->open;

        pg_finish(first); /* NOLINT(clang-analyzer-unix.Malloc): it unlinks what it frees */
    }
}

static bool free_name(struct str key, void *value, void *ctx)
{
    free(value);
    return true;
}

static void disconnect(struct pg_conn *c)
{
    finish_all(c);
    if (c->prepared)
        map_each(c->prepared, free_name, NULL);
    map_free(c->prepared);
    c->prepared = NULL;
    PQfinish(c->pg);
    c->pg = NULL;
    c->is_ending = c->is_lost = false;
}

/* "?" becomes "$1", "$2" ...; those in quotes stay. */
static void number_places(struct strbuf *out, const char *sql)
{
    unsigned n = 0;
    bool quoted = false;

    for (; *sql; sql++) {
        quoted ^= *sql == '\'';
        if (*sql == '?' && !quoted)
            strbuf_addf(out, "$%u", ++n);
        else
            strbuf_addc(out, *sql);
    }
}

static Oid type_of(char letter)
{
    return letter == 'i' ? INT8_OID : letter == 'd' ? FLOAT8_OID : letter == 'n' ? 0 : TEXT_OID;
}

static int prepare(struct pg_conn *c, const struct db_text *t, const char **ret, struct err *e)
{
    AUTO_STRBUF struct strbuf sql = STRBUF(64 * 1024);
    Oid types[VALUES_MAX];
    size_t n = strlen(t->types);
    char *name = xcalloc(1, 16);
    PGresult *r;
    int rc = 0;

    assert(n <= VALUES_MAX);
    for (size_t i = 0; i < n; i++)
        types[i] = type_of(t->types[i]);
    number_places(&sql, t->sql);
    snprintf(name, 16, "s%u", ++c->names);
    r = PQprepare(c->pg, name, strbuf_cstr(&sql), (int)n, types);
    if (PQresultStatus(r) != PGRES_COMMAND_OK)
        rc = fail(c, r, e);
    PQclear(r);
    if (rc) {
        free(name);
        return rc;
    }
    map_put(c->prepared, str_of(t->sql), name);
    *ret = name;
    return 0;
}

/* The values of one execution, as text. */
struct values {
    char numbers[VALUES_MAX][NUMBER_BYTES];
    char *copies[VALUES_MAX];
    const char *at[VALUES_MAX];
    size_t len;
};

static int add_text(struct values *v, struct str s, struct err *e)
{
    if (s.ptr && memchr(s.ptr, '\0', s.len))
        return err_set(e, ERR_INVALID, "PostgreSQL keeps no text with a NUL byte in it");
    v->copies[v->len] = s.ptr ? xstrndup(s.ptr, s.len) : NULL;
    v->at[v->len] = v->copies[v->len];
    return 0;
}

static int add_value(struct values *v, char type, va_list *from, struct err *e)
{
    char *number = v->numbers[v->len];

    switch (type) {
    case 's':
        return add_text(v, va_arg(*from, struct str), e);
    case 'z':
        return add_text(v, str_of(va_arg(*from, const char *)), e);
    case 'i':
        snprintf(number, NUMBER_BYTES, "%lld", (long long)va_arg(*from, int64_t));
        break;
    case 'd':
        snprintf(number, NUMBER_BYTES, "%.17g", va_arg(*from, double));
        break;
    default:
        assert(type == 'n');
        number = NULL;
    }
    v->at[v->len] = number;
    return 0;
}

static void values_done(struct values *v)
{
    for (size_t i = 0; i < v->len; i++)
        mem_free_wiped(v->copies[i]);
}

/* The result of one statement of a pipeline, and the mark behind it. */
static PGresult *piped_result(struct pg_conn *c)
{
    PGresult *r = PQgetResult(c->pg);

    PQclear(PQgetResult(c->pg));
    return r;
}

/* The transaction's begin and its first statement, on one way to the server and back. NULL or a result that
 * failed: the connection says why. */
static PGresult *execute_first(struct pg_conn *c, const char *begin, const char *name, const struct values *v)
{
    PGresult *begun, *r;

    if (!PQenterPipelineMode(c->pg) || !PQsendQueryParams(c->pg, begin, 0, NULL, NULL, NULL, NULL, 0) ||
        !PQsendQueryPrepared(c->pg, name, (int)v->len, v->at, NULL, NULL, 0) || !PQpipelineSync(c->pg)) {
        c->is_lost = true;
        return NULL;
    }
    begun = piped_result(c);
    r = piped_result(c);
    PQclear(PQgetResult(c->pg)); /* of the sync */
    if (!went_well(begun)) {     /* then r says no more than that it was passed over */
        PQclear(r);
        r = begun;
    } else {
        PQclear(begun);
    }
    c->is_lost = !PQexitPipelineMode(c->pg);
    return r;
}

static int execute(struct pg_conn *c, const char *name, const struct values *v, struct err *e)
{
    const char *begin = c->begin;
    PGresult *r;
    struct pg_stmt *s;

    c->begin = NULL;
    r = begin ? execute_first(c, begin, name, v)
              : PQexecPrepared(c->pg, name, (int)v->len, v->at, NULL, NULL, 0);
    if (!went_well(r)) {
        int rc = fail(c, r, e);

        PQclear(r);
        return rc;
    }
    s = xcalloc(1, sizeof(*s));
    *s = (struct pg_stmt){ c->head, c, r, -1, c->open, NULL };
    if (c->open)
        c->open->prev = s;
    c->open = s;
    c->changes = strtoll(PQcmdTuples(r), NULL, 10);
    return 0;
}

static int pg_query(struct db_conn *base, struct db_stmt **ret, const struct db_text *t, struct err *e)
{
    struct pg_conn *c = (struct pg_conn *)base;
    struct values v = { .len = 0 };
    const char *name = map_get(c->prepared, str_of(t->sql));
    int rc = name ? 0 : prepare(c, t, &name, e);

    for (const char *type = t->types; !rc && *type; type++) {
        rc = add_value(&v, *type, t->values, e);
        v.len += rc == 0;
    }
    rc = rc ? rc : execute(c, name, &v, e);
    values_done(&v);
    if (!rc)
        *ret = (struct db_stmt *)c->open;
    return rc;
}

static int pg_step(struct db_stmt *base, bool *ret_row, struct err *e)
{
    struct pg_stmt *s = (struct pg_stmt *)base;

    *ret_row = ++s->row < PQntuples(s->result);
    if (!*ret_row)
        pg_finish(base);
    return 0;
}

static int64_t pg_changes(struct db_conn *base)
{
    return ((struct pg_conn *)base)->changes;
}

static int64_t pg_last_id(struct db_conn *base)
{
    PGresult *r = PQexec(((struct pg_conn *)base)->pg, "SELECT lastval()");
    int64_t id = PQntuples(r) == 1 ? strtoll(PQgetvalue(r, 0, 0), NULL, 10) : 0;

    PQclear(r);
    return id;
}

static bool pg_col_is_null(struct db_stmt *base, int col)
{
    struct pg_stmt *s = (struct pg_stmt *)base;

    return PQgetisnull(s->result, s->row, col) == 1;
}

static struct str pg_col_str(struct db_stmt *base, int col)
{
    struct pg_stmt *s = (struct pg_stmt *)base;

    if (pg_col_is_null(base, col))
        return (struct str){ NULL, 0 };
    return (struct str){ PQgetvalue(s->result, s->row, col), (size_t)PQgetlength(s->result, s->row, col) };
}

static int64_t pg_col_i64(struct db_stmt *base, int col)
{
    struct str text = pg_col_str(base, col);

    return text.ptr ? strtoll(text.ptr, NULL, 10) : 0;
}

static double pg_col_double(struct db_stmt *base, int col)
{
    struct str text = pg_col_str(base, col);

    return text.ptr ? strtod(text.ptr, NULL) : 0;
}

static const struct db_engine pg_engine = { .query = pg_query,
                                            .step = pg_step,
                                            .finish = pg_finish,
                                            .changes = pg_changes,
                                            .last_id = pg_last_id,
                                            .col_str = pg_col_str,
                                            .col_i64 = pg_col_i64,
                                            .col_double = pg_col_double,
                                            .col_is_null = pg_col_is_null };

/* --- the connection ------------------------------------------------------------------------------------- */

struct pg_conn *pg_conn_new(const char *url)
{
    struct pg_conn *c = xcalloc(1, sizeof(*c));

    c->head.engine = &pg_engine;
    c->url = xstrdup(url);
    c->seed = (unsigned)((uintptr_t)c >> 4);
    return c;
}

void pg_conn_free(struct pg_conn *c)
{
    if (!c)
        return;
    PQfreemem(c->notice);
    free(c->words.at);
    disconnect(c);
    mem_free_wiped(c->url);
    free(c);
}

static void drop_message(void *arg, const char *message)
{
}

/* What is left of a reader's commit. Nothing of it can be lost but the connection. */
static void take_end(struct pg_conn *c)
{
    PGresult *r;

    while (c->is_ending && (r = PQgetResult(c->pg)) != NULL)
        PQclear(r);
    c->is_ending = false;
}

static bool is_connected(const struct pg_conn *c)
{
    return c->pg && !c->is_lost && PQstatus(c->pg) == CONNECTION_OK;
}

int pg_conn_open(struct pg_conn *c, struct err *e)
{
    int rc;

    take_end(c);
    if (is_connected(c))
        return 0;
    disconnect(c);
    c->prepared = map_new();
    c->pg = PQconnectdb(c->url);
    if (PQstatus(c->pg) != CONNECTION_OK) {
        rc = fail(c, NULL, e);
        disconnect(c);
        return rc;
    }
    PQsetNoticeProcessor(c->pg, drop_message, NULL);
    return pg_exec(c, "SET client_encoding TO 'UTF8'", e);
}

/* --- transactions --------------------------------------------------------------------------------------- */

/* A reader's commit is sent, and its answer taken when the connection is used again. */
static void end_later(struct pg_conn *c)
{
    c->is_ending = PQsendQuery(c->pg, "COMMIT") == 1;
    c->is_lost = !c->is_ending;
}

/* One try. *ret_sent: the commit was asked for, so that its effect is in doubt when no answer comes. */
static int transact_once(struct pg_conn *c, const struct pg_work *w, bool *ret_sent, struct err *e)
{
    int rc;

    c->begin = w->begin;
    c->words.len = 0;
    rc = w->fn(pg_conn_base(c), w->arg, e);
    finish_all(c);
    if (c->begin) { /* it asked nothing */
        c->begin = NULL;
        return rc;
    }
    if (!rc && pg_work_reads(w)) {
        end_later(c);
        return 0;
    }
    if (!rc) {
        *ret_sent = true;
        rc = pg_exec(c, "COMMIT", e);
    }
    if (rc && is_connected(c) && PQtransactionStatus(c->pg) != PQTRANS_IDLE)
        (void)!pg_exec(c, "ROLLBACK", NULL);
    return rc;
}

static void pause_before(struct pg_conn *c, unsigned attempt)
{
    unsigned us = PAUSE_US << (attempt < 7 ? attempt : 7);

    us = us > PAUSE_MAX_US ? PAUSE_MAX_US : us;
    (void)usleep(us / 2 + (unsigned)rand_r(&c->seed) % us);
}

int pg_transact(struct pg_conn *c, const struct pg_work *w, struct err *e)
{
    bool reconnected = false;

    for (unsigned attempt = 0;; attempt++) {
        struct err why = { 0 };
        bool sent = false;
        int rc = pg_conn_open(c, &why);
        bool opened = rc == 0;

        c->again = false;
        rc = opened ? transact_once(c, w, &sent, &why) : rc;
        if (!rc)
            return 0;
        if (c->again && attempt < TRIES_MAX) {
            pause_before(c, attempt);
            continue;
        }
        if (opened && !sent && !reconnected && !is_connected(c)) {
            reconnected = true;
            continue;
        }
        if (sent && !is_connected(c))
            return err_set(e, ERR_STORE, "%s (whether the change was made is not known)", why.msg);
        if (e)
            *e = why;
        return rc;
    }
}

bool pg_work_reads(const struct pg_work *w)
{
    return strcmp(w->begin, PG_READ) == 0;
}

/* --- notifications -------------------------------------------------------------------------------------- */

void pg_words_add(struct pg_words *to, const char *channel, struct str text)
{
    struct pg_word word = { .channel = channel };

    assert(text.len < sizeof(word.text));
    memcpy(word.text, text.ptr, text.len);
    for (size_t i = 0; i < to->len; i++)
        if (strcmp(to->at[i].channel, channel) == 0 && strcmp(to->at[i].text, word.text) == 0)
            return;
    if (to->len == to->cap) {
        to->cap = to->cap ? 2 * to->cap : 4;
        to->at = xrealloc(to->at, to->cap * sizeof(*to->at));
    }
    to->at[to->len++] = word;
}

struct pg_words *pg_conn_words(struct db_conn *base)
{
    return &((struct pg_conn *)base)->words;
}

int pg_next_notice(struct pg_conn *c, int wait_ms, struct str *ret, struct err *e)
{
    struct pollfd p = { .fd = PQsocket(c->pg), .events = POLLIN };

    PQfreemem(c->notice);
    c->notice = PQnotifies(c->pg);
    if (!c->notice && poll(&p, 1, wait_ms) > 0) {
        if (!PQconsumeInput(c->pg))
            return fail(c, NULL, e);
        c->notice = PQnotifies(c->pg);
    }
    *ret = c->notice ? str_of(c->notice->extra) : (struct str){ NULL, 0 };
    return PQstatus(c->pg) == CONNECTION_OK ? 0 : fail(c, NULL, e);
}
