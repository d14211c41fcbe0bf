/* emulator/operations.c: long-running operations (a delete's), and the list of locations. */
#include "base/log.h"
#include "base/timefmt.h"
#include "emulator/emulator_internal.h"

enum { WAIT_DEFAULT_MS = 60000 };

static const char *const regions[] = {
    "africa-south1",
    "asia-east1",
    "asia-east2",
    "asia-northeast1",
    "asia-northeast2",
    "asia-northeast3",
    "asia-south1",
    "asia-south2",
    "asia-southeast1",
    "asia-southeast2",
    "australia-southeast1",
    "australia-southeast2",
    "europe-central2",
    "europe-north1",
    "europe-north2",
    "europe-southwest1",
    "europe-west1",
    "europe-west2",
    "europe-west3",
    "europe-west4",
    "europe-west6",
    "europe-west8",
    "europe-west9",
    "europe-west12",
    "me-central1",
    "me-central2",
    "me-west1",
    "northamerica-northeast1",
    "northamerica-northeast2",
    "southamerica-east1",
    "southamerica-west1",
    "us-central1",
    "us-east1",
    "us-east4",
    "us-east5",
    "us-east7",
    "us-south1",
    "us-west1",
    "us-west2",
    "us-west3",
    "us-west4",
    "us-west8",
};

static struct jval *operation_json(struct arena *a, const struct operation_row *op, int64_t now_ms)
{
    struct jval *v = jval_new_object(a), *metadata = jval_new_object(a), *generic = jval_new_object(a);
    struct jval *empty = jval_new_object(a);
    char text[RFC3339_SIZE];
    bool done = now_ms >= op->done_ms;

    jval_set_cstr(a, generic, "createTime", rfc3339_format(op->create_ms, text));
    jval_set_cstr(a, generic, "updateTime", rfc3339_format(done ? op->done_ms : op->create_ms, text));
    jval_set_cstr(a, metadata, "@type",
                  "type.googleapis.com/google.cloud.aiplatform.v1.DeleteOperationMetadata");
    jval_set(a, metadata, "genericMetadata", generic);
    jval_set_cstr(a, v, "name",
                  arena_printf(a, "projects/%lld/locations/%.*s/operations/%lld",
                               (long long)op->name.gcp_number, STR_ARG(op->name.location),
                               (long long)op->name.id));
    jval_set(a, v, "metadata", metadata);
    if (done) {
        jval_set_bool(a, v, "done", true);
        jval_set_cstr(a, empty, "@type", "type.googleapis.com/google.protobuf.Empty");
        jval_set(a, v, "response", empty);
    }
    return v;
}

static void wait_done(struct emulator *m, struct http_exchange *x, const struct operation_row *op)
{
    int64_t wait = op->done_ms - io_now_unix_ms(m->io), limit = WAIT_DEFAULT_MS;
    struct err e;

    (void)duration_parse_proto(http_query_get(x, "timeout"), &limit); /* absent: the default */
    wait = wait > limit ? limit : wait;
    if (wait > 0 && io_sleep(m->io, wait > WAIT_DEFAULT_MS ? WAIT_DEFAULT_MS : wait, &e))
        LOG_DEBUG("emulator.wait_cut", "operation=%lld", (long long)op->name.id); /* answered as it stands */
}

void serve_operations(struct emulator *m, struct http_exchange *x, const struct vertex_path *p)
{
    struct refusal r = { .a = x->a };
    struct operation_row op;
    struct err e = { 0 };
    int code = store_get_operation(m->db, &p->name, &op, &e);

    if (code == -ERR_NOT_FOUND) {
        refuse(&r, RPC_NOT_FOUND, "Operation not found: projects/%lld/locations/%.*s/operations/%.*s",
               (long long)p->name.gcp_number, STR_ARG(p->name.location), STR_ARG(p->id));
        refusal_reply(x, &r);
    } else if (code) {
        reply_internal(x, &e);
    } else if (str_is(p->verb, "cancel")) {
        json_reply(x, jval_new_object(x->a));
    } else {
        if (str_is(p->verb, "wait"))
            wait_done(m, x, &op);
        json_reply(x, operation_json(x->a, &op, io_now_unix_ms(m->io)));
    }
}

static struct jval *location_json(struct arena *a, const struct vertex_path *p, const char *region)
{
    struct jval *v = jval_new_object(a);

    jval_set_cstr(a, v, "name",
                  arena_printf(a, "projects/%.*s/locations/%s", STR_ARG(p->gcp_project), region));
    jval_set_cstr(a, v, "locationId", region);
    return v;
}

void serve_locations(struct http_exchange *x, const struct vertex_path *p)
{
    struct jval *list = jval_new_array(x->a), *out = jval_new_object(x->a);

    if (!str_is(x->method, "GET")) {
        reply_not_found(x);
        return;
    }
    for (size_t i = 0; i < ARRAY_LEN(regions); i++) {
        if (str_is(p->name.location, regions[i])) {
            json_reply(x, location_json(x->a, p, regions[i]));
            return;
        }
        jval_push(x->a, list, location_json(x->a, p, regions[i]));
    }
    if (p->name.location.len > 0) {
        reply_not_found(x);
        return;
    }
    jval_set(x->a, out, "locations", list);
    json_reply(x, out);
}
