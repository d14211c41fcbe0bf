/*
 * emulator/accounts.c: service accounts and their keys (iam.googleapis.com v1). Kinds in the store:
 * "service_account" projects/P/serviceAccounts/EMAIL; "account_key" .../keys/ID with the public key in PEM.
 */
#include "emulator/accounts.h"

#include "base/crypto.h"
#include "base/timefmt.h"
#include "emulator/call.h"

static const char service[] = "iam.googleapis.com";
static const char account_suffix[] = ".iam.gserviceaccount.com";

/* --- finding -----------------------------------------------------------------------------------------------
 */

/* "a@p.iam.gserviceaccount.com" is of project p; others are of the emulator's own. */
static struct str project_of_email(struct emulator *m, struct str email)
{
    struct str domain = email, user = { NULL, 0 };

    if (str_has_suffix(email, str_of(account_suffix)) && str_cut(&domain, '@', &user))
        return str_sub(domain, 0, domain.len - (sizeof(account_suffix) - 1));
    return str_of(m->gcp_project);
}

struct str account_name(struct emulator *m, struct arena *a, struct str email)
{
    return str_of(arena_printf(a, "projects/%.*s/serviceAccounts/%.*s", STR_ARG(project_of_email(m, email)),
                               STR_ARG(email)));
}

bool account_is_there(struct emulator *m, struct arena *a, struct str email)
{
    struct jval *v = NULL;

    return str_is(email, m->account) ||
           (store_get_resource(m->db, a, "service_account", account_name(m, a, email), &v, NULL) == 0 &&
            !jval_bool(jval_get(v, "disabled")));
}

bool account_signed(struct emulator *m, struct arena *a, const struct account_signature *s)
{
    struct resource_scan scan = { .kind = "account_key" };
    struct resource_list keys = { 0 };
    struct err e;

    if (!account_is_there(m, a, s->email))
        return false;
    scan.prefix = str_of(arena_printf(a, "%.*s/keys/", STR_ARG(account_name(m, a, s->email))));
    if (store_list_resources(m->db, a, &scan, &keys, &e))
        return false;
    for (size_t i = 0; i < keys.len; i++)
        if ((!s->key_id.len || str_has_suffix(keys.names[i], s->key_id)) &&
            rsa_verify_sha256(jval_str(jval_get(keys.bodies[i], "publicKey")), s->data, s->signature))
            return true;
    return false;
}

/* The account of part 4, by e-mail address; its project becomes the call's, also for "projects/-". */
static int find_account(struct call *c, const char **ret_resource)
{
    struct str email = c->route.part[4];

    if (str_is(c->route.part[2], "-"))
        c->gcp_project = project_of_email(c->m, email);
    *ret_resource = arena_printf(c->a, "serviceAccounts/%.*s", STR_ARG(email));
    if (!c->m->require_auth || account_is_there(c->m, c->a, email) ||
        store_has_resource(c->m->db, "service_account", account_name(c->m, c->a, email)))
        return 0;
    return refuse(&c->r, RPC_NOT_FOUND, "Unknown service account");
}

/* --- accounts ----------------------------------------------------------------------------------------------
 */

static bool is_account_id(struct str id)
{
    for (size_t i = 0; i < id.len; i++)
        if (!(id.ptr[i] == '-' || (id.ptr[i] >= 'a' && id.ptr[i] <= 'z') ||
              (id.ptr[i] >= '0' && id.ptr[i] <= '9')))
            return false;
    return id.len >= 6 && id.len <= 30 && id.ptr[0] >= 'a' && id.ptr[0] <= 'z';
}

static struct jval *new_account(struct call *c, struct str id)
{
    struct jval *v = jval_new_object(c->a);
    const char *email =
        arena_printf(c->a, "%.*s@%.*s%s", STR_ARG(id), STR_ARG(c->gcp_project), account_suffix);

    jval_set_cstr(c->a, v, "name",
                  arena_printf(c->a, "projects/%.*s/serviceAccounts/%s", STR_ARG(c->gcp_project), email));
    jval_set(c->a, v, "projectId", jval_new_str(c->a, c->gcp_project));
    jval_set_cstr(c->a, v, "uniqueId", arena_printf(c->a, "%lld", (long long)gcp_number_of(str_of(email))));
    jval_set_cstr(c->a, v, "email", email);
    return v;
}

static int create_account(struct call *c, const struct jval **ret)
{
    struct jval *body = NULL, *v;
    struct str id;
    int code = call_need(c, service, "", "iam.serviceAccounts.create");

    if (code || (code = call_body(c, &body)))
        return code;
    id = jval_str(jval_get(body, "accountId"));
    if (!is_account_id(id))
        return refuse(&c->r, RPC_INVALID_ARGUMENT,
                      "The account ID \"%.*s\" does not have a length between 6 and 30, or is not lower-case "
                      "letters, digits and dashes.",
                      STR_ARG(str_sub(id, 0, 100)));
    v = new_account(c, id);
    if (jval_path(body, "serviceAccount.displayName"))
        jval_set(c->a, v, "displayName", jval_path(body, "serviceAccount.displayName"));
    code = store_add_resource(
        c->m->db, &(struct resource_row){ "service_account", jval_str(jval_get(v, "name")), v }, &c->e);
    if (code == -ERR_CONFLICT)
        return refuse(&c->r, RPC_ALREADY_EXISTS,
                      "Service account %.*s already exists within project projects/%.*s.", STR_ARG(id),
                      STR_ARG(c->gcp_project));
    *ret = v;
    return code;
}

static int list_accounts(struct call *c, const struct jval **ret)
{
    int code = call_need(c, service, "", "iam.serviceAccounts.list");

    return code ? code
                : call_list(c, "service_account",
                            arena_printf(c->a, "projects/%.*s/serviceAccounts/", STR_ARG(c->gcp_project)),
                            "accounts", ret);
}

/* The stored account, after a permission check. */
static int open_account(struct call *c, const char *permission, struct jval **ret)
{
    const char *resource = NULL;
    int code = find_account(c, &resource);

    if (code || (code = call_need(c, service, resource, permission)))
        return code;
    code = store_get_resource(c->m->db, c->a, "service_account", account_name(c->m, c->a, c->route.part[4]),
                              ret, &c->e);
    return code == -ERR_NOT_FOUND ? refuse(&c->r, RPC_NOT_FOUND, "Unknown service account") : code;
}

static int get_account(struct call *c, const struct jval **ret)
{
    struct jval *v = NULL;
    int code = open_account(c, "iam.serviceAccounts.get", &v);

    *ret = v;
    return code;
}

static int delete_account(struct call *c, const struct jval **ret)
{
    struct jval *v = NULL;
    int code = open_account(c, "iam.serviceAccounts.delete", &v);

    *ret = NULL;
    return code ? code
                : store_delete_resource(c->m->db, "service_account", jval_str(jval_get(v, "name")), &c->e);
}

static int switch_account(struct call *c, const struct jval **ret)
{
    bool off = str_is(c->route.verb, "disable");
    struct jval *v = NULL;
    int code = open_account(c, off ? "iam.serviceAccounts.disable" : "iam.serviceAccounts.enable", &v);

    *ret = NULL;
    if (code)
        return code;
    jval_set_bool(c->a, v, "disabled", off);
    return store_put_resource(
        c->m->db, &(struct resource_row){ "service_account", jval_str(jval_get(v, "name")), v }, &c->e);
}

static int account_policy(struct call *c, const struct jval **ret)
{
    const char *resource = NULL;
    int code;

    code = find_account(c, &resource);
    return code ? code : call_policy(c, service, resource, "iam.serviceAccounts", ret);
}

/* --- keys --------------------------------------------------------------------------------------------------
 */

struct key_work {
    struct arena *a;
    struct secret *private_pem;
    struct str public_pem;
    struct err e;
    int code;
};

static void make_key(void *arg)
{
    struct key_work *w = arg;

    w->code = rsa_generate(w->a, &w->private_pem, &w->public_pem, &w->e);
}

/* The key file that a user of Google's would download, in base64. Its token_uri is this emulator. */
static const char *key_file(struct call *c, const struct key_work *w, const char *id)
{
    struct jval *v = jval_new_object(c->a);
    struct str host = http_header_get(c->x->headers, c->x->header_count, "Host");
    AUTO_STRBUF struct strbuf coded = STRBUF(64 * 1024);

    jval_set_cstr(c->a, v, "type", "service_account");
    jval_set(c->a, v, "project_id", jval_new_str(c->a, c->gcp_project));
    jval_set_cstr(c->a, v, "private_key_id", id);
    jval_set(c->a, v, "private_key", jval_new_str(c->a, secret_unwrap(w->private_pem)));
    jval_set(c->a, v, "client_email", jval_new_str(c->a, c->route.part[4]));
    jval_set_cstr(c->a, v, "client_id",
                  arena_printf(c->a, "%lld", (long long)gcp_number_of(c->route.part[4])));
    jval_set_cstr(c->a, v, "token_uri",
                  arena_printf(c->a, "%s://%.*s/token", c->x->tls ? "https" : "http", STR_ARG(host)));
    jval_set_cstr(c->a, v, "universe_domain", "googleapis.com");
    strbuf_add_base64(&coded, jval_text(c->a, v, JVAL_PRETTY));
    return arena_strdup(c->a, strbuf_cstr(&coded));
}

static struct jval *key_json(struct call *c, const char *id)
{
    struct jval *v = jval_new_object(c->a);
    char now[RFC3339_SIZE];

    jval_set_cstr(
        c->a, v, "name",
        arena_printf(c->a, "%.*s/keys/%s", STR_ARG(account_name(c->m, c->a, c->route.part[4])), id));
    jval_set_cstr(c->a, v, "keyAlgorithm", "KEY_ALG_RSA_2048");
    jval_set_cstr(c->a, v, "keyType", "USER_MANAGED");
    jval_set_cstr(c->a, v, "validAfterTime", rfc3339_format(io_now_unix_ms(c->m->io), now));
    return v;
}

static int store_key(struct call *c, struct str public_pem, struct jval **ret)
{
    struct jval *v, *stored;
    uint8_t bytes[20];
    char id[41];

    io_random(c->m->io, bytes, sizeof(bytes));
    hex_encode(bytes, sizeof(bytes), id);
    v = key_json(c, id);
    stored = jval_copy(c->a, v);
    jval_set(c->a, stored, "publicKey", jval_new_str(c->a, public_pem));
    *ret = v;
    return store_put_resource(
        c->m->db, &(struct resource_row){ "account_key", jval_str(jval_get(v, "name")), stored }, &c->e);
}

/* A new key, whose public half is stored. @w keeps the private one, the caller's, also on failure. */
static int new_key(struct call *c, struct key_work *w, struct jval **ret)
{
    int code = io_work(c->m->io, make_key, w, &c->e);

    if (code == 0 && w->code) {
        c->e = w->e;
        code = w->code;
    }
    return code ? code : store_key(c, w->public_pem, ret);
}

static int create_key(struct call *c, const struct jval **ret)
{
    struct key_work w = { .a = c->a };
    struct jval *account = NULL, *v = NULL;
    struct str id;
    int code = open_account(c, "iam.serviceAccountKeys.create", &account);

    if (code == 0)
        code = new_key(c, &w, &v);
    if (code == 0) {
        id = jval_str(jval_get(v, "name"));
        jval_set_cstr(c->a, v, "privateKeyType", "TYPE_GOOGLE_CREDENTIALS_FILE");
        jval_set_cstr(c->a, v, "privateKeyData",
                      key_file(c, &w, arena_cstr(c->a, str_sub(id, id.len - 40, id.len))));
    }
    secret_free(w.private_pem);
    *ret = v;
    return code;
}

/* {"name", "privateKey"}: kind "system_key", by the account's name. */
static int make_system_key(struct call *c, struct jval **ret)
{
    struct key_work w = { .a = c->a };
    struct jval *key = NULL, *v = jval_new_object(c->a);
    struct str name = account_name(c->m, c->a, c->route.part[4]);
    int code = new_key(c, &w, &key);

    if (code == 0) {
        jval_set(c->a, v, "name", jval_get(key, "name"));
        jval_set(c->a, v, "privateKey", jval_new_str(c->a, secret_unwrap(w.private_pem)));
        code = store_put_resource(c->m->db, &(struct resource_row){ "system_key", name, v }, &c->e);
    }
    secret_free(w.private_pem);
    *ret = v;
    return code;
}

int account_sign(struct call *c, struct str data, struct str *ret, struct str *ret_key_id)
{
    AUTO_PTR(secret) key = NULL;
    struct jval *v = NULL;
    struct str id;
    int code = store_get_resource(c->m->db, c->a, "system_key", account_name(c->m, c->a, c->route.part[4]),
                                  &v, &c->e);

    if (code == -ERR_NOT_FOUND)
        code = make_system_key(c, &v);
    if (code)
        return code;
    id = jval_str(jval_get(v, "name"));
    *ret_key_id = str_sub(id, id.len - 40, id.len);
    key = secret_new(jval_str(jval_get(v, "privateKey")));
    return rsa_sign_sha256(c->a, key, data, ret, &c->e);
}

/* The public half of a key that was made elsewhere. */
static int upload_key(struct call *c, const struct jval **ret)
{
    struct jval *account = NULL, *body = NULL, *v = NULL;
    struct str pem = { NULL, 0 };
    int code = open_account(c, "iam.serviceAccountKeys.create", &account);

    if (code || (code = call_body(c, &body)))
        return code;
    if (base64_decode(c->a, jval_str(jval_get(body, "publicKeyData")), &pem, &c->e) ||
        str_find(pem, STR("BEGIN PUBLIC KEY")) < 0)
        return refuse(&c->r, RPC_INVALID_ARGUMENT, "The public key data is not an RSA key in PEM form.");
    code = store_key(c, pem, &v);
    *ret = v;
    return code;
}

static int list_keys(struct call *c, const struct jval **ret)
{
    struct resource_scan scan = { .kind = "account_key" };
    struct resource_list all = { 0 };
    struct jval *account = NULL, *list = jval_new_array(c->a), *out = jval_new_object(c->a);
    int code = open_account(c, "iam.serviceAccountKeys.list", &account);

    if (code)
        return code;
    scan.prefix =
        str_of(arena_printf(c->a, "%.*s/keys/", STR_ARG(account_name(c->m, c->a, c->route.part[4]))));
    code = store_list_resources(c->m->db, c->a, &scan, &all, &c->e);
    for (size_t i = 0; i < all.len; i++) {
        jval_remove(all.bodies[i], "publicKey");
        jval_push(c->a, list, all.bodies[i]);
    }
    jval_set(c->a, out, "keys", list);
    *ret = out;
    return code;
}

static int delete_key(struct call *c, const struct jval **ret)
{
    struct jval *account = NULL;
    int code = open_account(c, "iam.serviceAccountKeys.delete", &account);

    *ret = NULL;
    if (code)
        return code;
    code = store_delete_resource(
        c->m->db, "account_key",
        str_of(arena_printf(c->a, "%.*s/keys/%.*s", STR_ARG(account_name(c->m, c->a, c->route.part[4])),
                            STR_ARG(c->route.part[6]))),
        &c->e);
    return code == -ERR_NOT_FOUND ? refuse(&c->r, RPC_NOT_FOUND, "Service account key does not exist.")
                                  : code;
}

const struct call_row account_calls[] = {
    { "POST", "v1/projects/*/serviceAccounts", "", create_account },
    { "GET", "v1/projects/*/serviceAccounts", "", list_accounts },
    { "GET", "v1/projects/*/serviceAccounts/*", "", get_account },
    { "DELETE", "v1/projects/*/serviceAccounts/*", "", delete_account },
    { "POST", "v1/projects/*/serviceAccounts/*", "disable", switch_account },
    { "POST", "v1/projects/*/serviceAccounts/*", "enable", switch_account },
    { "POST", "v1/projects/*/serviceAccounts/*", "getIamPolicy", account_policy },
    { "POST", "v1/projects/*/serviceAccounts/*", "setIamPolicy", account_policy },
    { "POST", "v1/projects/*/serviceAccounts/*", "testIamPermissions", account_policy },
    { "POST", "v1/projects/*/serviceAccounts/*/keys", "", create_key },
    { "POST", "v1/projects/*/serviceAccounts/*/keys", "upload", upload_key },
    { "GET", "v1/projects/*/serviceAccounts/*/keys", "", list_keys },
    { "DELETE", "v1/projects/*/serviceAccounts/*/keys/*", "", delete_key },
    { 0 },
};
