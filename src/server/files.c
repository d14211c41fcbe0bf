/*
 * server/files.c: files of runs. Uploads and the clients' downloads go to signed addresses (they send no
 * Authorization to storage: protocol reference 1.2); a file is kept under a name of our own, so no name a
 * client gives meets the disk.
 */
#include <string.h>

#include "base/crypto.h"
#include "base/log.h"
#include "base/secret.h"
#include "server/manifest.h"
#include "server/server_internal.h"

enum { NAME_MAX_BYTES = 512 };
enum { UPLOAD_FOR_MS = 24 * 60 * 60 * 1000, DOWNLOAD_FOR_MS = 60 * 60 * 1000 };

int files_name_check(struct str name, struct err *e)
{
    if (manifest_path_is_plain(name, NAME_MAX_BYTES))
        return 0;
    return err_set(e, ERR_INVALID, "bad file name: a relative path of at most %d bytes without \"..\"",
                   NAME_MAX_BYTES);
}

/* --- signed addresses: /storage/runs/RUN-ID/EXPIRES-MS/SIGNATURE/NAME --- */

void files_sign(struct server *s, struct str text, char ret[65])
{
    uint8_t mac[32];

    hmac_sha256(secret_unwrap(s->signing_key), text, mac);
    hex_encode(mac, sizeof(mac), ret);
}

/* What one signed address is for. */
struct signed_file {
    const char *method;
    int64_t run_id, expires_ms;
    struct str name;
};

static void sign(struct server *s, struct http_exchange *x, const struct signed_file *f, char ret[65])
{
    files_sign(s,
               str_of(arena_printf(x->a, "%s\n%lld/%lld\n%.*s", f->method, (long long)f->run_id,
                                   (long long)f->expires_ms, STR_ARG(f->name))),
               ret);
}

static struct str signed_url(struct server *s, struct http_exchange *x, const struct signed_file *f)
{
    AUTO_STRBUF struct strbuf url = STRBUF(8192);
    struct str rest = f->name, part = { 0 };
    char signature[65];

    sign(s, x, f, signature);
    strbuf_addf(&url, "%.*s/storage/runs/%lld/%lld/%s", STR_ARG(public_base(s, x)), (long long)f->run_id,
                (long long)f->expires_ms, signature);
    while (str_cut(&rest, '/', &part)) {
        strbuf_addc(&url, '/');
        strbuf_add_url(&url, part);
    }
    return arena_str(x->a, strbuf_str(&url));
}

struct str files_upload_url(struct server *s, struct http_exchange *x, int64_t run_id, struct str name)
{
    return signed_url(s, x,
                      &(struct signed_file){ "PUT", run_id, server_wall_unix_ms(s) + UPLOAD_FOR_MS, name });
}

struct str files_download_url(struct server *s, struct http_exchange *x, int64_t run_id, struct str name)
{
    return signed_url(s, x,
                      &(struct signed_file){ "GET", run_id, server_wall_unix_ms(s) + DOWNLOAD_FOR_MS, name });
}

static int file_keep(struct server *s, struct http_exchange *x, const struct depot_item *item, struct err *e)
{
    AUTO_STRBUF struct strbuf path = STRBUF(4096);
    struct bulk_sums sums = { 0 };
    int rc = server_body_take(s, x, &path, &sums, e);

    rc = rc < 0 ? rc : depot_keep(&s->depot, item, strbuf_cstr(&path), &sums, e);
    if (rc < 0)
        depot_drop(&s->depot, strbuf_cstr(&path));
    return rc;
}

static int file_store(struct server *s, struct http_exchange *x, int64_t run_id, struct str name,
                      struct err *e)
{
    const struct store_file file = { .name = name,
                                     .size_bytes = (int64_t)x->body_bytes,
                                     .updated_unix_ms = server_wall_unix_ms(s) };
    int rc = file_keep(s, x, &(struct depot_item){ .run_id = run_id, .name = name }, e);

    return rc < 0 ? rc : store_file_put(s->store, run_id, &file, e);
}

static void file_reply(struct server *s, struct http_exchange *x, int64_t run_id, struct str name)
{
    const struct depot_item item = { .run_id = run_id, .name = name };
    struct err e = { 0 };
    int rc = files_name_check(name, &e);

    rc = rc < 0 ? rc : depot_reply(&s->depot, x, &item, base_name(name), &e);
    if (rc == -ERR_NOT_FOUND)
        reply_error(x, 404, "the run has no file '%.*s'", STR_ARG(name));
    else if (rc < 0)
        reply_failure(x, &e, "the file could not be read");
}

static void upload_handle(struct server *s, struct http_exchange *x, const struct signed_file *f)
{
    struct err e = { 0 };

    if (file_store(s, x, f->run_id, f->name, &e) < 0)
        reply_failure(x, &e, "the file could not be stored");
    else
        http_reply_text(x, 200, "text/plain", STR(""));
}

static void signed_handle(struct server *s, struct http_exchange *x)
{
    struct signed_file f = { .method = str_is(x->method, "GET") ? "GET" : "PUT",
                             .name = str_sub(x->path, strlen("/storage/runs/"), x->path.len) };
    struct str id = { 0 }, expires = { 0 }, signature = { 0 };
    char wanted[65];

    if (!str_is(x->method, f.method)) {
        http_reply_header(x, "Allow", STR("GET, PUT"));
        reply_error(x, 405, "files are uploaded with PUT and downloaded with GET");
        return;
    }
    if (!str_cut(&f.name, '/', &id) || !str_cut(&f.name, '/', &expires) ||
        !str_cut(&f.name, '/', &signature) || !str_to_i64(id, &f.run_id) ||
        !str_to_i64(expires, &f.expires_ms) || files_name_check(f.name, NULL) < 0) {
        reply_error(x, 404, "this is not an address of a file of this server");
        return;
    }
    sign(s, x, &f, wanted);
    if (!secret_text_eq(signature, str_of(wanted)) || f.expires_ms < server_wall_unix_ms(s))
        reply_error(x, 403, "this address is wrong or has expired: ask the API for a new one");
    else if (str_is(x->method, "GET"))
        file_reply(s, x, f.run_id, f.name);
    else
        upload_handle(s, x, &f);
}

/* --- /files/ENTITY/PROJECT/RUN/NAME --- */

void files_handle(struct server *s, struct http_exchange *x)
{
    struct str rest = str_sub(x->path, strlen("/files/"), x->path.len);
    struct project_ref project = { 0 };
    struct str name = { 0 };
    struct store_project found = { 0 };
    struct store_user user = { 0 };
    struct access access = { .store = s->store, .a = x->a, .user = &user };
    struct store_run run = { 0 };
    struct err e = { 0 };
    int rc;

    if (str_has_prefix(x->path, STR("/storage/runs/"))) {
        signed_handle(s, x);
        return;
    }
    if (!str_cut(&rest, '/', &project.entity) || !str_cut(&rest, '/', &project.name) ||
        !str_cut(&rest, '/', &name) || rest.len == 0) {
        reply_error(x, 404, "there is nothing at %.*s", STR_ARG(str_sub(x->path, 0, 200)));
        return;
    }
    if (!auth_check(s, x, &user))
        return;
    access.act = str_is(x->method, "GET") ? "read" : "stream";
    rc = access_project(&access, &project, &found, &e);
    if (rc == 0)
        rc = store_run_by_name(s->store, x->a, found.id, name, &run, &e);
    if (rc < 0)
        reply_failure(x, &e, NULL);
    else if (str_is(rest, "file_stream") && str_is(x->method, "POST"))
        stream_handle(s, x, &run);
    else if (str_is(x->method, "GET"))
        file_reply(s, x, run.id, rest);
    else
        reply_error(x, 405, "a run's files are read with GET and streamed with POST to file_stream");
}
