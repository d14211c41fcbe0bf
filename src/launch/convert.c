/* launch/convert.c: typed conversion, protobuf's JSON rules (reference 3). */
#include "launch/convert.h"

#include <stdio.h>

#include "base/timefmt.h"
#include "launch/macro.h"

static bool is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

bool template_is_in(struct str s, struct str *ret)
{
    for (ptrdiff_t at = str_find(s, STR("{{")); at >= 0; at = str_find(s, STR("{{"))) {
        ptrdiff_t end;
        struct str name;
        size_t i = 0;

        s = str_sub(s, (size_t)at + 2, s.len);
        end = str_find(s, STR("}}"));
        if (end < 0)
            return false;
        name = str_trim(str_sub(s, 0, (size_t)end));
        while (i < name.len && is_word(name.ptr[i]))
            i++;
        if (name.len > 0 && i == name.len) {
            *ret = name;
            return true;
        }
    }
    return false;
}

bool convert_is_open(const struct converter *c, const struct jval *v)
{
    struct str name;

    return c->open && jval_is(v, JVAL_STR) &&
           (template_is_in(jval_str(v), &name) || macro_is_in(jval_str(v)));
}

void convert_error(struct converter *c, const struct jval *v, const struct path *at, const char *fmt, ...)
{
    char text[600];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    problem_add(c->p, PROBLEM_ERROR, jval_pos(v), path_text(c->a, at), "%s", text);
}

static struct jval *wrong_type(struct converter *c, const struct jval *v, const struct path *at,
                               const char *want)
{
    convert_error(c, v, at, "expected %s, got %s", want, type_phrase(jval_type(v)));
    return NULL;
}

static struct jval *to_string(struct converter *c, const struct field *f, const struct jval *v,
                              const struct path *at)
{
    if (!jval_is(v, JVAL_STR))
        return wrong_type(c, v, at, "a string (in quotes)");
    if (jval_str(v).len == 0 && f->required) {
        convert_error(c, v, at, "must not be empty");
        return NULL;
    }
    if (f->type == FIELD_GS_URI && !convert_is_open(c, v) && !str_has_prefix(jval_str(v), STR("gs://"))) {
        convert_error(c, v, at, "expected gs://BUCKET/FOLDER, got \"%.*s\"", STR_ARG(jval_str(v)));
        return NULL;
    }
    return jval_copy(c->a, v);
}

static struct jval *to_int(struct converter *c, const struct field *f, const struct jval *v,
                           const struct path *at)
{
    int64_t max = f->type == FIELD_INT32 ? INT32_MAX : INT64_MAX, n = jval_int(v);

    if (jval_is(v, JVAL_REAL) && jval_real(v) >= 0 && jval_real(v) < 9e15 &&
        jval_real(v) == (double)(int64_t)jval_real(v))
        n = (int64_t)jval_real(v); /* protobuf takes 3.0 as well */
    else if (!jval_is(v, JVAL_INT) && !(jval_is(v, JVAL_STR) && str_to_i64(jval_str(v), &n)))
        return wrong_type(c, v, at, "an integer");
    if (n < f->min || n > max) {
        convert_error(c, v, at, "%lld is not in %lld..%lld", (long long)n, (long long)f->min, (long long)max);
        return NULL;
    }
    if (f->type == FIELD_INT32)
        return jval_new_int(c->a, n);
    return jval_new_cstr(c->a, arena_printf(c->a, "%lld", (long long)n));
}

/* "3600s", seconds as a number, or protobuf's own {"seconds": 3600}. */
static struct jval *to_duration(struct converter *c, const struct jval *v, const struct path *at)
{
    const int64_t max_s = INT64_C(315576000000);
    const struct jval *seconds = jval_is(v, JVAL_OBJECT) && jval_len(v) == 1 ? jval_get(v, "seconds") : v;
    int64_t ms = -1;

    if (jval_is(seconds, JVAL_STR)) {
        if (!duration_parse_proto(jval_str(seconds), &ms))
            ms = -1;
    } else if (jval_is(seconds, JVAL_INT) && jval_int(seconds) <= max_s) {
        ms = jval_int(seconds) * 1000;
    } else if (jval_is(seconds, JVAL_REAL) && jval_real(seconds) >= 0 &&
               jval_real(seconds) <= (double)max_s) {
        ms = (int64_t)(jval_real(seconds) * 1000 + 0.5);
    }
    if (ms < 0 || ms > max_s * 1000) {
        convert_error(c, v, at, "expected seconds, as 3600 or \"3600s\"");
        return NULL;
    }
    if (ms % 1000 == 0)
        return jval_new_cstr(c->a, arena_printf(c->a, "%llds", (long long)(ms / 1000)));
    return jval_new_cstr(c->a,
                         arena_printf(c->a, "%lld.%03llds", (long long)(ms / 1000), (long long)(ms % 1000)));
}

static struct jval *unknown_enum(struct converter *c, const struct field *f, const struct jval *v,
                                 const struct path *at)
{
    struct str s = jval_str(v);
    const char *near;

    for (size_t i = 0; f->enum_values[i]; i++) {
        if (s.len > 0 && str_eq_nocase(s, str_of(f->enum_values[i]))) {
            convert_error(c, v, at, "\"%.*s\" must be written \"%s\"", STR_ARG(s), f->enum_values[i]);
            return NULL;
        }
    }
    near = nearest_name(s, f->enum_values);
    problem_add(c->p, PROBLEM_WARNING, jval_pos(v), path_text(c->a, at),
                "\"%.*s\" is not a value known here%s%s%s", STR_ARG(s), near ? "; did you mean \"" : "",
                near ? near : "", near ? "\"?" : "");
    return jval_copy(c->a, v);
}

static struct jval *to_enum(struct converter *c, const struct field *f, const struct jval *v,
                            const struct path *at)
{
    size_t n = 0;

    if (jval_is(v, JVAL_INT)) { /* the SDK's enums are integers */
        while (f->enum_values[n])
            n++;
        if (jval_int(v) >= 0 && (uint64_t)jval_int(v) < n && f->enum_values[jval_int(v)][0])
            return jval_new_cstr(c->a, f->enum_values[jval_int(v)]);
        return jval_copy(c->a, v);
    }
    if (!jval_is(v, JVAL_STR))
        return wrong_type(c, v, at, "a name");
    for (; f->enum_values[n]; n++) {
        if (jval_str(v).len > 0 && str_is(jval_str(v), f->enum_values[n]))
            return jval_copy(c->a, v);
    }
    return unknown_enum(c, f, v, at);
}

static struct jval *to_strings(struct converter *c, const struct jval *v, const struct path *at)
{
    struct jval *list = jval_new_array(c->a);

    if (!jval_is(v, JVAL_ARRAY))
        return wrong_type(c, v, at, "a list of strings");
    for (size_t i = 0; i < jval_len(v); i++) {
        const struct path here = { .up = at, .index = i };

        if (jval_is(jval_at(v, i), JVAL_STR))
            jval_push(c->a, list, jval_at(v, i));
        else
            wrong_type(c, jval_at(v, i), &here, "a string (in quotes)");
    }
    return list;
}

static struct jval *to_labels(struct converter *c, const struct jval *v, const struct path *at)
{
    struct jval *labels = jval_new_object(c->a);

    if (!jval_is(v, JVAL_OBJECT))
        return wrong_type(c, v, at, "an object of label keys and values");
    for (size_t i = 0; i < jval_len(v); i++) {
        const struct path here = { .up = at, .key = jval_key_at(v, i) };

        if (jval_is(jval_at(v, i), JVAL_STR))
            jval_set_str(c->a, labels, here.key, jval_at(v, i));
        else
            wrong_type(c, jval_at(v, i), &here, "a string (in quotes)");
    }
    return labels;
}

/* --- messages ------------------------------------------------------------------------------------------- */

static void unknown_member(struct converter *c, const struct message *m, const struct jval *v, size_t index,
                           const struct path *at)
{
    const char **names = arena_array(c->a, m->len + 1, sizeof(*names));
    const char *near;
    struct str key = jval_key_at(v, index);

    for (size_t i = 0; i < m->len; i++)
        names[i] = m->fields[i].name;
    near = nearest_name(key, names);
    if (!near) { /* perhaps a typo in the other spelling */
        for (size_t i = 0; i < m->len; i++)
            names[i] = name_camel(m->fields[i].name, arena_alloc(c->a, 64));
        near = nearest_name(key, names);
    }
    problem_add(c->p, PROBLEM_ERROR, jval_key_pos_at(v, index), path_text(c->a, at),
                "unknown key \"%.*s\"%s%s%s", STR_ARG(key), near ? "; did you mean \"" : "", near ? near : "",
                near ? "\"?" : "");
}

static const struct field *message_field(const struct message *m, struct str key)
{
    for (size_t i = 0; i < m->len; i++) {
        if (name_is(key, m->fields[i].name))
            return &m->fields[i];
    }
    return NULL;
}

static void add_member(struct converter *c, struct jval *out, const struct field *f, const struct jval *v,
                       const struct path *at)
{
    char camel[64];
    struct jval *value = convert_value(c, f, v, at);
    const struct jval *before = jval_get(out, name_camel(f->name, camel));

    if (!value)
        return;
    if (before && !jval_equal(before, value))
        convert_error(c, v, at, "given twice with different values: also as \"%s\"",
                      str_is(at->key, f->name) ? camel : f->name);
    jval_set(c->a, out, camel, value);
}

static struct jval *to_message(struct converter *c, const struct message *m, const struct jval *v,
                               const struct path *at)
{
    struct jval *out = jval_new_object(c->a);
    size_t errors = c->p->errors;
    char camel[64];

    if (!jval_is(v, JVAL_OBJECT))
        return wrong_type(c, v, at, "an object");
    for (size_t i = 0; i < jval_len(v); i++) {
        const struct path here = { .up = at, .key = jval_key_at(v, i) };
        const struct field *f = message_field(m, here.key);

        if (!f)
            unknown_member(c, m, v, i, at);
        else if (!jval_is(jval_at(v, i), JVAL_NULL))
            add_member(c, out, f, jval_at(v, i), &here);
    }
    for (size_t i = 0; i < m->len && c->p->errors == errors; i++) {
        if (m->fields[i].required && !jval_get(out, name_camel(m->fields[i].name, camel)))
            convert_error(c, v, at, "\"%s\" is missing", m->fields[i].name);
    }
    jval_set_pos(out, jval_pos(v));
    return out;
}

static struct jval *to_messages(struct converter *c, const struct field *f, const struct jval *v,
                                const struct path *at)
{
    struct jval *list = jval_new_array(c->a);

    if (!jval_is(v, JVAL_ARRAY))
        return wrong_type(c, v, at, "a list");
    for (size_t i = 0; i < jval_len(v); i++) {
        const struct path here = { .up = at, .index = i };
        struct jval *one = to_message(c, f->message, jval_at(v, i), &here);

        if (one)
            jval_push(c->a, list, one);
    }
    jval_set_pos(list, jval_pos(v));
    return list;
}

static struct jval *to_output_uri(struct converter *c, const struct jval *v, const struct path *at)
{
    static const struct field uri = { "output_uri_prefix", FIELD_GS_URI, .required = true };
    static const struct message directory = { &uri, 1 };
    const struct jval *made;

    if (!jval_is(v, JVAL_OBJECT))
        return to_string(c, &uri, v, at);
    made = jval_get(to_message(c, &directory, v, at), "outputUriPrefix");
    return made ? jval_copy(c->a, made) : NULL;
}

static struct jval *to_type(struct converter *c, const struct field *f, const struct jval *v,
                            const struct path *at)
{
    switch (f->type) {
    case FIELD_STRING:
    case FIELD_GS_URI:
        return to_string(c, f, v, at);
    case FIELD_BOOL:
        return jval_is(v, JVAL_BOOL) ? jval_copy(c->a, v) : wrong_type(c, v, at, "true or false");
    case FIELD_INT32:
    case FIELD_INT64:
        return to_int(c, f, v, at);
    case FIELD_DURATION:
        return to_duration(c, v, at);
    case FIELD_ENUM:
        return to_enum(c, f, v, at);
    case FIELD_STRINGS:
        return to_strings(c, v, at);
    case FIELD_LABELS:
        return to_labels(c, v, at);
    case FIELD_ENV:
        return convert_env(c, v, at);
    case FIELD_MESSAGE:
        return to_message(c, f->message, v, at);
    case FIELD_MESSAGES:
        return to_messages(c, f, v, at);
    case FIELD_OUTPUT_URI:
        return to_output_uri(c, v, at);
    }
    return NULL;
}

struct jval *convert_value(struct converter *c, const struct field *f, const struct jval *v,
                           const struct path *at)
{
    return convert_is_open(c, v) ? jval_copy(c->a, v) : to_type(c, f, v, at);
}
