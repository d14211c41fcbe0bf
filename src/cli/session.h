/* cli/session.h: a command's connection to the queue server: who we are, where it is, documents. */
#pragma once

#include "cli/option.h"
#include "wandb/wandb.h"

struct session {
    struct io *io;
    struct arena *a;
    struct wandb *wandb;
    struct wandb_settings settings; /* without the key, once the client has it */
    const char *entity;             /* from --entity, WANDB_ENTITY or settings; NULL until session_entity() */
};
/**
 * session_open() - settings, key and client for a verb with OPTION_URL and OPTION_ENTITY. Reads files, sends
 * nothing. -ERR_AUTH when there is no key, with where it was looked for. session_close() also after a
 * failure.
 */
NODISCARD int session_open(struct session *s, struct io *io, const struct args *a, struct err *e);
void session_close(struct session *s);
/** session_run() - open one, @run the command in it, close it. Yields. */
NODISCARD int session_run(struct io *io, const struct args *a,
                          int (*run)(struct session *s, const struct args *a, struct err *e), struct err *e);
/** session_begin(), session_connect() - the two halves of session_open(), for who has a key from elsewhere:
 * put it into s->settings between them. @newer_key and its @ctx as in struct wandb_options; NULL none. */
NODISCARD int session_begin(struct session *s, struct io *io, const struct args *a, struct err *e);
NODISCARD int session_connect(struct session *s, wandb_key_fn newer_key, void *ctx, struct err *e);
/** session_entity() - the entity, asking the server for the key's own one when none was given. Yields. */
NODISCARD int session_entity(struct session *s, const char **ret, struct err *e);
/** session_call() - run a document with @variables (may be NULL). Yields. Errors name the server; an answer
 * without data is -ERR_PROTO. */
NODISCARD int session_call(struct session *s, const char *document, const struct jval *variables,
                           const struct jval **ret, struct err *e);
/** session_explain() - after a failed call to the server at @url: the message names it, and says what to do
 * when nobody answered. Returns -e->code. */
int session_explain(const char *url, struct err *e);
/** print_json() - pretty, on stdout. */
void print_json(const struct jval *v);

/* W&B keeps all launch queues in this project of an entity. */
#define QUEUE_PROJECT "model-registry"
