/* server/sign_in/sign_in_internal.h: how sign-in is set up, and what a browser keeps of it, for the files of
 * this folder. */
#pragma once

#include "server/server_internal.h"
#include "server/sign_in/provider.h"

enum { BROWSER_DRAWN_CHARS = 43 };
/** browser_draw() - 256 random bits as text for a cookie (base64url), in the exchange's arena. */
struct str browser_draw(struct server *s, struct http_exchange *x);
/** browser_keep() - have the browser keep @value for @lasts_ms as the cookie @what; 0: have it forget. */
void browser_keep(struct server *s, struct http_exchange *x, const char *what, struct str value,
                  int64_t lasts_ms);
/** browser_digest() - hex HMAC-SHA-256 of @text for one @use, by a key of ours; in the exchange's arena. */
struct str browser_digest(struct server *s, struct http_exchange *x, const char *use, struct str text);

struct sign_in {
    struct provider *provider;
    char *issuer, *email_domains, *username_claim, *scope;
    const char *wanted[3]; /* claims, NULL-ended */
    bool create_users;
    int64_t lasts_ms, idle_ms;
};
