/* tests/unit/test.c: see test.h. */
#include "test.h"

#include <ftw.h>
#include <stdio.h>

void must(int rc, const struct err *e)
{
    if (rc)
        fail_msg("%s", e->msg);
}

void folder_make(char *ret)
{
    snprintf(ret, FOLDER_SIZE, "/tmp/slipway-test-XXXXXX");
    assert_non_null(mkdtemp(ret));
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *at)
{
    return remove(path);
}

void folder_remove(const char *path)
{
    assert_int_equal(nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS), 0);
}
