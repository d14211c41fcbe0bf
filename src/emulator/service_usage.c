/* emulator/service_usage.c: which services of Google a project uses: all, until one is switched off. Kind in
 * the store: "service". */
#include "emulator/call.h"

static const char service_usage[] = "serviceusage.googleapis.com";

static struct str service_name(struct call *c, struct str service)
{
    return str_of(
        arena_printf(c->a, "projects/%.*s/services/%.*s", STR_ARG(c->gcp_project), STR_ARG(service)));
}

static struct jval *service_json(struct call *c, struct str service)
{
    struct jval *stored = NULL, *v = jval_new_object(c->a);
    long long number = (long long)gcp_number_of(c->gcp_project);
    struct err e;
    bool off = store_get_resource(c->m->db, c->a, "service", service_name(c, service), &stored, &e) == 0 &&
               str_is(jval_str(jval_get(stored, "state")), "DISABLED");

    jval_set_cstr(c->a, v, "name",
                  arena_printf(c->a, "projects/%lld/services/%.*s", number, STR_ARG(service)));
    jval_set_cstr(c->a, v, "parent", arena_printf(c->a, "projects/%lld", number));
    jval_set_cstr(c->a, v, "state", off ? "DISABLED" : "ENABLED");
    return v;
}

static int get_service(struct call *c, const struct jval **ret)
{
    int code = call_need(c, service_usage, "", "serviceusage.services.get");

    if (code == 0)
        *ret = service_json(c, c->route.part[4]);
    return code;
}

/* names=projects/P/services/S, as often as there are services */
static int get_services(struct call *c, const struct jval **ret)
{
    struct jval *list = jval_new_array(c->a), *out = jval_new_object(c->a);
    struct str rest = c->x->query, pair = { NULL, 0 }, key = { NULL, 0 };
    int code = call_need(c, service_usage, "", "serviceusage.services.get");

    while (code == 0 && str_cut(&rest, '&', &pair)) {
        struct http_exchange one = { .a = c->a, .query = pair };
        struct str name = http_query_get(&one, "names"), part = { NULL, 0 };

        (void)str_cut(&pair, '=', &key);
        while (str_is(key, "names") && name.ptr && str_cut(&name, '/', &part))
            continue;
        if (str_is(key, "names"))
            jval_push(c->a, list, service_json(c, part));
    }
    jval_set(c->a, out, "services", list);
    *ret = out;
    return code;
}

static int switch_service(struct call *c, const struct jval **ret)
{
    bool off = str_is(c->route.verb, "disable");
    struct jval *v = jval_new_object(c->a), *operation = jval_new_object(c->a), *response;
    int code = call_need(c, service_usage, "",
                         off ? "serviceusage.services.disable" : "serviceusage.services.enable");

    if (code)
        return code;
    jval_set_cstr(c->a, v, "state", off ? "DISABLED" : "ENABLED");
    code = store_put_resource(
        c->m->db, &(struct resource_row){ "service", service_name(c, c->route.part[4]), v }, &c->e);
    response = jval_new_object(c->a);
    jval_set(c->a, response, "service", service_json(c, c->route.part[4]));
    jval_set_cstr(c->a, operation, "name", "operations/noop.DONE_OPERATION");
    jval_set_bool(c->a, operation, "done", true);
    jval_set(c->a, operation, "response", response);
    *ret = operation;
    return code;
}

const struct call_row service_usage_calls[] = {
    { "GET", "v1/projects/*/services", "batchGet", get_services },
    { "GET", "v1/projects/*/services/*", "", get_service },
    { "POST", "v1/projects/*/services/*", "enable", switch_service },
    { "POST", "v1/projects/*/services/*", "disable", switch_service },
    { 0 },
};
