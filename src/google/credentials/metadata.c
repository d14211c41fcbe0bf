/* google/credentials/metadata.c: the metadata server of Compute Engine, GKE and Cloud Run (reference 4.3). */
#include "google/credentials/credential.h"

enum { METADATA_TIMEOUT_MS = 3000 };

static const struct http_header flavor = { { "Metadata-Flavor", 15 }, { "Google", 6 } };

static struct http_request request(struct credential *c, struct arena *a, const char *path)
{
    return (struct http_request){ .url = arena_printf(a, "http://%s/computeMetadata/v1/%s", c->metadata_host,
                                                      path),
                                  .headers = &flavor,
                                  .header_count = 1,
                                  .timeout_ms = METADATA_TIMEOUT_MS,
                                  .allow_plain = true }; /* a link-local address: there is no TLS */
}

int metadata_get(struct credential *c, struct arena *a, const char *path, struct str *ret, struct err *e)
{
    const struct http_request req = request(c, a, path);
    struct http_reply reply = { 0 };

    if (http_send(c->io, a, &req, &reply, e))
        return err_wrap(e, "metadata server %s", c->metadata_host);
    if (reply.status != 200)
        return err_set_http(e, reply.status, "metadata server %s: %s: HTTP %d", c->metadata_host, path,
                            reply.status);
    *ret = str_trim(reply.body);
    return 0;
}

static int load(struct credential *c, const struct jval *file, struct err *e)
{
    return 0;
}

static int fetch(struct credential *c, struct token *ret, struct err *e)
{
    AUTO_PTR(arena) a = arena_new();
    const struct http_request req =
        request(c, a,
                "instance/service-accounts/default/token?scopes=https%3A%2F%2Fwww.googleapis.com%2Fauth%2F"
                "cloud-platform");
    struct err why = { 0 };
    int r = token_request(c, &req, ret, &why);

    if (!r)
        return 0;
    if (why.code == ERR_CANCELLED) {
        if (e)
            *e = why;
        return r;
    }
    if (c->metadata_is_guess && (why.code == ERR_NET || why.code == ERR_TIMEOUT))
        return err_set(e, ERR_AUTH,
                       "Your default credentials were not found: GOOGLE_APPLICATION_CREDENTIALS is not "
                       "set, there is no gcloud login, and no metadata server answers (%s). Run `gcloud "
                       "auth application-default login`",
                       why.msg);
    if (why.http_status == 404)
        return err_set(e, ERR_AUTH, "the metadata server %s has no service account attached",
                       c->metadata_host);
    if (e)
        *e = why;
    return r;
}

const struct credential_kind metadata_kind = { "metadata", load, fetch };
