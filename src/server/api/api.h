/*
 * server/api/api.h: the resolvers of schema.graphql, one file a subject, listed in resolvers.c.
 *
 * A resolver checks what the caller may do (access.h), asks the store, and gives an object made here.
 * Members whose name starts with '$' are for resolvers of fields below; no query can name them.
 */
#pragma once

#include <string.h>

#include "server/server_internal.h"

extern const struct gql_resolver api_resolvers[];
extern const size_t api_resolver_count;

/* --- objects.c: store rows as the schema's objects --- */
struct jval *user_object(struct arena *a, const struct store_user *u);
struct jval *entity_object(struct arena *a, const struct store_entity *n);
struct jval *project_object(struct arena *a, const struct store_project *p);
struct jval *queue_object(struct arena *a, const struct store_queue *q);
struct jval *item_object(struct arena *a, const struct store_item *i);
struct jval *agent_object(struct arena *a, const struct store_agent *g);
struct jval *run_object(struct arena *a, const struct store_run *r);
struct jval *time_value(struct arena *a, int64_t unix_ms);                         /* RFC 3339; null for 0 */
void set_text(struct arena *a, struct jval *o, const char *key, struct str value); /* absent: null */
/** page_args() - arguments "first" (1 to 1000) and "after" (a cursor). The page asks for one row more, which
 * shows whether there is a next one: page_trim(). */
NODISCARD int page_args(struct gql_call *c, struct store_page *ret, struct err *e);
/** page_args_max() - the same with first up to @max. */
NODISCARD int page_args_max(struct gql_call *c, int64_t max, struct store_page *ret, struct err *e);
/** page_trim() - take that row off the @len rows that came; true when it was there. */
bool page_trim(const struct store_page *page, size_t *len);
/* A list as {"edges":[{"node","cursor"}],"pageInfo":{...}}: begin, add, end. */
struct connection {
    struct arena *a;
    struct jval *edges, *last;
    const char *cursor; /* of the last edge; NULL before there is one */
};
struct connection connection_begin(struct arena *a);
void connection_add(struct connection *n, const struct jval *node, int64_t position);
/** connection_set() - a further member of the last edge. */
void connection_set(struct connection *n, const char *key, const struct jval *value);
struct jval *connection_end(const struct connection *n, bool has_more);
/** stored_json() - JSON text from the store, or from a client under the name @what; absent or "": null. */
NODISCARD int stored_json(struct arena *a, struct str text, const char *what, const struct jval **ret,
                          struct err *e);
/** global_id() - base64 of "Type:v1:...", as W&B's clients build them for runs. */
struct str global_id(struct arena *a, const char *text);

/* --- lookup.c: things by the names or ids in a call's arguments, checked against the caller --- */
static inline struct caller *caller_of(const struct gql_call *c)
{
    return c->ctx;
}
static inline struct store *store_of(const struct gql_call *c)
{
    return caller_of(c)->server->store;
}
/** parent_int() - a member of the object that the field is one of: "$id". */
static inline int64_t parent_int(const struct gql_call *c, const char *key)
{
    return jval_int(jval_get(c->parent, key));
}
/** access_of() - the question whether this call may be made: of a mutation its name, else "read". */
static inline struct access access_of(const struct gql_call *c)
{
    return (struct access){ .store = store_of(c),
                            .a = c->a,
                            .user = &caller_of(c)->user,
                            .act = strcmp(c->type, "Mutation") == 0 ? c->field : "read" };
}
/** may_more() - access_queue() for a part of this mutation that needs more: "createRunQueue.for all". */
NODISCARD int may_more(struct gql_call *c, const char *act, const struct store_queue *queue, struct err *e);
static inline int64_t now_of(const struct gql_call *c)
{
    return server_now_unix_ms(caller_of(c)->server);
}
/** by_of() - who makes this call, for what the store logs. */
static inline struct store_by by_of(const struct gql_call *c)
{
    return (struct store_by){ str_of(arena_printf(c->a, "user %.*s", STR_ARG(caller_of(c)->user.username))),
                              now_of(c) };
}
/** find_entity_arg() - the entity that argument @dotted names; empty or absent: the caller's own. */
NODISCARD int find_entity_arg(struct gql_call *c, const char *dotted, struct store_entity *ret,
                              struct err *e);
struct queue_ref {
    struct str entity; /* empty or absent: the caller's own */
    struct str wb_project, name;
};
NODISCARD int find_queue_named(struct gql_call *c, const struct queue_ref *ref, struct store_queue *ret,
                               struct err *e);
/** find_queue() - by input.entityName, input.projectName, input.queueName. */
NODISCARD int find_queue(struct gql_call *c, struct store_queue *ret, struct err *e);
NODISCARD int find_queue_uid(struct gql_call *c, struct str uid, struct store_queue *ret, struct err *e);
/** find_item() - an item and its queue. */
NODISCARD int find_item(struct gql_call *c, struct str uid, struct store_item *ret,
                        struct store_queue *ret_queue, struct err *e);
NODISCARD int find_agent(struct gql_call *c, struct str uid, struct store_agent *ret, struct err *e);
/** find_run_id() - by its storage id: base64 of Run:v1:RUN:PROJECT:ENTITY. */
NODISCARD int find_run_id(struct gql_call *c, struct str id, struct store_run *ret, struct err *e);
/** find_sweep_id() - by base64 of Sweep:v1:SWEEP:PROJECT:ENTITY. */
NODISCARD int find_sweep_id(struct gql_call *c, struct str id, struct store_sweep *ret, struct err *e);
/** find_project_args() - the project of arguments named @entity_arg and @project_arg. */
NODISCARD int find_project_args(struct gql_call *c, const char *entity_arg, const char *project_arg,
                                struct store_project *ret, struct err *e);
/** queues_live_here() - queues are found in the project `model-registry` only. */
bool queues_live_here(struct str wb_project);

/** success_object() - {"success": ok}. */
struct jval *success_object(struct gql_call *c, bool ok);

/* --- resolvers, by file --- */
/* viewer.c */
int resolve_viewer(struct gql_call *c, const struct jval **ret, struct err *e);
int resolve_server_info(struct gql_call *c, const struct jval **ret, struct err *e);
int resolve_entity(struct gql_call *c, const struct jval **ret, struct err *e);
int resolve_user_api_keys(struct gql_call *c, const struct jval **ret, struct err *e);
int resolve_user_teams(struct gql_call *c, const struct jval **ret, struct err *e);
/* people.c */
int resolve_users(struct gql_call *c, const struct jval **ret, struct err *e);
int resolve_entity_members(struct gql_call *c, const struct jval **ret, struct err *e);
int resolve_entity_bytes(struct gql_call *c, const struct jval **ret, struct err *e);
int resolve_none(struct gql_call *c, const struct jval **ret, struct err *e);
/* projects.c */
int resolve_project(struct gql_call *c, const struct jval **ret, struct err *e);
int resolve_projects(struct gql_call *c, const struct jval **ret, struct err *e);
int resolve_project_entity(struct gql_call *c, const struct jval **ret, struct err *e);
int resolve_upsert_model(struct gql_call *c, const struct jval **ret, struct err *e);
/* queues.c */
int resolve_project_run_queues(struct gql_call *c, const struct jval **ret, struct err *e);
int resolve_project_run_queue(struct gql_call *c, const struct jval **ret, struct err *e);
int resolve_entity_config(struct gql_call *c, const struct jval **ret, struct err *e);
int resolve_queue_config(struct gql_call *c, const struct jval **ret, struct err *e);
int resolve_create_config(struct gql_call *c, const struct jval **ret, struct err *e);
int resolve_create_queue(struct gql_call *c, const struct jval **ret, struct err *e);
int resolve_upsert_queue(struct gql_call *c, const struct jval **ret, struct err *e);
int resolve_delete_queues(struct gql_call *c, const struct jval **ret, struct err *e);
/* queue_versions.c */
int resolve_queue_versions(struct gql_call *c, const struct jval **ret, struct err *e);
int resolve_roll_back_queue(struct gql_call *c, const struct jval **ret, struct err *e);
/* items.c: reading */
int resolve_item(struct gql_call *c, const struct jval **ret, struct err *e);
int resolve_queue_items(struct gql_call *c, const struct jval **ret, struct err *e);
int resolve_queue_item(struct gql_call *c, const struct jval **ret, struct err *e);
int resolve_item_spec(struct gql_call *c, const struct jval **ret, struct err *e);
int resolve_item_queue(struct gql_call *c, const struct jval **ret, struct err *e);
int resolve_item_history(struct gql_call *c, const struct jval **ret, struct err *e);
int resolve_item_warnings(struct gql_call *c, const struct jval **ret, struct err *e);
int resolve_item_ahead(struct gql_call *c, const struct jval **ret, struct err *e);
int resolve_item_agent(struct gql_call *c, const struct jval **ret, struct err *e);
int resolve_item_run(struct gql_call *c, const struct jval **ret, struct err *e);
/* push.c, pop.c, item_words.c: changing */
int resolve_push_by_name(struct gql_call *c, const struct jval **ret, struct err *e);
int resolve_push(struct gql_call *c, const struct jval **ret, struct err *e);
int resolve_pop(struct gql_call *c, const struct jval **ret, struct err *e);
int resolve_ack(struct gql_call *c, const struct jval **ret, struct err *e);
int resolve_fail(struct gql_call *c, const struct jval **ret, struct err *e);
int resolve_warning(struct gql_call *c, const struct jval **ret, struct err *e);
int resolve_finish(struct gql_call *c, const struct jval **ret, struct err *e);
int resolve_keep(struct gql_call *c, const struct jval **ret, struct err *e);
int resolve_note(struct gql_call *c, const struct jval **ret, struct err *e);
int resolve_stop_item(struct gql_call *c, const struct jval **ret, struct err *e);
int resolve_delete_item(struct gql_call *c, const struct jval **ret, struct err *e);
/* agents.c */
int resolve_agent(struct gql_call *c, const struct jval **ret, struct err *e);
int resolve_entity_agents(struct gql_call *c, const struct jval **ret, struct err *e);
int resolve_create_agent(struct gql_call *c, const struct jval **ret, struct err *e);
int resolve_update_agent(struct gql_call *c, const struct jval **ret, struct err *e);
/* runs.c: reading */
int resolve_project_run(struct gql_call *c, const struct jval **ret, struct err *e);
int resolve_project_runs(struct gql_call *c, const struct jval **ret, struct err *e);
int resolve_project_run_count(struct gql_call *c, const struct jval **ret, struct err *e);
int resolve_run_project(struct gql_call *c, const struct jval **ret, struct err *e);
int resolve_run_config_part(struct gql_call *c, const struct jval **ret, struct err *e);
int resolve_run_tail(struct gql_call *c, const struct jval **ret, struct err *e);
int resolve_run_console(struct gql_call *c, const struct jval **ret, struct err *e);
int resolve_run_files(struct gql_call *c, const struct jval **ret, struct err *e);
int resolve_run_item(struct gql_call *c, const struct jval **ret, struct err *e);
/* run_files.c */
int resolve_run_file_page(struct gql_call *c, const struct jval **ret, struct err *e);
int resolve_run_file_count(struct gql_call *c, const struct jval **ret, struct err *e);
int resolve_delete_files(struct gql_call *c, const struct jval **ret, struct err *e);
/* run_branches.c, run_changes.c */
int resolve_rewind_run(struct gql_call *c, const struct jval **ret, struct err *e);
int resolve_upsert_bucket(struct gql_call *c, const struct jval **ret, struct err *e);
int resolve_create_files(struct gql_call *c, const struct jval **ret, struct err *e);
int resolve_files_uploaded(struct gql_call *c, const struct jval **ret, struct err *e);
int resolve_stop_run(struct gql_call *c, const struct jval **ret, struct err *e);
int resolve_delete_run(struct gql_call *c, const struct jval **ret, struct err *e);
int resolve_update_run_state(struct gql_call *c, const struct jval **ret, struct err *e);
/* history.c, charts.c: what runs logged */
struct jval *text_list(struct arena *a, const struct str *lines, size_t len); /* runs.c */
int resolve_run_rows(struct gql_call *c, const struct jval **ret, struct err *e);
int resolve_run_samples(struct gql_call *c, const struct jval **ret, struct err *e);
int resolve_run_parquet(struct gql_call *c, const struct jval **ret, struct err *e);
int resolve_run_history_keys(struct gql_call *c, const struct jval **ret, struct err *e);
int resolve_run_charts(struct gql_call *c, const struct jval **ret, struct err *e);
int resolve_project_charts(struct gql_call *c, const struct jval **ret, struct err *e);
