/* cli/logs.c: `slipway logs`: a job's log lines by queue item, from Cloud Logging or the emulator. */
#include "cli/logs.h"

#include <stdio.h>

#include "base/timefmt.h"
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
    const struct logs_options *o;
    struct str gcp_project, region;
    struct strbuf job_id, since; /* of the newest Vertex job of the item; empty before there is one */
    struct strbuf last_timestamp, last_insert_id;
};

static void keep(struct strbuf *b, struct str s)
{
    strbuf_reset(b);
    strbuf_add(b, s);
}

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

        if (f->since.len && str_cmp(job->create_time, strbuf_str(&f->since)) <= 0)
            continue;
        for (size_t k = 0; k < job->name.len; k++)
            if (job->name.ptr[k] == '/')
                slash = (ptrdiff_t)k;
        keep(&f->job_id, str_sub(job->name, (size_t)(slash + 1), job->name.len));
        keep(&f->since, job->create_time);
    }
    return 0;
}

struct lines {
    struct log_line *at;
    size_t len;
};

static int read_new(struct follow *f, struct lines *ret, struct err *e)
{
    const struct log_query query = { .gcp_project = f->gcp_project,
                                     .job_id = strbuf_str(&f->job_id),
                                     .since = strbuf_str(&f->since),
                                     .after_timestamp = strbuf_str(&f->last_timestamp),
                                     .after_insert_id = strbuf_str(&f->last_insert_id) };
    struct lines l = { 0 };

    if (logging_read(f->google, f->s->a, &query, &l.at, &l.len, e))
        return err_wrap(e, "reading the log of job %s", strbuf_cstr(&f->job_id));
    if (l.len) {
        keep(&f->last_timestamp, l.at[l.len - 1].timestamp);
        keep(&f->last_insert_id, l.at[l.len - 1].insert_id);
    }
    *ret = l;
    return 0;
}

static int look(struct follow *f, const char *item_id, struct lines *ret, struct err *e)
{
    *ret = (struct lines){ 0 };
    if (!f->job_id.len && find_job(f, item_id, e))
        return -e->code;
    return f->job_id.len ? read_new(f, ret, e) : 0;
}

static void print_line(const struct follow *f, const struct log_line *l)
{
    FILE *to = f->o->to_stderr ? stderr : stdout;
    struct jval *o = NULL;

    if (!f->o->json) {
        fprintf(to, "%.*s %-14.*s %.*s\n", STR_ARG(l->timestamp), STR_ARG(l->task), STR_ARG(l->text));
        return;
    }
    o = jval_new_object(f->s->a);
    jval_set(f->s->a, o, "timestamp", jval_new_str(f->s->a, l->timestamp));
    jval_set(f->s->a, o, "severity", jval_new_str(f->s->a, l->severity));
    jval_set(f->s->a, o, "task", jval_new_str(f->s->a, l->task));
    jval_set(f->s->a, o, "text", jval_new_str(f->s->a, l->text));
    fprintf(to, "%.*s\n", STR_ARG(jval_text(f->s->a, o, JVAL_COMPACT)));
}

static int64_t time_of(struct str timestamp)
{
    int64_t ms = 0;

    (void)rfc3339_parse(timestamp, &ms); /* one that cannot be read comes first */
    return ms;
}

/* States and lines in the order of their times; the state that ended the item waits for the rest of the log.
 */
static void print_round(struct follow *f, const struct jval *item, const struct lines *lines)
{
    const struct jval *history = jval_get(item, "history");
    size_t state = f->o->states_shown ? *f->o->states_shown : jval_len(history);
    size_t i = 0;

    for (; state < jval_len(history); state++) {
        int64_t at = time_of(jval_str(jval_get(jval_at(history, state), "at")));

        while (i < lines->len && time_of(lines->at[i].timestamp) < at)
            print_line(f, &lines->at[i++]);
        fflush(stdout);
        item_print_news(item, state + 1, false, f->o->states_shown);
    }
    while (i < lines->len)
        print_line(f, &lines->at[i++]);
    fflush(stdout);
}

/* One look at the item and its log. *ret_still: the item has ended and there was nothing new. */
static int follow_once(struct follow *f, const char *item_id, const struct jval **ret, bool *ret_still,
                       struct err *e)
{
    struct lines lines = { 0 };
    const struct jval *item = NULL;

    if (item_fetch(f->s, item_id, &item, e) || look(f, item_id, &lines, e))
        return -e->code;
    print_round(f, item, &lines);
    *ret_still = item_has_ended(item) && lines.len == 0;
    *ret = item;
    return 0;
}

static int follow(struct follow *f, const char *item_id, const struct jval **ret, struct err *e)
{
    struct arena *kept = f->s->a;
    int still = 0;

    while (still < STILL_ROUNDS) {
        const struct jval *item = NULL;
        bool now_still = false;
        int rc = 0;

        f->s->a = arena_new(); /* each look has its own memory: a job may run for days */
        rc = follow_once(f, item_id, &item, &now_still, e);
        still = now_still ? still + 1 : 0;
        if (still == STILL_ROUNDS) {
            if (f->o->states_shown)
                item_print_news(item, SIZE_MAX, true, f->o->states_shown);
            *ret = jval_copy(kept, item);
        }
        arena_free(f->s->a);
        f->s->a = kept;
        if (rc && !err_is_transient(e))
            return rc;
        if (still < STILL_ROUNDS && io_sleep(f->s->io, FOLLOW_MS, e))
            return -e->code;
    }
    return 0;
}

static int follow_open(struct follow *f, struct session *s, const struct logs_options *o, struct err *e)
{
    *f = (struct follow){ .s = s,
                          .o = o,
                          .region = str_of(role_region(s->io)),
                          .job_id = STRBUF(64),
                          .since = STRBUF(64),
                          .last_timestamp = STRBUF(64),
                          .last_insert_id = STRBUF(512) };
    if (role_google(s->io, &f->google, e))
        return -(int)e->code;
    return google_project(f->google, &f->gcp_project, e);
}

static void follow_close(struct follow *f)
{
    google_free(f->google);
    strbuf_done(&f->job_id);
    strbuf_done(&f->since);
    strbuf_done(&f->last_timestamp);
    strbuf_done(&f->last_insert_id);
}

int logs_follow_item(struct session *s, const char *item_id, const struct logs_options *o,
                     const struct jval **ret, struct err *e)
{
    struct follow f;
    int rc = follow_open(&f, s, o, e);

    if (rc == 0)
        rc = follow(&f, item_id, ret, e);
    follow_close(&f);
    return rc;
}

static int print_once(struct session *s, const char *item_id, const struct logs_options *o, struct err *e)
{
    struct follow f;
    const struct jval *item = NULL;
    struct lines lines = { .len = 1 };
    int rc = follow_open(&f, s, o, e);

    if (rc == 0)
        rc = item_fetch(s, item_id, &item, e);
    while (rc == 0 && lines.len > 0) {
        rc = look(&f, item_id, &lines, e);
        if (rc == 0)
            print_round(&f, item, &lines);
    }
    if (rc == 0 && !f.job_id.len)
        rc = err_set(e, ERR_NOT_FOUND,
                     "item %s has no Vertex job yet; 'slipway items show %s' says where it is", item_id,
                     item_id);
    follow_close(&f);
    return rc;
}

static int logs_run(struct io *io, const struct args *a, struct err *e)
{
    const struct logs_options o = { .json = args_json(a) };
    struct session s = { 0 };
    const struct jval *item = NULL;
    int rc = session_open(&s, io, a, e);

    if (rc == 0)
        rc = args_has(a, "follow") ? logs_follow_item(&s, args_operand(a, 0), &o, &item, e)
                                   : print_once(&s, args_operand(a, 0), &o, e);
    session_close(&s);
    return rc;
}

static const struct option_row logs_rows[] = {
    { "follow", 'f', OPTION_FLAG, NULL, "print lines as they come, until the item has ended", 0, 0 },
    OPTION_ENTITY,
    OPTION_URL,
    OPTION_OUTPUT,
    OPTION_END,
};

const struct verb verb_logs = {
    .name = "logs",
    .operands = "ITEM",
    .min_operands = 1,
    .max_operands = 1,
    .summary = "print the log of an item's job",
    .details = "Read from Cloud Logging with the credentials of this machine, or from the emulator when\n"
               "SLIPWAY_GOOGLE_ENDPOINT names it. The region is GOOGLE_CLOUD_REGION, else us-central1.\n"
               "-o json prints an object a line: timestamp, severity, task, text.",
    .examples = "  slipway logs ITEM\n  slipway logs -f ITEM",
    .rows = logs_rows,
    .run = logs_run,
};
