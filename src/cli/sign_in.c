/* cli/sign_in.c: how sign-in is set up. */
#include "cli/sign_in.h"

#include "base/log.h"
#include "cli/admin.h"
#include "cli/roles.h"
#include "google/hosts.h"

enum { SECRET_FILE_MAX = 4096, DOMAINS_MAX_BYTES = 4096 };
#define SECRET_VARIABLE "SLIPWAY_OIDC_CLIENT_SECRET"

/* An issuer may have a path; what may show secrets is the same as for any address. */
static int check_issuer(struct arena *a, const char *issuer, struct err *e)
{
    struct url_parts p;

    if (!url_split(str_of(issuer), &p) || str_find(p.target, STR("?")) >= 0)
        return err_set(e, ERR_CONFIG, "--oidc-issuer: \"%s\" is not a URL such as https://login.example.com",
                       issuer);
    return hosts_endpoint_check(
        "--oidc-issuer", str_of(arena_printf(a, "%s://%.*s", p.tls ? "https" : "http", STR_ARG(p.authority))),
        e);
}

static int read_secret(struct io *io, const struct args *a, struct secret **ret, struct err *e)
{
    const char *file = args_text(a, "oidc-secret-file"), *text = io_env_text(io, SECRET_VARIABLE);
    int rc;

    if (!file) {
        if (!text)
            return err_set(
                e, ERR_USAGE,
                "--oidc-issuer needs the client secret: --oidc-secret-file FILE, or " SECRET_VARIABLE
                " in the environment");
        *ret = secret_new(str_of(text));
        return 0;
    }
    rc = file_read_secret(io, file, SECRET_FILE_MAX, ret, e);
    if (rc == 0 && !file_is_private(io, file))
        LOG_WARNING("server.oidc_secret_not_private", "file=%s advice=\"chmod 600\"", file);
    if (rc == 0 && secret_len(*ret) == 0)
        return err_set(e, ERR_CONFIG, "--oidc-secret-file: %s is empty", file);
    return rc < 0 ? err_wrap(e, "--oidc-secret-file") : 0;
}

/* What else is given says nothing without an issuer: a typing error that would leave a door shut or open. */
static int check_alone(const struct args *a, struct err *e)
{
    static const char *const options[] = { "oidc-client-id", "oidc-secret-file", "oidc-username-claim",
                                           "session-lasts", "session-idle" };

    for (size_t i = 0; i < ARRAY_LEN(options); i++)
        if (args_text(a, options[i]))
            return err_set(e, ERR_USAGE, "--%s says nothing without --oidc-issuer", options[i]);
    if (args_has(a, "oidc-create-users") || args_list(a, "oidc-email-domain")[0])
        return err_set(e, ERR_USAGE,
                       "--oidc-create-users and --oidc-email-domain say nothing without "
                       "--oidc-issuer");
    return 0;
}

static const char *domains(const struct args *a, struct arena *arena)
{
    const char *const *list = args_list(a, "oidc-email-domain");
    AUTO_STRBUF struct strbuf text = STRBUF(DOMAINS_MAX_BYTES);

    for (size_t i = 0; list[i]; i++)
        strbuf_addf(&text, "%s%s", i > 0 ? "," : "", list[i]);
    return text.len > 0 ? arena_strdup(arena, strbuf_cstr(&text)) : NULL;
}

static int read_oidc(struct io *io, const struct args *a, struct sign_in_settings *s, struct err *e)
{
    struct server_oidc_options *o = &s->oidc;
    int rc = check_issuer(s->arena, o->issuer, e);

    if (rc < 0)
        return rc;
    o->client_id = args_text(a, "oidc-client-id");
    if (!o->client_id)
        return err_set(e, ERR_USAGE, "--oidc-issuer needs --oidc-client-id");
    o->username_claim = args_text(a, "oidc-username-claim");
    o->create_users = args_has(a, "oidc-create-users");
    o->email_domains = domains(a, s->arena);
    rc = admin_time(a, "session-lasts", &o->session_lasts_ms, e);
    rc = rc < 0 ? rc : admin_time(a, "session-idle", &o->session_idle_ms, e);
    rc = rc < 0 ? rc : read_secret(io, a, &s->client_secret, e);
    o->client_secret = s->client_secret;
    return rc;
}

int sign_in_settings(struct io *io, const struct args *a, const char *host, struct sign_in_settings *s,
                     struct err *e)
{
    int rc = 0;

    s->arena = arena_new();
    s->public_url = args_text(a, "public-url");
    s->oidc.issuer = args_text(a, "oidc-issuer");
    if (s->public_url)
        rc = hosts_endpoint_check("--public-url", str_of(s->public_url), e);
    if (rc < 0 || !s->oidc.issuer)
        return rc < 0 ? rc : check_alone(a, e);
    if (!s->public_url && role_check_host(host, false, "", NULL) < 0)
        return err_set(e, ERR_USAGE,
                       "--oidc-issuer needs --public-url https://HOST when others reach the server: the "
                       "provider sends browsers there");
    return read_oidc(io, a, s, e);
}

void sign_in_settings_done(struct sign_in_settings *s)
{
    secret_free(s->client_secret);
    arena_free(s->arena);
}
