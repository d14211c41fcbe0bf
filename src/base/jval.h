/*
 * base/jval.h: one tree for JSON and YAML values, with the position of the text each came from.
 *
 * A tree lives in an arena; it is built, then read-only. Object order is kept. Integers are int64, other
 * numbers double. Parsers: jval_from_json() (jansson checks the text), jval_from_yaml() (libyaml events,
 * resolved as PyYAML's safe_load).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

enum jval_type { JVAL_NULL, JVAL_BOOL, JVAL_INT, JVAL_REAL, JVAL_STR, JVAL_ARRAY, JVAL_OBJECT };

struct jval_pos {
    uint32_t line, column; /* from 1; 0: made by the program */
};

struct jval; /* layout private to base */

/* --- reading
 * ------------------------------------------------------------------------------------------------ */
enum jval_type jval_type(const struct jval *v); /* NULL pointer reads as JVAL_NULL, here and below */
const char *jval_type_name(
    enum jval_type t); /* "null" "boolean" "integer" "number" "string" "list" "object" */
struct jval_pos jval_pos(const struct jval *v);
bool jval_bool(const struct jval *v);      /* false when not a boolean */
int64_t jval_int(const struct jval *v);    /* 0 when not an integer */
double jval_real(const struct jval *v);    /* integers too; 0 when not a number */
struct str jval_str(const struct jval *v); /* absent when not a string; NUL-terminated behind the view */
size_t jval_len(const struct jval *v);     /* elements or members; 0 for others */
const struct jval *jval_at(const struct jval *v, size_t index); /* element or member value; NULL outside */
struct str jval_key_at(const struct jval *v, size_t index);     /* member name */
struct jval_pos jval_key_pos_at(const struct jval *v, size_t index); /* where the member name stands */
const struct jval *jval_get(const struct jval *v, const char *key);  /* NULL when absent or not an object */
const struct jval *jval_get_str(const struct jval *v, struct str key);
/** jval_path() - jval_get() along "a.b.0.c"; digits index lists. NULL when any part is absent. */
const struct jval *jval_path(const struct jval *v, const char *dotted);
bool jval_is(const struct jval *v, enum jval_type t);
bool jval_is_number(const struct jval *v); /* an integer, or with a fraction */
/** jval_has_text() - is it a list that has this text in it? */
bool jval_has_text(const struct jval *list, struct str text);
bool jval_equal(const struct jval *a,
                const struct jval *b); /* deep; object order does not matter; 1 equals 1.0 */

/* --- building
 * ----------------------------------------------------------------------------------------------- */
struct jval *jval_new_null(struct arena *a);
struct jval *jval_new_bool(struct arena *a, bool b);
struct jval *jval_new_int(struct arena *a, int64_t n);
struct jval *jval_new_real(struct arena *a, double d);
struct jval *jval_new_str(struct arena *a, struct str s);   /* copies */
struct jval *jval_new_cstr(struct arena *a, const char *s); /* copies; NULL gives a JSON null */
struct jval *jval_new_array(struct arena *a);
struct jval *jval_new_object(struct arena *a);
void jval_push(struct arena *a, struct jval *array, const struct jval *v);
/** jval_set() - add or replace a member; keeps the place of an existing one. @v may be shared between trees
 * of one arena. */
void jval_set(struct arena *a, struct jval *object, const char *key, const struct jval *v);
void jval_set_str(struct arena *a, struct jval *object, struct str key, const struct jval *v);
/** jval_append_member() - add a member that is known to be new, with where its name stands: for parsers and
 * for trees made from another one. */
void jval_append_member(struct arena *a, struct jval *object, struct str key, struct jval_pos key_pos,
                        const struct jval *v);
void jval_set_cstr(struct arena *a, struct jval *object, const char *key,
                   const char *value); /* NULL sets null */
void jval_set_int(struct arena *a, struct jval *object, const char *key, int64_t n);
void jval_set_bool(struct arena *a, struct jval *object, const char *key, bool b);
bool jval_remove(struct jval *object, const char *key);
void jval_set_pos(struct jval *v, struct jval_pos pos);
struct jval *jval_copy(struct arena *a,
                       const struct jval *v); /* deep, positions kept: the result is free to change */
/** jval_merge() - deep copy of @base with @over on top: objects member by member, anything else replaced by
 * @over. */
struct jval *jval_merge(struct arena *a, const struct jval *base, const struct jval *over);

/* --- text
 * --------------------------------------------------------------------------------------------------- */
struct jval_limits {
    size_t max_bytes;   /* 0: 16 MiB */
    uint32_t max_depth; /* 0: 64 */
    uint32_t max_nodes; /* 0: 1,000,000; YAML aliases count each time they are expanded */
    bool last_key_wins; /* JSON from the wire may repeat a key; files may not */
};
/**
 * jval_from_json(), jval_from_yaml() - parse a whole text. @limits may be NULL for the defaults.
 * @name is how errors call the text ("queue.yaml", "the server's answer"). Errors are "NAME:LINE:COL: what".
 * -ERR_INVALID for wrong text, -ERR_LIMIT over a cap. YAML: one document; {} tags beyond the core refused;
 * merge keys work; a repeated key is an error naming both places; an empty text is null.
 */
NODISCARD int jval_from_json(struct arena *a, struct str text, const char *name,
                             const struct jval_limits *limits, struct jval **ret, struct err *e);
NODISCARD int jval_from_yaml(struct arena *a, struct str text, const char *name,
                             const struct jval_limits *limits, struct jval **ret, struct err *e);

enum jval_style {
    JVAL_COMPACT, /* {"a":[1,2]} */
    JVAL_PRETTY,  /* two spaces a level */
    JVAL_PYTHON   /* as Python's json.dumps: {"a": [1, 2]}, non-ASCII as \uXXXX in lower-case hex */
};
/** jval_write() - append JSON. Doubles are the shortest text that reads back equal (0.1 is 0.1), with ".0"
 * when whole. */
void jval_write(struct strbuf *b, const struct jval *v, enum jval_style style);
/** jval_text() - the same into an arena. */
struct str jval_text(struct arena *a, const struct jval *v, enum jval_style style);
