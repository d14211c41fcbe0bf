/* launch/convert.c: typed conversion, protobuf's JSON rules (reference 3). */
#include "launch/convert.h"

#include <stdio.h>

#include "base/timefmt.h"
#include "launch/macro.h"
#include "launch/template_token.h"
#include "launch/unknown.h"

bool convert_is_open(const struct converter *c, const struct jval *v)
{
    struct template_token t;

    return c->open && jval_is(v, JVAL_STR) &&
           (template_token_next(jval_str(v), 0, &t) || macro_is_in(jval_str(v)));
}

enum {
    SHOWN_BYTES = 80,
    LABELS_MAX = 60,    /* 64 at Vertex, and four are the agent's */
    MESSAGES_MAX = 100, /* far more than any list of Vertex: pools, mounts, DNS zones */
    UNKNOWN_MAX = 20    /* unknown keys named in one object */
};

static struct problem *add(struct converter *c, enum problem_level level, const struct jval *v,
                           const struct path *at, const char *text)
{
    return problem_add(c->p, level, jval_pos(v), path_text(c->a, at), "%s", text);
}

struct problem *convert_error(struct converter *c, const struct jval *v, const struct path *at,
                              const char *fmt, ...)
{
    char text[1000];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    return add(c, PROBLEM_ERROR, v, at, text);
}

struct problem *convert_warn(struct converter *c, const struct jval *v, const struct path *at,
                             const char *fmt, ...)
{
    char text[1000];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    return add(c, PROBLEM_WARNING, v, at, text);
}

/* Cut between two characters. */
static const char *shortened(struct converter *c, struct str s)
{
    size_t end = SHOWN_BYTES;

    if (s.len <= SHOWN_BYTES)
        return arena_printf(c->a, "%.*s", STR_ARG(s));
    while (end > 0 && ((unsigned char)s.ptr[end] & 0xc0) == 0x80)
        end--;
    return arena_printf(c->a, "%.*s...", (int)end, s.ptr);
}

const char *convert_shown(struct converter *c, const struct jval *v)
{
    switch (jval_type(v)) {
    case JVAL_STR:
        return arena_printf(c->a, "the string \"%s\"", shortened(c, jval_str(v)));
    case JVAL_BOOL:
    case JVAL_INT:
    case JVAL_REAL:
        return jval_text(c->a, v, JVAL_COMPACT).ptr;
    case JVAL_NULL:
    case JVAL_ARRAY:
    case JVAL_OBJECT:
        break;
    }
    return type_phrase(jval_type(v));
}

static struct jval *wrong_type(struct converter *c, const struct jval *v, const struct path *at,
                               const char *want)
{
    problem_hint(convert_error(c, v, at, "expected %s, got %s", want, convert_shown(c, v)), want, NULL);
    return NULL;
}

/* 5, true and the like are shown as they would have to be written. */
static struct jval *wants_string(struct converter *c, const struct jval *v, const struct path *at)
{
    const char *quoted = NULL;

    if (!jval_is(v, JVAL_INT) && !jval_is(v, JVAL_REAL) && !jval_is(v, JVAL_BOOL))
        return wrong_type(c, v, at, "a string");
    quoted = arena_printf(c->a, "\"%s\"", convert_shown(c, v));
    problem_hint(convert_error(c, v, at, "expected a string, got %s; write it in quotes: %s",
                               convert_shown(c, v), quoted),
                 "a string", quoted);
    return NULL;
}

static struct jval *to_bool(struct converter *c, const struct jval *v, const struct path *at)
{
    if (jval_is(v, JVAL_BOOL))
        return jval_copy(c->a, v);
    if (!str_is(jval_str(v), "true") && !str_is(jval_str(v), "false"))
        return wrong_type(c, v, at, "true or false");
    problem_hint(convert_error(c, v, at, "expected true or false, got %s; write it without quotes",
                               convert_shown(c, v)),
                 "true or false", arena_cstr(c->a, jval_str(v)));
    return NULL;
}

static struct jval *to_string(struct converter *c, const struct field *f, const struct jval *v,
                              const struct path *at)
{
    if (!jval_is(v, JVAL_STR))
        return wants_string(c, v, at);
    if (jval_str(v).len == 0 && f->required) {
        convert_error(c, v, at, "is empty; a value is needed");
        return NULL;
    }
    if (f->type == FIELD_GS_URI && !convert_is_open(c, v) && !str_has_prefix(jval_str(v), STR("gs://"))) {
        return wrong_type(c, v, at, "gs://BUCKET/FOLDER");
    }
    return jval_copy(c->a, v);
}

static struct jval *to_int(struct converter *c, const struct field *f, const struct jval *v,
                           const struct path *at)
{
    int64_t max = f->type == FIELD_INT32 ? INT32_MAX : INT64_MAX, n = jval_int(v);
    struct jval *made;

    if (jval_is(v, JVAL_REAL) && jval_real(v) >= 0 && jval_real(v) < 9e15 &&
        jval_real(v) == (double)(int64_t)jval_real(v))
        n = (int64_t)jval_real(v); /* protobuf takes 3.0 as well */
    else if (!jval_is(v, JVAL_INT) && !(jval_is(v, JVAL_STR) && str_to_i64(jval_str(v), &n)))
        return wrong_type(c, v, at, "an integer");
    if (n < f->min)
        return wrong_type(c, v, at, arena_printf(c->a, "%lld or more", (long long)f->min));
    if (n > max)
        return wrong_type(c, v, at, arena_printf(c->a, "%lld at most", (long long)max));
    made = f->type == FIELD_INT32 ? jval_new_int(c->a, n)
                                  : jval_new_cstr(c->a, arena_printf(c->a, "%lld", (long long)n));
    jval_set_pos(made, jval_pos(v));
    return made;
}

/* "1h", "90m", "2d", "3600": what was meant is clear enough to be shown. */
static int64_t meant_seconds(struct str s)
{
    static const struct {
        char letter;
        int64_t seconds;
    } units[] = { { 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', 86400 } };
    struct str digits = s;
    int64_t n, unit = 1;

    for (size_t i = 0; i < ARRAY_LEN(units) && s.len > 0; i++) {
        if (s.ptr[s.len - 1] == units[i].letter) {
            unit = units[i].seconds;
            digits = str_sub(s, 0, s.len - 1);
        }
    }
    return str_to_i64(digits, &n) && n >= 0 && n < 1000000 ? n * unit : -1;
}

static struct jval *wrong_duration(struct converter *c, const struct jval *v, const struct path *at)
{
    const char *want = "seconds, as 3600 or \"3600s\"";
    int64_t meant = meant_seconds(jval_str(v));
    const char *suggestion = meant < 0 ? NULL : arena_printf(c->a, "%lld", (long long)meant);

    problem_hint(convert_error(c, v, at, "expected %s, got %s%s%s%s", want, convert_shown(c, v),
                               suggestion ? "; did you mean " : "", suggestion ? suggestion : "",
                               suggestion ? "?" : ""),
                 want, suggestion);
    return NULL;
}

/* "3600s", seconds as a number, or protobuf's own {"seconds": 3600}. */
static struct jval *to_duration(struct converter *c, const struct jval *v, const struct path *at)
{
    const int64_t max_s = INT64_C(315576000000);
    const struct jval *seconds = jval_is(v, JVAL_OBJECT) && jval_len(v) == 1 ? jval_get(v, "seconds") : v;
    struct jval *made;
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
        return wrong_duration(c, v, at);
    }
    made = jval_new_cstr(c->a, ms % 1000 == 0 ? arena_printf(c->a, "%llds", (long long)(ms / 1000))
                                              : arena_printf(c->a, "%lld.%03llds", (long long)(ms / 1000),
                                                             (long long)(ms % 1000)));
    jval_set_pos(made, jval_pos(v));
    return made;
}

/* "V100" or "nvidia-tesla-v100" for NVIDIA_TESLA_V100: compared without case, with - as _, and as a part. */
static const char *nearest_enum(struct str given, const char *const *values)
{
    const char *near = nearest_name(given, values);
    char text[64];

    if (near || given.len < 2 || given.len >= sizeof(text))
        return near;
    for (size_t i = 0; i < given.len; i++) {
        char ch = given.ptr[i];

        text[i] = (char)(ch == '-' || ch == ' ' ? '_' : ch >= 'a' && ch <= 'z' ? ch - 'a' + 'A' : ch);
    }
    near = nearest_name((struct str){ text, given.len }, values);
    for (; *values && !near; values++)
        if (str_find(str_of(*values), (struct str){ text, given.len }) >= 0)
            near = *values;
    return near;
}

/* Lists of values grow at Vertex: what is not in ours is passed on with a warning. */
static struct jval *unknown_enum(struct converter *c, const struct field *f, const struct jval *v,
                                 const struct path *at)
{
    struct str s = jval_str(v);
    const char *near;

    for (size_t i = 0; f->enum_values[i]; i++) {
        if (s.len > 0 && str_eq_nocase(s, str_of(f->enum_values[i]))) {
            problem_hint(
                convert_error(c, v, at, "\"%.*s\" must be written \"%s\"", STR_ARG(s), f->enum_values[i]),
                NULL, f->enum_values[i]);
            return NULL;
        }
    }
    near = nearest_enum(s, f->enum_values);
    problem_hint(convert_warn(c, v, at, "\"%s\" is not a value known here and is sent as it is%s%s%s",
                              shortened(c, s), near ? "; did you mean \"" : "", near ? near : "",
                              near ? "\"?" : ""),
                 NULL, near);
    return jval_copy(c->a, v);
}

static struct jval *to_enum(struct converter *c, const struct field *f, const struct jval *v,
                            const struct path *at)
{
    struct jval *made;
    size_t n = 0;

    if (jval_is(v, JVAL_INT)) { /* the SDK's enums are integers */
        while (f->enum_values[n])
            n++;
        if (jval_int(v) < 0 || (uint64_t)jval_int(v) >= n || !f->enum_values[jval_int(v)][0]) {
            convert_warn(c, v, at, "%lld is not a value known here and is sent as it is",
                         (long long)jval_int(v));
            return jval_copy(c->a, v);
        }
        made = jval_new_cstr(c->a, f->enum_values[jval_int(v)]);
        jval_set_pos(made, jval_pos(v));
        return made;
    }
    if (!jval_is(v, JVAL_STR))
        return wrong_type(c, v, at, arena_printf(c->a, "a name, as %s", f->enum_values[3]));
    if (jval_str(v).len == 0) {
        convert_error(c, v, at, "is empty; leave it out, or give a name, as %s", f->enum_values[3]);
        return NULL;
    }
    for (; f->enum_values[n]; n++) {
        if (str_is(jval_str(v), f->enum_values[n]))
            return jval_copy(c->a, v);
    }
    return unknown_enum(c, f, v, at);
}

static bool too_many(struct converter *c, const struct jval *v, const struct path *at, size_t max,
                     const char *what)
{
    if (jval_len(v) > max)
        convert_error(c, v, at, "%zu %s", jval_len(v), what);
    return jval_len(v) > max;
}

/* "python train.py" is shown as the list it would have to be. */
static struct jval *wants_list(struct converter *c, const struct jval *v, const struct path *at)
{
    struct jval *words = jval_new_array(c->a);
    struct str rest = jval_str(v), word;
    const char *as_list;

    if (!jval_is(v, JVAL_STR) || rest.len > SHOWN_BYTES)
        return wrong_type(c, v, at, "a list of strings");
    while (str_cut(&rest, ' ', &word)) {
        if (word.len > 0)
            jval_push(c->a, words, jval_new_str(c->a, word));
    }
    as_list = jval_text(c->a, words, JVAL_PYTHON).ptr;
    problem_hint(convert_error(c, v, at, "expected a list of strings, got %s; did you mean %s?",
                               convert_shown(c, v), as_list),
                 "a list of strings", as_list);
    return NULL;
}

static struct jval *to_strings(struct converter *c, const struct jval *v, const struct path *at)
{
    struct jval *list = jval_new_array(c->a);

    if (!jval_is(v, JVAL_ARRAY))
        return wants_list(c, v, at);
    jval_set_pos(list, jval_pos(v));
    for (size_t i = 0; i < jval_len(v); i++) {
        const struct path here = { .up = at, .index = i };

        if (jval_is(jval_at(v, i), JVAL_STR))
            jval_push(c->a, list, jval_at(v, i));
        else
            wants_string(c, jval_at(v, i), &here);
    }
    return list;
}

static struct jval *to_labels(struct converter *c, const struct jval *v, const struct path *at)
{
    struct jval *labels = jval_new_object(c->a);

    if (!jval_is(v, JVAL_OBJECT))
        return wrong_type(c, v, at, "an object of label keys and values");
    if (too_many(c, v, at, LABELS_MAX, "labels; at most 60, beside the agent's own"))
        return NULL;
    jval_set_pos(labels, jval_pos(v));
    for (size_t i = 0; i < jval_len(v); i++) {
        const struct path here = { .up = at, .key = jval_key_at(v, i) };

        if (jval_is(jval_at(v, i), JVAL_STR))
            jval_set_str(c->a, labels, here.key, jval_at(v, i));
        else
            wants_string(c, jval_at(v, i), &here);
    }
    return labels;
}

/* --- messages ------------------------------------------------------------------------------------------- */

/* Containers are placed at their name, which in YAML may stand a line above them. */
static void place(struct jval *made, const struct jval *object, size_t index)
{
    if (jval_is(made, JVAL_OBJECT) || jval_is(made, JVAL_ARRAY))
        jval_set_pos(made, jval_key_pos_at(object, index));
}

static void add_member(struct converter *c, struct jval *out, const struct field *f, const struct jval *v,
                       const struct path *at)
{
    char camel[64];
    struct jval *value = convert_value(c, f, jval_at(v, at->index), at);
    const struct jval *before = jval_get(out, name_camel(f->name, camel));

    if (!value)
        return;
    place(value, v, at->index);
    if (before && !jval_equal(before, value))
        convert_error(c, jval_at(v, at->index), at,
                      "given twice with different values: also as \"%s\" in line %u",
                      str_is(at->key, f->name) ? camel : f->name, jval_pos(before).line);
    jval_set(c->a, out, camel, value);
}

/* Given, but not as null. */
static bool is_given(const struct jval *object, const char *name)
{
    for (size_t i = 0; i < jval_len(object); i++) {
        if (name_is(jval_key_at(object, i), name) && !jval_is(jval_at(object, i), JVAL_NULL))
            return true;
    }
    return false;
}

static struct jval *to_message(struct converter *c, const struct message *m, const struct jval *v,
                               const struct path *at)
{
    struct jval *out = jval_new_object(c->a);
    size_t unknown = 0;

    if (!jval_is(v, JVAL_OBJECT))
        return wrong_type(c, v, at, "an object");
    for (size_t i = 0; i < jval_len(v); i++) {
        const struct path here = { .up = at, .key = jval_key_at(v, i), .index = i };
        const struct field *f = message_field(m, here.key);

        if (!f && unknown++ < UNKNOWN_MAX)
            unknown_member(c, m, v, &here);
        else if (f && !jval_is(jval_at(v, i), JVAL_NULL))
            add_member(c, out, f, v, &here);
    }
    if (unknown > UNKNOWN_MAX)
        convert_error(c, v, at, "%zu more unknown keys", unknown - UNKNOWN_MAX);
    for (size_t i = 0; i < m->len; i++) {
        if (m->fields[i].required && !is_given(v, m->fields[i].name) &&
            !unknown_meant(c->p, m->fields[i].name))
            problem_hint(convert_error(c, v, at, "\"%s\" is missing", m->fields[i].name), m->fields[i].name,
                         NULL);
    }
    jval_set_pos(out, jval_pos(v));
    return out;
}

static struct jval *to_messages(struct converter *c, const struct field *f, const struct jval *v,
                                const struct path *at)
{
    struct jval *list = jval_new_array(c->a);

    if (!jval_is(v, JVAL_ARRAY))
        return wrong_type(c, v, at,
                          jval_is(v, JVAL_OBJECT) ? "a list (\"- \" before each element)" : "a list");
    if (too_many(c, v, at, MESSAGES_MAX, "elements; at most 100"))
        return NULL;
    for (size_t i = 0; i < jval_len(v); i++) {
        const struct path here = { .up = at, .index = i };
        struct jval *one = to_message(c, f->message, jval_at(v, i), &here);

        jval_push(c->a, list, one ? one : jval_new_null(c->a)); /* the others keep their numbers */
    }
    jval_set_pos(list, jval_pos(v));
    return list;
}

static struct jval *to_output_uri(struct converter *c, const struct jval *v, const struct path *at)
{
    static const struct field uri = { "output_uri_prefix", FIELD_GS_URI, .required = true };
    static const struct message directory = { "GcsDestination", &uri, 1 };
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
        return to_bool(c, v, at);
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
