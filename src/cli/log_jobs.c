/* cli/log_jobs.c: which Vertex jobs ran for which queue items. */
#include "cli/log_jobs.h"

#include <stdlib.h>

#include "base/map.h"
#include "base/mem.h"
#include "base/timefmt.h"
#include "cli/item.h"
#include "google/vertex.h"
#include "launch/render.h"
#include "launch/why.h"

struct log_jobs {
    struct google *google;
    struct str gcp_project, region;
    struct map *owners;
};

struct log_jobs *log_jobs_new(struct google *g, struct str gcp_project, struct str region)
{
    struct log_jobs *j = xcalloc(1, sizeof(*j));

    *j = (struct log_jobs){ g, gcp_project, region, map_new() };
    return j;
}

void log_jobs_free(struct log_jobs *j)
{
    if (!j)
        return;
    map_free(j->owners);
    free(j);
}

const struct log_item *log_jobs_item(const struct log_jobs *j, struct str job_id)
{
    return map_get(j->owners, job_id);
}

/* The number at the end of "projects/.../customJobs/123". */
static struct str number_of(struct str name)
{
    struct str rest = name, part = { 0 };

    while (str_cut(&rest, '/', &part))
        continue;
    return str_trim(part);
}

static void add_job(struct log_jobs *j, struct log_item *item, struct log_reader *reader, struct str name)
{
    struct str number = number_of(name);
    int64_t created_ms = 0;

    if (!number.len || map_get(j->owners, number))
        return;
    (void)rfc3339_parse(jval_str(jval_get(item->now, "createdAt")), &created_ms); /* no job is older */
    (void)map_put(j->owners, number, item);
    log_reader_add(reader, number, created_ms);
    item->job_count++;
}

static int find_by_label(struct log_jobs *j, struct arena *a, struct log_item *item,
                         struct log_reader *reader, struct err *e)
{
    struct str label = label_value(a, str_of(item->id));
    const struct vertex_place where = { j->gcp_project, j->region };
    struct vertex_jobs jobs = { 0 };
    char *filter = arena_printf(a, "labels." LABEL_ITEM "=\"%.*s\"", STR_ARG(label));

    if (vertex_list(j->google, a, &where, str_of(filter), &jobs, e))
        return err_wrap(e, "looking for the Vertex job of item %s", item->id);
    for (size_t i = 0; i < jobs.len; i++)
        add_job(j, item, reader, jobs.at[i].name);
    return 0;
}

int log_jobs_find(struct log_jobs *j, struct arena *a, struct log_item *item, struct log_reader *reader,
                  struct err *e)
{
    const struct jval *history = jval_get(item->now, "history");
    struct str state = jval_str(jval_get(item->now, "state"));
    bool past = str_is(state, "RUNNING") || (item->ended && !item->searched);
    int rc = 0;

    for (; item->notes_read < jval_len(history); item->notes_read++) {
        struct str note = jval_str(jval_get(jval_at(history, item->notes_read), "note"));

        if (str_has_prefix(note, STR(WHY_NOTE_JOB "projects/")))
            add_job(j, item, reader, note);
    }
    if (!item->job_count && past) /* the note was lost on its way */
        rc = find_by_label(j, a, item, reader, e);
    item->searched = item->searched || (!rc && item->ended);
    return rc;
}
