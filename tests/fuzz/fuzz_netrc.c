/* tests/fuzz/fuzz_netrc.c: any bytes as a .netrc: read, and what a save makes of them must read back. */
#include <assert.h>

#include "wandb/netrc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = { (const char *)data, size };
    struct strbuf out = STRBUF(NETRC_MAX_BYTES);
    struct secret *key = secret_new(STR("0123456789abcdef0123456789abcdef01234567"));
    struct secret *found = NULL;

    (void)!netrc_find(text, STR("h:1"), &found, NULL);
    secret_free(found);
    found = NULL;
    if (size <= NETRC_MAX_BYTES / 2 && !netrc_replace(&out, text, STR("h:1"), "user", key, NULL)) {
        assert(netrc_find(strbuf_str(&out), STR("h:1"), &found, NULL) == 0);
        assert(secret_eq(found, key));
        secret_free(found);
    }
    strbuf_wipe(&out);
    secret_free(key);
    return 0;
}
