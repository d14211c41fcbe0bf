/*
 * emulator/secret.h: what the two halves of Secret Manager share: secrets (secrets.c) and their versions
 * (secret_versions.c).
 *
 * Kinds in the store: "secret" ("projects/P[/locations/L]/secrets/S"), "secret_version" and "secret_payload"
 * (the secret's name, "/versions/", and a number that falls with each version, so that the newest is the
 * first by name, as Google lists them).
 */
#pragma once

#include "emulator/call.h"

#define SECRET_SERVICE "secretmanager.googleapis.com"

struct secret_place {
    const char *resource; /* "[locations/L/]secrets/S", as call_need() wants it */
    struct str name;      /* in the store, by the project's id */
    const char *shown;    /* the same by its number, as Google answers and words it */
    struct str version;   /* of the path: a number, an alias or "latest"; absent: none */
};
/** secret_place_of() - which secret the path of @c is about. */
struct secret_place secret_place_of(struct call *c);
/** secret_need() - call_need() for @resource, worded as Secret Manager does. */
NODISCARD int secret_need(struct call *c, const char *resource, const char *permission);
/** secret_find() - the secret as it is answered. A refusal when there is none. */
NODISCARD int secret_find(struct call *c, const struct secret_place *p, struct jval **ret);
/** secret_stamp() - set @member to the present time. */
void secret_stamp(struct call *c, struct jval *v, const char *member);
