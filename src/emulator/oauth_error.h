/* emulator/oauth_error.h: errors of token endpoints (RFC 6749). */
#pragma once

#include "io/http.h"

/** oauth_error() - 400 {"error", "error_description"}. */
void oauth_error(struct http_exchange *x, const char *error, const char *description);
