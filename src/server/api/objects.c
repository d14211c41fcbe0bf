/* server/api/objects.c: rows of the store as objects of the schema. */
#include "base/crypto.h"
#include "base/timefmt.h"
#include "server/api/api.h"

enum { PAGE_MAX = 1000 };

void set_text(struct arena *a, struct jval *o, const char *key, struct str value)
{
    jval_set(a, o, key, value.ptr ? jval_new_str(a, value) : jval_new_null(a));
}

struct jval *time_value(struct arena *a, int64_t unix_ms)
{
    char text[RFC3339_SIZE];

    return unix_ms > 0 ? jval_new_cstr(a, rfc3339_format(unix_ms, text)) : jval_new_null(a);
}

static void set_time(struct arena *a, struct jval *o, const char *key, int64_t unix_ms)
{
    jval_set(a, o, key, time_value(a, unix_ms));
}

struct str global_id(struct arena *a, const char *text)
{
    AUTO_STRBUF struct strbuf b = STRBUF(4096);

    strbuf_add_base64(&b, str_of(text));
    return arena_str(a, strbuf_str(&b));
}

static void set_number_id(struct arena *a, struct jval *o, const char *type, int64_t id)
{
    set_text(a, o, "id", global_id(a, arena_printf(a, "%s:%lld", type, (long long)id)));
}

int stored_json(struct arena *a, struct str text, const char *what, const struct jval **ret, struct err *e)
{
    struct jval *v = NULL;
    int rc;

    if (text.len == 0) {
        *ret = NULL;
        return 0;
    }
    rc = jval_from_json(a, text, what, NULL, &v, e);
    if (rc == 0)
        *ret = v;
    return rc;
}

struct jval *user_object(struct arena *a, const struct store_user *u)
{
    struct jval *o = jval_new_object(a);

    set_number_id(a, o, "User", u->id);
    jval_set_int(a, o, "$id", u->id);
    set_text(a, o, "name", u->username);
    set_text(a, o, "username", u->username);
    set_text(a, o, "email", u->email);
    jval_set_bool(a, o, "admin", u->admin);
    jval_set_cstr(a, o, "flags", "{}");
    set_text(a, o, "entity", u->home);
    jval_set_bool(a, o, "isServiceAccount", u->is_service);
    return o;
}

struct jval *entity_object(struct arena *a, const struct store_entity *n)
{
    struct jval *o = jval_new_object(a);

    set_number_id(a, o, "Entity", n->id);
    jval_set_int(a, o, "$id", n->id);
    set_text(a, o, "name", n->name);
    jval_set_bool(a, o, "isTeam", n->is_team);
    jval_set_cstr(a, o, "entityType", n->is_team ? "team" : "user");
    jval_set_bool(a, o, "available", false); /* the name is taken */
    jval_set_bool(a, o, "readOnly", false);
    jval_set_bool(a, o, "readOnlyAdmin", false);
    jval_set_bool(a, o, "privateOnly", true);
    jval_set_bool(a, o, "codeSavingEnabled", true);
    jval_set_cstr(a, o, "defaultAccess", "PRIVATE");
    return o;
}

struct jval *project_object(struct arena *a, const struct store_project *p)
{
    struct jval *o = jval_new_object(a);

    set_text(
        a, o, "id",
        global_id(a, arena_printf(a, "Project:v1:%.*s:%.*s", STR_ARG(p->name), STR_ARG(p->entity_name))));
    jval_set_int(a, o, "$id", p->id);
    jval_set_int(a, o, "$entity", p->entity_id);
    jval_set_cstr(a, o, "internalId", arena_printf(a, "%lld", (long long)p->id));
    set_text(a, o, "name", p->name);
    set_text(a, o, "entityName", p->entity_name);
    jval_set_cstr(a, o, "access", "PRIVATE");
    jval_set_cstr(a, o, "views", "{}");
    jval_set_bool(a, o, "readOnly", false);
    jval_set_bool(a, o, "isBenchmark", false);
    set_time(a, o, "createdAt", p->created_unix_ms);
    return o;
}

struct jval *queue_object(struct arena *a, const struct store_queue *q)
{
    struct jval *o = jval_new_object(a);
    const struct jval *links = NULL;

    set_text(a, o, "id", q->uid);
    jval_set_int(a, o, "$id", q->id);
    set_text(a, o, "name", q->name);
    set_text(a, o, "createdBy", q->created_by);
    set_text(a, o, "access", q->access);
    jval_set_cstr(a, o, "prioritizationMode", q->has_priorities ? "V0" : "DISABLED");
    set_text(a, o, "defaultResourceConfigID", q->config_uid);
    /* Checked when it was stored. */
    if (stored_json(a, q->external_links, "externalLinks", &links, NULL) == 0 && links)
        jval_set(a, o, "externalLinks", links);
    set_text(a, o, "entityName", q->entity_name);
    set_time(a, o, "createdAt", q->created_unix_ms);
    return o;
}

static const struct jval *file_list(struct arena *a, struct str json)
{
    const struct jval *list = NULL;

    if (stored_json(a, json, "filePaths", &list, NULL) < 0 || !list)
        return jval_new_array(a);
    return list;
}

struct jval *item_object(struct arena *a, const struct store_item *i)
{
    struct jval *o = jval_new_object(a);

    set_text(a, o, "id", i->uid);
    jval_set_int(a, o, "$seq", i->seq);
    jval_set_int(a, o, "$queue", i->queue_id);
    set_text(a, o, "$spec", i->spec);
    set_text(a, o, "$agent", i->agent_uid);
    set_text(a, o, "$entity", i->target_entity);
    set_text(a, o, "$project", i->target_project);
    jval_set_cstr(a, o, "state", item_state_wire(i->state));
    set_text(a, o, "associatedRunId", i->run_name);
    jval_set_int(a, o, "priority", i->priority);
    set_time(a, o, "createdAt", i->created_unix_ms);
    set_time(a, o, "updatedAt", i->updated_unix_ms);
    set_text(a, o, "createdBy", i->pushed_by);
    jval_set_bool(a, o, "stopAsked", i->stop_asked);
    if (i->error.ptr) {
        struct jval *error = jval_new_object(a);

        set_text(a, error, "message", i->error);
        set_text(a, error, "stage", i->error_stage);
        jval_set(a, error, "filePaths", file_list(a, i->error_files));
        set_time(a, error, "at", i->updated_unix_ms);
        jval_set(a, o, "error", error);
    }
    return o;
}

struct jval *agent_object(struct arena *a, const struct store_agent *g)
{
    struct jval *o = jval_new_object(a);

    set_text(a, o, "id", g->uid);
    set_text(a, o, "name", g->name);
    jval_set(a, o, "runQueues", file_list(a, g->queues));
    set_text(a, o, "hostname", g->hostname);
    set_text(a, o, "agentStatus", g->status);
    jval_set_bool(a, o, "stopPolling", g->stop_polling);
    set_time(a, o, "heartbeatAt", g->heartbeat_unix_ms);
    set_time(a, o, "createdAt", g->created_unix_ms);
    set_text(a, o, "version", g->version);
    set_text(a, o, "agentConfig", g->config);
    return o;
}

static void run_texts(struct arena *a, struct jval *o, const struct store_run *r)
{
    set_text(a, o, "name", r->name);
    set_text(a, o, "displayName", r->display_name.len > 0 ? r->display_name : r->name);
    set_text(a, o, "description", r->description);
    set_text(a, o, "notes", r->notes);
    set_text(a, o, "sweepName", r->sweep);
    set_text(a, o, "group", r->group_name);
    set_text(a, o, "jobType", r->job_type);
    set_text(a, o, "commit", r->commit);
    set_text(a, o, "host", r->host);
    set_text(a, o, "config", r->config.ptr ? r->config : STR("{}"));
    set_text(a, o, "summaryMetrics", r->summary.ptr ? r->summary : STR("{}"));
    jval_set_cstr(a, o, "systemMetrics", "{}");
    jval_set(a, o, "tags", file_list(a, r->tags));
}

struct jval *run_object(struct arena *a, const struct store_run *r)
{
    struct jval *o = jval_new_object(a), *user = jval_new_object(a);

    set_text(a, o, "id",
             global_id(a, arena_printf(a, "Run:v1:%.*s:%.*s:%.*s", STR_ARG(r->name), STR_ARG(r->project_name),
                                       STR_ARG(r->entity_name))));
    jval_set_int(a, o, "$id", r->id);
    jval_set_int(a, o, "projectId", r->project_id);
    set_text(a, o, "$project", r->project_name);
    jval_set_int(a, o, "$entity", r->entity_id);
    set_text(a, o, "$item", r->item_uid);
    run_texts(a, o, r);
    jval_set_cstr(a, o, "state", run_state_name(r->state));
    jval_set_bool(a, o, "readOnly", false);
    set_time(a, o, "createdAt", r->created_unix_ms);
    set_time(a, o, "heartbeatAt", r->heartbeat_unix_ms);
    if (r->has_exit_code)
        jval_set_int(a, o, "exitcode", r->exit_code);
    jval_set_bool(a, o, "stopped", r->stop_asked);
    jval_set_bool(a, o, "shouldStop", r->stop_asked);
    jval_set_bool(a, o, "running", r->state == RUN_RUNNING);
    jval_set_bool(a, o, "failed", r->state == RUN_FAILED || r->state == RUN_CRASHED);
    jval_set_int(a, o, "historyLineCount", r->history_lines);
    jval_set_int(a, o, "eventsLineCount", r->events_lines);
    jval_set_int(a, o, "logLineCount", r->log_lines);
    set_text(a, user, "id", r->username);
    set_text(a, user, "name", r->username);
    set_text(a, user, "username", r->username);
    if (r->username.ptr)
        jval_set(a, o, "user", user);
    return o;
}

/* --- pages --- */

int page_args(struct gql_call *c, struct store_page *ret, struct err *e)
{
    return page_args_max(c, PAGE_MAX, ret, e);
}

int page_args_max(struct gql_call *c, int64_t max, struct store_page *ret, struct err *e)
{
    struct store_page page = { .first = gql_arg_int(c, "first", 100) };
    struct str after = gql_arg_str(c, "after");

    if (page.first < 1 || page.first > max)
        return err_set(e, ERR_INVALID, "first must be 1 to %lld", (long long)max);
    if (after.len > 0 && (!str_to_i64(after, &page.after) || page.after < 0))
        return err_set(e, ERR_INVALID, "after is not a cursor of this server");
    page.first++;
    *ret = page;
    return 0;
}

bool page_trim(const struct store_page *page, size_t *len)
{
    bool more = *len == (size_t)page->first;

    *len -= more;
    return more;
}

struct connection connection_begin(struct arena *a)
{
    return (struct connection){ .a = a, .edges = jval_new_array(a) };
}

void connection_add(struct connection *n, const struct jval *node, int64_t position)
{
    struct jval *edge = jval_new_object(n->a);

    n->cursor = arena_printf(n->a, "%lld", (long long)position);
    jval_set(n->a, edge, "node", node);
    jval_set_cstr(n->a, edge, "cursor", n->cursor);
    jval_push(n->a, n->edges, edge);
    n->last = edge;
}

void connection_set(struct connection *n, const char *key, const struct jval *value)
{
    jval_set(n->a, n->last, key, value);
}

struct jval *connection_end(const struct connection *n, bool has_more)
{
    struct jval *o = jval_new_object(n->a), *info = jval_new_object(n->a);

    jval_set_cstr(n->a, info, "endCursor", n->cursor);
    jval_set_bool(n->a, info, "hasNextPage", has_more);
    jval_set(n->a, o, "edges", n->edges);
    jval_set(n->a, o, "pageInfo", info);
    return o;
}
