/* cli/admin.h: what the `slipway admin` verbs share. */
#pragma once

#include "base/jval.h"
#include "cli/option.h"
#include "server/server.h"

/** admin_print_key() - a key as people are shown it, this once; only a hash is kept. */
void admin_print_key(const struct secret *key, const char *username, const char *url);
/** admin_open() - the store of the data folder that --data names. A server may be serving it. server_free()
 * it.
 */
NODISCARD int admin_open(struct io *io, const struct args *a, struct server **ret, struct err *e);
/** admin_print_json() - an object or list as one line on standard output. */
void admin_print_json(struct arena *a, const struct jval *v);

/* Rows that the verbs share. */
#define OPTION_DATA                                                                                          \
    {                                                                                                        \
        "data", 'd', OPTION_TEXT, "DIR", "the server's data folder", 0, 0                                    \
    }
