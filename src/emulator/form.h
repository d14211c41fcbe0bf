/* emulator/form.h: what token endpoints have in common: form bodies and OAuth errors (RFC 6749). */
#pragma once

#include "io/http.h"

/** form_get() - a field of an application/x-www-form-urlencoded body; absent when missing. */
struct str form_get(struct http_exchange *x, const char *name);
/** oauth_error() - 400 {"error", "error_description"}. */
void oauth_error(struct http_exchange *x, const char *error, const char *description);
