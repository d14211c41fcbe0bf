/* google/registry.c: the registry's own API, as Docker speaks it (reference 9.3). */
#include "google/registry.h"

#include "google/hosts.h"

enum { MAX_REPLY = 4 * 1024 * 1024, MAX_URL = 8 * 1024, TIMEOUT_MS = 10000 };

#define MANIFEST_TYPES                                                                                       \
    "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, "                  \
    "application/vnd.docker.distribution.manifest.list.v2+json, "                                            \
    "application/vnd.docker.distribution.manifest.v2+json"

/* --- names --- */

static ptrdiff_t last_of(struct str s, char c)
{
    ptrdiff_t at = (ptrdiff_t)s.len - 1;

    while (at >= 0 && s.ptr[at] != c)
        at--;
    return at;
}

/* As they stand in a URL: nothing that another reader could take for something else. */
static bool is_plain(struct str s)
{
    static const char extra[] = "._-/:@";

    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        bool word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');

        if (!word && str_find(STR(extra), (struct str){ &s.ptr[i], 1 }) < 0)
            return false;
    }
    return s.len > 0 && str_find(s, STR("..")) < 0 && str_find(s, STR("//")) < 0;
}

bool image_name_parse(struct str uri, struct image_name *ret)
{
    struct image_name n = { .reference = STR("latest") };
    ptrdiff_t slash = str_find(uri, STR("/")), at, colon;

    if (slash <= 0 || !is_plain(uri))
        return false;
    n.host = str_sub(uri, 0, (size_t)slash);
    n.path = str_sub(uri, (size_t)slash + 1, uri.len);
    at = str_find(n.path, STR("@"));
    if (at >= 0) {
        n.reference = str_sub(n.path, (size_t)at + 1, n.path.len);
        n.path = str_sub(n.path, 0, (size_t)at);
    }
    colon = last_of(n.path, ':');
    if (colon > last_of(n.path, '/')) {
        if (at < 0) /* a digest says more than the tag beside it */
            n.reference = str_sub(n.path, (size_t)colon + 1, n.path.len);
        n.path = str_sub(n.path, 0, (size_t)colon);
    }
    if (!n.path.len || !n.reference.len)
        return false;
    *ret = n;
    return true;
}

bool image_is_google(const struct image_name *n)
{
    return str_has_suffix(n->host, STR("-docker.pkg.dev")) || str_is(n->host, "gcr.io") ||
           str_has_suffix(n->host, STR(".gcr.io"));
}

/* --- asking --- */

struct question {
    struct io *io;
    struct arena *a;
    const struct image_name *name;
    const char *base;
    struct secret *token; /* of Google */
    struct secret *own;   /* that the registry gave for it; NULL: none */
};

static int ask(struct question *q, const char *method, struct http_reply *ret, struct err *e)
{
    const struct http_header accept = { STR("Accept"), STR(MANIFEST_TYPES) };
    const struct http_request req = {
        .method = method,
        .url = arena_printf(q->a, "%s/v2/%.*s/manifests/%.*s", q->base, STR_ARG(q->name->path),
                            STR_ARG(q->name->reference)),
        .auth = { .kind = HTTP_AUTH_BEARER, .secret = q->own ? q->own : q->token },
        .headers = &accept,
        .header_count = 1,
        .timeout_ms = TIMEOUT_MS,
        .max_reply_bytes = MAX_REPLY,
    };

    return http_send(q->io, q->a, &req, ret, e);
}

/* key="value" in a WWW-Authenticate header. */
static struct str challenge_part(struct str header, const char *key)
{
    ptrdiff_t at = str_find(header, str_of(key));
    struct str rest, part = { NULL, 0 };

    if (at < 0)
        return part;
    rest = str_sub(header, (size_t)at, header.len);
    (void)str_cut(&rest, '"', &part);
    part = (struct str){ NULL, 0 };
    (void)str_cut(&rest, '"', &part);
    return part;
}

/* A token of the registry's own, for ours: the realm is believed only when it is on the host that we asked.
 */
static int follow_challenge(struct question *q, const struct http_reply *refusal, struct err *e)
{
    AUTO_PTR(arena) wiped = arena_new_wiped();
    AUTO_STRBUF struct strbuf url = STRBUF(MAX_URL);
    struct str header = http_header_get(refusal->headers, refusal->header_count, "WWW-Authenticate");
    struct str realm = challenge_part(header, "realm="), service = challenge_part(header, "service=");
    struct http_reply reply = { 0 };
    struct jval *v = NULL;
    struct http_request req = { .timeout_ms = TIMEOUT_MS,
                                .max_reply_bytes = MAX_REPLY,
                                .auth = { HTTP_AUTH_BASIC, "oauth2accesstoken", q->token } };

    if (!str_has_prefix(realm, str_of(arena_printf(q->a, "%s/", q->base))))
        return err_set(e, ERR_AUTH, "%.*s does not take the token", STR_ARG(q->name->host));
    strbuf_add(&url, realm);
    strbuf_addz(&url, "?service=");
    strbuf_add_url(&url, service.len ? service : q->name->host);
    strbuf_addz(&url, "&scope=");
    strbuf_add_url(&url, str_of(arena_printf(q->a, "repository:%.*s:pull", STR_ARG(q->name->path))));
    req.url = strbuf_cstr(&url);
    if (http_send(q->io, wiped, &req, &reply, e))
        return e ? -(int)e->code : -ERR_NET;
    if (reply.status != 200 || jval_from_json(wiped, reply.body, "answer", NULL, &v, NULL) ||
        !jval_str(jval_get(v, "token")).len)
        return err_set_http(e, reply.status == 200 ? 502 : reply.status,
                            "%.*s gives no token to pull with: HTTP %d", STR_ARG(q->name->host),
                            reply.status);
    q->own = secret_new(jval_str(jval_get(v, "token")));
    return 0;
}

/* {"errors": [{"code", "message"}]} */
static int refused(struct question *q, const struct http_reply *reply, struct err *e)
{
    struct jval *v = NULL;
    const struct jval *first;

    if (jval_from_json(q->a, reply->body, "answer", NULL, &v, NULL))
        v = NULL;
    first = jval_at(jval_get(v, "errors"), 0);
    if (!first && reply->status == 404)
        return err_set(e, ERR_PROTO, "what answers for %.*s is no registry", STR_ARG(q->name->host));
    if (!first)
        return err_set_http(e, reply->status, "%.*s: HTTP %d: %.*s", STR_ARG(q->name->host), reply->status,
                            STR_ARG(str_sub(reply->body, 0, 200)));
    return err_set_http(e, reply->status, "%.*s: %.*s", STR_ARG(jval_str(jval_get(first, "code"))),
                        STR_ARG(jval_str(jval_get(first, "message"))));
}

static int find(struct question *q, struct str *ret_digest, struct err *e)
{
    struct http_reply reply = { 0 };
    int rc = ask(q, "HEAD", &reply, e);

    if (!rc && reply.status == 401 && (rc = follow_challenge(q, &reply, e)) == 0)
        rc = ask(q, "HEAD", &reply, e);
    if (!rc && reply.status >= 400)
        rc = ask(q, "GET", &reply, e); /* the words are in the body, which a HEAD has not */
    if (rc)
        return rc;
    if (reply.status != 200)
        return refused(q, &reply, e);
    *ret_digest = http_header_get(reply.headers, reply.header_count, "Docker-Content-Digest");
    return 0;
}

int registry_find(struct google *g, struct io *io, struct arena *a, const struct image_name *n,
                  struct str *ret_digest, struct err *e)
{
    AUTO_STRBUF struct strbuf base = STRBUF(MAX_URL);
    struct question q = { .io = io, .a = a, .name = n };
    const struct secret *token = NULL;
    int rc = google_base(g, "registry", n->host, &base, e);

    if (!rc)
        rc = google_token(g, &token, e);
    if (rc)
        return rc;
    q.base = strbuf_cstr(&base);
    q.token = secret_dup(token);
    rc = find(&q, ret_digest, e);
    secret_free(q.token);
    secret_free(q.own);
    return rc;
}
