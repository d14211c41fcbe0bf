/* A server on a simulated machine, asked over HTTP as a client does. */
#pragma once

#include "base/jval.h"
#include "io/http.h"
#include "place.h"
#include "server/server.h"

struct api {
    struct world *w;
    struct server *server;
    struct http_server *http;
    struct secret *admin, *ann, *bob;
    struct secret *keys[8]; /* of more people; freed with the rest */
    const char *base;
};

static inline struct secret *user(struct api *t, const char *name)
{
    struct secret *key = NULL;
    struct err e = { 0 };

    must(server_user_create(t->server, &(struct admin_user_options){ .username = name }, &key, &e), &e);
    return key;
}

static inline void api_open_with(struct api *t, struct world *w, const struct server_options *options)
{
    struct server_options o = *options;
    struct err e = { 0 };

    o.data_dir = w->dir;
    o.db_url = place(w, "slipway").url;
    o.fast_and_unsafe_db = o.cheap_digests = o.alone = true;
    *t = (struct api){ .w = w };
    must(server_new(w->io, &o, &t->server, &e), &e);
    must(server_first_admin(t->server, &t->admin, &e), &e);
    t->ann = user(t, "ann");
    t->bob = user(t, "bob");
    server_start(t->server);
    must(http_listen(w->io, &(struct http_server_options){ .handler = server_handle, .ctx = t->server },
                     &t->http, &e),
         &e);
    t->base = arena_printf(w->a, "http://127.0.0.1:%u", http_server_port(t->http));
}

static inline void api_open(struct api *t, struct world *w)
{
    api_open_with(t, w, &(struct server_options){ 0 });
}

static inline void api_close(struct api *t)
{
    http_server_close(t->http);
    server_free(t->server);
    secret_free(t->admin);
    secret_free(t->ann);
    secret_free(t->bob);
    for (size_t i = 0; i < ARRAY_LEN(t->keys); i++)
        secret_free(t->keys[i]);
}

static inline struct http_reply request(struct api *t, const char *method, const char *url,
                                        const struct secret *key, const char *body)
{
    const struct http_header wait = { STR("Prefer"), STR("wait=20") };
    const struct http_request req = { .method = method,
                                      .url = url,
                                      .auth = { key ? HTTP_AUTH_BASIC : HTTP_AUTH_NONE, "api", key },
                                      .headers = &wait,
                                      .header_count = 1,
                                      .body = str_of(body),
                                      .timeout_ms = 60000 };
    struct http_reply reply = { 0 };
    struct err e = { 0 };

    must(http_send(t->w->io, t->w->a, &req, &reply, &e), &e);
    return reply;
}

/* A document without variables; its answer as a tree. */
static inline const struct jval *ask(struct api *t, const struct secret *key, int *ret_status,
                                     const char *document)
{
    struct jval *body = jval_new_object(t->w->a), *answer = NULL;
    struct http_reply reply;
    struct err e = { 0 };

    jval_set_cstr(t->w->a, body, "query", document);
    reply = request(t, "POST", arena_printf(t->w->a, "%s/graphql", t->base), key,
                    jval_text(t->w->a, body, JVAL_COMPACT).ptr);
    must(jval_from_json(t->w->a, reply.body, "answer", NULL, &answer, &e), &e);
    *ret_status = reply.status;
    return answer;
}

static inline const struct jval *data(struct api *t, const struct secret *key, const char *document,
                                      const char *path)
{
    int status = 0;
    const struct jval *answer = ask(t, key, &status, document);

    if (status != 200)
        fail_msg("%s: %d %s", document, status, jval_text(t->w->a, answer, JVAL_COMPACT).ptr);
    return jval_path(jval_get(answer, "data"), path);
}

static inline void is_text(const struct jval *v, const char *wanted)
{
    struct str s = jval_str(v);

    assert_string_equal(s.ptr ? s.ptr : "(none)", wanted);
}
