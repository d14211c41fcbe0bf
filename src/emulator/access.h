/*
 * emulator/access.h: who sent a request, and what they may do.
 *
 * Without --require-auth everybody may do everything, and every project and account exists. With it, Google's
 * rules hold: a policy is a list of bindings of a role to members, on a project or on a resource in it; a
 * permission is there when a role of the caller has it on the resource or on what it is in.
 *
 * Resources are named "projects/P", "projects/P/serviceAccounts/EMAIL", "projects/P/secrets/S",
 * "projects/P/locations/L/secrets/S", "projects/P/locations/L/repositories/R", "projects/_/buckets/B": by the
 * project's id. Kinds in the store (store_resource.h): "project", "service_account", "account_key", "role",
 * "policy" (by the name of what it is on), "service" (projects/P/services/S.googleapis.com, with a "state").
 */
#pragma once

#include "emulator/emulator_internal.h"
#include "emulator/grant.h"
#include "emulator/store_resource.h"

struct access_need {
    const char *service;    /* "aiplatform.googleapis.com": must be enabled in @gcp_project */
    struct str gcp_project; /* id or number */
    struct str resource;    /* as above */
    const char *permission; /* NULL: a token is enough */
};
/**
 * access_check() - may the sender of @x have what @need says? 0, or -ERR_INVALID with @r as Google words it:
 * 401 for the token, 403 SERVICE_DISABLED, USER_PROJECT_DENIED (x-goog-user-project) or
 * IAM_PERMISSION_DENIED. A service with words of its own may replace the message of PERMISSION_DENIED.
 */
NODISCARD int access_check(struct emulator *m, struct http_exchange *x, const struct access_need *need,
                           struct refusal *r);
/** access_caller() - who sent @x. *ret->member is MEMBER_ADMIN when nobody need prove who they are.
 * -ERR_INVALID with a 401 in @r. */
NODISCARD int access_caller(struct emulator *m, struct http_exchange *x, struct grant *ret,
                            struct refusal *r);
/** access_permits() - does @who have @permission on @resource? Does not yield. */
bool access_permits(struct emulator *m, const struct grant *who, struct str resource, const char *permission);
/** access_project_id() - the id of a project given by id or number, in @a. A number that is nobody's stays.
 */
struct str access_project_id(struct emulator *m, struct arena *a, struct str id_or_number);
/** access_project_of() - "projects/P" of a resource in it; of "projects/_/buckets/B", the bucket's ("project"
 * of the resource "bucket"). Absent: not known. */
struct str access_project_of(struct emulator *m, struct arena *a, struct str resource);

/* --- roles (role_table.c) */
/** role_permits() - does a role of Google's ("roles/owner") or of a project ("projects/P/roles/R") have
 * @permission? */
bool role_permits(struct emulator *m, struct str role, const char *permission);
/** permission_is_known() - one that a predefined role here has: testIamPermissions refuses others. */
bool permission_is_known(struct str permission);
/** role_is_known() - one of the predefined roles here, or a custom one. */
bool role_is_known(struct emulator *m, struct str role);
