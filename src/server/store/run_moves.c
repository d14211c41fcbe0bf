/*
 * server/store/run_moves.c: what changes a run's state, and with it the state of its queue item, in
 * one transaction.
 */
#include <stdio.h>
#include <string.h>

#include "base/jval.h"
#include "server/run_summary.h"
#include "server/store/store_internal.h"

enum { LINES_AT_ONCE = 500 };

struct run_now {
    int64_t id;
    enum run_state state;
    bool stop_asked;
    char item_uid[UID_SIZE]; /* "": none */
    int64_t lines[RUN_STREAM_COUNT_], packed[RUN_STREAM_COUNT_];
    int64_t rewinds, fork_lines;
    bool is_branch; /* has a summary from where it was forked or rewound to */
};

static int run_now(struct db_conn *c, int64_t id, struct run_now *ret, struct err *e)
{
    struct db_stmt *st = NULL;
    struct str uid;
    int rc = db_query(
        c, &st, e,
        "SELECT state, stop_asked, item_uid, history_lines, events_lines, history_packed, events_packed,"
        " rewinds, fork_lines, CASE WHEN branch_summary IS NULL THEN 0 ELSE 1 END FROM runs WHERE id = ?",
        "i", id);

    if (rc == 0)
        rc = step_one(st, "the run", e);
    if (rc < 0)
        return rc;
    *ret =
        (struct run_now){ .id = id,
                          .stop_asked = db_col_i64(st, 1) != 0,
                          .lines = { [RUN_HISTORY] = db_col_i64(st, 3), [RUN_EVENTS] = db_col_i64(st, 4) },
                          .packed = { [RUN_HISTORY] = db_col_i64(st, 5), [RUN_EVENTS] = db_col_i64(st, 6) },
                          .rewinds = db_col_i64(st, 7),
                          .fork_lines = db_col_i64(st, 8),
                          .is_branch = db_col_i64(st, 9) != 0 };
    if (!run_state_parse(db_col_str(st, 0), &ret->state))
        rc = err_set(e, ERR_STORE, "run %lld has an unknown state", (long long)id);
    uid = db_col_str(st, 2);
    if (uid.ptr && uid.len < sizeof(ret->item_uid))
        memcpy(ret->item_uid, uid.ptr, uid.len);
    db_finish(st);
    return rc;
}

struct run_move {
    int64_t now_unix_ms;
    enum run_state to;
    bool has_exit_code;
    int64_t exit_code;
};

static void item_word_of_run(struct store_item_word *w, const struct run_move *m, char *note, size_t size)
{
    if (m->to == RUN_CRASHED)
        snprintf(note, size, "its run stopped sending heartbeats");
    else if (m->has_exit_code)
        snprintf(note, size, "its run is %s with exit code %lld", run_state_name(m->to),
                 (long long)m->exit_code);
    else
        snprintf(note, size, "its run is %s", run_state_name(m->to));
    w->note = str_of(note);
    w->error = w->note;
    w->error_stage = STR("run");
}

static int run_move(struct db_conn *c, const struct run_now *now, const struct run_move *m, struct err *e)
{
    struct store_item_word w = { .uid = str_of(now->item_uid),
                                 .who = STR("run"),
                                 .now_unix_ms = m->now_unix_ms };
    char note[120];
    int rc = 0;

    if (m->has_exit_code)
        rc = db_run(c, NULL, e, "UPDATE runs SET exit_code = ? WHERE id = ?", "ii", m->exit_code, now->id);
    if (rc == 0 && m->to != now->state)
        rc = db_run(c, NULL, e, "UPDATE runs SET state = ? WHERE id = ?", "zi", run_state_name(m->to),
                    now->id);
    if (rc < 0 || m->to == now->state || !now->item_uid[0] || !run_state_item_event(m->to, &w.ev))
        return rc;
    item_word_of_run(&w, m, note, sizeof(note));
    rc = tx_item_tell(c, &w, false, e);
    return rc == -ERR_NOT_FOUND ? 0 : rc; /* the item may have been deleted since */
}

int tx_run_begin_again(struct db_conn *c, int64_t run_id, int64_t now_unix_ms, struct err *e)
{
    const struct run_event init = { .kind = RUN_EV_INIT };
    struct run_move m = { .now_unix_ms = now_unix_ms };
    struct run_now now = { 0 };
    int rc = db_run(c, NULL, e,
                    "UPDATE runs SET stop_asked = 0, exit_code = NULL, heartbeat_unix_ms = ? WHERE id = ?",
                    "ii", now_unix_ms, run_id);

    if (rc == 0)
        rc = run_now(c, run_id, &now, e);
    if (rc < 0)
        return rc;
    m.to = run_state_next(now.state, &init);
    return run_move(c, &now, &m, e);
}

/* --- what items do to their runs --- */

int tx_run_pending(struct db_conn *c, const struct run_ahead *r, struct err *e)
{
    struct db_stmt *st = NULL;
    struct store_new_project target = { .name = r->project, .now_unix_ms = r->now_unix_ms };
    int64_t project = 0;
    int rc = db_query(c, &st, e, "SELECT id FROM entities WHERE name = ?", "s", r->entity);

    if (rc == 0)
        rc = read_one(NULL, st, "the run's entity", i64_row, &target.entity_id, e);
    if (rc == 0)
        rc = tx_project_ensure(c, &target, &project, NULL, e);
    if (rc < 0)
        return rc;
    return db_run(c, NULL, e,
                  "INSERT INTO runs (project_id, name, state, user_id, item_uid, stop_asked, created_unix_ms,"
                  " heartbeat_unix_ms) VALUES (?, ?, 'pending',"
                  " coalesce((SELECT id FROM users WHERE username = ?), 0), ?, ?, ?, ?)"
                  " ON CONFLICT (project_id, name) DO UPDATE SET item_uid = excluded.item_uid,"
                  " stop_asked = excluded.stop_asked",
                  "isssiii", project, r->name, r->username, r->item_uid, (int64_t)r->stop_asked,
                  r->now_unix_ms, r->now_unix_ms);
}

int tx_run_of_item(struct db_conn *c, struct str item_uid, enum run_state state, struct err *e)
{
    return db_run(
        c, NULL, e,
        "UPDATE runs SET state = ? WHERE item_uid = ? AND state NOT IN ('finished', 'failed', 'killed')",
        "zs", run_state_name(state), item_uid);
}

int tx_run_stop_of_item(struct db_conn *c, struct str item_uid, struct err *e)
{
    return db_run(c, NULL, e,
                  "UPDATE runs SET stop_asked = 1 WHERE item_uid = ? AND state NOT IN ('finished', 'failed',"
                  " 'killed')",
                  "s", item_uid);
}

/* --- UpsertBucket --- */

struct upsert {
    struct arena *a;
    const struct store_run_upsert *in;
    struct store_run run;
    bool made;
};

static int run_insert(struct db_conn *c, const struct store_run_upsert *u, int64_t *ret_made, struct err *e)
{
    return db_run(c, ret_made, e,
                  "INSERT INTO runs (project_id, name, state, user_id, created_unix_ms,"
                  " heartbeat_unix_ms) VALUES (?, ?, 'pending', ?, ?, ?) ON CONFLICT DO NOTHING",
                  "isiii", u->project_id, u->name, u->user_id, u->now_unix_ms, u->now_unix_ms);
}

static int run_fill(struct db_conn *c, const struct store_run_upsert *u, int64_t id, struct err *e)
{
    return db_run(
        c, NULL, e,
        "UPDATE runs SET display_name = coalesce(?, display_name), description = coalesce(?, description),"
        " notes = coalesce(?, notes), group_name = coalesce(?, group_name),"
        " job_type = coalesce(?, job_type), host = coalesce(?, host), program = coalesce(?, program),"
        " repo = coalesce(?, repo), commit_id = coalesce(?, commit_id), sweep = coalesce(?, sweep),"
        " config = coalesce(?, config), summary = coalesce(?, summary), tags = coalesce(?, tags),"
        " heartbeat_unix_ms = ? WHERE id = ?",
        "sssssssssssssii", u->display_name, u->description, u->notes, u->group_name, u->job_type, u->host,
        u->program, u->repo, u->commit, u->sweep, u->config, u->summary, u->tags, u->now_unix_ms, id);
}

/* An item whose ack named another spelling of the project is found again by the id in the run's config. */
static int run_link_item(struct db_conn *c, const struct store_run_upsert *u, int64_t id, struct err *e)
{
    if (!u->item_uid.ptr)
        return 0;
    return db_run(c, NULL, e,
                  "UPDATE runs SET item_uid = (SELECT uid FROM items WHERE uid = ? AND run_name = ?"
                  " AND target_entity = (SELECT n.name FROM entities n JOIN projects p ON p.entity_id = n.id"
                  " WHERE p.id = runs.project_id))"
                  " WHERE id = ? AND item_uid IS NULL",
                  "ssi", u->item_uid, u->name, id);
}

static int run_upsert(struct db_conn *c, void *arg, struct err *e)
{
    struct upsert *u = arg;
    const struct store_run_upsert *in = u->in;
    const struct run_event init = { .kind = RUN_EV_INIT };
    struct run_move m = { .now_unix_ms = in->now_unix_ms };
    struct run_now now = { 0 };
    int64_t made = 0;
    int rc = run_insert(c, in, &made, e);

    if (rc == 0)
        rc = tx_run_by_name(c, u->a, in->project_id, in->name, &u->run, e);
    if (rc == 0)
        rc = run_fill(c, in, u->run.id, e);
    if (rc == 0)
        rc = run_link_item(c, in, u->run.id, e);
    if (rc == 0)
        rc = run_now(c, u->run.id, &now, e);
    if (rc < 0)
        return rc;
    m.to = run_state_next(now.state, &init);
    if (in->state.ptr && (!run_state_parse(in->state, &m.to) || made == 0))
        m.to = now.state;
    /* A run made ahead by an ack is new to the script that starts it. */
    u->made = made > 0 || (now.state == RUN_PENDING && m.to != RUN_PENDING);
    rc = run_move(c, &now, &m, e);
    return rc < 0 ? rc : tx_run_by_name(c, u->a, in->project_id, in->name, &u->run, e);
}

int store_run_upsert(struct store *s, struct arena *a, const struct store_run_upsert *u,
                     struct store_run *ret, bool *ret_made, struct err *e)
{
    struct upsert args = { .a = a, .in = u };
    int rc = db_write(s->db, run_upsert, &args, e);

    if (rc < 0)
        return rc;
    *ret = args.run;
    *ret_made = args.made;
    return 0;
}

/* --- set, stop --- */

struct set_state {
    int64_t run_id;
    enum run_state state;
    int64_t now_unix_ms;
    const struct store_by *by; /* of an ask for its end */
};

static int run_set_state(struct db_conn *c, void *arg, struct err *e)
{
    const struct set_state *o = arg;
    const struct run_move m = { .now_unix_ms = o->now_unix_ms, .to = o->state };
    struct run_now now = { 0 };
    int rc = run_now(c, o->run_id, &now, e);

    return rc < 0 ? rc : run_move(c, &now, &m, e);
}

int store_run_set_state(struct store *s, int64_t run_id, enum run_state state, int64_t now_unix_ms,
                        struct err *e)
{
    struct set_state o = { .run_id = run_id, .state = state, .now_unix_ms = now_unix_ms };

    return db_write(s->db, run_set_state, &o, e);
}

int tx_run_note(struct db_conn *c, int64_t run_id, const struct audit_note *what, const struct store_by *by,
                struct err *e)
{
    AUTO_PTR(arena) a = arena_new();
    struct audit_note note = *what;
    struct db_stmt *st = NULL;
    int rc = db_query(c, &st, e,
                      "SELECT n.name || '/' || p.name || '/' || r.name FROM runs r"
                      " JOIN projects p ON p.id = r.project_id JOIN entities n ON n.id = p.entity_id"
                      " WHERE r.id = ?",
                      "i", run_id);

    if (rc == 0)
        rc = step_one(st, "the run", e);
    if (rc < 0)
        return rc;
    note.object = arena_printf(a, "run %.*s", STR_ARG(db_col_str(st, 0)));
    db_finish(st);
    return tx_audit(c, by, &note, e);
}

int tx_run_ask_stop(struct db_conn *c, int64_t run_id, const struct store_by *by, struct err *e)
{
    struct run_now now = { 0 };
    struct store_item_word w = { .who = by->who,
                                 .now_unix_ms = by->now_unix_ms,
                                 .note = STR("asked to stop") };
    int rc = run_now(c, run_id, &now, e);

    if (rc < 0 || run_state_is_ended(now.state))
        return rc;
    rc = tx_run_note(c, run_id, &(struct audit_note){ .what = "run.stop" }, by, e);
    if (rc == 0)
        rc = db_run(c, NULL, e, "UPDATE runs SET stop_asked = 1 WHERE id = ?", "i", run_id);
    if (rc < 0 || !now.item_uid[0])
        return rc;
    w.uid = str_of(now.item_uid);
    rc = tx_item_stop_flag(c, &w, e);
    return rc == -ERR_NOT_FOUND ? 0 : rc;
}

static int run_ask_stop(struct db_conn *c, void *arg, struct err *e)
{
    const struct set_state *o = arg;

    return tx_run_ask_stop(c, o->run_id, o->by, e);
}

int store_run_ask_stop(struct store *s, int64_t run_id, const struct store_by *by, struct err *e)
{
    struct set_state o = { .run_id = run_id, .by = by };

    return db_write(s->db, run_ask_stop, &o, e);
}

/* --- file_stream --- */

struct post {
    const struct store_post *in;
    bool stop;
};

/* History and system metrics are posted line after line, so one that is further than the next is from a
 * client that began before the run was rewound. Consoles leave out empty lines, and say nothing. */
static int post_check(const struct store_post *p, const struct run_now *now, struct err *e)
{
    if (now->lines[RUN_HISTORY] < now->fork_lines)
        return err_set(e, ERR_CONFLICT, "the run is being forked: %lld of %lld lines are there",
                       (long long)now->lines[RUN_HISTORY], (long long)now->fork_lines);
    for (size_t i = 0; now->rewinds > 0 && i < p->part_count; i++) {
        const struct store_post_lines *part = &p->parts[i];

        if (part->stream != RUN_OUTPUT && part->len > 0 && part->offset > now->lines[part->stream])
            return err_set(e, ERR_LIMIT, "line %lld is from before the run was rewound: it has %lld",
                           (long long)part->offset, (long long)now->lines[part->stream]);
    }
    return 0;
}

#define OVER_LINES " ON CONFLICT (run_id, stream, line) DO UPDATE SET text = excluded.text"

static int line_put(struct db_conn *c, const struct store_post *p, const struct store_post_lines *part,
                    size_t i, struct err *e)
{
    return db_run(c, NULL, e,
                  "INSERT INTO run_lines (run_id, stream, line, text) VALUES (?, ?, ?, ?)" OVER_LINES, "iiis",
                  p->run_id, (int64_t)part->stream, part->offset + (int64_t)i, part->lines[i]);
}

/* To PostgreSQL each statement is a way there and back, so many lines go at once, as a JSON list. */
static int lines_put_far(struct db_conn *c, const struct store_post *p, const struct store_post_lines *part,
                         size_t from, size_t len, struct err *e)
{
    AUTO_PTR(arena) a = arena_new();
    struct jval *list = jval_new_array(a);

    for (size_t i = 0; i < len; i++)
        jval_push(a, list, jval_new_str(a, part->lines[from + i]));
    return db_run(c, NULL, e,
                  "INSERT INTO run_lines (run_id, stream, line, text) SELECT ?, ?, ? + n - 1, t"
                  " FROM json_array_elements_text(?::json) WITH ORDINALITY AS l (t, n)" OVER_LINES,
                  "iiis", p->run_id, (int64_t)part->stream, part->offset + (int64_t)from,
                  jval_text(a, list, JVAL_COMPACT));
}

/* A line with a NUL byte alone says in plain words why it cannot be kept. */
static size_t lines_for_one_go(const struct db_conn *c, const struct store_post_lines *part, size_t from)
{
    size_t n = 0;

    while (db_is_shared(c) && n < LINES_AT_ONCE && from + n < part->len &&
           !memchr(part->lines[from + n].ptr, 0, part->lines[from + n].len))
        n++;
    return n;
}

static int lines_put(struct db_conn *c, const struct store_post *p, const struct store_post_lines *part,
                     const struct run_now *now, struct err *e)
{
    int rc = 0;

    if (part->len > 0 && part->offset < now->packed[part->stream])
        rc = tx_history_cut(c, p->run_id, part->stream, part->offset, e);
    for (size_t i = 0, n = 1; rc == 0 && i < part->len; i += n) {
        n = lines_for_one_go(c, part, i);
        if (n > 1)
            rc = lines_put_far(c, p, part, i, n, e);
        else
            rc = line_put(c, p, part, i, e);
        n = n > 1 ? n : 1;
    }
    return rc;
}

/* The summary that is kept for a posted one; that of a branch, in @a; of others @a may be NULL. */
static int summary_of(struct db_conn *c, struct arena *a, const struct store_post *p,
                      const struct run_now *now, struct str *ret, struct err *e)
{
    struct str under = { 0 };
    struct db_stmt *st = NULL;
    int rc;

    *ret = p->summary;
    if (!now->is_branch || !p->summary.ptr)
        return 0;
    rc = db_query(c, &st, e, "SELECT branch_summary FROM runs WHERE id = ?", "i", now->id);
    if (rc == 0)
        rc = read_one(a, st, "the run", str_row, &under, e);
    if (rc == 0)
        *ret = run_summary_over(a, under, p->summary);
    return rc;
}

static int run_beat(struct db_conn *c, const struct store_post *p, const struct run_now *now, struct err *e)
{
    AUTO_PTR(arena) a = now->is_branch ? arena_new() : NULL;
    struct str summary = { 0 };
    int rc = summary_of(c, a, p, now, &summary, e);
    int64_t ends[RUN_STREAM_COUNT_] = { 0 }, rewrites = 0;

    for (size_t i = 0; i < p->part_count; i++) {
        const struct store_post_lines *part = &p->parts[i];
        int64_t end = part->offset + (int64_t)part->len;

        if (end > ends[part->stream])
            ends[part->stream] = end;
        rewrites += part->offset < now->lines[part->stream]; /* of the console: 0, nobody packs it */
    }
    if (rc < 0)
        return rc;
    return db_run(c, NULL, e,
                  "UPDATE runs SET heartbeat_unix_ms = ?, summary = coalesce(?, summary),"
                  " history_lines = CASE WHEN history_lines < ? THEN ? ELSE history_lines END,"
                  " events_lines = CASE WHEN events_lines < ? THEN ? ELSE events_lines END,"
                  " log_lines = CASE WHEN log_lines < ? THEN ? ELSE log_lines END,"
                  " line_rewrites = line_rewrites + ? WHERE id = ?",
                  "isiiiiiiii", p->now_unix_ms, summary, ends[RUN_HISTORY], ends[RUN_HISTORY],
                  ends[RUN_EVENTS], ends[RUN_EVENTS], ends[RUN_OUTPUT], ends[RUN_OUTPUT], rewrites,
                  p->run_id);
}

static int run_post(struct db_conn *c, void *arg, struct err *e)
{
    struct post *t = arg;
    const struct store_post *p = t->in;
    struct run_event ev = { .kind = RUN_EV_POST, .exit_code = p->exit_code };
    struct run_move m = { .now_unix_ms = p->now_unix_ms,
                          .exit_code = p->exit_code,
                          .has_exit_code = p->complete };
    struct run_now now = { 0 };
    int rc = run_now(c, p->run_id, &now, e);

    if (rc == 0)
        rc = post_check(p, &now, e);
    for (size_t i = 0; rc == 0 && i < p->part_count; i++)
        rc = lines_put(c, p, &p->parts[i], &now, e);
    for (size_t i = 0; rc == 0 && i < p->uploaded_count; i++)
        rc = db_run(c, NULL, e, "UPDATE run_files SET updated_unix_ms = ? WHERE run_id = ? AND name = ?",
                    "iis", p->now_unix_ms, p->run_id, p->uploaded[i]);
    if (rc == 0)
        rc = run_beat(c, p, &now, e);
    if (rc < 0)
        return rc;
    if (p->complete)
        ev.kind = RUN_EV_COMPLETE;
    else if (p->preempting)
        ev.kind = RUN_EV_PREEMPTING;
    ev.stop_asked = now.stop_asked;
    m.to = run_state_next(now.state, &ev);
    t->stop = now.stop_asked && !run_state_is_ended(m.to);
    return run_move(c, &now, &m, e);
}

int store_run_post(struct store *s, const struct store_post *p, bool *ret_stop, struct err *e)
{
    struct post t = { .in = p };
    int rc = db_write(s->db, run_post, &t, e);

    if (rc == 0)
        *ret_stop = t.stop;
    return rc;
}

/* --- silence --- */

enum { SILENT_BATCH = 64 };
struct silent {
    int64_t before_unix_ms, now_unix_ms;
    size_t count;
};

static int silent_sweep(struct db_conn *c, void *arg, struct err *e)
{
    struct silent *q = arg;
    const struct run_event ev = { .kind = RUN_EV_SILENCE };
    int64_t ids[SILENT_BATCH];
    struct db_stmt *st = NULL;
    bool row = true;
    int rc = db_query(c, &st, e,
                      "SELECT id FROM runs WHERE state IN ('running', 'preempting') AND heartbeat_unix_ms < ?"
                      " LIMIT 64",
                      "i", q->before_unix_ms);

    for (q->count = 0; rc == 0 && row;) {
        rc = db_step(st, &row, e);
        if (rc == 0 && row && q->count < SILENT_BATCH)
            ids[q->count++] = db_col_i64(st, 0);
    }
    for (size_t i = 0; rc == 0 && i < q->count; i++) {
        struct run_move m = { .now_unix_ms = q->now_unix_ms };
        struct run_now now = { 0 };

        rc = run_now(c, ids[i], &now, e);
        m.to = run_state_next(now.state, &ev);
        if (rc == 0)
            rc = run_move(c, &now, &m, e);
    }
    return rc;
}

int store_silent_sweep(struct store *s, int64_t before_unix_ms, int64_t now_unix_ms, size_t *ret_count,
                       struct err *e)
{
    struct silent q = { .before_unix_ms = before_unix_ms, .now_unix_ms = now_unix_ms };
    int rc = db_write(s->db, silent_sweep, &q, e);

    if (rc == 0)
        *ret_count = q.count;
    return rc;
}
