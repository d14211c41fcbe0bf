/* cli/sign_in.h: `slipway server`'s options for people who sign in by a browser. */
#pragma once

#include "cli/option.h"
#include "server/server.h"

struct sign_in_settings {
    const char *public_url; /* NULL: as clients call the server */
    struct server_oidc_options oidc;
    struct secret *client_secret; /* what @oidc borrows, as from the next */
    struct arena *arena;
};
/** sign_in_settings() - from options and environment. -ERR_USAGE, -ERR_CONFIG for what does not fit together
 * or would show secrets; errors of reading the secret's file. @host: where the server is to listen. @s:
 * zeroed; sign_in_settings_done() it, whatever comes of it. */
NODISCARD int sign_in_settings(struct io *io, const struct args *a, const char *host,
                               struct sign_in_settings *s, struct err *e);
void sign_in_settings_done(struct sign_in_settings *s);

#define OPTIONS_SIGN_IN                                                                                      \
    {                                                                                                        \
        "public-url", 0, OPTION_TEXT, "URL", "how clients and browsers reach the server: https://HOST", 0, 0 \
    },                                                                                                       \
        { "oidc-issuer", 0, OPTION_TEXT, "URL", "people sign in at this OpenID provider", 0, 0 },            \
        { "oidc-client-id", 0, OPTION_TEXT, "ID", "the server's client id there", 0, 0 },                    \
        { "oidc-secret-file",                                                                                \
          0,                                                                                                 \
          OPTION_TEXT,                                                                                       \
          "FILE",                                                                                            \
          "file with the client secret (else SLIPWAY_OIDC_CLIENT_SECRET)",                                   \
          0,                                                                                                 \
          0 },                                                                                               \
        { "oidc-email-domain",                                                                               \
          0,                                                                                                 \
          OPTION_LIST,                                                                                       \
          "DOMAIN",                                                                                          \
          "let in only who has a verified address there; may be repeated",                                   \
          0,                                                                                                 \
          0 },                                                                                               \
        { "oidc-create-users", 0, OPTION_FLAG, NULL, "make an account for who has none", 0, 0 },             \
        { "oidc-username-claim",                                                                             \
          0,                                                                                                 \
          OPTION_TEXT,                                                                                       \
          "CLAIM",                                                                                           \
          "what names such an account (default preferred_username)",                                         \
          0,                                                                                                 \
          0 },                                                                                               \
        { "session-lasts", 0, OPTION_TEXT, "TIME", "how long a sign-in is good for (default 7d)", 0, 0 },    \
    {                                                                                                        \
        "session-idle", 0, OPTION_TEXT, "TIME", "and how long without a request (default 12h)", 0, 0         \
    }
