/* launch/why_words.c: what the words of Google and of agents mean, and what to do about each cause. */
#include "launch/why_internal.h"

static bool says(struct str text, const char *part)
{
    return str_find(text, str_of(part)) >= 0;
}

/* The HTTP status behind the word that Google's errors begin with; 0: none of these. */
static int http_status_of(struct str words)
{
    static const struct {
        const char *word;
        int http_status;
    } rows[] = {
        { "INVALID_ARGUMENT", 400 },   { "FAILED_PRECONDITION", 400 },
        { "UNAUTHENTICATED", 401 },    { "PERMISSION_DENIED", 403 },
        { "NOT_FOUND", 404 },          { "ABORTED", 409 },
        { "RESOURCE_EXHAUSTED", 429 }, { "INTERNAL", 500 },
        { "UNAVAILABLE", 503 },        { "DEADLINE_EXCEEDED", 504 },
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (says(words, rows[i].word))
            return rows[i].http_status;
    return 0;
}

static enum launch_cause of_refusal(struct str words, enum launch_cause otherwise)
{
    struct err e = { 0 };
    int http_status = http_status_of(words);

    if (!http_status)
        return otherwise;
    (void)!err_set_http(&e, http_status, "%.*s", STR_ARG(words));
    return launch_cause_of_create(&e);
}

enum launch_cause why_wait_cause(struct str words)
{
    bool token = says(words, "invalid_grant") || says(words, "credential") || says(words, "token");

    if (says(words, "Resources are insufficient in region"))
        return CAUSE_STOCKOUT;
    if (says(words, "did not start within"))
        return CAUSE_START_TIMEOUT;
    return of_refusal(words, token ? CAUSE_CREDENTIALS : CAUSE_OUTAGE);
}

enum launch_cause why_end_cause(struct str words, struct str stage)
{
    const struct launch_end end = { .error = words, .ran = true };

    if (!words.len)
        return CAUSE_NONE;
    if (says(words, "deadline_seconds"))
        return CAUSE_DEADLINE;
    if (says(words, "did not start within"))
        return CAUSE_START_TIMEOUT;
    if (says(words, "was deleted before it ended"))
        return CAUSE_GONE;
    if (says(words, "was preempted"))
        return CAUSE_PREEMPTED;
    return str_is(stage, "run") ? launch_cause_of_end(&end) : of_refusal(words, CAUSE_INVALID);
}

static const struct {
    const char *summary, *fix;
} texts[CAUSE_COUNT] = {
    [CAUSE_NONE] = { "no reason is known", "look at its log: slipway logs ITEM" },
    [CAUSE_OUTAGE] = { "Google could not be reached, or did not answer as it should",
                       "on the agent's machine, slipway doctor says what can be reached; "
                       "https://status.cloud.google.com shows Google's own troubles" },
    [CAUSE_RATE_LIMIT] = { "too many requests a minute were sent to Google", "wait: it clears in a minute" },
    [CAUSE_ABORTED] = { "two requests met at Google", "wait: it is sent again" },
    [CAUSE_QUOTA] = { "the project's quota for such machines is used up",
                      "wait for other jobs to end, or ask for more quota: "
                      "https://console.cloud.google.com/iam-admin/quotas; another region or machine type has "
                      "a "
                      "quota of its own" },
    [CAUSE_STOCKOUT] = { "no such machine is free in the region",
                         "name more regions, machine types or strategies (SPOT, FLEX_START) in the queue "
                         "config; launch again if it has failed" },
    [CAUSE_NOT_OFFERED] = { "the region has no such machine type",
                            "choose another machine type or region in the queue config" },
    [CAUSE_CREDENTIALS] = { "the agent has no credentials that Google accepts",
                            "on the agent's machine: slipway auth test" },
    [CAUSE_DENIED] = { "Google denies it to the agent",
                       "slipway iam commands prints what grants the agent all it needs" },
    [CAUSE_INVALID] = { "the request or its queue config is not acceptable",
                        "correct what it says and launch again; slipway queue validate FILE checks a queue "
                        "config" },
    [CAUSE_PREEMPTED] = { "its machines were taken away", "launch it again, or without strategy SPOT" },
    [CAUSE_PROGRAM] = { "the program failed", "its last lines say why: slipway logs ITEM" },
    [CAUSE_OUT_OF_MEMORY] = { "the program used more memory than its machine has",
                              "choose a machine type with more memory, or make the batch smaller" },
    [CAUSE_CANNOT_START] = { "its container could not be started",
                             "see that the image has the program that the command names, for linux/amd64" },
    [CAUSE_INTERNAL] = { "Vertex AI failed", "launch it again; if it stays, give Google the job's name" },
    [CAUSE_START_TIMEOUT] = { "it did not start in time",
                              "give it longer (start_timeout_seconds), or more regions and machine types" },
    [CAUSE_DEADLINE] = { "its time was over", "give it longer: deadline_seconds, or the job's timeout" },
    [CAUSE_GONE] = { "its Vertex job was deleted", "launch it again when it is wanted after all" },
};

static bool is_image(struct str words)
{
    bool missing = says(words, "not found") || says(words, "does not exist") || says(words, "not be found") ||
                   says(words, "pull");

    return missing && (says(words, "mage ") || says(words, "image:") || says(words, "image_uri"));
}

/* "exited with a non-zero status of 137": what the number says beside the program's own meaning. */
static void exit_code(struct why *w, struct str words)
{
    static const struct str before = { "non-zero status of ", sizeof("non-zero status of ") - 1 };
    static const struct {
        int64_t code;
        const char *meaning;
    } rows[] = {
        { 126, "the file is not a program" },
        { 127, "there is no such program in the image" },
        { 134, "it aborted itself (SIGABRT)" },
        { 137, "it was killed (SIGKILL), often for want of memory" },
        { 139, "it touched memory that is not its own (SIGSEGV)" },
        { 143, "it was asked to end (SIGTERM)" },
    };
    ptrdiff_t at = str_find(words, before);
    struct str rest = str_sub(words, (size_t)(at < 0 ? 0 : at) + before.len, words.len);
    int64_t code = 0;

    if (at < 0 || !str_to_i64(str_take_digits(&rest), &code))
        return;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (rows[i].code == code) {
            why_evidence(w, "exit code %lld: %s", (long long)code, rows[i].meaning);
            return;
        }
    why_evidence(w, "exit code %lld", (long long)code);
}

static void add_fix(struct why *w, struct str fix)
{
    ptrdiff_t at = str_find(fix, STR("ITEM"));

    if (at < 0)
        why_fix(w, "%.*s", STR_ARG(fix));
    else
        why_fix(w, "%.*s%.*s%.*s", STR_ARG(str_sub(fix, 0, (size_t)at)), STR_ARG(w->f->item),
                STR_ARG(str_sub(fix, (size_t)at + 4, fix.len)));
}

void why_explain(struct why *w, const char *prefix, enum launch_cause cause, const struct why_words *words)
{
    bool image = is_image(words->text) && (cause == CAUSE_INVALID || cause == CAUSE_PROGRAM ||
                                           cause == CAUSE_CANNOT_START || cause == CAUSE_DENIED);

    if (words->text.len)
        why_evidence(w, "it was said: %.*s", STR_ARG(words->text));
    if (words->cause.len) {
        w->answer.cause = arena_printf(w->a, "%s_%.*s", prefix, STR_ARG(words->id));
        w->answer.summary = words->cause;
        if (words->permission.len)
            why_evidence(w, "missing permission: %.*s", STR_ARG(words->permission));
        why_fix(w, "%.*s", STR_ARG(words->fix));
        return;
    }
    if (image) {
        w->answer.cause = arena_printf(w->a, "%s_image", prefix);
        w->answer.summary = STR("its image cannot be had");
        why_fix(w,
                "see that the image is there and that Vertex AI may read it: gcloud artifacts docker images "
                "describe IMAGE");
        return;
    }
    if (cause != CAUSE_NONE)
        w->answer.cause = arena_printf(w->a, "%s_%s", prefix, launch_cause_name(cause));
    w->answer.summary = str_of(texts[cause].summary);
    exit_code(w, words->text);
    add_fix(w, str_of(texts[cause].fix));
}
