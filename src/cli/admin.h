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
/** admin_operator() - who works on a data folder without a key, for the log of changes: by number, as names
 * need what a static program has not. */
const char *admin_operator(struct arena *a);
/** admin_lasts() - --expires: how long from now a key lasts, in ms; 0 when it is not given. -ERR_USAGE. */
NODISCARD int admin_lasts(const struct args *a, int64_t *ret_ms, struct err *e);
/** admin_time() - an option of that form: 90d, 12h, 30m; 0 when it is not given. -ERR_USAGE. */
NODISCARD int admin_time(const struct args *a, const char *option, int64_t *ret_ms, struct err *e);
/** admin_keep() - --keep-history and its like, over what @io has; "forever" is KEEP_FOR_EVER, and where
 * @in_policy "default" KEEP_UNSAID. -ERR_USAGE. */
NODISCARD int admin_keep(const struct args *a, bool in_policy, struct keep *io, struct err *e);
/** admin_show_key() - a key that was made, as -o asks; -o json gives {@name_key: name, "api_key"}. */
void admin_show_key(const struct args *a, const char *name_key, const char *name, const struct secret *key);
/** admin_text() - a text member for a column: "-" when there is none. Borrowed from @o. */
struct str admin_text(const struct jval *o, const char *name);
/** admin_show() - what was found, as -o asks: as @print writes it, or as JSON. */
void admin_show(const struct args *a, struct arena *arena, const struct jval *found,
                void (*print)(const struct jval *found));
/** admin_number() - the first operand, the number of a @what ("key"). -ERR_USAGE: it is none. */
NODISCARD int admin_number(const struct args *a, const char *what, int64_t *ret, struct err *e);
/** admin_print_json() - an object or list as one line on standard output. */
void admin_print_json(struct arena *a, const struct jval *v);

/* Rows that the verbs share. */
#define OPTION_EXPIRES                                                                                       \
    {                                                                                                        \
        "expires", 0, OPTION_TEXT, "TIME",                                                                   \
            "how long the key opens anything: 90d, 12h, 30m (default: for ever)", 0, 0                       \
    }
#define OPTION_KEEP                                                                                          \
    { "keep-history",                                                                                        \
      0,                                                                                                     \
      OPTION_TEXT,                                                                                           \
      "TIME",                                                                                                \
      "remove logged lines of runs that ended so long ago: 180d, 12h (default: keep)",                       \
      0,                                                                                                     \
      0 },                                                                                                   \
        { "keep-files",                                                                                      \
          0,                                                                                                 \
          OPTION_TEXT,                                                                                       \
          "TIME",                                                                                            \
          "remove files of runs that ended so long ago (default: keep)",                                     \
          0,                                                                                                 \
          0 },                                                                                               \
    {                                                                                                        \
        "keep-artifacts", 0, OPTION_TEXT, "TIME",                                                            \
            "remove versions of artifacts so old that nothing holds (default: keep)", 0, 0                   \
    }
#define OPTION_DATA                                                                                          \
    { "data", 'd', OPTION_TEXT, "DIR", "the server's data folder", 0, 0 },                                   \
    {                                                                                                        \
        "db", 0, OPTION_TEXT, "URL", "the server's PostgreSQL database, in place of the one in the folder",  \
            0, 0                                                                                             \
    }
