/* google/credentials/subject_file.c: subject tokens from a file or a URL: OIDC, SAML, Azure, Kubernetes,
 * GitHub (reference 4.9). Read anew at every refresh: projected tokens rotate. */
#include "google/credentials/external.h"
#include "io/file.h"

enum { MAX_TOKEN_FILE = 256 * 1024, MAX_HEADERS = 16 };

struct header_secret {
    struct str name;
    struct secret *value; /* GitHub's is a bearer token */
};
struct own {
    const char *path;
    struct host_url url;
    struct subject_format format;
    struct header_secret headers[MAX_HEADERS];
    size_t header_count;
};

static void done(struct external *x)
{
    struct own *own = x->own;

    for (size_t i = 0; own && i < own->header_count; i++)
        secret_free(own->headers[i].value);
}

int subject_format_load(struct credential *c, const struct jval *source, struct subject_format *ret,
                        struct err *e)
{
    const struct jval *format = jval_get(source, "format");
    struct str type = jval_str(jval_get(format, "type"));

    ret->json = str_is(type, "json");
    if (type.len && !ret->json && !str_is(type, "text"))
        return err_set(e, ERR_CONFIG, "Invalid credential_source format '%.*s'", STR_ARG(type));
    ret->field = arena_str(c->a, jval_str(jval_get(format, "subject_token_field_name")));
    if (ret->json && !ret->field.len)
        return err_set(e, ERR_CONFIG, "Missing subject_token_field_name for JSON credential_source format");
    return 0;
}

int subject_token_in(const struct subject_format *f, struct str text, const char *where, struct secret **ret,
                     struct err *e)
{
    AUTO_PTR(arena) a = arena_new();
    struct jval *v = NULL;
    struct str token = str_trim(text);

    if (f->json) {
        if (jval_from_json(a, text, where, NULL, &v, NULL) || !jval_str(jval_get_str(v, f->field)).ptr)
            return err_set(e, ERR_AUTH, "Unable to parse subject_token from JSON file '%s' using key '%.*s'",
                           where, STR_ARG(f->field));
        token = jval_str(jval_get_str(v, f->field));
    }
    if (!token.len)
        return err_set(e, ERR_AUTH, "Missing subject_token in the credential_source file");
    *ret = secret_new(token);
    if (f->json)
        mem_wipe((char *)(uintptr_t)token.ptr, token.len);
    return 0;
}

static int load_file(struct credential *c, struct external *x, const struct jval *source, struct err *e)
{
    struct own *own = arena_alloc(c->a, sizeof(*own));

    x->own = own;
    own->path = arena_cstr(c->a, jval_str(jval_get(source, "file")));
    if (!own->path)
        return err_set(e, ERR_CONFIG, "credential_source.file is not a string");
    return subject_format_load(c, source, &own->format, e);
}

static int fetch_file(struct credential *c, struct external *x, struct secret **ret, struct err *e)
{
    AUTO_PTR(secret) text = NULL;
    const struct own *own = x->own;

    if (file_read_secret(c->io, own->path, MAX_TOKEN_FILE, &text, e)) {
        if (e && e->code == ERR_NOT_FOUND)
            return err_set(e, ERR_AUTH, "File '%s' was not found.", own->path);
        return err_wrap(e, "subject token");
    }
    return subject_token_in(&own->format, secret_unwrap(text), own->path, ret, e);
}

static int load_url(struct credential *c, struct external *x, const struct jval *source, struct err *e)
{
    struct own *own = arena_alloc(c->a, sizeof(*own));
    const struct jval *headers = jval_get(source, "headers");

    x->own = own;
    if (jval_len(headers) > MAX_HEADERS)
        return err_set(e, ERR_CONFIG, "credential_source.headers has more than %d members", MAX_HEADERS);
    for (size_t i = 0; i < jval_len(headers); i++) {
        struct str value = jval_str(jval_at(headers, i)), name = jval_key_at(headers, i);

        if (!value.ptr || str_find(value, STR("\n")) >= 0 || str_find(value, STR("\r")) >= 0 ||
            str_find(name, STR("\n")) >= 0 || str_find(name, STR(":")) >= 0)
            return err_set(e, ERR_CONFIG, "credential_source.headers.%.*s is not a header", STR_ARG(name));
        own->headers[own->header_count++] =
            (struct header_secret){ arena_str(c->a, name), secret_new(value) };
        mem_wipe((char *)(uintptr_t)value.ptr, value.len);
    }
    if (hosts_check(
            c->hosts, c->a,
            &(struct file_url){ HOST_SUBJECT, "credential_source.url", jval_str(jval_get(source, "url")) },
            &own->url, e))
        return -ERR_CONFIG;
    return subject_format_load(c, source, &own->format, e);
}

static int fetch_url(struct credential *c, struct external *x, struct secret **ret, struct err *e)
{
    AUTO_PTR(arena) a = arena_new();
    const struct own *own = x->own;
    struct http_header headers[MAX_HEADERS];
    const struct http_request req = { .url = own->url.url,
                                      .headers = headers,
                                      .header_count = own->header_count,
                                      .allow_plain = own->url.plain };
    struct http_reply reply = { 0 };
    int r;

    for (size_t i = 0; i < own->header_count; i++)
        headers[i] = (struct http_header){ own->headers[i].name, secret_unwrap(own->headers[i].value) };
    if (credential_send(c, a, &req, RETRY_NONE, &reply, e))
        return err_wrap(e, "subject token");
    if (reply.status != 200)
        return err_set_http(e, reply.status, "Unable to retrieve Identity Pool subject token: %s: HTTP %d",
                            own->url.url, reply.status);
    r = subject_token_in(&own->format, reply.body, own->url.url, ret, e);
    mem_wipe((char *)(uintptr_t)reply.body.ptr, reply.body.len);
    return r;
}

const struct subject_source subject_file = { "file", load_file, fetch_file, NULL };
const struct subject_source subject_url = { "url", load_url, fetch_url, done };
