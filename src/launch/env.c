/* launch/env.c: a pool's environment as a config gives it. */
#include "launch/env.h"

#include <string.h>

#include "base/ascii.h"
#include "launch/secret_ref.h"

struct env_builder {
    struct jval *list;
    struct jval *names; /* name to entry: what has been seen, found quickly however many there are */
};
struct entry_parts {
    const struct jval *name, *value, *from; /* @value or @from, or wrongly both or none */
    const struct jval *where;               /* for messages */
};

static bool is_identifier(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (!ascii_is_letter(s.ptr[i]) && s.ptr[i] != '_' && (i == 0 || !ascii_is_digit(s.ptr[i])))
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

const struct jval *env_find(const struct jval *list, struct str name)
{
    for (size_t i = 0; i < jval_len(list); i++) {
        if (str_eq(jval_str(jval_get(jval_at(list, i), "name")), name))
            return jval_at(list, i);
    }
    return NULL;
}

static void env_add(struct converter *c, struct env_builder *b, struct jval *entry, const struct path *at)
{
    struct str name = jval_str(jval_get(entry, "name"));
    const struct jval *before = jval_get_str(b->names, name);

    if (!is_identifier(name) && !convert_is_open(c, jval_get(entry, "name"))) {
        convert_error(c, entry, at, "\"%.*s\" is not a name for a variable (letters, digits, _)",
                      STR_ARG(str_sub(name, 0, 200)));
    } else if (!before) {
        jval_push(c->a, b->list, entry);
        jval_set_str(c->a, b->names, name, entry);
    } else if (!jval_equal(before, entry)) {
        convert_error(c, entry, at, "variable %.*s is given twice with different values; first in line %u",
                      STR_ARG(name), jval_pos(before).line);
    }
}

static void too_many(struct converter *c, size_t count, const struct jval *v, const struct path *at)
{
    convert_error(c, v, at, "%zu variables; Vertex takes at most %d", count, ENV_MAX_VARIABLES);
}

static struct jval *env_finish(struct converter *c, const struct env_builder *b, const struct jval *v,
                               const struct path *at)
{
    if (jval_len(b->list) > ENV_MAX_VARIABLES)
        too_many(c, jval_len(b->list), v, at);
    return b->list;
}

static const struct jval *key_as_text(struct converter *c, const struct jval *ref)
{
    const struct jval *key = jval_get(ref, "key");
    struct jval *out;

    if (!jval_is(key, JVAL_INT))
        return ref;
    out = jval_copy(c->a, ref); /* key: 5 is a version, with or without quotes */
    jval_set_cstr(c->a, out, "key", arena_printf(c->a, "%lld", (long long)jval_int(key)));
    return out;
}

static void check_reference(struct converter *c, const struct jval *ref, const struct path *at)
{
    const struct jval *name = jval_get(ref, "name"), *key = jval_get(ref, "key");
    const struct path inner = { .up = at, .key = STR("secret_key_ref") };
    struct secret_ref parsed;
    struct err e = { 0 };

    if (!name || convert_is_open(c, name) || convert_is_open(c, key))
        return;
    if (str_has_prefix(jval_str(name), STR("slipway:")))
        convert_error(c, name, &inner, "names that begin with \"slipway:\" are the agent's own secrets");
    else if (secret_ref_parse(jval_str(name), jval_str(key), &parsed, &e))
        convert_error(c, name, &inner, "%s", e.msg);
}

/* valueFrom.secretKeyRef {name, key} stays a reference; its value is put in at submit. */
static struct jval *to_reference(struct converter *c, const struct jval *v, const struct path *at)
{
    static const struct field ref_fields[] = {
        { "name", FIELD_STRING, .required = true },
        { "key", FIELD_STRING },
    };
    static const struct message ref_message = { "SecretRef", ref_fields, ARRAY_LEN(ref_fields) };
    static const struct field from_fields[] = {
        { "secret_key_ref", FIELD_MESSAGE, .required = true, .message = &ref_message },
    };
    static const struct message from_message = { "EnvVarSource", from_fields, ARRAY_LEN(from_fields) };
    const struct field from = { "value_from", FIELD_MESSAGE, .message = &from_message };
    const struct path here = { .up = at, .key = STR("value_from") };
    const struct jval *ref = get_either(v, "secret_key_ref");
    struct jval *copy = jval_is(v, JVAL_OBJECT) ? jval_copy(c->a, v) : NULL, *made;

    if (copy && ref)
        jval_set(c->a, copy, jval_get(v, "secretKeyRef") ? "secretKeyRef" : "secret_key_ref",
                 key_as_text(c, ref));
    made = convert_value(c, &from, copy ? copy : v, &here);
    check_reference(c, jval_get(made, "secretKeyRef"), &here);
    return made;
}

/* A value that YAML reads as something else is shown as it would have to be written. */
static void not_a_text(struct converter *c, const struct jval *value, const struct jval *where,
                       const struct path *at)
{
    if (jval_is_number(value) || jval_is(value, JVAL_BOOL))
        convert_error(c, where, at, "the value must be a string: write it in quotes, \"%s\"",
                      jval_text(c->a, value, JVAL_COMPACT).ptr);
    else
        convert_error(c, where, at, "the value must be a string: write it in quotes");
}

/* @value or @from, the one that is there, as a whole entry; NULL with a problem noted. */
static struct jval *make_entry(struct converter *c, struct entry_parts parts, const struct path *at)
{
    const struct jval *value = parts.value, *from = parts.from;
    struct jval *out = jval_new_object(c->a);
    bool plain = value && !jval_is(value, JVAL_NULL), referred = from && !jval_is(from, JVAL_NULL);

    if (plain == referred) {
        convert_error(c, parts.where, at, "a variable has either \"value\" or \"value_from\"");
        return NULL;
    }
    if (plain && !jval_is(value, JVAL_STR)) {
        not_a_text(c, value, parts.where, at);
        return NULL;
    }
    if (plain && memchr(jval_str(value).ptr, 0, jval_str(value).len)) {
        convert_error(c, parts.where, at, "the value holds a NUL byte, which no variable can");
        return NULL;
    }
    from = referred ? to_reference(c, from, at) : NULL;
    if (!plain && !from)
        return NULL;
    jval_set(c->a, out, "name", parts.name);
    jval_set(c->a, out, plain ? "value" : "valueFrom", plain ? value : from);
    return out;
}

static struct jval *to_entry(struct converter *c, const struct jval *v, const struct path *at)
{
    const struct entry_parts parts = { .name = jval_get(v, "name"),
                                       .value = jval_get(v, "value"),
                                       .from = get_either(v, "value_from"),
                                       .where = v };
    struct jval *out;

    for (size_t i = 0; i < jval_len(v); i++) {
        struct str key = jval_key_at(v, i);

        if (!str_is(key, "name") && !str_is(key, "value") && !name_is(key, "value_from"))
            convert_error(c, v, at,
                          "unknown key \"%.*s\" in a variable; it has name and value, or name and value_from",
                          STR_ARG(key));
    }
    if (!jval_is(parts.name, JVAL_STR)) {
        convert_error(c, v, at, "a variable needs a \"name\"");
        return NULL;
    }
    out = make_entry(c, parts, at);
    if (out)
        jval_set_pos(out, jval_pos(v));
    return out;
}

/* NAME: text, or NAME: {value_from: ...}. */
static struct jval *env_from_object(struct converter *c, const struct jval *v, const struct path *at)
{
    struct env_builder b = { .list = jval_new_array(c->a), .names = jval_new_object(c->a) };

    for (size_t i = 0; i < jval_len(v); i++) {
        const struct path here = { .up = at, .key = jval_key_at(v, i) };
        const struct jval *given = jval_at(v, i), *from = get_either(given, "value_from");
        const struct entry_parts parts = {
            .name = jval_new_str(c->a, here.key), .value = from ? NULL : given, .from = from, .where = given
        };
        struct jval *entry = NULL;

        if (jval_is(given, JVAL_OBJECT) && (!from || jval_len(given) != 1))
            convert_error(c, given, &here, "expected a string, or an object with value_from alone");
        else if (jval_is(given, JVAL_NULL))
            not_a_text(c, given, given, &here);
        else
            entry = make_entry(c, parts, &here);
        if (!entry)
            continue;
        jval_set_pos(entry, jval_key_pos_at(v, i));
        env_add(c, &b, entry, &here);
    }
    return env_finish(c, &b, v, at);
}

struct jval *convert_env(struct converter *c, const struct jval *v, const struct path *at)
{
    struct env_builder b = { .list = jval_new_array(c->a), .names = jval_new_object(c->a) };

    if (jval_len(v) > ENV_MAX_GIVEN) {
        too_many(c, jval_len(v), v, at);
        return NULL;
    }
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
            env_add(c, &b, entry, &here);
    }
    return env_finish(c, &b, v, at);
}
