/* server/sign_in/cookie.h: cookies as browsers send and take them (RFC 6265). Pure. */
#pragma once

#include "base/arena.h"

enum { COOKIE_VALUE_MAX = 2048 };
/** cookie_get() - the value of the first cookie called @name in a Cookie header; absent when there is none,
 * it is empty or is over COOKIE_VALUE_MAX. Borrowed from @header. */
struct str cookie_get(struct str header, struct str name);
struct cookie {
    struct str name, value; /* characters that need no quotes */
    int64_t lasts_s;        /* 0: it goes at once */
    bool secure;            /* by https only */
};
/** cookie_line() - a Set-Cookie header's value, in @a: for the whole site, for no script, and not sent along
 * when another site posts or embeds something. */
struct str cookie_line(struct arena *a, const struct cookie *c);
/** return_path_is_ours() - may a browser be sent to @path behind a sign-in? A path and query of this site in
 * plain characters; nothing that a browser could take for another site's address. */
bool return_path_is_ours(struct str path);
