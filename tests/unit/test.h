/* tests/unit/test.h: cmocka with what it needs before it, and what tests of all modules use. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"

/** must() - the test fails with @e's message unless @rc is 0. */
void must(int rc, const struct err *e);

enum { FOLDER_SIZE = 64 };
/** folder_make() - a folder of the test's own; @ret has FOLDER_SIZE bytes. */
void folder_make(char *ret);
void folder_remove(const char *path); /* with all that is in it */
