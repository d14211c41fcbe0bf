/* server/auth.c: who sent a request: Basic (user "api", the key as password) or Bearer (the key). */
#include "base/crypto.h"
#include "base/log.h"
#include "server/server_internal.h"

enum { KEY_USED_EVERY_MS = 60000, WRONG_KEY_MS = 300, LOOKS = 10, LOOK_MS = 100 };

/* The key of a request, or NULL. The decoded text passes through the request's arena, as the header itself
 * does; only the copy that is kept on is a secret. */
static struct secret *key_of(struct http_exchange *x)
{
    struct str value = http_header_get(x->headers, x->header_count, "Authorization");
    struct str scheme = { 0 }, decoded = { 0 };
    ptrdiff_t colon;

    if (!str_cut(&value, ' ', &scheme))
        return NULL;
    value = str_trim(value);
    if (str_eq_nocase(scheme, STR("bearer")) && value.len > 0)
        return secret_new(value);
    if (!str_eq_nocase(scheme, STR("basic")) || base64_decode(x->a, value, &decoded, NULL) < 0)
        return NULL;
    colon = str_find(decoded, STR(":"));
    if (colon < 0 || (size_t)colon + 1 == decoded.len)
        return NULL;
    return secret_new(str_sub(decoded, (size_t)colon + 1, decoded.len));
}

static void refuse(struct http_exchange *x, const char *why)
{
    http_reply_header(x, "WWW-Authenticate", STR("Basic realm=\"slipway\""));
    reply_error(x, 401, "%s", why);
}

/* The time of last use is for people: a minute's precision spares a write per request. */
static void note_use(struct server *s, const struct store_key *key)
{
    int64_t now = io_now_unix_ms(s->io);
    struct err e = { 0 };

    if (now - key->last_used_unix_ms < KEY_USED_EVERY_MS)
        return;
    if (store_key_used(s->store, key->id, now, &e) < 0)
        LOG_WARNING("auth.last_used_not_saved", "key=%.*s error=\"%s\"", STR_ARG(key->prefix), e.msg);
}

/* Whoever guesses waits for each answer, and longer than argon2id takes: the time tells nothing. */
static void slow_down(struct server *s, int64_t begun_ms)
{
    int64_t left = begun_ms + WRONG_KEY_MS - io_now_ms(s->io);

    if (left > 0 && io_sleep(s->io, left, NULL) < 0)
        LOG_DEBUG("auth.cut_short", "reason=\"the server stops\"");
}

/* A key that is not known at once: few tries for each address. Many agents behind one address may come with a
 * right one at the same moment: who finds no try left waits for what the others find out. False: the reply is
 * made. */
static bool try_key(struct server *s, struct http_exchange *x, const struct secret *key,
                    struct store_key_found *ret, int *ret_rc, struct err *e)
{
    int64_t wait_ms = doors_try_key(s->doors, x);

    for (int look = 0; wait_ms > 0 && look < LOOKS; look++) {
        if (io_sleep(s->io, LOOK_MS, NULL) < 0)
            break;
        *ret_rc = keys_find_known(s->keys, x->a, key, ret, e);
        if (*ret_rc == 0)
            return true;
        wait_ms = doors_try_key(s->doors, x);
    }
    if (wait_ms > 0) {
        reply_wait(x, wait_ms, "too many wrong API keys from this address");
        return false;
    }
    *ret_rc = keys_find(s->keys, x->a, key, ret, e);
    if (*ret_rc == 0)
        doors_key_was_right(s->doors, x);
    return true;
}

static void refuse_key(struct server *s, struct http_exchange *x, int64_t begun_ms, const struct err *e)
{
    if (e->code != ERR_NOT_FOUND && e->code != ERR_AUTH) {
        reply_failure(x, e, "the key could not be checked");
        return;
    }
    slow_down(s, begun_ms);
    refuse(x, e->code == ERR_AUTH
                  ? "this API key has expired: ask for a new one"
                  : "this API key is not known to this server; check the key and the server's "
                    "address");
}

bool auth_check(struct server *s, struct http_exchange *x, struct store_user *ret)
{
    AUTO_PTR(secret) key = key_of(x);
    struct store_key_found found = { 0 };
    int64_t begun_ms = io_now_ms(s->io), wait_ms;
    struct err e = { 0 };
    int rc;

    if (!key) {
        refuse(x, "no API key: send it with HTTP Basic (user \"api\") or as a Bearer token; `slipway login` "
                  "saves it");
        return false;
    }
    rc = keys_find_known(s->keys, x->a, key, &found, &e);
    if ((rc == -ERR_NOT_FOUND || rc == -ERR_AUTH) && !try_key(s, x, key, &found, &rc, &e))
        return false;
    if (rc < 0) {
        refuse_key(s, x, begun_ms, &e);
        return false;
    }
    wait_ms = doors_use_key(s->doors, x, found.key.id);
    if (wait_ms > 0) {
        reply_wait(x, wait_ms, "too many requests with this API key");
        return false;
    }
    note_use(s, &found.key);
    *ret = found.user;
    return true;
}
