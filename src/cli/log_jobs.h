/* cli/log_jobs.h: which Vertex jobs ran for which queue items, as far as is known by now. */
#pragma once

#include "cli/log_reader.h"
#include "cli/session.h"

struct log_item {
    const char *id;
    const struct jval *now; /* as last fetched, in the memory of that round; NULL: it is not there */
    bool ended;
    bool searched;     /* its jobs were looked for by their label after it had ended */
    size_t notes_read; /* lines of its history */
    size_t job_count;
};
struct log_jobs; /* job id -> item */

struct log_jobs *log_jobs_new(struct google *g, struct str gcp_project, struct str region);
void log_jobs_free(struct log_jobs *j); /* NULL is a no-op */
/** log_jobs_find() - give @reader the jobs of @item that are new in item->now: those its history names, which
 * may be several, in any region; when it names none though the item is past that point, those with its label
 * in the region. @a for this round's memory. Yields. */
NODISCARD int log_jobs_find(struct log_jobs *j, struct arena *a, struct log_item *item,
                            struct log_reader *reader, struct err *e);
/** log_jobs_item() - whose job it is; NULL: nobody's. */
const struct log_item *log_jobs_item(const struct log_jobs *j, struct str job_id);
