/* server/store/queues.c: queues and resource configs. */
#include "server/store/store_internal.h"

struct queue_args {
    struct arena *a;
    struct str uid, name;
    int64_t id;
    const struct store_by *by;
    const struct store_new_queue *queue;
    const struct store_new_config *config;
    char config_uid[UID_SIZE], queue_uid[UID_SIZE];
    struct str ret_uid;
    void *ret;
};

/* --- resource configs --- */

static int tx_config_add(struct db_conn *c, const char *uid, const struct store_new_config *n, struct err *e)
{
    return db_run(
        c, NULL, e,
        "INSERT INTO configs (uid, entity_id, resource, config, template_variables, created_unix_ms)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        "zisssi", uid, n->entity_id, n->resource, n->config, n->template_variables, n->by.now_unix_ms);
}

static int config_add(struct db_conn *c, void *arg, struct err *e)
{
    struct queue_args *q = arg;
    AUTO_PTR(arena) a = arena_new();
    int rc = tx_config_add(c, q->config_uid, q->config, e);

    return rc < 0 ? rc
                  : tx_audit(c, &q->config->by,
                             &(struct audit_note){ .what = "config.create",
                                                   .object = arena_printf(a, "config %s", q->config_uid),
                                                   .after = q->config->config },
                             e);
}

int store_config_add(struct store *s, struct arena *a, const struct store_new_config *n, struct str *ret_uid,
                     struct err *e)
{
    struct queue_args q = { .config = n };
    int rc;

    io_random_id(s->io, q.config_uid, UID_LEN);
    rc = db_write(s->db, config_add, &q, e);
    if (rc == 0)
        *ret_uid = arena_str(a, str_of(q.config_uid));
    return rc;
}

static int config_row(struct arena *a, struct db_stmt *st, void *ret, struct err *e)
{
    *(struct store_config *)ret = (struct store_config){ .uid = col(a, st, 0),
                                                         .entity_id = db_col_i64(st, 1),
                                                         .resource = col(a, st, 2),
                                                         .config = col(a, st, 3),
                                                         .template_variables = col(a, st, 4) };
    return 0;
}

static int config_by_uid(struct db_conn *c, void *arg, struct err *e)
{
    struct queue_args *q = arg;
    struct db_stmt *st = NULL;
    int rc = db_query(
        c, &st, e, "SELECT uid, entity_id, resource, config, template_variables FROM configs WHERE uid = ?",
        "s", q->uid);

    return rc < 0 ? rc : read_one(q->a, st, "the resource config", config_row, q->ret, e);
}

int store_config_by_uid(struct store *s, struct arena *a, struct str uid, struct store_config *ret,
                        struct err *e)
{
    struct queue_args q = { .a = a, .uid = uid, .ret = ret };

    return db_read(s->db, config_by_uid, &q, e);
}

/* --- making queues --- */

static int look_row(struct arena *a, struct db_stmt *st, void *ret, struct err *e)
{
    *(struct queue_look *)ret = (struct queue_look){ col(a, st, 0), col(a, st, 1) };
    return 0;
}

int tx_queue_look(struct db_conn *c, struct arena *a, int64_t id, struct queue_look *ret, struct err *e)
{
    struct db_stmt *st = NULL;
    int rc = db_query(c, &st, e,
                      "SELECT n.name || '/' || q.name, q.access || ' ' || q.has_priorities || '\n'"
                      " || coalesce(q.external_links, '') || '\n' || coalesce(c.resource, '') || '\n'"
                      " || coalesce(c.config, '') || '\n' || coalesce(c.template_variables, '')"
                      " FROM queues q JOIN entities n ON n.id = q.entity_id"
                      " LEFT JOIN configs c ON c.uid = q.config_uid WHERE q.id = ?",
                      "i", id);

    return rc < 0 ? rc : read_one(a, st, "the queue", look_row, ret, e);
}

int tx_queue_note(struct db_conn *c, struct arena *a, int64_t id, const struct queue_change *change,
                  struct err *e)
{
    struct queue_look now = { 0 };
    int rc = tx_queue_look(c, a, id, &now, e);

    return rc < 0 ? rc
                  : tx_audit(c, change->by,
                             &(struct audit_note){ .what = change->what,
                                                   .object = arena_printf(a, "queue %.*s", STR_ARG(now.name)),
                                                   .detail = change->detail,
                                                   .before = change->before,
                                                   .after = change->is_gone ? (struct str){ 0 } : now.text },
                             e);
}

/* It is made, and has its first version. */
static int queue_begin(struct db_conn *c, const struct store_by *by, struct err *e)
{
    AUTO_PTR(arena) a = arena_new();
    int64_t id = db_last_id(c);
    int rc = tx_queue_version_add(c, id, by, 0, e);

    return rc < 0 ? rc
                  : tx_queue_note(c, a, id, &(struct queue_change){ .what = "queue.create", .by = by }, e);
}

/* It was changed; the same again is no version. */
static int queue_go_on(struct db_conn *c, int64_t id, struct str before, const struct store_by *by,
                       struct err *e)
{
    AUTO_PTR(arena) a = arena_new();
    struct queue_look now = { 0 };
    int rc = tx_queue_look(c, a, id, &now, e);

    if (rc == 0 && !str_eq(now.text, before))
        rc = tx_queue_version_add(c, id, by, 0, e);
    return rc < 0
               ? rc
               : tx_queue_note(c, a, id,
                               &(struct queue_change){ .what = "queue.config", .by = by, .before = before },
                               e);
}

static int tx_queue_add(struct db_conn *c, const char *uid, const struct store_new_queue *n,
                        struct str config, struct err *e)
{
    int rc = db_run(c, NULL, e,
                    "INSERT INTO queues (uid, entity_id, name, access, has_priorities, config_uid,"
                    " external_links, created_by, created_unix_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    "zississii", uid, n->entity_id, n->name, n->access, (int64_t)n->has_priorities, config,
                    n->external_links, n->created_by, n->by.now_unix_ms);

    if (rc == -ERR_CONFLICT)
        return err_set(e, ERR_CONFLICT, "a queue named '%.*s' is there already", STR_ARG(n->name));
    return rc;
}

static int queue_add(struct db_conn *c, void *arg, struct err *e)
{
    struct queue_args *q = arg;
    int rc = tx_queue_add(c, q->queue_uid, q->queue, q->queue->config_uid, e);

    return rc < 0 ? rc : queue_begin(c, &q->queue->by, e);
}

int store_queue_add(struct store *s, struct arena *a, const struct store_new_queue *n, struct str *ret_uid,
                    struct err *e)
{
    struct queue_args q = { .queue = n };
    int rc;

    io_random_id(s->io, q.queue_uid, UID_LEN);
    rc = db_write(s->db, queue_add, &q, e);
    if (rc == 0)
        *ret_uid = arena_str(a, str_of(q.queue_uid));
    return rc;
}

static int queue_upsert(struct db_conn *c, void *arg, struct err *e)
{
    struct queue_args *q = arg;
    const struct store_new_queue *n = q->queue;
    AUTO_PTR(arena) a = arena_new();
    struct queue_look old = { 0 };
    struct db_stmt *st = NULL;
    bool row = false;
    int rc = tx_config_add(c, q->config_uid, q->config, e);

    if (rc == 0)
        rc = db_query(
            c, &st, e,
            "SELECT id, uid FROM queues WHERE entity_id = ? AND name = ? AND deleted_unix_ms IS NULL", "is",
            n->entity_id, n->name);
    if (rc == 0)
        rc = db_step(st, &row, e);
    if (rc < 0)
        return rc;
    if (!row) {
        q->ret_uid = arena_str(q->a, str_of(q->queue_uid));
        rc = tx_queue_add(c, q->queue_uid, n, str_of(q->config_uid), e);
        return rc < 0 ? rc : queue_begin(c, &n->by, e);
    }
    q->ret_uid = col(q->a, st, 1);
    q->id = db_col_i64(st, 0);
    db_finish(st);
    rc = tx_queue_look(c, a, q->id, &old, e);
    if (rc < 0)
        return rc;
    rc = db_run(c, NULL, e,
                "UPDATE queues SET has_priorities = ?, config_uid = ?, external_links = ? WHERE id = ?",
                "izsi", (int64_t)n->has_priorities, q->config_uid, n->external_links, q->id);
    return rc < 0 ? rc : queue_go_on(c, q->id, old.text, &n->by, e);
}

int store_queue_upsert(struct store *s, struct arena *a, const struct store_new_queue *n,
                       const struct store_new_config *config, struct str *ret_uid, struct err *e)
{
    struct queue_args q = { .a = a, .queue = n, .config = config };
    int rc;

    io_random_id(s->io, q.queue_uid, UID_LEN);
    io_random_id(s->io, q.config_uid, UID_LEN);
    rc = db_write(s->db, queue_upsert, &q, e);
    if (rc == 0)
        *ret_uid = q.ret_uid;
    return rc;
}

/* --- finding queues --- */

#define QUEUE_SELECT                                                                                         \
    "SELECT q.id, q.uid, q.entity_id, n.name, q.name, q.access, q.has_priorities, q.config_uid,"             \
    " q.external_links, coalesce(u.username, ''), q.created_unix_ms FROM queues q"                           \
    " JOIN entities n ON n.id = q.entity_id LEFT JOIN users u ON u.id = q.created_by "

static int queue_row(struct arena *a, struct db_stmt *st, void *ret, struct err *e)
{
    *(struct store_queue *)ret = (struct store_queue){ .id = db_col_i64(st, 0),
                                                       .uid = col(a, st, 1),
                                                       .entity_id = db_col_i64(st, 2),
                                                       .entity_name = col(a, st, 3),
                                                       .name = col(a, st, 4),
                                                       .access = col(a, st, 5),
                                                       .has_priorities = db_col_i64(st, 6) != 0,
                                                       .config_uid = col(a, st, 7),
                                                       .external_links = col(a, st, 8),
                                                       .created_by = col(a, st, 9),
                                                       .created_unix_ms = db_col_i64(st, 10) };
    return 0;
}

static int queue_get(struct db_conn *c, void *arg, struct err *e)
{
    struct queue_args *q = arg;
    struct db_stmt *st = NULL;
    int rc;

    if (q->name.ptr)
        rc = db_query(c, &st, e,
                      QUEUE_SELECT "WHERE q.entity_id = ? AND q.name = ? AND q.deleted_unix_ms IS NULL", "is",
                      q->id, q->name);
    else if (q->uid.ptr)
        rc = db_query(c, &st, e, QUEUE_SELECT "WHERE q.uid = ? AND q.deleted_unix_ms IS NULL", "s", q->uid);
    else
        rc = db_query(c, &st, e, QUEUE_SELECT "WHERE q.id = ?", "i", q->id);
    return rc < 0 ? rc : read_one(q->a, st, "the queue", queue_row, q->ret, e);
}

int store_queue_by_name(struct store *s, struct arena *a, int64_t entity_id, struct str name,
                        struct store_queue *ret, struct err *e)
{
    struct queue_args q = { .a = a, .id = entity_id, .name = name.ptr ? name : STR(""), .ret = ret };

    return db_read(s->db, queue_get, &q, e);
}

int store_queue_by_uid(struct store *s, struct arena *a, struct str uid, struct store_queue *ret,
                       struct err *e)
{
    struct queue_args q = { .a = a, .uid = uid.ptr ? uid : STR(""), .ret = ret };

    return db_read(s->db, queue_get, &q, e);
}

int store_queue_by_id(struct store *s, struct arena *a, int64_t id, struct store_queue *ret, struct err *e)
{
    struct queue_args q = { .a = a, .id = id, .ret = ret };

    return db_read(s->db, queue_get, &q, e);
}

static int queue_list(struct db_conn *c, void *arg, struct err *e)
{
    struct queue_args *q = arg;
    struct db_stmt *st = NULL;
    int rc =
        db_query(c, &st, e, QUEUE_SELECT "WHERE q.entity_id = ? AND q.deleted_unix_ms IS NULL ORDER BY q.id",
                 "i", q->id);

    return rc < 0 ? rc : rows_read(q->ret, st, e);
}

int store_queue_list(struct store *s, struct arena *a, int64_t entity_id, struct store_queue **ret,
                     size_t *ret_len, struct err *e)
{
    struct rows rows = ROWS(a, struct store_queue, queue_row);
    struct queue_args q = { .a = a, .id = entity_id, .ret = &rows };
    int rc = db_read(s->db, queue_list, &q, e);

    if (rc == 0)
        *ret = rows_take(&rows, ret_len);
    return rc;
}

/* --- deleting --- */

static int queue_delete(struct db_conn *c, void *arg, struct err *e)
{
    struct queue_args *q = arg;
    AUTO_PTR(arena) a = arena_new();
    struct queue_look old = { 0 };
    int64_t changes = 0;
    int rc = db_run(c, &changes, e,
                    "UPDATE queues SET deleted_unix_ms = ? WHERE id = ? AND deleted_unix_ms IS NULL", "ii",
                    q->by->now_unix_ms, q->id);

    if (rc < 0)
        return rc;
    if (changes == 0)
        return err_set(e, ERR_NOT_FOUND, "the queue does not exist");
    rc = tx_queue_look(c, a, q->id, &old, e);
    if (rc == 0)
        rc = tx_queue_note(c, a, q->id,
                           &(struct queue_change){
                               .what = "queue.delete", .by = q->by, .before = old.text, .is_gone = true },
                           e);
    if (rc < 0)
        return rc;
    rc = db_run(c, NULL, e,
                "INSERT INTO item_lines (item_seq, at_unix_ms, state, who, note)"
                " SELECT seq, ?, 'STOPPED', ?, 'the queue was deleted' FROM items"
                " WHERE queue_id = ? AND state = 'PENDING'",
                "isi", q->by->now_unix_ms, q->by->who, q->id);
    if (rc < 0)
        return rc;
    return db_run(
        c, NULL, e,
        "UPDATE items SET state = 'STOPPED', updated_unix_ms = ? WHERE queue_id = ? AND state = 'PENDING'",
        "ii", q->by->now_unix_ms, q->id);
}

int store_queue_delete(struct store *s, int64_t queue_id, const struct store_by *by, struct err *e)
{
    struct queue_args q = { .id = queue_id, .by = by };

    return db_write(s->db, queue_delete, &q, e);
}
