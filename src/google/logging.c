/* google/logging.c: log lines of a job (reference 8). */
#include "google/logging.h"

enum { MAX_LINES = 1000 };

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
    AUTO_STRBUF struct strbuf b = STRBUF(64 * 1024);

    strbuf_addz(&b, "resource.type=\"ml_job\" AND resource.labels.job_id=");
    strbuf_addz(&b, q->job_count > 1 ? "(" : "");
    for (size_t i = 0; i < q->job_count; i++) {
        strbuf_addz(&b, i ? " OR " : "");
        add_quoted(&b, q->job_ids[i]);
    }
    strbuf_addz(&b, q->job_count > 1 ? ")" : "");
    if (q->since.len) {
        strbuf_addz(&b, " AND timestamp>=");
        add_quoted(&b, q->since);
    }
    return arena_str(a, strbuf_str(&b));
}

static struct log_line decode_line(const struct jval *entry)
{
    struct log_line l = { .job_id = jval_str(jval_path(entry, "resource.labels.job_id")),
                          .timestamp = jval_str(jval_get(entry, "timestamp")),
                          .insert_id = jval_str(jval_get(entry, "insertId")),
                          .severity = jval_str(jval_get(entry, "severity")),
                          .task = jval_str(jval_path(entry, "resource.labels.task_name")),
                          .text = jval_str(jval_get(entry, "textPayload")) };

    if (!l.text.ptr)
        l.text = jval_str(jval_path(entry, "jsonPayload.message"));
    return l;
}

int logging_read(struct google *g, struct arena *a, const struct log_query *q, struct log_page *ret,
                 struct err *e)
{
    struct google_request req = { .service = "logging", .method = "POST", .path = "/v2/entries:list" };
    struct jval *body = jval_new_object(a), *names = jval_new_array(a);
    const struct jval *reply = NULL, *entries = NULL;
    struct log_page page = { 0 };
    int r;

    jval_push(a, names, jval_new_cstr(a, arena_printf(a, "projects/%.*s", STR_ARG(q->gcp_project))));
    jval_set(a, body, "resourceNames", names);
    jval_set(a, body, "filter", jval_new_str(a, filter_text(a, q)));
    jval_set_cstr(a, body, "orderBy", "timestamp asc");
    jval_set_int(a, body, "pageSize", MAX_LINES);
    if (q->page_token.len)
        jval_set(a, body, "pageToken", jval_new_str(a, q->page_token));
    req.body = jval_text(a, body, JVAL_COMPACT);
    r = google_call(g, a, &req, &reply, e);
    if (r)
        return r;
    entries = jval_get(reply, "entries");
    page.next_token = jval_str(jval_get(reply, "nextPageToken"));
    page.len = jval_len(entries) < MAX_LINES ? jval_len(entries) : MAX_LINES;
    page.lines = arena_array(a, page.len + 1, sizeof(*page.lines));
    for (size_t i = 0; i < page.len; i++)
        page.lines[i] = decode_line(jval_at(entries, i));
    *ret = page;
    return 0;
}
