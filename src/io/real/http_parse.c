/* io/real/http_parse.c: llhttp's callbacks, the caps, and the lines that llhttp takes too easily. */
#include "io/real/http_parse.h"

#include <assert.h>
#include <string.h>

enum { CHUNK_FRAMING_BYTES = 5 }; /* a digit and two line ends */

int http_parse_refuse(struct http_parse *p, int status, const char *why)
{
    p->refused_status = status;
    p->refused_why = why;
    return -1;
}

static int add_to_head(struct http_parse *p, const char *at, size_t len)
{
    strbuf_add(&p->head, (struct str){ at, len });
    return p->head.full ? http_parse_refuse(p, 431, "the request's header is too large\n") : 0;
}

/* --- llhttp's callbacks: in the order of a request
 * ----------------------------------------------------------- */

static int on_begin(llhttp_t *parser)
{
    struct http_parse *p = parser->data;

    p->stage = HTTP_PARSE_HEAD;
    return 0;
}

static int on_url(llhttp_t *parser, const char *at, size_t len)
{
    struct http_parse *p = parser->data;

    if (p->head.len + len > HTTP_MAX_TARGET_BYTES)
        return http_parse_refuse(p, 414, "the request's target is too long\n");
    return add_to_head(p, at, len);
}

static int on_url_complete(llhttp_t *parser)
{
    return add_to_head(parser->data, "", 1);
}

/* What comes besides a chunked body: sizes, extensions, trailers. Nobody asks for it, but it must have an
 * end. */
static int on_framing(struct http_parse *p, size_t len)
{
    p->framing_bytes += len;
    if (p->framing_bytes > p->limits->max_header_bytes + p->limits->max_body_bytes)
        return http_parse_refuse(p, 413, "the request's body has too much framing\n");
    return 0;
}

/* Trailers are fields too, in stage BODY. */
static int on_field(llhttp_t *parser, const char *at, size_t len)
{
    struct http_parse *p = parser->data;

    return p->stage == HTTP_PARSE_BODY ? on_framing(p, len) : add_to_head(p, at, len);
}

static int on_field_complete(llhttp_t *parser)
{
    struct http_parse *p = parser->data;

    if (p->stage == HTTP_PARSE_BODY)
        return on_framing(p, 1);
    p->header_count++;
    if (p->header_count > HTTP_MAX_HEADERS)
        return http_parse_refuse(p, 431, "the request has too many header fields\n");
    return add_to_head(p, "", 1);
}

static int on_value_complete(llhttp_t *parser)
{
    struct http_parse *p = parser->data;

    return p->stage == HTTP_PARSE_BODY ? 0 : add_to_head(p, "", 1);
}

static int spool_begin(struct http_parse *p)
{
    struct str method = str_of(llhttp_method_name((llhttp_method_t)p->parser.method));

    /* the target is the first text of the head */
    if (!http_spool_admits(p->limits->spool, method, str_of(strbuf_cstr(&p->head)), p->parser.content_length))
        return http_parse_refuse(p, 413, "the request's body is too large\n");
    if (!http_spool_open(p->limits->spool, &p->spooled))
        return http_parse_refuse(p, 507, "there is no place for the request's body\n");
    return 0;
}

static int on_head_complete(llhttp_t *parser)
{
    struct http_parse *p = parser->data;

    if (parser->http_major != 1 || parser->http_minor > 1)
        return http_parse_refuse(p, 505, "only HTTP/1.1 and HTTP/1.0 are spoken here\n");
    parser->upgrade = 0; /* offers of other protocols are not taken up; the request itself is answered */
    if (http_parse_check_head(p))
        return -1;
    if (parser->content_length > p->limits->max_body_bytes && !(parser->flags & F_CHUNKED) && spool_begin(p))
        return -1;
    p->stage = HTTP_PARSE_BODY;
    return 0;
}

static int on_body(llhttp_t *parser, const char *at, size_t len)
{
    struct http_parse *p = parser->data;

    p->wants_continue = false; /* it did not wait */
    if (p->spooled.path)
        return http_spool_add(&p->spooled, (struct str){ at, len })
                   ? 0
                   : http_parse_refuse(p, 507, "there is no place for the request's body\n");
    strbuf_add(&p->body, (struct str){ at, len });
    return p->body.full ? http_parse_refuse(p, 413, "the request's body is too large\n") : 0;
}

static int on_chunk(llhttp_t *parser)
{
    struct http_parse *p = parser->data;

    if (on_framing(p, CHUNK_FRAMING_BYTES))
        return -1;
    if (parser->content_length > 0)
        return 0;
    p->in_lines = p->line_begins = true; /* the last one: trailers follow, to be looked at from here on */
    return HPE_PAUSED;
}

static int on_chunk_extension(llhttp_t *parser, const char *at, size_t len)
{
    return on_framing(parser->data, len);
}

static int on_whole(llhttp_t *parser)
{
    struct http_parse *p = parser->data;

    p->whole = true;
    p->keep_alive = llhttp_should_keep_alive(parser) != 0;
    return HPE_PAUSED;
}

static const llhttp_settings_t settings = {
    .on_message_begin = on_begin,
    .on_url = on_url,
    .on_url_complete = on_url_complete,
    .on_header_field = on_field,
    .on_header_field_complete = on_field_complete,
    .on_header_value = on_field,
    .on_header_value_complete = on_value_complete,
    .on_headers_complete = on_head_complete,
    .on_body = on_body,
    .on_chunk_header = on_chunk,
    .on_chunk_extension_name = on_chunk_extension,
    .on_chunk_extension_value = on_chunk_extension,
    .on_message_complete = on_whole,
};

/* --- feeding
 * ------------------------------------------------------------------------------------------------- */

void http_parse_next(struct http_parse *p)
{
    p->stage = HTTP_PARSE_NOTHING;
    p->head = STRBUF(p->limits->max_header_bytes);
    p->body = STRBUF(p->limits->max_body_bytes);
    p->spooled = (struct http_spooled){ 0 };
    p->header_count = p->framing_bytes = 0;
    p->line_begins = p->after_cr = p->whole = p->keep_alive = p->wants_continue = false;
    p->in_lines = true;
}

void http_parse_init(struct http_parse *p, const struct http_limits *limits)
{
    *p = (struct http_parse){ .limits = limits };
    llhttp_init(&p->parser, HTTP_REQUEST, &settings);
    p->parser.data = p;
    http_parse_next(p);
}

void http_parse_done(struct http_parse *p)
{
    strbuf_done(&p->head);
    strbuf_done(&p->body);
    http_spool_drop(&p->spooled);
}

void http_request_memory_free(struct http_request_memory *m)
{
    strbuf_done(&m->head);
    strbuf_done(&m->body);
    http_spool_drop(&m->spooled);
}

/* What llhttp itself did not like. */
static enum http_parse_result broken(struct http_parse *p, llhttp_errno_t code)
{
    if (p->refused_status)
        return HTTP_PARSE_REFUSED;
    if (code == HPE_PAUSED_H2_UPGRADE || code == HPE_INVALID_VERSION)
        http_parse_refuse(p, 505, "only HTTP/1.1 and HTTP/1.0 are spoken here\n");
    else if (code == HPE_INVALID_METHOD)
        http_parse_refuse(p, 501, "the request's method is not known here\n");
    else if (code == HPE_UNEXPECTED_CONTENT_LENGTH || code == HPE_INVALID_CONTENT_LENGTH ||
             code == HPE_INVALID_TRANSFER_ENCODING)
        http_parse_refuse(p, 400, "the request contradicts itself about its length\n");
    else
        http_parse_refuse(p, 400, "this is not an HTTP request\n");
    return HTTP_PARSE_REFUSED;
}

/*
 * Where a line of the head or trailer ends without a carriage return, or is continued in the next line; else
 * @data's length. llhttp takes the first in places and joins the second; peers do not agree what they mean
 * (RFC 9112 2.2 and 5.2), and that is how one request is made to look like two.
 */
static size_t find_flaw(struct http_parse *p, struct str data)
{
    size_t at = 0;

    while (p->in_lines && at < data.len) {
        const char *lf = memchr(data.ptr + at, '\n', data.len - at);
        size_t end = lf ? (size_t)(lf - data.ptr) : data.len;

        if (p->line_begins && (data.ptr[at] == ' ' || data.ptr[at] == '\t'))
            return at;
        if (p->line_begins && data.ptr[at] == '\r') /* the empty line */
            p->in_lines = false;
        else if (lf && !(end > 0 ? lf[-1] == '\r' : p->after_cr))
            return end;
        p->line_begins = lf != NULL;
        p->after_cr = !lf && data.ptr[data.len - 1] == '\r';
        at = end + 1;
    }
    return data.len;
}

/* RFC 9112 2.2: empty lines before a request are skipped. */
static size_t skip_empty_lines(const struct http_parse *p, struct str data)
{
    size_t at = 0;

    while (p->stage == HTTP_PARSE_NOTHING && at < data.len && (data.ptr[at] == '\r' || data.ptr[at] == '\n'))
        at++;
    return at;
}

/* As far as llhttp goes in one go; on return @rest is what it has not seen. */
static llhttp_errno_t execute(struct http_parse *p, struct str *rest, bool *ret_flaw)
{
    size_t end = find_flaw(p, *rest);
    llhttp_errno_t code = llhttp_execute(&p->parser, rest->ptr, end);

    *ret_flaw = code == HPE_OK && end < rest->len;
    if (code == HPE_PAUSED) {
        end = (size_t)(llhttp_get_error_pos(&p->parser) - rest->ptr);
        llhttp_resume(&p->parser);
    }
    *rest = str_sub(*rest, end, rest->len);
    return code;
}

enum http_parse_result http_parse_feed(struct http_parse *p, struct str data, size_t *ret_used)
{
    struct str rest = str_sub(data, skip_empty_lines(p, data), data.len);
    llhttp_errno_t code = HPE_OK;
    bool flaw = false;

    assert(!p->refused_status && !p->whole);
    while (rest.len > 0 && code == HPE_OK && !flaw) {
        code = execute(p, &rest, &flaw);
        if (code == HPE_PAUSED && !p->whole)
            code = HPE_OK; /* it stopped for the trailer */
    }
    *ret_used = data.len - rest.len;
    if (p->whole)
        return HTTP_PARSE_REQUEST;
    if (code != HPE_OK)
        return broken(p, code);
    if (!flaw)
        return HTTP_PARSE_MORE;
    http_parse_refuse(p, 400, "the request has a folded line, or one that ends without a carriage return\n");
    return HTTP_PARSE_REFUSED;
}
