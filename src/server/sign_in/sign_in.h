/*
 * server/sign_in/sign_in.h: people who sign in by a browser at an OpenID provider (server.h says how it is
 * set up), and what a browser may do then. Authorization code with PKCE; OpenID Connect Core 1.0, 3.1.
 *
 * What a sign-in under way needs is in a cookie, signed, so that any server of several on one store can end
 * it. A session is 256 random bits in a cookie; the store has a keyed digest of them. Both cookies are for
 * this host alone by name (__Host-) where it is reached by https.
 */
#pragma once

#include "server/server_internal.h"

/** sign_in_new() - nothing is asked of the provider yet. @o is copied. */
struct sign_in *sign_in_new(struct server *s, const struct server_oidc_options *o);
void sign_in_free(struct sign_in *n); /* NULL is a no-op */

/** sign_in_handle() - paths /login, /oidc/callback, /logout and /authorize; false: it is another one. Yields.
 */
bool sign_in_handle(struct server *s, struct http_exchange *x);

/* --- session.c --- */
/** session_opens() - has the browser a session that is good? Notes its use. Yields. -ERR_NOT_FOUND: it has
 * not; -ERR_STORE. */
NODISCARD int session_opens(struct server *s, struct http_exchange *x, struct store_session_found *ret,
                            struct err *e);
/** session_is_meant() - does a request prove who it is by a session? Not when it has an API key too. */
bool session_is_meant(struct server *s, struct http_exchange *x);
/** session_check() - auth_check() for such a request, which a page of this site must have sent; *ret, in the
 * exchange's arena, is who it is. Yields. False: the reply is made. */
bool session_check(struct server *s, struct http_exchange *x, struct store_user *ret);
/** session_cookie() - what the browser sent, borrowed from its headers; absent when nothing. */
struct str session_cookie(struct server *s, struct http_exchange *x);
/** session_draw() - a new session's cookie, and what the store keeps of it; in the exchange's arena. */
struct str session_draw(struct server *s, struct http_exchange *x, struct str *ret_hash);
/** session_set() - have the browser keep @value for @lasts_ms; 0: have it forget. */
void session_set(struct server *s, struct http_exchange *x, struct str value, int64_t lasts_ms);
/** session_form_token() - what a form of ours carries, so that no other site's form is taken for it. */
struct str session_form_token(struct server *s, struct http_exchange *x);
/** session_form_is_ours() - was a form sent by a page of ours, in this session? */
bool session_form_is_ours(struct server *s, struct http_exchange *x);
/** browser_cookie_name() - "__Host-slipway-@what" for https, else without the prefix, which browsers take
 * over https only; in the exchange's arena. */
struct str browser_cookie_name(struct server *s, struct http_exchange *x, const char *what);
/** browser_is_secure() - does it reach us by https, as far as we know our own address? */
bool browser_is_secure(struct server *s, struct http_exchange *x);
/** browser_is_on_our_page() - did a page of this site send the request? By Origin, else Sec-Fetch-Site; with
 * neither it did not. */
bool browser_is_on_our_page(struct server *s, struct http_exchange *x);

/* --- authorize.c --- */
/** authorize_handle() - /authorize, which `wandb login` prints as the place where keys are to be had. */
void authorize_handle(struct server *s, struct http_exchange *x);
