/* base/jval_json.c: JSON text to tree. Jansson judges the text; a scan over the then known-good text finds
 * the positions. */
#include <jansson.h>
#include <string.h>

#include "base/jval.h"
#include "base/jval_internal.h"

struct walk {
    struct arena *a;
    const char *at, *end;
    uint32_t line, column;
    uint32_t nodes, max_nodes;
    bool last_key_wins;
    const char *failure; /* why the walk stopped */
};

/* Jansson's memory for one text: some pieces for each value, which go together, overwritten, since texts hold
 * tokens and secrets. */
static _Thread_local struct arena *jansson_memory;

static void *jansson_alloc(size_t size)
{
    return arena_alloc(jansson_memory, size);
}

static void jansson_free(void *p)
{
    (void)p;
}

/* Once, before there are threads. */
__attribute__((constructor)) static void give_jansson_its_memory(void)
{
    json_set_alloc_funcs(jansson_alloc, jansson_free);
}

static void advance(struct walk *w)
{
    unsigned char c = (unsigned char)*w->at++;

    if (c == '\n') {
        w->line++;
        w->column = 1;
    } else if ((c & 0xc0) != 0x80) {
        w->column++; /* columns count characters */
    }
}

static void skip_to_token(struct walk *w)
{
    while (w->at < w->end && strchr(" \t\r\n,:", *w->at) && *w->at)
        advance(w);
}

static void skip_string(struct walk *w)
{
    advance(w);
    while (*w->at != '"') {
        if (*w->at == '\\')
            advance(w);
        advance(w);
    }
    advance(w);
}

static void skip_word(struct walk *w)
{
    while (w->at < w->end && !strchr(" \t\r\n,:]}", *w->at))
        advance(w);
}

static struct jval *convert(struct walk *w, json_t *j);

static void convert_array(struct walk *w, json_t *j, struct jval *v)
{
    size_t i = 0;
    json_t *item = NULL;

    json_array_foreach(j, i, item)
    {
        struct jval *child = w->failure ? NULL : convert(w, item);

        if (!child)
            return;
        jval_push(w->a, v, child);
    }
}

/*
 * Jansson keeps one value a key, in the order of first insertion, so where a repeated key is let through
 * (text from the wire) positions behind it would be off: such objects are converted without positions.
 */
static void convert_object(struct walk *w, json_t *j, struct jval *v)
{
    const char *key = NULL;
    json_t *item = NULL;

    json_object_foreach(j, key, item)
    {
        struct jval_pos key_pos = { 0 };
        struct jval *child = NULL;

        if (!w->last_key_wins) {
            skip_to_token(w);
            key_pos = (struct jval_pos){ w->line, w->column };
            skip_string(w);
        }
        child = w->failure ? NULL : convert(w, item);
        if (!child)
            return;
        jval_append_member(w->a, v, str_of(key), key_pos, child);
    }
}

static struct jval *scalar(struct walk *w, const json_t *j)
{
    switch (json_typeof(j)) {
    case JSON_STRING:
        return jval_new_str(w->a, (struct str){ json_string_value(j), json_string_length(j) });
    case JSON_INTEGER:
        return jval_new_int(w->a, json_integer_value(j));
    case JSON_REAL:
        return jval_new_real(w->a, json_real_value(j));
    case JSON_TRUE:
    case JSON_FALSE:
        return jval_new_bool(w->a, json_is_true(j));
    case JSON_NULL:
    case JSON_OBJECT:
    case JSON_ARRAY:
        break;
    }
    return jval_new_null(w->a);
}

/* Note where the value stands, and go past it; into it when it is a container. */
static void enter(struct walk *w, const json_t *j, struct jval *v)
{
    skip_to_token(w);
    v->pos = (struct jval_pos){ w->line, w->column };
    if (json_is_object(j) || json_is_array(j))
        advance(w);
    else if (json_is_string(j))
        skip_string(w);
    else
        skip_word(w);
}

static void leave(struct walk *w)
{
    skip_to_token(w);
    advance(w);
}

static struct jval *convert(struct walk *w, json_t *j)
{
    struct jval *v = json_is_object(j)  ? jval_new_object(w->a)
                     : json_is_array(j) ? jval_new_array(w->a)
                                        : scalar(w, j);

    if (++w->nodes > w->max_nodes) {
        w->failure = "too many values";
        return NULL;
    }
    if (!w->last_key_wins)
        enter(w, j, v);
    if (json_is_object(j))
        convert_object(w, j, v);
    else if (json_is_array(j))
        convert_array(w, j, v);
    else
        return v;
    if (!w->last_key_wins && !w->failure)
        leave(w);
    return w->failure ? NULL : v;
}

/* Behind the string that begins at @i, which is behind its quote; the text's length when it does not end. */
static size_t string_end(struct str text, size_t i)
{
    for (size_t at = i; at < text.len;) {
        const char *quote = memchr(text.ptr + at, '"', text.len - at);
        size_t escapes = 0;

        if (!quote)
            break;
        at = (size_t)(quote - text.ptr);
        while (at - escapes > i && text.ptr[at - escapes - 1] == '\\')
            escapes++;
        at++;
        if (escapes % 2 == 0)
            return at;
    }
    return text.len;
}

/* Jansson recurses as deep as the text nests (its own cap is 2048), so ours is checked before it runs. */
static bool too_deep(struct str text, uint32_t max_depth)
{
    uint32_t depth = 0;

    for (size_t i = 0; i < text.len;) {
        char c = text.ptr[i++];

        if (c == '"')
            i = string_end(text, i);
        else if ((c == '[' || c == '{') && ++depth > max_depth)
            return true;
        else if ((c == ']' || c == '}') && depth > 0)
            depth--;
    }
    return false;
}

/* Its memory is gone with the parse: what stays is in the arena of the tree, and in @e. */
static int parse(struct walk *w, struct str text, const char *name, struct jval **ret, struct err *e)
{
    size_t flags = JSON_DECODE_ANY | JSON_ALLOW_NUL | (w->last_key_wins ? 0 : JSON_REJECT_DUPLICATES);
    json_error_t problem;
    json_t *j = json_loadb(w->at, text.len, flags, &problem);
    struct jval *v = NULL;

    if (!j)
        return err_set(e, ERR_INVALID, "%s:%d:%d: %s", name, problem.line, problem.column, problem.text);
    v = convert(w, j);
    if (!v)
        return err_set(e, ERR_LIMIT, "%s: %s", name, w->failure);
    *ret = v;
    return 0;
}

int jval_from_json(struct arena *a, struct str text, const char *name, const struct jval_limits *limits,
                   struct jval **ret, struct err *e)
{
    struct jval_limits l = jval_limits_or_default(limits);
    struct walk w = { .a = a,
                      .at = text.ptr ? text.ptr : "",
                      .end = text.ptr + text.len,
                      .line = 1,
                      .column = 1,
                      .max_nodes = l.max_nodes,
                      .last_key_wins = l.last_key_wins };
    int rc;

    if (text.len > l.max_bytes)
        return err_set(e, ERR_LIMIT, "%s: longer than %zu bytes", name, l.max_bytes);
    if (too_deep(text, l.max_depth))
        return err_set(e, ERR_LIMIT, "%s: nested deeper than %u levels", name, l.max_depth);
    jansson_memory = arena_new_wiped();
    rc = parse(&w, text, name, ret, e);
    arena_free(jansson_memory);
    jansson_memory = NULL;
    return rc;
}
