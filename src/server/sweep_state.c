/* server/sweep_state.c: names of a sweep's states, and which may follow which. */
#include "server/sweep_state.h"

#define TO(s) (1u << SWEEP_##s)
#define AGAIN (TO(RUNNING) | TO(PENDING))
#define ANY   (TO(RUNNING) | TO(PAUSED) | TO(STOPPED) | TO(FINISHED) | TO(CANCELED))

static const struct {
    const char *name;
    unsigned next;
} states[] = {
    [SWEEP_PENDING] = { "PENDING", ANY | TO(PENDING) },
    [SWEEP_RUNNING] = { "RUNNING", ANY },
    [SWEEP_PAUSED] = { "PAUSED", ANY | TO(PENDING) },
    [SWEEP_STOPPED] = { "STOPPED", AGAIN | TO(STOPPED) },
    [SWEEP_FINISHED] = { "FINISHED", AGAIN | TO(FINISHED) },
    [SWEEP_CANCELED] = { "CANCELED", AGAIN | TO(CANCELED) },
};

const char *sweep_state_name(enum sweep_state s)
{
    return states[s].name;
}

bool sweep_state_parse(struct str name, enum sweep_state *ret)
{
    if (str_is(name, "CANCELLED"))
        name = STR("CANCELED");
    for (int i = 0; i < SWEEP_STATE_COUNT_; i++) {
        if (!str_is(name, states[i].name))
            continue;
        *ret = (enum sweep_state)i;
        return true;
    }
    return false;
}

bool sweep_state_is_ended(enum sweep_state s)
{
    return s == SWEEP_STOPPED || s == SWEEP_FINISHED || s == SWEEP_CANCELED;
}

bool sweep_state_may(enum sweep_state from, enum sweep_state to)
{
    return (states[from].next & (1u << to)) != 0;
}
