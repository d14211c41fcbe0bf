/*
 * emulator/log_queue.c: lines on their way from the containers to the store. One fiber writes whatever waits
 * in one transaction, so that a talkative job costs a commit a batch and not a commit a line; producers wait
 * when the disk is slower than they are.
 */
#include "base/log.h"
#include "base/mem.h"
#include "emulator/emulator_internal.h"

#include <stdlib.h>
#include <string.h>

enum { WAITING_MAX_BYTES = 4 * 1024 * 1024, BATCH_MAX = 2000 };

struct log_queue {
    struct emulator *m;
    struct group *writer;
    struct line_row *rows; /* texts are owned */
    size_t len, cap, bytes;
    uint64_t taken, written; /* lines */
    struct cond more, less;
    bool ending;
};

static void rows_free(struct line_row *rows, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        free((void *)(uintptr_t)rows[i].task.ptr);
        free((void *)(uintptr_t)rows[i].text.ptr);
    }
    free(rows);
}

static void write_batch(struct log_queue *q)
{
    struct line_row *rows = q->rows;
    size_t len = q->len;
    struct err e = { 0 };

    q->rows = NULL;
    q->len = q->cap = q->bytes = 0;
    if (store_add_lines(q->m->db, rows, len, &e) && e.code != ERR_CANCELLED)
        LOG_ERROR("emulator.log_lost", "lines=%zu error=\"%s\"", len, e.msg);
    rows_free(rows, len);
    q->written += len;
    cond_broadcast(q->m->io, &q->less);
}

static void writer_main(void *arg)
{
    struct log_queue *q = arg;
    struct err e;

    while (q->len > 0 || !q->ending) {
        if (q->len > 0)
            write_batch(q);
        else if (cond_wait(q->m->io, &q->more, -1, &e))
            break;
    }
    q->ending = true; /* nobody will write any more: producers must not wait */
    cond_broadcast(q->m->io, &q->less);
}

struct log_queue *log_queue_new(struct emulator *m)
{
    struct log_queue *q = xcalloc(1, sizeof(*q));

    q->m = m;
    q->writer = group_new(m->io);
    group_spawn(q->writer, "emulator log writer", writer_main, q);
    return q;
}

void log_queue_free(struct log_queue *q)
{
    if (!q)
        return;
    q->ending = true;
    cond_broadcast(q->m->io, &q->more);
    group_wait(q->writer);
    group_free(q->writer);
    rows_free(q->rows, q->len);
    free(q);
}

void log_line(struct emulator *m, int64_t job_id, const char *task, const char *severity, struct str text)
{
    struct log_queue *q = m->log;
    struct line_row *row;
    struct err e;

    while (!q->ending && (q->bytes > WAITING_MAX_BYTES || q->len >= BATCH_MAX)) {
        if (cond_wait(m->io, &q->less, -1, &e))
            return;
    }
    if (q->ending)
        return;
    if (q->len == q->cap) {
        q->cap = q->cap ? q->cap * 2 : 64;
        q->rows = xrealloc(q->rows, q->cap * sizeof(*q->rows));
    }
    row = &q->rows[q->len++];
    *row =
        (struct line_row){ .job_id = job_id, .time_ms = io_now_unix_ms(m->io), .severity = str_of(severity) };
    row->task = str_of(xstrdup(task));
    row->text = (struct str){ xstrndup(text.ptr ? text.ptr : "", text.len), text.len };
    q->bytes += text.len + 64;
    q->taken++;
    cond_signal(m->io, &q->more);
}

void log_flush(struct emulator *m)
{
    struct log_queue *q = m->log;
    uint64_t until = q->taken;
    struct err e;

    while (q->written < until && !q->ending) {
        if (cond_wait(m->io, &q->less, -1, &e))
            return;
    }
}
