/* launch/template_internal.h: what the files of templates share: where in a Vertex config a value stands, and
 * texts put together from config and values. */
#pragma once

#include "launch/fields.h"
#include "launch/path.h"

/* --- places (template_place.c) --- */
enum context_kind {
    CONTEXT_UNKNOWN,
    CONTEXT_TOP,      /* the whole config: perhaps wrapped in resource_args and vertex */
    CONTEXT_PLACE,    /* an object of fields.h's places */
    CONTEXT_MESSAGE,  /* an object with .message's fields */
    CONTEXT_MESSAGES, /* a list of them */
    CONTEXT_FIELD,    /* the value of .field */
    CONTEXT_ENV,
    CONTEXT_ENV_ENTRY,
    CONTEXT_TEXT /* text and nothing else */
};
struct place_context {
    enum context_kind kind;
    unsigned place;
    const struct message *message;
    const struct field *field;
    struct path path; /* path.up points into the context one further out */
};
enum place_wants {
    PLACE_WANTS_ANY,
    PLACE_WANTS_TEXT,
    PLACE_WANTS_INTEGER,
    PLACE_WANTS_NUMBER,
    PLACE_WANTS_BOOLEAN
};
/** place_inside() - the context of member or element @index of @v, which stands at @at. */
struct place_context place_inside(const struct place_context *at, const struct jval *v, size_t index);
enum place_wants place_wants(const struct place_context *at);

/* --- texts (template_text.c) --- */
struct template_part {
    struct str text;
    bool is_value;
};
struct template_text {
    struct template_part *parts;
    size_t len, cap;
};
void template_text_add(struct template_text *t, struct arena *a, struct str text, bool is_value);
/** template_text_write() - the parts as one text, in which macros see no value: see launch/template.h. */
void template_text_write(const struct template_text *t, struct strbuf *out);
