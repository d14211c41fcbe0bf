/* launch/template_place.c: what may stand at a place of a Vertex config. */
#include "launch/template_internal.h"

static struct place_context unknown(void)
{
    return (struct place_context){ .kind = CONTEXT_UNKNOWN };
}

static struct place_context of_field(const struct field *f)
{
    if (f->type == FIELD_MESSAGE)
        return (struct place_context){ .kind = CONTEXT_MESSAGE, .message = f->message };
    if (f->type == FIELD_MESSAGES)
        return (struct place_context){ .kind = CONTEXT_MESSAGES, .message = f->message };
    if (f->type == FIELD_ENV)
        return (struct place_context){ .kind = CONTEXT_ENV };
    return (struct place_context){ .kind = CONTEXT_FIELD, .field = f };
}

static struct place_context in_place(unsigned place, struct str key)
{
    for (size_t i = 0; i < place_group_count; i++) {
        if ((place_groups[i].places & place) && name_is(key, place_groups[i].name))
            return (struct place_context){ .kind = CONTEXT_PLACE, .place = place_groups[i].place };
    }
    for (size_t i = 0; i < place_row_count; i++) {
        if ((place_rows[i].places & place) && name_is(key, place_rows[i].field.name))
            return of_field(&place_rows[i].field);
    }
    return unknown();
}

static struct place_context in_message(const struct message *m, struct str key)
{
    for (size_t i = 0; i < m->len; i++) {
        if (name_is(key, m->fields[i].name))
            return of_field(&m->fields[i]);
    }
    return unknown();
}

/* "resource_args", "vertex" and "gcp-vertex" wrap the config; without them it begins here. */
static struct place_context in_top(struct str key)
{
    if (str_is(key, "resource_args"))
        return (struct place_context){ .kind = CONTEXT_TOP };
    if (str_is(key, "vertex") || str_is(key, "gcp-vertex"))
        return (struct place_context){ .kind = CONTEXT_PLACE, .place = PLACE_ROOT };
    return in_place(PLACE_ROOT, key);
}

/* A list of texts, or the values of labels; an output folder's one member is a text as well. */
static struct place_context in_field(const struct field *f)
{
    bool texts = f->type == FIELD_STRINGS || f->type == FIELD_LABELS || f->type == FIELD_OUTPUT_URI;

    return texts ? (struct place_context){ .kind = CONTEXT_TEXT } : unknown();
}

static struct place_context step(const struct place_context *at, bool element, struct str key)
{
    switch (at->kind) {
    case CONTEXT_TOP:
        return in_top(key);
    case CONTEXT_PLACE:
        return in_place(at->place, key);
    case CONTEXT_MESSAGE:
        return in_message(at->message, key);
    case CONTEXT_MESSAGES:
        return element ? (struct place_context){ .kind = CONTEXT_MESSAGE, .message = at->message }
                       : unknown();
    case CONTEXT_FIELD:
        return in_field(at->field);
    case CONTEXT_ENV: /* a list of entries, or names with their values */
        return (struct place_context){ .kind = element ? CONTEXT_ENV_ENTRY : CONTEXT_TEXT };
    case CONTEXT_ENV_ENTRY:
        return (struct place_context){ .kind = CONTEXT_TEXT };
    case CONTEXT_TEXT:
    case CONTEXT_UNKNOWN:
        break;
    }
    return unknown();
}

struct place_context place_inside(const struct place_context *at, const struct jval *v, size_t index)
{
    bool element = jval_is(v, JVAL_ARRAY);
    struct place_context c = step(at, element, jval_key_at(v, index));

    c.path =
        (struct path){ .up = at->path.up || at->path.key.ptr || at->kind != CONTEXT_TOP ? &at->path : NULL,
                       .key = jval_key_at(v, index),
                       .index = index };
    return c;
}

enum place_wants place_wants(const struct place_context *at)
{
    static const enum place_wants by_type[] = {
        [FIELD_STRING] = PLACE_WANTS_TEXT,   [FIELD_GS_URI] = PLACE_WANTS_TEXT,
        [FIELD_ENUM] = PLACE_WANTS_TEXT,     [FIELD_OUTPUT_URI] = PLACE_WANTS_TEXT,
        [FIELD_BOOL] = PLACE_WANTS_BOOLEAN,  [FIELD_INT32] = PLACE_WANTS_INTEGER,
        [FIELD_INT64] = PLACE_WANTS_INTEGER, [FIELD_DURATION] = PLACE_WANTS_NUMBER,
        [FIELD_STRINGS] = PLACE_WANTS_ANY,   [FIELD_LABELS] = PLACE_WANTS_ANY,
        [FIELD_ENV] = PLACE_WANTS_ANY,       [FIELD_MESSAGE] = PLACE_WANTS_ANY,
        [FIELD_MESSAGES] = PLACE_WANTS_ANY,
    };

    if (at->kind == CONTEXT_TEXT)
        return PLACE_WANTS_TEXT;
    if (at->kind != CONTEXT_FIELD)
        return PLACE_WANTS_ANY;
    return by_type[at->field->type];
}
