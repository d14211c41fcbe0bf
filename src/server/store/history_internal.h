/* server/store/history_internal.h: what the sources of history.h share. */
#pragma once

#include "server/store/store_internal.h"

enum { TAIL_LINES_MAX = 8 * COLUMN_ROWS }; /* more than a stretch: lines that came since packing ended */

struct history_head {
    int64_t lines, packed, rewrites;
};
NODISCARD int tx_history_head(struct db_conn *c, const struct store_history *of, struct history_head *ret,
                              struct err *e);
/** tx_key_id() - 0: the key is in no column. */
NODISCARD int tx_key_id(struct db_conn *c, const struct store_history *of, struct str name, int64_t *ret,
                        struct err *e);
struct history_line {
    int64_t line;
    struct str text;
};
int history_line_row(struct arena *a, struct db_stmt *st, void *ret, struct err *e); /* line, text */
/** tx_history_tail() - the lines that are not packed, as history_line_row() reads them. */
NODISCARD int tx_history_tail(struct db_conn *c, const struct store_history *of, const struct history_head *h,
                              struct rows *ret, struct err *e);
/** history_ready() - pack what makes reading long. Yields. */
NODISCARD int history_ready(struct store *s, const struct store_history *of, struct err *e);

/** tx_history_summary() - what the summary was before line @line: of each key the last value, as JSON text in
 * @a. Of keys past HISTORY_KEYS_MAX only what the last lines have. */
NODISCARD int tx_history_summary(struct db_conn *c, struct arena *a, const struct store_history *of,
                                 int64_t line, struct str *ret, struct err *e);
/* A step that a run has come to. */
struct history_point {
    struct store_history of;
    double step;
    double reached; /* it has come that far, whatever its lines say; negative: nothing is known */
};
/** tx_history_at() - the first line with a greater step than @p's; without one, the number of lines. What is
 * behind the first greater step counts as behind it, also where a resumed run began again at an earlier one.
 * After history_ready(), so that little has to be read; what it reads is in @a. -ERR_INVALID: the steps are
 * not known, or the run has not come to this one; -ERR_CONFLICT: too many lines are not packed. */
NODISCARD int tx_history_at(struct db_conn *c, struct arena *a, const struct history_point *p, int64_t *ret,
                            struct err *e);
