/*
 * emulator/run.c: the life of one live job, on a fiber of its own; the only writer of its row.
 *
 * A job that was live when the emulator stopped is taken up: PENDING ones are provisioned again, RUNNING ones
 * start their replicas from the beginning (as after a lost machine), CANCELLING ones end CANCELLED.
 */
#include "emulator/run.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "emulator/access.h"
#include "emulator/proto.h"

enum watch_end {
    WATCH_SUCCESS,
    WATCH_FAILED,
    WATCH_RESTART,
    WATCH_TIME,
    WATCH_CANCEL,
    WATCH_NO_MACHINE,
    WATCH_ABANDONED
};

static void service_line(struct run *run, const char *text)
{
    log_line(run->m, run->row.id, "service", "INFO", str_of(text));
}

/* Every change of state goes through here: checked, durable, announced. */
static int run_move(struct run *run, enum job_state to)
{
    struct job_row row = run->row;
    struct err e = { 0 };

    assert(job_state_may_follow(row.state, to));
    row.state = to;
    row.update_ms = io_now_unix_ms(run->m->io);
    if (to == JOB_STATE_RUNNING && row.start_ms == 0)
        row.start_ms = row.update_ms;
    if (job_state_is_terminal(to))
        row.end_ms = row.update_ms;
    if (store_update_job(run->m->db, &row, &e)) {
        if (e.code != ERR_CANCELLED)
            LOG_ERROR("emulator.job_not_stored", "vertex_job=%lld error=\"%s\"", (long long)row.id, e.msg);
        return -e.code;
    }
    run->row = row;
    LOG_INFO("emulator.job", "vertex_job=%lld state=%s", (long long)row.id,
             proto_enum_name(&proto_job_state, to));
    cond_broadcast(run->m->io, &run->m->changed);
    return 0;
}

/* Wait a simulated time. WATCH_TIME when it has passed, WATCH_CANCEL, WATCH_ABANDONED. */
static enum watch_end run_pause(struct run *run, int64_t wait_ms)
{
    struct io *io = run->m->io;
    int64_t until = io_now_ms(io) + scaled_wait_ms(wait_ms, run->m->speed);
    struct err e = { 0 };

    for (;;) {
        int64_t now = io_now_ms(io);

        if (io_cancelled(io))
            return WATCH_ABANDONED;
        if (run->cancel && !run->settling)
            return WATCH_CANCEL;
        if (now >= until)
            return WATCH_TIME;
        if (cond_wait(io, &run->wake, until - now, &e) && e.code == ERR_CANCELLED)
            return WATCH_ABANDONED;
    }
}

/* A new machine takes minutes; the service says so in the job's log as it goes (reference 1.11). */
static enum watch_end provision(struct run *run)
{
    static const struct {
        const char *line;
        int percent; /* of the whole wait, before the line */
    } steps[] = {
        { "Waiting for job to be provisioned.", 2 },
        { "Vertex AI is provisioning job running framework. First time usage might take couple of minutes, "
          "and "
          "subsequent runs can be much faster.",
          8 },
        { "Vertex AI is setting up this job.", 50 },
        { "Waiting for training program to start.", 30 },
        { "Job is preparing.", 10 },
    };
    /* 173 to 253 s were seen */
    double wait_ms = WAIT_PROVISION_MS * (0.95 + 0.4 * io_random_unit(run->m->io));
    enum watch_end end = WATCH_TIME;

    for (size_t i = 0; i < ARRAY_LEN(steps) && end == WATCH_TIME; i++) {
        end = run_pause(run, (int64_t)(wait_ms * steps[i].percent / 100));
        if (end == WATCH_TIME)
            service_line(run, steps[i].line);
    }
    return end;
}

/* The verdict on replicas that have ended since the last look; WATCH_TIME when there is none. */
static enum watch_end judge(struct run *run, struct replica **ret_culprit)
{
    for (size_t i = 0; i < run->replica_count; i++) {
        struct replica *r = &run->replicas[i];
        struct replica_exit x = { .primary = r->id.pool == 0,
                                  .never_started = r->start_error != NULL,
                                  .status = r->status,
                                  .restarts = (unsigned)run->row.restarts,
                                  .disable_retries = run->policy.disable_retries };

        if (!r->ended || r->seen)
            continue;
        r->seen = true;
        *ret_culprit = r;
        switch (exit_verdict(&x)) {
        case VERDICT_SUCCESS:
            return WATCH_SUCCESS;
        case VERDICT_RESTART:
            return WATCH_RESTART;
        case VERDICT_PERMANENT:
            return WATCH_FAILED;
        case VERDICT_IGNORED:
            break;
        }
    }
    return WATCH_TIME;
}

static enum watch_end watch(struct run *run, int64_t until_ms, struct replica **ret_culprit)
{
    struct io *io = run->m->io;
    struct err e = { 0 };

    for (;;) {
        int64_t look_ms = replicas_look(run, until_ms), now = io_now_ms(io);
        enum watch_end end = io_cancelled(io) ? WATCH_ABANDONED : judge(run, ret_culprit);

        if (end != WATCH_TIME)
            return end;
        if (run->cancel && run->row.state != JOB_STATE_CANCELLING)
            return WATCH_CANCEL;
        if (now >= until_ms)
            return WATCH_TIME;
        if (cond_wait(io, &run->wake, look_ms - now, &e) && e.code == ERR_CANCELLED)
            return WATCH_ABANDONED;
    }
}

/* The user asked for the end. It reaches the machines a moment later, and the program may be quicker. */
static enum watch_end cancelling(struct run *run, struct replica **ret_culprit)
{
    int64_t until = io_now_ms(run->m->io) + scaled_wait_ms(WAIT_CANCEL_MS, run->m->speed);
    enum watch_end end;

    if (run_move(run, JOB_STATE_CANCELLING))
        return WATCH_ABANDONED;
    end = watch(run, until, ret_culprit);
    return end == WATCH_TIME || end == WATCH_RESTART ? WATCH_CANCEL : end;
}

static void describe_end(struct run *run, enum watch_end end, const struct replica *culprit)
{
    struct failure_text f = { .gcp_number = run->row.gcp_number, .job_id = run->row.id };

    if (end == WATCH_FAILED) {
        f.replica = str_of(culprit->task);
        f.status = culprit->status;
        f.start_error = culprit->start_error;
        f.tail = str_trim(strbuf_str(&culprit->tail));
        run->row.error_code = RPC_INVALID_ARGUMENT;
        run->row.error_message = str_of(failure_message(run->a, &f));
    } else if (end == WATCH_NO_MACHINE) {
        run->row.error_code = RPC_RESOURCE_EXHAUSTED;
        run->row.error_message = str_of(arena_printf(
            run->a,
            "Resources are insufficient in region: %.*s. Try a different region or use a different "
            "accelerator.",
            STR_ARG(run->row.location)));
    } else if (end == WATCH_TIME) {
        run->row.error_code = RPC_DEADLINE_EXCEEDED;
        run->row.error_message =
            str_of(arena_printf(run->a, "The job exceeded its maximum running time of %llds and was stopped.",
                                (long long)(run->policy.timeout_ms / 1000)));
    } else if (end == WATCH_CANCEL) {
        run->row.error_code = RPC_CANCELLED;
        run->row.error_message = STR("CANCELED");
    }
}

/* One go at the whole job: all replicas started, watched, stopped. */
static enum watch_end attempt(struct run *run)
{
    struct replica *culprit = NULL;
    int64_t preempt_ms = run->preempt_ms, until;
    bool preempted = false;
    enum watch_end end;

    replicas_start(run);
    if (run->row.state != JOB_STATE_RUNNING && run_move(run, JOB_STATE_RUNNING)) {
        end = WATCH_ABANDONED;
    } else {
        service_line(run, "Job is running.");
        /* the user's own limit on a real program: not scaled */
        until =
            io_now_ms(run->m->io) + run->row.start_ms + run->policy.timeout_ms - io_now_unix_ms(run->m->io);
        if (preempt_ms >= 0 && io_now_ms(run->m->io) + preempt_ms < until) {
            until = io_now_ms(run->m->io) + preempt_ms;
            preempted = true;
        }
        end = watch(run, until, &culprit);
        if (end == WATCH_TIME && preempted)
            end = WATCH_NO_MACHINE;
        if (end == WATCH_CANCEL)
            end = cancelling(run, &culprit);
    }
    describe_end(run, end, culprit);
    replicas_stop(run);
    return end;
}

static void finish(struct run *run, enum watch_end end)
{
    enum job_state to = end == WATCH_SUCCESS  ? JOB_STATE_SUCCEEDED
                        : end == WATCH_CANCEL ? JOB_STATE_CANCELLED
                                              : JOB_STATE_FAILED;
    struct err e = { 0 };

    run->settling = true;
    cond_broadcast(run->m->io, &run->m->changed);
    service_line(run, to == JOB_STATE_SUCCEEDED   ? "Job completed successfully."
                      : to == JOB_STATE_CANCELLED ? "Job was cancelled."
                                                  : "Job failed.");
    if (to != JOB_STATE_CANCELLED && run_pause(run, WAIT_SETTLE_MS) == WATCH_ABANDONED)
        return;
    log_flush(run->m); /* whoever sees the end sees all lines */
    if (!run_move(run, to) && store_set_process(run->m->db, run->row.id, "", 0, &e))
        LOG_DEBUG("emulator.processes_kept", "error=\"%s\"", e.msg); /* looked at again at the next start */
}

static enum watch_end drive(struct run *run)
{
    enum watch_end end = WATCH_TIME;

    if (run->row.state == JOB_STATE_CANCELLING) {
        describe_end(run, WATCH_CANCEL, NULL);
        return WATCH_CANCEL;
    }
    if (run->row.state != JOB_STATE_RUNNING)
        end = provision(run);
    else
        service_line(run,
                     "The emulator was restarted; the job's programs are started again from the beginning.");
    if (end == WATCH_TIME && run->row.state != JOB_STATE_RUNNING &&
        capacity_stocks_out(run->m->capacity, &run->kind)) {
        describe_end(run, WATCH_NO_MACHINE, NULL);
        return WATCH_NO_MACHINE;
    }
    if (end == WATCH_TIME) /* once for the job, however often it restarts */
        run->preempt_ms = capacity_preempts_after_ms(run->m->capacity, &run->kind);
    while (end == WATCH_TIME) {
        end = attempt(run);
        if (end != WATCH_RESTART)
            return end;
        run->row.restarts++;
        service_line(run, "The job is restarted after a transient failure.");
        if (run_move(run, JOB_STATE_PENDING))
            return WATCH_ABANDONED;
        end = run_pause(run, WAIT_RESTART_MS);
    }
    if (end == WATCH_CANCEL) {
        describe_end(run, end, NULL);
        if (run_move(run, JOB_STATE_CANCELLING))
            end = WATCH_ABANDONED;
        else if (scaled_wait_ms(WAIT_CANCEL_MS, run->m->speed) > 0) {
            struct err e;

            if (io_sleep(run->m->io, scaled_wait_ms(WAIT_CANCEL_MS, run->m->speed), &e))
                end = WATCH_ABANDONED;
        }
    }
    return end;
}

static struct str live_key(char buf[24], int64_t job_id)
{
    int len = snprintf(buf, 24, "%lld", (long long)job_id);

    return (struct str){ buf, (size_t)len };
}

static void run_main(void *arg)
{
    struct run *run = arg;
    struct emulator *m = run->m;
    enum watch_end end = drive(run);
    char key[24];

    if (end != WATCH_ABANDONED)
        finish(run, end);
    map_remove(m->live, live_key(key, run->row.id));
    capacity_give_back(m->capacity, &run->kind);
    cond_broadcast(m->io, &m->changed);
    arena_free(run->a);
    free(run);
}

void run_start(struct emulator *m, const struct job_row *row)
{
    struct run *run = xcalloc(1, sizeof(*run));
    struct arena *a = arena_new();
    struct err e = { 0 };
    char key[24];

    *run = (struct run){ .m = m, .a = a, .row = *row };
    run->row.gcp_project = arena_str(a, row->gcp_project);
    run->row.location = arena_str(a, row->location);
    run->row.display_name = arena_str(a, row->display_name);
    run->row.labels = arena_str(a, row->labels);
    run->row.body = arena_str(a, row->body);
    run->row.error_message = arena_str(a, row->error_message);
    run->row.host_tag = arena_str(a, row->host_tag);
    if (jval_from_json(a, run->row.body, "the stored job", NULL, &run->custom_job, &e)) {
        LOG_ERROR("emulator.job_unreadable", "vertex_job=%lld error=\"%s\"", (long long)row->id, e.msg);
        arena_free(a);
        free(run);
        return;
    }
    run->policy = job_policy_of(run->custom_job);
    run->kind =
        capacity_job_of(access_project_id(m, a, run->row.gcp_project), run->row.location, run->custom_job);
    capacity_hold(m->capacity, &run->kind);
    map_put(m->live, live_key(key, row->id), run);
    group_spawn(m->runs, "emulator job", run_main, run);
}

int run_cancel(struct emulator *m, int64_t job_id, struct err *e)
{
    char key[24];

    for (;;) {
        struct run *run = map_get(m->live, live_key(key, job_id));
        int code;

        if (!run || run->settling || run->row.state == JOB_STATE_CANCELLING)
            return 0;
        run->cancel = true;
        cond_broadcast(m->io, &run->wake);
        code = cond_wait(m->io, &m->changed, -1, e);
        if (code)
            return code;
    }
}
