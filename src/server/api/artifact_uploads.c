/* server/api/artifact_uploads.c: an artifact comes to be: created, its files and manifest promised,
 * committed.
 */
#include "base/ascii.h"
#include "base/crypto.h"
#include "base/log.h"
#include "server/api/artifacts.h"
#include "server/manifest.h"

enum {
    NAME_MAX_BYTES = 128,
    LIST_MAX = 100,
    FILES_MAX = 10000,
    METADATA_MAX_BYTES = 4 << 20,
    YIELD_EVERY = 1000,
    MD5_LEN = 16,
};

int artifact_name_check(struct str name, const char *what, struct err *e)
{
    bool fits = name.len > 0 && name.len <= NAME_MAX_BYTES && str_is_utf8(name);

    for (size_t i = 0; fits && i < name.len; i++)
        fits = (unsigned char)name.ptr[i] >= ' ' && name.ptr[i] != '/' && name.ptr[i] != ':';
    if (fits)
        return 0;
    return err_set(e, ERR_INVALID, "%s has 1 to %d bytes, and no '/', ':' or control characters", what,
                   NAME_MAX_BYTES);
}

bool alias_is_version(struct str alias)
{
    struct str rest = alias;

    return str_take(&rest, 'v') && str_take_digits(&rest).len > 0 && rest.len == 0;
}

int alias_check(struct str alias, struct err *e)
{
    if (alias_is_version(alias))
        return err_set(e, ERR_INVALID,
                       "alias '%.*s' looks like a version: versions are counted by the server",
                       STR_ARG(alias));
    return artifact_name_check(alias, "an alias", e);
}

/* --- create --- */

static int aliases_arg(struct gql_call *c, struct str *ret_json, struct err *e)
{
    const struct jval *list = gql_arg(c, "input.aliases");
    struct jval *names = jval_new_array(c->a);

    if (jval_len(list) > LIST_MAX)
        return err_set(e, ERR_LIMIT, "more than %d aliases", LIST_MAX);
    for (size_t i = 0; i < jval_len(list); i++) {
        const struct jval *alias = jval_get(jval_at(list, i), "alias");
        int rc = alias_check(jval_str(alias), e);

        if (rc < 0)
            return rc;
        jval_push(c->a, names, alias);
    }
    *ret_json = jval_text(c->a, names, JVAL_COMPACT);
    return 0;
}

static int tags_arg(struct gql_call *c, struct str *ret_json, struct err *e)
{
    const struct jval *list = gql_arg(c, "input.tags");
    struct jval *names = jval_new_array(c->a);

    if (jval_len(list) > LIST_MAX)
        return err_set(e, ERR_LIMIT, "more than %d tags", LIST_MAX);
    for (size_t i = 0; i < jval_len(list); i++) {
        const struct jval *tag = jval_get(jval_at(list, i), "tagName");
        int rc = artifact_name_check(jval_str(tag), "a tag", e);

        if (rc < 0)
            return rc;
        jval_push(c->a, names, tag);
    }
    *ret_json = jval_text(c->a, names, JVAL_COMPACT);
    return 0;
}

int artifact_metadata_arg(struct gql_call *c, struct str *ret, struct err *e)
{
    const struct jval *parsed = NULL;
    struct str metadata = gql_arg_str(c, "input.metadata");

    if (metadata.len > METADATA_MAX_BYTES)
        return err_set(e, ERR_LIMIT, "metadata is longer than %d bytes", METADATA_MAX_BYTES);
    *ret = metadata;
    return stored_json(c->a, metadata, "metadata", &parsed, e);
}

static int create_names(struct gql_call *c, struct store_new_artifact *n, struct err *e)
{
    const struct jval *names = gql_arg(c, "input.artifactCollectionNames");
    int rc;

    n->type = gql_arg_str(c, "input.artifactTypeName");
    n->collection = gql_arg_str(c, "input.artifactCollectionName");
    if (n->collection.len == 0 && jval_len(names) == 1)
        n->collection = jval_str(jval_at(names, 0));
    n->digest = gql_arg_str(c, "input.digest");
    rc = artifact_name_check(n->type, "an artifact's type", e);
    if (rc == 0)
        rc = artifact_name_check(n->collection, "an artifact's name", e);
    if (rc == 0)
        rc = artifact_name_check(n->digest, "a digest", e);
    if (rc == 0 && gql_arg_str(c, "input.distributedID").len > 0)
        return err_set(e, ERR_INVALID, "this server has no artifacts that several runs build together");
    return rc;
}

static int create_where(struct gql_call *c, struct store_new_artifact *n, struct err *e)
{
    struct str run_name = gql_arg_str(c, "input.runName");
    struct store_project project = { 0 };
    struct store_run run = { 0 };
    int rc = find_project_args(c, "input.entityName", "input.projectName", &project, e);

    if (rc == 0 && run_name.len > 0)
        rc = store_run_by_name(store_of(c), c->a, project.id, run_name, &run, e);
    n->project_id = project.id;
    n->run_id = run.id;
    return rc;
}

int resolve_create_artifact(struct gql_call *c, const struct jval **ret, struct err *e)
{
    struct store_new_artifact n = { .client_id = gql_arg_str(c, "input.clientID"),
                                    .description = gql_arg_str(c, "input.description"),
                                    .ttl_s = gql_arg_int(c, "input.ttlDurationSeconds", -1),
                                    .history_step = gql_arg_int(c, "input.historyStep", 0),
                                    .has_history_step = gql_arg_given(c, "input.historyStep"),
                                    .dedup = gql_arg_bool(c, "input.enableDigestDeduplication", false),
                                    .user_id = caller_of(c)->user.id,
                                    .now_unix_ms = now_of(c) };
    struct store_artifact made = { 0 };
    struct jval *o = jval_new_object(c->a), *artifact;
    struct str latest = { 0 };
    int rc = create_names(c, &n, e);

    if (rc == 0)
        rc = create_where(c, &n, e);
    if (rc == 0)
        rc = aliases_arg(c, &n.aliases, e);
    if (rc == 0)
        rc = tags_arg(c, &n.tags, e);
    if (rc == 0)
        rc = artifact_metadata_arg(c, &n.metadata, e);
    if (rc == 0)
        rc = store_artifact_create(store_of(c), c->a, &n, &made, &latest, e);
    if (rc < 0)
        return rc;
    artifact = artifact_object(c->a, &made);
    set_text(c->a, artifact, "$latest", latest);
    jval_set(c->a, o, "artifact", artifact);
    set_text(c->a, o, "clientMutationId", gql_arg_str(c, "input.clientMutationId"));
    *ret = o;
    return 0;
}

/* --- files and manifest --- */

/* Base64 of an MD5, as clients say it, in hex. */
static int md5_hex(struct arena *a, struct str base64, struct str *ret, struct err *e)
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
    set_text(c->a, o, "storagePath", str_of(arena_printf(c->a, "artifact-files/%lld", (long long)f->id)));
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
    int rc = digest.len > 0 ? md5_hex(c->a, digest, &file.md5, e) : 0;

    if (rc == 0)
        rc = store_artifact_declare(store_of(c), c->a, &d, &made, e);
    if (rc == 0)
        *ret = manifest_object(c, &made[0], name);
    return rc;
}

int resolve_create_manifest(struct gql_call *c, const struct jval **ret, struct err *e)
{
    struct str name = gql_arg_str(c, "input.name"), type = gql_arg_str(c, "input.type");
    struct store_artifact artifact = { 0 };
    int rc;

    if (type.ptr && !str_is(type, "FULL"))
        return err_set(e, ERR_INVALID, "this server takes whole manifests only, and this one is %.*s",
                       STR_ARG(type));
    rc = artifact_name_check(name, "a manifest's name", e);
    if (rc == 0)
        rc = find_artifact(c, gql_arg_str(c, "input.artifactID"), &artifact, e);
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
        rc = md5_hex(c->a, jval_str(jval_get(spec, "md5")), &files[i].md5, e);
    }
    return rc;
}

static struct jval *uploads_object(struct gql_call *c, const struct store_artifact *artifact,
                                   const struct store_new_file *files, const struct store_artifact_file *made,
                                   size_t len)
{
    struct connection list = connection_begin(c->a);
    struct jval *o = jval_new_object(c->a), *owner = artifact_object(c->a, artifact), *edges;

    for (size_t i = 0; i < len; i++) {
        struct jval *file = upload_object(c, &made[i], files[i].name);

        jval_set(c->a, file, "artifact", owner);
        connection_add(&list, file, made[i].id);
    }
    edges = connection_end(&list, false);
    jval_set_int(c->a, edges, "totalCount", (int64_t)len);
    jval_set(c->a, o, "files", edges);
    set_text(c->a, o, "clientMutationId", gql_arg_str(c, "input.clientMutationId"));
    return o;
}

int resolve_create_artifact_files(struct gql_call *c, const struct jval **ret, struct err *e)
{
    const struct jval *specs = gql_arg(c, "input.artifactFiles");
    struct store_declare d = { .len = jval_len(specs), .now_unix_ms = now_of(c) };
    struct store_new_file *files = arena_array(c->a, d.len + 1, sizeof(*files));
    struct store_artifact artifact = { 0 };
    struct store_artifact_file *made = NULL;
    int rc;

    if (d.len == 0 || d.len > FILES_MAX)
        return err_set(e, ERR_LIMIT, "1 to %d files at once", FILES_MAX);
    rc = file_specs(c, specs, files, e);
    if (rc == 0)
        rc = find_artifact(c, jval_str(jval_get(jval_at(specs, 0), "artifactID")), &artifact, e);
    d.artifact_id = artifact.id;
    d.files = files;
    if (rc == 0)
        rc = store_artifact_declare(store_of(c), c->a, &d, &made, e);
    if (rc == 0)
        *ret = uploads_object(c, &artifact, files, made, d.len);
    return rc;
}

/* --- commit --- */

struct reading {
    struct arena *a;
    struct str text;
    struct manifest manifest;
    char digest[MANIFEST_DIGEST_SIZE];
    int rc;
    struct err e;
};

static void read_manifest(void *arg)
{
    struct reading *r = arg;

    r->rc = manifest_parse(r->a, r->text, &r->manifest, &r->e);
    if (r->rc == 0)
        manifest_digest(&r->manifest, r->digest);
}

static int manifest_of(struct gql_call *c, const struct store_artifact *t, struct manifest *ret,
                       struct err *e)
{
    struct reading r = { .a = c->a };
    int rc;

    if (!t->manifest_sha256.ptr)
        return err_set(e, ERR_CONFLICT, "the artifact's manifest has not been uploaded");
    rc = blob_read(caller_of(c)->server, c->a, t->manifest_sha256, &r.text, e);
    if (rc == 0)
        rc = io_work(caller_of(c)->server->io, read_manifest, &r, e);
    if (rc < 0)
        return rc;
    if (r.rc < 0)
        return err_set(e, r.e.code, "%s", r.e.msg);
    if (!str_is(t->digest, r.digest))
        return err_set(e, ERR_INVALID, "the digest of the uploaded manifest is %s, but %.*s was promised",
                       r.digest, STR_ARG(t->digest));
    *ret = r.manifest;
    return 0;
}

/* The artifact that an entry's bytes were uploaded for; the last one asked for is kept. */
static int birth_of(struct gql_call *c, struct str uid, struct store_artifact *last, struct err *e)
{
    if (uid.len == 0 || str_eq(uid, last->uid))
        return 0;
    return find_artifact_to(c, "read", uid, last, e);
}

static int entry_resolve(struct gql_call *c, const struct manifest_entry *m, struct store_artifact *birth,
                         struct store_entry *ret, struct err *e)
{
    struct store_entry t = { .path = m->path,
                             .digest = m->digest,
                             .size_bytes = m->size_bytes < 0 ? 0 : m->size_bytes };
    struct store_blob blob = { 0 };
    struct str md5 = { 0 };
    int rc = 0;

    if (!m->ref.ptr) {
        rc = md5_hex(c->a, m->digest, &md5, e);
        if (rc == 0)
            rc = birth_of(c, m->birth_uid, birth, e);
        if (rc == 0)
            rc = store_artifact_blob(store_of(c), c->a, birth->id, md5, &blob, e);
        if (rc == -ERR_NOT_FOUND)
            return err_set(e, ERR_CONFLICT, "file '%.*s' of the manifest has not been uploaded",
                           STR_ARG(str_sub(m->path, 0, 200)));
        if (rc == 0 && m->size_bytes >= 0 && m->size_bytes != blob.size_bytes)
            return err_set(e, ERR_INVALID, "file '%.*s' has %lld bytes, and the manifest says %lld",
                           STR_ARG(str_sub(m->path, 0, 200)), (long long)blob.size_bytes,
                           (long long)m->size_bytes);
        t.size_bytes = blob.size_bytes;
        t.sha256 = blob.sha256;
        t.birth_uid = birth->uid;
    }
    *ret = t;
    return rc;
}

static int entries_of(struct gql_call *c, const struct store_artifact *t, const struct manifest *m,
                      struct store_entry **ret, struct err *e)
{
    struct store_entry *entries = arena_array(c->a, m->len + 1, sizeof(*entries));
    struct store_artifact birth = *t;
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < m->len; i++) {
        if (m->entries[i].birth_uid.len == 0)
            birth = *t;
        rc = entry_resolve(c, &m->entries[i], &birth, &entries[i], e);
        if (rc == 0 && i % YIELD_EVERY == YIELD_EVERY - 1)
            rc = io_sleep(caller_of(c)->server->io, 0, e);
    }
    *ret = entries;
    return rc;
}

int resolve_commit_artifact(struct gql_call *c, const struct jval **ret, struct err *e)
{
    struct store_artifact artifact = { 0 };
    struct manifest manifest = { 0 };
    struct store_entry *entries = NULL;
    struct store_commit m = { .now_unix_ms = now_of(c) };
    struct jval *o = jval_new_object(c->a);
    int rc = find_artifact(c, gql_arg_str(c, "input.artifactID"), &artifact, e);

    if (rc == 0 && artifact.state == ARTIFACT_PENDING)
        rc = manifest_of(c, &artifact, &manifest, e);
    if (rc == 0)
        rc = entries_of(c, &artifact, &manifest, &entries, e);
    m = (struct store_commit){
        .artifact_id = artifact.id, .entries = entries, .len = manifest.len, .now_unix_ms = m.now_unix_ms
    };
    if (rc == 0)
        rc = store_artifact_commit(store_of(c), &m, e);
    if (rc == 0)
        rc = find_artifact(c, artifact.uid, &artifact, e);
    if (rc < 0)
        return rc;
    LOG_INFO("artifact.committed", "artifact=%.*s:v%lld project=%.*s entity=%.*s files=%lld bytes=%lld",
             STR_ARG(artifact.collection), (long long)artifact.version, STR_ARG(artifact.project_name),
             STR_ARG(artifact.entity_name), (long long)artifact.file_count, (long long)artifact.size_bytes);
    jval_set(c->a, o, "artifact", artifact_object(c->a, &artifact));
    set_text(c->a, o, "clientMutationId", gql_arg_str(c, "input.clientMutationId"));
    *ret = o;
    return 0;
}
