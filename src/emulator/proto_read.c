/* emulator/proto_read.c: JSON in, the canonical tree out. Pure. Error texts: reference 1.10. */
#include "emulator/proto.h"

#include <math.h>
#include <string.h>

enum { FINDINGS_MAX = 100 };

/* One request being read: what was found wrong so far. */
struct reader {
    struct refusal *r;
    struct strbuf lines;
    size_t findings;
};

static void finding(struct reader *rd, const char *field, const char *fmt, ...) PRINTF(3, 4);

static void finding(struct reader *rd, const char *field, const char *fmt, ...)
{
    AUTO_STRBUF struct strbuf line = STRBUF(8192);
    va_list ap;

    if (rd->findings++ >= FINDINGS_MAX)
        return;
    va_start(ap, fmt);
    strbuf_vaddf(&line, fmt, ap);
    va_end(ap);
    if (rd->lines.len > 0)
        strbuf_addc(&rd->lines, '\n');
    strbuf_add(&rd->lines, strbuf_str(&line));
    refusal_add_violation(rd->r, field, strbuf_cstr(&line));
}

/* The offending value as Google quotes it, cut so that a message stays readable. */
static const char *shown(struct reader *rd, const struct jval *v)
{
    struct str text = jval_text(rd->r->a, v, JVAL_COMPACT);

    return arena_printf(rd->r->a, "%.*s", STR_ARG(str_sub(text, 0, 200)));
}

static struct jval *bad_value(struct reader *rd, const char *path, const char *type, const struct jval *v)
{
    finding(rd, path, "Invalid value at '%s' (%s), %s", path, type, shown(rd, v));
    return NULL;
}

static bool whole_number(const struct jval *v, int64_t *ret)
{
    if (jval_is(v, JVAL_INT)) {
        *ret = jval_int(v);
        return true;
    }
    if (jval_is(v, JVAL_STR))
        return str_to_i64(jval_str(v), ret);
    if (jval_is(v, JVAL_REAL)) {
        double d = jval_real(v);

        /* 2^63 itself is out: the cast would overflow */
        if (d != floor(d) || d < -9223372036854775808.0 || d >= 9223372036854775808.0)
            return false;
        *ret = (int64_t)d;
        return true;
    }
    return false;
}

static struct jval *read_int(struct reader *rd, enum proto_kind kind, const struct jval *v, const char *path)
{
    const char *type = kind == PROTO_INT32 ? "TYPE_INT32" : "TYPE_INT64";
    int64_t n;

    if (!whole_number(v, &n) || (kind == PROTO_INT32 && (n < INT32_MIN || n > INT32_MAX)))
        return bad_value(rd, path, type, v);
    if (kind == PROTO_INT32)
        return jval_new_int(rd->r->a, n);
    return jval_new_cstr(rd->r->a, arena_printf(rd->r->a, "%lld", (long long)n));
}

static struct jval *read_enum(struct reader *rd, const struct proto_enum *e, const struct jval *v,
                              const char *path)
{
    struct arena *a = rd->r->a;

    if (jval_is(v, JVAL_INT) && jval_int(v) >= INT32_MIN && jval_int(v) <= INT32_MAX) {
        const char *name = proto_enum_name(e, jval_int(v));

        return name ? jval_new_cstr(a, name)
                    : jval_new_int(a, jval_int(v)); /* values grow: kept as they are */
    }
    if (jval_is(v, JVAL_STR) && proto_enum_number(e, jval_str(v)) >= 0)
        return jval_new_str(a, jval_str(v));
    return bad_value(rd, path, arena_printf(a, "type.googleapis.com/%s", e->type_name), v);
}

/* "-12.5s" split into its parts; at most nine fraction digits, no exponent, within protobuf's range. */
static bool split_duration(struct str s, struct str *ret_whole, struct str *ret_fraction)
{
    struct str rest = str_sub(s, 0, s.len - 1), whole, fraction = { NULL, 0 };
    int64_t seconds;

    if (!str_has_suffix(s, STR("s")))
        return false;
    (void)str_take(&rest, '-');
    if (!str_to_i64(str_take_digits(&rest), &seconds) || seconds > 315576000000)
        return false;
    whole = str_sub(s, 0, s.len - 1 - rest.len);
    if (str_take(&rest, '.')) {
        fraction = str_take_digits(&rest);
        if (fraction.len == 0 || fraction.len > 9)
            return false;
    }
    if (rest.len > 0)
        return false;
    *ret_whole = whole;
    *ret_fraction = fraction;
    return true;
}

static struct jval *read_duration(struct reader *rd, const struct jval *v, const char *path)
{
    AUTO_STRBUF struct strbuf text = STRBUF(64);
    struct str whole, fraction;
    size_t digits = 0;

    if (!jval_is(v, JVAL_STR) || !split_duration(jval_str(v), &whole, &fraction))
        return bad_value(rd, path, "type.googleapis.com/google.protobuf.Duration", v);
    for (size_t i = 0; i < fraction.len; i++) {
        if (fraction.ptr[i] != '0')
            digits = i + 1;
    }
    digits = (digits + 2) / 3 * 3; /* 0, 3, 6 or 9 of them */
    strbuf_add(&text, whole);
    if (digits > 0)
        strbuf_addc(&text, '.');
    for (size_t i = 0; i < digits; i++)
        strbuf_addc(&text, i < fraction.len ? fraction.ptr[i] : '0');
    strbuf_addc(&text, 's');
    return jval_new_str(rd->r->a, strbuf_str(&text));
}

static struct jval *read_map(struct reader *rd, const struct jval *v, const char *path)
{
    struct jval *out;

    if (!jval_is(v, JVAL_OBJECT))
        return bad_value(rd, path, "Map", v);
    out = jval_new_object(rd->r->a);
    for (size_t i = 0; i < jval_len(v); i++) {
        if (!jval_is(jval_at(v, i), JVAL_STR)) {
            finding(rd, path, "Invalid value at '%s[%zu].value' (TYPE_STRING), %s", path, i,
                    shown(rd, jval_at(v, i)));
            continue;
        }
        jval_set_str(rd->r->a, out, jval_key_at(v, i), jval_at(v, i));
    }
    return out;
}

static struct jval *read_message(struct reader *rd, const struct proto_message *m, const struct jval *v,
                                 const char *path);

/* One value of a field (an element, when the field repeats). NULL after a finding. */
static struct jval *read_value(struct reader *rd, const struct proto_field *f, const struct jval *v,
                               const char *path)
{
    struct arena *a = rd->r->a;

    switch (f->kind) {
    case PROTO_STRING:
    case PROTO_TIMESTAMP: /* only in output-only fields here */
        return jval_is(v, JVAL_STR) ? jval_new_str(a, jval_str(v)) : bad_value(rd, path, "TYPE_STRING", v);
    case PROTO_BOOL:
        return jval_is(v, JVAL_BOOL) ? jval_new_bool(a, jval_bool(v)) : bad_value(rd, path, "TYPE_BOOL", v);
    case PROTO_INT32:
    case PROTO_INT64:
        return read_int(rd, f->kind, v, path);
    case PROTO_ENUM:
        return read_enum(rd, f->type, v, path);
    case PROTO_DURATION:
        return read_duration(rd, v, path);
    case PROTO_MESSAGE:
        return read_message(rd, f->type, v, path);
    case PROTO_STRING_MAP:
        return read_map(rd, v, path);
    case PROTO_ANY:
        return jval_copy(a, v);
    }
    return NULL;
}

static struct jval *read_list(struct reader *rd, const struct proto_field *f, const struct jval *v,
                              const char *path)
{
    struct jval *out = jval_new_array(rd->r->a);

    if (!jval_is(v, JVAL_ARRAY)) {
        finding(rd, path, "Invalid value at '%s' (a list is expected), %s", path, shown(rd, v));
        return NULL;
    }
    for (size_t i = 0; i < jval_len(v); i++) {
        const char *item_path = arena_printf(rd->r->a, "%s[%zu]", path, i);
        struct jval *item = read_value(rd, f, jval_at(v, i), item_path);

        if (item)
            jval_push(rd->r->a, out, item);
    }
    return out;
}

/* The other member of @f's oneof that has been read already, or NULL. */
static bool oneof_is_set(const struct proto_message *m, const struct proto_field *f, const struct jval *out)
{
    for (const struct proto_field *o = m->fields; o->name && (f->flags & PROTO_ONEOF); o++) {
        if (o != f && (o->flags & PROTO_ONEOF) && strcmp(o->oneof, f->oneof) == 0 &&
            jval_get(out, o->json_name))
            return true;
    }
    return false;
}

/* The message that is being read. */
struct place {
    const struct proto_message *type;
    const char *path;
    struct jval *out;
};

static void read_member(struct reader *rd, const struct place *at, struct str key, const struct jval *v)
{
    const struct proto_field *f = proto_field_find(at->type, key);
    const char *path = at->path;
    const char *member;
    struct jval *value;

    if (!f) {
        finding(rd, path, "Invalid JSON payload received. Unknown name \"%.*s\" at '%s': Cannot find field.",
                STR_ARG(str_sub(key, 0, 200)), path);
        return;
    }
    if ((f->flags & PROTO_OUTPUT_ONLY) || jval_is(v, JVAL_NULL))
        return; /* ignored, as AIP-203 has it */
    member = arena_printf(rd->r->a, "%s.%s", path, f->name);
    if (jval_get(at->out, f->json_name)) {
        finding(
            rd, member,
            "Invalid JSON payload received. \"%s\" at '%s' is set twice: as '%s' and as '%s'. Give it once.",
            f->name, path, f->json_name, f->name);
        return;
    }
    if (oneof_is_set(at->type, f, at->out)) {
        finding(rd, path, "Invalid value at '%s' (oneof), oneof field '%s' is already set. Cannot set '%s'",
                path, f->oneof, f->json_name);
        return;
    }
    value = f->flags & PROTO_REPEATED ? read_list(rd, f, v, member) : read_value(rd, f, v, member);
    if (value)
        jval_set(rd->r->a, at->out, f->json_name, value);
}

static struct jval *read_message(struct reader *rd, const struct proto_message *m, const struct jval *v,
                                 const char *path)
{
    struct place here = { .type = m, .path = path };

    if (!jval_is(v, JVAL_OBJECT))
        return bad_value(rd, path, arena_printf(rd->r->a, "type.googleapis.com/%s", m->type_name), v);
    here.out = jval_new_object(rd->r->a);
    for (size_t i = 0; i < jval_len(v); i++)
        read_member(rd, &here, jval_key_at(v, i), jval_at(v, i));
    return here.out;
}

int proto_read(struct refusal *r, const struct proto_message *m, const struct jval *v, const char *root,
               struct jval **ret)
{
    struct reader rd = { .r = r, .lines = STRBUF(64 * 1024) };
    struct jval *out = read_message(&rd, m, v, root);
    int code = 0;

    if (rd.findings > 0)
        code = refuse(r, RPC_INVALID_ARGUMENT, "%s", strbuf_cstr(&rd.lines));
    else
        *ret = out;
    strbuf_done(&rd.lines);
    return code;
}
