/* agent/journal_look.c: reading an agent's journal from outside. */
#include "agent/journal_look.h"

struct look {
    struct arena *a;
    struct str item;
    struct journal_glance *ret;
};

static struct str kept(struct look *l, struct db_stmt *s, int col)
{
    return db_col_is_null(s, col) ? (struct str){ 0 } : arena_str(l->a, db_col_str(s, col));
}

static int take_row(struct look *l, struct db_stmt *s, struct err *e)
{
    struct journal_glance g = { .queue = kept(l, s, 1),
                                .vertex_job = kept(l, s, 2),
                                .vertex_status = kept(l, s, 3),
                                .reason = kept(l, s, 4),
                                .stage = kept(l, s, 5),
                                .attempts = db_col_i64(s, 6),
                                .waiting_since_ms = db_col_i64(s, 8),
                                .moved_at_ms = db_col_i64(s, 9) };

    if (!launch_phase_parse(db_col_str(s, 0), &g.phase))
        return err_set(e, ERR_STORE, "item %.*s has a phase this version does not know", STR_ARG(l->item));
    (void)launch_cause_parse(db_col_str(s, 7), &g.cause); /* else of a newer version: none that we know */
    *l->ret = g;
    return 0;
}

static int look(struct db_conn *c, void *arg, struct err *e)
{
    struct look *l = arg;
    struct db_stmt *s = NULL;
    bool row = false;
    int rc = db_query(c, &s, e,
                      "SELECT phase, queue, vertex_job, vertex_status, reason, stage, attempt, cause,"
                      " waiting_since, (SELECT max(at) FROM history WHERE launch = launches.id)"
                      " FROM launches WHERE item = ? ORDER BY id DESC LIMIT 1",
                      "s", l->item);

    if (!rc)
        rc = db_step(s, &row, e);
    if (!rc && !row)
        rc = err_set(e, ERR_NOT_FOUND, "item %.*s is not in this journal", STR_ARG(l->item));
    if (!rc)
        rc = take_row(l, s, e);
    if (row)
        db_finish(s);
    return rc;
}

int journal_look(struct io *io, struct arena *a, const char *state_dir, struct str item,
                 struct journal_glance *ret, struct err *e)
{
    struct look l = { a, item, ret };
    const struct db_options o = { .path = arena_printf(a, "%s/journal.db", state_dir), .read_only = true };
    struct db *db = NULL;
    int rc = db_open(io, &o, &db, e);

    if (!rc)
        rc = db_read(db, look, &l, e);
    db_close(db);
    return rc ? err_wrap(e, "journal in %s", state_dir) : 0;
}
