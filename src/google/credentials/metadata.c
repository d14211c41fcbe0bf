/* google/credentials/metadata.c: the metadata server of Compute Engine, GKE and Cloud Run (reference 4.3). */
#include "google/credentials/credential.h"
#include "io/file.h"

enum { METADATA_TIMEOUT_MS = 3000, PING_ATTEMPTS = 3, PING_WAIT_MS = 1000, MAX_PRODUCT_NAME = 256 };

#define ACCOUNT      "instance/service-accounts/default/"
#define PRODUCT_NAME "/sys/class/dmi/id/product_name"

static const struct http_header flavor = { { "Metadata-Flavor", 15 }, { "Google", 6 } };

static struct http_request request_url(const char *url)
{
    return (struct http_request){ .url = url,
                                  .headers = &flavor,
                                  .header_count = 1,
                                  .timeout_ms = METADATA_TIMEOUT_MS,
                                  .allow_plain = true }; /* a link-local address: there is no TLS */
}

static struct http_request request(struct credential *c, struct arena *a, const char *path)
{
    return request_url(arena_printf(a, "http://%s/computeMetadata/v1/%s", c->metadata_host, path));
}

int metadata_get(struct credential *c, struct arena *a, const char *path, struct str *ret, struct err *e)
{
    const struct http_request req = request(c, a, path);
    struct http_reply reply = { 0 };

    if (credential_send(c, a, &req, RETRY_METADATA, &reply, e))
        return err_wrap(e, "metadata server %s", c->metadata_host);
    if (reply.status != 200)
        return err_set_http_foreign(e, reply.status, "metadata server %s: %s: HTTP %d", c->metadata_host,
                                    path, reply.status);
    *ret = str_trim(reply.body);
    return 0;
}

int metadata_describe(struct credential *c, struct arena *a, struct str *ret_email, struct str *ret_scopes,
                      struct err *e)
{
    AUTO_STRBUF struct strbuf scopes = STRBUF(16384);
    struct str text = { NULL, 0 };
    struct jval *v = NULL;
    const struct jval *list;
    int r = metadata_get(c, a, ACCOUNT "?recursive=true", &text, e);

    if (r)
        return r;
    if (jval_from_json(a, text, "answer", NULL, &v, NULL))
        return err_set(e, ERR_PROTO,
                       "Received invalid JSON from the Google Compute Engine metadata service: %.*s",
                       STR_ARG(str_sub(text, 0, 100)));
    if (!jval_str(jval_get(v, "email")).len)
        return err_set(e, ERR_PROTO,
                       "Unexpected response from metadata server: service account info is missing 'email' "
                       "field.");
    list = jval_get(v, "scopes");
    for (size_t i = 0; i < jval_len(list); i++)
        strbuf_addf(&scopes, "%s%.*s", i ? " " : "", STR_ARG(jval_str(jval_at(list, i))));
    *ret_email = jval_str(jval_get(v, "email"));
    *ret_scopes = arena_str(a, strbuf_str(&scopes));
    return 0;
}

static int load(struct credential *c, const struct jval *file, struct err *e)
{
    return 0;
}

/* A machine of Google's whose metadata server is slow to come up says who made it. */
static bool is_google_machine(struct credential *c, struct arena *a)
{
    struct str name = { NULL, 0 };

    return file_read(c->io, a, PRODUCT_NAME, MAX_PRODUCT_NAME, &name, NULL) == 0 &&
           str_has_prefix(name, STR("Google"));
}

/* Nobody named a metadata server: is there one at the usual address? */
static int ping(struct credential *c, struct arena *a, struct err *e)
{
    const char *given = io_env_text(c->io, "GCE_METADATA_IP");
    const struct http_request req =
        request_url(arena_printf(a, "http://%s/", given ? given : "169.254.169.254"));
    struct http_reply reply = { 0 };
    struct err why = { 0 };

    for (int i = 0; i < PING_ATTEMPTS; i++) {
        int64_t wait_ms = (int64_t)PING_WAIT_MS << i;

        if (http_send(c->io, a, &req, &reply, &why) == 0) {
            if (reply.status == 200 &&
                str_is(http_header_get(reply.headers, reply.header_count, "Metadata-Flavor"), "Google"))
                return 0;
            (void)err_set(&why, ERR_PROTO, "what answers there is not Google's metadata server");
            break;
        }
        if (why.code == ERR_CANCELLED || (i + 1 < PING_ATTEMPTS && io_sleep(c->io, wait_ms, &why)))
            return err_set(e, ERR_CANCELLED, "asked to stop");
    }
    if (is_google_machine(c, a))
        return 0;
    return err_set(e, ERR_AUTH,
                   "Your default credentials were not found: GOOGLE_APPLICATION_CREDENTIALS is not set, "
                   "there is no gcloud login, and no metadata server answers (%s). Run `gcloud auth "
                   "application-default login`",
                   why.msg);
}

static int fetch(struct credential *c, struct token *ret, struct err *e)
{
    AUTO_PTR(arena) a = arena_new();
    AUTO_STRBUF struct strbuf path = STRBUF(4096);
    struct http_request req;
    struct err why = { 0 };
    int r;

    if (c->metadata_is_guess && !c->metadata_answered && ping(c, a, e))
        return e ? -(int)e->code : -ERR_AUTH;
    c->metadata_answered = true;
    strbuf_addz(&path, ACCOUNT "token?scopes=");
    strbuf_add_url(&path, str_of(c->scope));
    req = request(c, a, strbuf_cstr(&path));
    r = token_request(c, &req, RETRY_METADATA, ret, &why);
    if (r && why.http_status == 404)
        return err_set(e, ERR_AUTH,
                       "the metadata server %s has no service account attached: attach one to this machine "
                       "(gcloud compute instances set-service-account)",
                       c->metadata_host);
    if (r && e)
        *e = why;
    return r;
}

const struct credential_kind metadata_kind = { "metadata", load, fetch, NULL };
