/* emulator/names.c: numbers and ids of resources. */
#include "base/crypto.h"
#include "emulator/emulator_internal.h"

#include <string.h>

int64_t gcp_number_of(struct str gcp_project)
{
    uint8_t digest[32];
    uint64_t n = 0;
    int64_t given;

    if (str_to_i64(gcp_project, &given) && given > 0)
        return given;
    sha256(gcp_project, digest);
    memcpy(&n, digest, sizeof(n));
    return (int64_t)(100000000000ULL + n % 900000000000ULL);
}

int64_t new_resource_id(struct io *io)
{
    uint64_t n = 0;

    io_random(io, &n, sizeof(n));
    return (int64_t)(1000000000000000000ULL + n % 8000000000000000000ULL);
}
