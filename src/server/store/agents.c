/* server/store/agents.c: launch agents. */
#include "server/store/agents.h"

#include <stdio.h>

#include "server/store/store_internal.h"

struct agent_args {
    struct arena *a;
    struct str uid, status;
    int64_t id, now_unix_ms;
    const struct store_new_agent *new_agent;
    char new_uid[UID_SIZE], name[UID_SIZE + 16];
    void *ret;
};

static int agent_add(struct db_conn *c, void *arg, struct err *e)
{
    struct agent_args *g = arg;
    const struct store_new_agent *n = g->new_agent;

    return db_run(c, NULL, e,
                  "INSERT INTO agents (uid, entity_id, name, hostname, config, version, queues, status,"
                  " created_unix_ms, heartbeat_unix_ms) VALUES (?, ?, ?, ?, ?, ?, ?, 'POLLING', ?, ?)",
                  "zizssssii", g->new_uid, n->entity_id, g->name, n->hostname, n->config, n->version,
                  n->queues, n->now_unix_ms, n->now_unix_ms);
}

int store_agent_add(struct store *s, struct arena *a, const struct store_new_agent *n, struct str *ret_uid,
                    struct err *e)
{
    struct agent_args g = { .new_agent = n };
    int rc;

    io_random_id(s->io, g.new_uid, UID_LEN);
    snprintf(g.name, sizeof(g.name), "agent-%.8s", g.new_uid); /* also the name of the agent's own run */
    rc = db_write(s->db, agent_add, &g, e);
    if (rc == 0)
        *ret_uid = arena_str(a, str_of(g.new_uid));
    return rc;
}

#define AGENT_SELECT                                                                                         \
    "SELECT uid, name, entity_id, hostname, config, version, queues, status, stop_polling, created_unix_ms," \
    " heartbeat_unix_ms FROM agents "

static int agent_row(struct arena *a, struct db_stmt *st, void *ret, struct err *e)
{
    *(struct store_agent *)ret = (struct store_agent){ .uid = col(a, st, 0),
                                                       .name = col(a, st, 1),
                                                       .entity_id = db_col_i64(st, 2),
                                                       .hostname = col(a, st, 3),
                                                       .config = col(a, st, 4),
                                                       .version = col(a, st, 5),
                                                       .queues = col(a, st, 6),
                                                       .status = col(a, st, 7),
                                                       .stop_polling = db_col_i64(st, 8) != 0,
                                                       .created_unix_ms = db_col_i64(st, 9),
                                                       .heartbeat_unix_ms = db_col_i64(st, 10) };
    return 0;
}

static int agent_by_uid(struct db_conn *c, void *arg, struct err *e)
{
    struct agent_args *g = arg;
    struct db_stmt *st = NULL;
    int rc = db_query(c, &st, e, AGENT_SELECT "WHERE uid = ?", "s", g->uid);

    return rc < 0 ? rc : read_one(g->a, st, "the launch agent", agent_row, g->ret, e);
}

int store_agent_by_uid(struct store *s, struct arena *a, struct str uid, struct store_agent *ret,
                       struct err *e)
{
    struct agent_args g = { .a = a, .uid = uid, .ret = ret };

    return db_read(s->db, agent_by_uid, &g, e);
}

static int agent_list(struct db_conn *c, void *arg, struct err *e)
{
    struct agent_args *g = arg;
    struct db_stmt *st = NULL;
    int rc = db_query(c, &st, e, AGENT_SELECT "WHERE entity_id = ? ORDER BY id DESC LIMIT 200", "i", g->id);

    return rc < 0 ? rc : rows_read(g->ret, st, e);
}

int store_agent_list(struct store *s, struct arena *a, int64_t entity_id, struct store_agent **ret,
                     size_t *ret_len, struct err *e)
{
    struct rows rows = ROWS(a, struct store_agent, agent_row);
    struct agent_args g = { .a = a, .id = entity_id, .ret = &rows };
    int rc = db_read(s->db, agent_list, &g, e);

    if (rc == 0)
        *ret = rows_take(&rows, ret_len);
    return rc;
}

static int agent_beat(struct db_conn *c, void *arg, struct err *e)
{
    const struct agent_args *g = arg;
    int64_t changes = 0;
    int rc = db_run(c, &changes, e,
                    "UPDATE agents SET status = coalesce(?, status), heartbeat_unix_ms = ? WHERE uid = ?",
                    "sis", g->status, g->now_unix_ms, g->uid);

    if (rc == 0 && changes == 0)
        return err_set(e, ERR_NOT_FOUND, "the launch agent does not exist");
    return rc;
}

int store_agent_beat(struct store *s, struct str uid, struct str status, int64_t now_unix_ms, struct err *e)
{
    struct agent_args g = { .uid = uid, .status = status, .now_unix_ms = now_unix_ms };

    return db_write(s->db, agent_beat, &g, e);
}
