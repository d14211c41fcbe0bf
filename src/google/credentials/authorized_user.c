/* google/credentials/authorized_user.c: a person's login by gcloud (reference 4.5). */
#include "google/credentials/credential.h"

/* Always there: a token_uri in the file is not looked at. */
#define TOKEN_HOST "https://oauth2.googleapis.com"

static int load(struct credential *c, const struct jval *file, struct err *e)
{
    c->principal = arena_str(c->a, jval_str(jval_get(file, "client_id")));
    c->secret = file_secret(file, "client_secret");
    c->refresh = file_secret(file, "refresh_token");
    if (c->principal.len && c->secret && c->refresh)
        return 0;
    return err_set(e, ERR_CONFIG,
                   "Authorized user info was not in the expected format, missing fields %s%s%s.",
                   c->principal.len ? "" : "client_id ", c->secret ? "" : "client_secret ",
                   c->refresh ? "" : "refresh_token");
}

static int fetch(struct credential *c, struct token *ret, struct err *e)
{
    AUTO_PTR(arena) a = arena_new();
    struct strbuf body = STRBUF(65536);
    int r;

    strbuf_addz(&body, "grant_type=refresh_token&client_id=");
    strbuf_add_url(&body, c->principal);
    strbuf_addz(&body, "&client_secret=");
    strbuf_add_url(&body, secret_unwrap(c->secret));
    strbuf_addz(&body, "&refresh_token=");
    strbuf_add_url(&body, secret_unwrap(c->refresh));
    r = token_post(c, arena_printf(a, "%s/token", c->endpoint ? c->endpoint : TOKEN_HOST), strbuf_str(&body),
                   ret, e);
    strbuf_wipe(&body);
    if (r == -ERR_AUTH)
        return err_wrap(e, "run `gcloud auth application-default login` again");
    return r;
}

const struct credential_kind authorized_user_kind = { "authorized_user", load, fetch };
