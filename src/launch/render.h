/*
 * launch/render.h: from queue config and launch spec to the CustomJob request that Vertex receives. Pure.
 *
 * Both spellings (snake_case, camelCase) and every legitimate place of a field are accepted; nothing is
 * dropped in silence: an unknown key is an error with position and the nearest name.
 *
 * What a launch adds to the config:
 * - Image: ${image_uri} in the config, or a container_spec without image_uri gets the launch's image.
 * - The training pools: those that run the launch's image; when none does (the config names other images, or
 *   Python packages), those that run the same image or module as the first pool.
 * - Command: overrides.entry_point, when not empty, replaces "command" in the training pools that are
 *   containers. Without it a queue's own command stays as it is; it is never blanked.
 * - Arguments: overrides.args are put behind the "args" of the training pools. "command" and "args" stay
 * apart. A pool that runs something else (a parameter server, a reduction server, TensorBoard) keeps both.
 * - Environment, merged by name into every pool: the agent wins, with a warning, for WANDB_API_KEY, _PROJECT,
 *   _ENTITY, _RUN_ID, _RESUME, _CONFIG and its shards, _ARTIFACTS, _SWEEP_ID, WANDB_LAUNCH and
 *   WANDB_LAUNCH_*; for all others (WANDB_BASE_URL, WANDB_NAME, ...) what the config says wins. In the
 * agent's values "$(" is written "$$(", so that Vertex leaves it alone. At most 100 variables, 131072 bytes
 * each.
 * - Macros: image_uri, run_id, run_name (the id of a run without a name), project_name, entity_name, author,
 * queue_name, item_id, region (that of the job), and what macro_env allows.
 * - Template values that the spec records are checked against their schemas again (launch/template.h).
 * - Labels: the four below. A config may not set them itself.
 * - Output: base_output_dir, else STAGING_BUCKET/aiplatform-custom-job-<UTC time>.
 */
#pragma once

#include "launch/job_env.h"
#include "launch/macro.h"
#include "launch/policy.h"

/* Labels on every job we create; the dedup label settles a create whose answer was lost. Values are made
 * valid for Vertex. */
#define LABEL_ITEM    "slipway-item"    /* queue item id */
#define LABEL_ATTEMPT "slipway-attempt" /* unique per submit attempt: the dedup label */
#define LABEL_AGENT   "slipway-agent"   /* shared by all jobs of one agent: one list call watches all */
#define LABEL_HOME    "slipway-home"    /* of the agent, across lost disks */
#define LABEL_RUN     "wandb-run-id"

struct render_input {
    const struct launch_spec *spec;
    struct str base_url; /* WANDB_BASE_URL for the job */
    struct str run_id, run_name, queue_name, queue_entity, item_id, author;
    struct str image_uri;
    struct str gcp_project, region;              /* agent's defaults; spec.project and spec.location win */
    struct str agent_label, attempt_label, home; /* each may be absent: no label */
    const struct launch_rung *rung;              /* what the ladder changes; NULL: nothing */
    int64_t now_unix_ms;                         /* for the derived output directory */
    const struct macro_env *macro_env;           /* NULL: no variable of the agent's environment */
    bool strict_macros;                          /* an unknown ${x} is an error */
};
struct rendered {
    const struct jval *request; /* CustomJob JSON (camelCase); secret env values as
                                   {"name","valueFrom":{"secretKeyRef":{"name"[,"key"]}}}: "name" is a
                                   secret_ref_name() in full, or JOB_ENV_API_KEY_REF; "key" a field */
    struct str gcp_project, region;
    bool names_region; /* the config says where: rungs that are mere defaults change nothing */
    bool is_spot;      /* its machines may be taken away */
    bool is_flexible;  /* FLEX_START: it may wait for its machines for long */
};
/** render_custom_job() - all problems at once into @p. -ERR_INVALID when any is an error; -ERR_CONFIG is not
 * used here. */
NODISCARD int render_custom_job(const struct render_input *in, struct rendered *ret, struct problems *p,
                                struct err *e);

/** request_needs_v1beta1() - has @request a field that Vertex's v1 does not know? */
bool request_needs_v1beta1(const struct jval *request);

/** queue_config_check() - the checks of render_custom_job() that need no item: for `queue create` and the
 * server. */
NODISCARD int queue_config_check(const struct jval *config, struct problems *p, struct err *e);

/**
 * request_fill_secrets() - the request's text with each secretKeyRef replaced by a value, for the wire only.
 * @lookup gets the reference as it stands in the request (@field absent: the whole payload) and returns a
 * borrowed secret or NULL. @out is to be wiped with strbuf_wipe(). -ERR_NOT_FOUND names variable and
 * reference.
 */
typedef const struct secret *(*secret_lookup_fn)(void *ctx, struct str name, struct str field);
NODISCARD int request_fill_secrets(const struct jval *request, secret_lookup_fn lookup, void *ctx,
                                   struct strbuf *out, struct err *e);

/** label_value() - any text as a valid Vertex label value: reversible for short texts, collision-free for
 * all. */
struct str label_value(struct arena *a, struct str text);
/** label_text() - the text that label_value() made @value from. False for a digest of a long one, and for
 * what label_value() never makes. */
bool label_text(struct arena *a, struct str value, struct str *ret);
