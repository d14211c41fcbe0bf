/* tests/fuzz/fuzz_secret.c: any bytes as Secret Manager's answer: what is taken as a value has its checksum.
 */
#include <assert.h>

#include "base/crypto.h"
#include "google/secret_manager.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO_PTR(arena) a = arena_new_wiped();
    struct jval *reply = NULL;
    struct secret_answer answer = { 0 };
    struct err e = { 0 };
    int64_t sum = -1;

    if (jval_from_json(a, (struct str){ (const char *)data, size }, "answer", NULL, &reply, NULL))
        return 0;
    if (secret_answer_read(a, reply, &answer, &e)) {
        assert(e.code == ERR_PROTO && e.msg[0]);
        return 0;
    }
    assert(answer.payload.len <= SECRET_MAX_BYTES);
    assert(str_to_i64(jval_str(jval_path(reply, "payload.dataCrc32c")), &sum));
    assert(sum == (int64_t)crc32c(answer.payload));
    return 0;
}
