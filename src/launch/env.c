/* launch/env.c: a pool's environment. */
#include "launch/env.h"

static bool is_identifier(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        char ch = s.ptr[i];

        if (!((ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') || ch == '_' ||
              (i > 0 && ch >= '0' && ch <= '9')))
            return false;
    }
    return s.len > 0;
}

static const struct jval *get_either(const struct jval *v, const char *name)
{
    char camel[64];
    const struct jval *found = jval_get(v, name);

    return found ? found : jval_get(v, name_camel(name, camel));
}

/* The entry in @list that is called @name, or NULL. */
static const struct jval *env_find(const struct jval *list, struct str name)
{
    for (size_t i = 0; i < jval_len(list); i++) {
        if (str_eq(jval_str(jval_get(jval_at(list, i), "name")), name))
            return jval_at(list, i);
    }
    return NULL;
}

static void env_add(struct converter *c, struct jval *list, struct jval *entry, const struct path *at)
{
    struct str name = jval_str(jval_get(entry, "name"));
    const struct jval *before = env_find(list, name);

    if (!is_identifier(name) && !convert_is_open(c, jval_get(entry, "name"))) {
        convert_error(c, entry, at, "\"%.*s\" is not a name for a variable (letters, digits, _)",
                      STR_ARG(name));
    } else if (!before) {
        jval_push(c->a, list, entry);
    } else if (!jval_equal(before, entry)) {
        convert_error(c, entry, at, "variable %.*s is given twice with different values; first in line %u",
                      STR_ARG(name), jval_pos(before).line);
    }
}

/* valueFrom.secretKeyRef {name, key} stays a reference; its value is put in at submit. */
static struct jval *to_reference(struct converter *c, const struct jval *v, const struct path *at)
{
    static const struct field ref_fields[] = {
        { "name", FIELD_STRING, .required = true },
        { "key", FIELD_STRING },
    };
    static const struct message ref_message = { ref_fields, ARRAY_LEN(ref_fields) };
    static const struct field from_fields[] = {
        { "secret_key_ref", FIELD_MESSAGE, .required = true, .message = &ref_message },
    };
    static const struct message from_message = { from_fields, ARRAY_LEN(from_fields) };
    const struct field from = { "value_from", FIELD_MESSAGE, .message = &from_message };
    struct jval *made = convert_value(c, &from, v, at);

    if (str_has_prefix(jval_str(jval_path(made, "secretKeyRef.name")), STR("slipway:")))
        convert_error(c, v, at, "names that begin with \"slipway:\" are the agent's own secrets");
    return made;
}

static struct jval *to_entry(struct converter *c, const struct jval *v, const struct path *at)
{
    const struct jval *value = jval_get(v, "value"), *from = get_either(v, "value_from");
    struct jval *out = jval_new_object(c->a);
    bool plain = value && !jval_is(value, JVAL_NULL), referred = from && !jval_is(from, JVAL_NULL);

    for (size_t i = 0; i < jval_len(v); i++) {
        struct str key = jval_key_at(v, i);

        if (!str_is(key, "name") && !str_is(key, "value") && !name_is(key, "value_from"))
            convert_error(c, v, at,
                          "unknown key \"%.*s\" in a variable; it has name and value, or name and value_from",
                          STR_ARG(key));
    }
    if (!jval_is(jval_get(v, "name"), JVAL_STR)) {
        convert_error(c, v, at, "a variable needs a \"name\"");
        return NULL;
    }
    if (plain == referred || (plain && !jval_is(value, JVAL_STR))) {
        convert_error(c, v, at,
                      plain && !referred ? "the value must be a string: write it in quotes"
                                         : "a variable has either \"value\" or \"value_from\"");
        return NULL;
    }
    jval_set(c->a, out, "name", jval_get(v, "name"));
    jval_set_pos(out, jval_pos(v));
    if (plain) {
        jval_set(c->a, out, "value", value);
        return out;
    }
    from = to_reference(c, from, at);
    if (!from)
        return NULL;
    jval_set(c->a, out, "valueFrom", from);
    return out;
}

static struct jval *env_from_object(struct converter *c, const struct jval *v, const struct path *at)
{
    struct jval *list = jval_new_array(c->a);

    for (size_t i = 0; i < jval_len(v); i++) {
        const struct path here = { .up = at, .key = jval_key_at(v, i) };
        struct jval *entry = jval_new_object(c->a);

        if (!jval_is(jval_at(v, i), JVAL_STR)) {
            convert_error(c, jval_at(v, i), &here, "the value must be a string: write it in quotes");
            continue;
        }
        jval_set(c->a, entry, "name", jval_new_str(c->a, here.key));
        jval_set(c->a, entry, "value", jval_at(v, i));
        jval_set_pos(entry, jval_key_pos_at(v, i));
        env_add(c, list, entry, &here);
    }
    return list;
}

struct jval *convert_env(struct converter *c, const struct jval *v, const struct path *at)
{
    struct jval *list = jval_new_array(c->a);

    if (jval_is(v, JVAL_OBJECT))
        return env_from_object(c, v, at);
    if (!jval_is(v, JVAL_ARRAY)) {
        convert_error(c, v, at, "expected a list of variables, got %s", type_phrase(jval_type(v)));
        return NULL;
    }
    for (size_t i = 0; i < jval_len(v); i++) {
        const struct path here = { .up = at, .index = i };
        struct jval *entry = NULL;

        if (jval_is(jval_at(v, i), JVAL_OBJECT))
            entry = to_entry(c, jval_at(v, i), &here);
        else
            convert_error(c, jval_at(v, i), &here, "expected an object with name and value");
        if (entry)
            env_add(c, list, entry, &here);
    }
    return list;
}

/* --- merging -------------------------------------------------------------------------------------------- */

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

    for (size_t i = 0; i < value.len; i++) {
        if (value.ptr[i] == '$' && i + 1 < value.len && value.ptr[i + 1] == '(')
            strbuf_addc(&b, '$');
        strbuf_addc(&b, value.ptr[i]);
    }
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

struct jval *env_merge(struct converter *c, const struct jval *user, const struct env_list *job,
                       const struct path *at)
{
    struct jval *list = jval_new_array(c->a);

    for (size_t i = 0; i < jval_len(user); i++) {
        const struct jval *entry = jval_at(user, i), *value = jval_get(entry, "value");
        struct str name = jval_str(jval_get(entry, "name"));

        if (job->len > 0 && agent_owns(name)) {
            problem_add(c->p, PROBLEM_WARNING, jval_pos(entry), path_text(c->a, at),
                        "%.*s is set by the agent; the value given here is not used", STR_ARG(name));
        } else if (value && jval_str(value).len == 0) {
            problem_add(c->p, PROBLEM_WARNING, jval_pos(entry), path_text(c->a, at),
                        "%.*s is empty and left out: Vertex refuses empty values", STR_ARG(name));
        } else {
            jval_push(c->a, list, entry);
        }
    }
    for (size_t i = 0; i < job->len; i++) {
        if (!env_find(list, job->items[i].name))
            jval_push(c->a, list, job_entry(c->a, &job->items[i]));
    }
    if (jval_len(list) > 100)
        convert_error(c, user, at, "%zu variables; Vertex takes at most 100", jval_len(list));
    return list;
}
