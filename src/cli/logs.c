/* cli/logs.c: `slipway logs`: jobs' log lines by queue item, from Cloud Logging or the emulator. */
#include "cli/logs.h"

#include <stdio.h>

#include "base/timefmt.h"
#include "cli/item.h"
#include "cli/log_jobs.h"
#include "cli/roles.h"
#include "cli/verbs.h"
#include "launch/phase.h"

enum {
    ITEMS_MAX = 500,
    FOLLOW_MIN_MS = 1000,
    FOLLOW_MAX_MS = 10000,
    LATE_MS = 10000,      /* Cloud Logging shows a line seconds after it was written */
    LATE_LOCAL_MS = 2000, /* the emulator at once */
    QUIET_SHARE = 10      /* a look after a tenth of the time that it has been quiet */
};

struct follow {
    struct session *s;
    const struct logs_options *o;
    struct google *google;
    struct str gcp_project;
    struct log_reader *reader;
    struct log_jobs *jobs;
    struct log_item *items;
    size_t count;
    const struct jval *story; /* history of the one item whose states are shown; NULL: none */
    int64_t last_line_ms;     /* monotonic; when there was something new */
    uint32_t failures;
};

/* --- printing ------------------------------------------------------------------------------------------- */

static void print_json_line(FILE *to, const struct log_line *l, const struct log_item *item)
{
    AUTO_PTR(arena) a = arena_new();
    struct jval *o = jval_new_object(a);

    jval_set(a, o, "timestamp", jval_new_str(a, l->timestamp));
    jval_set(a, o, "severity", jval_new_str(a, l->severity));
    jval_set(a, o, "task", jval_new_str(a, l->task));
    jval_set(a, o, "text", jval_new_str(a, l->text));
    jval_set_cstr(a, o, "item", item ? item->id : NULL);
    fprintf(to, "%.*s\n", STR_ARG(jval_text(a, o, JVAL_COMPACT)));
}

static int64_t time_of(struct str timestamp)
{
    int64_t ms = 0;

    (void)rfc3339_parse(timestamp, &ms); /* one that cannot be read comes first */
    return ms;
}

/* The states before @unix_ms; the one that ended the item waits for the rest of the log. */
static void print_states(struct follow *f, int64_t unix_ms)
{
    size_t *shown = f->o->states_shown;
    size_t until = shown ? *shown : 0;

    while (until < jval_len(f->story) &&
           time_of(jval_str(jval_get(jval_at(f->story, until), "at"))) <= unix_ms)
        until++;
    if (!shown || until == *shown)
        return;
    fflush(stdout);
    item_print_news(f->items[0].now, until, false, shown);
}

static void print_line(void *ctx, const struct log_line *l)
{
    struct follow *f = ctx;
    const struct log_item *item = log_jobs_item(f->jobs, l->job_id);
    FILE *to = f->o->to_stderr ? stderr : stdout;

    print_states(f, time_of(l->timestamp));
    if (f->o->json) {
        print_json_line(to, l, item);
        return;
    }
    if (f->count > 1)
        fprintf(to, "%s ", item ? item->id : "?");
    fprintf(to, "%.*s %-14.*s %.*s\n", STR_ARG(l->timestamp), STR_ARG(l->task), STR_ARG(l->text));
}

/* --- following ------------------------------------------------------------------------------------------ */

/* All items that have not ended, with as few requests as can be; their jobs go to the reader. */
static int look_at_items(struct follow *f, struct err *e)
{
    const char **ids = arena_array(f->s->a, f->count, sizeof(*ids));
    const struct jval **found = arena_array(f->s->a, f->count, sizeof(*found));
    size_t n = 0, k = 0;
    int rc;

    for (size_t i = 0; i < f->count; i++)
        if (!f->items[i].ended)
            ids[n++] = f->items[i].id;
    rc = items_fetch(f->s, ids, n, found, e);
    for (size_t i = 0; !rc && i < f->count; i++) {
        struct log_item *item = &f->items[i];

        if (item->ended)
            continue;
        item->now = found[k++];
        item->ended = !item->now || item_has_ended(item->now);
        rc = item->now ? log_jobs_find(f->jobs, f->s->a, item, f->reader, e) : 0;
        if (rc) /* once more with the next look */
            item->ended = false;
    }
    return rc;
}

static bool all_ended(const struct follow *f)
{
    for (size_t i = 0; i < f->count; i++)
        if (!f->items[i].ended)
            return false;
    return true;
}

/* One look at items and lines. */
static int look(struct follow *f, size_t *ret_lines, struct err *e)
{
    int rc = look_at_items(f, e);

    *ret_lines = 0;
    f->story = !rc && f->o->states_shown ? jval_get(f->items[0].now, "history") : NULL;
    if (!rc)
        rc = log_reader_read(f->reader, ret_lines, e);
    if (!rc)
        print_states(f, INT64_MAX);
    fflush(stdout);
    f->story = NULL;
    return rc;
}

static void tell(struct follow *f, int rc, const struct err *e)
{
    if (rc && f->failures == 0)
        fprintf(stderr, "slipway: %s; trying again\n", e->msg);
    if (!rc && f->failures)
        fprintf(stderr, "slipway: it answers again\n");
    f->failures = rc ? f->failures + 1 : 0;
}

static int64_t late_ms(struct follow *f)
{
    AUTO_STRBUF struct strbuf url = STRBUF(4096);

    if (google_base(f->google, "logging", (struct str){ 0 }, &url, NULL))
        return LATE_MS;
    return str_has_prefix(strbuf_str(&url), STR("https:")) ? LATE_MS : LATE_LOCAL_MS;
}

static int64_t pause_ms(const struct follow *f)
{
    int64_t ms = (io_now_ms(f->s->io) - f->last_line_ms) / QUIET_SHARE;

    return ms < FOLLOW_MIN_MS ? FOLLOW_MIN_MS : ms > FOLLOW_MAX_MS ? FOLLOW_MAX_MS : ms;
}

/* @late: how long it was still after the last item had ended. */
static int follow_once(struct follow *f, struct err *e)
{
    struct arena *kept = f->s->a;
    bool had_ended = all_ended(f);
    size_t lines = 0;
    int rc;

    f->s->a = arena_new(); /* each look has its own memory: a job may run for days */
    rc = look(f, &lines, e);
    if (lines || had_ended != all_ended(f))
        f->last_line_ms = io_now_ms(f->s->io);
    for (size_t i = 0; i < f->count; i++)
        f->items[i].now = NULL;
    arena_free(f->s->a);
    f->s->a = kept;
    tell(f, rc, e);
    return rc;
}

static int follow(struct follow *f, struct err *e)
{
    int64_t late = late_ms(f);
    size_t lines = 0;

    f->last_line_ms = io_now_ms(f->s->io);
    for (;;) {
        int rc = follow_once(f, e);
        int64_t ms = pause_ms(f);

        if (rc && !err_is_transient(e))
            return rc;
        if (!rc && all_ended(f) && io_now_ms(f->s->io) - f->last_line_ms >= late)
            break;
        if (rc)
            ms = retry_delay_ms(f->failures, e, io_random_unit(f->s->io));
        else if (all_ended(f))
            ms = FOLLOW_MIN_MS;
        if (io_sleep(f->s->io, ms, e))
            return -e->code;
    }
    (void)!log_reader_finish(f->reader, &lines, NULL); /* a courtesy: what came in time is printed */
    fflush(stdout);
    return 0;
}

static int follow_open(struct follow *f, const char *const *ids, size_t count, struct err *e)
{
    if (count > ITEMS_MAX)
        return err_set(e, ERR_USAGE, "%zu items are more than the %d that can be read at once", count,
                       ITEMS_MAX);
    f->items = arena_array(f->s->a, count, sizeof(*f->items));
    f->count = count;
    for (size_t i = 0; i < count; i++)
        f->items[i].id = ids[i];
    if (role_google(f->s->io, &f->google, e) || google_project(f->google, &f->gcp_project, e))
        return -(int)e->code;
    f->jobs = log_jobs_new(f->google, f->gcp_project, str_of(role_region(f->s->io)));
    f->reader = log_reader_new(f->s->io, f->google, f->gcp_project, print_line, f);
    return 0;
}

static void follow_close(struct follow *f)
{
    log_reader_free(f->reader);
    log_jobs_free(f->jobs);
    google_free(f->google);
}

int logs_follow(struct session *s, const char *const *ids, size_t count, const struct logs_options *o,
                struct err *e)
{
    struct follow f = { .s = s, .o = o };
    int rc = follow_open(&f, ids, count, e);

    rc = rc ? rc : follow(&f, e);
    follow_close(&f);
    return rc;
}

/* --- the command ---------------------------------------------------------------------------------------- */

/* Every item is there: a wrong id is told at once, not waited for. */
static int check_items(struct session *s, const char *const *ids, size_t count, struct err *e)
{
    const struct jval **found = arena_array(s->a, count, sizeof(*found));

    if (items_fetch(s, ids, count, found, e))
        return -e->code;
    for (size_t i = 0; i < count; i++)
        if (!found[i])
            return err_set(e, ERR_NOT_FOUND, "no item \"%s\"; 'slipway items QUEUE' lists them", ids[i]);
    return 0;
}

static int print_once(struct session *s, const char *const *ids, size_t count, const struct logs_options *o,
                      struct err *e)
{
    struct follow f = { .s = s, .o = o };
    size_t lines = 0, missing = 0;
    const char *first = NULL;
    int rc = follow_open(&f, ids, count, e);

    rc = rc ? rc : look(&f, &lines, e);
    for (size_t i = 0; !rc && i < count; i++) {
        if (f.items[i].job_count)
            continue;
        first = first ? first : ids[i];
        missing++;
    }
    if (missing)
        rc = err_set(e, ERR_NOT_FOUND, "item %s%s has no Vertex job yet; 'slipway why %s' says where it is",
                     first, missing > 1 ? " (and others)" : "", first);
    follow_close(&f);
    return rc;
}

static int logs_run(struct io *io, const struct args *a, struct err *e)
{
    const struct logs_options o = { .json = args_json(a) };
    struct session s = { 0 };
    size_t count = args_operand_count(a);
    const char **ids;
    int rc = session_open(&s, io, a, e);

    if (rc == 0) {
        ids = arena_array(s.a, count, sizeof(*ids));
        for (size_t i = 0; i < count; i++)
            ids[i] = args_operand(a, i);
        rc = check_items(&s, ids, count, e);
    }
    if (rc == 0)
        rc = args_has(a, "follow") ? logs_follow(&s, ids, count, &o, e) : print_once(&s, ids, count, &o, e);
    session_close(&s);
    return rc;
}

static const struct option_row logs_rows[] = {
    { "follow", 'f', OPTION_FLAG, NULL, "print lines as they come, until the items have ended", 0, 0 },
    OPTION_ENTITY,
    OPTION_URL,
    OPTION_OUTPUT,
    OPTION_END,
};

const struct verb verb_logs = {
    .name = "logs",
    .operands = "ITEM...",
    .min_operands = 1,
    .max_operands = -1,
    .summary = "print the logs of items' jobs",
    .details =
        "Read from Cloud Logging with the credentials of this machine, or from the emulator when\n"
        "SLIPWAY_GOOGLE_ENDPOINT names it. Lines of several items (at most 500) begin with the item's id;\n"
        "all are read with one request, never more than 60 a minute, Cloud Logging's usual limit, and\n"
        "more slowly while nothing comes. With --follow, outages are waited for, and it ends when all\n"
        "items have ended and their late lines have come.\n"
        "-o json prints an object a line: timestamp, severity, task, text, item.",
    .examples = "  slipway logs ITEM\n  slipway logs -f ITEM\n  slipway logs -f ITEM1 ITEM2 ITEM3",
    .rows = logs_rows,
    .run = logs_run,
};
