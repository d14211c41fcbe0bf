/* wandb/wandb_internal.h: what the sources of src/wandb share. */
#pragma once

#include "base/dec.h"
#include "base/embed.h"
#include "wandb/wandb.h"

/* Queues and agents of an entity are kept under this project (LAUNCH_DEFAULT_PROJECT of the W&B client). */
#define WANDB_QUEUE_PROJECT "model-registry"
#define WANDB_CLOUD_URL     "https://api.wandb.ai"

EMBEDDED(wandb_op_agent_create);
EMBEDDED(wandb_op_agent_get);
EMBEDDED(wandb_op_agent_update);
EMBEDDED(wandb_op_agent_run);
EMBEDDED(wandb_op_file_create);
EMBEDDED(wandb_op_item_ack);
EMBEDDED(wandb_op_item_ack_fenced);
EMBEDDED(wandb_op_item_fail);
EMBEDDED(wandb_op_item_fail_fenced);
EMBEDDED(wandb_op_item_finish);
EMBEDDED(wandb_op_item_get);
EMBEDDED(wandb_op_item_keep);
EMBEDDED(wandb_op_item_note);
EMBEDDED(wandb_op_item_pop);
EMBEDDED(wandb_op_item_pop_fenced);
EMBEDDED(wandb_op_item_stop);
EMBEDDED(wandb_op_item_warn);
EMBEDDED(wandb_op_item_warn_fenced);
EMBEDDED(wandb_op_queues);
EMBEDDED(wandb_op_stop_requests);
EMBEDDED(wandb_op_sweep_get);
EMBEDDED(wandb_op_viewer);

/** vars_set() - a string variable; an absent text becomes null, as the W&B client sends it. */
void vars_set(struct arena *a, struct jval *vars, const char *name, struct str value);
/** vars_hold() - the item's id as variable @name, and its fence, when it has one, as "fence". */
void vars_hold(struct arena *a, struct jval *vars, const char *name, const struct wandb_hold *h);
/** call_decoded() - wandb_call(), then @d on its data: an answer without any is -ERR_PROTO. Yields. @e must
 * live as long as @d. */
NODISCARD int call_decoded(struct wandb *w, struct arena *a, const struct wandb_request *req, struct dec *d,
                           struct err *e);
/** call_success() - for mutations that answer {@field: {success}}: *ret_success is false when it is not true.
 * Yields. */
NODISCARD int call_success(struct wandb *w, const struct wandb_request *req, const char *field,
                           bool *ret_success, struct err *e);
/** wandb_transfer() - @req as it is; with the API key when @is_api. An answer that is no 2xx is an error.
 * Yields.
 */
NODISCARD int wandb_transfer(struct wandb *w, struct http_request *req, bool is_api, struct err *e);

/** wandb_url_check() - the rules for base URLs: http or https with a host; W&B's cloud only as https://api.
 */
NODISCARD int wandb_url_check(struct str url, const char *from, struct err *e);
/** wandb_url_netloc() - "host:port" as written. */
struct str wandb_url_netloc(struct str url);

/* settings_file.c: INI files with one section that counts, "[default]". */
struct str settings_text_get(struct str text, const char *key);
/** settings_text_set() - @text with @key set (an absent @value removes it), everything else as it was. */
void settings_text_set(struct strbuf *out, struct str text, const char *key, struct str value);
