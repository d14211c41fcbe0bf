/*
 * launch/policy.h: what the agent's owner wants for the launches of a queue: the ladder of places and
 * machines to try, and how often and how long. Read from `vertex` of launch-config.yaml. Pure.
 *
 *   vertex:
 *     regions: [us-central1, europe-west4]      # a ladder for queue configs that name no region
 *     staging_buckets: {us-central1: gs://a, europe-west4: gs://b}
 *     max_resumes: 5                            # any of the keys below, for all queues
 *     queues:
 *       gpu:
 *         ladder:                               # first to last; lists multiply, regions fastest
 *           - {region: [us-central1, europe-west4], strategy: SPOT}
 *           - {region: us-central1, strategy: STANDARD,
 *              machine: {machine_type: n1-standard-8, accelerator_type: NVIDIA_TESLA_T4,
 *                        accelerator_count: 1}}
 *         stockout_rounds: 1                    # how often through the ladder a job may be out of machines
 *         start_timeout_seconds: 1800           # from the create to RUNNING; 0: for ever
 *         deadline_seconds: 0                   # from the lease to the end; 0: for ever
 *         waiting_holds_slot: false             # count launches that wait for quota against max_jobs
 */
#pragma once

#include "base/dec.h"

enum { LADDER_MAX_RUNGS = 64 };

struct launch_rung {            /* absent members: as the queue config says */
    struct str region;          /* lower case */
    struct str staging_bucket;  /* "gs://..." */
    struct str strategy;        /* "SPOT", "FLEX_START", "STANDARD" */
    const struct jval *machine; /* {machine_type, accelerator_type, accelerator_count}, as given; NULL */
    bool region_is_default;     /* a region that the queue config names goes before it */
};
struct launch_policy {
    const struct launch_rung *rungs;
    size_t rung_count; /* at least 1 */
    int64_t stockout_rounds, max_resumes;
    int64_t start_timeout_ms, deadline_ms; /* 0: none */
    bool waiting_holds_slot;
};
struct queue_policy {
    struct str queue;
    struct launch_policy policy;
};
struct launch_policies {
    struct launch_policy all;
    struct queue_policy *queues;
    size_t len;
};
/** launch_policies_default() - one rung, the queue config as it is. */
void launch_policies_default(struct launch_policies *ret);
/** launch_policies_decode() - the keys above out of the object `vertex` in @d; failures go there. Strings
 * borrow from its tree, all else lies in its arena. */
void launch_policies_decode(struct dec *d, struct launch_policies *ret);
/** launch_policies_start_timeout() - for all queues: what the environment says goes before the file. */
void launch_policies_start_timeout(struct launch_policies *p, int64_t ms);
/** launch_policy_of() - the queue's own, else the one for all. */
const struct launch_policy *launch_policy_of(const struct launch_policies *p, struct str queue);
extern const char *const launch_policy_keys[]; /* of `vertex`, NULL-ended */

/** launch_rung_text() - "europe-west4, SPOT, a2-highgpu-1g"; "" for one that changes nothing. */
const char *launch_rung_text(struct arena *a, const struct launch_rung *r);
