/* server/sign_in/page.c: plain pages. */
#include "server/sign_in/page.h"

#include "base/crypto.h"

enum { PAGE_MAX_BYTES = 64 * 1024 };

static const char style[] =
    "body{font:16px/1.5 system-ui,sans-serif;max-width:40em;margin:3em auto;padding:0 1em;color:#222;"
    "background:#fff}"
    "h1{font-size:1.4em}code,pre{background:#f2f2f2;padding:.15em .3em;overflow-wrap:anywhere;"
    "white-space:pre-wrap}"
    "label{display:block;margin:.8em 0}input,select,button{font:inherit;padding:.3em .6em}";

static void headers(struct http_exchange *x)
{
    AUTO_STRBUF struct strbuf policy = STRBUF(512);
    uint8_t sum[32];

    sha256(STR(style), sum);
    strbuf_addz(&policy, "default-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; "
                         "style-src 'sha256-");
    strbuf_add_base64(&policy, (struct str){ (const char *)sum, sizeof(sum) });
    strbuf_addz(&policy, "'");
    http_reply_header(x, "Content-Security-Policy", strbuf_str(&policy));
    http_reply_header(x, "X-Content-Type-Options", STR("nosniff"));
    http_reply_header(x, "Referrer-Policy",
                      STR("same-origin")); /* "no-referrer" makes a form's Origin null */
    http_reply_header(x, "Cache-Control", STR("no-store"));
}

void page_reply(struct http_exchange *x, int status, const char *title, struct str body)
{
    AUTO_STRBUF struct strbuf page = STRBUF_WIPED(PAGE_MAX_BYTES);

    strbuf_addz(&page,
                "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" "
                "content=\"width=device-width\"><title>");
    strbuf_add_html(&page, str_of(title));
    strbuf_addf(&page, " - Slipway</title><style>%s</style></head><body><h1>", style);
    strbuf_add_html(&page, str_of(title));
    strbuf_addz(&page, "</h1>");
    strbuf_add(&page, body);
    strbuf_addz(&page, "</body></html>\n");
    x->reply.wiped = true; /* a page may show a key */
    if (strbuf_check(&page, NULL) < 0) {
        http_reply_text(x, 500, "text/plain", STR("the page is too long\n"));
        return;
    }
    headers(x);
    http_reply_text(x, status, "text/html; charset=utf-8", strbuf_str(&page));
}

void page_message(struct http_exchange *x, int status, const char *title, struct str text,
                  enum page_next next)
{
    static const char *const links[] = { [PAGE_END] = "",
                                         [PAGE_SIGN_IN] = "<p><a href=\"/login\">Sign in</a></p>",
                                         [PAGE_BACK] = "<p><a href=\"/authorize\">Back</a></p>" };
    AUTO_STRBUF struct strbuf body = STRBUF(PAGE_MAX_BYTES);

    strbuf_addz(&body, "<p>");
    strbuf_add_html(&body, text);
    strbuf_addz(&body, "</p>");
    strbuf_addz(&body, links[next]);
    page_reply(x, status, title, strbuf_str(&body));
}

void page_go(struct http_exchange *x, struct str url)
{
    http_reply_header(x, "Location", url);
    http_reply_header(x, "Cache-Control", STR("no-store"));
    http_reply_header(x, "Referrer-Policy", STR("no-referrer")); /* the code is in our own address */
    http_reply_text(x, 303, "text/plain", STR(""));
}

bool page_only(struct http_exchange *x, const char *method)
{
    if (str_is(x->method, method))
        return true;
    http_reply_header(x, "Allow", str_of(method));
    http_reply_text(x, 405, "text/plain", STR("this page is not asked for in this way\n"));
    return false;
}
