/* server/stream_body.c: what a running script logs. Source: protocol reference 3.3. */
#include "server/stream_body.h"

#include <string.h>

#include "base/jval.h"

static bool stream_of(struct str file, enum run_stream *ret)
{
    static const struct {
        const char *name;
        enum run_stream stream;
    } streams[] = {
        { "wandb-history.jsonl", RUN_HISTORY },
        { "wandb-events.jsonl", RUN_EVENTS },
        { "output.log", RUN_OUTPUT },
    };

    for (size_t i = 0; i < ARRAY_LEN(streams); i++) {
        if (str_is(file, streams[i].name)) {
            *ret = streams[i].stream;
            return true;
        }
    }
    return false;
}

/* What scripts print may have NUL bytes, which PostgreSQL does not keep. */
static struct str without_nul(struct arena *a, struct str s)
{
    AUTO_STRBUF struct strbuf out = STRBUF(64 << 20);

    if (s.len == 0 || !memchr(s.ptr, '\0', s.len))
        return s;
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i])
            strbuf_addc(&out, s.ptr[i]);
        else
            strbuf_addz(&out, "\uFFFD");
    }
    return arena_str(a, strbuf_str(&out));
}

static struct str *content_lines(struct arena *a, const struct jval *content, size_t *ret_len)
{
    struct str *lines = arena_array(a, jval_len(content) + 1, sizeof(*lines));
    size_t len = 0;

    for (size_t i = 0; i < jval_len(content); i++) {
        const struct jval *line = jval_at(content, i);

        if (jval_is(line, JVAL_STR))
            lines[len++] = without_nul(a, jval_str(line));
        else if (jval_is(line, JVAL_OBJECT)) /* console lines with STRUCTURED_CONSOLE_LOGS */
            lines[len++] = jval_text(a, line, JVAL_COMPACT);
    }
    *ret_len = len;
    return lines;
}

static void read_summary(struct arena *a, const struct store_post_lines *lines, struct store_post *p)
{
    struct jval *summary = NULL;

    if (lines->len > 0 &&
        jval_from_json(a, lines->lines[lines->len - 1], "summary", NULL, &summary, NULL) == 0)
        p->summary = lines->lines[lines->len - 1];
}

static void read_files(struct arena *a, const struct jval *files, struct stream_body *ret)
{
    struct store_post *p = &ret->post;

    for (size_t i = 0; i < jval_len(files) && p->part_count < STREAM_PARTS_MAX; i++) {
        struct store_post_lines *part = &ret->parts[p->part_count];
        const struct jval *file = jval_at(files, i);
        int64_t offset = jval_int(jval_get(file, "offset"));

        part->lines = content_lines(a, jval_get(file, "content"), &part->len);
        part->offset = offset > 0 ? offset : 0;
        if (str_is(jval_key_at(files, i), "wandb-summary.json"))
            read_summary(a, part, p);
        else if (part->offset <= STREAM_LINE_NUMBER_MAX && stream_of(jval_key_at(files, i), &part->stream))
            p->part_count++;
    }
}

int stream_body_read(struct arena *a, struct str text, struct stream_body *ret, struct err *e)
{
    const struct jval_limits limits = { .last_key_wins = true };
    struct store_post *p = &ret->post;
    struct jval *body = NULL;
    int rc = jval_from_json(a, text, "the request's body", &limits, &body, e);

    if (rc < 0)
        return err_wrap(e, "file_stream takes a JSON object");
    if (!jval_is(body, JVAL_OBJECT))
        return err_set(e, ERR_INVALID, "file_stream takes a JSON object: this is none");
    *ret = (struct stream_body){ .post = { .parts = ret->parts } };
    read_files(a, jval_get(body, "files"), ret);
    p->uploaded = content_lines(a, jval_get(body, "uploaded"), &p->uploaded_count);
    p->preempting = jval_bool(jval_get(body, "preempting"));
    p->complete = jval_bool(jval_get(body, "complete"));
    p->exit_code = jval_int(jval_get(body, "exitcode"));
    return 0;
}
