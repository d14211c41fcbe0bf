/* server/sign_in/page.h: the plain pages that the server makes itself: no scripts, nothing from elsewhere. */
#pragma once

#include "io/http.h"

/** page_reply() - a page titled @title (plain text) with @body (HTML: what came from outside is in it by
 * strbuf_add_html() only). Never kept by a browser, and never in another site's frame. */
void page_reply(struct http_exchange *x, int status, const char *title, struct str body);
/* Where a page with a message leads. */
enum page_next { PAGE_END, PAGE_SIGN_IN, PAGE_BACK };
/** page_message() - the same with a paragraph of plain text and perhaps a link: to /login or to /authorize.
 */
void page_message(struct http_exchange *x, int status, const char *title, struct str text,
                  enum page_next next);
/** page_go() - 303: the browser asks for @url next. */
void page_go(struct http_exchange *x, struct str url);
/** page_only() - 405 unless the method is @method; false: the reply is made. */
bool page_only(struct http_exchange *x, const char *method);
