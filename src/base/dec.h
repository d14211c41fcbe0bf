/*
 * base/dec.h: turning a jval object into a typed struct, with errors that name the path.
 * The first failure sticks; later calls do nothing. Strings borrow from the tree's arena.
 */
#pragma once

#include "base/jval.h"

enum dec_need { DEC_OPTIONAL, DEC_REQUIRED }; /* null counts as absent */

struct dec {
    const struct jval *v; /* the object being read */
    const char *path;     /* "$.items[2]"; lives in the arena */
    struct arena *a;
    struct err *e;
    enum err_code
        code; /* what a failure is: ERR_PROTO for peers, ERR_CONFIG for files, ERR_INVALID for requests */
    bool failed;
    const char *file; /* set after dec_init() for text that people write: errors begin "FILE:LINE:COL: " */
};

/** dec_init() - start at @v, which must be an object (else the decoder starts out failed). */
void dec_init(struct dec *d, struct arena *a, const struct jval *v, const char *path, enum err_code code,
              struct err *e);
/* Each sets *ret only when the member is there and has the right type. */
void dec_str(struct dec *d, const char *key, struct str *ret, enum dec_need need);
void dec_i64(struct dec *d, const char *key, int64_t *ret, enum dec_need need);
void dec_bool(struct dec *d, const char *key, bool *ret, enum dec_need need);
void dec_val(struct dec *d, const char *key, const struct jval **ret, enum dec_need need);  /* any type */
void dec_list(struct dec *d, const char *key, const struct jval **ret, enum dec_need need); /* array */
/** dec_object() - a decoder for a member object; false (and *ret failed or absent) when it is not there. */
bool dec_object(struct dec *d, const char *key, struct dec *ret, enum dec_need need);
/** dec_item() - a decoder for element @index of @list, which is member @key of @d. Failures of it fail @d too
 * when merged by dec_failed(). */
void dec_item(struct dec *d, const char *key, const struct jval *list, size_t index, struct dec *ret);
/** dec_fail() - report a failure of our own at member @key. */
void dec_fail(struct dec *d, const char *key, const char *fmt, ...) PRINTF(3, 4);
bool dec_failed(const struct dec *d);
/** dec_no_unknown() - fail on a member not in @known (NULL-ended), with the nearest known name. */
void dec_no_unknown(struct dec *d, const char *const *known);
