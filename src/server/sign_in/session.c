/* server/sign_in/session.c: sessions of browsers. */
#include "base/crypto.h"
#include "base/log.h"
#include "base/secret.h"
#include "server/sign_in/cookie.h"
#include "server/sign_in/sign_in.h"
#include "server/sign_in/sign_in_internal.h"

enum { DRAWN_BYTES = 32, USED_EVERY_MS = 60000 };

/* --- the browser --- */

bool browser_is_secure(struct server *s, struct http_exchange *x)
{
    return str_has_prefix(public_base(s, x), STR("https://"));
}

struct str browser_cookie_name(struct server *s, struct http_exchange *x, const char *what)
{
    return str_of(arena_printf(x->a, "%sslipway-%s", browser_is_secure(s, x) ? "__Host-" : "", what));
}

bool browser_is_on_our_page(struct server *s, struct http_exchange *x)
{
    struct str origin = http_header_get(x->headers, x->header_count, "Origin");

    if (origin.ptr)
        return str_eq(origin, public_base(s, x));
    return str_is(http_header_get(x->headers, x->header_count, "Sec-Fetch-Site"), "same-origin");
}

struct str browser_draw(struct server *s, struct http_exchange *x)
{
    AUTO_STRBUF struct strbuf text = STRBUF_WIPED(BROWSER_DRAWN_CHARS + 1);
    uint8_t bytes[DRAWN_BYTES];

    io_random(s->io, bytes, sizeof(bytes));
    strbuf_add_base64url(&text, (struct str){ (const char *)bytes, sizeof(bytes) });
    mem_wipe(bytes, sizeof(bytes));
    return arena_str(x->a, strbuf_str(&text));
}

void browser_keep(struct server *s, struct http_exchange *x, const char *what, struct str value,
                  int64_t lasts_ms)
{
    const struct cookie c = { .name = browser_cookie_name(s, x, what),
                              .value = value,
                              .lasts_s = lasts_ms / 1000,
                              .secure = browser_is_secure(s, x) };

    http_reply_header(x, "Set-Cookie", cookie_line(x->a, &c));
}

struct str browser_digest(struct server *s, struct http_exchange *x, const char *use, struct str text)
{
    char hex[65];

    files_sign(s, str_of(arena_printf(x->a, "%s\n%.*s", use, STR_ARG(text))), hex);
    return arena_str(x->a, str_of(hex));
}

/* --- the session --- */

struct str session_cookie(struct server *s, struct http_exchange *x)
{
    struct str header = http_header_get(x->headers, x->header_count, "Cookie");

    return s->sign_in ? cookie_get(header, browser_cookie_name(s, x, "session")) : (struct str){ 0 };
}

static struct str hash_of(struct server *s, struct http_exchange *x, struct str token)
{
    return browser_digest(s, x, "session", token);
}

struct str session_draw(struct server *s, struct http_exchange *x, struct str *ret_hash)
{
    struct str token = browser_draw(s, x);

    *ret_hash = hash_of(s, x, token);
    return token;
}

void session_set(struct server *s, struct http_exchange *x, struct str value, int64_t lasts_ms)
{
    browser_keep(s, x, "session", value, lasts_ms);
}

static void note_use(struct server *s, const struct store_session *session, int64_t now)
{
    struct err e = { 0 };

    if (now - session->last_used_unix_ms < USED_EVERY_MS)
        return;
    if (store_session_used(s->store, session->id, now, &e) < 0)
        LOG_WARNING("session.last_used_not_saved", "session=%lld error=\"%s\"", (long long)session->id,
                    e.msg);
}

int session_opens(struct server *s, struct http_exchange *x, struct store_session_found *ret, struct err *e)
{
    struct store_session_found found = { 0 };
    struct str token = session_cookie(s, x);
    int64_t now = io_now_unix_ms(s->io);
    int rc;

    if (token.len != BROWSER_DRAWN_CHARS)
        return err_set(e, ERR_NOT_FOUND, "not signed in");
    rc = store_session_find(s->store, x->a, hash_of(s, x, token), &found, e);
    if (rc < 0)
        return rc;
    if (now >= found.session.expires_unix_ms || now - found.session.last_used_unix_ms >= s->sign_in->idle_ms)
        return err_set(e, ERR_NOT_FOUND, "the session is over");
    note_use(s, &found.session, now);
    *ret = found;
    return 0;
}

bool session_is_meant(struct server *s, struct http_exchange *x)
{
    return !http_header_get(x->headers, x->header_count, "Authorization").ptr && session_cookie(s, x).ptr;
}

bool session_check(struct server *s, struct http_exchange *x, struct store_user *ret)
{
    struct store_session_found found = { 0 };
    struct err e = { 0 };
    int64_t wait_ms;
    int rc;

    if (!browser_is_on_our_page(s, x)) {
        reply_error(x, 403, "a browser's request must come from a page of this server");
        return false;
    }
    rc = session_opens(s, x, &found, &e);
    if (rc == -ERR_NOT_FOUND) {
        reply_error(x, 401, "you are not signed in any more: go to /login");
        return false;
    }
    if (rc < 0) {
        reply_failure(x, &e, "the session could not be checked");
        return false;
    }
    wait_ms = doors_use_key(s->doors, x, -found.session.id); /* keys have the numbers above 0 */
    if (wait_ms > 0) {
        reply_wait(x, wait_ms, "too many requests in this session");
        return false;
    }
    *ret = found.user;
    return true;
}

/* --- forms --- */

struct str session_form_token(struct server *s, struct http_exchange *x)
{
    return browser_digest(s, x, "form", session_cookie(s, x));
}

bool session_form_is_ours(struct server *s, struct http_exchange *x)
{
    return session_cookie(s, x).len == BROWSER_DRAWN_CHARS && browser_is_on_our_page(s, x) &&
           secret_text_eq(http_form_get(x, "form_token"), session_form_token(s, x));
}
