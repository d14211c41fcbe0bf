/* What a run logs, from arbitrary bytes: what is taken has lines, numbers that can be counted on, a summary
 * that is JSON. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/jval.h"
#include "server/stream_body.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(struct str s)
{
    assert(s.ptr && (s.len == 0 || !memchr(s.ptr, '\0', s.len)));
}

static void check_part(const struct store_post_lines *part)
{
    int64_t end = 0;

    assert(part->stream < RUN_STREAM_COUNT_);
    assert(part->offset >= 0);
    assert(!__builtin_add_overflow(part->offset, (int64_t)part->len, &end));
    for (size_t i = 0; i < part->len; i++)
        check_text(part->lines[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO_PTR(arena) a = arena_new();
    struct stream_body body;
    struct jval *summary = NULL;
    struct err e = { 0 };

    if (stream_body_read(a, (struct str){ (const char *)data, size }, &body, &e) < 0) {
        assert(e.msg[0] != '\0');
        return 0;
    }
    assert(body.post.parts == body.parts && body.post.part_count <= STREAM_PARTS_MAX);
    for (size_t i = 0; i < body.post.part_count; i++)
        check_part(&body.parts[i]);
    for (size_t i = 0; i < body.post.uploaded_count; i++)
        check_text(body.post.uploaded[i]);
    if (body.post.summary.ptr)
        assert(jval_from_json(a, body.post.summary, "summary", NULL, &summary, NULL) == 0);
    return 0;
}
