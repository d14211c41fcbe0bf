/* server/column.c: see column.h. The texts are base64 of little-endian bytes, which every database keeps. */
#include "server/column.h"

#include <endian.h>
#include <math.h>
#include <string.h>

#include "base/crypto.h"
#include "server/history_line.h"

enum {
    CELLS_EVERY_ROW = 1, /* no row numbers: 0, 1, 2 ... */
    CELLS_EVEN = 2,      /* first value and distance: steps */
    CELLS_HEAD = 3,      /* bytes: flags, count */
    BLOCK_BYTES = 40
};
#define OTHER_BITS 0x7ff8736c69707761u /* a NaN that no computation makes */

static double other_number(void)
{
    uint64_t bits = OTHER_BITS;
    double d;

    memcpy(&d, &bits, sizeof(d));
    return d;
}

bool number_is_other(double d)
{
    uint64_t bits;

    memcpy(&bits, &d, sizeof(bits));
    return bits == OTHER_BITS;
}

/* --- growing --- */

void columns_begin(struct columns *c, struct arena *a, size_t max)
{
    *c = (struct columns){ .a = a, .by_key = map_new(), .max = max };
}

void columns_end(struct columns *c)
{
    map_free(c->by_key);
    c->by_key = NULL;
}

void columns_begin_only(struct columns *c, struct arena *a, const struct str *keys, size_t len)
{
    *c = (struct columns){ .a = a, .items = arena_array(a, len + 1, sizeof(*c->items)), .len = len };
    for (size_t i = 0; i < len; i++) {
        c->items[i] = arena_alloc(a, sizeof(**c->items));
        c->items[i]->key = keys[i];
    }
}

static struct key_column *wanted_column(const struct columns *c, struct str key)
{
    for (size_t i = 0; i < c->len; i++)
        if (str_eq(c->items[i]->key, key))
            return c->items[i];
    return NULL;
}

static struct key_column *column_of(struct columns *c, struct str key)
{
    struct key_column *col = c->next < c->len ? c->items[c->next] : NULL;

    if (!c->by_key)
        return wanted_column(c, key);

    if (col && str_eq(col->key, key)) {
        c->next++;
        return col;
    }
    col = map_get(c->by_key, key);
    if (!col && c->len < c->max) {
        col = arena_alloc(c->a, sizeof(*col));
        col->key = arena_str(c->a, key);
        c->items = arena_grow(c->a, c->items, c->len, &c->cap, sizeof(*c->items));
        c->items[c->len++] = col;
        map_put(c->by_key, col->key, col);
        c->next = c->len;
    }
    return col;
}

static void column_grow(struct arena *a, struct key_column *col)
{
    size_t cap = col->cap ? col->cap * 2 : 16;
    uint16_t *rows = arena_array(a, cap, sizeof(*rows));
    double *values = arena_array(a, cap, sizeof(*values));

    if (col->len > 0) {
        memcpy(rows, col->rows, col->len * sizeof(*rows));
        memcpy(values, col->values, col->len * sizeof(*values));
    }
    col->rows = rows;
    col->values = values;
    col->cap = cap;
}

struct row_of {
    struct columns *c;
    uint16_t row;
};

static void value_add(void *ctx, const struct line_value *v)
{
    struct row_of *r = ctx;
    struct key_column *col = column_of(r->c, v->key);

    if (!col)
        return;
    if (col->len > 0 && col->rows[col->len - 1] == r->row)
        col->len--; /* a key that is there twice: the last one counts */
    if (col->len == col->cap)
        column_grow(r->c->a, col);
    col->rows[col->len] = r->row;
    col->values[col->len++] = v->kind == LINE_NUMBER ? line_number(v->text) : other_number();
}

void columns_add(struct columns *c, uint16_t row, struct str line)
{
    struct row_of r = { c, row };

    c->next = 0;
    (void)line_each(line, value_add, &r); /* of a broken line what stands before the break */
}

/* --- sums --- */

void column_block_add(struct column_block *b, double v)
{
    if (number_is_other(v))
        return;
    if (!isfinite(v)) {
        b->not_finite++;
        return;
    }
    b->min = b->count == 0 || v < b->min ? v : b->min;
    b->max = b->count == 0 || v > b->max ? v : b->max;
    b->sum += v;
    b->last = v;
    b->count++;
}

struct column_sums column_sums(const struct key_column *c)
{
    struct column_sums s = { .lo = COLUMN_NONE, .hi = -COLUMN_NONE };

    for (size_t i = 0; i < c->len; i++) {
        double v = c->values[i];

        if (number_is_other(v)) {
            s.others++;
            continue;
        }
        s.numbers++;
        if (!isfinite(v))
            continue;
        s.lo = v < s.lo ? v : s.lo;
        s.hi = v > s.hi ? v : s.hi;
    }
    return s;
}

/* --- writing --- */

static char *put_u16(char *p, uint16_t n)
{
    n = htole16(n);
    memcpy(p, &n, sizeof(n));
    return p + sizeof(n);
}

static char *put_u32(char *p, uint32_t n)
{
    n = htole32(n);
    memcpy(p, &n, sizeof(n));
    return p + sizeof(n);
}

static char *put_double(char *p, double d)
{
    uint64_t bits;

    memcpy(&bits, &d, sizeof(bits));
    bits = htole64(bits);
    memcpy(p, &bits, sizeof(bits));
    return p + sizeof(bits);
}

static struct str text_of(struct arena *a, const char *bytes, size_t len)
{
    AUTO_STRBUF struct strbuf b = STRBUF(len * 2 + 8);

    strbuf_add_base64(&b, (struct str){ bytes, len });
    return arena_str(a, strbuf_str(&b));
}

struct str column_blocks_text(struct arena *a, const struct key_column *c, size_t rows)
{
    struct column_block blocks[COLUMN_BLOCKS] = { 0 };
    char bytes[COLUMN_BLOCKS * BLOCK_BYTES], *p = bytes;

    for (size_t i = 0; i < c->len; i++)
        column_block_add(&blocks[c->rows[i] / COLUMN_BLOCK_ROWS], c->values[i]);
    for (size_t i = 0; i < column_block_count(rows); i++) {
        p = put_u32(put_u32(p, blocks[i].count), blocks[i].not_finite);
        p = put_double(put_double(p, blocks[i].min), blocks[i].max);
        p = put_double(put_double(p, blocks[i].sum), blocks[i].last);
    }
    return text_of(a, bytes, (size_t)(p - bytes));
}

static bool is_even(const struct key_column *c)
{
    double by = c->len > 1 ? c->values[1] - c->values[0] : 0;

    for (size_t i = 0; i < c->len; i++)
        if (!isfinite(c->values[i]) || c->values[i] != c->values[0] + (double)i * by)
            return false;
    return c->len > 1 && isfinite(by);
}

struct str column_cells_text(struct arena *a, const struct key_column *c, size_t rows)
{
    char bytes[CELLS_HEAD + COLUMN_ROWS * (sizeof(uint16_t) + sizeof(double))], *p = bytes;
    bool even = is_even(c), every = c->len == rows;

    *p++ = (char)((every ? CELLS_EVERY_ROW : 0) | (even ? CELLS_EVEN : 0));
    p = put_u16(p, (uint16_t)c->len);
    for (size_t i = 0; !every && i < c->len; i++)
        p = put_u16(p, c->rows[i]);
    for (size_t i = 0; i < (even ? 1 : c->len); i++)
        p = put_double(p, c->values[i]);
    if (even)
        p = put_double(p, c->values[1] - c->values[0]);
    return text_of(a, bytes, (size_t)(p - bytes));
}

/* --- reading --- */

static uint16_t take_u16(const char **p)
{
    uint16_t n;

    memcpy(&n, *p, sizeof(n));
    *p += sizeof(n);
    return le16toh(n);
}

static uint32_t take_u32(const char **p)
{
    uint32_t n;

    memcpy(&n, *p, sizeof(n));
    *p += sizeof(n);
    return le32toh(n);
}

static double take_double(const char **p)
{
    uint64_t bits;
    double d;

    memcpy(&bits, *p, sizeof(bits));
    bits = le64toh(bits);
    memcpy(&d, &bits, sizeof(d));
    *p += sizeof(bits);
    return d;
}

static int is_damaged(struct err *e)
{
    return err_set(e, ERR_STORE, "a stretch of the run's history is damaged");
}

int column_blocks_read(struct arena *a, struct str text, size_t rows, struct column_block *ret, struct err *e)
{
    struct str bytes = { 0 };
    const char *p;
    int rc = base64_decode(a, text, &bytes, e);

    if (rc < 0 || rows > COLUMN_ROWS || bytes.len != column_block_count(rows) * BLOCK_BYTES)
        return is_damaged(e);
    p = bytes.ptr;
    for (size_t i = 0; i < column_block_count(rows); i++) {
        ret[i].count = take_u32(&p);
        ret[i].not_finite = take_u32(&p);
        ret[i].min = take_double(&p);
        ret[i].max = take_double(&p);
        ret[i].sum = take_double(&p);
        ret[i].last = take_double(&p);
    }
    return 0;
}

static bool cells_rows(const char **p, struct key_column *c, size_t rows, bool every)
{
    for (size_t i = 0; i < c->len; i++) {
        c->rows[i] = every ? (uint16_t)i : take_u16(p);
        if (c->rows[i] >= rows || (i > 0 && c->rows[i] <= c->rows[i - 1]))
            return false;
    }
    return true;
}

static void cells_values(const char *p, struct key_column *c, bool even)
{
    if (even) {
        double first = take_double(&p), by = take_double(&p);

        for (size_t i = 0; i < c->len; i++)
            c->values[i] = first + (double)i * by;
        return;
    }
    for (size_t i = 0; i < c->len; i++)
        c->values[i] = take_double(&p);
}

static size_t cells_bytes(size_t len, bool every, bool even)
{
    return CELLS_HEAD + (every ? 0 : len * sizeof(uint16_t)) + (even ? 2 : len) * sizeof(double);
}

int column_cells_read(struct arena *a, struct str text, size_t rows, struct key_column *ret, struct err *e)
{
    struct key_column c = { 0 };
    struct str bytes = { 0 };
    const char *p;
    bool every, even;
    int rc = base64_decode(a, text, &bytes, e);

    if (rc < 0 || rows > COLUMN_ROWS || bytes.len < CELLS_HEAD)
        return is_damaged(e);
    p = bytes.ptr + 1;
    every = (bytes.ptr[0] & CELLS_EVERY_ROW) != 0;
    even = (bytes.ptr[0] & CELLS_EVEN) != 0;
    c.len = take_u16(&p);
    if (c.len > rows || (every && c.len != rows) || bytes.len != cells_bytes(c.len, every, even))
        return is_damaged(e);
    c.rows = arena_array(a, c.len + 1, sizeof(*c.rows));
    c.values = arena_array(a, c.len + 1, sizeof(*c.values));
    if (!cells_rows(&p, &c, rows, every))
        return is_damaged(e);
    cells_values(p, &c, even);
    *ret = c;
    return 0;
}
