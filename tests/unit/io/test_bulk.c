/* io/bulk: large files on worker threads. */
#include "io/bulk.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "../test.h"
#include "base/crypto.h"
#include "io/file.h"
#include "io/real.h"

static char dir[FOLDER_SIZE];

static const char *at(struct arena *a, const char *name)
{
    return arena_printf(a, "%s/%s", dir, name);
}

static void is_sum_of(const struct bulk_sums *s, struct str data)
{
    uint8_t sum[32];

    md5(data, sum);
    assert_memory_equal(s->md5, sum, 16);
    sha256(data, sum);
    assert_memory_equal(s->sha256, sum, 32);
    assert_int_equal(s->bytes, data.len);
}

static void must_be(struct io *io, struct arena *a, const char *name, struct str wanted)
{
    struct str got = { 0 };
    struct err e = { 0 };

    must(file_read(io, a, at(a, name), 8 << 20, &got, &e), &e);
    assert_true(str_eq(got, wanted));
}

static int files(struct io *io, void *arg, struct err *e)
{
    AUTO_PTR(arena) a = arena_new();
    AUTO_STRBUF struct strbuf large = STRBUF(8 << 20);
    const char *parts[] = { at(a, "one"), at(a, "two"), NULL };
    const char *missing[] = { at(a, "one"), at(a, "none"), NULL };
    struct bulk_sums sums = { 0 };
    struct stat st = { 0 };

    while (large.len < 3 << 20)
        strbuf_addf(&large, "%zu,", large.len);
    must(bulk_write(io, at(a, "one"), strbuf_str(&large), &sums, e), e);
    is_sum_of(&sums, strbuf_str(&large));
    must(bulk_sum(io, at(a, "one"), &sums, e), e);
    is_sum_of(&sums, strbuf_str(&large));
    assert_int_equal(stat(at(a, "one"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    must(bulk_write(io, at(a, "two"), STR("the end"), &sums, e), e);
    must(bulk_join(io, parts, at(a, "whole"), &sums, e), e);
    strbuf_addz(&large, "the end");
    is_sum_of(&sums, strbuf_str(&large));
    must_be(io, a, "whole", strbuf_str(&large));
    assert_int_equal(bulk_join(io, missing, at(a, "half"), &sums, e), -ERR_NOT_FOUND);
    assert_false(file_exists(io, at(a, "half")));
    must(bulk_keep(io, at(a, "two"), at(a, "whole"), e), e); /* in its place */
    must_be(io, a, "whole", STR("the end"));
    assert_false(file_exists(io, at(a, "two")));
    assert_int_equal(bulk_keep(io, at(a, "two"), at(a, "whole"), e), -ERR_NOT_FOUND);
    assert_int_equal(bulk_sum(io, at(a, "two"), &sums, e), -ERR_NOT_FOUND);
    return 0;
}

static int old_files(struct io *io, void *arg, struct err *e)
{
    const struct timespec long_ago[2] = { { .tv_sec = 1000 }, { .tv_sec = 1000 } };
    AUTO_PTR(arena) a = arena_new();

    must(file_write(io, at(a, "old"), STR("x"), 0600, e), e);
    must(file_write(io, at(a, "young"), STR("x"), 0600, e), e);
    must(file_mkdirs(io, at(a, "folder"), e), e);
    assert_int_equal(utimensat(AT_FDCWD, at(a, "old"), long_ago, 0), 0);
    assert_int_equal(utimensat(AT_FDCWD, at(a, "folder"), long_ago, 0), 0);
    must(bulk_clear(io, dir, 3600, e), e);
    assert_false(file_exists(io, at(a, "old")));
    assert_true(file_exists(io, at(a, "young")) && file_exists(io, at(a, "folder")));
    must(bulk_clear(io, at(a, "nowhere"), 3600, e), e);
    return 0;
}

static void with_folder(int (*fn)(struct io *io, void *arg, struct err *e))
{
    struct err e = { 0 };

    folder_make(dir);
    must(io_real_run(fn, NULL, &e), &e);
    folder_remove(dir);
}

static void files_are_written_summed_joined_and_moved(void **state)
{
    with_folder(files);
}

static void only_old_files_are_cleared(void **state)
{
    with_folder(old_files);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_are_written_summed_joined_and_moved),
        cmocka_unit_test(only_old_files_are_cleared),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
