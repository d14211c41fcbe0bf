/* server/stream.c: file_stream requests: what a running script logs is kept. */
#include "base/log.h"
#include "server/server_internal.h"
#include "server/stream_body.h"

static void wish_for_packing(struct server *s, const struct store_run *run, const struct store_post *p)
{
    for (size_t i = 0; i < p->part_count; i++) {
        const struct store_post_lines *part = &p->parts[i];
        int64_t packed = part->stream == RUN_EVENTS ? run->events_packed : run->history_packed;

        if (part->stream != RUN_OUTPUT && store_history_is_long(part->offset + (int64_t)part->len, packed))
            packer_wish(s, &(struct store_history){ run->id, part->stream });
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
    struct stream_body body;
    struct store_post *p = &body.post;
    struct err e = { 0 };
    bool stop = false;

    if (stream_body_read(x->a, x->body, &body, &e) < 0) {
        reply_error(x, 400, "%s", e.msg);
        return;
    }
    p->run_id = run->id;
    p->now_unix_ms = server_now_unix_ms(s);
    if (store_run_post(s->store, p, &stop, &e) < 0) {
        if (e.code == ERR_LIMIT) { /* it would be tried again for ever */
            LOG_WARNING("stream.outdated", "run=%.*s not_kept=\"%s\"", STR_ARG(run->name), e.msg);
            reply_stream(x, p, false);
            return;
        }
        if (e.code != ERR_CANCELLED)
            LOG_ERROR("stream.not_stored", "run=%.*s error=\"%s\"", STR_ARG(run->name), e.msg);
        reply_error(x, e.code == ERR_NOT_FOUND ? 404 : 503, "not stored: %s", e.msg);
        return;
    }
    wish_for_packing(s, run, p);
    if (p->complete)
        LOG_INFO("run.completed", "run=%.*s exit_code=%lld", STR_ARG(run->name), (long long)p->exit_code);
    reply_stream(x, p, stop);
}
