/* launch/env_merge.c: a pool's environment and the job's own as one list, within the limits. */
#include "launch/env.h"

#include "launch/secret_ref.h"

static bool is_digits(struct str s)
{
    int64_t n;

    return s.len > 0 && s.ptr[0] >= '0' && s.ptr[0] <= '9' && str_to_i64(s, &n);
}

/* Variables that say which run this is and what it was launched with: a config must not contradict them.
 * WANDB_CONFIG_DIR and the like stay the user's; shards of WANDB_CONFIG do not. */
static bool agent_owns(struct str name)
{
    static const char *const owned[] = { "WANDB_API_KEY",   "WANDB_PROJECT",  "WANDB_ENTITY",
                                         "WANDB_RUN_ID",    "WANDB_RESUME",   "WANDB_CONFIG",
                                         "WANDB_ARTIFACTS", "WANDB_SWEEP_ID", "WANDB_LAUNCH" };

    for (size_t i = 0; i < ARRAY_LEN(owned); i++) {
        if (str_is(name, owned[i]))
            return true;
    }
    return str_has_prefix(name, STR("WANDB_LAUNCH_")) ||
           (str_has_prefix(name, STR("WANDB_CONFIG_")) && is_digits(str_sub(name, 13, name.len)));
}

/* $(X) in a value is replaced on Vertex; $$(X) is the literal. */
static struct jval *literal(struct arena *a, struct str value)
{
    AUTO_STRBUF struct strbuf b = STRBUF(1 << 20);
    ptrdiff_t at;

    while ((at = str_find(value, STR("$("))) >= 0) {
        strbuf_add(&b, str_sub(value, 0, (size_t)at));
        strbuf_addz(&b, "$$(");
        value = str_sub(value, (size_t)at + 2, value.len);
    }
    strbuf_add(&b, value);
    return jval_new_str(a, strbuf_str(&b));
}

static struct jval *job_entry(struct arena *a, const struct env_entry *e)
{
    struct jval *entry = jval_new_object(a), *from, *ref;

    jval_set(a, entry, "name", jval_new_str(a, e->name));
    if (!e->secret_ref.ptr) {
        jval_set(a, entry, "value", literal(a, e->value));
        return entry;
    }
    from = jval_new_object(a);
    ref = jval_new_object(a);
    jval_set(a, ref, "name", jval_new_str(a, e->secret_ref));
    jval_set(a, from, "secretKeyRef", ref);
    jval_set(a, entry, "valueFrom", from);
    return entry;
}

struct jval *env_of_job(struct arena *a, const struct env_list *job)
{
    struct jval *list = jval_new_array(a);

    for (size_t i = 0; i < job->len; i++)
        jval_push(a, list, job_entry(a, &job->items[i]));
    return list;
}

/* The entry with its reference in full: what is journalled names one secret, whatever the defaults become. */
static const struct jval *in_full(struct converter *c, const struct jval *entry, struct str gcp_project)
{
    const struct jval *given = jval_path(entry, "valueFrom.secretKeyRef");
    struct jval *out, *from, *ref;
    struct secret_ref r;

    if (!given ||
        secret_ref_parse(jval_str(jval_get(given, "name")), jval_str(jval_get(given, "key")), &r, NULL))
        return entry; /* a wrong one is reported already */
    if (!r.gcp_project.ptr && gcp_project.len > 0)
        r.gcp_project = gcp_project;
    out = jval_new_object(c->a);
    from = jval_new_object(c->a);
    ref = jval_new_object(c->a);
    jval_set(c->a, ref, "name", jval_new_str(c->a, secret_ref_name(c->a, &r)));
    if (r.field.ptr)
        jval_set(c->a, ref, "key", jval_new_str(c->a, r.field));
    jval_set(c->a, from, "secretKeyRef", ref);
    jval_set(c->a, out, "name", jval_get(entry, "name"));
    jval_set(c->a, out, "valueFrom", from);
    jval_set_pos(out, jval_pos(entry));
    return out;
}

/* Linux starts no process with a longer NAME=VALUE (MAX_ARG_STRLEN, its NUL included). */
static void check_sizes(struct converter *c, const struct jval *list, const struct jval *user,
                        const struct path *at)
{
    for (size_t i = 0; i < jval_len(list); i++) {
        const struct jval *entry = jval_at(list, i);
        struct str name = jval_str(jval_get(entry, "name"));
        size_t size = name.len + jval_str(jval_get(entry, "value")).len + 2;

        if (size > ENV_MAX_STRING)
            convert_error(c, jval_pos(entry).line ? entry : user, at,
                          "variable %.*s has %zu bytes; a container takes at most %d a variable",
                          STR_ARG(name), size, ENV_MAX_STRING);
    }
}

struct jval *env_merge(struct converter *c, const struct jval *user, const struct env_job *job,
                       const struct path *at)
{
    struct jval *list = jval_new_array(c->a);
    size_t given;

    for (size_t i = 0; i < jval_len(user); i++) {
        const struct jval *entry = jval_at(user, i), *value = jval_get(entry, "value");
        struct str name = jval_str(jval_get(entry, "name"));

        if (agent_owns(name)) {
            problem_add(c->p, PROBLEM_WARNING, jval_pos(entry), path_text(c->a, at),
                        "%.*s is set by the agent; the value given here is not used", STR_ARG(name));
        } else if (value && jval_str(value).len == 0) {
            problem_add(c->p, PROBLEM_WARNING, jval_pos(entry), path_text(c->a, at),
                        "%.*s is empty and left out: Vertex refuses empty values", STR_ARG(name));
        } else {
            jval_push(c->a, list, in_full(c, entry, job->gcp_project));
        }
    }
    given = jval_len(list);
    for (size_t i = 0; i < jval_len(job->list); i++) {
        if (!env_find(list, jval_str(jval_get(jval_at(job->list, i), "name"))))
            jval_push(c->a, list, jval_at(job->list, i));
    }
    if (jval_len(list) > ENV_MAX_VARIABLES && given <= ENV_MAX_VARIABLES) /* else it is said already */
        convert_error(c, user, at,
                      "%zu variables (%zu of the config, %zu of the launch); Vertex takes at most %d",
                      jval_len(list), given, jval_len(list) - given, ENV_MAX_VARIABLES);
    check_sizes(c, list, user, at);
    return list;
}
