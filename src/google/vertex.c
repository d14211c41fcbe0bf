/* google/vertex.c: custom jobs over REST (reference 1.2, 1.8). */
#include "google/vertex.h"

#include "base/dec.h"

enum { MAX_PAGES = 1000 };

#define READ_MASK "name,state,error,labels,createTime,startTime"

static int decode_job(struct arena *a, const struct jval *v, struct vertex_job *ret, struct err *e)
{
    struct vertex_job j = { 0 };
    struct dec d, error = { 0 };

    dec_init(&d, a, v, "$", ERR_PROTO, e);
    dec_str(&d, "name", &j.name, DEC_REQUIRED);
    dec_str(&d, "createTime", &j.create_time, DEC_OPTIONAL);
    dec_str(&d, "startTime", &j.start_time, DEC_OPTIONAL);
    dec_val(&d, "labels", &j.labels, DEC_OPTIONAL);
    if (dec_object(&d, "error", &error, DEC_OPTIONAL)) {
        dec_i64(&error, "code", &j.error_code, DEC_OPTIONAL);
        dec_str(&error, "message", &j.error_message, DEC_OPTIONAL);
    }
    if (dec_failed(&d) || error.failed)
        return -ERR_PROTO;
    j.state = jval_str(jval_get(v, "state"));
    if (jval_is(jval_get(v, "state"), JVAL_INT)) /* a peer may write enums as numbers */
        j.state = str_of(arena_printf(a, "%lld", (long long)jval_int(jval_get(v, "state"))));
    else if (!j.state.ptr) /* the default is not written */
        j.state = STR("JOB_STATE_UNSPECIFIED");
    *ret = j;
    return 0;
}

static void copy_job(struct arena *a, const struct vertex_job *j, struct vertex_job *ret)
{
    *ret = (struct vertex_job){ .name = arena_str(a, j->name),
                                .state = arena_str(a, j->state),
                                .create_time = arena_str(a, j->create_time),
                                .start_time = arena_str(a, j->start_time),
                                .error_code = j->error_code,
                                .error_message = arena_str(a, j->error_message),
                                .labels = j->labels ? jval_copy(a, j->labels) : NULL };
}

/* One job, whose whole description is the answer, secrets among its variables: they stay in memory that is
 * overwritten, and the caller gets a copy of the rest. */
static int call_for_job(struct google *g, struct arena *a, const struct google_request *req,
                        struct vertex_job *ret, struct err *e)
{
    AUTO_PTR(arena) mine = arena_new_wiped();
    const struct jval *reply = NULL;
    struct vertex_job j = { 0 };
    int r = google_call(g, mine, req, &reply, e);

    if (!r)
        r = decode_job(mine, reply, &j, e);
    if (!r)
        copy_job(a, &j, ret);
    return r;
}

/* The region in projects/N/locations/R/customJobs/ID; absent when it is not such a name. */
static struct str region_of(struct str name)
{
    struct str part[6] = { { NULL, 0 } };
    size_t n = 0;

    while (n < ARRAY_LEN(part) && str_cut(&name, '/', &part[n]))
        n++;
    if (n != 6 || name.len || !str_is(part[0], "projects") || !str_is(part[2], "locations") ||
        !str_is(part[4], "customJobs"))
        return (struct str){ NULL, 0 };
    return part[3];
}

/* A request about one job: @verb is "" or a custom method, such as ":cancel". */
static int job_request(struct arena *a, struct str name, const char *verb, struct google_request *ret,
                       struct err *e)
{
    struct str region = region_of(name);

    if (!region.ptr)
        return err_set(e, ERR_INVALID, "\"%.*s\" is not the name of a Vertex job", STR_ARG(name));
    *ret = (struct google_request){ .service = "aiplatform",
                                    .region = region,
                                    .method = "GET",
                                    .path = arena_printf(a, "/v1/%.*s%s", STR_ARG(name), verb) };
    return 0;
}

static char *jobs_path(struct arena *a, const struct vertex_place *where)
{
    return arena_printf(a, "/%s/projects/%.*s/locations/%.*s/customJobs", where->v1beta1 ? "v1beta1" : "v1",
                        STR_ARG(where->gcp_project), STR_ARG(where->region));
}

int vertex_create(struct google *g, struct arena *a, const struct vertex_place *where, struct str request,
                  struct vertex_job *ret, struct err *e)
{
    const struct google_request req = { .service = "aiplatform",
                                        .region = where->region,
                                        .method = "POST",
                                        .path = jobs_path(a, where),
                                        .body = request,
                                        .send_before_ms = where->send_before_ms };

    return call_for_job(g, a, &req, ret, e);
}

int vertex_get(struct google *g, struct arena *a, struct str name, struct vertex_job *ret, struct err *e)
{
    struct google_request req;
    int r = job_request(a, name, "", &req, e);

    return r ? r : call_for_job(g, a, &req, ret, e);
}

static struct str env_value(const struct jval *env, const char *name)
{
    for (size_t i = 0; i < jval_len(env); i++)
        if (str_is(jval_str(jval_get(jval_at(env, i), "name")), name))
            return jval_str(jval_get(jval_at(env, i), "value"));
    return (struct str){ NULL, 0 };
}

int vertex_get_env(struct google *g, struct arena *a, struct str name, struct vertex_env *vars, struct err *e)
{
    AUTO_PTR(arena) mine = arena_new_wiped();
    struct google_request req;
    const struct jval *reply = NULL, *pools;
    int r = job_request(mine, name, "", &req, e);

    r = r ? r : google_call(g, mine, &req, &reply, e);
    pools = r ? NULL : jval_path(reply, "jobSpec.workerPoolSpecs");
    for (size_t i = 0; !r && vars[i].name; i++)
        vars[i].value =
            arena_str(a, env_value(jval_path(jval_at(pools, 0), "containerSpec.env"), vars[i].name));
    return r;
}

/* --- lists ---------------------------------------------------------------------------------------------- */

struct listing {
    struct google *g;
    const struct vertex_place *where;
    struct strbuf path, token; /* without the page's token; absent: the first page */
    vertex_visit_fn visit;
    void *ctx;
};

/* The URL's path and query of the next page, in the arena. */
static const char *page_path(struct arena *a, const struct listing *l)
{
    AUTO_STRBUF struct strbuf path = STRBUF(32 * 1024);

    strbuf_add(&path, strbuf_str(&l->path));
    if (l->token.len) {
        strbuf_addz(&path, "&pageToken=");
        strbuf_add_url(&path, strbuf_str(&l->token));
    }
    return path.full ? NULL : arena_strdup(a, strbuf_cstr(&path));
}

static int visit_page(struct listing *l, struct err *e)
{
    AUTO_PTR(arena) a = arena_new();
    const struct google_request req = {
        .service = "aiplatform", .region = l->where->region, .method = "GET", .path = page_path(a, l)
    };
    const struct jval *reply = NULL, *items;
    int r = req.path ? google_call(l->g, a, &req, &reply, e)
                     : err_set(e, ERR_LIMIT, "a page token of %zu bytes", l->token.len);

    if (!r && !jval_is(reply, JVAL_OBJECT)) /* "no jobs" is {}: nothing at all is no answer */
        r = err_set(e, ERR_PROTO, "the list of jobs is not an object");
    items = r ? NULL : jval_get(reply, "customJobs"); /* a page may be empty and yet not the last */
    for (size_t i = 0; !r && i < jval_len(items); i++) {
        struct vertex_job job = { 0 };

        if (decode_job(a, jval_at(items, i), &job, e))
            return err_wrap(e, "customJobs[%zu]", i);
        r = l->visit(l->ctx, &job, e);
    }
    strbuf_reset(&l->token);
    if (r)
        return r;
    strbuf_add(&l->token, jval_str(jval_get(reply, "nextPageToken")));
    return strbuf_check(&l->token, e) ? -ERR_LIMIT : 0;
}

static int visit_pages(struct listing *l, struct err *e)
{
    for (int page = 0; page < MAX_PAGES; page++) {
        int r = visit_page(l, e);

        if (r || !l->token.len)
            return r;
    }
    return err_set(e, ERR_LIMIT, "a list of more than %d pages", MAX_PAGES);
}

int vertex_each(struct google *g, const struct vertex_list *list, vertex_visit_fn visit, void *ctx,
                struct err *e)
{
    struct listing l = { .g = g,
                         .where = list->where,
                         .path = STRBUF(16 * 1024),
                         .token = STRBUF(32 * 1024),
                         .visit = visit,
                         .ctx = ctx };
    AUTO_PTR(arena) a = arena_new();
    int r;

    strbuf_addf(&l.path, "%s?pageSize=%d&readMask=%s", jobs_path(a, list->where), VERTEX_PAGE_JOBS,
                READ_MASK);
    if (list->filter.len) {
        strbuf_addz(&l.path, "&filter=");
        strbuf_add_url(&l.path, list->filter);
    }
    r = strbuf_check(&l.path, e) ? -ERR_LIMIT : visit_pages(&l, e);
    strbuf_done(&l.path);
    strbuf_done(&l.token);
    return r;
}

struct collection {
    struct arena *a;
    struct vertex_jobs jobs;
    size_t cap;
};

static int collect(void *ctx, const struct vertex_job *job, struct err *e)
{
    struct collection *c = ctx;

    c->jobs.at = arena_grow(c->a, c->jobs.at, c->jobs.len, &c->cap, sizeof(*c->jobs.at));
    copy_job(c->a, job, &c->jobs.at[c->jobs.len++]);
    return 0;
}

int vertex_list(struct google *g, struct arena *a, const struct vertex_place *where, struct str filter,
                struct vertex_jobs *ret, struct err *e)
{
    struct collection c = { .a = a };
    int r = vertex_each(g, &(struct vertex_list){ where, filter }, collect, &c, e);

    if (!r)
        *ret = c.jobs;
    return r;
}

int vertex_cancel(struct google *g, struct str name, struct err *e)
{
    AUTO_PTR(arena) a = arena_new();
    struct google_request req;
    const struct jval *reply = NULL;
    struct err why = { 0 };
    int r = job_request(a, name, ":cancel", &req, e);

    if (r)
        return r;
    req.method = "POST";
    req.body = STR("{}");
    r = google_call(g, a, &req, &reply, &why);
    if (!r || (why.http_status == 400 && str_has_prefix(str_of(why.msg), STR("FAILED_PRECONDITION"))))
        return 0; /* the second: it has ended already */
    if (e)
        *e = why;
    return r;
}
