/* base/str.h: borrowed views and capped, owned buffers. */
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/defs.h"
#include "base/err.h"

/* A borrowed view, passed by value. Not necessarily NUL-terminated. {NULL, 0} is "absent". */
struct str {
    const char *ptr;
    size_t len;
};
#define STR(lit)   ((struct str){ (lit), sizeof(lit) - 1 })
/* For printf: "%.*s", STR_ARG(s). */
#define STR_ARG(s) (int)(s).len, (s).ptr ? (s).ptr : ""

struct str str_of(const char *cstr); /* NULL gives an absent view */
bool str_eq(struct str a, struct str b);
bool str_eq_nocase(struct str a, struct str b); /* ASCII */
bool str_is(struct str a, const char *cstr);
bool str_has_prefix(struct str s, struct str prefix);
bool str_has_suffix(struct str s, struct str suffix);
int str_cmp(struct str a, struct str b);                  /* by bytes, as memcmp */
struct str str_sub(struct str s, size_t from, size_t to); /* [from, to), clipped */
struct str str_trim(struct str s);                        /* ASCII white space at both ends */
/** str_cut() - split at the first @sep: returns the part before and moves @rest behind it; false when
 * exhausted. */
bool str_cut(struct str *rest, char sep, struct str *ret_part);
/** str_take() - move @rest behind its first byte when that is @c. */
bool str_take(struct str *rest, char c);
/** str_take_digits() - the ASCII digits at the front of @rest, which moves behind them; may be empty. */
struct str str_take_digits(struct str *rest);
/** str_find() - index of the first @needle, or -1. */
ptrdiff_t str_find(struct str s, struct str needle);
/** str_to_i64() - whole text as decimal int64; false on anything else or overflow. */
bool str_to_i64(struct str s, int64_t *ret);
bool str_to_double(struct str s, double *ret);
bool str_is_utf8(struct str s);
/** str_distance() - edit distance, for "did you mean"; texts over 64 bytes count as far away (SIZE_MAX). */
size_t str_distance(struct str a, struct str b);

/* Owned and always NUL-terminated (ptr is "" when nothing was added). Adding past max sets full and adds
 * nothing. */
struct strbuf {
    char *ptr;
    size_t len, cap, max;
    bool full;
    bool wiped; /* memory is overwritten before it goes, also when the buffer grows */
};
#define STRBUF(limit)       ((struct strbuf){ .ptr = NULL, .max = (limit) })
#define STRBUF_WIPED(limit) ((struct strbuf){ .ptr = NULL, .max = (limit), .wiped = true })
/* AUTO_STRBUF struct strbuf b = STRBUF(4096); is freed at the end of its scope. */
void strbuf_done(struct strbuf *b); /* frees; b is usable again as an empty buffer with the same cap */
#define AUTO_STRBUF __attribute__((cleanup(strbuf_done), unused))

void strbuf_reset(struct strbuf *b); /* empties, keeps the memory, clears full */
void strbuf_add(struct strbuf *b, struct str s);
void strbuf_addc(struct strbuf *b, char c);
void strbuf_addz(struct strbuf *b, const char *cstr); /* NULL adds nothing */
void strbuf_addf(struct strbuf *b, const char *fmt, ...) PRINTF(2, 3);
void strbuf_vaddf(struct strbuf *b, const char *fmt, va_list ap) PRINTF(2, 0);
void strbuf_add_url(struct strbuf *b,
                    struct str s); /* percent-encodes one component (RFC 3986 unreserved stay) */
/** strbuf_add_form() - append "&name=value", percent-encoded, for queries and forms (without '&' when @b is
 * empty); nothing when @value is empty. */
void strbuf_add_form(struct strbuf *b, const char *name, struct str value);
/** strbuf_add_utf8() - @s with U+FFFD for each byte that is no part of well-formed UTF-8. */
void strbuf_add_utf8(struct strbuf *b, struct str s);
void strbuf_add_json(struct strbuf *b, struct str s); /* a JSON string with its quotes; non-ASCII as UTF-8 */
void strbuf_add_html(struct strbuf *b, struct str s); /* escapes & < > " ' */
void strbuf_truncate(struct strbuf *b, size_t len);
struct str strbuf_str(const struct strbuf *b);   /* borrows until the next change */
const char *strbuf_cstr(const struct strbuf *b); /* never NULL */
/** strbuf_check() - ask once, at the end: -ERR_LIMIT with "longer than N bytes" when anything did not fit. */
NODISCARD int strbuf_check(const struct strbuf *b, struct err *e);
/** strbuf_wipe() - overwrite the memory, then free it: for buffers that held a secret. One that grew while
 * it did is a STRBUF_WIPED(). */
void strbuf_wipe(struct strbuf *b);
