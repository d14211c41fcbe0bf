/*
 * emulator/capacity.h: how many machines there are, and what becomes of who wants more: rules of the owner's.
 * Pure but for the clock it is told.
 *
 * A table is a list of rules. A rule matches a job when all of region, strategy, machine_type,
 * accelerator_type and gcp_project (its id) that it gives are the job's; the machine is that of the first
 * pool. A create must pass every rule that matches; the first that it fails words the refusal:
 *   rate_per_minute: N     creates beyond N in a minute, refused ones counted too: 429, the rate text
 *   refuse: TEXT           every create: 400 with the text
 *   quota: N               creates beyond N live jobs that match: 429, the capacity text; 0: always
 * What becomes of a job, the first rule that matches and has the effect decides:
 *   stockout: true         the job is taken, waits, and fails: "Resources are insufficient in region: R. ..."
 *   preempt_after_seconds: S   a SPOT job that has run so long loses its machines for good, as above
 *   times: N               these two are for the first N jobs that start under the rule
 *   error_lag_seconds: S   a failed job's error is there only so long after its end
 * A job that was running when the emulator stopped has its machines, and is not stocked out.
 * Texts and codes: reference vertex-and-google-auth.md 1.10 and 1.11.
 */
#pragma once

#include "base/jval.h"
#include "emulator/google_error.h"

enum { CAPACITY_MAX_RULES = 256 };

struct capacity;

/* What a rule looks at. */
struct capacity_job {
    struct str gcp_project, region, strategy, machine_type, accelerator_type;
};
struct capacity_job capacity_job_of(struct str gcp_project, struct str region, const struct jval *custom_job);

/** capacity_new() - an empty table: there is enough of everything. */
struct capacity *capacity_new(void);
void capacity_free(struct capacity *c); /* NULL is a no-op */
/** capacity_set() - the rules from now on; {"rules": [...]} or the list. -ERR_CONFIG names what is wrong, and
 * changes nothing. */
NODISCARD int capacity_set(struct capacity *c, const struct jval *rules, struct err *e);
/** capacity_rules() - the list as it was given; lives until the next capacity_set(). */
const struct jval *capacity_rules(const struct capacity *c);

/** capacity_take() - may @job be created now? Counts it, until capacity_give_back(). -ERR_INVALID with @r. */
NODISCARD int capacity_take(struct capacity *c, const struct capacity_job *job, int64_t now_ms,
                            struct refusal *r);
/** capacity_hold() - count a job that lives already, whatever the rules say. */
void capacity_hold(struct capacity *c, const struct capacity_job *job);
void capacity_give_back(struct capacity *c, const struct capacity_job *job);
/** capacity_stocks_out() - will this job get no machines? Counts as one of the rule's times. */
bool capacity_stocks_out(struct capacity *c, const struct capacity_job *job);
/** capacity_preempts_after_ms() - -1: never. Counts as one of the rule's times. */
int64_t capacity_preempts_after_ms(struct capacity *c, const struct capacity_job *job);
int64_t capacity_error_lag_ms(const struct capacity *c, const struct capacity_job *job);
