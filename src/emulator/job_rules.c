/* emulator/job_rules.c: see the header. */
#include "emulator/job_rules.h"

#include "base/timefmt.h"

#define BIT(s) (1u << JOB_STATE_##s)

/* The diagram of reference 1.11. PENDING to RUNNING and back is a whole-job restart. */
static const unsigned moves[] = {
    [JOB_STATE_QUEUED] = BIT(PENDING) | BIT(FAILED) | BIT(CANCELLING),
    [JOB_STATE_PENDING] = BIT(RUNNING) | BIT(FAILED) | BIT(CANCELLING),
    [JOB_STATE_RUNNING] = BIT(PENDING) | BIT(SUCCEEDED) | BIT(FAILED) | BIT(CANCELLING),
    [JOB_STATE_SUCCEEDED] = 0,
    [JOB_STATE_FAILED] = 0,
    [JOB_STATE_CANCELLING] = BIT(SUCCEEDED) | BIT(FAILED) | BIT(CANCELLED),
    [JOB_STATE_CANCELLED] = 0,
};

bool job_state_is_terminal(enum job_state s)
{
    return s == JOB_STATE_SUCCEEDED || s == JOB_STATE_FAILED || s == JOB_STATE_CANCELLED;
}

bool job_state_may_follow(enum job_state from, enum job_state to)
{
    return (size_t)from < ARRAY_LEN(moves) && (size_t)to < ARRAY_LEN(moves) && (moves[from] & (1u << to));
}

int64_t scaled_wait_ms(int64_t wait_ms, double speed)
{
    return (int64_t)((double)wait_ms / speed);
}

int64_t grace_ms(double speed)
{
    int64_t ms = scaled_wait_ms(WAIT_GRACE_MS, speed);

    return ms < WAIT_GRACE_MIN_MS ? WAIT_GRACE_MIN_MS : ms;
}

/* SIGABRT and SIGSEGV, as a status of the program's own or as 128 + N. */
static bool is_transient_status(int status)
{
    return status == 6 || status == 134 || status == 11 || status == 139;
}

enum exit_verdict exit_verdict(const struct replica_exit *x)
{
    if (x->status == 0)
        return x->primary ? VERDICT_SUCCESS : VERDICT_IGNORED;
    if (!x->never_started && is_transient_status(x->status) && !x->disable_retries &&
        x->restarts < JOB_RESTARTS_MAX)
        return VERDICT_RESTART;
    return VERDICT_PERMANENT;
}

static void add_log_link(struct strbuf *b, const struct failure_text *f)
{
    strbuf_addf(b,
                "To find out more about why your job exited please check the logs: "
                "https://console.cloud.google.com/logs/viewer?project=%lld&resource=ml_job%%2Fjob_id%%2F%lld"
                "&advancedFilter=resource.type%%3D%%22ml_job%%22%%0Aresource.labels.job_id%%3D%%22%lld%%22",
                (long long)f->gcp_number, (long long)f->job_id, (long long)f->job_id);
}

const char *failure_message(struct arena *a, const struct failure_text *f)
{
    AUTO_STRBUF struct strbuf b = STRBUF(16 * 1024);

    if (f->status == 137) /* killed from outside: on Vertex that is the memory limit */
        strbuf_addf(&b, "The replica %.*s ran out of memory and exited with a non-zero status of %d. ",
                    STR_ARG(f->replica), f->status);
    else
        strbuf_addf(&b, "The replica %.*s exited with a non-zero status of %d. ", STR_ARG(f->replica),
                    f->status);
    if (f->start_error)
        strbuf_addf(
            &b,
            "Termination reason: StartError. Termination log message: failed to create containerd task: "
            "failed to create shim task: OCI runtime create failed: %s: unknown ",
            f->start_error);
    else if (f->status != 137)
        strbuf_addz(&b, "Termination reason: Error. ");
    if (f->tail.len > 0) {
        strbuf_add(&b, f->tail);
        strbuf_addc(&b, ' ');
    }
    add_log_link(&b, f);
    return arena_strdup(a, strbuf_cstr(&b));
}

struct job_policy job_policy_of(const struct jval *custom_job)
{
    const struct jval *scheduling = jval_path(custom_job, "jobSpec.scheduling");
    struct job_policy p = { .timeout_ms = (int64_t)JOB_TIMEOUT_DEFAULT_S * 1000 };
    int64_t ms;

    if (duration_parse_proto(jval_str(jval_get(scheduling, "timeout")), &ms) && ms > 0)
        p.timeout_ms = ms;
    p.disable_retries = jval_bool(jval_get(scheduling, "disableRetries"));
    return p;
}
