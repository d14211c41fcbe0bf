/* cli/logs.c: `slipway logs`: a job's log lines by queue item, from Cloud Logging or the emulator. */
#include "cli/logs.h"

#include <stdio.h>

#include "cli/item.h"
#include "cli/roles.h"
#include "cli/verbs.h"
#include "google/logging.h"
#include "google/vertex.h"
#include "launch/render.h"

enum { FOLLOW_MS = 1000, STILL_ROUNDS = 2 };

struct follow {
    struct session *s;
    struct google *google;
    struct str gcp_project, region;
    struct str job_id, since; /* of the newest Vertex job of the item; absent before there is one */
    struct str last_timestamp, last_insert_id;
};

/* The job carries the item's id as a label; the newest one wins when it was submitted again. */
static int find_job(struct follow *f, const char *item_id, struct err *e)
{
    struct str label = label_value(f->s->a, str_of(item_id));
    const struct vertex_place where = { f->gcp_project, f->region };
    struct vertex_jobs jobs = { 0 };
    char *filter = arena_printf(f->s->a, "labels." LABEL_ITEM "=\"%.*s\"", STR_ARG(label));

    if (vertex_list(f->google, f->s->a, &where, str_of(filter), &jobs, e))
        return err_wrap(e, "looking for the Vertex job of item %s", item_id);
    for (size_t i = 0; i < jobs.len; i++) {
        const struct vertex_job *job = &jobs.at[i];
        ptrdiff_t slash = -1;

        if (f->since.ptr && str_cmp(job->create_time, f->since) <= 0)
            continue;
        for (size_t k = 0; k < job->name.len; k++)
            if (job->name.ptr[k] == '/')
                slash = (ptrdiff_t)k;
        f->job_id = str_sub(job->name, (size_t)(slash + 1), job->name.len);
        f->since = job->create_time;
    }
    return 0;
}

static int print_new(struct follow *f, size_t *ret_count, struct err *e)
{
    const struct log_query query = { .gcp_project = f->gcp_project,
                                     .job_id = f->job_id,
                                     .since = f->since,
                                     .after_timestamp = f->last_timestamp,
                                     .after_insert_id = f->last_insert_id };
    struct log_line *lines = NULL;
    size_t len = 0;

    if (logging_read(f->google, f->s->a, &query, &lines, &len, e))
        return err_wrap(e, "reading the log of job %.*s", STR_ARG(f->job_id));
    for (size_t i = 0; i < len; i++)
        printf("%.*s %-14.*s %.*s\n", STR_ARG(lines[i].timestamp), STR_ARG(lines[i].task),
               STR_ARG(lines[i].text));
    fflush(stdout);
    if (len) {
        f->last_timestamp = lines[len - 1].timestamp;
        f->last_insert_id = lines[len - 1].insert_id;
    }
    *ret_count = len;
    return 0;
}

static int look(struct follow *f, const char *item_id, size_t *ret_count, struct err *e)
{
    *ret_count = 0;
    if (!f->job_id.ptr && find_job(f, item_id, e))
        return -e->code;
    return f->job_id.ptr ? print_new(f, ret_count, e) : 0;
}

static int follow(struct follow *f, const char *item_id, struct err *e)
{
    int still = 0;

    while (still < STILL_ROUNDS) {
        const struct jval *item = NULL;
        size_t count = 0;
        int rc = item_fetch(f->s, item_id, &item, e);

        if (rc == 0)
            rc = look(f, item_id, &count, e);
        if (rc && !err_is_transient(e))
            return rc;
        still = rc == 0 && item_has_ended(item) && count == 0 ? still + 1 : 0;
        if (still < STILL_ROUNDS && io_sleep(f->s->io, FOLLOW_MS, e))
            return -e->code;
    }
    return 0;
}

static int open_follow(struct follow *f, struct session *s, struct err *e)
{
    *f = (struct follow){ .s = s, .google = role_google(s->io), .region = str_of(role_region(s->io)) };
    return google_project(f->google, &f->gcp_project, e);
}

int logs_follow_item(struct session *s, const char *item_id, struct err *e)
{
    struct follow f;
    int rc = open_follow(&f, s, e);

    if (rc == 0)
        rc = follow(&f, item_id, e);
    google_free(f.google);
    return rc;
}

static int print_once(struct session *s, const char *item_id, struct err *e)
{
    struct follow f;
    const struct jval *item = NULL;
    size_t count = 1;
    int rc = open_follow(&f, s, e);

    if (rc == 0)
        rc = item_fetch(s, item_id, &item, e);
    while (rc == 0 && count > 0)
        rc = look(&f, item_id, &count, e);
    if (rc == 0 && !f.job_id.ptr)
        rc = err_set(e, ERR_NOT_FOUND,
                     "item %s has no Vertex job yet; 'slipway items show %s' says where it is", item_id,
                     item_id);
    google_free(f.google);
    return rc;
}

static int logs_run(struct io *io, const struct args *a, struct err *e)
{
    struct session s = { 0 };
    int rc = session_open(&s, io, a, e);

    if (rc == 0)
        rc = args_has(a, "follow") ? logs_follow_item(&s, args_operand(a, 0), e)
                                   : print_once(&s, args_operand(a, 0), e);
    session_close(&s);
    return rc;
}

static const struct option_row logs_rows[] = {
    { "follow", 'f', OPTION_FLAG, NULL, "print lines as they come, until the item has ended", 0, 0 },
    OPTION_ENTITY,
    OPTION_URL,
    OPTION_END,
};

const struct verb verb_logs = {
    .name = "logs",
    .operands = "ITEM",
    .min_operands = 1,
    .max_operands = 1,
    .summary = "print the log of an item's job",
    .details = "Read from Cloud Logging with the credentials of this machine, or from the emulator when\n"
               "SLIPWAY_GOOGLE_ENDPOINT names it. The region is GOOGLE_CLOUD_REGION, else us-central1.",
    .examples = "  slipway logs ITEM\n  slipway logs -f ITEM",
    .rows = logs_rows,
    .run = logs_run,
};
