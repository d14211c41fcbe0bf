/*
 * server/column.h: what a stretch of a run's lines says, by key: up to COLUMN_ROWS rows, each a logged line.
 * A column is kept as two texts: its cells, exactly, and what COLUMN_BLOCK_ROWS rows at a time add up to.
 * Pure.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/map.h"
#include "base/str.h"

enum { COLUMN_ROWS = 1024, COLUMN_BLOCK_ROWS = 64, COLUMN_BLOCKS = COLUMN_ROWS / COLUMN_BLOCK_ROWS };
/** column_block_count() - blocks of a stretch of @rows rows; the last may have fewer rows. */
static inline size_t column_block_count(size_t rows)
{
    return (rows + COLUMN_BLOCK_ROWS - 1) / COLUMN_BLOCK_ROWS;
}

struct key_column {
    struct str key;
    size_t len, cap;
    uint16_t *rows; /* ascending */
    double *values; /* number_is_other(): a value that is no number */
};
bool number_is_other(double d);

/* Columns that grow line by line. */
struct columns {
    struct arena *a;
    struct map *by_key;
    struct key_column **items;
    size_t len, cap;
    size_t max;  /* further keys are passed over */
    size_t next; /* where the next key is expected: lines of a run have the same order */
};
/** columns_begin() - in @a; columns_end() lets go of what is not there. */
void columns_begin(struct columns *c, struct arena *a, size_t max);
/** columns_begin_only() - for these keys alone, a column each in their order; nothing is to be let go of. */
void columns_begin_only(struct columns *c, struct arena *a, const struct str *keys, size_t len);
/** columns_add() - the values of @line as row @row; rows come in order. A line that is no object adds what
 * was found before that place. */
void columns_add(struct columns *c, uint16_t row, struct str line);
void columns_end(struct columns *c);

struct column_block { /* of the finite numbers in it, and how many others there are */
    uint32_t count, not_finite;
    double min, max, sum, last;
};
#define COLUMN_NONE 1e308 /* a text of it in any database reads back as it was */
struct column_sums {
    int64_t numbers, others;
    double lo, hi; /* of the finite ones; COLUMN_NONE, -COLUMN_NONE when there is none */
};
struct column_sums column_sums(const struct key_column *c);
void column_block_add(struct column_block *b, double value); /* no number: not counted */
/** column_blocks_text(), column_cells_text() - in @a; @rows: how many the stretch has. */
struct str column_blocks_text(struct arena *a, const struct key_column *c, size_t rows);
struct str column_cells_text(struct arena *a, const struct key_column *c, size_t rows);
/** column_blocks_read() - of @rows rows, into @ret, which has room for COLUMN_BLOCKS. -ERR_STORE. */
NODISCARD int column_blocks_read(struct arena *a, struct str text, size_t rows, struct column_block *ret,
                                 struct err *e);
/** column_cells_read() - into @a. -ERR_STORE. */
NODISCARD int column_cells_read(struct arena *a, struct str text, size_t rows, struct key_column *ret,
                                struct err *e);
