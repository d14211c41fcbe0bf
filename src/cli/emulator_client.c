/* cli/emulator_client.c: REST calls to a running emulator as its owner. */
#include "cli/emulator_client.h"

#include "base/secret.h"
#include "cli/roles.h"

enum { ADDRESS_MAX = 64 * 1024 };

static int read_address(struct emulator_client *c, const char *folder, struct err *e)
{
    const char *path = arena_printf(c->a, "%s/%s", folder, ROLE_EMULATOR_ADDRESS);
    struct str text = { NULL, 0 };
    struct jval *v = NULL;
    int rc = file_read(c->io, c->a, path, ADDRESS_MAX, &text, e);

    if (rc == -ERR_NOT_FOUND)
        return err_set(e, ERR_NOT_FOUND,
                       "no emulator has served %s: start one with 'slipway emulator --data DIR', or name its "
                       "folder with --data",
                       folder);
    if (rc == 0)
        rc = jval_from_json(c->a, text, path, NULL, &v, e);
    if (rc)
        return rc;
    c->url = arena_cstr(c->a, jval_str(jval_get(v, "url")));
    c->token = secret_new(jval_str(jval_get(v, "token")));
    return c->url ? 0 : err_set(e, ERR_INVALID, "%s: no \"url\" in it", path);
}

static int ask_project(struct emulator_client *c, struct err *e)
{
    const struct http_header flavor = { STR("Metadata-Flavor"), STR("Google") };
    const struct http_request req = { .url = arena_printf(c->a, "%s/computeMetadata/v1/project/project-id",
                                                          c->url),
                                      .headers = &flavor,
                                      .header_count = 1 };
    struct http_reply reply = { 0 };
    int rc = http_send(c->io, c->a, &req, &reply, e);

    if (rc)
        return err_wrap(e, "is the emulator running? It last was at %s", c->url);
    c->gcp_project = reply.body;
    return 0;
}

int emulator_client_open(struct io *io, const struct args *args, struct emulator_client *ret, struct err *e)
{
    const char *folder = args_text(args, "data");
    int rc;

    *ret = (struct emulator_client){ .io = io, .a = arena_new_wiped() };
    rc = read_address(ret, folder ? folder : role_default_dir(io, ret->a, "emulator"), e);
    if (rc == 0)
        rc = ask_project(ret, e);
    if (rc == 0 && args_text(args, "gcp-project"))
        ret->gcp_project = str_of(args_text(args, "gcp-project"));
    return rc;
}

void emulator_client_done(struct emulator_client *c)
{
    secret_free(c->token);
    arena_free(c->a);
    *c = (struct emulator_client){ 0 };
}

static int refused(int status, const struct jval *v, struct str body, struct err *e)
{
    struct str message = jval_str(jval_path(v, "error.message"));

    return err_set_http(e, status, "the emulator says: %.*s",
                        STR_ARG(message.len ? message : str_sub(body, 0, 200)));
}

int emulator_client_call(struct emulator_client *c, const char *method, const char *path,
                         const struct jval *body, struct jval **ret, struct err *e)
{
    struct http_request req = { .method = method, .url = arena_printf(c->a, "%s%s", c->url, path) };
    struct http_reply reply = { 0 };
    struct jval *v = NULL;
    int rc;

    req.auth = (struct http_auth){ .kind = HTTP_AUTH_BEARER, .secret = c->token };
    if (body)
        req.body = jval_text(c->a, body, JVAL_COMPACT);
    rc = http_send(c->io, c->a, &req, &reply, e);
    if (rc)
        return rc;
    if (reply.body.len)
        rc = jval_from_json(c->a, reply.body, "the emulator's answer", NULL, &v, e);
    if (reply.status < 200 || reply.status > 299)
        return refused(reply.status, v, reply.body, e);
    if (rc == 0 && ret)
        *ret = v;
    return rc;
}

const char *emulator_client_project(const struct emulator_client *c)
{
    return arena_printf(c->a, "projects/%.*s", STR_ARG(c->gcp_project));
}
