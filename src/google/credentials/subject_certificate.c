/* google/credentials/subject_certificate.c: X.509 workload certificates: shown to STS in the TLS handshake,
 * and sent as the subject token (reference 4.11). */
#include "base/crypto.h"
#include "google/credentials/external.h"
#include "io/file.h"

enum { MAX_PEM_BYTES = 256 * 1024, MAX_CHAIN = 16 };

#define BEGIN "-----BEGIN CERTIFICATE-----"
#define END   "-----END CERTIFICATE-----"

struct own {
    const char *chain_path; /* NULL: none */
};

static const char *config_path(struct credential *c, const struct jval *certificate)
{
    struct str given = jval_str(jval_get(certificate, "certificate_config_location"));
    const char *variable = io_env_text(c->io, "GOOGLE_API_CERTIFICATE_CONFIG"), *folder;

    if (given.len)
        return arena_cstr(c->a, given);
    if (variable)
        return variable;
    folder = gcloud_folder(c->io, c->a);
    return folder ? arena_printf(c->a, "%s/certificate_config.json", folder) : NULL;
}

static int read_config(struct credential *c, const char *path, struct err *e)
{
    AUTO_PTR(arena) a = arena_new();
    struct str text = { NULL, 0 };
    struct jval *v = NULL;
    const struct jval *workload;

    if (!path || file_read(c->io, a, path, MAX_PEM_BYTES, &text, e))
        return err_set(e, ERR_CONFIG, "certificate config %s cannot be read", path ? path : "(no home)");
    if (jval_from_json(a, text, path, NULL, &v, e))
        return err_set(e, ERR_CONFIG, "certificate config %s is not a valid json file.", path);
    workload = jval_path(v, "cert_configs.workload");
    c->cert_path = arena_cstr(c->a, jval_str(jval_get(workload, "cert_path")));
    c->key_path = arena_cstr(c->a, jval_str(jval_get(workload, "key_path")));
    if (!c->cert_path || !c->key_path)
        return err_set(e, ERR_CONFIG,
                       "certificate config %s has no cert_configs.workload with cert_path and key_path",
                       path);
    c->is_exposed = !file_is_private(c->io, c->key_path);
    return 0;
}

static int load(struct credential *c, struct external *x, const struct jval *source, struct err *e)
{
    const struct jval *certificate = jval_get(source, "certificate");
    struct own *own = arena_alloc(c->a, sizeof(*own));
    bool by_default = jval_bool(jval_get(certificate, "use_default_certificate_config"));
    bool located = jval_str(jval_get(certificate, "certificate_config_location")).len > 0;

    x->own = own;
    own->chain_path = arena_cstr(c->a, jval_str(jval_get(certificate, "trust_chain_path")));
    if (by_default == located)
        return err_set(e, ERR_CONFIG,
                       "Invalid certificate configuration: give either use_default_certificate_config or "
                       "certificate_config_location");
    return read_config(c, config_path(c, certificate), e);
}

/* The base64 of each certificate in a PEM file, without line breaks: that is its DER. */
static size_t certificates(struct arena *a, struct str pem, struct str *ret, size_t max)
{
    size_t n = 0;
    ptrdiff_t at, end;

    while (n < max && (at = str_find(pem, STR(BEGIN))) >= 0) {
        AUTO_STRBUF struct strbuf b = STRBUF(MAX_PEM_BYTES);
        struct str body, line;

        pem = str_sub(pem, (size_t)at + sizeof(BEGIN) - 1, pem.len);
        end = str_find(pem, STR(END));
        if (end < 0)
            break;
        body = str_sub(pem, 0, (size_t)end);
        while (str_cut(&body, '\n', &line))
            strbuf_add(&b, str_trim(line));
        ret[n++] = arena_str(a, strbuf_str(&b));
        pem = str_sub(pem, (size_t)end + sizeof(END) - 1, pem.len);
    }
    return n;
}

static int add_chain(struct arena *a, struct jval *list, struct str leaf, struct str pem, struct err *e)
{
    struct str chain[MAX_CHAIN];
    size_t n = certificates(a, pem, chain, MAX_CHAIN);

    for (size_t i = 0; i < n; i++) {
        if (i > 0 && str_eq(chain[i], leaf))
            return err_set(e, ERR_CONFIG, "The leaf certificate must be at the top of the trust chain file");
        if (!str_eq(chain[i], leaf))
            jval_push(a, list, jval_new_str(a, chain[i]));
    }
    return 0;
}

static int fetch(struct credential *c, struct external *x, struct secret **ret, struct err *e)
{
    AUTO_PTR(arena) a = arena_new();
    const struct own *own = x->own;
    struct jval *list = jval_new_array(a);
    struct str pem = { NULL, 0 }, leaf = { NULL, 0 };

    if (file_read(c->io, a, c->cert_path, MAX_PEM_BYTES, &pem, e))
        return err_wrap(e, "certificate");
    if (!certificates(a, pem, &leaf, 1))
        return err_set(e, ERR_CONFIG, "%s holds no certificate", c->cert_path);
    jval_push(a, list, jval_new_str(a, leaf));
    if (own->chain_path) {
        if (file_read(c->io, a, own->chain_path, MAX_PEM_BYTES, &pem, e))
            return err_wrap(e, "trust chain");
        if (add_chain(a, list, leaf, pem, e))
            return -ERR_CONFIG;
    }
    *ret = secret_new(jval_text(a, list, JVAL_PYTHON));
    return 0;
}

const struct subject_source subject_certificate = { "x509", load, fetch, NULL };
