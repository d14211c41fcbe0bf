/* server/upload_parts.h: files that come in parts: what clients say of the parts. Nothing here yields. */
#pragma once

#include <stdint.h>

#include "base/jval.h"

enum { UPLOAD_PARTS_MAX = 10000 };

struct upload_part {
    int64_t number; /* 1 to UPLOAD_PARTS_MAX */
    struct str md5; /* hex */
};
struct upload_parts {
    const struct upload_part *items; /* in the order of their numbers, which differ */
    size_t len;
};

/**
 * upload_parts_read() - a list of {partNumber, hexMD5}, in any order: a client names them as it finished
 * them. The list is of the arena, its texts are those of @list. -ERR_LIMIT, -ERR_INVALID: numbers out of
 * range or twice.
 */
NODISCARD int upload_parts_read(struct arena *a, const struct jval *list, struct upload_parts *ret,
                                struct err *e);
/**
 * upload_parts_check() - -ERR_INVALID when what a part is to be is no MD5. What it was is the ETag in some
 * clients' words, and the whole is checked anyway.
 */
NODISCARD int upload_parts_check(const struct upload_parts *parts, struct err *e);

/** upload_part_subject() - FILE.NUMBER.MD5: what the address of a part is for. In the arena. */
struct str upload_part_subject(struct arena *a, int64_t file_id, const struct upload_part *part);
/** upload_part_subject_read() - the same, back; the MD5 lies in @subject. -ERR_NOT_FOUND: it is none. */
NODISCARD int upload_part_subject_read(struct str subject, int64_t *ret_file_id, struct upload_part *ret,
                                       struct err *e);
