/* agent/row.c: a journal row in memory: a plain value whose strings it owns. */
#include <stdlib.h>
#include <string.h>

#include "agent/journal.h"
#include "base/mem.h"

enum { ROW_STRINGS = 12 };

static void row_strings(struct launch_row *r, struct str *ret[ROW_STRINGS])
{
    struct str *const all[ROW_STRINGS] = {
        &r->item,   &r->queue,         &r->run_id,     &r->run_entity,    &r->wb_project, &r->gcp_project,
        &r->region, &r->attempt_label, &r->vertex_job, &r->vertex_status, &r->reason,     &r->stage,
    };

    memcpy(ret, all, sizeof(all));
}

void launch_row_done(struct launch_row *r)
{
    struct str *strings[ROW_STRINGS];

    row_strings(r, strings);
    for (size_t i = 0; i < ROW_STRINGS; i++)
        free((char *)strings[i]->ptr);
    *r = (struct launch_row){ 0 };
}

void launch_row_assign(struct launch_row *r, const struct launch_row *from)
{
    struct launch_row old = *r;
    struct str *strings[ROW_STRINGS];

    *r = *from;
    row_strings(r, strings);
    for (size_t i = 0; i < ROW_STRINGS; i++)
        if (strings[i]->ptr)
            strings[i]->ptr = xstrndup(strings[i]->ptr, strings[i]->len);
    launch_row_done(&old);
}

static bool same_place(const struct launch_place *a, const struct launch_place *b)
{
    return a->rung == b->rung && a->round == b->round && a->resumes == b->resumes && a->out == b->out;
}

static bool same_flags(const struct launch_row *a, const struct launch_row *b)
{
    return a->probe_needed == b->probe_needed && a->acked == b->acked && a->disowned == b->disowned &&
           a->own_key == b->own_key && a->taken_over == b->taken_over && a->scheduler == b->scheduler &&
           a->ran == b->ran && a->spot == b->spot && a->flexible == b->flexible;
}

static bool same_progress(const struct launch_row *a, const struct launch_row *b)
{
    return a->phase == b->phase && a->cause == b->cause && a->stop == b->stop && a->attempt == b->attempt &&
           a->retries == b->retries && a->probes == b->probes && a->rungs == b->rungs &&
           same_place(&a->at, &b->at);
}

bool launch_row_equal(const struct launch_row *a, const struct launch_row *b)
{
    struct launch_row x = *a, y = *b;
    struct str *xs[ROW_STRINGS], *ys[ROW_STRINGS];

    row_strings(&x, xs);
    row_strings(&y, ys);
    for (size_t i = 0; i < ROW_STRINGS; i++)
        if (!str_eq(*xs[i], *ys[i]))
            return false;
    return x.id == y.id && x.fence == y.fence && x.waiting_since_ms == y.waiting_since_ms &&
           same_flags(&x, &y) && same_progress(&x, &y);
}
