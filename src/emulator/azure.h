/* emulator/azure.h: a managed identity of an Azure machine (vertex-and-google-auth.md 4.9): its metadata
 * service, and the issuer of its tokens. */
#pragma once

#include "emulator/emulator_internal.h"

/** serve_azure_metadata() - /metadata/identity/oauth2/token. False: not a path of it. Yields. */
bool serve_azure_metadata(struct emulator *m, struct http_exchange *x);
/** azure_issuer() - {"issuer", "jwks" (a text, for a provider's oidc.jwksJson)}. The key is made when first
 * asked for. Yields. */
NODISCARD int azure_issuer(struct emulator *m, struct arena *a, const struct jval **ret, struct err *e);
