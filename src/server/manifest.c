/* server/manifest.c: reading a manifest. What it says about this server's bytes is checked by its caller. */
#include "server/manifest.h"

#include <stdlib.h>

#include "base/crypto.h"
#include "base/jval.h"
#include "base/map.h"

bool manifest_path_is_plain(struct str path, size_t max)
{
    struct str rest = path, part = { 0 };
    bool fits = path.len > 0 && path.len <= max && str_is_utf8(path) && path.ptr[0] != '/' &&
                path.ptr[path.len - 1] != '/';

    for (size_t i = 0; fits && i < path.len; i++)
        fits = (unsigned char)path.ptr[i] >= ' ' && path.ptr[i] != '\\' && path.ptr[i] != 0x7f;
    while (fits && str_cut(&rest, '/', &part))
        fits = part.len > 0 && !str_is(part, "..") && !str_is(part, ".");
    return fits;
}

static int entry_parse(struct str path, const struct jval *v, struct manifest_entry *ret, struct err *e)
{
    const struct jval *size = jval_get(v, "size");
    struct manifest_entry t = { .path = path,
                                .digest = jval_str(jval_get(v, "digest")),
                                .ref = jval_str(jval_get(v, "ref")),
                                .birth_uid = jval_str(jval_get(v, "birthArtifactID")),
                                .size_bytes = jval_is(size, JVAL_INT) ? jval_int(size) : -1 };

    if (!manifest_path_is_plain(path, MANIFEST_PATH_MAX_BYTES))
        return err_set(e, ERR_INVALID, "the manifest's path '%.*s' is not a plain relative one",
                       STR_ARG(str_sub(path, 0, 200)));
    if (!jval_is(v, JVAL_OBJECT) || t.digest.len == 0 || (jval_is(size, JVAL_INT) && t.size_bytes < 0))
        return err_set(e, ERR_INVALID, "the manifest's entry '%.*s' has no digest, or a size below 0",
                       STR_ARG(str_sub(path, 0, 200)));
    *ret = t;
    return 0;
}

static int by_path(const void *a, const void *b)
{
    return str_cmp(((const struct manifest_entry *)a)->path, ((const struct manifest_entry *)b)->path);
}

static int document_read(struct arena *a, struct str text, struct jval **ret, struct err *e)
{
    const struct jval_limits limits = { .max_bytes = MANIFEST_MAX_BYTES };
    int rc = jval_from_json(a, text, "the manifest", &limits, ret, e);

    if (rc == 0 &&
        (jval_int(jval_get(*ret, "version")) != 1 || !jval_is(jval_get(*ret, "contents"), JVAL_OBJECT)))
        return err_set(e, ERR_INVALID, "the manifest is not one of version 1 with contents");
    return rc;
}

int manifest_parse(struct arena *a, struct str text, struct manifest *ret, struct err *e)
{
    const struct jval *contents;
    struct jval *v = NULL;
    struct manifest m = { 0 };
    int rc = document_read(a, text, &v, e);

    if (rc < 0)
        return rc;
    contents = jval_get(v, "contents");
    if (jval_len(contents) > MANIFEST_MAX_ENTRIES)
        return err_set(e, ERR_LIMIT, "the manifest names %zu files, more than %d", jval_len(contents),
                       MANIFEST_MAX_ENTRIES);
    m.entries = arena_array(a, jval_len(contents), sizeof(*m.entries));
    for (; rc == 0 && m.len < jval_len(contents); m.len++)
        rc = entry_parse(jval_key_at(contents, m.len), jval_at(contents, m.len), &m.entries[m.len], e);
    if (rc < 0)
        return rc;
    if (m.len > 0)
        qsort(m.entries, m.len, sizeof(*m.entries), by_path);
    *ret = m;
    return 0;
}

void manifest_digest(const struct manifest *m, char ret[MANIFEST_DIGEST_SIZE])
{
    AUTO_STRBUF struct strbuf b = STRBUF(2 * (size_t)MANIFEST_MAX_BYTES);
    uint8_t digest[16];

    strbuf_addz(&b, "wandb-artifact-manifest-v1\n");
    for (size_t i = 0; i < m->len; i++) {
        strbuf_add(&b, m->entries[i].path);
        strbuf_addc(&b, ':');
        strbuf_add(&b, m->entries[i].digest);
        strbuf_addc(&b, '\n');
    }
    md5(strbuf_str(&b), digest);
    hex_encode(digest, sizeof(digest), ret);
}

/* --- one over another --- */

static const struct jval *entry_of_base(struct arena *a, const struct jval *entry, struct str uid)
{
    struct jval *copy;

    if (jval_get(entry, "ref") || jval_get(entry, "birthArtifactID"))
        return entry;
    copy = jval_copy(a, entry);
    jval_set(a, copy, "birthArtifactID", jval_new_str(a, uid));
    return copy;
}

int manifest_merge(struct arena *a, const struct manifest_base *base, struct str text, struct str *ret,
                   struct err *e)
{
    AUTO_PTR(map) paths = map_new();
    struct jval *below = NULL, *above = NULL, *all = jval_new_object(a);
    const struct jval *contents;
    int rc = document_read(a, base->text, &below, e);

    rc = rc < 0 ? rc : document_read(a, text, &above, e);
    if (rc < 0)
        return rc;
    contents = jval_get(above, "contents");
    for (size_t i = 0; i < jval_len(contents); i++) {
        (void)map_put(paths, jval_key_at(contents, i), paths);
        jval_append_member(a, all, jval_key_at(contents, i), (struct jval_pos){ 0 }, jval_at(contents, i));
    }
    contents = jval_get(below, "contents");
    for (size_t i = 0; i < jval_len(contents); i++)
        if (!map_get(paths, jval_key_at(contents, i)))
            jval_append_member(a, all, jval_key_at(contents, i), (struct jval_pos){ 0 },
                               entry_of_base(a, jval_at(contents, i), base->uid));
    jval_set(a, above, "contents", all);
    *ret = jval_text(a, above, JVAL_COMPACT);
    return 0;
}
