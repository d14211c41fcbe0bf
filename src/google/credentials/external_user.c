/* google/credentials/external_user.c: external_account_authorized_user: a workforce user's login (reference
 * 4.14). */
#include "google/credentials/credential.h"

static int load(struct credential *c, const struct jval *file, struct err *e)
{
    AUTO_STRBUF struct strbuf missing = STRBUF(256);
    struct str token_url = jval_str(jval_get(file, "token_url"));
    struct host_url where;

    c->key_id = arena_str(c->a, jval_str(jval_get(file, "client_id")));
    c->principal = arena_str(c->a, jval_str(jval_get(file, "audience")));
    c->secret = file_secret(file, "client_secret");
    c->refresh = file_secret(file, "refresh_token");
    require(&missing, "refresh_token", c->refresh);
    require(&missing, "token_url", token_url.len);
    require(&missing, "client_id", c->key_id.len);
    require(&missing, "client_secret", c->secret);
    if (missing.len)
        return err_set(e, ERR_CONFIG,
                       "The credentials do not contain the necessary fields need to refresh the access "
                       "token: missing %s; log in again with `gcloud auth application-default login "
                       "--login-config=FILE`",
                       strbuf_cstr(&missing));
    if (hosts_check(c->hosts, c->a, &(struct file_url){ HOST_TOKEN, "token_url", token_url }, &where, e))
        return -ERR_CONFIG;
    c->token_uri = str_of(where.url);
    return 0;
}

static int fetch(struct credential *c, struct token *ret, struct err *e)
{
    struct strbuf body = STRBUF(65536);
    struct http_request req = { .method = "POST",
                                .url = c->token_uri.ptr,
                                .content_type = "application/x-www-form-urlencoded",
                                .auth = { HTTP_AUTH_BASIC, c->key_id.ptr, c->secret } };
    int r;

    strbuf_add_form(&body, "grant_type", STR("refresh_token"));
    strbuf_add_form(&body, "refresh_token", secret_unwrap(c->refresh));
    req.body = strbuf_str(&body);
    r = token_request(c, &req, RETRY_NONE, ret, e);
    strbuf_wipe(&body);
    return r;
}

const struct credential_kind external_user_kind = { "external_account_authorized_user", load, fetch, NULL };
