/* emulator/objects.c: Cloud Storage's objects: stored, read, listed, deleted. */
#include "base/crypto.h"
#include "base/map.h"
#include "base/timefmt.h"
#include "emulator/storage.h"
#include "io/file.h"

enum { PAGE_MAX = 1000 };

/* --- storing
 * --------------------------------------------------------------------------------------------------- */

static const char *data_path(struct storage_call *c, struct str file)
{
    return arena_printf(c->a, "%s/objects/%.*s", c->m->data_dir, STR_ARG(file));
}

static int write_data(struct storage_call *c, struct str bytes, const char **ret_file)
{
    uint8_t id[16];
    char hex[33];
    int code = file_mkdirs(c->m->io, arena_printf(c->a, "%s/objects", c->m->data_dir), &c->e);

    io_random(c->m->io, id, sizeof(id));
    hex_encode(id, sizeof(id), hex);
    *ret_file = arena_strdup(c->a, hex);
    return code ? code : file_write(c->m->io, data_path(c, str_of(hex)), bytes, 0600, &c->e);
}

static void set_digests(struct storage_call *c, struct jval *v, struct str bytes)
{
    AUTO_STRBUF struct strbuf crc = STRBUF(64), digest = STRBUF(64);
    uint32_t sum = crc32c(bytes);
    const uint8_t big[4] = { (uint8_t)(sum >> 24), (uint8_t)(sum >> 16), (uint8_t)(sum >> 8), (uint8_t)sum };
    uint8_t hash[16];

    md5(bytes, hash);
    strbuf_add_base64(&crc, (struct str){ (const char *)big, 4 });
    strbuf_add_base64(&digest, (struct str){ (const char *)hash, sizeof(hash) });
    jval_set_cstr(c->a, v, "crc32c", strbuf_cstr(&crc));
    jval_set_cstr(c->a, v, "md5Hash", strbuf_cstr(&digest));
}

static struct jval *new_object(struct storage_call *c, const struct object_data *d)
{
    struct jval *v = jval_new_object(c->a);
    AUTO_STRBUF struct strbuf etag = STRBUF(64);
    int64_t now = io_now_unix_ms(c->m->io);
    const char *generation = arena_printf(c->a, "%lld", (long long)now * 1000);
    char time[RFC3339_SIZE];

    rfc3339_format(now, time);
    jval_set_cstr(c->a, v, "kind", "storage#object");
    jval_set_cstr(c->a, v, "id",
                  arena_printf(c->a, "%.*s/%.*s/%s", STR_ARG(c->bucket), STR_ARG(d->name), generation));
    jval_set(c->a, v, "name", jval_new_str(c->a, d->name));
    jval_set(c->a, v, "bucket", jval_new_str(c->a, c->bucket));
    jval_set_cstr(c->a, v, "generation", generation);
    jval_set_cstr(c->a, v, "metageneration", "1");
    strbuf_add_base64(&etag, str_of(generation)); /* opaque, and another for each generation */
    jval_set_cstr(c->a, v, "etag", strbuf_cstr(&etag));
    jval_set(c->a, v, "contentType",
             jval_new_str(c->a, d->content_type.len ? d->content_type : STR("application/octet-stream")));
    jval_set_cstr(c->a, v, "storageClass", "STANDARD");
    jval_set_cstr(c->a, v, "size", arena_printf(c->a, "%zu", d->bytes.len));
    jval_set_cstr(c->a, v, "timeCreated", time);
    jval_set_cstr(c->a, v, "updated", time);
    if (d->metadata)
        jval_set(c->a, v, "metadata", d->metadata);
    set_digests(c, v, d->bytes);
    return v;
}

static const struct jval *shown(struct storage_call *c, const struct jval *object)
{
    struct jval *v = jval_copy(c->a, object);

    jval_remove(v, "file");
    return v;
}

static int find_object(struct storage_call *c, struct jval **ret)
{
    int code = store_get_resource(c->m->db, c->a, "object", storage_name(c), ret, &c->e);

    return code == -ERR_NOT_FOUND ? refuse(&c->r, RPC_NOT_FOUND, "No such object: %.*s/%.*s",
                                           STR_ARG(c->bucket), STR_ARG(c->object))
                                  : code;
}

int object_precondition(struct storage_call *c, struct str object)
{
    struct str wanted = http_query_get(c->x, "ifGenerationMatch"), now = STR("0");
    struct jval *v = NULL;

    if (!wanted.len)
        return 0;
    c->object = object;
    if (store_get_resource(c->m->db, c->a, "object", storage_name(c), &v, NULL) == 0)
        now = jval_str(jval_get(v, "generation"));
    if (str_eq(wanted, now))
        return 0;
    c->reason = "conditionNotMet";
    return refuse(&c->r, RPC_FAILED_PRECONDITION,
                  "At least one of the pre-conditions you specified did not hold.");
}

int object_store(struct storage_call *c, const struct object_data *d, struct jval **ret)
{
    struct jval *v;
    const char *file = NULL;
    int code;

    if (d->name.len == 0 || d->name.len > 1024)
        return refuse(&c->r, RPC_INVALID_ARGUMENT, "Required parameter: name, of 1 to 1024 bytes");
    c->object = d->name;
    code = write_data(c, d->bytes, &file);
    if (code)
        return code;
    v = new_object(c, d);
    jval_set_cstr(c->a, v, "file", file);
    code = store_put_resource(c->m->db, &(struct resource_row){ "object", storage_name(c), v }, &c->e);
    jval_remove(v, "file");
    *ret = v;
    return code;
}

/* --- reading
 * ---------------------------------------------------------------------------------------------------- */

/* "bytes=5-" and "bytes=5-9": the part asked for; the whole for anything else. */
static bool cut_range(struct str header, struct str *bytes, size_t *ret_from)
{
    struct str rest = str_sub(header, 6, header.len), first = { NULL, 0 };
    int64_t from = 0, to = (int64_t)bytes->len - 1;

    if (!str_has_prefix(header, STR("bytes=")) || !str_cut(&rest, '-', &first) || !str_to_i64(first, &from) ||
        from < 0 || (size_t)from >= bytes->len || (rest.len && !str_to_i64(rest, &to)) || to < from)
        return false;
    *bytes = str_sub(*bytes, (size_t)from, (size_t)to + 1);
    *ret_from = (size_t)from;
    return true;
}

static int download(struct storage_call *c, const struct jval *object)
{
    struct str bytes = { NULL, 0 }, type = jval_str(jval_get(object, "contentType"));
    struct str range = http_header_get(c->x->headers, c->x->header_count, "Range");
    size_t total, from = 0;
    int code = file_read(c->m->io, c->a, data_path(c, jval_str(jval_get(object, "file"))), OBJECT_MAX, &bytes,
                         &c->e);

    if (code)
        return code;
    total = bytes.len;
    http_reply_header(
        c->x, "X-Goog-Hash",
        str_of(arena_printf(c->a, "crc32c=%.*s,md5=%.*s", STR_ARG(jval_str(jval_get(object, "crc32c"))),
                            STR_ARG(jval_str(jval_get(object, "md5Hash"))))));
    http_reply_header(c->x, "X-Goog-Generation", jval_str(jval_get(object, "generation")));
    if (cut_range(range, &bytes, &from)) {
        http_reply_header(c->x, "Content-Range",
                          str_of(arena_printf(c->a, "bytes %zu-%zu/%zu", from, from + bytes.len - 1, total)));
        http_reply_text(c->x, 206, arena_cstr(c->a, type), bytes);
    } else {
        http_reply_text(c->x, 200, arena_cstr(c->a, type), bytes);
    }
    return 0;
}

int object_download(struct storage_call *c)
{
    struct jval *v = NULL;
    int code = find_object(c, &v);

    return code ? code : download(c, v);
}

static void get_object(struct storage_call *c)
{
    struct jval *v = NULL;
    int code = storage_need(c, "storage.objects.get", true);

    if (code == 0)
        code = find_object(c, &v);
    if (code == 0 && str_is(http_query_get(c->x, "alt"), "media")) {
        code = download(c, v);
        if (code == 0)
            return;
    }
    storage_end(c, code, code ? NULL : shown(c, v));
}

static int delete_object(struct storage_call *c)
{
    struct jval *v = NULL;
    int code = storage_need(c, "storage.objects.delete", true);

    if (code == 0)
        code = find_object(c, &v);
    return code ? code : store_delete_resource(c->m->db, "object", storage_name(c), &c->e);
}

/* --- listing
 * ---------------------------------------------------------------------------------------------------- */

struct listing {
    struct str prefix, delimiter;
    size_t base; /* where an object's own name begins in its stored name */
    struct jval *items, *prefixes;
    struct map *seen;
};

/* An object of the page, or the folder it is in. */
static void add_entry(struct storage_call *c, struct listing *l, struct str name, const struct jval *body)
{
    struct str own = str_sub(name, l->base, name.len), tail = str_sub(own, l->prefix.len, own.len), folder;
    ptrdiff_t at = l->delimiter.len ? str_find(tail, l->delimiter) : -1;

    if (at < 0) {
        jval_push(c->a, l->items, shown(c, body));
        return;
    }
    folder = str_sub(own, 0, l->prefix.len + (size_t)at + l->delimiter.len);
    if (!map_put(l->seen, folder, l))
        jval_push(c->a, l->prefixes, jval_new_str(c->a, folder));
}

static int fill_page(struct storage_call *c, struct listing *l, struct jval *out)
{
    struct str size = http_query_get(c->x, "maxResults"), token = http_query_get(c->x, "pageToken");
    const char *base = arena_printf(c->a, "projects/_/buckets/%.*s/objects/", STR_ARG(c->bucket));
    struct resource_scan scan = { .kind = "object", .max = PAGE_MAX + 1 };
    struct resource_list all = { 0 };
    AUTO_STRBUF struct strbuf next = STRBUF(8192);
    int64_t n = 0;
    int code;

    if (token.len && base64_decode(c->a, token, &scan.after, &c->e))
        return refuse(&c->r, RPC_INVALID_ARGUMENT, "Invalid argument.");
    if (str_to_i64(size, &n) && n > 0 && n < PAGE_MAX)
        scan.max = (size_t)n + 1;
    l->base = str_of(base).len;
    scan.prefix = str_of(arena_printf(c->a, "%s%.*s", base, STR_ARG(l->prefix)));
    code = store_list_resources(c->m->db, c->a, &scan, &all, &c->e);
    for (size_t i = 0; i < all.len && i + 1 < scan.max; i++)
        add_entry(c, l, all.names[i], all.bodies[i]);
    if (code == 0 && all.len == scan.max) {
        strbuf_add_base64url(&next, all.names[scan.max - 2]);
        jval_set_cstr(c->a, out, "nextPageToken", strbuf_cstr(&next));
    }
    return code;
}

static int list_objects(struct storage_call *c, struct jval **ret)
{
    struct listing l = { .prefix = http_query_get(c->x, "prefix"),
                         .delimiter = http_query_get(c->x, "delimiter"),
                         .items = jval_new_array(c->a),
                         .prefixes = jval_new_array(c->a) };
    AUTO_PTR(map) seen = map_new();
    struct jval *out = jval_new_object(c->a);
    int code = storage_need(c, "storage.objects.list", false);

    l.seen = seen;
    jval_set_cstr(c->a, out, "kind", "storage#objects");
    if (code == 0)
        code = fill_page(c, &l, out);
    if (jval_len(l.items))
        jval_set(c->a, out, "items", l.items);
    if (jval_len(l.prefixes))
        jval_set(c->a, out, "prefixes", l.prefixes);
    *ret = out;
    return code;
}

void serve_objects(struct storage_call *c)
{
    struct jval *bucket = NULL, *v = NULL;
    int code = storage_bucket(c, &bucket);

    if (code == 0 && c->object.len == 0)
        code = list_objects(c, &v);
    if (code || v)
        storage_end(c, code, v);
    else if (str_is(c->x->method, "DELETE"))
        storage_end(c, delete_object(c), NULL);
    else
        get_object(c);
}
