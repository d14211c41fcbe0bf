/* server/places.c: paths of artifacts' bytes and of runs' files. */
#include "server/places.h"

#include "base/ascii.h"
#include "base/crypto.h"

enum { SHA_LEN = 64 };

static bool sha_is_well_formed(struct str sha256)
{
    for (size_t i = 0; i < sha256.len; i++)
        if (!ascii_is_digit(sha256.ptr[i]) && (sha256.ptr[i] < 'a' || sha256.ptr[i] > 'f'))
            return false;
    return sha256.len == SHA_LEN;
}

int place_of_blob(struct strbuf *b, const char *data_dir, struct str sha256, bool folder, struct err *e)
{
    if (!sha_is_well_formed(sha256))
        return err_set(e, ERR_INVALID, "'%.*s' is no SHA-256", STR_ARG(str_sub(sha256, 0, 80)));
    strbuf_addf(b, "%s/objects/%.2s", data_dir, sha256.ptr);
    if (!folder)
        strbuf_addf(b, "/%.*s", SHA_LEN - 2, sha256.ptr + 2);
    return strbuf_check(b, e);
}

int place_of_run_file(struct strbuf *b, const char *data_dir, int64_t run_id, struct str name, struct err *e)
{
    uint8_t digest[32];
    char hex[65];

    strbuf_addf(b, "%s/run-files/%lld", data_dir, (long long)run_id);
    if (name.ptr) {
        sha256(name, digest);
        hex_encode(digest, sizeof(digest), hex);
        strbuf_addf(b, "/%s", hex);
    }
    return strbuf_check(b, e);
}
