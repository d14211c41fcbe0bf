/* google/credentials/authorized_user.c: a person's login by gcloud (reference 4.5). */
#include "google/credentials/credential.h"

/* Always there: a token_uri in the file is not looked at. */
#define TOKEN_URL "https://oauth2.googleapis.com/token"

struct own {
    struct secret *rapt; /* proof of a recent reauthentication */
};

static void done(struct credential *c)
{
    struct own *own = c->own;

    if (own)
        secret_free(own->rapt);
}

static int load(struct credential *c, const struct jval *file, struct err *e)
{
    AUTO_STRBUF struct strbuf missing = STRBUF(256);
    struct own *own = arena_alloc(c->a, sizeof(*own));
    struct host_url where;

    c->own = own;
    own->rapt = file_secret(file, "rapt_token");
    c->key_id = arena_str(c->a, jval_str(jval_get(file, "client_id")));
    c->principal = arena_str(c->a, jval_str(jval_get(file, "account")));
    c->secret = file_secret(file, "client_secret");
    c->refresh = file_secret(file, "refresh_token");
    require(&missing, "client_id", c->key_id.len);
    require(&missing, "client_secret", c->secret);
    require(&missing, "refresh_token", c->refresh);
    if (missing.len)
        return err_set(e, ERR_CONFIG,
                       "Authorized user info was not in the expected format, missing fields %s.",
                       strbuf_cstr(&missing));
    if (hosts_check(c->hosts, c->a, &(struct file_url){ HOST_TOKEN, "token_uri", STR(TOKEN_URL) }, &where, e))
        return -ERR_CONFIG;
    c->token_uri = str_of(where.url);
    return 0;
}

static int fetch(struct credential *c, struct token *ret, struct err *e)
{
    struct strbuf body = STRBUF(65536);
    const struct own *own = c->own;
    int r;

    strbuf_add_form(&body, "grant_type", STR("refresh_token"));
    strbuf_add_form(&body, "client_id", c->key_id);
    strbuf_add_form(&body, "client_secret", secret_unwrap(c->secret));
    strbuf_add_form(&body, "refresh_token", secret_unwrap(c->refresh));
    if (own->rapt)
        strbuf_add_form(&body, "rapt", secret_unwrap(own->rapt));
    r = token_post(c, c->token_uri.ptr, strbuf_str(&body), ret, e);
    strbuf_wipe(&body);
    return r;
}

const struct credential_kind authorized_user_kind = { "authorized_user", load, fetch, done };
