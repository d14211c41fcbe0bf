/* server/blobs.h: between blobs.c, which keeps the bytes, and blob_routes.c, which moves them. */
#pragma once

#include "server/server_internal.h"

/** blob_take_file() - the request's body is this file. Yields. -ERR_INVALID: it is not what was promised. */
NODISCARD int blob_take_file(struct server *s, struct http_exchange *x, const struct store_artifact_file *f,
                             struct err *e);
/** blob_take_part() - the request's body is the part that @subject names: FILE.PART.MD5. Yields. */
NODISCARD int blob_take_part(struct server *s, struct http_exchange *x, struct str subject, struct err *e);
