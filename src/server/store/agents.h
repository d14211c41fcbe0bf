/* server/store/agents.h: launch agents that registered. */
#pragma once

#include "io/io.h"

struct store;

struct store_agent {
    struct str uid, name;
    int64_t entity_id;
    struct str hostname, config, version; /* config: JSON text; may be absent */
    struct str queues;                    /* JSON list text of queue uids */
    struct str status;                    /* "POLLING" "RUNNING" "KILLED" */
    bool stop_polling;
    int64_t created_unix_ms, heartbeat_unix_ms;
};
struct store_new_agent {
    int64_t entity_id;
    struct str hostname, config, version, queues;
    int64_t now_unix_ms;
};
NODISCARD int store_agent_add(struct store *s, struct arena *a, const struct store_new_agent *n,
                              struct str *ret_uid, struct err *e);
NODISCARD int store_agent_by_uid(struct store *s, struct arena *a, struct str uid, struct store_agent *ret,
                                 struct err *e);
/** store_agent_list() - of an entity, newest first, at most 200. */
NODISCARD int store_agent_list(struct store *s, struct arena *a, int64_t entity_id, struct store_agent **ret,
                               size_t *ret_len, struct err *e);
/** store_agent_beat() - a sign of life; @status absent keeps it. */
NODISCARD int store_agent_beat(struct store *s, struct str uid, struct str status, int64_t now_unix_ms,
                               struct err *e);
