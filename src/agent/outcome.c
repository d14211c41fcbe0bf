/* agent/outcome.c: what an act came to, as the event that decides what comes next. */
#include "agent/acts.h"

void outcome_set(struct outcome *out, enum launch_event_kind kind)
{
    out->ev = (struct launch_event){ .kind = kind, .err = out->err.code ? &out->err : NULL };
}

void outcome_reset(struct outcome *out)
{
    out->err = (struct err){ 0 };
    strbuf_reset(&out->reason);
    strbuf_reset(&out->job);
    out->acked = out->disowned = false;
    out->rungs = 0;
}
