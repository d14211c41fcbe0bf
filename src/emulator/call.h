/*
 * emulator/call.h: the Google services beside Vertex as tables of calls: which method, path and verb is
 * served by which function. A function returns its answer as JSON or fails; one place makes the reply.
 */
#pragma once

#include "emulator/access.h"
#include "emulator/route.h"

struct call {
    struct emulator *m;
    struct http_exchange *x;
    struct arena *a;
    struct route route;
    struct str gcp_project; /* part 2 of a path "V/projects/P...", by id; absent in others */
    struct refusal r;
    struct err e;
};
/** call_fn - 0 with *ret (NULL: {}); -ERR_INVALID with @c->r; another code with @c->e: an internal error.
 * Yields. */
typedef int (*call_fn)(struct call *c, const struct jval **ret);
struct call_row {
    const char *method, *pattern; /* "POST", a pattern of route_is(); NULL method: the end */
    const char *verb;             /* "addVersion"; "" none; "*" any */
    call_fn fn;
};
/** call_init() - for a request. */
void call_init(struct call *c, struct emulator *m, struct http_exchange *x);
/** call_serve() - the reply of the row that fits; false: none does. */
bool call_serve(struct call *c, const struct call_row *rows);
/** call_need() - access_check() in the project of the path. @resource is a path behind "projects/P/":
 * "secrets/s";
 * "" is the project. */
NODISCARD int call_need(struct call *c, const char *service, const char *resource, const char *permission);
/** call_body() - the request's JSON object. */
NODISCARD int call_body(struct call *c, struct jval **ret);
/** call_policy() - getIamPolicy, setIamPolicy, testIamPermissions by the verb of the path. @type is the first
 * words of its permissions: "iam.serviceAccounts". */
NODISCARD int call_policy(struct call *c, const char *service, const char *resource, const char *type,
                          const struct jval **ret);
bool call_verb_is_policy(const struct call *c);
/** call_list() - the resources of @kind that begin with @prefix as a list called @member, with pages
 * (pageSize, pageToken). */
NODISCARD int call_list(struct call *c, const char *kind, const char *prefix, const char *member,
                        const struct jval **ret);

extern const struct call_row account_calls[], project_calls[], service_usage_calls[], iam_role_calls[],
    repository_calls[], owner_calls[], iam_credentials_calls[], secret_calls[], secret_version_calls[];
