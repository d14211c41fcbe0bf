/* server/store/policies.c: see policies.h; what they do is in retention.c. */
#include "server/store/policies.h"

#include <stdio.h>
#include <string.h>

#include "server/store/store_internal.h"

const char *keep_text(int64_t ms, char *ret)
{
    static const struct {
        int64_t ms;
        const char *name;
    } units[] = { { 86400000, "d" }, { 3600000, "h" }, { 60000, "m" }, { 1000, "s" }, { 1, "ms" } };
    size_t i = 0;

    if (ms <= 0) {
        snprintf(ret, 32, "%s", ms == KEEP_FOR_EVER ? "forever" : "-");
        return ret;
    }
    while (ms % units[i].ms != 0)
        i++;
    snprintf(ret, 32, "%lld%s", (long long)(ms / units[i].ms), units[i].name);
    return ret;
}

/* --- changing --- */

struct policy_args {
    const struct store_policy *policy;
    const struct store_by *by;
    int64_t entity_id, project_id;
    struct rows *rows;
};

static int scope_find(struct db_conn *c, struct policy_args *p, struct err *e)
{
    const struct store_policy *of = p->policy;
    struct db_stmt *st = NULL;
    int rc = db_query(c, &st, e, "SELECT id FROM entities WHERE name = ?", "s", of->entity);

    p->project_id = 0;
    rc = rc < 0 ? rc : read_one(NULL, st, "the entity", i64_row, &p->entity_id, e);
    if (rc < 0 || !of->project.ptr)
        return rc;
    rc = db_query(c, &st, e, "SELECT id FROM projects WHERE entity_id = ? AND name = ?", "is", p->entity_id,
                  of->project);
    return rc < 0 ? rc : read_one(NULL, st, "the project", i64_row, &p->project_id, e);
}

static int64_t col_keep(struct db_stmt *st, int i)
{
    return db_col_is_null(st, i) ? KEEP_UNSAID : db_col_i64(st, i);
}

static int keep_row(struct arena *a, struct db_stmt *st, void *ret, struct err *e)
{
    *(struct keep *)ret = (struct keep){ .history_ms = col_keep(st, 0),
                                         .files_ms = col_keep(st, 1),
                                         .artifacts_ms = col_keep(st, 2) };
    return 0;
}

static int keep_read(struct db_conn *c, const struct policy_args *p, struct keep *ret, struct err *e)
{
    struct db_stmt *st = NULL;
    int rc = db_query(c, &st, e,
                      "SELECT history_ms, files_ms, artifacts_ms FROM retention"
                      " WHERE project_id = ? AND entity_id = ?",
                      "ii", p->project_id, p->entity_id);

    rc = rc < 0 ? rc : read_one(NULL, st, "the policy", keep_row, ret, e);
    if (rc != -ERR_NOT_FOUND)
        return rc;
    *ret = (struct keep){ KEEP_UNSAID, KEEP_UNSAID, KEEP_UNSAID };
    return 0;
}

static int64_t changed(int64_t was, int64_t wanted)
{
    return wanted == KEEP_AS_IT_IS ? was : wanted;
}

static int keep_write(struct db_conn *c, const struct policy_args *p, const struct keep *k, struct err *e)
{
    int rc = db_run(c, NULL, e, "DELETE FROM retention WHERE project_id = ? AND entity_id = ?", "ii",
                    p->project_id, p->entity_id);

    if (rc < 0 || (k->history_ms < 0 && k->files_ms < 0 && k->artifacts_ms < 0))
        return rc;
    return db_run(c, NULL, e,
                  "INSERT INTO retention (entity_id, project_id, history_ms, files_ms, artifacts_ms)"
                  " VALUES (?, ?, nullif(?, -1), nullif(?, -1), nullif(?, -1))",
                  "iiiii", p->entity_id, p->project_id, k->history_ms, k->files_ms, k->artifacts_ms);
}

static const char *keep_words(struct arena *a, const struct keep *k)
{
    char history[32], files[32], artifacts[32];

    return arena_printf(a, "history %s, files %s, artifacts %s", keep_text(k->history_ms, history),
                        keep_text(k->files_ms, files), keep_text(k->artifacts_ms, artifacts));
}

static int policy_note(struct db_conn *c, const struct policy_args *p, const struct keep *was,
                       const struct keep *is, struct err *e)
{
    AUTO_PTR(arena) a = arena_new();
    const struct store_policy *of = p->policy;
    const char *before = keep_words(a, was), *after = keep_words(a, is);
    const struct audit_note note = { .what = "retention.set",
                                     .object = of->project.ptr
                                                   ? arena_printf(a, "project %.*s/%.*s", STR_ARG(of->entity),
                                                                  STR_ARG(of->project))
                                                   : arena_printf(a, "entity %.*s", STR_ARG(of->entity)),
                                     .detail = arena_printf(a, "%s -> %s", before, after),
                                     .before = str_of(before),
                                     .after = str_of(after) };

    return tx_audit(c, p->by, &note, e);
}

static int policy_change(struct db_conn *c, void *arg, struct err *e)
{
    struct policy_args *p = arg;
    const struct keep *wanted = &p->policy->keep;
    struct keep was = { 0 }, is;
    int rc = scope_find(c, p, e);

    rc = rc < 0 ? rc : keep_read(c, p, &was, e);
    if (rc < 0)
        return rc;
    is = (struct keep){ changed(was.history_ms, wanted->history_ms), changed(was.files_ms, wanted->files_ms),
                        changed(was.artifacts_ms, wanted->artifacts_ms) };
    if (memcmp(&was, &is, sizeof(is)) == 0)
        return 0;
    rc = keep_write(c, p, &is, e);
    return rc < 0 ? rc : policy_note(c, p, &was, &is, e);
}

int store_policy_change(struct store *s, const struct store_policy *p, const struct store_by *by,
                        struct err *e)
{
    struct policy_args args = { .policy = p, .by = by };
    const struct keep *k = &p->keep;

    if (k->history_ms < KEEP_AS_IT_IS || k->files_ms < KEEP_AS_IT_IS || k->artifacts_ms < KEEP_AS_IT_IS)
        return err_set(e, ERR_INVALID, "a time to keep something is not below zero");
    return db_write(s->db, policy_change, &args, e);
}

/* --- listing --- */

static int policy_row(struct arena *a, struct db_stmt *st, void *ret, struct err *e)
{
    struct store_policy *p = ret;

    *p = (struct store_policy){ .entity = col(a, st, 3), .project = col(a, st, 4) };
    return keep_row(a, st, &p->keep, e);
}

static int policy_list(struct db_conn *c, void *arg, struct err *e)
{
    const struct policy_args *p = arg;
    const struct store_policy *of = p->policy;
    struct db_stmt *st = NULL;
    int rc = db_query(c, &st, e,
                      "SELECT k.history_ms, k.files_ms, k.artifacts_ms, n.name, p.name FROM retention k"
                      " JOIN entities n ON n.id = k.entity_id LEFT JOIN projects p ON p.id = k.project_id"
                      " WHERE n.name = coalesce(?, n.name) AND (? IS NULL OR p.name = ?)"
                      " ORDER BY n.name, coalesce(p.name, '')",
                      "sss", of->entity, of->project, of->project);

    return rc < 0 ? rc : rows_read(p->rows, st, e);
}

int store_policy_list(struct store *s, struct arena *a, const struct store_policy *of,
                      struct store_policy **ret, size_t *ret_len, struct err *e)
{
    struct rows rows = ROWS(a, struct store_policy, policy_row);
    struct policy_args p = { .policy = of, .rows = &rows };
    int rc = db_read(s->db, policy_list, &p, e);

    if (rc == 0)
        *ret = rows_take(&rows, ret_len);
    return rc;
}
