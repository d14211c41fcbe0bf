/* Parts of a file as a client lists them, and the address of one, from arbitrary bytes. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "server/upload_parts.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_subject(struct arena *a, struct str text)
{
    struct upload_part part = { 0 }, again = { 0 };
    int64_t file_id = 0, file_again = 0;

    if (upload_part_subject_read(text, &file_id, &part, NULL) < 0)
        return;
    assert(upload_part_subject_read(upload_part_subject(a, file_id, &part), &file_again, &again, NULL) == 0);
    assert(file_again == file_id && again.number == part.number && str_eq(again.md5, part.md5));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO_PTR(arena) a = arena_new();
    struct str text = { (const char *)data, size };
    struct upload_parts parts = { 0 };
    struct jval *list = NULL;
    struct err e = { 0 };

    check_subject(a, text);
    if (jval_from_json(a, text, "parts", NULL, &list, NULL) < 0)
        return 0;
    if (upload_parts_read(a, list, &parts, &e) < 0) {
        assert(e.msg[0] != '\0');
        return 0;
    }
    assert(parts.len == jval_len(list));
    for (size_t i = 0; i < parts.len; i++) {
        assert(parts.items[i].number >= 1 && parts.items[i].number <= UPLOAD_PARTS_MAX);
        assert(i == 0 || parts.items[i - 1].number < parts.items[i].number);
    }
    if (upload_parts_check(&parts, NULL) == 0)
        for (size_t i = 0; i < parts.len; i++)
            check_subject(a, upload_part_subject(a, 7, &parts.items[i]));
    return 0;
}
