/* server/sign_in/authorize.c: the page where people make API keys. */
#include "base/log.h"
#include "base/secret.h"
#include "server/sign_in/page.h"
#include "server/sign_in/sign_in.h"

enum { NAME_MAX_BYTES = 100, BODY_MAX_BYTES = 16 * 1024, BODY_TEXT_MAX = 32 * 1024 };

static const struct lasting {
    const char *name, *words;
    int64_t days; /* 0: for ever */
} lastings[] = {
    { "30", "30 days", 30 }, { "90", "90 days", 90 }, { "365", "a year", 365 }, { "0", "for ever", 0 }
};
enum { LASTING_DEFAULT = 1 };

static void add_form_begin(struct server *s, struct http_exchange *x, struct strbuf *b, const char *action)
{
    strbuf_addf(
        b, "<form method=\"post\" action=\"%s\"><input type=\"hidden\" name=\"form_token\" value=\"%.*s\">",
        action, STR_ARG(session_form_token(s, x)));
}

static void add_sign_out(struct server *s, struct http_exchange *x, struct strbuf *b)
{
    add_form_begin(s, x, b, "/logout");
    strbuf_addz(b, "<button>Sign out</button></form>");
}

static void ask(struct server *s, struct http_exchange *x, const struct store_user *user)
{
    AUTO_STRBUF struct strbuf b = STRBUF(BODY_TEXT_MAX);

    strbuf_addz(&b, "<p>You are signed in as <b>");
    strbuf_add_html(&b, user->username);
    strbuf_addz(&b, "</b>.</p>");
    add_form_begin(s, x, &b, "/authorize");
    strbuf_addf(&b,
                "<label>What the key is for <input name=\"name\" required maxlength=\"%d\" "
                "placeholder=\"laptop\"></label><label>It lasts <select name=\"days\">",
                NAME_MAX_BYTES);
    for (size_t i = 0; i < ARRAY_LEN(lastings); i++)
        strbuf_addf(&b, "<option value=\"%s\"%s>%s</option>", lastings[i].name,
                    i == LASTING_DEFAULT ? " selected" : "", lastings[i].words);
    strbuf_addz(&b, "</select></label><button>Make an API key</button></form>");
    add_sign_out(s, x, &b);
    page_reply(x, 200, "A new API key", strbuf_str(&b));
}

static void show(struct server *s, struct http_exchange *x, const struct secret *key, struct str name)
{
    AUTO_STRBUF struct strbuf b = STRBUF_WIPED(BODY_TEXT_MAX);

    strbuf_addz(&b, "<p>The key <b>");
    strbuf_add_html(&b, name);
    strbuf_addz(&b, "</b> is shown this once. Copy it now.</p><pre id=\"key\">");
    strbuf_add_html(&b, secret_unwrap(key));
    strbuf_addz(&b, "</pre><p>Log in with it:</p><pre>wandb login --host ");
    strbuf_add_html(&b, public_base(s, x));
    strbuf_addz(&b, "\nslipway login --url ");
    strbuf_add_html(&b, public_base(s, x));
    strbuf_addz(&b, "</pre><p><a href=\"/authorize\">Make another one</a></p>");
    add_sign_out(s, x, &b);
    page_reply(x, 200, "Your API key", strbuf_str(&b));
}

/* -ERR_INVALID with words for the person. */
static int read_form(struct http_exchange *x, struct admin_key_options *ret, struct err *e)
{
    struct str name = str_trim(http_form_get(x, "name")), days = http_form_get(x, "days");

    if (name.len == 0 || name.len > NAME_MAX_BYTES || !str_is_utf8(name))
        return err_set(e, ERR_INVALID, "the name of a key has 1 to %d bytes", NAME_MAX_BYTES);
    for (size_t i = 0; i < ARRAY_LEN(lastings); i++) {
        if (!str_is(days, lastings[i].name))
            continue;
        ret->name = arena_cstr(x->a, name);
        ret->lasts_ms = lastings[i].days * INT64_C(86400000);
        return 0;
    }
    return err_set(e, ERR_INVALID, "choose how long the key lasts");
}

static void make(struct server *s, struct http_exchange *x, const struct store_user *user)
{
    const struct store_by by = { str_of(arena_printf(x->a, "user %.*s", STR_ARG(user->username))),
                                 io_now_unix_ms(s->io) };
    struct admin_key_options o = { .username = arena_cstr(x->a, user->username) };
    AUTO_PTR(secret) key = NULL;
    int64_t id = 0;
    struct err e = { 0 };
    int rc;

    if (x->body.len > BODY_MAX_BYTES || !session_form_is_ours(s, x)) {
        page_message(x, 403, "No key was made", STR("The form was not sent by a page of this server."),
                     PAGE_BACK);
        return;
    }
    rc = read_form(x, &o, &e);
    rc = rc < 0 ? rc : server_key_create_by(s, &o, &by, &key, &id, &e);
    if (rc == -ERR_INVALID) {
        page_message(x, 400, "No key was made", str_of(e.msg), PAGE_BACK);
    } else if (rc < 0) {
        reply_failure(x, &e, NULL);
    } else {
        LOG_INFO("sign_in.key_made", "user=%s key=%lld", o.username, (long long)id);
        show(s, x, key, str_of(o.name));
    }
}

void authorize_handle(struct server *s, struct http_exchange *x)
{
    struct store_session_found found = { 0 };
    bool is_post = str_is(x->method, "POST");
    struct err e = { 0 };
    int rc;

    if (!is_post && !page_only(x, "GET"))
        return;
    rc = session_opens(s, x, &found, &e);
    if (rc == -ERR_NOT_FOUND)
        page_go(x, STR("/login"));
    else if (rc < 0)
        reply_failure(x, &e, NULL);
    else if (is_post)
        make(s, x, &found.user);
    else
        ask(s, x, &found.user);
}
