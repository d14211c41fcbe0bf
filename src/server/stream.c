/* server/stream.c: file_stream: what a running script logs. Source: protocol reference 3.3. */
#include "base/log.h"
#include "server/server_internal.h"

enum { PARTS_MAX = 16 };

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

/* Values that are no text are dropped, as are files we do not know: a client must never get a final 4xx for a
 * live run because of one line. */
static struct str *content_lines(struct arena *a, const struct jval *content, size_t *ret_len)
{
    struct str *lines = arena_array(a, jval_len(content) + 1, sizeof(*lines));
    size_t len = 0;

    for (size_t i = 0; i < jval_len(content); i++) {
        const struct jval *line = jval_at(content, i);

        if (jval_is(line, JVAL_STR))
            lines[len++] = jval_str(line);
        else if (jval_is(line, JVAL_OBJECT)) /* console lines with STRUCTURED_CONSOLE_LOGS */
            lines[len++] = jval_text(a, line, JVAL_COMPACT);
    }
    *ret_len = len;
    return lines;
}

static void read_files(struct arena *a, const struct jval *files, struct store_post *p,
                       struct store_post_lines *parts)
{
    for (size_t i = 0; i < jval_len(files) && p->part_count < PARTS_MAX; i++) {
        struct store_post_lines *part = &parts[p->part_count];
        const struct jval *file = jval_at(files, i);
        int64_t offset = jval_int(jval_get(file, "offset"));

        part->lines = content_lines(a, jval_get(file, "content"), &part->len);
        part->offset = offset > 0 ? offset : 0;
        if (str_is(jval_key_at(files, i), "wandb-summary.json")) {
            if (part->len > 0 && jval_from_json(a, part->lines[part->len - 1], "summary", NULL,
                                                &(struct jval *){ NULL }, NULL) == 0)
                p->summary = part->lines[part->len - 1];
        } else if (stream_of(jval_key_at(files, i), &part->stream)) {
            p->part_count++;
        }
    }
}

static void reply_stream(struct http_exchange *x, const struct store_post *p, bool stop)
{
    struct jval *o = jval_new_object(x->a);

    jval_set(x->a, o, "exitcode", p->complete ? jval_new_int(x->a, p->exit_code) : jval_new_null(x->a));
    jval_set(x->a, o, "limits", jval_new_object(x->a));
    jval_set_bool(x->a, o, "stopped", stop);
    http_reply_text(x, 200, "application/json", jval_text(x->a, o, JVAL_COMPACT));
}

void stream_handle(struct server *s, struct http_exchange *x, const struct store_run *run)
{
    const struct jval_limits limits = { .last_key_wins = true };
    struct store_post_lines parts[PARTS_MAX] = { 0 };
    struct store_post p = { .run_id = run->id, .parts = parts, .now_unix_ms = server_now_unix_ms(s) };
    struct jval *body = NULL;
    struct err e = { 0 };
    bool stop = false;

    if (jval_from_json(x->a, x->body, "the request's body", &limits, &body, &e) < 0 ||
        !jval_is(body, JVAL_OBJECT)) {
        reply_error(x, 400, "file_stream takes a JSON object: %s", e.msg[0] ? e.msg : "this is none");
        return;
    }
    read_files(x->a, jval_get(body, "files"), &p, parts);
    p.uploaded = content_lines(x->a, jval_get(body, "uploaded"), &p.uploaded_count);
    p.preempting = jval_bool(jval_get(body, "preempting"));
    p.complete = jval_bool(jval_get(body, "complete"));
    p.exit_code = jval_int(jval_get(body, "exitcode"));
    if (store_run_post(s->store, &p, &stop, &e) < 0) {
        if (e.code != ERR_CANCELLED)
            LOG_ERROR("stream.not_stored", "run=%.*s error=\"%s\"", STR_ARG(run->name), e.msg);
        reply_error(x, e.code == ERR_NOT_FOUND ? 404 : 503, "not stored: %s", e.msg);
        return;
    }
    if (p.complete)
        LOG_INFO("run.completed", "run=%.*s exit_code=%lld", STR_ARG(run->name), (long long)p.exit_code);
    reply_stream(x, &p, stop);
}
