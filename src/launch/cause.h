/*
 * launch/cause.h: why a create was refused or a job ended, as one of a few causes, and what follows from
 * each. Pure. The texts are Google's (reference vertex-and-google-auth.md 1.9 to 1.11); codes alone do not
 * tell the causes apart.
 */
#pragma once

#include <stdbool.h>

#include "base/err.h"
#include "base/str.h"

enum launch_cause {
    CAUSE_NONE,          /* nothing is wrong */
    CAUSE_OUTAGE,        /* no answer, 5xx, or one that makes no sense; a create may have happened */
    CAUSE_RATE_LIMIT,    /* 429 that clears within a minute */
    CAUSE_ABORTED,       /* 409: two requests met */
    CAUSE_QUOTA,         /* 429: the project may use no more of this machine here */
    CAUSE_STOCKOUT,      /* no such machine is free here */
    CAUSE_NOT_OFFERED,   /* 400: the region has no such machine */
    CAUSE_CREDENTIALS,   /* no token, or 401 with a fresh one */
    CAUSE_DENIED,        /* 403: permission, API off; the 400 of a missing actAs */
    CAUSE_INVALID,       /* any other refusal: the same request would be refused again */
    CAUSE_PREEMPTED,     /* a SPOT job that ran lost its machines for good */
    CAUSE_PROGRAM,       /* the program failed */
    CAUSE_OUT_OF_MEMORY, /* the program used more memory than the machine has */
    CAUSE_CANNOT_START,  /* the container could not be started */
    CAUSE_INTERNAL,      /* Vertex failed */
    CAUSE_START_TIMEOUT, /* it did not start in time */
    CAUSE_DEADLINE,      /* its time is over */
    CAUSE_GONE,          /* the job was deleted */
    CAUSE_COUNT
};
const char *launch_cause_name(enum launch_cause c); /* "quota": in the journal, metrics and logs */
/** launch_cause_parse() - false, and *ret untouched, for another name. */
bool launch_cause_parse(struct str name, enum launch_cause *ret);

enum launch_remedy {
    REMEDY_RETRY,     /* the same again, soon */
    REMEDY_WAIT,      /* the same again, once things may have changed */
    REMEDY_NEXT_RUNG, /* the next rung of the ladder; after the last one: wait */
    REMEDY_SKIP_RUNG, /* the next rung, and never this one again; after the last one: fail */
    REMEDY_RESUME,    /* the same again, taking up what is there, so many times */
    REMEDY_FAIL
};
enum launch_remedy launch_remedy(enum launch_cause c);
/** launch_cause_is_capacity() - may the wait be long, and end when others give machines back? */
bool launch_cause_is_capacity(enum launch_cause c);

/** launch_cause_of_create() - of a create that failed with @e; NULL counts as no answer. */
enum launch_cause launch_cause_of_create(const struct err *e);

struct launch_end {   /* a job that ended without success */
    struct str error; /* Vertex's words; absent: it gave none */
    bool ran;         /* it was running at some time */
    bool spot;        /* its machines could be taken away */
};
enum launch_cause launch_cause_of_end(const struct launch_end *end);
