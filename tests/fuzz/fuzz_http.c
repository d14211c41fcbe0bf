/*
 * Fuzz target: what a client sends, to requests. The same bytes must give the same requests, and be refused
 * at the same one, however the network cuts them up.
 */
#include <stdint.h>
#include <stdlib.h>

#include "io/real/http_parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct http_limits limits = { .max_header_bytes = 300, .max_body_bytes = 100 };

/* Gives whether another request may follow. */
static bool note_request(struct http_parse *p, struct strbuf *transcript)
{
    AUTO_PTR(arena) a = arena_new();
    struct http_request_memory memory = { 0 };
    struct http_exchange x = { .a = a };
    bool keep_alive = p->keep_alive;

    if (http_parse_take(p, &x, &memory) == HTTP_PARSE_REFUSED) {
        strbuf_addz(transcript, "refused");
        return false;
    }
    strbuf_addf(transcript, "%.*s %.*s ? %.*s\n", STR_ARG(x.method), STR_ARG(x.path), STR_ARG(x.query));
    for (size_t i = 0; i < x.header_count; i++)
        strbuf_addf(transcript, "%.*s: %.*s\n", STR_ARG(x.headers[i].name), STR_ARG(x.headers[i].value));
    strbuf_addf(transcript, "%zu ", x.body.len);
    strbuf_add(transcript, x.body);
    http_request_memory_free(&memory);
    return keep_alive;
}

static void converse(struct str bytes, size_t step, struct strbuf *transcript)
{
    struct http_parse p;
    bool more = true;

    http_parse_init(&p, &limits);
    while (more && bytes.len > 0) {
        size_t used = 0;

        switch (http_parse_feed(&p, str_sub(bytes, 0, step), &used)) {
        case HTTP_PARSE_MORE:
            break;
        case HTTP_PARSE_REQUEST:
            more = note_request(&p, transcript);
            break;
        case HTTP_PARSE_REFUSED:
            strbuf_addz(transcript, "refused"); /* why may differ: a cap or a bad byte behind it */
            more = false;
            break;
        }
        bytes = str_sub(bytes, used, bytes.len);
    }
    http_parse_done(&p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str bytes = { (const char *)data, size };
    AUTO_STRBUF struct strbuf whole = STRBUF(1 << 24);
    AUTO_STRBUF struct strbuf pieces = STRBUF(1 << 24);

    if (size == 0)
        return 0;
    converse(bytes, size, &whole);
    converse(bytes, 1 + data[0] % 7, &pieces);
    if (!str_eq(strbuf_str(&whole), strbuf_str(&pieces)))
        abort();
    return 0;
}
