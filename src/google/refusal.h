/*
 * google/refusal.h: what a refusal of Google's means, which permission is missing, and the command that
 * mends it. One table, for errors of API calls and of token endpoints. Pure.
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "base/jval.h"
#include "base/str.h"

/* What is known of a refusal. Absent is not known. */
struct refusal {
    int http_status;
    struct str status;     /* "PERMISSION_DENIED"; of a token endpoint "invalid_grant" */
    struct str reason;     /* ErrorInfo's "SERVICE_DISABLED"; of a token endpoint the error_subtype */
    struct str message;    /* Google's text */
    struct str service;    /* "aiplatform.googleapis.com" */
    struct str consumer;   /* the project that is charged: "projects/123" or "123" */
    struct str permission; /* "iam.serviceAccounts.getAccessToken"; absent: looked for in @message */
    struct str account;    /* a service account that is to be used; absent: looked for in @message */
    const char *kind;      /* of credential: "authorized_user" */
    struct str principal;  /* who asked */
    struct str project;
    int64_t skew_ms; /* our clock minus the peer's; 0: not known */
};
struct explanation {        /* texts live in the arena or for ever */
    const char *id;         /* stable: "service_disabled" */
    const char *cause;      /* what is wrong, one sentence without full stop */
    const char *permission; /* "aiplatform.customJobs.create"; "" when none would help */
    const char *fix;        /* a command to type, or what to do */
};
/** refusal_read() - fill @in's status, reason, message, service, consumer and permission from Google's error
 * body (reference 1.9); leaves it alone when @body is not one. Texts live in @a. */
void refusal_read(struct arena *a, struct str body, struct refusal *in);
/** refusal_explain() - false: not one that is known. */
bool refusal_explain(struct arena *a, const struct refusal *in, struct explanation *ret);
/** refusal_member() - @principal as a policy names it: "serviceAccount:x@y.iam.gserviceaccount.com";
 * "MEMBER", to be filled in, when that is not known. */
struct str refusal_member(struct arena *a, struct str principal);
/** refusal_append() - put ": CAUSE; to mend it, FIX" behind the message of @e, when the refusal is known. The
 * words of Google stay in front, for those who search for them. @e may be NULL. Returns the explanation's id,
 * or NULL. */
const char *refusal_append(const struct refusal *in, struct err *e);
/** refusal_cut() - the message that refusal_append() made as what is wrong and what to do. False: it has
 * nothing to do in it; *ret_cause is all of it. Both borrow. */
bool refusal_cut(struct str message, struct str *ret_cause, struct str *ret_fix);
