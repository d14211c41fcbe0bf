/*
 * cli/doctor/doctor.h: checks of everything a launch needs. Internal to src/cli.
 *
 * A check adds findings and never fails: what goes wrong is a finding. It may use what checks before it
 * learned, and says so when that is not there. All yield; a check that takes too long is cancelled, which
 * its calls answer with -ERR_CANCELLED: doctor_refused() turns that into a finding too.
 */
#pragma once

#include "base/problems.h"
#include "cli/doctor/finding.h"
#include "cli/launch_config.h"
#include "cli/session.h"
#include "cli/wants.h"
#include "google/refusal.h"
#include "launch/secret_ref.h"

struct doctor {
    struct io *io;
    struct arena *a;
    const struct args *args;
    struct findings found;
    int64_t timeout_ms; /* of one check */
    struct launch_config config;
    struct google *google; /* NULL: the configuration cannot be read */
    struct session session;
    const char *server_url; /* NULL: the settings cannot be read */
    bool server_is_good;    /* it takes the key */
    const char *entity;     /* whose queues; NULL: not known */
    const char *exposed;    /* who else may read the key file, in a sentence; NULL: nobody */
    const char *no_calls;   /* why Google need not be asked any more; NULL: it may be */
    struct google_identity identity;
    struct str gcp_project; /* where a config names none; absent: not known */
    struct wants wants;
};

/* The checks, in their order. */
void check_config(struct doctor *d);
void check_state(struct doctor *d);
void check_server(struct doctor *d);
void check_queues(struct doctor *d);
void check_network(struct doctor *d);
void check_credential(struct doctor *d);
void check_project(struct doctor *d);
void check_apis(struct doctor *d);
void check_permissions(struct doctor *d);
void check_quota_project(struct doctor *d);
void check_accounts(struct doctor *d);
void check_buckets(struct doctor *d);
void check_secrets(struct doctor *d);
void check_images(struct doctor *d);

/* --- helpers */
void doctor_ok(struct doctor *d, const char *id, const char *title, const char *known);
void doctor_skip(struct doctor *d, const char *id, const char *title, const char *why);
/** doctor_may_call() - may Google be asked? Else what was to be looked at is noted as not checked. */
bool doctor_may_call(struct doctor *d, const char *id, const char *title);

struct refused {
    const char *area;   /* the id's first part: "bucket" */
    const char *title;  /* what was looked at */
    const char *needed; /* the permission that the call wants; NULL: see what it says */
    enum finding_level level;
    struct str gcp_project; /* where @needed would be granted */
};
/** doctor_refused() - a call failed with @e, and @x says what is known of it (id "": nothing). */
void doctor_refused(struct doctor *d, const struct refused *r, const struct explanation *x,
                    const struct err *e);
/** doctor_network_error() - the finding of a connection that was not made: "AREA.dns", ".tls",
 * ".unreachable". False: @e is something else. */
bool doctor_network_error(struct doctor *d, const struct refused *r, const struct err *e);

struct permission_test {
    const char *service, *path; /* of the resource: "/v1/projects/p" */
    const char *const *wanted;  /* NULL-ended */
    struct str region;          /* of a regional endpoint; absent: none */
};
/** doctor_test() - which of the wanted permissions we do not have, NULL-ended, in the arena; by
 * testIamPermissions. */
NODISCARD int doctor_test(struct doctor *d, const struct permission_test *t, const char *const **ret_missing,
                          struct explanation *why, struct err *e);
/** doctor_get() - a GET to a service of Google's that has no regions. */
NODISCARD int doctor_get(struct doctor *d, const char *service, const char *path, const struct jval **ret,
                         struct explanation *why, struct err *e);
/* doctor_clock() - how far our clock is from that of a peer. */
struct clock_peer {
    const char *name;
    struct str date;          /* its Date header */
    int64_t asked_at_ms;      /* our clock, before it was asked */
    enum finding_level worst; /* when the clocks are far apart */
};
void doctor_clock(struct doctor *d, const struct clock_peer *p);
/** doctor_space_level() - is so little free that it should be told, and how? */
bool doctor_space_level(uint64_t free_bytes, enum finding_level *ret);
struct str doctor_member(struct doctor *d); /* we, as a policy names us: "serviceAccount:x@y" */
/** doctor_wants() - the wants, ready to be added to. */
struct wants *doctor_wants(struct doctor *d);
