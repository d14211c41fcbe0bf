/* cli/log_reader.c: following the logs of many jobs with few reads. */
#include "cli/log_reader.h"

#include <stdlib.h>

#include "agent/bucket.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/timefmt.h"
#include "base/vec.h"

enum {
    OVERLAP_MS = 10000,
    LAST_LOOK_MS = 60000,
    REMEMBER_MS = 70000, /* more than the last look */
    /* In any minute at most the burst and one an interval: 10 + 50. */
    READ_INTERVAL_MS = 1200,
    READ_BURST = LOG_READS_A_MINUTE - 60000 / READ_INTERVAL_MS
};

/* Jobs that are read with one request. */
struct batch {
    struct str *job_ids; /* in the reader's arena */
    size_t len;
    int64_t newest_ms; /* everything older was read; before the first line: where to begin */
    bool began;        /* a line was seen */
};

struct log_reader {
    struct io *io;
    struct google *google;
    struct str gcp_project;
    log_line_fn line;
    void *ctx;
    struct arena *a;
    struct vec batches;
    struct bucket turns;
    /* Which lines of the last minute were seen: two generations, each of at least REMEMBER_MS. */
    struct map *seen, *seen_before;
    int64_t seen_from_ms;
};

struct log_reader *log_reader_new(struct io *io, struct google *g, struct str gcp_project, log_line_fn line,
                                  void *ctx)
{
    struct log_reader *r = xcalloc(1, sizeof(*r));

    *r = (struct log_reader){ .io = io,
                              .google = g,
                              .gcp_project = gcp_project,
                              .line = line,
                              .ctx = ctx,
                              .a = arena_new(),
                              .turns = { .interval_ms = READ_INTERVAL_MS, .burst = READ_BURST },
                              .seen = map_new(),
                              .seen_before = map_new() };
    return r;
}

void log_reader_free(struct log_reader *r)
{
    if (!r)
        return;
    for (size_t i = 0; i < r->batches.len; i++)
        free(r->batches.items[i]);
    vec_done(&r->batches);
    map_free(r->seen);
    map_free(r->seen_before);
    arena_free(r->a);
    free(r);
}

/* --- batches -------------------------------------------------------------------------------------------- */

static struct batch *batch_new(struct log_reader *r, int64_t since_unix_ms)
{
    struct batch *b = xcalloc(1, sizeof(*b));

    b->job_ids = arena_array(r->a, LOG_JOBS_MAX, sizeof(*b->job_ids));
    b->newest_ms = since_unix_ms;
    vec_push(&r->batches, b);
    return b;
}

/* Jobs that come later are caught up with in a batch of their own, so that the others are not read anew. */
void log_reader_add(struct log_reader *r, struct str job_id, int64_t since_unix_ms)
{
    struct batch *b = r->batches.len ? r->batches.items[r->batches.len - 1] : NULL;

    if (!b || b->began || b->len == LOG_JOBS_MAX)
        b = batch_new(r, since_unix_ms);
    b->job_ids[b->len++] = arena_str(r->a, job_id);
    if (since_unix_ms < b->newest_ms)
        b->newest_ms = since_unix_ms;
}

/* All were read to their ends just now, so that two that fit into one request can be one. */
static void merge(struct log_reader *r)
{
    for (size_t i = r->batches.len; i > 1; i--) {
        struct batch *b = r->batches.items[i - 1], *before = r->batches.items[i - 2];

        if (!b->began || !before->began || before->len + b->len > LOG_JOBS_MAX)
            continue;
        for (size_t k = 0; k < b->len; k++)
            before->job_ids[before->len++] = b->job_ids[k];
        if (b->newest_ms > before->newest_ms)
            before->newest_ms = b->newest_ms;
        vec_remove(&r->batches, i - 1);
        free(b);
    }
}

/* --- lines ---------------------------------------------------------------------------------------------- */

static bool is_new(struct log_reader *r, struct arena *a, const struct log_line *l, int64_t at_ms)
{
    const char *key = arena_printf(a, "%.*s/%.*s", STR_ARG(l->job_id), STR_ARG(l->insert_id));

    if (map_get(r->seen, str_of(key)) || map_get(r->seen_before, str_of(key)))
        return false;
    if (at_ms - r->seen_from_ms >= REMEMBER_MS) {
        map_free(r->seen_before);
        r->seen_before = r->seen;
        r->seen = map_new();
        r->seen_from_ms = at_ms;
    }
    (void)map_put(r->seen, str_of(key), r);
    return true;
}

static size_t take_page(struct log_reader *r, struct arena *a, struct batch *b, const struct log_page *page)
{
    size_t count = 0;

    for (size_t i = 0; i < page->len; i++) {
        const struct log_line *l = &page->lines[i];
        int64_t at_ms = b->newest_ms;

        (void)rfc3339_parse(l->timestamp, &at_ms); /* one that cannot be read is as old as the newest */
        if (!b->began || at_ms > b->newest_ms)
            b->newest_ms = at_ms;
        b->began = true;
        if (!is_new(r, a, l, at_ms))
            continue;
        r->line(r->ctx, l);
        count++;
    }
    return count;
}

/* --- reading -------------------------------------------------------------------------------------------- */

static int read_batch(struct log_reader *r, struct batch *b, int64_t back_ms, size_t *lines, struct err *e)
{
    AUTO_PTR(arena) kept = arena_new();
    char since[RFC3339_SIZE];
    struct log_query q = { .gcp_project = r->gcp_project, .job_ids = b->job_ids, .job_count = b->len };
    bool more = true;

    q.since = str_of(rfc3339_format(b->began ? b->newest_ms - back_ms : b->newest_ms, since));
    while (more) {
        AUTO_PTR(arena) a = arena_new();
        struct log_page page = { 0 };
        int rc = io_sleep(r->io, bucket_take(&r->turns, io_now_ms(r->io)), e);

        rc = rc ? rc : logging_read(r->google, a, &q, &page, e);
        if (rc)
            return rc;
        *lines += take_page(r, a, b, &page);
        more = page.next_token.len > 0;
        q.page_token = arena_str(kept, page.next_token);
    }
    return 0;
}

static int read_all(struct log_reader *r, int64_t back_ms, size_t *ret_lines, struct err *e)
{
    int rc = 0;

    *ret_lines = 0;
    for (size_t i = r->batches.len; !rc && i > 0; i--) /* the oldest batch last: it takes the others in */
        rc = read_batch(r, r->batches.items[i - 1], back_ms, ret_lines, e);
    if (!rc)
        merge(r);
    return rc;
}

int log_reader_read(struct log_reader *r, size_t *ret_lines, struct err *e)
{
    return read_all(r, OVERLAP_MS, ret_lines, e);
}

int log_reader_finish(struct log_reader *r, size_t *ret_lines, struct err *e)
{
    return read_all(r, LAST_LOOK_MS, ret_lines, e);
}
