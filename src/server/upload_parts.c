/* server/upload_parts.c: files that come in parts: what clients say of the parts. */
#include "server/upload_parts.h"

#include <stdlib.h>

#include "base/ascii.h"

enum { MD5_HEX_LEN = 32 };

static bool is_hex_md5(struct str s)
{
    for (size_t i = 0; i < s.len; i++)
        if (!ascii_is_digit(s.ptr[i]) && (s.ptr[i] < 'a' || s.ptr[i] > 'f'))
            return false;
    return s.len == MD5_HEX_LEN;
}

static int by_number(const void *a, const void *b)
{
    int64_t x = ((const struct upload_part *)a)->number, y = ((const struct upload_part *)b)->number;

    return x < y ? -1 : x > y;
}

int upload_parts_read(struct arena *a, const struct jval *list, struct upload_parts *ret, struct err *e)
{
    struct upload_part *parts = arena_array(a, jval_len(list) + 1, sizeof(*parts));

    if (jval_len(list) > UPLOAD_PARTS_MAX)
        return err_set(e, ERR_LIMIT, "more than %d parts", UPLOAD_PARTS_MAX);
    for (size_t i = 0; i < jval_len(list); i++) {
        parts[i].number = jval_int(jval_get(jval_at(list, i), "partNumber"));
        parts[i].md5 = jval_str(jval_get(jval_at(list, i), "hexMD5"));
    }
    if (jval_len(list) > 0)
        qsort(parts, jval_len(list), sizeof(*parts), by_number);
    for (size_t i = 0; i < jval_len(list); i++)
        if (parts[i].number < 1 || parts[i].number > UPLOAD_PARTS_MAX ||
            (i > 0 && parts[i].number == parts[i - 1].number))
            return err_set(e, ERR_INVALID, "parts have numbers of their own, from 1 to %d", UPLOAD_PARTS_MAX);
    *ret = (struct upload_parts){ parts, jval_len(list) };
    return 0;
}

int upload_parts_check(const struct upload_parts *parts, struct err *e)
{
    for (size_t i = 0; i < parts->len; i++)
        if (!is_hex_md5(parts->items[i].md5))
            return err_set(e, ERR_INVALID, "hexMD5 of part %lld is not an MD5",
                           (long long)parts->items[i].number);
    return 0;
}

int upload_part_subject_read(struct str subject, int64_t *ret_file_id, struct upload_part *ret, struct err *e)
{
    struct str md5 = subject, file = { 0 }, number = { 0 };
    int64_t file_id = 0, part = 0;

    if (!str_cut(&md5, '.', &file) || !str_cut(&md5, '.', &number) || !str_to_i64(file, &file_id) ||
        !str_to_i64(number, &part) || part < 1 || part > UPLOAD_PARTS_MAX || !is_hex_md5(md5))
        return err_set(e, ERR_NOT_FOUND, "there is no such part");
    *ret_file_id = file_id;
    *ret = (struct upload_part){ .number = part, .md5 = md5 };
    return 0;
}

struct str upload_part_subject(struct arena *a, int64_t file_id, const struct upload_part *part)
{
    return str_of(
        arena_printf(a, "%lld.%lld.%.*s", (long long)file_id, (long long)part->number, STR_ARG(part->md5)));
}
