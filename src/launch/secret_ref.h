/*
 * launch/secret_ref.h: a reference to a secret in Google Secret Manager, as a queue config writes it in
 * valueFrom.secretKeyRef {name, key}. Pure; it names a value, it never holds one.
 *
 * name (Secret Manager, resource names of a version):
 *   NAME, NAME:VERSION, NAME/versions/VERSION                        in the project the job runs in
 *   projects/P/secrets/NAME[/versions/VERSION]
 *   projects/P/locations/L/secrets/NAME[/versions/VERSION]           a regional secret
 * VERSION is a number, an alias or "latest"; none is "latest", the most recently created version.
 * key, when given: a number or "latest" is the version (as in Cloud Run); anything else is a member of the
 * payload, which then is a JSON object with a text under that key.
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

struct secret_ref {
    struct str gcp_project; /* id or number; absent: the project the job runs in */
    struct str location;    /* absent: a global secret */
    struct str secret;      /* [A-Za-z0-9_-], 1 to 255 */
    struct str version;     /* number, alias or "latest"; never absent */
    struct str field;       /* member of a JSON payload; absent: the whole payload */
};
/** secret_ref_parse() - @name and @key (absent: none) as a reference, which borrows from both. -ERR_INVALID
 * says what is wrong with which of the two, in words for the person who wrote them. */
NODISCARD int secret_ref_parse(struct str name, struct str key, struct secret_ref *ret, struct err *e);
/** secret_ref_name() - "projects/P[/locations/L]/secrets/S/versions/V", which secret_ref_parse() reads back;
 * without a project the short form "S/versions/V". */
struct str secret_ref_name(struct arena *a, const struct secret_ref *r);
