/* emulator/log_entries.c: Cloud Logging's entries:list over captured lines (vertex-and-google-auth.md section
 * 8). */
#include "base/crypto.h"
#include "base/timefmt.h"
#include "emulator/access.h"
#include "emulator/filter.h"

enum { PAGE_DEFAULT = 50, PAGE_MAX = 1000, SCAN_MAX = 20000, RESOURCES_MAX = 100 };

static const char *const severities[] = { "DEFAULT", "DEBUG",    "INFO",  "NOTICE",   "WARNING",
                                          "ERROR",   "CRITICAL", "ALERT", "EMERGENCY" };

static int severity_rank(struct str name)
{
    for (size_t i = 0; i < ARRAY_LEN(severities); i++) {
        if (str_eq_nocase(name, str_of(severities[i])))
            return (int)i;
    }
    return -1;
}

static const char *insert_id(struct arena *a, int64_t seq)
{
    return arena_printf(a, "%016lld", (long long)seq); /* sorts as text in the order of capture */
}

/* --- one entry ---------------------------------------------------------------------------------------------
 */

struct entry {
    const struct line_row *row;
    struct arena *a; /* scratch */
};

static struct str log_name(struct arena *a, const struct line_row *row)
{
    if (str_is(row->task, "service"))
        return str_of(arena_printf(a, "projects/%.*s/logs/ml.googleapis.com%%2F%lld",
                                   STR_ARG(row->gcp_project), (long long)row->job_id));
    return str_of(arena_printf(a, "projects/%.*s/logs/%.*s", STR_ARG(row->gcp_project), STR_ARG(row->task)));
}

/* A program's JSON line is its entry's payload; anything else becomes the payload's message, as Vertex does
 * it. */
static struct jval *program_payload(struct arena *a, const struct line_row *row)
{
    struct jval *v = NULL;
    struct err e;

    if (row->text.len > 1 && row->text.ptr[0] == '{' && !jval_from_json(a, row->text, "line", NULL, &v, &e) &&
        jval_is(v, JVAL_OBJECT))
        return v;
    v = jval_new_object(a);
    jval_set(a, v, "message", jval_new_str(a, row->text));
    jval_set(a, v, "levelname", jval_new_str(a, row->severity));
    return v;
}

static struct jval *entry_json(struct arena *a, const struct line_row *row)
{
    struct jval *v = jval_new_object(a), *resource = jval_new_object(a), *labels = jval_new_object(a);
    struct jval *payload = NULL;
    struct str severity = row->severity;
    char text[RFC3339_SIZE];

    jval_set(a, v, "logName", jval_new_str(a, log_name(a, row)));
    jval_set_cstr(a, labels, "job_id", arena_printf(a, "%lld", (long long)row->job_id));
    jval_set(a, labels, "task_name", jval_new_str(a, row->task));
    jval_set(a, labels, "project_id", jval_new_str(a, row->gcp_project));
    jval_set_cstr(a, resource, "type", "ml_job");
    jval_set(a, resource, "labels", labels);
    jval_set(a, v, "resource", resource);
    jval_set_cstr(a, v, "timestamp", rfc3339_format(row->time_ms, text));
    jval_set_cstr(a, v, "receiveTimestamp", text);
    jval_set_cstr(a, v, "insertId", insert_id(a, row->seq));
    if (str_is(row->task, "service")) {
        jval_set(a, v, "textPayload", jval_new_str(a, row->text));
    } else {
        payload = program_payload(a, row);
        if (severity_rank(jval_str(jval_get(payload, "severity"))) >= 0)
            severity = jval_str(jval_get(payload, "severity"));
        jval_set(a, v, "jsonPayload", payload);
    }
    jval_set(a, v, "severity", jval_new_str(a, severity));
    return v;
}

/* --- the filter --------------------------------------------------------------------------------------------
 */

static int check_test(struct filter *t, void *ctx, struct err *e)
{
    static const char *const text_fields[] = { "resource.type",
                                               "resource.labels.job_id",
                                               "resource.labels.task_name",
                                               "resource.labels.project_id",
                                               "insertId",
                                               "logName",
                                               "textPayload",
                                               "jsonPayload.message" };

    (void)ctx;
    if (filter_path_is(t, "timestamp")) {
        if (t->op == FILTER_HAS || !rfc3339_parse(t->value, &t->number))
            return err_set(e, ERR_INVALID, "timestamp needs a comparison with an RFC 3339 time, not \"%.*s\"",
                           STR_ARG(t->value));
        return 0;
    }
    if (filter_path_is(t, "severity")) {
        t->number = severity_rank(t->value);
        return t->number >= 0 ? 0 : err_set(e, ERR_INVALID, "\"%.*s\" is not a severity", STR_ARG(t->value));
    }
    for (size_t i = 0; i < ARRAY_LEN(text_fields); i++) {
        if (filter_path_is(t, text_fields[i]))
            return 0;
    }
    return err_set(e, ERR_INVALID, "field \"%.*s\" is not one that the emulator filters by",
                   STR_ARG(t->path[t->path_len - 1]));
}

static struct str field_text(const struct filter *t, const struct entry *n)
{
    const struct line_row *row = n->row;

    if (filter_path_is(t, "resource.type"))
        return STR("ml_job");
    if (filter_path_is(t, "resource.labels.job_id"))
        return str_of(arena_printf(n->a, "%lld", (long long)row->job_id));
    if (filter_path_is(t, "resource.labels.task_name"))
        return row->task;
    if (filter_path_is(t, "resource.labels.project_id"))
        return row->gcp_project;
    if (filter_path_is(t, "insertId"))
        return str_of(insert_id(n->a, row->seq));
    if (filter_path_is(t, "logName"))
        return log_name(n->a, row);
    return row->text;
}

static bool entry_matches(const struct filter *t, const void *thing)
{
    const struct entry *n = thing;
    struct str text;

    if (filter_path_is(t, "timestamp"))
        return filter_compare_i64(t->op, n->row->time_ms, t->number);
    if (filter_path_is(t, "severity"))
        return filter_compare_i64(t->op, severity_rank(n->row->severity), t->number);
    text = field_text(t, n);
    if (t->op == FILTER_HAS) /* here ":" is "contains" */
        return str_find(text, t->value) >= 0;
    return filter_compare_str(t->op, text, t->value);
}

/* The one job that every match belongs to, or 0: then the index of that job's lines serves the scan. */
static int64_t only_job(const struct filter *f)
{
    int64_t left, right, id;

    if (!f || f->kind == FILTER_NOT)
        return 0;
    if (f->kind == FILTER_TEST)
        return filter_path_is(f, "resource.labels.job_id") && f->op == FILTER_EQ && str_to_i64(f->value, &id)
                   ? id
                   : 0;
    left = only_job(f->left);
    right = only_job(f->right);
    if (f->kind == FILTER_AND)
        return left ? left : right;
    return left == right ? left : 0;
}

/* No match is older than this. */
static int64_t earliest(const struct filter *f)
{
    int64_t left, right;

    if (!f || f->kind == FILTER_NOT)
        return INT64_MIN;
    if (f->kind == FILTER_TEST)
        return filter_path_is(f, "timestamp") &&
                       (f->op == FILTER_EQ || f->op == FILTER_GE || f->op == FILTER_GT)
                   ? f->number
                   : INT64_MIN;
    left = earliest(f->left);
    right = earliest(f->right);
    if (f->kind == FILTER_AND)
        return left > right ? left : right;
    return left < right ? left : right;
}

/* --- the request
 * ---------------------------------------------------------------------------------------------- */

struct entries {
    struct arena *a;
    struct filter *filter;
    int64_t *projects;
    size_t project_count;
    struct line_scan scan;
    size_t page_size, scanned;
    struct jval *list;
    int64_t last_ms, last_seq;
    bool more;
};

static bool in_projects(const struct entries *q, int64_t number)
{
    for (size_t i = 0; i < q->project_count; i++) {
        if (q->projects[i] == number)
            return true;
    }
    return false;
}

static bool visit(const struct line_row *row, void *ctx)
{
    struct entries *q = ctx;
    AUTO_PTR(arena) scratch = arena_new();
    const struct entry n = { .row = row, .a = scratch };

    if (jval_len(q->list) == q->page_size || q->scanned == SCAN_MAX) {
        q->more =
            true; /* a short page, even an empty one, with a token: as the real one does on long ranges */
        return false;
    }
    q->scanned++;
    q->last_ms = row->time_ms;
    q->last_seq = row->seq;
    if (in_projects(q, row->gcp_number) && filter_match(q->filter, entry_matches, &n))
        jval_push(q->a, q->list, entry_json(q->a, row));
    return true;
}

static int read_resources(struct refusal *r, const struct jval *body, struct entries *q)
{
    const struct jval *names = jval_get(body, "resourceNames");

    if (jval_len(names) == 0 || jval_len(names) > RESOURCES_MAX)
        return refuse(r, RPC_INVALID_ARGUMENT, "resource_names must have between 1 and %d entries",
                      RESOURCES_MAX);
    q->projects = arena_array(r->a, jval_len(names), sizeof(*q->projects));
    for (size_t i = 0; i < jval_len(names); i++) {
        struct str rest = jval_str(jval_at(names, i)), kind = { NULL, 0 }, name = { NULL, 0 };

        if (!str_cut(&rest, '/', &kind) || !str_is(kind, "projects") || !str_cut(&rest, '/', &name) ||
            name.len == 0)
            return refuse(r, RPC_INVALID_ARGUMENT, "Name \"%.*s\" is not projects/PROJECT",
                          STR_ARG(str_sub(jval_str(jval_at(names, i)), 0, 200)));
        q->projects[q->project_count++] = gcp_number_of(name);
    }
    return 0;
}

static int read_page(struct refusal *r, const struct jval *body, struct entries *q)
{
    const struct jval *size = jval_get(body, "pageSize");
    struct str order = jval_str(jval_get(body, "orderBy"));
    struct str token = jval_str(jval_get(body, "pageToken")), part = { NULL, 0 };
    int64_t n = jval_is(size, JVAL_STR) ? -1 : jval_int(size);

    if (n < 0 || n > PAGE_MAX)
        return refuse(r, RPC_INVALID_ARGUMENT, "page_size must be between 0 and %d", PAGE_MAX);
    q->page_size = n == 0 ? PAGE_DEFAULT : (size_t)n;
    q->scan.newest_first = str_is(order, "timestamp desc");
    if (order.len > 0 && !q->scan.newest_first && !str_is(order, "timestamp asc") &&
        !str_is(order, "timestamp"))
        return refuse(r, RPC_INVALID_ARGUMENT, "order_by must be \"timestamp asc\" or \"timestamp desc\"");
    if (token.len == 0) {
        q->scan.time_ms = q->scan.newest_first ? INT64_MAX : earliest(q->filter);
        q->scan.seq = q->scan.newest_first ? INT64_MAX : -1;
        return 0;
    }
    if (!str_cut(&token, '-', &part) || !str_to_i64(part, &q->scan.time_ms) ||
        !str_to_i64(token, &q->scan.seq))
        return refuse(r, RPC_INVALID_ARGUMENT, "page_token is not valid");
    return 0;
}

static int read_request(struct http_exchange *x, struct refusal *r, struct entries *q)
{
    struct jval *body = NULL;
    struct err e = { 0 };

    if (read_body(x, r, &body) || read_resources(r, body, q))
        return -ERR_INVALID;
    if (filter_parse(r->a, jval_str(jval_get(body, "filter")), &q->filter, &e) ||
        filter_each(q->filter, check_test, NULL, &e))
        return refuse(r, RPC_INVALID_ARGUMENT, "Unparseable filter: %s", e.msg);
    q->scan.job_id = only_job(q->filter);
    return read_page(r, body, q);
}

static int may_read(struct emulator *m, struct http_exchange *x, const int64_t *projects, size_t count,
                    struct refusal *r)
{
    int code = 0;

    for (size_t i = 0; i < count && code == 0; i++) {
        struct str number = str_of(arena_printf(x->a, "%lld", (long long)projects[i]));
        const struct access_need need = {
            .service = "logging.googleapis.com",
            .gcp_project = number,
            .resource =
                str_of(arena_printf(x->a, "projects/%.*s", STR_ARG(access_project_id(m, x->a, number)))),
            .permission = "logging.logEntries.list",
        };

        code = access_check(m, x, &need, r);
    }
    return code;
}

void serve_log_entries(struct emulator *m, struct http_exchange *x)
{
    struct refusal r = { .a = x->a };
    struct entries q = { .a = x->a, .list = jval_new_array(x->a) };
    struct jval *out = jval_new_object(x->a);
    struct err e = { 0 };

    if (read_request(x, &r, &q) || may_read(m, x, q.projects, q.project_count, &r)) {
        refusal_reply(x, &r);
        return;
    }
    if (store_each_line(m->db, &q.scan, visit, &q, &e)) {
        reply_internal(x, &e);
        return;
    }
    if (jval_len(q.list) > 0)
        jval_set(x->a, out, "entries", q.list);
    if (q.more)
        jval_set_cstr(x->a, out, "nextPageToken",
                      arena_printf(x->a, "%lld-%lld", (long long)q.last_ms, (long long)q.last_seq));
    json_reply(x, out);
}
