/* google/bucket_internal.h: between bucket.c, which moves objects, and bucket_link.c, which signs. */
#pragma once

#include "google/bucket.h"

enum { BUCKET_FOLDER_MAX = 500 };

struct bucket {
    struct io *io;
    struct google *google;
    struct arena *a; /* owns the texts */
    const char *name, *url;
    const char *folder; /* with a slash at the end, or empty */
};
