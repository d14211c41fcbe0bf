/* launch/why.c: the decision by the item's state, and what each kind of wait looks like. */
#include "launch/why.h"

#include <stdarg.h>

#include "base/timefmt.h"
#include "launch/why_internal.h"

enum { TEXT_MAX = 16 * 1024, IDLE_AGENT_MS = 60000, PROVISIONING_MS = 10 * 60 * 1000 };

/* --- the answer ----------------------------------------------------------------------------------------- */

static void PRINTF(3, 0) add_text(struct why *w, struct why_list *list, const char *fmt, va_list ap)
{
    AUTO_STRBUF struct strbuf b = STRBUF(TEXT_MAX);

    strbuf_vaddf(&b, fmt, ap);
    list->at = arena_grow(w->a, list->at, list->len, &list->cap, sizeof(*list->at));
    list->at[list->len++] = arena_str(w->a, strbuf_str(&b));
}

void why_evidence(struct why *w, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    add_text(w, &w->answer.evidence, fmt, ap);
    va_end(ap);
}

void why_fix(struct why *w, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    add_text(w, &w->answer.fix, fmt, ap);
    va_end(ap);
}

static void conclude(struct why *w, const char *cause, int64_t since_unix_ms, const char *summary)
{
    w->answer.cause = cause;
    w->answer.summary = str_of(summary);
    if (since_unix_ms)
        w->answer.since_unix_ms = since_unix_ms;
}

/* "2026-01-02T03:04:05.678Z, 4 min 10 s ago". */
static const char *ago(const struct why *w, int64_t unix_ms)
{
    char when[RFC3339_SIZE], span[32];
    int64_t ms = w->f->now_unix_ms - unix_ms;

    return arena_printf(w->a, "%s, %s ago", rfc3339_format(unix_ms, when),
                        duration_human(ms < 0 ? 0 : ms, span));
}

/* --- what the facts say --------------------------------------------------------------------------------- */

/* Since when the item has been in its state without a break. */
static int64_t in_state_since(const struct why_facts *f)
{
    int64_t since = f->history_len ? 0 : f->created_unix_ms;

    for (size_t i = f->history_len; i > 0 && str_eq(f->history[i - 1].state, f->state); i--)
        since = f->history[i - 1].at_unix_ms;
    return since;
}

/* The last line of history whose note begins so; NULL: none. */
static const struct why_event *last_note(const struct why_facts *f, struct str prefix)
{
    for (size_t i = f->history_len; i > 0; i--)
        if (str_has_prefix(f->history[i - 1].note, prefix))
            return &f->history[i - 1];
    return NULL;
}

/* The first line of the wait under way: of this lease, and since its last job if it had one. NULL: it does
 * not wait. */
static const struct why_event *first_wait(const struct why_facts *f)
{
    const struct why_event *first = NULL;

    for (size_t i = f->history_len; i > 0; i--) {
        const struct why_event *v = &f->history[i - 1];

        if (str_has_prefix(v->note, STR(WHY_NOTE_JOB)) || str_is(v->state, "PENDING"))
            break;
        if (str_has_prefix(v->note, STR(WHY_NOTE_WAITS)))
            first = v;
    }
    return first;
}

static bool is_silent(const struct why *w, const struct why_agent *g)
{
    return g->ended || w->f->now_unix_ms - g->heartbeat_unix_ms >= WHY_SILENT_MS;
}

/* Who was heard of last; NULL: nobody ever listened. */
static const struct why_agent *latest_agent(const struct why_facts *f)
{
    const struct why_agent *best = NULL;

    for (size_t i = 0; i < f->agent_count; i++)
        if (!best || f->agents[i].heartbeat_unix_ms > best->heartbeat_unix_ms)
            best = &f->agents[i];
    return best;
}

static size_t live_agents(const struct why *w)
{
    size_t n = 0;

    for (size_t i = 0; i < w->f->agent_count; i++)
        n += !is_silent(w, &w->f->agents[i]);
    return n;
}

/* Of all agents that live, together; below 0: no limit, or one of them did not say. */
static int64_t slots_of_all(const struct why *w)
{
    int64_t sum = 0;

    for (size_t i = 0; i < w->f->agent_count; i++) {
        const struct why_agent *g = &w->f->agents[i];

        if (is_silent(w, g))
            continue;
        if (g->max_jobs <= 0)
            return -1;
        sum += g->max_jobs;
    }
    return sum;
}

static const char *agent_text(const struct why *w, const struct why_agent *g)
{
    return arena_printf(w->a, "agent %.*s%s%.*s", STR_ARG(g->name), g->hostname.len ? " on " : "",
                        STR_ARG(g->hostname));
}

/* An agent that was started again registers anew: then one on the same machine goes on with what it had. */
static bool holder_is_silent(const struct why *w)
{
    const struct why_facts *f = w->f;

    if (!f->holder.name.len || !is_silent(w, &f->holder))
        return false;
    for (size_t i = 0; i < f->agent_count; i++)
        if (!is_silent(w, &f->agents[i]) && str_eq(f->agents[i].hostname, f->holder.hostname))
            return false;
    return true;
}

static void holder_evidence(struct why *w)
{
    const struct why_agent *g = &w->f->holder;

    if (g->name.len)
        why_evidence(w, "%s has it, and was last heard of at %s", agent_text(w, g),
                     ago(w, g->heartbeat_unix_ms));
}

static void fix_start_agent(struct why *w)
{
    why_fix(w,
            "start it again where its state folder is, and it goes on where it stopped: slipway agent "
            "--queue %.*s",
            STR_ARG(w->f->queue));
}

/* --- waiting in the queue ------------------------------------------------------------------------------- */

static void no_agent(struct why *w)
{
    conclude(w, "no_agent", in_state_since(w->f), "no agent listens to its queue");
    why_evidence(w, "no agent has registered with queue %.*s", STR_ARG(w->f->queue));
    why_fix(w, "start one: slipway agent --queue %.*s", STR_ARG(w->f->queue));
}

static void silent_agents(struct why *w, const struct why_agent *g)
{
    conclude(w, "agents_silent", g->heartbeat_unix_ms,
             g->ended ? "the agent of its queue has ended" : "the agents of its queue are silent");
    why_evidence(w, "%zu agent%s registered with queue %.*s, none of which was heard of in the last %d s",
                 w->f->agent_count, w->f->agent_count == 1 ? " has" : "s have", STR_ARG(w->f->queue),
                 WHY_SILENT_MS / 1000);
    why_evidence(w, "%s was the last, at %s%s", agent_text(w, g), ago(w, g->heartbeat_unix_ms),
                 g->ended ? ": it said that it ends" : "");
    fix_start_agent(w);
    if (!g->ended)
        why_fix(w, "if it runs there, its log says why it does not reach the server (slipway doctor looks)");
}

static void in_line(struct why *w, const struct why_agent *latest)
{
    const struct why_facts *f = w->f;
    int64_t slots = slots_of_all(w);
    bool taken = slots >= 0 && f->held >= slots;
    bool idle = f->now_unix_ms - in_state_since(f) > IDLE_AGENT_MS;

    if (taken) {
        conclude(w, "slots_taken", in_state_since(f), "all slots of its queue's agents are taken");
        why_fix(w,
                "wait for one to end (slipway items %.*s), or start the agent with a larger --max-jobs, "
                "or another agent on another machine",
                STR_ARG(f->queue));
    } else if (f->ahead > 0) {
        conclude(w, "behind_others", in_state_since(f), "other items of its queue are taken before it");
        why_fix(w, "wait; slipway items %.*s shows them", STR_ARG(f->queue));
    } else {
        conclude(w, "about_to_start", in_state_since(f),
                 idle ? "it is the next one, but its queue's agents do not take it"
                      : "it is the next one to be taken");
        why_fix(w, idle ? "look at the agent's log: items of other queues may have its slots"
                        : "wait: an agent takes it in a moment");
    }
    if (f->ahead >= 0)
        why_evidence(w, "%lld item%s of queue %.*s %s taken before it", (long long)f->ahead,
                     f->ahead == 1 ? "" : "s", STR_ARG(f->queue), f->ahead == 1 ? "is" : "are");
    if (f->held >= 0 && slots >= 0)
        why_evidence(w, "agents have %lld item%s of the queue, for %lld slot%s (max_jobs)",
                     (long long)f->held, f->held == 1 ? "" : "s", (long long)slots, slots == 1 ? "" : "s");
    why_evidence(w, "%zu agent%s to the queue; %s was heard of at %s", live_agents(w),
                 live_agents(w) == 1 ? " listens" : "s listen", agent_text(w, latest),
                 ago(w, latest->heartbeat_unix_ms));
}

static void pending(struct why *w)
{
    const struct why_facts *f = w->f;
    const struct why_agent *latest = latest_agent(f);

    if (!f->agents_known) {
        conclude(w, "pending", in_state_since(f), "it waits in its queue");
        why_evidence(w, "this server does not say which agents listen to queue %.*s", STR_ARG(f->queue));
        why_fix(w, "see that an agent listens to the queue, and how many items are before it");
    } else if (!latest) {
        no_agent(w);
    } else if (live_agents(w) == 0) {
        silent_agents(w, latest);
    } else {
        in_line(w, latest);
    }
    for (size_t i = 1; i < f->history_len; i++) /* it was put in once; what follows was a lease that ended */
        if (str_is(f->history[i].state, "PENDING"))
            why_evidence(w, "at %s it came back into the queue: %.*s", ago(w, f->history[i].at_unix_ms),
                         STR_ARG(f->history[i].note));
}

/* --- in an agent's hands -------------------------------------------------------------------------------- */

static void agent_silent(struct why *w, const char *doing)
{
    conclude(w, "agent_silent", w->f->holder.heartbeat_unix_ms, "the agent that has it is silent");
    holder_evidence(w);
    why_evidence(w, "before that it was %s", doing);
    fix_start_agent(w);
}

static void next_try(struct why *w, enum launch_cause cause)
{
    int64_t next = w->f->next_try_unix_ms, ms = next - w->f->now_unix_ms;
    const char *pace = launch_remedy(cause) == REMEDY_RETRY ? "every minute" : "every 10 min";
    char when[RFC3339_SIZE], span[32];

    why_evidence(w, "the agent tries again by itself, %s at the latest", pace);
    if (next && ms > 0)
        why_evidence(w, "the next try is at %s, in %s", rfc3339_format(next, when), duration_human(ms, span));
    else if (next)
        why_evidence(w, "the next try was due at %s; it also needs a free slot", ago(w, next));
}

static void waiting(struct why *w, const struct why_event *since)
{
    const struct why_journal *j = w->f->journal;
    struct why_words words = w->f->waits;
    enum launch_cause cause = j && j->cause ? j->cause : why_wait_cause(words.text);

    if (holder_is_silent(w)) {
        agent_silent(w, "waiting to try again");
        return;
    }
    conclude(w, "waiting", since ? since->at_unix_ms : 0, "the agent waits to try again");
    why_explain(w, "waiting", cause, &words);
    if (j && j->waiting_unix_ms)
        w->answer.since_unix_ms = j->waiting_unix_ms;
    if (j)
        why_evidence(w, "%lld create%s sent so far", (long long)j->tries, j->tries == 1 ? " was" : "s were");
    next_try(w, cause);
    holder_evidence(w);
}

static void leased(struct why *w)
{
    const struct why_event *waits = first_wait(w->f);

    if (waits) {
        waiting(w, waits);
    } else if (holder_is_silent(w)) {
        agent_silent(w, "resolving the item");
        why_fix(w, "or wait: it comes back into the queue when the lease ends");
    } else {
        conclude(w, "resolving", in_state_since(w->f), "an agent has taken it and checks its spec");
        holder_evidence(w);
        why_fix(w, "wait: this takes seconds");
    }
}

static struct str job_of(const struct why_facts *f, const struct why_event *told)
{
    if (f->journal && f->journal->vertex_job.len)
        return f->journal->vertex_job;
    return told ? str_sub(told->note, sizeof(WHY_NOTE_JOB) - 1, told->note.len) : (struct str){ 0 };
}

static void with_job(struct why *w, const struct why_event *told)
{
    const struct why_facts *f = w->f;
    const struct why_journal *j = f->journal;
    bool queued = j && str_is(j->vertex_status, vertex_status_name(VERTEX_QUEUED));
    int64_t since = told ? told->at_unix_ms : j ? j->since_unix_ms : 0;
    struct str job = job_of(f, told);

    if (queued) {
        conclude(w, "vertex_queued", since, "Vertex AI has the job in its queue");
        why_fix(w, "wait: Vertex AI starts it once its machines are free");
    } else {
        conclude(w, "provisioning", since, "Vertex AI gets its machines and its image");
        why_fix(w, "wait: this takes 3 to 4 minutes, longer for large images and machines in demand");
    }
    why_evidence(w, "Vertex job %.*s was made at %s", STR_ARG(job), since ? ago(w, since) : "?");
    if (j && j->vertex_status.len)
        why_evidence(w, "its state was %.*s at %s", STR_ARG(j->vertex_status), ago(w, j->since_unix_ms));
    if (since && f->now_unix_ms - since > PROVISIONING_MS)
        why_fix(w,
                "it takes longer than usual: the machines may be short in its region; look at the job's own "
                "lines (slipway logs %.*s), or stop it and launch it with another machine or region",
                STR_ARG(f->item));
    if (holder_is_silent(w)) {
        holder_evidence(w);
        why_evidence(w, "the job goes on without its agent, but nobody reports its end");
        fix_start_agent(w);
    }
}

static void stopping(struct why *w)
{
    const struct why_facts *f = w->f;

    conclude(w, "stopping", 0, "somebody asked to stop it, and its agent ends the job");
    for (size_t i = 0; i < f->history_len; i++)
        if (str_is(f->history[i].note, "asked to stop")) {
            w->answer.since_unix_ms = f->history[i].at_unix_ms;
            why_evidence(w, "%.*s asked for it at %s", STR_ARG(f->history[i].by),
                         ago(w, f->history[i].at_unix_ms));
        }
    holder_evidence(w);
    if (holder_is_silent(w))
        fix_start_agent(w);
    else
        why_fix(w, "wait: Vertex AI takes up to a few minutes to end a job");
}

/* A try may be under way while it waits: until there is a job, it is still the same wait. */
static bool is_waiting(const struct why_journal *j, const struct why_event *waits)
{
    if (j && (j->phase == LAUNCH_WAITING || j->vertex_job.len))
        return j->phase == LAUNCH_WAITING;
    return waits != NULL;
}

static void claimed(struct why *w)
{
    const struct why_facts *f = w->f;
    const struct why_event *told = last_note(f, STR(WHY_NOTE_JOB));
    const struct why_event *waits = first_wait(f);
    const struct why_journal *j = f->journal;

    if (f->stop_asked) {
        stopping(w);
    } else if (is_waiting(j, waits)) {
        waiting(w, waits);
    } else if (j ? j->vertex_job.len > 0 : told != NULL) {
        with_job(w, told);
    } else if (holder_is_silent(w)) {
        agent_silent(w, "making the Vertex job");
    } else {
        conclude(w, "submitting", in_state_since(f), "its agent makes the Vertex job");
        holder_evidence(w);
        why_fix(w, "wait: this takes seconds");
    }
}

static void running(struct why *w)
{
    const struct why_event *told = last_note(w->f, STR(WHY_NOTE_JOB));
    struct str job = job_of(w->f, told);

    if (w->f->stop_asked) {
        stopping(w);
        return;
    }
    conclude(w, "running", in_state_since(w->f), "it runs");
    if (job.len)
        why_evidence(w, "Vertex job %.*s", STR_ARG(job));
    holder_evidence(w);
    why_fix(w, "nothing to mend; slipway logs -f %.*s follows its log", STR_ARG(w->f->item));
    if (holder_is_silent(w)) {
        why_evidence(w, "the job goes on without its agent, but nobody reports its end");
        fix_start_agent(w);
    }
}

/* --- ended ---------------------------------------------------------------------------------------------- */

static void finished(struct why *w)
{
    conclude(w, "finished", in_state_since(w->f), "it has ended well");
    why_fix(w, "nothing to mend; slipway logs %.*s prints its log", STR_ARG(w->f->item));
}

static void failed(struct why *w)
{
    const struct why_facts *f = w->f;
    const struct why_event *told = last_note(f, STR(WHY_NOTE_JOB));
    bool from_journal = f->journal && f->journal->cause != CAUSE_NONE;
    struct str job = job_of(f, told);

    conclude(w, "failed", in_state_since(f), "it has failed");
    if (str_find(f->error.text, STR("stopped sending heartbeats")) >= 0) {
        conclude(w, "failed_agent_silent", 0, "the server gave it up: its agent fell silent");
        why_evidence(w, "%.*s", STR_ARG(f->error.text));
        fix_start_agent(w);
    } else {
        why_explain(w, "failed", from_journal ? f->journal->cause : why_end_cause(f->error.text, f->stage),
                    &f->error);
    }
    if (f->stage.len)
        why_evidence(
            w, str_is(f->stage, "run") ? "stage run: the job was made, and failed" : "stage %.*s: no job ran",
            STR_ARG(f->stage));
    if (job.len)
        why_evidence(w, "Vertex job %.*s", STR_ARG(job));
}

static void stopped(struct why *w)
{
    const struct why_facts *f = w->f;
    bool asked = false;

    conclude(w, "stopped_by_user", in_state_since(f), "somebody asked to stop it");
    for (size_t i = 0; i < f->history_len; i++)
        if (str_is(f->history[i].note, "asked to stop")) {
            asked = true;
            why_evidence(w, "%.*s asked for it at %s", STR_ARG(f->history[i].by),
                         ago(w, f->history[i].at_unix_ms));
        }
    if (!asked && f->history_len) {
        const struct why_event *end = &f->history[f->history_len - 1];

        if (str_find(end->note, STR("Vertex AI")) >= 0)
            conclude(w, "stopped_on_vertex", 0, "its Vertex job was cancelled there, not through the queue");
        why_evidence(w, "%.*s said: %.*s", STR_ARG(end->by), STR_ARG(end->note));
    }
    why_fix(w, "launch it again when it is wanted after all");
}

static void deleted(struct why *w)
{
    const struct why_journal *j = w->f->journal;

    conclude(w, "deleted", 0,
             "the server does not have it: it was deleted from its queue, or never was there");
    if (j) {
        why_evidence(w, "this machine's agent had it: %s since %s", launch_phase_name(j->phase),
                     ago(w, j->since_unix_ms));
        if (j->vertex_job.len)
            why_evidence(w, "Vertex job %.*s", STR_ARG(j->vertex_job));
    }
    why_fix(w, "launch it again when it is wanted after all");
}

bool why_wait_read(struct str note, struct str *ret_reason, int64_t *ret_unix_ms)
{
    struct str rest, when;
    ptrdiff_t colon;

    if (!str_has_prefix(note, STR(WHY_NOTE_WAITS)))
        return false;
    *ret_unix_ms = 0;
    rest = str_sub(note, sizeof(WHY_NOTE_WAITS) - 1, note.len);
    colon = str_find(rest, STR(": ")); /* a time has colons, but no blank behind them */
    when = str_sub(rest, 0, colon < 0 ? 0 : (size_t)colon);
    if (str_has_prefix(when, STR(" at ")))
        (void)rfc3339_parse(str_sub(when, 4, when.len), ret_unix_ms);
    *ret_reason = colon < 0 ? rest : str_sub(rest, (size_t)colon + 2, rest.len);
    return true;
}

struct why_answer why_decide(struct arena *a, const struct why_facts *f)
{
    static const struct {
        const char *state;
        void (*decide)(struct why *w);
    } rows[] = {
        { "PENDING", pending },   { "LEASED", leased }, { "CLAIMED", claimed }, { "RUNNING", running },
        { "FINISHED", finished }, { "FAILED", failed }, { "STOPPED", stopped },
    };
    struct why w = { .a = a, .f = f };

    if (!f->state.len) {
        deleted(&w);
        return w.answer;
    }
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (str_is(f->state, rows[i].state)) {
            rows[i].decide(&w);
            return w.answer;
        }
    conclude(&w, "unknown", 0, "the server gives it a state that this version does not know");
    why_evidence(&w, "state %.*s", STR_ARG(f->state));
    why_fix(&w, "look at the item in the server's own pages");
    return w.answer;
}
