/*
 * emulator/job_rules.h: the life of a custom job as data: states, waits, what an exit status means, error
 * texts. Pure. Facts: vertex-and-google-auth.md sections 1.10 and 1.11.
 */
#pragma once

#include "base/jval.h"
#include "base/str.h"

enum job_state {
    JOB_STATE_QUEUED = 1,
    JOB_STATE_PENDING = 2,
    JOB_STATE_RUNNING = 3,
    JOB_STATE_SUCCEEDED = 4,
    JOB_STATE_FAILED = 5,
    JOB_STATE_CANCELLING = 6,
    JOB_STATE_CANCELLED = 7
};
bool job_state_is_terminal(enum job_state s);
/** job_state_may_follow() - is the move @from to @to one that Vertex makes? */
bool job_state_may_follow(enum job_state from, enum job_state to);

/* The waits of a real job, before the division by the emulator's speed. Milliseconds. */
enum {
    WAIT_PROVISION_MS = 180000, /* create to container start: 173 to 253 s seen */
    WAIT_RESTART_MS = 20000,    /* a whole-job retry on warm machines */
    WAIT_SETTLE_MS = 30000,     /* primary's exit to the terminal state */
    WAIT_CANCEL_MS = 5000,      /* CANCELLING to SIGTERM */
    WAIT_GRACE_MS = 10000,      /* SIGTERM to SIGKILL; never below WAIT_GRACE_MIN_MS */
    WAIT_GRACE_MIN_MS = 1000,
    WAIT_OPERATION_MS = 3000 /* delete to its operation's "done" */
};
int64_t scaled_wait_ms(int64_t wait_ms, double speed); /* @speed > 0 */
int64_t grace_ms(double speed);

enum { JOB_RESTARTS_MAX = 3, JOB_TIMEOUT_DEFAULT_S = 7 * 24 * 3600 };

/* What the end of one replica means for its job. */
enum exit_verdict {
    VERDICT_IGNORED,  /* a worker that finished: the primary goes on */
    VERDICT_SUCCESS,  /* the primary finished: the job succeeded */
    VERDICT_RESTART,  /* a transient code: run the whole job again */
    VERDICT_PERMANENT /* the job failed */
};
struct replica_exit {
    bool primary;
    bool never_started; /* no program to run: status is 128 */
    int status;         /* 0..255; 128 + signal */
    unsigned restarts;  /* whole-job restarts so far */
    bool disable_retries;
};
enum exit_verdict exit_verdict(const struct replica_exit *x);

struct failure_text {
    struct str replica; /* "workerpool0-0" */
    int status;
    const char *start_error; /* why it did not start, or NULL */
    struct str tail;         /* the last lines of its stderr */
    int64_t gcp_number, job_id;
};
/** failure_message() - CustomJob.error.message of a job whose replica ended it. Error code is 3. */
const char *failure_message(struct arena *a, const struct failure_text *f);

/* The parts of a canonical CustomJob that the life cycle looks at. */
struct job_policy {
    int64_t timeout_ms;
    bool disable_retries;
};
struct job_policy job_policy_of(const struct jval *custom_job);
