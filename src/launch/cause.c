/* launch/cause.c: Google's answers as causes, by their texts, and the table of what follows. */
#include "launch/cause.h"

#include <assert.h>

static const struct {
    const char *name;
    enum launch_remedy remedy;
} causes[CAUSE_COUNT] = {
    [CAUSE_NONE] = { "none", REMEDY_FAIL },
    [CAUSE_OUTAGE] = { "outage", REMEDY_RETRY },
    [CAUSE_RATE_LIMIT] = { "rate_limit", REMEDY_RETRY },
    [CAUSE_ABORTED] = { "aborted", REMEDY_RETRY },
    [CAUSE_QUOTA] = { "quota", REMEDY_NEXT_RUNG },
    [CAUSE_STOCKOUT] = { "stockout", REMEDY_NEXT_RUNG },
    [CAUSE_NOT_OFFERED] = { "not_offered", REMEDY_SKIP_RUNG },
    [CAUSE_CREDENTIALS] = { "credentials", REMEDY_WAIT },
    [CAUSE_DENIED] = { "denied", REMEDY_FAIL },
    [CAUSE_INVALID] = { "invalid", REMEDY_FAIL },
    [CAUSE_PREEMPTED] = { "preempted", REMEDY_RESUME },
    [CAUSE_PROGRAM] = { "program", REMEDY_FAIL },
    [CAUSE_OUT_OF_MEMORY] = { "out_of_memory", REMEDY_FAIL },
    [CAUSE_CANNOT_START] = { "cannot_start", REMEDY_FAIL },
    [CAUSE_INTERNAL] = { "internal", REMEDY_FAIL },
    [CAUSE_START_TIMEOUT] = { "start_timeout", REMEDY_NEXT_RUNG },
    [CAUSE_DEADLINE] = { "deadline", REMEDY_FAIL },
    [CAUSE_GONE] = { "gone", REMEDY_FAIL },
};

const char *launch_cause_name(enum launch_cause c)
{
    assert((unsigned)c < CAUSE_COUNT);
    return causes[c].name;
}

bool launch_cause_parse(struct str name, enum launch_cause *ret)
{
    for (unsigned i = 0; i < CAUSE_COUNT; i++) {
        if (str_is(name, causes[i].name)) {
            *ret = (enum launch_cause)i;
            return true;
        }
    }
    return false;
}

enum launch_remedy launch_remedy(enum launch_cause c)
{
    assert((unsigned)c < CAUSE_COUNT);
    return causes[c].remedy;
}

bool launch_cause_is_capacity(enum launch_cause c)
{
    return c == CAUSE_QUOTA || c == CAUSE_STOCKOUT || c == CAUSE_START_TIMEOUT || c == CAUSE_PREEMPTED;
}

static bool says(struct str text, const char *part)
{
    return str_find(text, str_of(part)) >= 0;
}

static bool is_stockout(struct str text)
{
    return says(text, "Resources are insufficient in region");
}

/* Of the two kinds of 429 the one about machines has its own words; one with a hint when to come again, or
 * a rate in its text, is the other. */
static enum launch_cause of_429(const struct err *e, struct str text)
{
    if (says(text, "exceed quota limits"))
        return CAUSE_QUOTA;
    if (e->retry_after_ms > 0 || says(text, "RATE_LIMIT_EXCEEDED") || says(text, "per minute"))
        return CAUSE_RATE_LIMIT;
    return CAUSE_QUOTA;
}

static enum launch_cause of_400(struct str text)
{
    if (says(text, "Machine type") && says(text, "is not supported"))
        return CAUSE_NOT_OFFERED;
    return says(text, "permission to act as service_account") ? CAUSE_DENIED : CAUSE_INVALID;
}

enum launch_cause launch_cause_of_create(const struct err *e)
{
    struct str text;

    if (!e)
        return CAUSE_OUTAGE;
    text = str_of(e->msg);
    if (is_stockout(text))
        return CAUSE_STOCKOUT;
    if (e->code == ERR_THROTTLED)
        return of_429(e, text);
    if (e->code == ERR_CONFLICT) /* names are not ours to choose, so nothing can exist already */
        return CAUSE_ABORTED;
    if (e->code == ERR_AUTH)
        return CAUSE_CREDENTIALS;
    if (e->code == ERR_DENIED)
        return CAUSE_DENIED;
    return err_is_transient(e) ? CAUSE_OUTAGE : of_400(text);
}

enum launch_cause launch_cause_of_end(const struct launch_end *end)
{
    struct str text = end->error;

    if (is_stockout(text))
        return end->spot && end->ran ? CAUSE_PREEMPTED : CAUSE_STOCKOUT;
    if (says(text, "ran out of memory"))
        return CAUSE_OUT_OF_MEMORY;
    if (says(text, "Termination reason: StartError"))
        return CAUSE_CANNOT_START;
    if (says(text, "maximum running time"))
        return CAUSE_DEADLINE;
    return says(text, "Internal error occurred") ? CAUSE_INTERNAL : CAUSE_PROGRAM;
}
