/* emulator/proto_write.c: the canonical tree out as JSON, field masks, enums. Pure. */
#include "emulator/proto.h"

enum { MASK_PATHS_MAX = 200 };

const struct proto_field *proto_field_find(const struct proto_message *m, struct str name)
{
    for (const struct proto_field *f = m->fields; f->name; f++) {
        if (str_is(name, f->name) || str_is(name, f->json_name))
            return f;
    }
    return NULL;
}

int32_t proto_enum_number(const struct proto_enum *e, struct str name)
{
    for (const struct proto_enum_value *v = e->values; v->name; v++) {
        if (str_is(name, v->name))
            return v->number;
    }
    return -1;
}

const char *proto_enum_name(const struct proto_enum *e, int64_t number)
{
    for (const struct proto_enum_value *v = e->values; v->name; v++) {
        if (v->number == number)
            return v->name;
    }
    return NULL;
}

/* Is @v what a reader assumes for an absent member? Messages and durations have presence: never. */
static bool is_default(const struct proto_field *f, const struct jval *v)
{
    if (f->flags & PROTO_REPEATED)
        return jval_len(v) == 0;
    switch (f->kind) {
    case PROTO_STRING:
        return jval_str(v).len == 0;
    case PROTO_BOOL:
        return !jval_bool(v);
    case PROTO_INT32:
        return jval_int(v) == 0;
    case PROTO_INT64:
        return str_is(jval_str(v), "0");
    case PROTO_ENUM:
        return jval_is(v, JVAL_STR) ? proto_enum_number(f->type, jval_str(v)) == 0 : jval_int(v) == 0;
    case PROTO_STRING_MAP:
        return jval_len(v) == 0;
    case PROTO_DURATION:
    case PROTO_TIMESTAMP:
    case PROTO_MESSAGE:
    case PROTO_ANY:
        return false;
    }
    return false;
}

static const struct proto_mask *mask_find(const struct proto_mask *node, struct str name)
{
    for (const struct proto_mask *child = node->children; child; child = child->next) {
        if (str_eq(child->name, name))
            return child;
    }
    return NULL;
}

static const struct jval *write_value(struct arena *a, const struct proto_field *f, const struct jval *v,
                                      const struct proto_write_options *o)
{
    if (f->kind == PROTO_MESSAGE)
        return proto_write(a, f->type, v, o);
    if (f->kind == PROTO_ENUM && o->enums_as_numbers && jval_is(v, JVAL_STR))
        return jval_new_int(a, proto_enum_number(f->type, jval_str(v)));
    if (f->kind == PROTO_STRING_MAP && o->mask) {
        struct jval *some = jval_new_object(a);

        for (size_t i = 0; i < jval_len(v); i++) {
            if (mask_find(o->mask, jval_key_at(v, i)))
                jval_set_str(a, some, jval_key_at(v, i), jval_at(v, i));
        }
        return some;
    }
    return v;
}

static const struct jval *write_field(struct arena *a, const struct proto_field *f, const struct jval *v,
                                      const struct proto_write_options *o)
{
    struct jval *list;

    if (!(f->flags & PROTO_REPEATED))
        return write_value(a, f, v, o);
    list = jval_new_array(a);
    for (size_t i = 0; i < jval_len(v); i++)
        jval_push(a, list, write_value(a, f, jval_at(v, i), o));
    return list;
}

struct jval *proto_write(struct arena *a, const struct proto_message *m, const struct jval *v,
                         const struct proto_write_options *o)
{
    struct jval *out = jval_new_object(a);

    for (const struct proto_field *f = m->fields; f->name; f++) {
        const struct jval *member = jval_get(v, f->json_name);
        struct proto_write_options below = *o;

        if (!member || is_default(f, member))
            continue;
        if (o->mask) {
            below.mask = mask_find(o->mask, str_of(f->json_name));
            if (!below.mask)
                continue;
            if (below.mask->all)
                below.mask = NULL;
        }
        jval_set(a, out, f->json_name, write_field(a, f, member, &below));
    }
    return out;
}

static struct proto_mask *mask_child(struct arena *a, struct proto_mask *node, struct str name)
{
    struct proto_mask *child;

    for (child = node->children; child; child = child->next) {
        if (str_eq(child->name, name))
            return child;
    }
    child = arena_alloc(a, sizeof(*child));
    child->name = arena_str(a, name);
    child->next = node->children;
    node->children = child;
    return child;
}

/* Add one dotted path to the tree @node; false when it names nothing. */
static bool mask_add(struct arena *a, const struct proto_message *m, struct str path, struct proto_mask *node)
{
    const struct proto_message *at = m;
    struct str part;
    bool in_map = false;

    while (str_cut(&path, '.', &part)) {
        const struct proto_field *f = at ? proto_field_find(at, part) : NULL;

        if (!f && !in_map)
            return false;
        node = mask_child(a, node, f ? str_of(f->json_name) : part);
        in_map = f && f->kind == PROTO_STRING_MAP;
        at = f && f->kind == PROTO_MESSAGE ? f->type : NULL;
    }
    node->all = true;
    return true;
}

int proto_mask(struct refusal *r, const struct proto_message *m, struct str text, struct proto_mask **ret)
{
    struct proto_mask *root = arena_alloc(r->a, sizeof(*root));
    struct str rest = str_trim(text), path;
    size_t count = 0;

    *ret = NULL;
    while (rest.len > 0 && str_cut(&rest, ',', &path)) {
        path = str_trim(path);
        if (str_is(path, "*"))
            return 0;
        if (++count > MASK_PATHS_MAX || path.len == 0 || !mask_add(r->a, m, path, root)) {
            refusal_add_violation(r, "read_mask", "Invalid field mask path.");
            return refuse(r, RPC_INVALID_ARGUMENT, "Invalid field mask: \"%.*s\" is not a field of %s.",
                          STR_ARG(str_sub(path, 0, 200)), m->type_name);
        }
    }
    if (count > 0)
        *ret = root;
    return 0;
}
