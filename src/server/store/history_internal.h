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
