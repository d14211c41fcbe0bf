/* server/store/projects.c: projects. */
#include "server/store/store_internal.h"

int tx_project_ensure(struct db_conn *c, const struct store_new_project *n, int64_t *ret_id, bool *ret_made,
                      struct err *e)
{
    struct db_stmt *st = NULL;
    int64_t changes = 0;
    int rc = db_run(c, &changes, e,
                    "INSERT INTO projects (entity_id, name, created_unix_ms) VALUES (?, ?, ?)"
                    " ON CONFLICT DO NOTHING",
                    "isi", n->entity_id, n->name, n->now_unix_ms);

    if (rc == 0)
        rc = db_query(c, &st, e, "SELECT id FROM projects WHERE entity_id = ? AND name = ?", "is",
                      n->entity_id, n->name);
    if (rc == 0)
        rc = read_one(NULL, st, "the project", i64_row, ret_id, e);
    if (rc == 0 && ret_made)
        *ret_made = changes > 0;
    return rc;
}

struct project_args {
    struct arena *a;
    struct store_new_project key; /* a search looks at its name only */
    struct store_project project;
    bool made;
};

static int project_row(struct arena *a, struct db_stmt *st, void *ret, struct err *e)
{
    *(struct store_project *)ret = (struct store_project){ .id = db_col_i64(st, 0),
                                                           .entity_id = db_col_i64(st, 1),
                                                           .name = col(a, st, 2),
                                                           .entity_name = col(a, st, 3),
                                                           .created_unix_ms = db_col_i64(st, 4) };
    return 0;
}

#define PROJECT_SELECT                                                                                       \
    "SELECT p.id, p.entity_id, p.name, n.name, p.created_unix_ms FROM projects p"                            \
    " JOIN entities n ON n.id = p.entity_id "

static int project_get(struct db_conn *c, void *arg, struct err *e)
{
    struct project_args *p = arg;
    struct db_stmt *st = NULL;
    int rc = db_query(c, &st, e, PROJECT_SELECT "WHERE p.entity_id = ? AND p.name = ?", "is",
                      p->key.entity_id, p->key.name);

    return rc < 0 ? rc : read_one(p->a, st, "the project", project_row, &p->project, e);
}

int store_project_by_name(struct store *s, struct arena *a, int64_t entity_id, struct str name,
                          struct store_project *ret, struct err *e)
{
    struct project_args p = { .a = a, .key = { .entity_id = entity_id, .name = name } };
    int rc = db_read(s->db, project_get, &p, e);

    if (rc == 0)
        *ret = p.project;
    return rc;
}

static int project_ensure(struct db_conn *c, void *arg, struct err *e)
{
    struct project_args *p = arg;
    int64_t id = 0;
    int rc = tx_project_ensure(c, &p->key, &id, &p->made, e);

    return rc < 0 ? rc : project_get(c, p, e);
}

int store_project_ensure(struct store *s, struct arena *a, const struct store_new_project *n,
                         struct store_project *ret, bool *ret_made, struct err *e)
{
    struct project_args p = { .a = a, .key = *n };
    int rc = db_read(s->db, project_get, &p, NULL); /* nearly always there: spare the write */

    if (rc == -ERR_NOT_FOUND)
        rc = db_write(s->db, project_ensure, &p, e);
    else if (rc < 0)
        rc = db_read(s->db, project_get, &p, e);
    if (rc < 0)
        return rc;
    *ret = p.project;
    *ret_made = p.made;
    return 0;
}

struct list_args {
    const struct store_project_query *query;
    struct rows *rows;
};

static int project_list(struct db_conn *c, void *arg, struct err *e)
{
    const struct list_args *l = arg;
    const struct store_page *page = &l->query->page;
    struct db_stmt *st = NULL;
    int rc =
        db_query(c, &st, e, PROJECT_SELECT "WHERE p.entity_id = ? AND p.id < ? ORDER BY p.id DESC LIMIT ?",
                 "iii", l->query->entity_id, page->after > 0 ? page->after : INT64_MAX, page->first);

    return rc < 0 ? rc : rows_read(l->rows, st, e);
}

int store_project_list(struct store *s, struct arena *a, const struct store_project_query *q,
                       struct store_project **ret, size_t *ret_len, struct err *e)
{
    struct rows rows = ROWS(a, struct store_project, project_row);
    struct list_args l = { .query = q, .rows = &rows };
    int rc = db_read(s->db, project_list, &l, e);

    if (rc == 0)
        *ret = rows_take(&rows, ret_len);
    return rc;
}
