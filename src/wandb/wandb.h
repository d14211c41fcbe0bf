/*
 * wandb/wandb.h: the W&B API as a client: one function per GraphQL operation (documents in
 * src/wandb/operations/, embedded). Works against our server and against a real W&B server.
 *
 * Nothing here retries. Errors: -ERR_AUTH (401), -ERR_DENIED, -ERR_NOT_FOUND, -ERR_CONFLICT, -ERR_INVALID (a
 * GraphQL error), -ERR_PROTO (not a W&B answer), -ERR_THROTTLED with retry_after_ms, -ERR_REMOTE, and those
 * of http_send(). Every call yields, but the first three and wandb_is_slipway().
 */
#pragma once

#include "base/jval.h"
#include "base/prom.h"
#include "io/http.h"

struct wandb;

/**
 * wandb_key_fn - the server refused the key in use: is there a newer one? 0 with *ret, which the client owns
 * from then on (the same key: there is none); a transient error becomes the call's, any other leaves the
 * refusal. May yield, and be called by several fibers at once.
 */
typedef int (*wandb_key_fn)(void *ctx, struct secret **ret, struct err *e);
struct wandb_options {
    const char *base_url;           /* without trailing slash */
    const struct secret *api_key;   /* copied; NULL sends none */
    const char *user_agent_version; /* ours */
    wandb_key_fn newer_key;         /* after a 401, before the call is sent again, once; NULL: none */
    void *newer_key_ctx;
};
struct wandb *wandb_new(struct io *io, const struct wandb_options *o);
void wandb_free(struct wandb *w);
DEFINE_AUTO(wandb, wandb_free)
const char *wandb_base_url(const struct wandb *w);
/** wandb_api_key() - for the environment of the jobs we launch. Borrowed until the next yield; NULL none. */
const struct secret *wandb_api_key(const struct wandb *w);
/** wandb_is_slipway() - did the last answer come from our own server ("Server: slipway/...")? False before
 * any answer. */
bool wandb_is_slipway(const struct wandb *w);

/** wandb_traffic() - the calls made so far, borrowed; @waits: those that let the server wait for news, which
 * take as long as they may. Does not yield. */
const struct prom_calls *wandb_traffic(const struct wandb *w, bool waits);

struct wandb_request {
    const char *document;
    const struct jval *variables; /* NULL: none */
    uint32_t wait_s;              /* > 0 sends "Prefer: wait=N" and allows for it */
};
/** wandb_call() - run a document; *ret is "data" (NULL or a JSON null when there was none). GraphQL errors,
 * also beside data, become @e: first message, path in brackets, HTTP status. */
NODISCARD int wandb_call(struct wandb *w, struct arena *a, const struct wandb_request *req,
                         const struct jval **ret, struct err *e);

/* --- who and where: protocol reference 1.3 --- */
struct wandb_settings {
    const char *base_url;      /* WANDB_BASE_URL, settings files, https://api.wandb.ai */
    const char *base_url_from; /* "WANDB_BASE_URL", "/root/.config/wandb/settings", "the default" */
    const char *entity;        /* WANDB_ENTITY, settings files; NULL none */
    const char *api_key_from;  /* "WANDB_API_KEY", "/root/.netrc"; NULL no key was found */
    struct secret *api_key;    /* NULL none; the caller frees it */
};
/** wandb_settings_load() - from the environment, settings files and .netrc. No key is not an error. @base_url
 * overrides when not NULL. -ERR_CONFIG names the place that is wrong. */
NODISCARD int wandb_settings_load(struct io *io, struct arena *a, const char *base_url,
                                  struct wandb_settings *ret, struct err *e);
/** wandb_key_check() - is @key of a form that W&B knows? -ERR_CONFIG says what is wrong, naming @from. */
NODISCARD int wandb_key_check(const struct secret *key, const char *from, struct err *e);
/** wandb_login_save() - the key to .netrc (0600, other entries kept) and base_url to the settings file, as
 * `wandb login` does. *ret_path (may be NULL) is the .netrc written. -ERR_CONFIG for a key that cannot be
 * one. */
NODISCARD int wandb_login_save(struct io *io, struct arena *a, const char *base_url,
                               const struct secret *api_key, const char **ret_path, struct err *e);

/* --- operations; results live in @a
 * ------------------------------------------------------------------------------- */
struct wandb_viewer {
    struct str username, entity;
};
NODISCARD int wandb_viewer(struct wandb *w, struct arena *a, struct wandb_viewer *ret, struct err *e);

struct wandb_queue {
    struct str id, name, access;
};
struct wandb_queue_list {
    struct wandb_queue *items;
    size_t len;
};
/** wandb_queues() - the launch queues of an entity. -ERR_NOT_FOUND when the entity's project is not visible.
 */
NODISCARD int wandb_queues(struct wandb *w, struct arena *a, struct str entity, struct wandb_queue_list *ret,
                           struct err *e);

struct wandb_agent_record {
    struct str entity;
    const struct str *queue_ids;
    size_t queue_count;
    struct str hostname, agent_config, version; /* agent_config is JSON text */
};
NODISCARD int wandb_agent_create(struct wandb *w, struct arena *a, const struct wandb_agent_record *r,
                                 struct str *ret_agent_id, struct err *e);
struct wandb_agent_status {
    struct str name;
    bool stop_polling; /* somebody asked this agent to end */
};
/** wandb_agent_get() - -ERR_NOT_FOUND when the server no longer knows the agent: register again. */
NODISCARD int wandb_agent_get(struct wandb *w, struct arena *a, struct str agent_id,
                              struct wandb_agent_status *ret, struct err *e);
/** wandb_agent_update() - @status is "POLLING", "RUNNING" or "KILLED". */
NODISCARD int wandb_agent_update(struct wandb *w, struct str agent_id, const char *status, struct err *e);

struct wandb_pop {
    struct str entity, queue;
    struct str agent_id; /* may be absent */
    uint32_t wait_s;     /* as in wandb_request */
};
struct wandb_item {
    struct str id;
    const struct jval *spec;
    int64_t fence; /* see struct wandb_hold */
    struct str
        taken_over_as; /* the run of the agent that had it before and fell silent; absent: none had it */
};
/** wandb_item_pop() - @ret->id is absent when the queue is empty. */
NODISCARD int wandb_item_pop(struct wandb *w, struct arena *a, const struct wandb_pop *req,
                             struct wandb_item *ret, struct err *e);
/* An item as its holder names it. Our own server gives a fencing token with each pop and refuses the words of
 * a holder whose lease was lost since (-ERR_CONFLICT); a W&B server gives none, and checks nothing. */
struct wandb_hold {
    struct str item_id;
    int64_t fence; /* 0: none */
};
/** wandb_item_ack() - -ERR_CONFLICT when the server says somebody else has it; also when it was our own
 * earlier ack whose answer was lost: wandb_item_get() tells which. */
NODISCARD int wandb_item_ack(struct wandb *w, const struct wandb_hold *h, struct str run_id, struct err *e);
/** wandb_item_keep() - our own server only: this agent, under its present id, still has the item.
 * -ERR_CONFLICT: it was silent for so long that another got it. */
NODISCARD int wandb_item_keep(struct wandb *w, const struct wandb_hold *h, struct str agent_id,
                              struct err *e);
struct wandb_failure {
    struct str message;
    const char *stage; /* "agent", "build" or "run" */
    struct str file;   /* one that wandb_agent_file() (wandb/runs.h) has sent; absent: none */
};
/** wandb_item_fail() - -ERR_CONFLICT when the server did not take it. */
NODISCARD int wandb_item_fail(struct wandb *w, const struct wandb_hold *h, const struct wandb_failure *f,
                              struct err *e);
NODISCARD int wandb_item_warn(struct wandb *w, const struct wandb_hold *h, struct str message,
                              const char *stage, struct err *e);

struct wandb_item_ref {
    struct str entity, queue, item_id;
};
struct wandb_item_status {
    struct str state;  /* "PENDING", "CLAIMED", ... as sent */
    struct str run_id; /* of the ack; absent before it */
};
/** wandb_item_get() - -ERR_NOT_FOUND when there is no such item. */
NODISCARD int wandb_item_get(struct wandb *w, struct arena *a, const struct wandb_item_ref *ref,
                             struct wandb_item_status *ret, struct err *e);

struct wandb_run_ref {
    struct str entity, wb_project, run_id;
};
struct wandb_run_status {
    struct str state; /* absent when there is no such run */
    bool stop_asked;
};
NODISCARD int wandb_run_status(struct wandb *w, struct arena *a, const struct wandb_run_ref *ref,
                               struct wandb_run_status *ret, struct err *e);
enum { WANDB_MAX_STATUSES = 50 };
/** wandb_run_statuses() - of @count runs (at most WANDB_MAX_STATUSES), in one request, into @ret[@count]. */
NODISCARD int wandb_run_statuses(struct wandb *w, struct arena *a, const struct wandb_run_ref *refs,
                                 size_t count, struct wandb_run_status *ret, struct err *e);

/* --- additions of our own server; on any other a GraphQL error
 * --------------------------------------------------------------------------------- */
/** wandb_item_finish() - the job has ended. @outcome is "FINISHED", "FAILED" or "STOPPED"; @message may be
 * absent. May be repeated. */
NODISCARD int wandb_item_finish(struct wandb *w, const struct wandb_hold *h, const char *outcome,
                                struct str message, struct err *e);
/** wandb_item_note() - a line for the item's history; @running also makes a claimed item a running one. */
NODISCARD int wandb_item_note(struct wandb *w, const struct wandb_hold *h, struct str message, bool running,
                              struct err *e);
/** wandb_item_stop() - ask for its end. -ERR_NOT_FOUND. */
NODISCARD int wandb_item_stop(struct wandb *w, struct str item_id, struct err *e);
struct wandb_queue_ref {
    struct str entity, queue;
};
struct wandb_stop {
    struct str item_id;
    struct str run_state; /* absent: it has no run */
};
struct wandb_stops {
    struct wandb_stop *items;
    size_t len;
};
/** wandb_stop_requests() - the items of a queue that an agent holds and somebody wants to end. One request,
 * or one per 100. -ERR_NOT_FOUND. */
NODISCARD int wandb_stop_requests(struct wandb *w, struct arena *a, const struct wandb_queue_ref *q,
                                  struct wandb_stops *ret, struct err *e);
