/* emulator/custom_jobs.c: customJobs create, get, list, cancel, delete (vertex-and-google-auth.md 1.2
 * to 1.8). */
#include <stdio.h>
#include <string.h>

#include "base/crypto.h"
#include "base/timefmt.h"
#include "emulator/access.h"
#include "emulator/accounts.h"
#include "emulator/filter.h"
#include "emulator/job_check.h"
#include "emulator/proto.h"

enum { PAGE_SIZE_MAX = 100 };

/* --- a job as JSON -----------------------------------------------------------------------------------------
 */

static void set_time(struct arena *a, struct jval *v, const char *key, int64_t unix_ms)
{
    char text[RFC3339_SIZE];

    if (unix_ms)
        jval_set_cstr(a, v, key, rfc3339_format(unix_ms, text));
}

static struct jval *job_error(struct arena *a, const struct job_row *row)
{
    struct jval *v = jval_new_object(a);

    jval_set_int(a, v, "code", row->error_code);
    jval_set(a, v, "message", jval_new_str(a, row->error_message));
    return v;
}

/* The words for a failure may come some time after the state. */
static bool error_is_there(struct emulator *m, struct arena *a, const struct job_row *row,
                           const struct jval *job)
{
    const struct capacity_job kind =
        capacity_job_of(access_project_id(m, a, row->gcp_project), row->location, job);

    return row->error_code && job_state_is_terminal(row->state) &&
           io_now_unix_ms(m->io) >= row->end_ms + capacity_error_lag_ms(m->capacity, &kind);
}

static const struct jval *job_json(struct emulator *m, struct arena *a, const struct job_row *row,
                                   const struct proto_write_options *o)
{
    struct jval *v = NULL;
    bool has_error;
    struct err e;

    if (jval_from_json(a, row->body, "the stored job", NULL, &v, &e))
        v = jval_new_object(a);
    has_error = error_is_there(m, a, row, v);
    jval_set_cstr(a, v, "name",
                  arena_printf(a, "projects/%lld/locations/%.*s/customJobs/%lld", (long long)row->gcp_number,
                               STR_ARG(row->location), (long long)row->id));
    jval_set_cstr(a, v, "state", proto_enum_name(&proto_job_state, row->state));
    set_time(a, v, "createTime", row->create_ms);
    set_time(a, v, "startTime", row->start_ms);
    set_time(a, v, "endTime", row->end_ms);
    set_time(a, v, "updateTime", row->update_ms);
    if (has_error)
        jval_set(a, v, "error", job_error(a, row));
    return proto_write(a, &proto_custom_job, v, o);
}

static struct proto_write_options write_options(struct http_exchange *x)
{
    struct str alt = http_query_get(x, "$alt");

    return (struct proto_write_options){ .enums_as_numbers = str_find(alt, STR("enum-encoding=int")) >= 0 };
}

/* --- who may ----------------------------------------------------------------------------------------------
 */

static int may(struct emulator *m, struct http_exchange *x, const struct vertex_path *p,
               const char *permission, struct refusal *r)
{
    struct str project = access_project_id(m, x->a, p->gcp_project);
    const struct access_need need = {
        .service = "aiplatform.googleapis.com",
        .gcp_project = project,
        .resource = str_of(
            arena_printf(x->a, "projects/%.*s/locations/%.*s", STR_ARG(project), STR_ARG(p->name.location))),
        .permission = permission,
    };

    return access_check(m, x, &need, r);
}

/* Whose account a job runs as must be one that the sender may act as: else 400, not 403 (1.10). */
static int may_run_as(struct emulator *m, struct http_exchange *x, const struct jval *job, struct refusal *r)
{
    struct str email = jval_str(jval_path(job, "jobSpec.serviceAccount"));
    struct grant who = { 0 };
    int code;

    if (!m->require_auth || email.len == 0)
        return 0;
    code = access_caller(m, x, &who, r);
    if (code == 0 && (!account_is_there(m, x->a, email) ||
                      !access_permits(m, &who, account_name(m, x->a, email), "iam.serviceAccounts.actAs")))
        code = refuse(r, RPC_INVALID_ARGUMENT,
                      "You do not have permission to act as service_account: %.*s. (or it may not exist).",
                      STR_ARG(email));
    return code;
}

/* --- create ------------------------------------------------------------------------------------------------
 */

static void fill_row(struct emulator *m, struct http_exchange *x, const struct vertex_path *p,
                     const struct jval *job, struct job_row *ret)
{
    const struct jval *labels = jval_get(job, "labels");
    uint8_t tag[5];
    char hex[11];

    io_random(m->io, tag, sizeof(tag));
    hex_encode(tag, sizeof(tag), hex);
    *ret = (struct job_row){
        .id = new_resource_id(m->io),
        .gcp_number = p->name.gcp_number,
        .gcp_project = p->gcp_project,
        .location = p->name.location,
        .display_name = jval_str(jval_get(job, "displayName")),
        .labels = labels ? jval_text(x->a, labels, JVAL_COMPACT) : STR("{}"),
        .body = jval_text(x->a, job, JVAL_COMPACT),
        .state = JOB_STATE_PENDING,
        .create_ms = io_now_unix_ms(m->io),
        .host_tag = str_of(arena_strdup(x->a, hex)),
    };
    ret->update_ms = ret->create_ms;
}

static void create(struct emulator *m, struct http_exchange *x, const struct vertex_path *p)
{
    struct refusal r = { .a = x->a };
    const struct proto_write_options o = write_options(x);
    struct jval *body = NULL, *job = NULL;
    struct capacity_job kind;
    struct job_row row;
    struct err e = { 0 };

    if (may(m, x, p, "aiplatform.customJobs.create", &r) || read_body(x, &r, &body) ||
        proto_read(&r, &proto_custom_job, body, "custom_job", &job) || job_check(&r, job, p->name.location) ||
        may_run_as(m, x, job, &r)) {
        refusal_reply(x, &r);
        return;
    }
    fill_row(m, x, p, job, &row);
    kind = capacity_job_of(access_project_id(m, x->a, row.gcp_project), row.location, job);
    if (capacity_take(m->capacity, &kind, io_now_ms(m->io), &r)) {
        refusal_reply(x, &r);
        return;
    }
    if (store_add_job(m->db, &row, &e)) {
        capacity_give_back(m->capacity, &kind);
        reply_internal(x, &e);
        return;
    }
    run_start(m, &row);
    capacity_give_back(m->capacity, &kind); /* what was kept for it: it counts itself from now on */
    json_reply(x, job_json(m, x->a, &row, &o));
}

/* --- get, cancel, delete
 * ------------------------------------------------------------------------------------- */

/* The job a path names, for one who has @permission; false after a 403 or 404 reply. */
static bool find_job(struct emulator *m, struct http_exchange *x, const struct vertex_path *p,
                     const char *permission, struct job_row *ret)
{
    struct refusal r = { .a = x->a };
    struct err e = { 0 };
    int code;

    if (may(m, x, p, permission, &r)) {
        refusal_reply(x, &r);
        return false;
    }
    code = store_get_job(m->db, x->a, &p->name, ret, &e);
    if (code == 0)
        return true;
    if (code != -ERR_NOT_FOUND) {
        reply_internal(x, &e);
        return false;
    }
    refuse(&r, RPC_NOT_FOUND, "The CustomJob does not exist.");
    refusal_reply(x, &r);
    return false;
}

static void get(struct emulator *m, struct http_exchange *x, const struct vertex_path *p)
{
    const struct proto_write_options o = write_options(x);
    struct job_row row;

    if (find_job(m, x, p, "aiplatform.customJobs.get", &row))
        json_reply(x, job_json(m, x->a, &row, &o));
}

static void cancel(struct emulator *m, struct http_exchange *x, const struct vertex_path *p)
{
    struct job_row row;
    struct err e = { 0 };

    if (!find_job(m, x, p, "aiplatform.customJobs.cancel", &row))
        return;
    if (run_cancel(m, row.id, &e))
        reply_internal(x, &e);
    else
        json_reply(x, jval_new_object(x->a));
}

static void delete_job(struct emulator *m, struct http_exchange *x, const struct vertex_path *p)
{
    struct refusal r = { .a = x->a };
    struct operation_row op = { .name = p->name };
    struct vertex_path op_path = *p;
    struct job_row row;
    struct err e = { 0 };
    int code;

    if (!find_job(m, x, p, "aiplatform.customJobs.delete", &row))
        return;
    op.name.id = new_resource_id(m->io);
    op.create_ms = io_now_unix_ms(m->io);
    op.done_ms = op.create_ms + scaled_wait_ms(WAIT_OPERATION_MS, m->speed);
    code = job_state_is_terminal(row.state) ? store_delete_job(m->db, row.id, &op, &e) : -ERR_NOT_FOUND;
    if (code == -ERR_NOT_FOUND) {
        refuse(&r, RPC_FAILED_PRECONDITION,
               "The CustomJob is in state %s and cannot be deleted. Cancel it first and wait for its end.",
               proto_enum_name(&proto_job_state, row.state));
        refusal_reply(x, &r);
    } else if (code) {
        reply_internal(x, &e);
    } else {
        op_path.name = op.name;
        serve_operations(m, x, &op_path);
    }
}

/* --- list --------------------------------------------------------------------------------------------------
 */

struct job_at_hand {
    const struct job_row *row;
    struct arena *scratch;
    struct jval *labels; /* parsed when first asked for */
};

static bool is_field(const struct filter *t, const char *snake, const char *camel)
{
    return filter_path_is(t, snake) || filter_path_is(t, camel);
}

static const struct jval *labels_at_hand(struct job_at_hand *h)
{
    struct err e;

    if (!h->labels && jval_from_json(h->scratch, h->row->labels, "labels", NULL, &h->labels, &e))
        h->labels = jval_new_object(h->scratch);
    return h->labels;
}

static bool job_matches(const struct filter *t, const void *thing)
{
    struct job_at_hand *h = (struct job_at_hand *)(uintptr_t)thing; /* only its cache changes */
    const struct jval *label;

    if (is_field(t, "display_name", "displayName"))
        return filter_compare_str(t->op, h->row->display_name, t->value);
    if (filter_path_is(t, "state"))
        return filter_compare_i64(t->op, h->row->state, t->number);
    if (is_field(t, "create_time", "createTime"))
        return filter_compare_i64(t->op, h->row->create_ms, t->number);
    if (t->path_len == 1) /* labels:KEY */
        return jval_get_str(labels_at_hand(h), t->value) != NULL;
    label = jval_get_str(labels_at_hand(h), t->path[1]);
    return label ? filter_compare_str(t->op, jval_str(label), t->value) : t->op == FILTER_NE;
}

static int bad_operator(const struct filter *t, struct err *e)
{
    return err_set(e, ERR_INVALID, "the operator cannot be used with field \"%.*s\"", STR_ARG(t->path[0]));
}

/* The full name, or the part behind JOB_STATE_. */
static int check_state(struct filter *t, struct err *e)
{
    AUTO_STRBUF struct strbuf full = STRBUF(128);

    if (t->op != FILTER_EQ && t->op != FILTER_NE)
        return bad_operator(t, e);
    if (!str_has_prefix(t->value, STR("JOB_STATE_")))
        strbuf_addz(&full, "JOB_STATE_");
    strbuf_add(&full, t->value);
    t->number = proto_enum_number(&proto_job_state, strbuf_str(&full));
    return t->number >= 0 ? 0 : err_set(e, ERR_INVALID, "\"%.*s\" is not a state", STR_ARG(t->value));
}

static int check_create_time(struct filter *t, struct err *e)
{
    if (t->op == FILTER_HAS)
        return bad_operator(t, e);
    if (!rfc3339_parse(t->value, &t->number))
        return err_set(e, ERR_INVALID, "\"%.*s\" is not an RFC 3339 time", STR_ARG(t->value));
    return 0;
}

/* Is the test one that Vertex takes? Turns states and times into numbers. */
static int check_test(struct filter *t, void *ctx, struct err *e)
{
    bool text_op = t->op == FILTER_EQ || t->op == FILTER_NE || t->op == FILTER_HAS;

    (void)ctx;
    if (filter_path_is(t, "state"))
        return check_state(t, e);
    if (is_field(t, "create_time", "createTime"))
        return check_create_time(t, e);
    if (is_field(t, "display_name", "displayName") || (t->path_len == 2 && str_is(t->path[0], "labels")))
        return text_op ? 0 : bad_operator(t, e);
    if (filter_path_is(t, "labels") && t->op == FILTER_HAS)
        return 0;
    return err_set(e, ERR_INVALID, "unknown field \"%.*s\"", STR_ARG(t->path[0]));
}

struct listing {
    struct emulator *m;
    struct arena *a;
    int64_t created_before_ms; /* younger ones are not listed yet */
    struct filter *filter;
    struct proto_write_options options;
    struct jval *jobs;
    size_t page_size;
    int64_t last_seq;
    bool more;
};

static bool list_visit(const struct job_row *row, void *ctx)
{
    struct listing *l = ctx;
    AUTO_PTR(arena) scratch = arena_new();
    struct job_at_hand h = { .row = row, .scratch = scratch };

    if (row->create_ms >= l->created_before_ms || !filter_match(l->filter, job_matches, &h))
        return true;
    if (jval_len(l->jobs) == l->page_size) {
        l->more = true;
        return false;
    }
    /* the row's texts go with the next step; the JSON keeps none of them */
    jval_push(l->a, l->jobs, job_json(l->m, l->a, row, &l->options));
    l->last_seq = row->seq;
    return true;
}

/* A token is the place to go on and a digest of the request it belongs to, so that it fits no other. */
static const char *page_token(struct arena *a, const struct vertex_path *p, struct str filter, int64_t seq)
{
    uint8_t digest[32];
    char hex[65];

    sha256(str_of(arena_printf(a, "%lld/%.*s/%.*s", (long long)p->name.gcp_number, STR_ARG(p->name.location),
                               STR_ARG(filter))),
           digest);
    hex_encode(digest, 8, hex);
    return arena_printf(a, "%lld-%s", (long long)seq, hex);
}

static int read_page_token(struct refusal *r, const struct vertex_path *p, struct str filter,
                           struct str token, int64_t *ret_seq)
{
    struct str rest = token, number = { NULL, 0 };
    int64_t seq;

    if (token.len == 0) {
        *ret_seq = INT64_MAX;
        return 0;
    }
    if (!str_cut(&rest, '-', &number) || !str_to_i64(number, &seq) || seq < 0 ||
        !str_is(token, page_token(r->a, p, filter, seq))) {
        refusal_add_violation(r, "page_token", "The page token does not belong to this request.");
        return refuse(r, RPC_INVALID_ARGUMENT,
                      "Invalid page_token: it does not belong to this parent and filter.");
    }
    *ret_seq = seq;
    return 0;
}

static int read_page_size(struct refusal *r, struct str text, size_t *ret)
{
    int64_t n = 0;

    if (text.len > 0 && (!str_to_i64(text, &n) || n < 0 || n > INT32_MAX))
        return refuse(r, RPC_INVALID_ARGUMENT, "Invalid value at 'page_size' (TYPE_INT32), \"%.*s\"",
                      STR_ARG(str_sub(text, 0, 100)));
    *ret = n == 0 || n > PAGE_SIZE_MAX ? PAGE_SIZE_MAX : (size_t)n;
    return 0;
}

static int read_filter(struct refusal *r, struct str text, struct filter **ret)
{
    struct err e = { 0 };

    if (filter_parse(r->a, text, ret, &e) || filter_each(*ret, check_test, NULL, &e)) {
        refusal_add_violation(r, "filter", e.msg);
        return refuse(r, RPC_INVALID_ARGUMENT, "Invalid filter: %s.", e.msg);
    }
    return 0;
}

static struct str query_either(struct http_exchange *x, const char *camel, const char *snake)
{
    struct str v = http_query_get(x, camel);

    return v.ptr ? v : http_query_get(x, snake);
}

static void list(struct emulator *m, struct http_exchange *x, const struct vertex_path *p)
{
    struct refusal r = { .a = x->a };
    struct listing l = { .m = m, .a = x->a, .options = write_options(x), .jobs = jval_new_array(x->a) };
    struct str filter = http_query_get(x, "filter");
    struct jval *out = jval_new_object(x->a);
    struct proto_mask *mask = NULL;
    struct job_scan scan = { .gcp_number = p->name.gcp_number, .location = p->name.location };
    struct err e = { 0 };

    if (may(m, x, p, "aiplatform.customJobs.list", &r) || read_filter(&r, filter, &l.filter) ||
        read_page_size(&r, query_either(x, "pageSize", "page_size"), &l.page_size) ||
        read_page_token(&r, p, filter, query_either(x, "pageToken", "page_token"), &scan.before_seq) ||
        proto_mask(&r, &proto_custom_job, query_either(x, "readMask", "read_mask"), &mask)) {
        refusal_reply(x, &r);
        return;
    }
    l.options.mask = mask;
    l.created_before_ms = m->list_lag_ms ? io_now_unix_ms(m->io) - m->list_lag_ms : INT64_MAX;
    if (store_each_job(m->db, &scan, list_visit, &l, &e)) {
        reply_internal(x, &e);
        return;
    }
    if (jval_len(l.jobs) > 0)
        jval_set(x->a, out, "customJobs", l.jobs);
    if (l.more)
        jval_set_cstr(x->a, out, "nextPageToken", page_token(x->a, p, filter, l.last_seq));
    json_reply(x, out);
}

static bool serve_collection(struct emulator *m, struct http_exchange *x, const struct vertex_path *p)
{
    if (p->verb.len > 0)
        return false;
    if (str_is(x->method, "POST"))
        create(m, x, p);
    else if (str_is(x->method, "GET"))
        list(m, x, p);
    else
        return false;
    return true;
}

static bool serve_one(struct emulator *m, struct http_exchange *x, const struct vertex_path *p)
{
    if (p->verb.len == 0 && str_is(x->method, "GET"))
        get(m, x, p);
    else if (p->verb.len == 0 && str_is(x->method, "DELETE"))
        delete_job(m, x, p);
    else if (str_is(p->verb, "cancel") && str_is(x->method, "POST"))
        cancel(m, x, p);
    else
        return false;
    return true;
}

void serve_custom_jobs(struct emulator *m, struct http_exchange *x, const struct vertex_path *p)
{
    if (!(p->id.len == 0 ? serve_collection(m, x, p) : serve_one(m, x, p)))
        reply_not_found(x);
}
