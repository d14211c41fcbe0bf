/* launch/job_env.c: the W&B variables of a launched job, in the order of protocol reference 7.1. */
#include "launch/job_env.h"

enum { FIXED_VARIABLES = 15 /* all but the sharded two */ };

struct builder {
    struct arena *a;
    struct env_list list;
};

/* Vertex refuses an empty value, and the protocol's agent leaves such a variable out. */
static void add(struct builder *b, struct str name, struct str value)
{
    if (value.len > 0)
        b->list.items[b->list.len++] = (struct env_entry){ .name = name, .value = value };
}

static size_t shards(struct str text)
{
    return (text.len + JOB_ENV_MAX_VALUE - 1) / JOB_ENV_MAX_VALUE;
}

/* Short text under the plain name; long text in slices under NAME_0, NAME_1, ... and then no plain name. The
 * text is ASCII (Python's JSON escapes), so a slice never cuts a character. */
static void add_sharded(struct builder *b, const char *name, struct str text)
{
    if (text.len <= JOB_ENV_MAX_VALUE) {
        add(b, str_of(name), text);
        return;
    }
    for (size_t i = 0; i < shards(text); i++)
        add(b, str_of(arena_printf(b->a, "%s_%zu", name, i)),
            str_sub(text, i * JOB_ENV_MAX_VALUE, (i + 1) * JOB_ENV_MAX_VALUE));
}

static struct str object_text(struct arena *a, const struct jval *v)
{
    return v ? jval_text(a, v, JVAL_PYTHON) : STR("{}");
}

static struct str artifacts_text(struct arena *a, const struct launch_spec *spec)
{
    struct jval *all = jval_new_object(a);

    if (spec->wb_job.ptr)
        jval_set(a, all, "_wandb_job", jval_new_str(a, spec->wb_job));
    return jval_text(a, spec->artifacts ? jval_merge(a, all, spec->artifacts) : all, JVAL_PYTHON);
}

void job_env_build(struct arena *a, const struct job_env_input *in, struct env_list *ret)
{
    const struct launch_spec *s = in->spec;
    struct str config = object_text(a, s->run_config), files = object_text(a, s->file_overrides);
    size_t cap = FIXED_VARIABLES + shards(config) + shards(files);
    struct builder b = { .a = a, .list.items = arena_array(a, cap, sizeof(struct env_entry)) };

    add(&b, STR("WANDB_BASE_URL"), in->base_url);
    b.list.items[b.list.len++] =
        (struct env_entry){ .name = STR("WANDB_API_KEY"), .secret_ref = STR(JOB_ENV_API_KEY_REF) };
    add(&b, STR("WANDB_PROJECT"), s->wb_project);
    add(&b, STR("WANDB_ENTITY"), s->entity);
    add(&b, STR("WANDB_LAUNCH"), STR("True"));
    add(&b, STR("WANDB_RUN_ID"), in->run_id);
    add(&b, STR("WANDB_DOCKER"), in->image_uri);
    add(&b, STR("WANDB_NAME"), in->run_name);
    if (!s->has_own_api_key) /* another's key is another's name */
        add(&b, STR("WANDB_USERNAME"), s->author);
    add(&b, STR("WANDB_SWEEP_ID"), s->sweep_id);
    if (s->resume_count > 0)
        add(&b, STR("WANDB_RESUME"), STR("allow"));
    add(&b, STR("WANDB_LAUNCH_QUEUE_NAME"), in->queue_name);
    add(&b, STR("WANDB_LAUNCH_QUEUE_ENTITY"), in->queue_entity);
    add(&b, STR("WANDB_LAUNCH_TRACE_ID"), in->item_id);
    add_sharded(&b, "WANDB_CONFIG", config);
    add_sharded(&b, "WANDB_LAUNCH_FILE_OVERRIDES", files);
    add(&b, STR("WANDB_ARTIFACTS"), artifacts_text(a, s));
    *ret = b.list;
}
