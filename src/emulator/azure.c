/* emulator/azure.c: tokens as the metadata service of an Azure machine gives them. Kind in the store:
 * "issuer". */
#include "emulator/azure.h"

#include "base/crypto.h"
#include "base/secret.h"
#include "emulator/store_resource.h"

enum { LIFE_S = 3600 };

static const char issuer[] = "https://sts.windows.net/00000000-0000-0000-0000-000000000001/";
static const char identity[] = "00000000-0000-0000-0000-000000000002";
static const char key_id[] = "azure-1";

struct key_work {
    struct arena *a;
    struct secret *private_pem;
    struct str public_pem, modulus;
    struct err e;
    int code;
};

static void make_key(void *arg)
{
    struct key_work *w = arg;

    w->code = rsa_generate(w->a, &w->private_pem, &w->public_pem, &w->e);
    if (w->code == 0)
        w->code = rsa_modulus(w->a, w->public_pem, &w->modulus, &w->e);
}

static const char *key_set(struct arena *a, struct str modulus)
{
    AUTO_STRBUF struct strbuf n = STRBUF(4096);

    strbuf_add_base64url(&n, modulus);
    return arena_printf(a,
                        "{\"keys\":[{\"kty\":\"RSA\",\"alg\":\"RS256\",\"use\":\"sig\",\"kid\":\"%s\",\"e\":"
                        "\"AQAB\",\"n\":\"%s\"}]}",
                        key_id, strbuf_cstr(&n));
}

static int open_issuer(struct emulator *m, struct arena *a, struct jval **ret, struct err *e)
{
    struct key_work w = { .a = a };
    struct jval *v;
    int code = store_get_resource(m->db, a, "issuer", STR("azure"), ret, e);

    if (code != -ERR_NOT_FOUND)
        return code;
    code = io_work(m->io, make_key, &w, e);
    if (code || w.code)
        return code ? code : err_set(e, w.e.code, "%s", w.e.msg);
    v = jval_new_object(a);
    jval_set_cstr(a, v, "issuer", issuer);
    jval_set_cstr(a, v, "jwks", key_set(a, w.modulus));
    jval_set(a, v, "privateKey", jval_new_str(a, secret_unwrap(w.private_pem)));
    secret_free(w.private_pem);
    *ret = v;
    return store_put_resource(m->db, &(struct resource_row){ "issuer", STR("azure"), v }, e);
}

int azure_issuer(struct emulator *m, struct arena *a, const struct jval **ret, struct err *e)
{
    struct jval *v = NULL;
    int code = open_issuer(m, a, &v, e);

    if (code == 0)
        jval_remove(v, "privateKey");
    *ret = v;
    return code;
}

static void add_part(struct strbuf *b, struct arena *a, const struct jval *v)
{
    strbuf_add_base64url(b, jval_text(a, v, JVAL_COMPACT));
}

static int sign(struct emulator *m, struct arena *a, struct str audience, struct strbuf *jwt, struct err *e)
{
    AUTO_PTR(secret) pem = NULL;
    struct jval *head = jval_new_object(a), *claims = jval_new_object(a), *key = NULL;
    int64_t now = io_now_unix_ms(m->io) / 1000;
    struct str signature = { NULL, 0 };
    int code = open_issuer(m, a, &key, e);

    if (code)
        return code;
    jval_set_cstr(a, head, "typ", "JWT");
    jval_set_cstr(a, head, "alg", "RS256");
    jval_set_cstr(a, head, "kid", key_id);
    jval_set(a, claims, "aud", jval_new_str(a, audience));
    jval_set_cstr(a, claims, "iss", issuer);
    jval_set_cstr(a, claims, "sub", identity);
    jval_set_cstr(a, claims, "oid", identity);
    jval_set_int(a, claims, "iat", now);
    jval_set_int(a, claims, "exp", now + LIFE_S);
    add_part(jwt, a, head);
    strbuf_addc(jwt, '.');
    add_part(jwt, a, claims);
    pem = secret_new(jval_str(jval_get(key, "privateKey")));
    code = rsa_sign_sha256(a, pem, strbuf_str(jwt), &signature, e);
    strbuf_addc(jwt, '.');
    strbuf_add_base64url(jwt, signature);
    return code;
}

static void bad_request(struct http_exchange *x, const char *description)
{
    struct jval *v = jval_new_object(x->a);

    jval_set_cstr(x->a, v, "error", "invalid_request");
    jval_set_cstr(x->a, v, "error_description", description);
    http_reply_text(x, 400, "application/json; charset=utf-8", jval_text(x->a, v, JVAL_COMPACT));
}

static void give_token(struct emulator *m, struct http_exchange *x)
{
    AUTO_STRBUF struct strbuf jwt = STRBUF(16 * 1024);
    struct str resource = http_query_get(x, "resource");
    struct jval *v = jval_new_object(x->a);
    struct err e = { 0 };

    if (sign(m, x->a, resource, &jwt, &e)) {
        reply_internal(x, &e);
        return;
    }
    jval_set_cstr(x->a, v, "access_token", strbuf_cstr(&jwt));
    jval_set_cstr(x->a, v, "client_id", identity);
    jval_set_cstr(x->a, v, "expires_in", arena_printf(x->a, "%d", LIFE_S));
    jval_set(x->a, v, "resource", jval_new_str(x->a, resource));
    jval_set_cstr(x->a, v, "token_type", "Bearer");
    json_reply(x, v);
}

bool serve_azure_metadata(struct emulator *m, struct http_exchange *x)
{
    if (!str_is(x->path, "/metadata/identity/oauth2/token"))
        return false;
    if (!str_is(http_header_get(x->headers, x->header_count, "Metadata"), "True") &&
        !str_is(http_header_get(x->headers, x->header_count, "Metadata"), "true"))
        bad_request(x, "Required metadata header not specified");
    else if (http_query_get(x, "api-version").len == 0 || http_query_get(x, "resource").len == 0)
        bad_request(x, "Required query variable 'api-version' or 'resource' is missing");
    else
        give_token(m, x);
    return true;
}
