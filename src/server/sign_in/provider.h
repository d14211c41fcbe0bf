/*
 * server/sign_in/provider.h: an OpenID provider as its client sees it: where it is (OpenID Connect Discovery
 * 1.0), which keys it signs with, and what it gives for a code (RFC 6749, 4.1.3, with PKCE, RFC 7636).
 *
 * Nothing is asked before somebody signs in. What it publishes is kept for an hour, and longer while it does
 * not answer; its keys are fetched again for a token with a key that is new, at most every 5 s. Requests go
 * over verified TLS, or plain to loopback. Redirects are not followed.
 */
#pragma once

#include "base/jval.h"
#include "io/io.h"

struct provider;

struct provider_options {
    struct io *io;
    const char *issuer, *client_id;
    const struct secret *client_secret;
    const char *const
        *claims; /* NULL-ended: those that are asked of /userinfo when the ID token has them not */
};
struct provider *provider_new(const struct provider_options *o); /* copies but for @io and @claims */
void provider_free(struct provider *p);                          /* NULL is a no-op */

struct provider_ask {
    struct str redirect_uri, scope, state, nonce;
    struct str verifier; /* of PKCE: its SHA-256 goes with the browser, itself with the code */
};
/** provider_authorize_url() - where the browser is to go, in @a. Yields. Errors as http_send(); -ERR_PROTO:
 * it does not say who it is, or is not who it should be. */
NODISCARD int provider_authorize_url(struct provider *p, struct arena *a, const struct provider_ask *ask,
                                     struct str *ret, struct err *e);
/**
 * provider_redeem() - @code for a checked ID token; *ret_claims, in @a, are its claims and those of
 * /userinfo. Yields. -ERR_AUTH: the code, or the token, is refused; -ERR_CONFIG: the client is; -ERR_PROTO;
 * errors of http_send().
 */
NODISCARD int provider_redeem(struct provider *p, struct arena *a, const struct provider_ask *ask,
                              struct str code, const struct jval **ret_claims, struct err *e);
/** provider_is_issuer() - is "iss" of an answer (RFC 9207) this one? Absent: yes. */
bool provider_is_issuer(const struct provider *p, struct str iss);
