/* Why an item is where it is: each cause with the facts that lead to it. */
#include "launch/why.h"

#include <stdio.h>

#include "test.h"

enum { NOW = 1767225600, MINUTE = 60000 };
#define AT(minutes_ago) ((int64_t)NOW * 1000 - (int64_t)(minutes_ago)*MINUTE)
#define S(text)                                                                                              \
    {                                                                                                        \
        (text), sizeof(text) - 1                                                                             \
    }

static const struct why_agent live[] = { { S("agent-1"), S("host-1"), AT(0), 4, false } };
static const struct why_agent busy_and_dead[] = { { S("agent-1"), S("host-1"), AT(0), 4, false },
                                                  { S("agent-2"), S("host-2"), AT(60), 8, false } };
static const struct why_agent silent[] = { { S("agent-1"), S("host-1"), AT(30), 4, false } };
static const struct why_agent killed[] = { { S("agent-1"), S("host-1"), AT(1), 4, true } };
static const struct why_agent unlimited[] = { { S("agent-1"), S("host-1"), AT(0), -1, false } };

static const struct why_event pushed[] = { { AT(10), S("PENDING"), S("user ada"), S("put into the queue") } };
static const struct why_event came_back[] = {
    { AT(10), S("PENDING"), S("user ada"), S("put into the queue") },
    { AT(9), S("LEASED"), S("agent agent-1"), { NULL, 0 } },
    { AT(4), S("PENDING"), S("server"), S("the lease ran out") },
};
static const struct why_event leased[] = { { AT(10), S("PENDING"), S("user ada"), { NULL, 0 } },
                                           { AT(5), S("LEASED"), S("agent agent-1"), { NULL, 0 } } };
static const struct why_event claimed[] = { { AT(10), S("PENDING"), S("user ada"), { NULL, 0 } },
                                            { AT(5), S("CLAIMED"), S("agent agent-1"), { NULL, 0 } } };
static const struct why_event waits[] = {
    { AT(10), S("PENDING"), S("user ada"), { NULL, 0 } },
    { AT(5), S("CLAIMED"), S("agent agent-1"), { NULL, 0 } },
    { AT(3), S("CLAIMED"), S("agent agent-1"), S(WHY_NOTE_WAITS ": see the warning") },
    { AT(1), S("CLAIMED"), S("agent agent-1"), S(WHY_NOTE_WAITS ": see the next one") },
};
static const struct why_event waits_leased[] = {
    { AT(10), S("PENDING"), S("user ada"), { NULL, 0 } },
    { AT(5), S("LEASED"), S("agent agent-1"), { NULL, 0 } },
    { AT(4), S("LEASED"), S("agent agent-1"), S(WHY_NOTE_WAITS ": no answer") },
};
static const struct why_event waited_before[] = {
    { AT(9), S("LEASED"), S("agent agent-1"), S(WHY_NOTE_WAITS ": no answer") },
    { AT(8), S("PENDING"), S("server"), S("the lease ran out") },
    { AT(5), S("LEASED"), S("agent agent-2"), { NULL, 0 } },
};
static const struct why_event made[] = {
    { AT(10), S("PENDING"), S("user ada"), { NULL, 0 } },
    { AT(6), S("CLAIMED"), S("agent agent-1"), { NULL, 0 } },
    { AT(3), S("CLAIMED"), S("agent agent-1"), S(WHY_NOTE_WAITS ": once") },
    { AT(2), S("CLAIMED"), S("agent agent-1"), S(WHY_NOTE_JOB "projects/p/locations/r/customJobs/7") },
};
static const struct why_event runs[] = {
    { AT(6), S("CLAIMED"), S("agent agent-1"), S(WHY_NOTE_JOB "projects/p/locations/r/customJobs/7") },
    { AT(2), S("RUNNING"), S("agent agent-1"), S("the Vertex job runs") },
};
static const struct why_event asked[] = {
    { AT(6), S("RUNNING"), S("agent agent-1"), S("the Vertex job runs") },
    { AT(1), S("RUNNING"), S("user ada"), S("asked to stop") },
};
static const struct why_event stopped[] = {
    { AT(6), S("RUNNING"), S("agent agent-1"), S("the Vertex job runs") },
    { AT(5), S("RUNNING"), S("user ada"), S("asked to stop") },
    { AT(4), S("STOPPED"), S("agent agent-1"), S("stopped on request") },
};
static const struct why_event cancelled[] = {
    { AT(4), S("STOPPED"), S("agent agent-1"), S("cancelled on Vertex AI") },
};
static const struct why_event ended_badly[] = { { AT(4), S("FAILED"), S("agent agent-1"), S("x") } };

static const struct why_journal journal_queued = { .phase = LAUNCH_ACTIVE,
                                                   .vertex_job = S("projects/p/locations/r/customJobs/7"),
                                                   .vertex_status = S("JOB_STATE_QUEUED"),
                                                   .since_unix_ms = AT(2) };
static const struct why_journal journal_waits = { .phase = LAUNCH_WAITING,
                                                  .cause = CAUSE_STOCKOUT,
                                                  .since_unix_ms = AT(1),
                                                  .waiting_unix_ms = AT(8),
                                                  .tries = 3 };
static const struct why_journal journal_reported = { .phase = LAUNCH_REPORTED, .since_unix_ms = AT(1) };

#define AGENTS(list)   .agents_known = true, .agents = (list), .agent_count = ARRAY_LEN(list)
#define STORY(list)    .history = (list), .history_len = ARRAY_LEN(list)
#define HELD_BY_LIVE   .holder = { S("agent-1"), S("host-1"), AT(0), 4, false }
#define HELD_BY_SILENT .holder = { S("agent-1"), S("host-1"), AT(30), 4, false }

static const struct row {
    struct why_facts facts;
    const char *cause;
    int minutes;          /* since how many minutes ago; -1: not known */
    const char *evidence; /* part of one of the lines; NULL: none is asked for */
    const char *fix;
} rows[] = {
    /* in the queue */
    { { .state = S("PENDING"), STORY(pushed), .agents_known = true },
      "no_agent",
      10,
      "no agent has registered with queue gpu",
      "slipway agent --queue gpu" },
    { { .state = S("PENDING"), STORY(pushed), AGENTS(silent) },
      "agents_silent",
      30,
      "agent agent-1 on host-1 was the last, at 2025-12-31T23:30:00.000Z, 30 min",
      "slipway agent --queue gpu" },
    { { .state = S("PENDING"), STORY(pushed), AGENTS(killed) },
      "agents_silent",
      1,
      "it said that it ends",
      "slipway agent --queue gpu" },
    { { .state = S("PENDING"), STORY(pushed), AGENTS(live), .ahead = 3, .held = 4 },
      "slots_taken",
      10,
      "agents have 4 items of the queue, for 4 slots",
      "--max-jobs" },
    { { .state = S("PENDING"), STORY(pushed), AGENTS(busy_and_dead), .ahead = 0, .held = 4 },
      "slots_taken",
      10,
      "for 4 slots",
      "--max-jobs" },
    { { .state = S("PENDING"), STORY(pushed), AGENTS(live), .ahead = 2, .held = 3 },
      "behind_others",
      10,
      "2 items of queue gpu are taken before it",
      "slipway items gpu" },
    { { .state = S("PENDING"), STORY(pushed), AGENTS(unlimited), .ahead = 1, .held = 300 },
      "behind_others",
      10,
      "1 item of queue gpu is taken before it",
      NULL },
    { { .state = S("PENDING"), STORY(pushed), AGENTS(live), .held = 0 },
      "about_to_start",
      10,
      "1 agent listens to the queue",
      "look at the agent's log" },
    { { .state = S("PENDING"), STORY(came_back), AGENTS(live) },
      "about_to_start",
      4,
      "it came back into the queue: the lease ran out",
      NULL },
    { { .state = S("PENDING"), .ahead = -1, .held = -1 }, "pending", -1, "does not say which agents", NULL },
    /* in an agent's hands */
    { { .state = S("LEASED"), STORY(leased), AGENTS(live), HELD_BY_LIVE },
      "resolving",
      5,
      "agent agent-1 on host-1 has it",
      "wait" },
    { { .state = S("LEASED"), STORY(leased), AGENTS(silent), HELD_BY_SILENT },
      "agent_silent",
      30,
      "it was resolving the item",
      "start it again" },
    { { .state = S("CLAIMED"), STORY(claimed), AGENTS(live), HELD_BY_LIVE }, "submitting", 5, NULL, "wait" },
    { { .state = S("CLAIMED"), STORY(claimed), AGENTS(live), HELD_BY_SILENT },
      "submitting",
      5,
      NULL,
      "wait" }, /* it was started again under another name */
    { { .state = S("CLAIMED"), STORY(claimed), AGENTS(silent), HELD_BY_SILENT },
      "agent_silent",
      30,
      "it was making the Vertex job",
      "start it again" },
    { { .state = S("CLAIMED"),
        STORY(waits),
        AGENTS(live),
        HELD_BY_LIVE,
        .waits.text = S("RESOURCE_EXHAUSTED: The following quota metrics exceed quota limits: "
                        "aiplatform.googleapis.com/custom_model_training_cpus") },
      "waiting_quota",
      3,
      "custom_model_training_cpus",
      "iam-admin/quotas" },
    { { .state = S("CLAIMED"),
        STORY(waits),
        HELD_BY_LIVE,
        .waits.text = S("Resources are insufficient in region: us-central1. Try another") },
      "waiting_stockout",
      3,
      "every 10 min at the latest",
      "more regions" },
    { { .state = S("CLAIMED"),
        STORY(waits),
        HELD_BY_LIVE,
        .waits.text = S("RESOURCE_EXHAUSTED: Quota exceeded for quota metric 'm' and limit 'l per minute'") },
      "waiting_rate_limit",
      3,
      "every minute at the latest",
      "wait" },
    { { .state = S("CLAIMED"),
        STORY(waits),
        HELD_BY_LIVE,
        .waits.text = S("no credentials for Google were found") },
      "waiting_credentials",
      3,
      "no credentials",
      "slipway auth test" },
    { { .state = S("LEASED"), STORY(waits_leased), HELD_BY_LIVE, .waits.text = S("no answer") },
      "waiting_outage",
      4,
      "no answer",
      NULL },
    { { .state = S("LEASED"), STORY(waited_before), HELD_BY_LIVE, .waits.text = S("no answer") },
      "resolving",
      5,
      NULL,
      NULL },
    { { .state = S("CLAIMED"), STORY(waits), HELD_BY_LIVE, .next_try_unix_ms = AT(-2) },
      "waiting_outage",
      3,
      "the next try is at 2026-01-01T00:02:00.000Z, in 2 min",
      NULL },
    { { .state = S("CLAIMED"), STORY(waits), HELD_BY_LIVE, .next_try_unix_ms = AT(1) },
      "waiting_outage",
      3,
      "it also needs a free slot",
      NULL },
    { { .state = S("CLAIMED"), STORY(waits), HELD_BY_LIVE, .waits.text = S("could not connect to it") },
      "waiting_outage",
      3,
      "could not connect",
      "slipway doctor" },
    { { .state = S("CLAIMED"), STORY(waits), AGENTS(silent), HELD_BY_SILENT },
      "agent_silent",
      30,
      "it was waiting to try again",
      "start it again" },
    { { .state = S("CLAIMED"), STORY(made), HELD_BY_LIVE, .journal = &journal_waits },
      "waiting_stockout",
      8,
      "3 creates were sent so far",
      NULL },
    { { .state = S("CLAIMED"), STORY(made), AGENTS(live), HELD_BY_LIVE },
      "provisioning",
      2,
      "Vertex job projects/p/locations/r/customJobs/7",
      "3 to 4 minutes" },
    { { .state = S("CLAIMED"), STORY(made), AGENTS(silent), HELD_BY_SILENT },
      "provisioning",
      2,
      "nobody reports its end",
      "start it again" },
    { { .state = S("CLAIMED"), STORY(made), HELD_BY_LIVE, .journal = &journal_queued },
      "vertex_queued",
      2,
      "JOB_STATE_QUEUED",
      "wait" },
    { { .state = S("CLAIMED"), HELD_BY_LIVE, .journal = &journal_queued, .ahead = -1 },
      "vertex_queued",
      2,
      NULL,
      NULL }, /* on a W&B server, which keeps no history */
    { { .state = S("RUNNING"), STORY(runs), AGENTS(live), HELD_BY_LIVE },
      "running",
      2,
      "customJobs/7",
      "slipway logs -f i7" },
    { { .state = S("RUNNING"), STORY(runs), AGENTS(silent), HELD_BY_SILENT },
      "running",
      2,
      "nobody reports its end",
      "start it again" },
    { { .state = S("RUNNING"), STORY(asked), HELD_BY_LIVE, .stop_asked = true },
      "stopping",
      1,
      "user ada asked for it",
      "wait" },
    /* ended */
    { { .state = S("FINISHED") }, "finished", -1, NULL, "slipway logs i7" },
    { { .state = S("STOPPED"), STORY(stopped) }, "stopped_by_user", 4, "user ada asked for it", NULL },
    { { .state = S("STOPPED"), STORY(cancelled) }, "stopped_on_vertex", 4, "cancelled on Vertex AI", NULL },
    { { .state = S("FAILED"),
        STORY(ended_badly),
        .stage = S("run"),
        .error.text = S("The replica workerpool0-0 exited with a non-zero status of 3. Termination reason: "
                        "Error.") },
      "failed_program",
      4,
      "exit code 3",
      "slipway logs i7" },
    { { .state = S("FAILED"),
        STORY(ended_badly),
        .stage = S("run"),
        .error.text = S("The replica workerpool0-0 exited with a non-zero status of 137.") },
      "failed_program",
      4,
      "exit code 137: it was killed",
      NULL },
    { { .state = S("FAILED"),
        STORY(ended_badly),
        .stage = S("run"),
        .error.text = S("The replica w ran out of memory and exited with a non-zero status of 137.") },
      "failed_out_of_memory",
      4,
      "stage run",
      "more memory" },
    { { .state = S("FAILED"),
        STORY(ended_badly),
        .stage = S("run"),
        .error.text = S("Resources are insufficient in region: us-central1.") },
      "failed_stockout",
      4,
      "insufficient",
      "SPOT" },
    { { .state = S("FAILED"),
        STORY(ended_badly),
        .stage = S("run"),
        .error.text = S("exited with a non-zero status of 128. Termination reason: StartError. x") },
      "failed_cannot_start",
      4,
      "exit code 128",
      "linux/amd64" },
    { { .state = S("FAILED"),
        STORY(ended_badly),
        .stage = S("run"),
        .error.text = S("The replica could not start: Image us-docker.pkg.dev/p/r/i:1 not found.") },
      "failed_image",
      4,
      "i:1 not found",
      "gcloud artifacts docker images describe" },
    { { .state = S("FAILED"),
        STORY(ended_badly),
        .stage = S("agent"),
        .error = { .text = S("INVALID_ARGUMENT: You do not have permission to act as service_account: x@y"),
                   .id = S("act_as_denied"),
                   .cause = S("a@b may not run jobs as x@y"),
                   .permission = S("iam.serviceAccounts.actAs"),
                   .fix = S("run `gcloud iam service-accounts add-iam-policy-binding x@y`") } },
      "failed_act_as_denied",
      4,
      "missing permission: iam.serviceAccounts.actAs",
      "add-iam-policy-binding" },
    { { .state = S("FAILED"),
        STORY(ended_badly),
        .stage = S("agent"),
        .error.text = S("PERMISSION_DENIED: Vertex AI API has not been used") },
      "failed_denied",
      4,
      "stage agent: no job ran",
      "slipway iam commands" },
    { { .state = S("FAILED"),
        STORY(ended_badly),
        .stage = S("agent"),
        .error.text = S("INVALID_ARGUMENT: Machine type \"x\" is not supported.") },
      "failed_not_offered",
      4,
      NULL,
      "another machine type" },
    { { .state = S("FAILED"),
        STORY(ended_badly),
        .stage = S("agent"),
        .error.text = S("queue.yaml:3:1: spec: unknown key") },
      "failed_invalid",
      4,
      "unknown key",
      "slipway queue validate" },
    { { .state = S("FAILED"), STORY(ended_badly), .stage = S("run"), .error.text = S("was preempted") },
      "failed_preempted",
      4,
      NULL,
      "without strategy SPOT" },
    { { .state = S("FAILED"),
        STORY(ended_badly),
        .stage = S("run"),
        .error.text = S("it did not end within 60 s of being taken (deadline_seconds)") },
      "failed_deadline",
      4,
      NULL,
      "deadline_seconds" },
    { { .state = S("FAILED"),
        STORY(ended_badly),
        .stage = S("run"),
        .error.text = S("the Vertex job was deleted before it ended") },
      "failed_gone",
      4,
      NULL,
      NULL },
    { { .state = S("FAILED"),
        STORY(ended_badly),
        .stage = S("agent"),
        .error.text =
            S("the agent that had this item stopped sending heartbeats and its run never started") },
      "failed_agent_silent",
      4,
      NULL,
      "start it again" },
    { { .state = S("FAILED") }, "failed", -1, NULL, "slipway logs i7" }, /* of a W&B server */
    { { .journal = &journal_reported }, "deleted", -1, "this machine's agent had it: reported", NULL },
    { { .state = S("SLEEPING") }, "unknown", -1, "state SLEEPING", NULL },
};

static bool has(const struct why_list *list, const char *part)
{
    for (size_t i = 0; i < list->len; i++)
        if (str_find(list->at[i], str_of(part)) >= 0)
            return true;
    return false;
}

static void check(const struct row *row, size_t number)
{
    AUTO_PTR(arena) a = arena_new();
    struct why_facts f = row->facts;
    struct why_answer w;
    int64_t since = row->minutes < 0 ? 0 : AT(row->minutes);

    f.now_unix_ms = AT(0);
    f.item = STR("i7");
    f.queue = STR("gpu");
    w = why_decide(a, &f);
    if (strcmp(w.cause, row->cause) != 0)
        fail_msg("row %zu: cause %s, not %s", number, w.cause, row->cause);
    if (w.since_unix_ms != since)
        fail_msg("row %zu (%s): since %lld, not %lld", number, w.cause, (long long)w.since_unix_ms,
                 (long long)since);
    if (row->evidence && !has(&w.evidence, row->evidence))
        fail_msg("row %zu (%s): no evidence of \"%s\"", number, w.cause, row->evidence);
    if (row->fix && !has(&w.fix, row->fix))
        fail_msg("row %zu (%s): no fix with \"%s\"", number, w.cause, row->fix);
    if (w.summary.len == 0 || w.fix.len == 0)
        fail_msg("row %zu (%s): an answer without a summary or without a next step", number, w.cause);
}

static void each_state_of_affairs_has_its_cause_evidence_and_next_step(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        check(&rows[i], i);
}

static void a_word_of_waiting_has_a_reason_and_a_time(void **state)
{
    struct str reason = { 0 };
    int64_t at = 1;

    (void)state;
    assert_true(
        why_wait_read(STR(WHY_NOTE_WAITS " at 2026-01-01T00:00:05.000Z: INVALID: x: y"), &reason, &at));
    assert_true(str_is(reason, "INVALID: x: y"));
    assert_true(at == AT(0) + 5000);
    assert_true(why_wait_read(STR(WHY_NOTE_WAITS ": no answer"), &reason, &at));
    assert_true(str_is(reason, "no answer") && at == 0);
    assert_false(why_wait_read(STR("Vertex job x"), &reason, &at));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_state_of_affairs_has_its_cause_evidence_and_next_step),
        cmocka_unit_test(a_word_of_waiting_has_a_reason_and_a_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
