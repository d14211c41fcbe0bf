/* launch/why_internal.h: what why.c and why_words.c share. */
#pragma once

#include "launch/why.h"

struct why {
    struct arena *a;
    const struct why_facts *f;
    struct why_answer answer;
};
void why_evidence(struct why *w, const char *fmt, ...) PRINTF(2, 3);
void why_fix(struct why *w, const char *fmt, ...) PRINTF(2, 3);

/* why_words.c */
/** why_wait_cause(), why_end_cause() - what the words of a wait, of a failure, come to. */
enum launch_cause why_wait_cause(struct str words);
enum launch_cause why_end_cause(struct str words, struct str stage);
/** why_explain() - @w's answer for @cause: id (@prefix before its name), evidence and fix. */
void why_explain(struct why *w, const char *prefix, enum launch_cause cause, const struct why_words *words);
