/*
 * cli/log_reader.h: following the logs of many jobs with few reads: one request for all of them, inside Cloud
 * Logging's 60 reads a minute; no line twice, and late ones not lost.
 *
 * A read begins some seconds before the newest line seen, for lines that arrive out of order; what was seen
 * already is left out.
 */
#pragma once

#include "google/logging.h"

struct log_reader;
typedef void (*log_line_fn)(void *ctx, const struct log_line *l); /* borrowed for the call; must not yield */

/** log_reader_new() - @g and @gcp_project are borrowed; @line is called with @ctx for each new line. */
struct log_reader *log_reader_new(struct io *io, struct google *g, struct str gcp_project, log_line_fn line,
                                  void *ctx);
void log_reader_free(struct log_reader *r); /* NULL is a no-op */
DEFINE_AUTO(log_reader, log_reader_free)

/** log_reader_add() - read this job's lines too, from @since_unix_ms on. Once per job. */
void log_reader_add(struct log_reader *r, struct str job_id, int64_t since_unix_ms);
/** log_reader_read() - all lines that have come since the last time, with as many requests as that takes,
 * each waiting for its turn. *ret_lines of them were new. After a failure the next call goes on where it
 * stopped. Yields. Errors of google_call(). */
NODISCARD int log_reader_read(struct log_reader *r, size_t *ret_lines, struct err *e);
/** log_reader_finish() - the last minute once more, for lines that came late. Yields. */
NODISCARD int log_reader_finish(struct log_reader *r, size_t *ret_lines, struct err *e);
