/* server/sign_in/sign_in.c: to the provider and back. */
#include "server/sign_in/sign_in.h"

#include <stdlib.h>

#include "base/ascii.h"
#include "base/crypto.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/secret.h"
#include "server/run_spec.h"
#include "server/sign_in/cookie.h"
#include "server/sign_in/page.h"
#include "server/sign_in/sign_in_internal.h"

enum {
    SIGN_IN_MS = 10 * 60 * 1000,
    LASTS_MS = 7 * 24 * 60 * 60 * 1000,
    IDLE_MS = 12 * 60 * 60 * 1000,
    CODE_MAX_BYTES = 4096
};

struct sign_in *sign_in_new(struct server *s, const struct server_oidc_options *o)
{
    struct sign_in *n = xcalloc(1, sizeof(*n));

    n->issuer = xstrdup(o->issuer);
    n->email_domains = xstrdup(o->email_domains);
    n->username_claim = xstrdup(o->username_claim ? o->username_claim : "preferred_username");
    n->scope = xstrdup(o->scope ? o->scope : "openid email profile");
    n->create_users = o->create_users;
    n->lasts_ms = o->session_lasts_ms > 0 ? o->session_lasts_ms : LASTS_MS;
    n->idle_ms = o->session_idle_ms > 0 ? o->session_idle_ms : IDLE_MS;
    n->wanted[0] = "email";
    n->wanted[1] = n->username_claim;
    n->provider = provider_new(&(struct provider_options){ .io = s->io,
                                                           .issuer = o->issuer,
                                                           .client_id = o->client_id,
                                                           .client_secret = o->client_secret,
                                                           .claims = n->wanted });
    return n;
}

void sign_in_free(struct sign_in *n)
{
    if (!n)
        return;
    provider_free(n->provider);
    free(n->issuer);
    free(n->email_domains);
    free(n->username_claim);
    free(n->scope);
    free(n);
}

/* --- a sign-in under way: SEED.EXPIRES-S.RETURN.SIGNATURE in a cookie --- */

struct pending {
    struct str seed, return_path;
    int64_t expires_s;
};

/* What goes to the provider comes from the seed by a key of ours: who sees one knows no other. */
static struct str derived(struct server *s, struct http_exchange *x, const struct pending *p,
                          const char *what)
{
    return browser_digest(s, x, arena_printf(x->a, "sign-in %s", what), p->seed);
}

static struct provider_ask ask_of(struct server *s, struct http_exchange *x, const struct pending *p)
{
    return (struct provider_ask){ .redirect_uri = str_of(
                                      arena_printf(x->a, "%.*s/oidc/callback", STR_ARG(public_base(s, x)))),
                                  .scope = str_of(s->sign_in->scope),
                                  .state = derived(s, x, p, "state"),
                                  .nonce = derived(s, x, p, "nonce"),
                                  .verifier = derived(s, x, p, "verifier") };
}

static struct str pending_signature(struct server *s, struct http_exchange *x, struct str text)
{
    return browser_digest(s, x, "sign-in", text);
}

static struct str pending_write(struct server *s, struct http_exchange *x, const struct pending *p)
{
    AUTO_STRBUF struct strbuf text = STRBUF(COOKIE_VALUE_MAX);
    struct str signature;

    strbuf_addf(&text, "%.*s.%lld.", STR_ARG(p->seed), (long long)p->expires_s);
    strbuf_add_base64url(&text, p->return_path);
    signature = pending_signature(s, x, strbuf_str(&text));
    strbuf_addf(&text, ".%.*s", STR_ARG(signature));
    return arena_str(x->a, strbuf_str(&text));
}

/* -ERR_AUTH: this browser has begun none, or too long ago. */
static int pending_read(struct server *s, struct http_exchange *x, struct pending *ret, struct err *e)
{
    struct str cookies = http_header_get(x->headers, x->header_count, "Cookie");
    struct str text = cookie_get(cookies, browser_cookie_name(s, x, "sign-in")), rest = text;
    struct str expires = { NULL, 0 }, path = { NULL, 0 };
    struct str signature;
    struct pending p = { .seed = { NULL, 0 } };

    if (!str_cut(&rest, '.', &p.seed) || !str_cut(&rest, '.', &expires) || !str_cut(&rest, '.', &path) ||
        rest.len != 64)
        return err_set(e, ERR_AUTH, "this browser has begun no sign-in");
    signature = pending_signature(s, x, str_sub(text, 0, text.len - rest.len - 1));
    if (!secret_text_eq(rest, signature) || !str_to_i64(expires, &p.expires_s) ||
        base64_decode(x->a, path, &p.return_path, NULL) < 0)
        return err_set(e, ERR_AUTH, "this browser has begun no sign-in");
    if (io_now_unix_ms(s->io) / 1000 >= p.expires_s)
        return err_set(e, ERR_AUTH, "the sign-in was begun more than ten minutes ago");
    *ret = p;
    return 0;
}

/* --- there --- */

static void reply_trouble(struct http_exchange *x, const struct err *e)
{
    LOG_ERROR("sign_in.failed", "error=\"%s\"", e->msg);
    page_message(x, e->code == ERR_STORE ? 500 : 502, "Sign-in does not work now",
                 STR("The sign-in provider could not be asked, or is not set up right. The server's log says "
                     "more."),
                 PAGE_SIGN_IN);
}

static void login_handle(struct server *s, struct http_exchange *x)
{
    struct str path = http_query_get(x, "return_to"), url = { NULL, 0 };
    struct pending p = { .expires_s = (io_now_unix_ms(s->io) + SIGN_IN_MS) / 1000 };
    struct provider_ask ask;
    struct err e = { 0 };

    if (!page_only(x, "GET"))
        return;
    p.seed = browser_draw(s, x);
    p.return_path = return_path_is_ours(path) ? path : STR("/authorize");
    ask = ask_of(s, x, &p);
    if (provider_authorize_url(s->sign_in->provider, x->a, &ask, &url, &e) < 0) {
        reply_trouble(x, &e);
        return;
    }
    browser_keep(s, x, "sign-in", pending_write(s, x, &p), SIGN_IN_MS);
    page_go(x, url);
}

/* --- who it is --- */

static struct str lower(struct arena *a, struct str s)
{
    char *text = arena_cstr(a, s);

    for (size_t i = 0; i < s.len; i++)
        text[i] = ascii_lower(text[i]);
    return (struct str){ text, s.len };
}

/* An address counts where the provider says that it is the person's. Some write the word as text. */
static struct str verified_email(struct arena *a, const struct jval *claims)
{
    const struct jval *verified = jval_get(claims, "email_verified");
    struct str email = jval_str(jval_get(claims, "email"));
    ptrdiff_t at = str_find(email, STR("@"));

    if ((!jval_bool(verified) && !str_is(jval_str(verified), "true")) || at < 1 || email.len > 254 ||
        !str_is_utf8(email))
        return (struct str){ 0 };
    return lower(a, email);
}

static bool domain_is_let_in(const struct sign_in *n, struct str email)
{
    struct str rest = str_of(n->email_domains), one = { NULL, 0 };
    struct str domain = email;

    if (!n->email_domains)
        return true;
    while (str_find(domain, STR("@")) >= 0)
        domain = str_sub(domain, (size_t)str_find(domain, STR("@")) + 1, domain.len);
    while (str_cut(&rest, ',', &one))
        if (email.len > 0 && str_eq_nocase(str_trim(one), domain))
            return true;
    return false;
}

/* A name for a new account: what the claim says up to an '@', with '-' for what no name has. */
static struct str new_name(const struct sign_in *n, struct arena *a, const struct jval *claims,
                           struct str email)
{
    struct str name = jval_str(jval_get(claims, n->username_claim));
    ptrdiff_t at;
    char *text;

    if (name.len == 0)
        name = email;
    at = str_find(name, STR("@"));
    name = lower(a, at < 0 ? name : str_sub(name, 0, (size_t)at));
    text = arena_cstr(a, name);
    for (size_t i = 0; i < name.len; i++)
        if (!ascii_is_alnum(text[i]) && text[i] != '_')
            text[i] = '-';
    return (struct str){ text, name.len };
}

/* How the log of changes calls who is not let in. */
static struct str person_of(const struct sign_in *n, struct arena *a, const struct jval *claims,
                            struct str email)
{
    if (!claims)
        return str_of(arena_printf(a, "somebody at %s", n->issuer));
    return str_of(arena_printf(a, "sub %.*s%s%.*s at %s", STR_ARG(jval_str(jval_get(claims, "sub"))),
                               email.len > 0 ? " " : "", STR_ARG(email), n->issuer));
}

/* --- and back --- */

/* One callback on its way. */
struct callback {
    struct pending pending;
    struct provider_ask ask;
    const struct jval *claims;
    struct str email;
};

static void refuse(struct server *s, struct http_exchange *x, const struct callback *c, const struct err *e)
{
    struct str who = person_of(s->sign_in, x->a, c->claims, c->email);
    struct err why = { 0 };

    LOG_WARNING("sign_in.refused", "who=\"%.*s\" reason=\"%s\"", STR_ARG(who), e->msg);
    if (store_sign_in_refused(s->store, who, str_of(e->msg), io_now_unix_ms(s->io), &why) < 0)
        LOG_ERROR("sign_in.not_logged", "error=\"%s\"", why.msg);
    page_message(
        x, 403, "You are not signed in",
        str_of(arena_printf(x->a, "%s. An admin of this server can help: the provider calls you %.*s.",
                            e->msg, STR_ARG(who))),
        PAGE_SIGN_IN);
}

/* What the browser brought from the provider: -ERR_AUTH when it is not an answer to what we asked. */
static int read_answer(struct server *s, struct http_exchange *x, struct callback *c, struct str *ret_code,
                       struct err *e)
{
    struct str error = http_query_get(x, "error");

    if (!provider_is_issuer(s->sign_in->provider, http_query_get(x, "iss")))
        return err_set(e, ERR_AUTH, "the answer is another provider's");
    if (error.len > 0)
        return err_set(e, ERR_AUTH, "the provider says: %.*s", STR_ARG(str_sub(error, 0, 60)));
    *ret_code = http_query_get(x, "code");
    if (ret_code->len == 0 || ret_code->len > CODE_MAX_BYTES)
        return err_set(e, ERR_AUTH, "the provider gave no code");
    return 0;
}

static int identify(struct server *s, struct http_exchange *x, struct callback *c, struct err *e)
{
    struct str code = { NULL, 0 };
    int rc = read_answer(s, x, c, &code, e);

    rc = rc < 0 ? rc : provider_redeem(s->sign_in->provider, x->a, &c->ask, code, &c->claims, e);
    if (rc < 0)
        return rc;
    c->email = verified_email(x->a, c->claims);
    if (!domain_is_let_in(s->sign_in, c->email))
        return err_set(e, ERR_DENIED, "only people with a verified address at %s may sign in here",
                       s->sign_in->email_domains);
    return 0;
}

static int open_session(struct server *s, struct http_exchange *x, const struct callback *c,
                        struct store_user *ret, struct err *e)
{
    const struct sign_in *n = s->sign_in;
    struct store_sign_in in = { .issuer = str_of(n->issuer),
                                .subject = jval_str(jval_get(c->claims, "sub")),
                                .email = c->email,
                                .now_unix_ms = io_now_unix_ms(s->io) };
    struct str token = session_draw(s, x, &in.session.hash);
    int rc = 0;

    if (n->create_users)
        in.new_name = new_name(n, x->a, c->claims, c->email);
    if (n->create_users && entity_name_check(in.new_name, NULL) < 0)
        in.new_name = (struct str){ 0 };
    in.session.sign_in = derived(s, x, &c->pending, "session");
    in.session.address = doors_address(s->doors, x);
    in.session.expires_unix_ms = in.now_unix_ms + n->lasts_ms;
    rc = store_sign_in(s->store, x->a, &in, ret, e);
    if (rc == 0)
        session_set(s, x, token, n->lasts_ms);
    return rc;
}

static bool is_refusal(int rc)
{
    return rc == -ERR_AUTH || rc == -ERR_DENIED || rc == -ERR_CONFLICT;
}

static void finish(struct server *s, struct http_exchange *x, struct callback *c)
{
    struct store_user user = { 0 };
    struct err e = { 0 };
    int rc = identify(s, x, c, &e);

    rc = rc < 0 ? rc : open_session(s, x, c, &user, &e);
    if (is_refusal(rc)) {
        refuse(s, x, c, &e);
    } else if (rc < 0) {
        reply_trouble(x, &e);
    } else {
        doors_key_was_right(s->doors, x);
        LOG_INFO("sign_in.done", "user=%.*s", STR_ARG(user.username));
        page_go(x, return_path_is_ours(c->pending.return_path) ? c->pending.return_path : STR("/authorize"));
    }
}

static void callback_handle(struct server *s, struct http_exchange *x)
{
    struct callback c = { .claims = NULL };
    struct err e = { 0 };
    int64_t wait_ms;

    if (!page_only(x, "GET"))
        return;
    browser_keep(s, x, "sign-in", STR(""), 0);
    if (pending_read(s, x, &c.pending, &e) == 0) {
        c.ask = ask_of(s, x, &c.pending);
        if (!secret_text_eq(http_query_get(x, "state"), c.ask.state))
            (void)err_set(&e, ERR_AUTH, "this is the answer to another sign-in");
    }
    if (e.code != ERR_NONE) { /* anybody can send that: no line in the log of changes */
        LOG_WARNING("sign_in.not_ours", "address=%.*s reason=\"%s\"", STR_ARG(doors_address(s->doors, x)),
                    e.msg);
        page_message(x, 400, "You are not signed in", str_of(arena_printf(x->a, "%s.", e.msg)), PAGE_SIGN_IN);
        return;
    }
    wait_ms = doors_try_key(s->doors, x);
    if (wait_ms > 0)
        reply_wait(x, wait_ms, "too many sign-ins from this address");
    else
        finish(s, x, &c);
}

/* --- away --- */

static void logout_handle(struct server *s, struct http_exchange *x)
{
    struct store_session_found found = { 0 };
    struct store_session ended = { 0 };
    struct err e = { 0 };
    int rc;

    if (!page_only(x, "POST"))
        return;
    rc = session_opens(s, x, &found, &e);
    if (rc == 0 && !session_form_is_ours(s, x)) {
        page_message(x, 403, "Not signed out", STR("The request did not come from a page of this server."),
                     PAGE_BACK);
        return;
    }
    if (rc == 0) {
        const struct store_by by = { str_of(arena_printf(x->a, "user %.*s", STR_ARG(found.user.username))),
                                     io_now_unix_ms(s->io) };

        rc = store_session_end(s->store, x->a, found.session.id, &by, &ended, &e);
    }
    if (rc < 0 && rc != -ERR_NOT_FOUND) {
        reply_failure(x, &e, NULL);
        return;
    }
    session_set(s, x, STR(""), 0);
    page_message(x, 200, "You are signed out", STR("At the sign-in provider you may be signed in still."),
                 PAGE_SIGN_IN);
}

static void no_sign_in(struct http_exchange *x)
{
    page_message(
        x, 404, "No sign-in here",
        STR("This server has no sign-in for browsers. An admin makes API keys: slipway admin key create "
            "USER"),
        PAGE_END);
}

bool sign_in_handle(struct server *s, struct http_exchange *x)
{
    static const struct {
        const char *path;
        void (*handle)(struct server *s, struct http_exchange *x);
    } pages[] = { { "/login", login_handle },
                  { "/oidc/callback", callback_handle },
                  { "/logout", logout_handle },
                  { "/authorize", authorize_handle } };

    for (size_t i = 0; i < ARRAY_LEN(pages); i++) {
        if (!str_is(x->path, pages[i].path))
            continue;
        if (s->sign_in)
            pages[i].handle(s, x);
        else
            no_sign_in(x);
        return true;
    }
    return false;
}
