/* emulator/secret_versions.c: the versions of secrets: added, read, disabled, destroyed (reference 5). */
#include "emulator/secret.h"

#include "base/crypto.h"

enum { PAYLOAD_MAX_BYTES = 64 * 1024, VERSIONS_MAX = 100000000 };

struct version {
    struct secret_place of;
    struct str key;    /* its name in the store */
    const char *shown; /* by numbers */
    struct jval *v;    /* as it is answered */
};

static struct str key_of(struct call *c, const struct secret_place *p, int64_t number)
{
    return str_of(arena_printf(c->a, "%.*s/versions/%lld", STR_ARG(p->name),
                               (long long)(2 * (int64_t)VERSIONS_MAX - number)));
}

/* The number of the version that was made last; 0: none was. */
static int newest(struct call *c, const struct secret_place *p, int64_t *ret)
{
    const char *prefix = arena_printf(c->a, "%.*s/versions/", STR_ARG(p->name));
    const struct resource_scan scan = { .kind = "secret_version", .prefix = str_of(prefix), .max = 1 };
    struct resource_list list = { 0 };
    int64_t key = 0;
    int code = store_list_resources(c->m->db, c->a, &scan, &list, &c->e);

    if (code == 0 && list.len > 0)
        (void)str_to_i64(str_sub(list.names[0], scan.prefix.len, list.names[0].len), &key);
    *ret = key ? 2 * (int64_t)VERSIONS_MAX - key : 0;
    return code;
}

/* The number that the path's version stands for; 0: none. */
static int number_of(struct call *c, const struct secret_place *p, const struct jval *secret, int64_t *ret)
{
    const struct jval *alias = jval_get_str(jval_get(secret, "versionAliases"), p->version);

    if (str_is(p->version, "latest"))
        return newest(c, p, ret);
    *ret = 0;
    if (jval_is(alias, JVAL_INT))
        *ret = jval_int(alias);
    else if (!str_to_i64(alias ? jval_str(alias) : p->version, ret))
        *ret = 0;
    return 0;
}

static int find_version(struct call *c, struct version *ret)
{
    struct version found = { .of = secret_place_of(c) };
    struct jval *secret = NULL;
    int64_t number = 0;
    int code = secret_find(c, &found.of, &secret);

    if (code || (code = number_of(c, &found.of, secret, &number)))
        return code;
    if (number == 0 && str_is(found.of.version, "latest"))
        return refuse(&c->r, RPC_NOT_FOUND, "Secret [%s] not found or has no versions.", found.of.shown);
    found.key = key_of(c, &found.of, number);
    found.shown = number > 0
                      ? arena_printf(c->a, "%s/versions/%lld", found.of.shown, (long long)number)
                      : arena_printf(c->a, "%s/versions/%.*s", found.of.shown, STR_ARG(found.of.version));
    code = store_get_resource(c->m->db, c->a, "secret_version", found.key, &found.v, &c->e);
    if (code == -ERR_NOT_FOUND)
        return refuse(&c->r, RPC_NOT_FOUND, "Secret Version [%s] not found.", found.shown);
    if (code == 0)
        *ret = found;
    return code;
}

/* Permissions on a version are named by it, and granted on its secret. */
static int need(struct call *c, const char *permission)
{
    struct secret_place p = secret_place_of(c);

    return secret_need(c, arena_printf(c->a, "%s/versions/%.*s", p.resource, STR_ARG(p.version)), permission);
}

/* --- adding -----------------------------------------------------------------------------------------------
 */

static int check_payload(struct call *c, const struct jval *payload)
{
    struct str data = jval_str(jval_get(payload, "data")), bytes = { NULL, 0 };
    const struct jval *sum = jval_get(payload, "dataCrc32c");
    int64_t given = jval_int(sum);

    if (data.len == 0)
        return refuse(&c->r, RPC_INVALID_ARGUMENT, "Secret Payload cannot be empty.");
    if (base64_decode(c->a, data, &bytes, NULL))
        return refuse(&c->r, RPC_INVALID_ARGUMENT,
                      "Invalid value at 'payload.data' (TYPE_BYTES), Base64 decoding failed");
    if (bytes.len > PAYLOAD_MAX_BYTES)
        return refuse(&c->r, RPC_INVALID_ARGUMENT,
                      "The size of the Secret Payload [%zu bytes] exceeds the maximum of %d bytes.",
                      bytes.len, PAYLOAD_MAX_BYTES);
    if (sum && ((jval_str(sum).ptr && !str_to_i64(jval_str(sum), &given)) || given != (int64_t)crc32c(bytes)))
        return refuse(&c->r, RPC_INVALID_ARGUMENT,
                      "The checksum in 'payload.data_crc32c' is not that of the data that arrived.");
    return 0;
}

/* The value under the first number from *number on that is free: two who add at once get two versions. */
static int store_payload(struct call *c, const struct secret_place *p, const struct jval *payload,
                         int64_t *number)
{
    struct str data = { NULL, 0 };
    struct jval *kept = jval_new_object(c->a);
    AUTO_STRBUF struct strbuf text = STRBUF(2 * PAYLOAD_MAX_BYTES);
    int code = base64_decode(c->a, jval_str(jval_get(payload, "data")), &data, &c->e);

    if (code)
        return code;
    strbuf_add_base64(&text, data); /* whichever alphabet it came in */
    jval_set(c->a, kept, "data", jval_new_str(c->a, strbuf_str(&text)));
    jval_set_cstr(c->a, kept, "dataCrc32c", arena_printf(c->a, "%u", (unsigned)crc32c(data)));
    do {
        if (*number > VERSIONS_MAX)
            return refuse(&c->r, RPC_RESOURCE_EXHAUSTED, "Secret [%s] has too many versions.", p->shown);
        code = store_add_resource(
            c->m->db, &(struct resource_row){ "secret_payload", key_of(c, p, *number), kept }, &c->e);
    } while (code == -ERR_CONFLICT && ++*number);
    return code;
}

static struct jval *new_version(struct call *c, const struct secret_place *p, int64_t number,
                                const struct jval *secret)
{
    struct jval *v = jval_new_object(c->a), *status = jval_new_object(c->a);

    jval_set_cstr(c->a, v, "name", arena_printf(c->a, "%s/versions/%lld", p->shown, (long long)number));
    secret_stamp(c, v, "createTime");
    jval_set_cstr(c->a, v, "state", "ENABLED");
    jval_set(c->a, status, "automatic", jval_new_object(c->a));
    if (jval_get(secret, "replication"))
        jval_set(c->a, v, "replicationStatus", status);
    return v;
}

static int add_version(struct call *c, const struct jval **ret)
{
    struct secret_place p = secret_place_of(c);
    struct jval *body = NULL, *secret = NULL, *v;
    int64_t number = 0;
    int code = secret_need(c, p.resource, "secretmanager.versions.add");

    if (code || (code = call_body(c, &body)) || (code = secret_find(c, &p, &secret)) ||
        (code = check_payload(c, jval_get(body, "payload"))) || (code = newest(c, &p, &number)))
        return code;
    number++;
    code = store_payload(c, &p, jval_get(body, "payload"), &number);
    if (code)
        return code;
    v = new_version(c, &p, number, secret);
    if (jval_path(body, "payload.dataCrc32c"))
        jval_set_bool(c->a, v, "clientSpecifiedPayloadChecksum", true);
    *ret = v;
    return store_put_resource(c->m->db, &(struct resource_row){ "secret_version", key_of(c, &p, number), v },
                              &c->e);
}

/* --- the rest ---------------------------------------------------------------------------------------------
 */

static int get_version(struct call *c, const struct jval **ret)
{
    struct version n = { 0 };
    int code = need(c, "secretmanager.versions.get");

    if (code == 0)
        code = find_version(c, &n);
    *ret = n.v;
    return code;
}

static int list_versions(struct call *c, const struct jval **ret)
{
    struct secret_place p = secret_place_of(c);
    struct jval *secret = NULL;
    int code = secret_need(c, p.resource, "secretmanager.versions.list");

    if (code || (code = secret_find(c, &p, &secret)))
        return code;
    return call_list(c, "secret_version", arena_printf(c->a, "%.*s/versions/", STR_ARG(p.name)), "versions",
                     ret);
}

static int access_version(struct call *c, const struct jval **ret)
{
    struct version n = { 0 };
    struct jval *payload = NULL, *v = jval_new_object(c->a);
    int code = need(c, "secretmanager.versions.access");

    if (code || (code = find_version(c, &n)))
        return code;
    if (!str_is(jval_str(jval_get(n.v, "state")), "ENABLED"))
        return refuse(&c->r, RPC_FAILED_PRECONDITION, "Secret Version [%s] is in %.*s state.", n.shown,
                      STR_ARG(jval_str(jval_get(n.v, "state"))));
    code = store_get_resource(c->m->db, c->a, "secret_payload", n.key, &payload, &c->e);
    jval_set_cstr(c->a, v, "name", n.shown);
    jval_set(c->a, v, "payload", payload);
    *ret = v;
    return code;
}

/* enable, disable, destroy */
static int change_state(struct call *c, const struct jval **ret)
{
    const char *verb = arena_cstr(c->a, c->route.verb);
    bool destroy = str_is(c->route.verb, "destroy");
    struct version n = { 0 };
    int code = need(c, arena_printf(c->a, "secretmanager.versions.%s", verb));

    if (code || (code = find_version(c, &n)))
        return code;
    if (str_is(jval_str(jval_get(n.v, "state")), "DESTROYED"))
        return refuse(&c->r, RPC_FAILED_PRECONDITION, "Secret Version [%s] is in DESTROYED state.", n.shown);
    jval_set_cstr(c->a, n.v, "state", destroy ? "DESTROYED" : verb[0] == 'e' ? "ENABLED" : "DISABLED");
    if (destroy) {
        secret_stamp(c, n.v, "destroyTime");
        code = store_delete_resource(c->m->db, "secret_payload", n.key, &c->e);
    }
    *ret = n.v;
    return code ? code
                : store_put_resource(c->m->db, &(struct resource_row){ "secret_version", n.key, n.v }, &c->e);
}

#define BOTH(method, tail, verb, fn)                                                                         \
    { method, "v1/projects/*/secrets/*" tail, verb, fn },                                                    \
    {                                                                                                        \
        method, "v1/projects/*/locations/*/secrets/*" tail, verb, fn                                         \
    }

const struct call_row secret_version_calls[] = {
    BOTH("POST", "", "addVersion", add_version),
    BOTH("GET", "/versions", "", list_versions),
    BOTH("GET", "/versions/*", "", get_version),
    BOTH("GET", "/versions/*", "access", access_version),
    BOTH("POST", "/versions/*", "enable", change_state),
    BOTH("POST", "/versions/*", "disable", change_state),
    BOTH("POST", "/versions/*", "destroy", change_state),
    { 0 },
};
