/* A logged line from arbitrary bytes: names are texts, values lie in the line, a column of it reads back as
 * it was, and a second time it adds nothing to a summary. */
#include <assert.h>
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "server/column.h"
#include "server/history_line.h"
#include "server/run_summary.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_value(void *ctx, const struct line_value *v)
{
    const struct str *line = ctx;

    assert(v->key.len <= LINE_KEY_MAX_BYTES && str_is_utf8(v->key));
    assert(v->key.len == 0 || !memchr(v->key.ptr, '\0', v->key.len));
    assert(v->text.ptr >= line->ptr && v->text.ptr + v->text.len <= line->ptr + line->len);
    if (v->kind == LINE_NUMBER)
        assert(!number_is_other(line_number(v->text)));
}

static void check_column(struct arena *a, const struct key_column *c)
{
    struct column_block blocks[COLUMN_BLOCKS];
    struct key_column again = { 0 };
    struct err e = { 0 };

    assert(column_cells_read(a, column_cells_text(a, c, 2), 2, &again, &e) == 0);
    assert(column_blocks_read(a, column_blocks_text(a, c, 2), 2, blocks, &e) == 0);
    assert(again.len == c->len && memcmp(again.rows, c->rows, c->len * sizeof(*c->rows)) == 0);
    for (size_t i = 0; i < c->len; i++)
        assert(again.values[i] == c->values[i] || (isnan(again.values[i]) && isnan(c->values[i])));
    assert(blocks[0].count + blocks[0].not_finite <= c->len);
}

static void check_summary(struct arena *a, struct str line)
{
    struct run_summary s;
    struct str once;

    run_summary_begin(&s, a);
    run_summary_add(&s, line, (struct str){ 0 });
    once = jval_text(a, s.values, JVAL_COMPACT);
    run_summary_add(&s, line, (struct str){ 0 });
    assert(str_eq(once, jval_text(a, s.values, JVAL_COMPACT)));
    assert(str_eq(once, run_summary_over(a, once, once)));
    assert(str_eq(once, run_summary_over(a, once, STR("{}"))));
    (void)run_summary_over(a, line, once);
    run_summary_end(&s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO_PTR(arena) a = arena_new();
    struct str line = { (const char *)data, size };
    struct columns columns;
    struct column_block blocks[COLUMN_BLOCKS];
    struct key_column cells = { 0 };

    (void)line_each(line, check_value, &line);
    check_summary(a, line);
    columns_begin(&columns, a, 100);
    columns_add(&columns, 0, line);
    columns_add(&columns, 1, line);
    columns_end(&columns);
    for (size_t i = 0; i < columns.len; i++)
        check_column(a, columns.items[i]);
    if (column_cells_read(a, line, COLUMN_ROWS, &cells, NULL) == 0)
        assert(cells.len <= COLUMN_ROWS);
    if (column_blocks_read(a, line, COLUMN_ROWS, blocks, NULL) == 0)
        assert(line.len > COLUMN_ROWS / COLUMN_BLOCK_ROWS);
    return 0;
}
