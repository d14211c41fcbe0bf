/* server/store/queues.h: queues and the resource configs behind them. */
#pragma once

#include "server/store/audit.h"

struct store;

struct store_queue {
    int64_t id;     /* inside */
    struct str uid; /* clients' id */
    int64_t entity_id;
    struct str entity_name, name;
    struct str access;         /* "PROJECT" or "USER" */
    bool has_priorities;       /* prioritization mode V0; else DISABLED */
    struct str config_uid;     /* absent: no resource config */
    struct str external_links; /* JSON text; absent: none */
    struct str created_by;     /* user name */
    int64_t created_unix_ms;
};
struct store_config {
    struct str uid;
    int64_t entity_id;
    struct str resource;           /* "gcp-vertex" */
    struct str config;             /* JSON text {"resource_args":{"<resource>":{...}}} */
    struct str template_variables; /* JSON text {"<name>":{"schema":{...}}}; absent: none */
};
struct store_new_config {
    int64_t entity_id;
    struct str resource, config, template_variables;
    struct store_by by;
};
struct store_new_queue {
    int64_t entity_id;
    struct str name, access;
    bool has_priorities;
    struct str config_uid, external_links;
    int64_t created_by; /* user */
    struct store_by by;
};

NODISCARD int store_config_add(struct store *s, struct arena *a, const struct store_new_config *n,
                               struct str *ret_uid, struct err *e);
NODISCARD int store_config_by_uid(struct store *s, struct arena *a, struct str uid, struct store_config *ret,
                                  struct err *e);
/** store_queue_add() - names are unique in an entity: -ERR_CONFLICT. */
NODISCARD int store_queue_add(struct store *s, struct arena *a, const struct store_new_queue *n,
                              struct str *ret_uid, struct err *e);
/** store_queue_upsert() - make the queue, or give an existing one this new config, priorities and links. */
NODISCARD int store_queue_upsert(struct store *s, struct arena *a, const struct store_new_queue *n,
                                 const struct store_new_config *config, struct str *ret_uid, struct err *e);
NODISCARD int store_queue_by_name(struct store *s, struct arena *a, int64_t entity_id, struct str name,
                                  struct store_queue *ret, struct err *e);
NODISCARD int store_queue_by_uid(struct store *s, struct arena *a, struct str uid, struct store_queue *ret,
                                 struct err *e);
NODISCARD int store_queue_by_id(struct store *s, struct arena *a, int64_t id, struct store_queue *ret,
                                struct err *e); /* deleted ones too */
/** store_queue_list() - the queues of an entity, oldest first. */
NODISCARD int store_queue_list(struct store *s, struct arena *a, int64_t entity_id, struct store_queue **ret,
                               size_t *ret_len, struct err *e);
struct store_queue_version {
    int64_t version, at_unix_ms;
    struct str who;
    int64_t rolled_back_to; /* 0: none */
    struct str access;
    bool has_priorities;
    struct str external_links, resource, config, template_variables; /* as above */
};
struct store_version_query {
    int64_t queue_id, before, count; /* only versions below @before */
};
/** store_queue_versions() - what it was and is, newest first. */
NODISCARD int store_queue_versions(struct store *s, struct arena *a, const struct store_version_query *q,
                                   struct store_queue_version **ret, size_t *ret_len, struct err *e);
/** store_queue_roll_back() - give it the contents of version @to, as a new version; none when it has them, so
 * it may be repeated. *ret_version is the newest then. -ERR_NOT_FOUND: there is no such version. */
NODISCARD int store_queue_roll_back(struct store *s, int64_t queue_id, int64_t to, const struct store_by *by,
                                    int64_t *ret_version, struct err *e);
/** store_queue_delete() - its waiting items become STOPPED ("queue deleted by WHO"); items with an agent go
 * on to their end. */
NODISCARD int store_queue_delete(struct store *s, int64_t queue_id, const struct store_by *by, struct err *e);
