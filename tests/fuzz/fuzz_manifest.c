/* A manifest of an artifact from arbitrary bytes: what is taken has plain paths in order, and one digest. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "server/manifest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO_PTR(arena) a = arena_new();
    struct manifest m = { 0 };
    char digest[MANIFEST_DIGEST_SIZE], again[MANIFEST_DIGEST_SIZE];
    struct err e = { 0 };

    if (manifest_parse(a, (struct str){ (const char *)data, size }, &m, &e) < 0) {
        assert(e.msg[0] != '\0');
        return 0;
    }
    for (size_t i = 0; i < m.len; i++) {
        assert(manifest_path_is_plain(m.entries[i].path, MANIFEST_PATH_MAX_BYTES));
        assert(m.entries[i].digest.len > 0);
        assert(i == 0 || str_cmp(m.entries[i - 1].path, m.entries[i].path) < 0);
    }
    manifest_digest(&m, digest);
    manifest_digest(&m, again);
    assert(strlen(digest) == MANIFEST_DIGEST_SIZE - 1 && strcmp(digest, again) == 0);
    return 0;
}
