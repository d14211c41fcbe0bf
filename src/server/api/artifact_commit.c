/* server/api/artifact_commit.c: the end of an upload: the manifest is read, and what it names must be here.
 */
#include <string.h>

#include "base/log.h"
#include "server/api/artifacts.h"
#include "server/manifest.h"

enum { YIELD_EVERY = 1000 };

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
    rc = blob_read_manifest(caller_of(c)->server, c->a, t->manifest_sha256, &r.text, e);
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

/* --- incremental --- */

struct merging {
    struct arena *a;
    struct manifest_base base;
    struct str text;
    char digest[MANIFEST_DIGEST_SIZE];
    int rc;
    struct err e;
};

/* *text becomes the whole one. */
static void merge_manifests(void *arg)
{
    struct merging *m = arg;
    struct manifest whole = { 0 };

    m->rc = manifest_merge(m->a, &m->base, m->text, &m->text, &m->e);
    if (m->rc == 0)
        m->rc = manifest_parse(m->a, m->text, &whole, &m->e);
    if (m->rc == 0)
        manifest_digest(&whole, m->digest);
}

static int texts_of(struct gql_call *c, const struct store_artifact *t, struct merging *ret, struct err *e)
{
    struct server *s = caller_of(c)->server;
    struct str uid = str_sub(t->manifest_name, strlen(ARTIFACT_INCREMENTAL), t->manifest_name.len);
    struct store_artifact base = { 0 };
    int rc = find_artifact_to(c, "read", uid, &base, e);

    if (rc == 0 && base.state != ARTIFACT_COMMITTED)
        return err_set(e, ERR_CONFLICT, "the version that this one is an increment of is deleted");
    rc = rc < 0 ? rc : blob_read_manifest(s, c->a, base.manifest_sha256, &ret->base.text, e);
    ret->base.uid = base.uid;
    return rc < 0 ? rc : blob_read_manifest(s, c->a, t->manifest_sha256, &ret->text, e);
}

/* The manifest, which is checked, says what is new over another version: the whole one takes its place, so
 * that it is as any other. */
static int manifest_complete(struct gql_call *c, struct store_artifact *t, struct manifest *ret,
                             struct err *e)
{
    struct server *s = caller_of(c)->server;
    struct merging m = { .a = c->a };
    struct store_manifest put = { .artifact_id = t->id,
                                  .name = STR("wandb_manifest.json"),
                                  .now_unix_ms = now_of(c) };
    int rc;

    if (!str_has_prefix(t->manifest_name, STR(ARTIFACT_INCREMENTAL)))
        return 0;
    rc = texts_of(c, t, &m, e);
    rc = rc < 0 ? rc : io_work(s->io, merge_manifests, &m, e);
    if (rc < 0)
        return rc;
    if (m.rc < 0)
        return err_set(e, m.e.code, "%s", m.e.msg);
    put.digest = str_of(m.digest);
    rc = blob_manifest_put(s, m.text, &put, e);
    rc = rc < 0 ? rc : find_artifact(c, t->uid, t, e);
    return rc < 0 ? rc : manifest_of(c, t, ret, e);
}

/* --- entries --- */

/* The artifact that an entry's bytes were uploaded for; the last one asked for is kept. */
static int birth_of(struct gql_call *c, struct str uid, struct store_artifact *last, struct err *e)
{
    if (uid.len == 0 || str_eq(uid, last->uid))
        return 0;
    return find_artifact_to(c, "read", uid, last, e);
}

/* Uploaded to us, or past us. */
static int bytes_of(struct gql_call *c, const struct store_artifact *birth, struct str md5,
                    struct store_blob *ret, struct err *e)
{
    int rc = store_artifact_blob(store_of(c), c->a, birth->id, md5, ret, e);

    return rc == -ERR_NOT_FOUND ? blob_direct_arrived(caller_of(c)->server, c->a, birth, md5, ret, e) : rc;
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
        rc = artifact_md5_hex(c->a, m->digest, &md5, e);
        if (rc == 0)
            rc = birth_of(c, m->birth_uid, birth, e);
        if (rc == 0)
            rc = bytes_of(c, birth, md5, &blob, e);
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
    if (rc == 0 && artifact.state == ARTIFACT_PENDING)
        rc = manifest_complete(c, &artifact, &manifest, e);
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
