/* google/logging.c: log lines of a job (reference 8). */
#include "google/logging.h"

enum { MAX_LINES = 1000, MAX_EMPTY_PAGES = 20 };

/* Filter text in quotes; what is quoted comes from Google or from us, so a quote in it is dropped. */
static void add_quoted(struct strbuf *b, struct str s)
{
    strbuf_addc(b, '"');
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] != '"' && s.ptr[i] != '\\' && (unsigned char)s.ptr[i] >= ' ')
            strbuf_addc(b, s.ptr[i]);
    }
    strbuf_addc(b, '"');
}

static struct str filter_text(struct arena *a, const struct log_query *q)
{
    AUTO_STRBUF struct strbuf b = STRBUF(8192);

    strbuf_addz(&b, "resource.type=\"ml_job\" AND resource.labels.job_id=");
    add_quoted(&b, q->job_id);
    if (q->after_timestamp.len) {
        strbuf_addz(&b, " AND ((timestamp=");
        add_quoted(&b, q->after_timestamp);
        strbuf_addz(&b, " AND insertId>");
        add_quoted(&b, q->after_insert_id);
        strbuf_addz(&b, ") OR timestamp>");
        add_quoted(&b, q->after_timestamp);
        strbuf_addc(&b, ')');
    } else if (q->since.len) {
        strbuf_addz(&b, " AND timestamp>=");
        add_quoted(&b, q->since);
    }
    return arena_str(a, strbuf_str(&b));
}

static struct log_line decode_line(const struct jval *entry)
{
    struct log_line l = { .timestamp = jval_str(jval_get(entry, "timestamp")),
                          .insert_id = jval_str(jval_get(entry, "insertId")),
                          .severity = jval_str(jval_get(entry, "severity")),
                          .task = jval_str(jval_path(entry, "resource.labels.task_name")),
                          .text = jval_str(jval_get(entry, "textPayload")) };

    if (!l.text.ptr)
        l.text = jval_str(jval_path(entry, "jsonPayload.message"));
    return l;
}

int logging_read(struct google *g, struct arena *a, const struct log_query *q, struct log_line **ret,
                 size_t *ret_len, struct err *e)
{
    struct google_request req = { .service = "logging", .method = "POST", .path = "/v2/entries:list" };
    struct jval *body = jval_new_object(a), *names = jval_new_array(a);
    const struct jval *reply = NULL, *entries = NULL;
    struct log_line *lines;
    size_t len;

    jval_push(a, names, jval_new_cstr(a, arena_printf(a, "projects/%.*s", STR_ARG(q->gcp_project))));
    jval_set(a, body, "resourceNames", names);
    jval_set(a, body, "filter", jval_new_str(a, filter_text(a, q)));
    jval_set_cstr(a, body, "orderBy", "timestamp asc");
    jval_set_int(a, body, "pageSize", MAX_LINES);
    for (int page = 0; page < MAX_EMPTY_PAGES; page++) { /* long ranges give empty pages with a token */
        struct str token;
        int r;

        req.body = jval_text(a, body, JVAL_COMPACT);
        r = google_call(g, a, &req, &reply, e);
        if (r)
            return r;
        entries = jval_get(reply, "entries");
        token = jval_str(jval_get(reply, "nextPageToken"));
        if (jval_len(entries) > 0 || !token.len)
            break;
        jval_set(a, body, "pageToken", jval_new_str(a, token));
    }
    len = jval_len(entries) < MAX_LINES ? jval_len(entries) : MAX_LINES;
    lines = arena_array(a, len + 1, sizeof(*lines));
    for (size_t i = 0; i < len; i++)
        lines[i] = decode_line(jval_at(entries, i));
    *ret = lines;
    *ret_len = len;
    return 0;
}
