/* base/jval_yaml.c: YAML text to tree: libyaml's events, plain scalars resolved as PyYAML's safe_load does
 * (YAML 1.1). */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "base/ascii.h"
#include "base/jval.h"
#include "base/jval_internal.h"
#include "base/map.h"

struct load {
    struct arena *a;
    const char *name;
    struct jval_limits limits;
    yaml_parser_t parser;
    yaml_event_t event;
    struct map *anchors;
    uint32_t depth, nodes;
    struct err *e;
};

static struct jval_pos pos_of(yaml_mark_t mark)
{
    return (struct jval_pos){ (uint32_t)mark.line + 1, (uint32_t)mark.column + 1 };
}

static int fail_at(const struct load *l, enum err_code code, struct jval_pos at, const char *what)
{
    return err_set(l->e, code, "%s:%u:%u: %s", l->name, at.line, at.column, what);
}

static int next_event(struct load *l)
{
    yaml_event_delete(&l->event);
    if (yaml_parser_parse(&l->parser, &l->event))
        return 0;
    return fail_at(l, ERR_INVALID,
                   pos_of(l->parser.problem_mark.line || l->parser.problem_mark.column
                              ? l->parser.problem_mark
                              : l->parser.context_mark),
                   l->parser.problem ? l->parser.problem : "not YAML");
}

/* --- plain scalars
 * ------------------------------------------------------------------------------------------- */

static bool is_one_of(struct str s, const char *const *words)
{
    for (; *words; words++)
        if (str_is(s, *words))
            return true;
    return false;
}

static const char *const null_words[] = { "", "~", "null", "Null", "NULL", NULL };
static const char *const true_words[] = {
    "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON", NULL
};
static const char *const false_words[] = { "no",    "No",  "NO",  "false", "False",
                                           "FALSE", "off", "Off", "OFF",   NULL };

/* Digits of a base with '_' between them; sign taken care of by the caller. */
static bool digits_to_int(struct str s, int base, int64_t *ret)
{
    int64_t n = 0;
    bool any = false;

    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        int d = ascii_hex(c);

        if (c == '_')
            continue;
        if (d < 0 || d >= base || __builtin_mul_overflow(n, base, &n) || __builtin_add_overflow(n, d, &n))
            return false;
        any = true;
    }
    *ret = n;
    return any;
}

/* "190:20:30": base 60, every group after the first below 60. */
static bool sexagesimal_to_int(struct str s, int64_t *ret)
{
    struct str part = { 0 };
    int64_t total = 0;
    int64_t n = 0;
    bool first = true;

    if (s.ptr[0] < '1' || s.ptr[0] > '9')
        return false;
    while (str_cut(&s, ':', &part)) {
        if (!digits_to_int(part, 10, &n) || (!first && (part.len > 2 || n > 59)) ||
            (!first && str_find(part, STR("_")) >= 0) || __builtin_mul_overflow(total, 60, &total) ||
            __builtin_add_overflow(total, n, &total))
            return false;
        first = false;
    }
    *ret = total;
    return true;
}

static bool to_int(struct str s, int64_t *ret)
{
    bool negative = s.len && s.ptr[0] == '-';
    int64_t n = 0;
    bool ok = false;

    if (s.len && (s.ptr[0] == '-' || s.ptr[0] == '+'))
        s = str_sub(s, 1, s.len);
    if (s.len == 0 || s.ptr[0] < '0' || s.ptr[0] > '9')
        return false;
    if (str_find(s, STR(":")) > 0)
        ok = sexagesimal_to_int(s, &n);
    else if (str_has_prefix(s, STR("0b")))
        ok = digits_to_int(str_sub(s, 2, s.len), 2, &n);
    else if (str_has_prefix(s, STR("0x")))
        ok = digits_to_int(str_sub(s, 2, s.len), 16, &n);
    else if (s.ptr[0] == '0')
        ok = digits_to_int(s, 8, &n);
    else
        ok = digits_to_int(s, 10, &n);
    if (ok)
        *ret = negative ? -n : n;
    return ok;
}

static bool special_real(struct str s, double *ret)
{
    static const char *const inf[] = { ".inf", ".Inf", ".INF", NULL };
    static const char *const nan_words[] = { ".nan", ".NaN", ".NAN", NULL };
    bool negative = s.len && s.ptr[0] == '-';

    if (is_one_of(s, nan_words)) {
        *ret = NAN;
        return true;
    }
    if (s.len && (s.ptr[0] == '-' || s.ptr[0] == '+'))
        s = str_sub(s, 1, s.len);
    if (!is_one_of(s, inf))
        return false;
    *ret = negative ? -INFINITY : INFINITY;
    return true;
}

static bool without_underscores(struct str s, double *ret)
{
    char plain[64];
    size_t n = 0;

    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] == '_')
            continue;
        if (n == sizeof(plain))
            return false;
        plain[n++] = s.ptr[i];
    }
    return str_to_double((struct str){ plain, n }, ret);
}

/* How many bytes of @s from @i on are in @set. */
static size_t span(struct str s, size_t i, const char *set)
{
    size_t n = 0;

    while (i + n < s.len && s.ptr[i + n] && strchr(set, s.ptr[i + n]))
        n++;
    return n;
}

/* PyYAML's pattern: a dot is a must, and an exponent needs its sign: 1e3 and 1.0e3 are text, 1.0e+3 is a
 * number. Returns where the mantissa ends, 0 when it is none. */
static size_t mantissa(struct str s)
{
    size_t i = span(s, 0, "+-") == 1 ? 1 : 0;
    size_t whole = span(s, i, "0123456789") ? span(s, i, "0123456789_") : 0;
    size_t dot = i + whole;

    if (dot >= s.len || s.ptr[dot] != '.')
        return 0;
    if (whole)
        return dot + 1 + span(s, dot + 1, "0123456789_");
    /* ".5" takes no sign */
    return i == 0 && span(s, 1, "0123456789") ? 1 + span(s, 1, "0123456789_") : 0;
}

static bool is_exponent(struct str s)
{
    return s.len > 2 && span(s, 0, "eE") == 1 && span(s, 1, "+-") == 1 &&
           span(s, 2, "0123456789") == s.len - 2;
}

/* One group of "1:30.5": below 60 but for the first; a fraction at the last. */
static bool is_group(struct str part, bool first, bool last)
{
    size_t whole = span(part, 0, first ? "0123456789_" : "0123456789");

    if (whole == 0 || part.ptr[0] == '_')
        return false;
    if (!first && (whole > 2 || (whole == 2 && part.ptr[0] > '5')))
        return false;
    if (!last || whole == part.len)
        return whole == part.len && !last;
    return part.ptr[whole] == '.' && span(part, whole + 1, "0123456789_") == part.len - whole - 1;
}

/* "1:30.5" in base 60 is 90.5. */
static bool sexagesimal_to_real(struct str s, double *ret)
{
    size_t sign = span(s, 0, "+-") == 1;
    struct str rest = str_sub(s, sign, s.len);
    struct str part = { 0 };
    double total = 0;
    double d = 0;
    bool first = true;

    while (str_cut(&rest, ':', &part)) {
        if (!is_group(part, first, !rest.ptr) || !without_underscores(part, &d))
            return false;
        total = total * 60 + d;
        first = false;
    }
    *ret = sign && s.ptr[0] == '-' ? -total : total;
    return true;
}

static bool to_real(struct str s, double *ret)
{
    size_t end = mantissa(s);

    if (special_real(s, ret))
        return true;
    if (end == 0)
        return str_find(s, STR(":")) > 0 && sexagesimal_to_real(s, ret);
    return (end == s.len || is_exponent(str_sub(s, end, s.len))) && without_underscores(s, ret);
}

static struct jval *resolve_plain(struct arena *a, struct str s)
{
    int64_t n = 0;
    double d = 0;

    if (is_one_of(s, null_words))
        return jval_new_null(a);
    if (is_one_of(s, true_words))
        return jval_new_bool(a, true);
    if (is_one_of(s, false_words))
        return jval_new_bool(a, false);
    if (to_int(s, &n))
        return jval_new_int(a, n);
    if (to_real(s, &d))
        return jval_new_real(a, d);
    return jval_new_str(a, s);
}

/* --- nodes
 * --------------------------------------------------------------------------------------------------- */

static int load_node(struct load *l, struct jval **ret);

static int count_node(struct load *l, uint32_t n, struct jval_pos at)
{
    if (n > l->limits.max_nodes - l->nodes)
        return fail_at(l, ERR_LIMIT, at, "too many values (aliases count each time)");
    l->nodes += n;
    return 0;
}

static void remember(struct load *l, const yaml_char_t *anchor, struct jval *v)
{
    if (anchor)
        map_put(l->anchors, str_of((const char *)anchor), v);
}

static int load_scalar(struct load *l, struct jval **ret)
{
    struct str text = { (const char *)l->event.data.scalar.value, l->event.data.scalar.length };
    const char *tag = (const char *)l->event.data.scalar.tag;
    struct jval *v = NULL;

    if (l->event.data.scalar.plain_implicit)
        v = resolve_plain(l->a, text);
    else if (!tag || l->event.data.scalar.quoted_implicit || strcmp(tag, YAML_STR_TAG) == 0)
        v = jval_new_str(l->a, text);
    else if (strcmp(tag, YAML_INT_TAG) == 0 || strcmp(tag, YAML_FLOAT_TAG) == 0 ||
             strcmp(tag, YAML_BOOL_TAG) == 0 || strcmp(tag, YAML_NULL_TAG) == 0)
        v = resolve_plain(l->a, text);
    else
        return fail_at(l, ERR_INVALID, pos_of(l->event.start_mark),
                       "this tag is not supported; write a plain value");
    v->pos = pos_of(l->event.start_mark);
    remember(l, l->event.data.scalar.anchor, v);
    *ret = v;
    return 0;
}

/* What an alias adds: values, and levels of nesting. */
struct extent {
    uint32_t nodes, depth;
};

static void measure(const struct jval *v, uint32_t depth, struct extent *x)
{
    x->nodes++;
    if (jval_is(v, JVAL_ARRAY) || jval_is(v, JVAL_OBJECT))
        depth++;
    if (depth > x->depth)
        x->depth = depth;
    for (size_t i = 0; i < jval_len(v) && x->nodes <= JVAL_MAX_NODES; i++)
        measure(jval_at(v, i), depth, x);
}

static int load_alias(struct load *l, struct jval **ret)
{
    const char *anchor = (const char *)l->event.data.alias.anchor;
    struct jval_pos at = pos_of(l->event.start_mark);
    struct jval *v = map_get(l->anchors, str_of(anchor));
    struct extent x = { 0 };

    if (!v)
        return fail_at(l, ERR_INVALID, at, "alias to an anchor that is not (yet) complete");
    measure(v, 0, &x);
    if (count_node(l, x.nodes, at))
        return -l->e->code;
    if (x.depth > l->limits.max_depth - l->depth)
        return fail_at(l, ERR_LIMIT, at, "nested too deep");
    *ret = v;
    return 0;
}

static int load_sequence(struct load *l, struct jval *v)
{
    for (;;) {
        struct jval *item = NULL;

        if (next_event(l))
            return -l->e->code;
        if (l->event.type == YAML_SEQUENCE_END_EVENT)
            return 0;
        if (load_node(l, &item))
            return -l->e->code;
        jval_push(l->a, v, item);
    }
}

/* A mapping being read. Its keys are looked up in a map once there are many: a scan would take quadratic
 * time. */
enum { KEYS_SCANNED = 16 };
struct mapping {
    struct jval *v;
    struct map *index; /* key to place + 1; NULL while there are few */
};

static const struct jval_member *find_member(const struct mapping *m, struct str key)
{
    uintptr_t place = 0;

    if (m->index)
        place = (uintptr_t)map_get(m->index, key);
    for (size_t i = 0; !m->index && i < m->v->len && !place; i++)
        if (str_eq(m->v->members[i].key, key))
            place = i + 1;
    return place ? &m->v->members[place - 1] : NULL;
}

static void append_member(struct load *l, struct mapping *m, const struct jval_member *new)
{
    size_t first = m->v->len;

    jval_append_member(l->a, m->v, new->key, new->key_pos, new->value);
    if (!m->index && m->v->len > KEYS_SCANNED) {
        m->index = map_new();
        first = 0;
    }
    for (size_t i = first; m->index && i < m->v->len; i++)
        map_put(m->index, m->v->members[i].key, (void *)(uintptr_t)(i + 1)); /* NOLINT: a number in the map */
}

/* "<<": a mapping, or a list of them, whose members stand in where the mapping has none of its own. */
static int merge_into(struct load *l, struct mapping *m, const struct jval *source, struct jval_pos at)
{
    if (jval_is(source, JVAL_ARRAY)) {
        for (size_t i = 0; i < source->len; i++)
            if (merge_into(l, m, source->items[i], at))
                return -l->e->code;
        return 0;
    }
    if (!jval_is(source, JVAL_OBJECT))
        return fail_at(l, ERR_INVALID, at, "a merge key (<<) needs a mapping or a list of mappings");
    for (size_t i = 0; i < source->len; i++)
        if (!find_member(m, source->members[i].key))
            append_member(l, m, &source->members[i]);
    return 0;
}

static int add_member(struct load *l, struct mapping *m, const struct jval_member *new)
{
    const struct jval_member *old = find_member(m, new->key);

    if (old)
        return err_set(l->e, ERR_INVALID, "%s:%u:%u: key \"%.*s\" is given twice; first at %u:%u", l->name,
                       new->key_pos.line, new->key_pos.column, STR_ARG(new->key), old->key_pos.line,
                       old->key_pos.column);
    append_member(l, m, new);
    return 0;
}

/* The merge keys of one mapping; they count only once its own keys are known. */
struct merges {
    struct jval_member list[16];
    size_t len;
};

/* One key with its value; the event is the key. */
static int load_member(struct load *l, struct mapping *m, struct merges *merges)
{
    struct jval_member new = { .key_pos = pos_of(l->event.start_mark) };
    struct jval *value = NULL;
    bool merge = false;

    if (l->event.type != YAML_SCALAR_EVENT)
        return fail_at(l, ERR_INVALID, new.key_pos, "a key must be plain text");
    new.key = arena_str(
        l->a, (struct str){ (const char *)l->event.data.scalar.value, l->event.data.scalar.length });
    merge = str_is(new.key, "<<") && l->event.data.scalar.plain_implicit;
    if (next_event(l) || load_node(l, &value))
        return -l->e->code;
    new.value = value;
    if (!merge)
        return add_member(l, m, &new);
    if (merges->len == ARRAY_LEN(merges->list))
        return fail_at(l, ERR_LIMIT, new.key_pos, "too many merge keys in one mapping");
    merges->list[merges->len++] = new;
    return 0;
}

static int load_members(struct load *l, struct mapping *m)
{
    struct merges merges = { .len = 0 };

    for (;;) {
        if (next_event(l))
            return -l->e->code;
        if (l->event.type == YAML_MAPPING_END_EVENT)
            break;
        if (load_member(l, m, &merges))
            return -l->e->code;
    }
    for (size_t i = 0; i < merges.len; i++)
        if (merge_into(l, m, merges.list[i].value, merges.list[i].key_pos))
            return -l->e->code;
    return 0;
}

static int load_mapping(struct load *l, struct jval *v)
{
    struct mapping m = { .v = v };
    int rc = load_members(l, &m);

    map_free(m.index);
    return rc;
}

static int load_container(struct load *l, struct jval **ret)
{
    bool mapping = l->event.type == YAML_MAPPING_START_EVENT;
    const yaml_char_t *anchor =
        mapping ? l->event.data.mapping_start.anchor : l->event.data.sequence_start.anchor;
    const char *tag =
        (const char *)(mapping ? l->event.data.mapping_start.tag : l->event.data.sequence_start.tag);
    struct str anchor_name = arena_str(l->a, str_of((const char *)anchor));
    struct jval *v = mapping ? jval_new_object(l->a) : jval_new_array(l->a);

    v->pos = pos_of(l->event.start_mark);
    if (tag && strcmp(tag, mapping ? YAML_MAP_TAG : YAML_SEQ_TAG) != 0)
        return fail_at(l, ERR_INVALID, v->pos, "this tag is not supported; write a plain value");
    if (++l->depth > l->limits.max_depth)
        return fail_at(l, ERR_LIMIT, v->pos, "nested too deep");
    if (mapping ? load_mapping(l, v) : load_sequence(l, v))
        return -l->e->code;
    l->depth--;
    if (anchor_name.ptr)
        map_put(l->anchors, anchor_name, v); /* after its end: a structure cannot hold itself */
    *ret = v;
    return 0;
}

static int load_node(struct load *l, struct jval **ret)
{
    if (count_node(l, 1, pos_of(l->event.start_mark)))
        return -l->e->code;
    switch ((int)l->event.type) {
    case YAML_SCALAR_EVENT:
        return load_scalar(l, ret);
    case YAML_ALIAS_EVENT:
        return load_alias(l, ret);
    default:
        return load_container(l, ret);
    }
}

static int load_document(struct load *l, struct jval **ret)
{
    struct jval *v = jval_new_null(l->a);

    if (next_event(l) || next_event(l)) /* stream start, document start */
        return -l->e->code;
    if (l->event.type == YAML_STREAM_END_EVENT) {
        *ret = v;
        return 0;
    }
    if (next_event(l) || load_node(l, &v) || next_event(l) || next_event(l))
        return -l->e->code;
    if (l->event.type != YAML_STREAM_END_EVENT)
        return fail_at(l, ERR_INVALID, pos_of(l->event.start_mark), "a second document; one is expected");
    *ret = v;
    return 0;
}

int jval_from_yaml(struct arena *a, struct str text, const char *name, const struct jval_limits *limits,
                   struct jval **ret, struct err *e)
{
    struct err own = { 0 };
    struct load l = { .a = a, .name = name, .limits = jval_limits_or_default(limits), .e = e ? e : &own };
    int rc = 0;

    if (text.len > l.limits.max_bytes)
        return err_set(e, ERR_LIMIT, "%s: longer than %zu bytes", name, l.limits.max_bytes);
    if (!yaml_parser_initialize(&l.parser))
        abort();
    yaml_parser_set_encoding(&l.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&l.parser, (const unsigned char *)(text.ptr ? text.ptr : ""), text.len);
    l.anchors = map_new();
    rc = load_document(&l, ret);
    map_free(l.anchors);
    yaml_event_delete(&l.event);
    yaml_parser_delete(&l.parser);
    return rc;
}
