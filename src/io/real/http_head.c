/* io/real/http_head.c: a request's head once it is whole: what llhttp leaves to its user to refuse, and
 * taking it. */
#include <assert.h>
#include <string.h>

#include "io/io_internal.h"
#include "io/real/http_parse.h"

/* The texts in p->head, one after the other. */
struct texts {
    const char *at;
};

static struct str next_text(struct texts *t)
{
    struct str s = str_of(t->at);

    t->at += s.len + 1;
    return s;
}

/* llhttp takes any list of codings that ends in "chunked"; nothing here decodes the others. */
int http_parse_check_head(struct http_parse *p)
{
    struct texts t = { strbuf_cstr(&p->head) };
    size_t codings = 0, hosts = 0;

    (void)next_text(&t);
    for (size_t i = 0; i < p->header_count; i++) {
        struct str name = next_text(&t), value = str_trim(next_text(&t));

        if (name.len == 0)
            return http_parse_refuse(p, 400, "the request has a header field without a name\n");
        if (str_eq_nocase(name, STR("Host")))
            hosts++;
        if (str_eq_nocase(name, STR("Transfer-Encoding"))) {
            codings++;
            if (codings > 1 || !str_eq_nocase(value, STR("chunked")) || p->parser.http_minor == 0)
                return http_parse_refuse(p, 501, "the only transfer coding taken is chunked, in HTTP/1.1\n");
        }
        if (str_eq_nocase(name, STR("Expect"))) {
            if (!str_eq_nocase(value, STR("100-continue")))
                return http_parse_refuse(p, 417, "the only expectation met is 100-continue\n");
            p->wants_continue = p->parser.http_minor > 0;
        }
    }
    if (hosts > 1 || (hosts == 0 && p->parser.http_minor > 0))
        return http_parse_refuse(p, 400, "a request needs one Host header\n");
    return 0;
}

/* --- taking
 * -------------------------------------------------------------------------------------------------- */

/* RFC 9112 3.2.2: servers take "GET http://host/path", though only proxies need it. */
static struct str without_authority(struct str target)
{
    struct str scheme = str_has_prefix(target, STR("https://")) ? STR("https://") : STR("http://");
    struct str rest = str_sub(target, scheme.len, target.len);
    ptrdiff_t slash = str_find(rest, STR("/"));

    if (!str_has_prefix(target, scheme))
        return target;
    return slash < 0 ? STR("/") : str_sub(rest, (size_t)slash, rest.len);
}

static int take_target(struct http_parse *p, struct str target, struct http_exchange *x)
{
    struct str query = target, path = { 0 };

    (void)str_cut(&query, '?', &path);
    path = without_authority(path);
    if (!str_has_prefix(path, STR("/")) || str_find(target, STR("#")) >= 0)
        return http_parse_refuse(p, 400, "the request's target is not a path\n");
    x->path = http_percent_decode(x->a, path, false);
    x->query = query.ptr ? query : STR("");
    if (memchr(x->path.ptr, '\0', x->path.len))
        return http_parse_refuse(p, 400, "the request's path has a NUL in it\n");
    return 0;
}

enum http_parse_result http_parse_take(struct http_parse *p, struct http_exchange *x,
                                       struct http_request_memory *ret)
{
    struct texts t = { strbuf_cstr(&p->head) };
    struct http_header *headers = arena_array(x->a, p->header_count + 1, sizeof(*headers));

    assert(p->whole);
    if (take_target(p, next_text(&t), x))
        return HTTP_PARSE_REFUSED;
    x->method = str_of(llhttp_method_name((llhttp_method_t)p->parser.method));
    for (size_t i = 0; i < p->header_count; i++) {
        headers[i].name = next_text(&t);
        headers[i].value = str_trim(next_text(&t));
    }
    x->headers = headers;
    x->header_count = p->header_count;
    x->body = strbuf_str(&p->body);
    x->body_bytes = p->spooled.path ? p->spooled.bytes : p->body.len;
    x->body_path = p->spooled.path;
    http_spool_close(&p->spooled);
    *ret = (struct http_request_memory){ .head = p->head, .body = p->body, .spooled = p->spooled };
    http_parse_next(p);
    return HTTP_PARSE_REQUEST;
}
