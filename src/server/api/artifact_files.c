/* server/api/artifact_files.c: files and manifests of artifacts: promised, uploaded in parts. */
#include "base/crypto.h"
#include "server/api/artifacts.h"
#include "server/manifest.h"

enum { NAMES_MAX = 10000, MD5_LEN = 16 };

/* --- files and manifest --- */

/* Base64 of an MD5, as clients say it, in hex. */
int artifact_md5_hex(struct arena *a, struct str base64, struct str *ret, struct err *e)
{
    struct str raw = { 0 };
    char hex[2 * MD5_LEN + 1];

    if (base64_decode(a, base64, &raw, NULL) < 0 || raw.len != MD5_LEN)
        return err_set(e, ERR_INVALID, "'%.*s' is not the base64 of an MD5", STR_ARG(str_sub(base64, 0, 60)));
    hex_encode((const uint8_t *)raw.ptr, MD5_LEN, hex);
    *ret = arena_str(a, str_of(hex));
    return 0;
}

static struct jval *upload_object(struct gql_call *c, const struct store_artifact_file *f, struct str name)
{
    struct caller *who = caller_of(c);
    struct jval *o = jval_new_object(c->a);

    set_text(c->a, o, "id", global_id(c->a, arena_printf(c->a, "ArtifactFile:%lld", (long long)f->id)));
    set_text(c->a, o, "name", name);
    set_text(c->a, o, "displayName", name);
    jval_set_cstr(c->a, o, "storagePath", arena_printf(c->a, "artifact-files/%lld", (long long)f->id));
    jval_set_cstr(c->a, o, "directUrl", "");
    jval_set_int(c->a, o, "sizeBytes", 0);
    jval_set(c->a, o, "uploadHeaders", jval_new_array(c->a));
    if (!f->is_here || f->is_manifest) /* clients count on an address for the manifest */
        set_text(c->a, o, "uploadUrl", blob_upload_url(who->server, who->exchange, f->id, name));
    return o;
}

static struct jval *manifest_object(struct gql_call *c, const struct store_artifact_file *f, struct str name)
{
    struct jval *o = jval_new_object(c->a), *payload = jval_new_object(c->a);

    set_text(c->a, o, "id", global_id(c->a, arena_printf(c->a, "ArtifactManifest:%lld", (long long)f->id)));
    jval_set(c->a, o, "file", upload_object(c, f, name));
    jval_set(c->a, payload, "artifactManifest", o);
    set_text(c->a, payload, "clientMutationId", gql_arg_str(c, "input.clientMutationId"));
    return payload;
}

static int manifest_declare(struct gql_call *c, int64_t artifact_id, struct str name, const struct jval **ret,
                            struct err *e)
{
    struct store_new_file file = { .is_manifest = true, .name = name, .md5 = STR("") };
    const struct store_declare d = {
        .artifact_id = artifact_id, .files = &file, .len = 1, .now_unix_ms = now_of(c)
    };
    struct str digest = gql_arg_str(c, "input.digest");
    struct store_artifact_file *made = NULL;
    int rc = digest.len > 0 ? artifact_md5_hex(c->a, digest, &file.md5, e) : 0;

    if (rc == 0)
        rc = store_artifact_declare(store_of(c), c->a, &d, &made, e);
    if (rc == 0)
        *ret = manifest_object(c, &made[0], name);
    return rc;
}

/* The name in the store of a manifest that is given as @type. */
static int manifest_stored_name(struct gql_call *c, struct str type, struct str *name, struct err *e)
{
    struct str base_uid = gql_arg_str(c, "input.baseArtifactID");
    struct store_artifact base = { 0 };
    int rc = 0;

    if (!type.ptr || str_is(type, "FULL"))
        return 0;
    if (!str_is(type, "INCREMENTAL"))
        return err_set(e, ERR_INVALID,
                       "this server takes whole and incremental manifests, and this one is %.*s",
                       STR_ARG(type));
    if (base_uid.len == 0) /* the first version: there is nothing below */
        return 0;
    rc = find_artifact_to(c, "read", base_uid, &base, e);
    if (rc == 0)
        *name = str_of(arena_printf(c->a, ARTIFACT_INCREMENTAL "%.*s", STR_ARG(base.uid)));
    return rc;
}

int resolve_create_manifest(struct gql_call *c, const struct jval **ret, struct err *e)
{
    struct str name = gql_arg_str(c, "input.name");
    struct store_artifact artifact = { 0 };
    int rc = artifact_name_check(name, "a manifest's name", e);

    if (rc == 0)
        rc = find_artifact(c, gql_arg_str(c, "input.artifactID"), &artifact, e);
    if (rc == 0)
        rc = manifest_stored_name(c, gql_arg_str(c, "input.type"), &name, e);
    return rc < 0 ? rc : manifest_declare(c, artifact.id, name, ret, e);
}

/* By "ArtifactManifest:NUMBER" in base64. */
static int find_manifest(struct gql_call *c, struct store_artifact_file *ret, struct err *e)
{
    const struct access q = access_of(c);
    struct str id = { 0 }, part = { 0 };
    struct store_artifact artifact = { 0 };
    int64_t number = 0;
    int rc;

    if (base64_decode(c->a, gql_arg_str(c, "input.artifactManifestID"), &id, NULL) < 0 ||
        !str_cut(&id, ':', &part) || !str_is(part, "ArtifactManifest") || !str_to_i64(id, &number))
        return err_set(e, ERR_INVALID, "artifactManifestID is not the id of a manifest");
    rc = store_artifact_file_by_id(store_of(c), c->a, number, ret, e);
    if (rc == 0)
        rc = ret->is_manifest ? store_artifact_by_id(store_of(c), c->a, ret->artifact_id, &artifact, e)
                              : -ERR_NOT_FOUND;
    if (rc == 0)
        rc = access_entity_id(&q, artifact.entity_id, "this manifest", e);
    if (rc == -ERR_NOT_FOUND)
        return err_set(e, ERR_NOT_FOUND,
                       "the manifest does not exist, or you are not a member of its entity");
    return rc;
}

int resolve_update_manifest(struct gql_call *c, const struct jval **ret, struct err *e)
{
    struct store_artifact_file file = { 0 };
    int rc = find_manifest(c, &file, e);

    return rc < 0 ? rc : manifest_declare(c, file.artifact_id, file.name, ret, e);
}

/* All of one artifact: clients ask for one at a time. */
static int file_specs(struct gql_call *c, const struct jval *specs, struct store_new_file *files,
                      struct err *e)
{
    struct str artifact = jval_str(jval_get(jval_at(specs, 0), "artifactID"));
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < jval_len(specs); i++) {
        const struct jval *spec = jval_at(specs, i);

        files[i].name = jval_str(jval_get(spec, "name"));
        if (!str_eq(jval_str(jval_get(spec, "artifactID")), artifact))
            return err_set(e, ERR_INVALID, "the files are of more than one artifact");
        if (!manifest_path_is_plain(files[i].name, MANIFEST_PATH_MAX_BYTES))
            return err_set(e, ERR_INVALID, "bad file name '%.*s': a relative path of at most %d bytes",
                           STR_ARG(str_sub(files[i].name, 0, 100)), MANIFEST_PATH_MAX_BYTES);
        rc = artifact_md5_hex(c->a, jval_str(jval_get(spec, "md5")), &files[i].md5, e);
    }
    return rc;
}

/* Addresses for the parts of a file that comes in parts; the client then leaves uploadUrl alone. */
static int parts_offer(struct gql_call *c, const struct jval *spec, const struct store_artifact_file *f,
                       struct jval *o, struct err *e)
{
    struct caller *who = caller_of(c);
    struct jval *urls = jval_new_object(c->a), *list = jval_new_array(c->a);
    struct upload_parts parts = { 0 };
    int rc = f->is_here ? 0 : upload_parts_read(c->a, jval_get(spec, "uploadPartsInput"), &parts, e);

    if (rc == 0)
        rc = upload_parts_check(&parts, e);
    if (rc < 0 || parts.len == 0)
        return rc;
    for (size_t i = 0; i < parts.len; i++) {
        struct jval *part = jval_new_object(c->a);

        jval_set_int(c->a, part, "partNumber", parts.items[i].number);
        set_text(c->a, part, "uploadUrl", blob_part_url(who->server, who->exchange, f->id, &parts.items[i]));
        jval_push(c->a, list, part);
    }
    jval_set_cstr(c->a, urls, "uploadID", arena_printf(c->a, "%lld", (long long)f->id));
    jval_set(c->a, urls, "uploadUrlParts", list);
    jval_set(c->a, o, "uploadMultipartUrls", urls);
    return 0;
}

/* In place of our own address. */
static int direct_offer(struct gql_call *c, int64_t entity_id, const struct store_new_file *f, struct jval *o,
                        struct err *e)
{
    struct jval *headers = jval_new_array(c->a);
    struct blob_direct d = { .entity_id = entity_id, .md5_hex = f->md5 };
    int rc = blob_direct_offer(caller_of(c)->server, c->a, &d, e);

    if (rc < 0 || !d.ret_url.ptr)
        return rc;
    jval_push(c->a, headers,
              jval_new_cstr(c->a, arena_printf(c->a, "Content-MD5:%.*s", STR_ARG(d.ret_md5_base64))));
    set_text(c->a, o, "uploadUrl", d.ret_url);
    jval_set(c->a, o, "uploadHeaders", headers);
    return 0;
}

struct offer {
    const struct store_artifact *artifact;
    const struct jval *specs;
    const struct store_new_file *files;
    const struct store_artifact_file *made;
    size_t len;
};

static int uploads_object(struct gql_call *c, const struct offer *f, const struct jval **ret, struct err *e)
{
    struct connection list = connection_begin(c->a);
    struct jval *o = jval_new_object(c->a), *owner = artifact_object(c->a, f->artifact), *edges;
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < f->len; i++) {
        struct jval *file = upload_object(c, &f->made[i], f->files[i].name);

        rc = parts_offer(c, jval_at(f->specs, i), &f->made[i], file, e);
        if (rc == 0 && !f->made[i].is_here && f->len <= BLOB_DIRECT_MAX &&
            jval_len(jval_get(jval_at(f->specs, i), "uploadPartsInput")) == 0)
            rc = direct_offer(c, f->artifact->entity_id, &f->files[i], file, e);
        jval_set(c->a, file, "artifact", owner);
        connection_add(&list, file, f->made[i].id);
    }
    if (rc < 0)
        return rc;
    edges = connection_end(&list, false);
    jval_set_int(c->a, edges, "totalCount", (int64_t)f->len);
    jval_set(c->a, o, "files", edges);
    set_text(c->a, o, "clientMutationId", gql_arg_str(c, "input.clientMutationId"));
    *ret = o;
    return 0;
}

int resolve_create_artifact_files(struct gql_call *c, const struct jval **ret, struct err *e)
{
    const struct jval *specs = gql_arg(c, "input.artifactFiles");
    struct store_declare d = { .len = jval_len(specs), .now_unix_ms = now_of(c) };
    struct store_new_file *files = arena_array(c->a, d.len + 1, sizeof(*files));
    struct store_artifact artifact = { 0 };
    struct store_artifact_file *made = NULL;
    int rc;

    if (d.len == 0 || d.len > NAMES_MAX)
        return err_set(e, ERR_LIMIT, "1 to %d files at once", NAMES_MAX);
    rc = file_specs(c, specs, files, e);
    if (rc == 0)
        rc = find_artifact(c, jval_str(jval_get(jval_at(specs, 0), "artifactID")), &artifact, e);
    d.artifact_id = artifact.id;
    d.files = files;
    if (rc == 0)
        rc = store_artifact_declare(store_of(c), c->a, &d, &made, e);
    return rc < 0 ? rc : uploads_object(c, &(struct offer){ &artifact, specs, files, made, d.len }, ret, e);
}

/* uploadID is the number of the file, which must be the artifact's. */
static int find_upload(struct gql_call *c, struct store_artifact_file *ret, struct err *e)
{
    struct store_artifact artifact = { 0 };
    int64_t id = 0;
    int rc = find_artifact(c, gql_arg_str(c, "input.artifactID"), &artifact, e);

    if (rc < 0)
        return rc;
    rc = str_to_i64(gql_arg_str(c, "input.uploadID"), &id)
             ? store_artifact_file_by_id(store_of(c), c->a, id, ret, e)
             : -ERR_NOT_FOUND;
    if (rc == -ERR_NOT_FOUND || (rc == 0 && ret->artifact_id != artifact.id))
        return err_set(e, ERR_NOT_FOUND, "the artifact has no such upload");
    return rc;
}

int resolve_complete_upload(struct gql_call *c, const struct jval **ret, struct err *e)
{
    struct server *s = caller_of(c)->server;
    struct store_artifact_file file = { 0 };
    struct upload_parts parts = { 0 };
    struct jval *o = jval_new_object(c->a);
    int rc = find_upload(c, &file, e);

    if (rc == 0)
        rc = upload_parts_read(c->a, gql_arg(c, "input.completedParts"), &parts, e);
    if (rc == 0 && str_is(gql_arg_str(c, "input.completeMultipartAction"), "Abort"))
        blob_parts_drop(s, file.id, &parts);
    else if (rc == 0 && !file.is_here) /* a client that did not hear the answer asks again */
        rc = blob_parts_join(s, c->a, &file, &parts, e);
    if (rc < 0)
        return rc;
    set_text(c->a, o, "digest", file.md5);
    set_text(c->a, o, "clientMutationId", gql_arg_str(c, "input.clientMutationId"));
    *ret = o;
    return 0;
}
