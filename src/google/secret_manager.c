/*
 * google/secret_manager.c: access to secret versions (reference 5).
 *
 * A value belongs to an entry with a fiber of its own: it asks, tells those who wait, and overwrites the
 * value when its time is over. Whoever waits holds on to the entry, so that one who is cancelled takes nobody
 * else's answer with it.
 */
#include "google/secret_manager.h"

#include <stdlib.h>

#include "base/crypto.h"
#include "base/dec.h"
#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"

enum { MAX_NAME_BYTES = 1024 };

struct secret_manager {
    struct io *io;
    struct google *google;
    struct group *group;
    struct map *entries; /* those that still answer, by name */
    int64_t keep_ms;
};
struct entry {
    struct secret_manager *m;
    struct str name; /* owned */
    unsigned users;  /* its fiber, and those who wait */
    bool answered, dropped;
    struct secret *value; /* NULL: @why says why not */
    struct err why;
    struct cond changed;
};

struct secret_manager *secret_manager_new(struct io *io, struct google *g, int64_t keep_ms)
{
    struct secret_manager *m = xcalloc(1, sizeof(*m));

    m->io = io;
    m->google = g;
    m->group = group_new(io);
    m->entries = map_new();
    m->keep_ms = keep_ms;
    return m;
}

void secret_manager_free(struct secret_manager *m)
{
    if (!m)
        return;
    group_end(m->group);
    map_free(m->entries);
    free(m);
}

/* --- one answer --- */

static int read_payload(struct arena *a, struct dec *d, struct str *ret)
{
    struct str data = { NULL, 0 }, sum = { NULL, 0 }, bytes = { NULL, 0 };
    int64_t expected = -1;

    dec_str(d, "data", &data, DEC_OPTIONAL); /* the empty value is not written */
    dec_str(d, "dataCrc32c", &sum, DEC_REQUIRED);
    if (dec_failed(d))
        return -ERR_PROTO;
    if (data.len > SECRET_MAX_BYTES / 3 * 4 + 4 || base64_decode(a, data, &bytes, NULL) ||
        bytes.len > SECRET_MAX_BYTES)
        return err_set(d->e, ERR_PROTO, "the payload is not base64 of at most %d bytes", SECRET_MAX_BYTES);
    if (!str_to_i64(sum, &expected) || expected != (int64_t)crc32c(bytes))
        return err_set(d->e, ERR_PROTO, "the payload does not have its checksum: it was damaged on the way");
    *ret = bytes;
    return 0;
}

int secret_answer_read(struct arena *a, const struct jval *reply, struct secret_answer *ret, struct err *e)
{
    struct secret_answer answer = { 0 };
    struct dec d, payload;
    int rc;

    dec_init(&d, a, reply, "$", ERR_PROTO, e);
    dec_str(&d, "name", &answer.version, DEC_REQUIRED);
    if (!dec_object(&d, "payload", &payload, DEC_REQUIRED) || dec_failed(&d))
        return -ERR_PROTO;
    rc = read_payload(a, &payload, &answer.payload);
    if (!rc)
        *ret = answer;
    return rc;
}

/* --- asking --- */

/* "projects/P[/locations/L]/secrets/S/versions/V": @name with *ret_location, absent when it is global. */
static int check_name(struct str name, struct str *ret_location, struct err *e)
{
    static const char *const words[] = { "projects", "locations", "secrets", "versions" };
    struct str rest = name, part = { NULL, 0 }, value = { NULL, 0 }, location = { NULL, 0 };
    bool good = name.len <= MAX_NAME_BYTES && str_cut(&rest, '/', &part);

    for (size_t i = 0; good && i < ARRAY_LEN(words); i++) {
        if (i == 1 && !str_is(part, words[i]))
            continue;
        good = str_is(part, words[i]) && str_cut(&rest, '/', &value) && value.len > 0;
        if (i == 1)
            location = value;
        if (i + 1 < ARRAY_LEN(words))
            good = good && str_cut(&rest, '/', &part);
    }
    if (!good || rest.ptr)
        return err_set(e, ERR_INVALID, "\"%.*s\" is not the name of a version of a secret",
                       STR_ARG(str_sub(name, 0, 200)));
    *ret_location = location;
    return 0;
}

static int ask(struct entry *n, struct err *e)
{
    AUTO_PTR(arena) a = arena_new_wiped();
    struct google_request req = { .service = "secretmanager", .method = "GET" };
    struct secret_answer answer = { 0 };
    const struct jval *reply = NULL;
    int rc = check_name(n->name, &req.region, e);

    req.path = arena_printf(a, "/v1/%.*s:access", STR_ARG(n->name));
    if (!rc)
        rc = google_call(n->m->google, a, &req, &reply, e);
    if (!rc)
        rc = secret_answer_read(a, reply, &answer, e);
    if (rc)
        return rc;
    LOG_DEBUG("google.secret", "name=%.*s version=%.*s", STR_ARG(n->name), STR_ARG(answer.version));
    n->value = secret_new(answer.payload);
    return 0;
}

static void fetch(struct entry *n)
{
    int rc = ask(n, &n->why);

    if (rc == -ERR_PROTO)
        rc = ask(n, &n->why);
    if (rc)
        err_wrap(&n->why, "secret %.*s", STR_ARG(n->name));
}

/* --- entries --- */

static void entry_unref(struct entry *n)
{
    if (--n->users > 0)
        return;
    secret_free(n->value);
    free((char *)(uintptr_t)n->name.ptr);
    free(n);
}

/* From now on nobody finds it. */
static void entry_retire(struct entry *n)
{
    if (map_get(n->m->entries, n->name) == n)
        map_remove(n->m->entries, n->name);
    n->dropped = true;
}

static void entry_run(void *arg)
{
    struct entry *n = arg;
    int64_t end_ms;

    fetch(n);
    n->answered = true;
    cond_broadcast(n->m->io, &n->changed);
    end_ms = io_now_ms(n->m->io) + (n->value ? n->m->keep_ms : 0);
    while (!n->dropped && io_now_ms(n->m->io) < end_ms)
        if (cond_wait(n->m->io, &n->changed, end_ms - io_now_ms(n->m->io), NULL) == -ERR_CANCELLED)
            break;
    entry_retire(n);
    entry_unref(n);
}

static struct entry *entry_new(struct secret_manager *m, struct str name)
{
    struct entry *n = xcalloc(1, sizeof(*n));

    n->m = m;
    n->name = (struct str){ xstrndup(name.ptr, name.len), name.len };
    n->users = 1;
    map_put(m->entries, n->name, n);
    group_spawn(m->group, "secret", entry_run, n);
    return n;
}

/* A member of the payload; nothing of it may go into @e. */
static int field_of(const struct entry *n, struct str field, struct secret **ret, struct err *e)
{
    AUTO_PTR(arena) a = arena_new_wiped();
    struct jval *object = NULL;
    const struct jval *member;

    if (jval_from_json(a, secret_unwrap(n->value), "the secret", NULL, &object, NULL) ||
        !jval_is(object, JVAL_OBJECT))
        return err_set(e, ERR_INVALID,
                       "secret %.*s: its value is not a JSON object, so it has no field \"%.*s\"",
                       STR_ARG(n->name), STR_ARG(field));
    member = jval_get_str(object, field);
    if (!jval_is(member, JVAL_STR))
        return err_set(e, ERR_INVALID, "secret %.*s: its JSON object has %s \"%.*s\"", STR_ARG(n->name),
                       member ? "something else than a text under" : "no field", STR_ARG(field));
    *ret = secret_new(jval_str(member));
    return 0;
}

static int entry_result(const struct entry *n, struct str field, struct secret **ret, struct err *e)
{
    if (!n->value) {
        if (e)
            *e = n->why;
        return -(int)n->why.code;
    }
    if (field.len)
        return field_of(n, field, ret, e);
    *ret = secret_dup(n->value);
    return 0;
}

int secret_manager_access(struct secret_manager *m, struct str name, struct str field, struct secret **ret,
                          struct err *e)
{
    struct entry *n = map_get(m->entries, name);
    int rc = 0;

    if (!n)
        n = entry_new(m, name);
    n->users++;
    while (!n->answered && !rc)
        if (cond_wait(m->io, &n->changed, -1, e) == -ERR_CANCELLED)
            rc = -ERR_CANCELLED;
    if (!rc)
        rc = entry_result(n, field, ret, e);
    entry_unref(n);
    return rc;
}

void secret_manager_drop(struct secret_manager *m, struct str name)
{
    struct entry *n = map_get(m->entries, name);

    if (!n)
        return;
    entry_retire(n);
    cond_broadcast(m->io, &n->changed);
}
