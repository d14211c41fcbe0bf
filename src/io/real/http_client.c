/*
 * io/real/http_client.c: requests through libcurl's multi interface on the loop. Owns the connections.
 *
 * TLS is verified always. Connections are kept and shared; a burst waits for a multiplexed one (PIPEWAIT).
 */
#include <stdlib.h>
#include <string.h>

#include "base/crypto.h"
#include "base/mem.h"
#include "io/real/real_internal.h"

enum { DEFAULT_TIMEOUT_MS = 30000, CONNECT_TIMEOUT_MS = 10000, MAX_HOST_CONNECTIONS = 64 };
enum { DEFAULT_MAX_REPLY = 16 * 1024 * 1024, MAX_HEADERS = 100, MAX_HEADER_BYTES = 64 * 1024 };

struct real_http_client {
    CURLM *multi;
    uv_timer_t timer;
};

struct transfer {
    CURL *easy;
    struct curl_slist *headers;
    struct arena *a;
    struct fiber *waiter;
    struct strbuf body;
    struct http_header *reply_headers;
    size_t reply_header_count;
    CURLcode result;
    bool done, over_cap;
    char problem[CURL_ERROR_SIZE];
};

static void finish_transfers(struct real_http_client *c)
{
    int left = 0;
    CURLMsg *m = NULL;

    while ((m = curl_multi_info_read(c->multi, &left))) {
        struct transfer *t = NULL;

        if (m->msg != CURLMSG_DONE)
            continue;
        curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &t);
        t->result = m->data.result;
        t->done = true;
        fiber_unpark(t->waiter);
    }
}

/* --- libcurl on the loop
 * ------------------------------------------------------------------------------------- */

struct watch {
    uv_poll_t poll;
    struct real_http_client *client;
    curl_socket_t fd;
};

static void watch_closed(uv_handle_t *h)
{
    free(h->data);
}

static void on_socket_ready(uv_poll_t *p, int status, int events)
{
    struct watch *w = p->data;
    struct real_http_client *c = w->client;
    int flags = 0;
    int running = 0;

    if (status < 0)
        flags = CURL_CSELECT_ERR;
    if (events & UV_READABLE)
        flags |= CURL_CSELECT_IN;
    if (events & UV_WRITABLE)
        flags |= CURL_CSELECT_OUT;
    curl_multi_socket_action(c->multi, w->fd, flags, &running);
    finish_transfers(c);
}

static int on_curl_socket(CURL *easy, curl_socket_t fd, int what, void *ctx, void *per_socket)
{
    struct real_io *r = ctx;
    struct watch *w = per_socket;
    int events = (what & CURL_POLL_IN ? UV_READABLE : 0) | (what & CURL_POLL_OUT ? UV_WRITABLE : 0);

    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        if (w) {
            uv_poll_stop(&w->poll);
            curl_multi_assign(r->http->multi, fd, NULL);
            uv_close((uv_handle_t *)&w->poll, watch_closed);
        }
        return 0;
    }
    if (!w) {
        w = xcalloc(1, sizeof(*w));
        w->client = r->http;
        w->fd = fd;
        uv_poll_init_socket(&r->loop, &w->poll, fd);
        w->poll.data = w;
        curl_multi_assign(r->http->multi, fd, w);
    }
    uv_poll_start(&w->poll, events, on_socket_ready);
    return 0;
}

static void on_curl_timer_due(uv_timer_t *t)
{
    struct real_http_client *c = t->data;
    int running = 0;

    curl_multi_socket_action(c->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    finish_transfers(c);
}

static int on_curl_timer(CURLM *multi, long timeout_ms, void *ctx)
{
    struct real_io *r = ctx;

    (void)multi;
    if (timeout_ms < 0)
        uv_timer_stop(&r->http->timer);
    else
        uv_timer_start(&r->http->timer, on_curl_timer_due, (uint64_t)timeout_ms, 0);
    return 0;
}

static struct real_http_client *client_of(struct real_io *r)
{
    struct real_http_client *c = r->http;

    if (c)
        return c;
    /* tokens and secrets go through libcurl's own memory, both ways */
    curl_global_init_mem(CURL_GLOBAL_DEFAULT, xmalloc, mem_free_wiped, mem_realloc_wiped, xstrdup, xcalloc);
    c = xcalloc(1, sizeof(*c));
    c->multi = curl_multi_init();
    uv_timer_init(&r->loop, &c->timer);
    c->timer.data = c;
    r->http = c;
    curl_multi_setopt(c->multi, CURLMOPT_SOCKETFUNCTION, on_curl_socket);
    curl_multi_setopt(c->multi, CURLMOPT_SOCKETDATA, r);
    curl_multi_setopt(c->multi, CURLMOPT_TIMERFUNCTION, on_curl_timer);
    curl_multi_setopt(c->multi, CURLMOPT_TIMERDATA, r);
    curl_multi_setopt(c->multi, CURLMOPT_MAX_HOST_CONNECTIONS, (long)MAX_HOST_CONNECTIONS);
    return c;
}

void real_http_client_done(struct real_io *r)
{
    if (!r->http)
        return;
    curl_multi_cleanup(r->http->multi);
    uv_timer_stop(&r->http->timer);
    uv_close((uv_handle_t *)&r->http->timer, NULL);
    uv_run(&r->loop, UV_RUN_NOWAIT); /* lets the handles close before their memory goes */
    free(r->http);
    r->http = NULL;
    curl_global_cleanup();
}

/* --- one transfer
 * -------------------------------------------------------------------------------------------- */

static size_t on_body(char *data, size_t size, size_t n, void *ctx)
{
    struct transfer *t = ctx;

    strbuf_add(&t->body, (struct str){ data, size * n });
    t->over_cap = t->over_cap || t->body.full;
    return t->over_cap ? 0 : size * n;
}

static size_t on_header(char *data, size_t size, size_t n, void *ctx)
{
    struct transfer *t = ctx;
    struct str line = str_trim((struct str){ data, size * n });
    struct str name = { 0 };

    if (str_has_prefix(line, STR("HTTP/")))
        t->reply_header_count = 0; /* a later reply of the same exchange: 100, proxy's 200 */
    else if (t->reply_header_count < MAX_HEADERS && str_find(line, STR(":")) > 0 &&
             str_cut(&line, ':', &name))
        t->reply_headers[t->reply_header_count++] =
            (struct http_header){ arena_str(t->a, name), arena_str(t->a, str_trim(line)) };
    return size * n;
}

static void add_header(struct transfer *t, const char *name, struct str value)
{
    AUTO_STRBUF struct strbuf line = STRBUF(MAX_HEADER_BYTES);

    strbuf_addf(&line, "%s: %.*s", name, STR_ARG(value));
    t->headers = curl_slist_append(t->headers, strbuf_cstr(&line));
}

static void add_auth(struct transfer *t, const struct http_auth *auth)
{
    struct strbuf line = STRBUF_WIPED(MAX_HEADER_BYTES);

    if (auth->kind == HTTP_AUTH_BEARER) {
        strbuf_addz(&line, "Authorization: Bearer ");
        strbuf_add(&line, secret_unwrap(auth->secret));
    } else if (auth->kind == HTTP_AUTH_BASIC) {
        struct strbuf plain = STRBUF_WIPED(MAX_HEADER_BYTES);

        strbuf_addf(&plain, "%s:", auth->user);
        strbuf_add(&plain, secret_unwrap(auth->secret));
        strbuf_addz(&line, "Authorization: Basic ");
        strbuf_add_base64(&line, strbuf_str(&plain));
        strbuf_wipe(&plain);
    }
    if (line.len)
        t->headers = curl_slist_append(t->headers, strbuf_cstr(&line));
    strbuf_wipe(&line);
}

static bool is_loopback(const char *host)
{
    return strcmp(host, "localhost") == 0 || strncmp(host, "127.", 4) == 0 || strcmp(host, "[::1]") == 0;
}

/* Plain http would show credentials and specs to the network: to this machine only, unless the caller says
 * otherwise. */
static int check_url(const struct http_request *req, bool *ret_loopback, struct err *e)
{
    CURLU *u = curl_url();
    char *scheme = NULL;
    char *host = NULL;
    int rc = 0;

    if (curl_url_set(u, CURLUPART_URL, req->url, 0) || curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) ||
        curl_url_get(u, CURLUPART_HOST, &host, 0))
        rc = err_set(e, ERR_INVALID, "not a URL: \"%.200s\"", req->url);
    else if (strcmp(scheme, "http") != 0 && strcmp(scheme, "https") != 0)
        rc = err_set(e, ERR_INVALID, "%s: only http and https URLs can be used", scheme);
    else if (strcmp(scheme, "http") == 0 && !is_loopback(host) && !req->allow_plain)
        rc = err_set(e, ERR_INVALID, "plain http to %s is refused; use https", host);
    else
        *ret_loopback = is_loopback(host);
    curl_free(scheme);
    curl_free(host);
    curl_url_cleanup(u);
    return rc;
}

static void set_headers(struct transfer *t, const struct http_request *req)
{
    bool agent = false;

    for (size_t i = 0; i < req->header_count; i++) {
        char *name = arena_cstr(t->a, req->headers[i].name);

        agent = agent || str_eq_nocase(req->headers[i].name, STR("User-Agent"));
        add_header(t, name, req->headers[i].value);
    }
    if (!agent)
        add_header(t, "User-Agent", STR("slipway/" SLIPWAY_VERSION));
    if (req->body.ptr) /* a header without a value is left out by curl, its own one too */
        add_header(t, "Content-Type", str_of(req->content_type ? req->content_type : "application/json"));
    t->headers = curl_slist_append(t->headers, "Expect:");
    add_auth(t, &req->auth);
}

static void set_options(struct transfer *t, const struct http_request *req, bool loopback)
{
    const char *authorities = getenv("SSL_CERT_FILE");
    CURL *c = t->easy;

    curl_easy_setopt(c, CURLOPT_URL, req->url);
    curl_easy_setopt(c, CURLOPT_PRIVATE, t);
    curl_easy_setopt(c, CURLOPT_ERRORBUFFER, t->problem);
    curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
    /* Without TLS there is no HTTP/2 here, and whoever waits to see would wait for the whole of a long poll.
     */
    curl_easy_setopt(c, CURLOPT_PIPEWAIT, strncmp(req->url, "https:", 6) == 0 ? 1L : 0L);
    curl_easy_setopt(c, CURLOPT_TCP_NODELAY, 1L);
    curl_easy_setopt(c, CURLOPT_ACCEPT_ENCODING, "");
    curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_TIMEOUT_MS);
    curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, (long)(req->timeout_ms ? req->timeout_ms : DEFAULT_TIMEOUT_MS));
    curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(c, CURLOPT_WRITEDATA, t);
    curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(c, CURLOPT_HEADERDATA, t);
    curl_easy_setopt(c, CURLOPT_HTTPHEADER, t->headers);
    if (req->unix_path)
        curl_easy_setopt(c, CURLOPT_UNIX_SOCKET_PATH, req->unix_path);
    if (loopback)
        curl_easy_setopt(c, CURLOPT_PROXY, "");
    if (authorities && authorities[0]) /* as curl, Go and OpenSSL's own programs do; the library does not */
        curl_easy_setopt(c, CURLOPT_CAINFO, authorities);
    if (req->client_cert) {
        curl_easy_setopt(c, CURLOPT_SSLCERT, req->client_cert);
        curl_easy_setopt(c, CURLOPT_SSLKEY, req->client_key);
    }
    if (req->body.ptr) {
        curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)req->body.len);
        curl_easy_setopt(c, CURLOPT_POSTFIELDS, req->body.ptr);
    }
    if (req->method && strcmp(req->method, "HEAD") == 0)
        curl_easy_setopt(c, CURLOPT_NOBODY, 1L); /* else it waits for the body that is announced */
    curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, req->method ? req->method : "GET");
}

static int outcome(struct transfer *t, const struct http_request *req, struct http_reply *ret, struct err *e)
{
    long status = 0;
    const char *why = t->problem[0] ? t->problem : curl_easy_strerror(t->result);

    if (t->over_cap)
        return err_set(e, ERR_LIMIT, "%.200s: the reply is longer than %zu bytes", req->url, t->body.max);
    if (t->result == CURLE_OPERATION_TIMEDOUT)
        return err_set(e, ERR_TIMEOUT, "%.200s: %s", req->url, why);
    if (t->result != CURLE_OK)
        return err_set(e, ERR_NET, "%.200s: %s", req->url, why);
    curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
    *ret = (struct http_reply){ .status = (int)status,
                                .headers = t->reply_headers,
                                .header_count = t->reply_header_count };
    ret->body = arena_str(t->a, strbuf_str(&t->body));
    return 0;
}

static int perform(struct real_io *r, struct transfer *t, const struct http_request *req,
                   struct http_reply *ret, struct err *e)
{
    struct real_http_client *c = client_of(r);
    int rc = 0;

    curl_multi_add_handle(c->multi, t->easy);
    while (!t->done && rc == 0)
        rc = fiber_park(r->io.sched, -1, false);
    curl_multi_remove_handle(c->multi, t->easy);
    if (rc)
        return err_set(e, ERR_CANCELLED, "asked to stop");
    return outcome(t, req, ret, e);
}

int real_http_send(struct io *io, struct arena *a, const struct http_request *req, struct http_reply *ret,
                   struct err *e)
{
    struct real_io *r = real_of(io);
    struct transfer t = { .a = a, .waiter = fiber_current(io->sched) };
    bool loopback = false;
    int rc = check_url(req, &loopback, e);

    if (rc)
        return rc;
    (void)client_of(r); /* libcurl is initialised before the first handle */
    t.easy = curl_easy_init();
    t.body = STRBUF_WIPED(req->max_reply_bytes ? req->max_reply_bytes : DEFAULT_MAX_REPLY);
    t.reply_headers = arena_array(a, MAX_HEADERS, sizeof(*t.reply_headers));
    set_headers(&t, req);
    set_options(&t, req, loopback);
    rc = perform(r, &t, req, ret, e);
    curl_easy_cleanup(t.easy);
    for (struct curl_slist *h = t.headers; h; h = h->next)
        mem_wipe(h->data, strlen(h->data)); /* one of them may hold a credential */
    curl_slist_free_all(t.headers);
    strbuf_done(&t.body);
    return rc;
}
