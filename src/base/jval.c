/* base/jval.c: reading and building trees of values. */
#include "base/jval.h"

#include <assert.h>
#include <string.h>

#include "base/jval_internal.h"

enum { INDEX_FROM = 32 /* members; below that looking through them is as quick */ };

struct jval_limits jval_limits_or_default(const struct jval_limits *given)
{
    struct jval_limits l = given ? *given : (struct jval_limits){ 0 };

    l.max_bytes = l.max_bytes ? l.max_bytes : JVAL_MAX_BYTES;
    l.max_depth = l.max_depth ? l.max_depth : JVAL_MAX_DEPTH;
    l.max_nodes = l.max_nodes ? l.max_nodes : JVAL_MAX_NODES;
    return l;
}

/* --- reading --- */

enum jval_type jval_type(const struct jval *v)
{
    return v ? v->type : JVAL_NULL;
}

const char *jval_type_name(enum jval_type t)
{
    static const char *const names[] = { "null", "boolean", "integer", "number", "string", "list", "object" };

    return names[t];
}

struct jval_pos jval_pos(const struct jval *v)
{
    return v ? v->pos : (struct jval_pos){ 0 };
}

bool jval_is(const struct jval *v, enum jval_type t)
{
    return jval_type(v) == t;
}

bool jval_is_number(const struct jval *v)
{
    return jval_is(v, JVAL_INT) || jval_is(v, JVAL_REAL);
}

bool jval_has_text(const struct jval *list, struct str text)
{
    for (size_t i = 0; jval_is(list, JVAL_ARRAY) && i < list->len; i++)
        if (jval_is(list->items[i], JVAL_STR) && str_eq(list->items[i]->text, text))
            return true;
    return false;
}

bool jval_bool(const struct jval *v)
{
    return jval_is(v, JVAL_BOOL) && v->boolean;
}

int64_t jval_int(const struct jval *v)
{
    return jval_is(v, JVAL_INT) ? v->integer : 0;
}

double jval_real(const struct jval *v)
{
    if (jval_is(v, JVAL_INT))
        return (double)v->integer;
    return jval_is(v, JVAL_REAL) ? v->real : 0;
}

struct str jval_str(const struct jval *v)
{
    return jval_is(v, JVAL_STR) ? v->text : (struct str){ NULL, 0 };
}

size_t jval_len(const struct jval *v)
{
    return jval_is(v, JVAL_ARRAY) || jval_is(v, JVAL_OBJECT) ? v->len : 0;
}

const struct jval *jval_at(const struct jval *v, size_t index)
{
    if (index >= jval_len(v))
        return NULL;
    return v->type == JVAL_ARRAY ? v->items[index] : v->members[index].value;
}

struct str jval_key_at(const struct jval *v, size_t index)
{
    return jval_is(v, JVAL_OBJECT) && index < v->len ? v->members[index].key : (struct str){ NULL, 0 };
}

struct jval_pos jval_key_pos_at(const struct jval *v, size_t index)
{
    return jval_is(v, JVAL_OBJECT) && index < v->len ? v->members[index].key_pos : (struct jval_pos){ 0 };
}

/* FNV-1a. The seed is where the index lies: nobody outside can make names that all fall into one slot. */
static size_t slot_of(const struct jval_index *x, struct str key)
{
    uint64_t h = 0xcbf29ce484222325u ^ (uint64_t)(uintptr_t)x;

    for (size_t i = 0; i < key.len; i++)
        h = (h ^ (unsigned char)key.ptr[i]) * 0x100000001b3u;
    return (size_t)(h ^ h >> 32) & x->mask;
}

static void index_add(struct jval_index *x, struct str key, size_t index)
{
    size_t slot = slot_of(x, key);

    while (x->slots[slot])
        slot = (slot + 1) & x->mask;
    x->slots[slot] = (uint32_t)index + 1;
}

/* At most half full; a new one, twice as large as it needs to be, when it would be more. */
static void index_update(struct arena *a, struct jval *v)
{
    size_t slots = 4 * v->len;

    if (v->index && 2 * v->len <= v->index->mask) {
        index_add(v->index, v->members[v->len - 1].key, v->len - 1);
        return;
    }
    v->index = NULL;
    if (v->len < INDEX_FROM || v->len > UINT32_MAX / 8)
        return;
    while (slots & (slots - 1))
        slots += slots & -slots;
    v->index = arena_alloc(a, sizeof(*v->index) + slots * sizeof(v->index->slots[0]));
    v->index->mask = slots - 1;
    for (size_t i = 0; i < v->len; i++)
        index_add(v->index, v->members[i].key, i);
}

static struct jval_member *member_indexed(const struct jval *v, struct str key)
{
    const struct jval_index *x = v->index;

    for (size_t slot = slot_of(x, key); x->slots[slot]; slot = (slot + 1) & x->mask)
        if (str_eq(v->members[x->slots[slot] - 1].key, key))
            return &v->members[x->slots[slot] - 1];
    return NULL;
}

static struct jval_member *member(const struct jval *v, struct str key)
{
    if (!jval_is(v, JVAL_OBJECT))
        return NULL;
    if (v->index)
        return member_indexed(v, key);
    for (size_t i = 0; i < v->len; i++)
        if (str_eq(v->members[i].key, key))
            return &v->members[i];
    return NULL;
}

const struct jval *jval_get_str(const struct jval *v, struct str key)
{
    const struct jval_member *m = member(v, key);

    return m ? m->value : NULL;
}

const struct jval *jval_get(const struct jval *v, const char *key)
{
    return jval_get_str(v, str_of(key));
}

const struct jval *jval_path(const struct jval *v, const char *dotted)
{
    struct str rest = str_of(dotted);
    struct str part = { 0 };
    int64_t index = 0;

    while (v && str_cut(&rest, '.', &part)) {
        if (v->type == JVAL_ARRAY)
            v = str_to_i64(part, &index) && index >= 0 ? jval_at(v, (size_t)index) : NULL;
        else
            v = jval_get_str(v, part);
    }
    return v;
}

static bool equal_members(const struct jval *a, const struct jval *b)
{
    for (size_t i = 0; i < a->len; i++) {
        const struct jval_member *m = member(b, a->members[i].key);

        if (!m || !jval_equal(a->members[i].value, m->value))
            return false;
    }
    return true;
}

static bool equal_items(const struct jval *a, const struct jval *b)
{
    for (size_t i = 0; i < a->len; i++)
        if (!jval_equal(a->items[i], b->items[i]))
            return false;
    return true;
}

bool jval_equal(const struct jval *a, const struct jval *b)
{
    enum jval_type t = jval_type(a);

    if (t != jval_type(b))
        return jval_is_number(a) && jval_is_number(b) && jval_real(a) == jval_real(b);
    switch (t) {
    case JVAL_NULL:
        return true;
    case JVAL_BOOL:
        return a->boolean == b->boolean;
    case JVAL_INT:
        return a->integer == b->integer;
    case JVAL_REAL:
        return a->real == b->real;
    case JVAL_STR:
        return str_eq(a->text, b->text);
    case JVAL_ARRAY:
        return a->len == b->len && equal_items(a, b);
    case JVAL_OBJECT:
        return a->len == b->len && equal_members(a, b);
    }
    return false;
}

/* --- building --- */

static struct jval *new_value(struct arena *a, enum jval_type t)
{
    struct jval *v = arena_alloc(a, sizeof(*v));

    v->type = t;
    return v;
}

struct jval *jval_new_null(struct arena *a)
{
    return new_value(a, JVAL_NULL);
}

struct jval *jval_new_bool(struct arena *a, bool b)
{
    struct jval *v = new_value(a, JVAL_BOOL);

    v->boolean = b;
    return v;
}

struct jval *jval_new_int(struct arena *a, int64_t n)
{
    struct jval *v = new_value(a, JVAL_INT);

    v->integer = n;
    return v;
}

struct jval *jval_new_real(struct arena *a, double d)
{
    struct jval *v = new_value(a, JVAL_REAL);

    v->real = d;
    return v;
}

struct jval *jval_new_str(struct arena *a, struct str s)
{
    struct jval *v = new_value(a, JVAL_STR);

    v->text = s.ptr ? arena_str(a, s) : STR("");
    return v;
}

struct jval *jval_new_cstr(struct arena *a, const char *s)
{
    return s ? jval_new_str(a, str_of(s)) : jval_new_null(a);
}

struct jval *jval_new_array(struct arena *a)
{
    return new_value(a, JVAL_ARRAY);
}

struct jval *jval_new_object(struct arena *a)
{
    return new_value(a, JVAL_OBJECT);
}

void jval_push(struct arena *a, struct jval *array, const struct jval *v)
{
    assert(array->type == JVAL_ARRAY);
    if (array->len == array->cap) {
        size_t cap = array->cap ? array->cap * 2 : 4;
        const struct jval **items = arena_array(a, cap, sizeof(*items));

        if (array->len)
            memcpy((void *)items, (const void *)array->items, array->len * sizeof(*items));
        array->items = items;
        array->cap = cap;
    }
    array->items[array->len++] = v;
}

void jval_append_member(struct arena *a, struct jval *object, struct str key, struct jval_pos key_pos,
                        const struct jval *v)
{
    assert(object->type == JVAL_OBJECT);
    if (object->len == object->cap) {
        size_t cap = object->cap ? object->cap * 2 : 4;
        struct jval_member *members = arena_array(a, cap, sizeof(*members));

        if (object->len)
            memcpy(members, object->members, object->len * sizeof(*members));
        object->members = members;
        object->cap = cap;
    }
    object->members[object->len++] =
        (struct jval_member){ arena_str(a, key.ptr ? key : STR("")), key_pos, v };
    index_update(a, object);
}

void jval_set_str(struct arena *a, struct jval *object, struct str key, const struct jval *v)
{
    struct jval_member *m = member(object, key);

    if (m)
        m->value = v;
    else
        jval_append_member(a, object, key, (struct jval_pos){ 0 }, v);
}

void jval_set(struct arena *a, struct jval *object, const char *key, const struct jval *v)
{
    jval_set_str(a, object, str_of(key), v);
}

void jval_set_cstr(struct arena *a, struct jval *object, const char *key, const char *value)
{
    jval_set(a, object, key, jval_new_cstr(a, value));
}

void jval_set_int(struct arena *a, struct jval *object, const char *key, int64_t n)
{
    jval_set(a, object, key, jval_new_int(a, n));
}

void jval_set_bool(struct arena *a, struct jval *object, const char *key, bool b)
{
    jval_set(a, object, key, jval_new_bool(a, b));
}

bool jval_remove(struct jval *object, const char *key)
{
    struct jval_member *m = member(object, str_of(key));

    if (!m)
        return false;
    memmove(m, m + 1, (size_t)(object->members + object->len - (m + 1)) * sizeof(*m));
    object->len--;
    object->index = NULL; /* the places have changed; the next member added makes a new one */
    return true;
}

void jval_set_pos(struct jval *v, struct jval_pos pos)
{
    v->pos = pos;
}

struct jval *jval_copy(struct arena *a, const struct jval *v)
{
    struct jval *copy = new_value(a, jval_type(v));

    if (!v)
        return copy;
    *copy = *v;
    if (v->type == JVAL_STR) {
        copy->text = arena_str(a, v->text);
    } else if (v->type == JVAL_ARRAY || v->type == JVAL_OBJECT) {
        copy->len = copy->cap = 0;
        if (v->type == JVAL_OBJECT)
            copy->index = NULL;
        for (size_t i = 0; i < v->len; i++) {
            if (v->type == JVAL_ARRAY)
                jval_push(a, copy, jval_copy(a, v->items[i]));
            else
                jval_append_member(a, copy, v->members[i].key, v->members[i].key_pos,
                                   jval_copy(a, v->members[i].value));
        }
    }
    return copy;
}

struct jval *jval_merge(struct arena *a, const struct jval *base, const struct jval *over)
{
    struct jval *result = NULL;

    if (!jval_is(base, JVAL_OBJECT) || !jval_is(over, JVAL_OBJECT))
        return jval_copy(a, over);
    result = jval_copy(a, base);
    for (size_t i = 0; i < over->len; i++) {
        const struct jval_member *m = member(result, over->members[i].key);

        if (m)
            jval_set_str(a, result, m->key, jval_merge(a, m->value, over->members[i].value));
        else
            jval_append_member(a, result, over->members[i].key, over->members[i].key_pos,
                               jval_copy(a, over->members[i].value));
    }
    return result;
}
