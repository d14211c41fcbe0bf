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

bool launch_row_equal(const struct launch_row *a, const struct launch_row *b)
{
    struct launch_row x = *a, y = *b;
    struct str *xs[ROW_STRINGS], *ys[ROW_STRINGS];

    row_strings(&x, xs);
    row_strings(&y, ys);
    for (size_t i = 0; i < ROW_STRINGS; i++)
        if (!str_eq(*xs[i], *ys[i]))
            return false;
    return x.id == y.id && x.fence == y.fence && x.phase == y.phase && x.attempt == y.attempt &&
           x.retries == y.retries && x.probes == y.probes && x.stop_asked == y.stop_asked &&
           x.probe_needed == y.probe_needed && x.acked == y.acked && x.disowned == y.disowned &&
           x.own_key == y.own_key;
}
