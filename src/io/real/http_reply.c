/* io/real/http_reply.c: the head of a reply as bytes. */
#include <string.h>
#include <time.h>

#include "io/real/http_internal.h"

static const struct {
    int status;
    const char *phrase;
} phrases[] = {
    { 200, "OK" },
    { 201, "Created" },
    { 202, "Accepted" },
    { 204, "No Content" },
    { 206, "Partial Content" },
    { 301, "Moved Permanently" },
    { 302, "Found" },
    { 303, "See Other" },
    { 304, "Not Modified" },
    { 307, "Temporary Redirect" },
    { 308, "Permanent Redirect" },
    { 400, "Bad Request" },
    { 401, "Unauthorized" },
    { 403, "Forbidden" },
    { 404, "Not Found" },
    { 405, "Method Not Allowed" },
    { 406, "Not Acceptable" },
    { 408, "Request Timeout" },
    { 409, "Conflict" },
    { 410, "Gone" },
    { 411, "Length Required" },
    { 412, "Precondition Failed" },
    { 413, "Content Too Large" },
    { 414, "URI Too Long" },
    { 415, "Unsupported Media Type" },
    { 416, "Range Not Satisfiable" },
    { 417, "Expectation Failed" },
    { 422, "Unprocessable Content" },
    { 429, "Too Many Requests" },
    { 431, "Request Header Fields Too Large" },
    { 500, "Internal Server Error" },
    { 501, "Not Implemented" },
    { 502, "Bad Gateway" },
    { 503, "Service Unavailable" },
    { 504, "Gateway Timeout" },
    { 505, "HTTP Version Not Supported" },
    { 507, "Insufficient Storage" },
};

static const char *phrase_of(int status)
{
    for (size_t i = 0; i < ARRAY_LEN(phrases); i++)
        if (phrases[i].status == status)
            return phrases[i].phrase;
    return "";
}

/* Those that say where the reply ends belong to the server alone. */
static bool is_ours(struct str name)
{
    return str_eq_nocase(name, STR("Content-Length")) || str_eq_nocase(name, STR("Transfer-Encoding")) ||
           str_eq_nocase(name, STR("Connection")) || str_eq_nocase(name, STR("Date"));
}

/* RFC 9110 5.6.2 and 5.5: with a line break in it a header would be two, or the end of the head. */
static bool is_sound(const struct http_header *h)
{
    static const char token[] =
        "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

    for (size_t i = 0; i < h->name.len; i++)
        if (!memchr(token, h->name.ptr[i], sizeof(token) - 1))
            return false;
    for (size_t i = 0; i < h->value.len; i++)
        if (((unsigned char)h->value.ptr[i] < 0x20 && h->value.ptr[i] != '\t') || h->value.ptr[i] == 0x7f)
            return false;
    return h->name.len > 0;
}

bool http_reply_is_sound(const struct http_exchange *x)
{
    for (size_t i = 0; i < x->reply_header_count; i++)
        if (!is_sound(&x->reply_headers[i]))
            return false;
    return x->status >= 200 && x->status <= 999 && !x->reply.full;
}

bool http_reply_has_body(int status)
{
    return status != 204 && status != 304;
}

void http_date_format(int64_t unix_s, char ret[HTTP_DATE_BYTES])
{
    time_t t = (time_t)unix_s;
    struct tm tm;

    gmtime_r(&t, &tm);
    strftime(ret, HTTP_DATE_BYTES, "%a, %d %b %Y %H:%M:%S GMT", &tm); /* no setlocale(): always English */
}

void http_reply_head(struct strbuf *out, const struct http_exchange *x, const struct http_reply_facts *facts)
{
    strbuf_addf(out, "HTTP/1.1 %d %s\r\nDate: %s\r\n", x->status, phrase_of(x->status), facts->date);
    for (size_t i = 0; i < x->reply_header_count; i++) {
        const struct http_header *h = &x->reply_headers[i];

        if (is_ours(h->name))
            continue;
        strbuf_add(out, h->name);
        strbuf_addz(out, ": ");
        strbuf_add(out, h->value);
        strbuf_addz(out, "\r\n");
    }
    if (http_reply_has_body(x->status))
        strbuf_addf(out, "Content-Length: %zu\r\n", facts->body_len);
    strbuf_addz(out, facts->keep_alive ? "Connection: keep-alive\r\n\r\n" : "Connection: close\r\n\r\n");
}
