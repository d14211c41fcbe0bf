/* emulator/uploads.c: the three ways to bring an object to Cloud Storage. */
#include "base/crypto.h"
#include "emulator/storage.h"
#include "io/file.h"

/* --- media and multipart
 * ---------------------------------------------------------------------------------------- */

static struct str content_type(struct storage_call *c)
{
    return http_header_get(c->x->headers, c->x->header_count, "Content-Type");
}

static int may_create(struct storage_call *c, struct str object)
{
    int code;

    c->object = object;
    code = storage_need(c, "storage.objects.create", true);
    return code ? code : object_precondition(c, object);
}

static int upload_media(struct storage_call *c, struct jval **ret)
{
    const struct object_data d = { .name = http_query_get(c->x, "name"),
                                   .content_type = content_type(c),
                                   .bytes = c->x->body };
    int code = may_create(c, d.name);

    return code ? code : object_store(c, &d, ret);
}

/* A part's header and data; @rest moves behind it. False at the closing boundary or when it is no part. */
static bool next_part(struct str *rest, struct str mark, struct str *ret_head, struct str *ret_data)
{
    ptrdiff_t at = str_find(*rest, mark), gap, end;
    struct str part;

    if (at < 0)
        return false;
    part = str_sub(*rest, (size_t)at + mark.len, rest->len);
    gap = str_find(part, STR("\r\n\r\n"));
    if (gap < 0)
        return false;
    *ret_head = str_sub(part, 0, (size_t)gap);
    part = str_sub(part, (size_t)gap + 4, part.len);
    end = str_find(part, mark);
    if (end < 2)
        return false;
    *ret_data = str_sub(part, 0, (size_t)end - 2); /* the line break belongs to the boundary */
    *rest = str_sub(part, (size_t)end, part.len);
    return true;
}

static struct str part_type(struct str head)
{
    struct str line = { NULL, 0 }, name = { NULL, 0 };

    while (str_cut(&head, '\n', &line))
        if (str_cut(&line, ':', &name) && str_eq_nocase(str_trim(name), STR("content-type")))
            return str_trim(line);
    return (struct str){ NULL, 0 };
}

/* The text behind "boundary=", with or without quotes. */
static struct str boundary_of(struct arena *a, struct str type)
{
    ptrdiff_t at = str_find(type, STR("boundary="));
    struct str b = at < 0 ? (struct str){ NULL, 0 } : str_sub(type, (size_t)at + 9, type.len);

    if (str_take(&b, '"') && str_has_suffix(b, STR("\"")))
        b = str_sub(b, 0, b.len - 1);
    return b.len ? str_of(arena_printf(a, "--%.*s", STR_ARG(b))) : b;
}

static int upload_multipart(struct storage_call *c, struct jval **ret)
{
    struct str mark = boundary_of(c->a, content_type(c)), rest = c->x->body, head, text, data;
    struct jval *wish = NULL;
    struct object_data d = { 0 };
    int code;

    if (mark.len == 0 || !next_part(&rest, mark, &head, &text) ||
        jval_from_json(c->a, text, "metadata", NULL, &wish, &c->e) || !next_part(&rest, mark, &head, &data))
        return refuse(&c->r, RPC_INVALID_ARGUMENT, "The multipart body is not a JSON part and a data part.");
    d.name = jval_str(jval_get(wish, "name"));
    d.content_type = jval_str(jval_get(wish, "contentType"));
    d.content_type = d.content_type.len ? d.content_type : part_type(head);
    d.metadata = jval_get(wish, "metadata");
    d.bytes = data;
    code = may_create(c, d.name);
    return code ? code : object_store(c, &d, ret);
}

/* --- resumable
 * -------------------------------------------------------------------------------------------------- */

static int start_session(struct storage_call *c)
{
    struct str host = http_header_get(c->x->headers, c->x->header_count, "Host");
    struct jval *wish = NULL, *session;
    uint8_t id[16];
    char hex[33];
    int code = read_body(c->x, &c->r, &wish);

    if (code)
        return code;
    if (!jval_get(wish, "name") && http_query_get(c->x, "name").len)
        jval_set(c->a, wish, "name", jval_new_str(c->a, http_query_get(c->x, "name")));
    code = may_create(c, jval_str(jval_get(wish, "name")));
    if (code)
        return code;
    io_random(c->m->io, id, sizeof(id));
    hex_encode(id, sizeof(id), hex);
    session = jval_new_object(c->a);
    jval_set(c->a, session, "wish", wish);
    jval_set(c->a, session, "bucket", jval_new_str(c->a, c->bucket));
    jval_set(c->a, session, "type",
             jval_new_str(c->a, http_header_get(c->x->headers, c->x->header_count, "X-Upload-Content-Type")));
    code = store_put_resource(
        c->m->db, &(struct resource_row){ "upload", str_of(arena_strdup(c->a, hex)), session }, &c->e);
    http_reply_header(
        c->x, "Location",
        str_of(arena_printf(c->a, "%s://%.*s/upload/storage/v1/b/%.*s/o?uploadType=resumable&upload_id=%s",
                            c->x->tls ? "https" : "http", STR_ARG(host), STR_ARG(c->bucket), hex)));
    http_reply_header(c->x, "X-GUploader-UploadID", str_of(arena_strdup(c->a, hex)));
    return code;
}

/* A Content-Range: a part of a whole whose size is known or not, or only the question how much is there. */
struct chunk {
    int64_t from, to, total; /* @from -1: only a question; @total -1: not known yet */
};

static bool read_range(struct str text, size_t body, struct chunk *ret)
{
    struct str rest = str_sub(text, 6, text.len), range = { NULL, 0 }, first = { NULL, 0 };

    *ret = (struct chunk){ .from = 0, .to = (int64_t)body - 1, .total = (int64_t)body };
    if (text.len == 0)
        return true;
    if (!str_has_prefix(text, STR("bytes ")) || !str_cut(&rest, '/', &range))
        return false;
    ret->total = -1;
    if (!str_is(rest, "*") && (!str_to_i64(rest, &ret->total) || ret->total < 0))
        return false;
    if (str_is(range, "*")) {
        ret->from = -1;
        return true;
    }
    return str_cut(&range, '-', &first) && str_to_i64(first, &ret->from) && str_to_i64(range, &ret->to) &&
           ret->from >= 0 && ret->to - ret->from + 1 == (int64_t)body;
}

static const char *session_file(struct storage_call *c, struct str id)
{
    return arena_printf(c->a, "%s/objects/upload-%.*s", c->m->data_dir, STR_ARG(id));
}

/* What is there, with the chunk behind it. A part that is there already is not added again. */
static int add_chunk(struct storage_call *c, struct str id, const struct chunk *k, struct str *ret)
{
    AUTO_STRBUF struct strbuf all = STRBUF(OBJECT_MAX);
    const char *path = session_file(c, id);
    struct str there = { NULL, 0 };
    int code = file_mkdirs(c->m->io, arena_printf(c->a, "%s/objects", c->m->data_dir), &c->e);

    if (code == 0 && file_exists(c->m->io, path))
        code = file_read(c->m->io, c->a, path, OBJECT_MAX, &there, &c->e);
    *ret = there;
    if (code || k->from < 0 || k->from > (int64_t)there.len || k->to < (int64_t)there.len)
        return code;
    strbuf_add(&all, there);
    strbuf_add(&all, str_sub(c->x->body, there.len - (size_t)k->from, c->x->body.len));
    if (strbuf_check(&all, &c->e))
        return refuse(&c->r, RPC_INVALID_ARGUMENT, "The emulator's objects have at most %d bytes.",
                      OBJECT_MAX);
    *ret = arena_str(c->a, strbuf_str(&all));
    return file_write(c->m->io, path, *ret, 0600, &c->e);
}

static int finish(struct storage_call *c, struct str id, const struct jval *session, struct str bytes,
                  struct jval **ret)
{
    const struct jval *wish = jval_get(session, "wish");
    struct object_data d = { .name = jval_str(jval_get(wish, "name")),
                             .content_type = jval_str(jval_get(wish, "contentType")),
                             .metadata = jval_get(wish, "metadata"),
                             .bytes = bytes };
    int code;

    if (d.content_type.len == 0)
        d.content_type = jval_str(jval_get(session, "type"));
    code = object_store(c, &d, ret);
    if (code == 0)
        code = store_delete_resource(c->m->db, "upload", id, &c->e);
    if (code == 0)
        code = file_remove(c->m->io, session_file(c, id), &c->e);
    return code;
}

static void incomplete(struct storage_call *c, size_t there)
{
    if (there)
        http_reply_header(c->x, "Range", str_of(arena_printf(c->a, "bytes=0-%zu", there - 1)));
    http_reply_text(c->x, 308, "text/plain", STR(""));
}

static void continue_session(struct storage_call *c, struct str id)
{
    struct str range = http_header_get(c->x->headers, c->x->header_count, "Content-Range"),
               bytes = { NULL, 0 };
    struct jval *session = NULL, *v = NULL;
    struct chunk k = { .total = -1 };
    int code = store_get_resource(c->m->db, c->a, "upload", id, &session, &c->e);

    if (code == -ERR_NOT_FOUND || (code == 0 && !str_eq(jval_str(jval_get(session, "bucket")), c->bucket)))
        code = refuse(&c->r, RPC_NOT_FOUND, "Not Found");
    else if (code == 0 && !read_range(range, c->x->body.len, &k))
        code = refuse(&c->r, RPC_INVALID_ARGUMENT, "Failed to parse Content-Range header.");
    else if (code == 0)
        code = add_chunk(c, id, &k, &bytes);
    if (code == 0 && (k.total < 0 || (int64_t)bytes.len < k.total)) {
        incomplete(c, bytes.len);
        return;
    }
    if (code == 0)
        code = finish(c, id, session, bytes, &v);
    storage_end(c, code, v);
}

void serve_upload(struct storage_call *c)
{
    struct str kind = http_query_get(c->x, "uploadType"), id = http_query_get(c->x, "upload_id");
    struct jval *bucket = NULL, *v = NULL;
    int code = storage_bucket(c, &bucket);

    if (code == 0 && id.len && str_is(c->x->method, "PUT")) { /* the session's address is the right to it */
        continue_session(c, id);
        return;
    }
    if (code == 0 && str_is(kind, "media"))
        code = upload_media(c, &v);
    else if (code == 0 && str_is(kind, "multipart"))
        code = upload_multipart(c, &v);
    else if (code == 0 && str_is(kind, "resumable")) {
        code = start_session(c);
        v = jval_new_object(c->a);
    } else if (code == 0)
        code = refuse(&c->r, RPC_INVALID_ARGUMENT, "Invalid value for uploadType: \"%.*s\"", STR_ARG(kind));
    storage_end(c, code, v);
}
