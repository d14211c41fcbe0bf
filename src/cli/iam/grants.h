/*
 * cli/iam/grants.h: what an agent must be granted so that it can launch what its queues hold, and no more:
 * computed from the launch config and the queue configs (vertex-and-google-auth.md 7.2, 7.3).
 */
#pragma once

#include "cli/option.h"
#include "cli/wants.h"

#define IAM_ROLE_ID "slipway_agent"

enum grant_on { GRANT_PROJECT, GRANT_ACCOUNT, GRANT_BUCKET, GRANT_SECRET, GRANT_REPOSITORY };
struct iam_grant {
    enum grant_on on;
    struct str gcp_project; /* whose resource it is; of a bucket: that of the jobs */
    struct str location;    /* of a regional secret or a repository; absent: none */
    struct str id;          /* e-mail address, bucket, secret, repository; absent for a project */
    const char *role;       /* NULL: the custom role */
    const char *why;
};
struct iam_plan {
    struct io *io;
    struct arena *a;
    struct launch_config config;
    struct str gcp_project;   /* where the agent lives */
    const char *member;       /* "serviceAccount:..." */
    struct iam_grant *grants; /* projects first, then by kind */
    size_t len, cap;
    const char *const *permissions; /* of the custom role; sorted, NULL-ended */
    const char *const *services;    /* that must be enabled; NULL-ended */
    bool makes_account;             /* the member is the account that `iam commands` makes */
};
/** iam_plan_make() - of the options IAM_ROWS. Reads files only. -ERR_CONFIG, -ERR_INVALID with problems on
 * stderr. */
NODISCARD int iam_plan_make(struct io *io, struct arena *a, const struct args *args, struct iam_plan *ret,
                            struct err *e);
/** iam_resource() - "projects/P/secrets/S", "buckets/B", ...: as `slipway emulator grant --on` takes it. */
const char *iam_resource(struct arena *a, const struct iam_grant *g);
/** iam_role_of() - the role's name in full. */
const char *iam_role_of(struct arena *a, const struct iam_grant *g);
/** iam_shell_add() - append @word as one word of a POSIX shell, quoted where that is needed. */
void iam_shell_add(struct strbuf *b, struct str word);

#define IAM_ROWS                                                                                             \
    {                                                                                                        \
        "config", 'c', OPTION_TEXT, "FILE", "launch-config.yaml of the agent (default: the usual one)", 0, 0 \
    },                                                                                                       \
        { "queue-config", 0, OPTION_LIST, "FILE", "config of a queue it serves; may be repeated", 0, 0 },    \
        { "gcp-project", 0, OPTION_TEXT, "ID", "project of the jobs (GOOGLE_CLOUD_PROJECT)", 0, 0 },         \
    {                                                                                                        \
        "member", 'm', OPTION_TEXT, "MEMBER",                                                                \
            "who the agent is: serviceAccount:E, principal://... (default slipway-agent@ID...)", 0, 0        \
    }
