/* emulator/sts.h: the Security Token Service: tokens of other clouds against ours
 * (vertex-and-google-auth.md 4.12). */
#pragma once

#include "emulator/emulator_internal.h"

/** serve_sts() - POST /v1/token. With --require-auth OIDC and Amazon subject tokens are verified, and those
 * of kinds that cannot be (SAML assertions, certificates) refused; without it all are taken. */
void serve_sts(struct emulator *m, struct http_exchange *x);

/** aws_check() - is @token a GetCallerIdentity request (reference 4.8) signed with keys that the emulator
 * handed out, for @audience, in the last 15 minutes? *ret: {"arn","account","userid"}, as Amazon answers.
 * -ERR_INVALID. */
NODISCARD int aws_check(struct emulator *m, struct arena *a, struct str token, struct str audience,
                        struct jval **ret, struct err *e);
/** serve_aws_metadata() - /latest/...: an EC2 machine's IMDSv2, for the keys of the "aws_role" in the store.
 * False: not a path of it. */
bool serve_aws_metadata(struct emulator *m, struct http_exchange *x);
