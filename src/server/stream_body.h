/* server/stream_body.h: the body of a file_stream request: what a running script logs. */
#pragma once

#include "server/store/runs.h"

enum { STREAM_PARTS_MAX = 16 };
#define STREAM_LINE_NUMBER_MAX (INT64_C(1) << 53)

struct stream_body {
    struct store_post post; /* its parts are those below: not to be copied */
    struct store_post_lines parts[STREAM_PARTS_MAX];
};

/**
 * stream_body_read() - @text as what the store keeps, but for the run and the time. All is in the arena or in
 * @text. A client must never get a final 4xx for a live run because of one line: values that are no text are
 * dropped, as are files that the server does not know and lines with numbers above STREAM_LINE_NUMBER_MAX; a
 * summary that is no JSON leaves the one before it. For a NUL byte stands U+FFFD.
 * -ERR_INVALID or -ERR_LIMIT: the whole is no JSON object. Does not yield.
 */
NODISCARD int stream_body_read(struct arena *a, struct str text, struct stream_body *ret, struct err *e);
