/* launch/template_propose.c: the template variables of a config, and what they seem to be. */
#include <string.h>

#include "launch/known.h"
#include "launch/template.h"
#include "launch/template_internal.h"

size_t template_uses(struct arena *a, struct str text, const struct template_use **ret)
{
    struct template_use *uses = NULL;
    struct jval_pos pos = { 1, 1 };
    struct template_token t;
    size_t len = 0, cap = 0, at = 0;

    for (; template_token_next(text, at, &t); at = t.from) {
        for (size_t i = at; i < t.from; i++) {
            if (text.ptr[i] == '\n')
                pos = (struct jval_pos){ pos.line + 1, 0 };
            pos.column += ((unsigned char)text.ptr[i] & 0xc0) != 0x80; /* columns count characters */
        }
        if (len == cap) {
            struct template_use *more = arena_array(a, cap = cap ? 2 * cap : 16, sizeof(*more));

            if (len)
                memcpy(more, uses, len * sizeof(*more));
            uses = more;
        }
        uses[len++] = (struct template_use){ t.name, pos };
        pos.column++; /* the search goes on behind the first brace */
        t.from++;
    }
    *ret = uses;
    return len;
}

/* --- proposing ------------------------------------------------------------------------------------------ */

struct proposer {
    struct arena *a;
    struct jval *out;
    bool suggest;
};

static const char *const *suggestions(const struct field *f)
{
    if (str_is(str_of(f->name), "machine_type"))
        return known_machine_types;
    if (str_is(str_of(f->name), "location") || str_is(str_of(f->name), "region"))
        return known_regions;
    return f->type == FIELD_ENUM ? f->enum_values : NULL;
}

/* Neither holes nor "..._UNSPECIFIED" are for people. */
static const struct jval *enum_of(struct arena *a, const char *const *names)
{
    struct jval *list = jval_new_array(a);

    for (; *names; names++) {
        if (**names && !str_has_suffix(str_of(*names), STR("_UNSPECIFIED")))
            jval_push(a, list, jval_new_cstr(a, *names));
    }
    return list;
}

static const char *type_at(const struct place_context *at, bool whole)
{
    enum place_wants wants = whole ? place_wants(at) : PLACE_WANTS_TEXT;

    if (wants == PLACE_WANTS_INTEGER || wants == PLACE_WANTS_NUMBER) /* seconds, by custom whole ones */
        return "integer";
    return wants == PLACE_WANTS_BOOLEAN ? "boolean" : "string";
}

/* A later place may say more: one that takes text only is content with any type. */
static void propose_one(struct proposer *pr, struct str name, const struct place_context *at, bool whole)
{
    const struct jval *before = jval_get_str(pr->out, name);
    const char *type = type_at(at, whole);
    const char *const *known;
    struct jval *variable, *schema;

    if (before &&
        (!str_is(jval_str(jval_path(before, "schema.type")), "string") || str_is(str_of(type), "string")))
        return;
    variable = jval_new_object(pr->a);
    schema = jval_new_object(pr->a);
    jval_set_cstr(pr->a, schema, "type", type);
    known = pr->suggest && whole && at->kind == CONTEXT_FIELD ? suggestions(at->field) : NULL;
    if (known)
        jval_set(pr->a, schema, "enum", enum_of(pr->a, known));
    jval_set(pr->a, variable, "schema", schema);
    jval_set_str(pr->a, pr->out, name, variable);
}

static void propose(struct proposer *pr, const struct jval *v, const struct place_context *at)
{
    struct template_token t;

    for (size_t from = 0; jval_is(v, JVAL_STR) && template_token_next(jval_str(v), from, &t); from = t.to)
        propose_one(pr, t.name, at, t.from == 0 && t.to == jval_str(v).len);
    for (size_t i = 0; i < jval_len(v); i++) {
        const struct place_context here = place_inside(at, v, i);

        propose(pr, jval_at(v, i), &here);
    }
}

const struct jval *template_propose(struct arena *a, const struct jval *config, bool suggest)
{
    struct proposer pr = { .a = a, .out = jval_new_object(a), .suggest = suggest };
    const struct place_context top = { .kind = CONTEXT_TOP };

    propose(&pr, config, &top);
    return pr.out;
}
