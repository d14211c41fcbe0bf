/* server/sign_in/sign_in_internal.h: how sign-in is set up, for the files of this folder. */
#pragma once

#include "server/sign_in/provider.h"

struct sign_in {
    struct provider *provider;
    char *issuer, *email_domains, *username_claim, *scope;
    const char *wanted[3]; /* claims, NULL-ended */
    bool create_users;
    int64_t lasts_ms, idle_ms;
};
