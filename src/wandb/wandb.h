/*
 * wandb/wandb.h: the W&B API as a client: one function per GraphQL operation (documents in
 * src/wandb/operations/, embedded). Works against our server and against a real W&B server.
 */
#pragma once

#include "base/jval.h"
#include "io/http.h"

struct wandb;

struct wandb_options {
    const char *base_url;           /* without trailing slash */
    const struct secret *api_key;   /* copied */
    const char *user_agent_version; /* ours */
};
struct wandb *wandb_new(struct io *io, const struct wandb_options *o);
void wandb_free(struct wandb *w);
DEFINE_AUTO(wandb, wandb_free)
const char *wandb_base_url(const struct wandb *w);

/**
 * wandb_call() - run a document. Yields. @variables may be NULL; @wait_s > 0 sends "Prefer: wait=N" and
 * allows for it. GraphQL errors become @e (first message, path in brackets), with the HTTP status; *ret is
 * "data".
 */
NODISCARD int wandb_call(struct wandb *w, struct arena *a, const char *document, const struct jval *variables,
                         uint32_t wait_s, const struct jval **ret, struct err *e);

/* --- who and where: protocol reference 1.3
 * ------------------------------------------------------------------ */
struct wandb_settings {
    const char *base_url; /* WANDB_BASE_URL, settings files, https://api.wandb.ai */
    const char *base_url_from;
    const char *entity;       /* WANDB_ENTITY, settings files; NULL none */
    const char *api_key_from; /* "WANDB_API_KEY", "/root/.netrc"; NULL no key was found */
};
/** wandb_settings_load() - from the environment, settings files and .netrc; *ret_key NULL when none was found
 * (not an error). @base_url overrides when not NULL. */
NODISCARD int wandb_settings_load(struct io *io, struct arena *a, const char *base_url,
                                  struct wandb_settings *ret, struct secret **ret_key, struct err *e);
/** wandb_login_save() - the key to .netrc (0600, other entries kept) and base_url to the settings file, as
 * `wandb login` does. */
NODISCARD int wandb_login_save(struct io *io, const char *base_url, const struct secret *api_key,
                               struct err *e);

/* --- operations
 * --------------------------------------------------------------------------------------------- */
struct wandb_viewer {
    struct str username, entity;
};
NODISCARD int wandb_viewer(struct wandb *w, struct arena *a, struct wandb_viewer *ret, struct err *e);

struct wandb_queue {
    struct str id, name, access;
};
/** wandb_queues() - the launch queues of an entity. -ERR_NOT_FOUND when the entity's project is not visible.
 */
NODISCARD int wandb_queues(struct wandb *w, struct arena *a, struct str entity, struct wandb_queue **ret,
                           size_t *ret_len, struct err *e);
NODISCARD int wandb_agent_create(struct wandb *w, struct arena *a, struct str entity,
                                 const struct str *queue_ids, size_t queue_count, struct str hostname,
                                 struct str agent_config, struct str version, struct str *ret_agent_id,
                                 struct err *e);
NODISCARD int wandb_agent_get(struct wandb *w, struct arena *a, struct str agent_id, struct str *ret_name,
                              bool *ret_stop_polling, struct err *e);
NODISCARD int wandb_agent_update(struct wandb *w, struct str agent_id, const char *status, struct err *e);

struct wandb_item {
    struct str id;
    const struct jval *spec;
};
/** wandb_item_pop() - @ret->id is absent when the queue is empty. @wait_s as in wandb_call(). */
NODISCARD int wandb_item_pop(struct wandb *w, struct arena *a, struct str entity, struct str queue,
                             struct str agent_id, uint32_t wait_s, struct wandb_item *ret, struct err *e);
/** wandb_item_ack() - -ERR_CONFLICT when the server says somebody else has it. */
NODISCARD int wandb_item_ack(struct wandb *w, struct str item_id, struct str run_id, struct err *e);
NODISCARD int wandb_item_fail(struct wandb *w, struct str item_id, struct str message, const char *stage,
                              struct err *e);
NODISCARD int wandb_item_warn(struct wandb *w, struct str item_id, struct str message, const char *stage,
                              struct err *e);
/** wandb_run_status() - *ret_state absent when there is no such run. */
NODISCARD int wandb_run_status(struct wandb *w, struct arena *a, struct str entity, struct str wb_project,
                               struct str run_id, struct str *ret_state, bool *ret_stop_asked, struct err *e);
