/* server/sign_in/cookie.c: cookies, and paths to go back to. */
#include "server/sign_in/cookie.h"

struct str cookie_get(struct str header, struct str name)
{
    struct str part = { NULL, 0 }, key = { NULL, 0 };

    while (str_cut(&header, ';', &part)) {
        struct str value = str_trim(part);

        if (!str_cut(&value, '=', &key) || !str_eq(key, name))
            continue;
        return value.len > 0 && value.len <= COOKIE_VALUE_MAX ? value : (struct str){ 0 };
    }
    return (struct str){ 0 };
}

struct str cookie_line(struct arena *a, const struct cookie *c)
{
    return str_of(arena_printf(a, "%.*s=%.*s; Path=/; Max-Age=%lld; HttpOnly; SameSite=Lax%s",
                               STR_ARG(c->name), STR_ARG(c->value), (long long)c->lasts_s,
                               c->secure ? "; Secure" : ""));
}

bool return_path_is_ours(struct str path)
{
    enum { PATH_MAX_BYTES = 512 };

    /* "//host" is another site, and browsers read '\' as '/'. */
    if (path.len == 0 || path.len > PATH_MAX_BYTES || path.ptr[0] != '/' || str_has_prefix(path, STR("//")))
        return false;
    for (size_t i = 0; i < path.len; i++)
        if (path.ptr[i] <= ' ' || path.ptr[i] >= 0x7f || path.ptr[i] == '\\')
            return false;
    return true;
}
