/* server/store/export.c: a store as JSON lines, with what opens something left out. */
#include "base/timefmt.h"
#include "io/db_pair.h"
#include "server/store/tables.h"
#include "server/store/transfer.h"

enum { EXPORT_SHAPE = 1, LINE_MAX_BYTES = 512 << 20 };

struct exporting {
    struct store_export *o;
    struct arena *a;
    bool begun; /* what was said cannot be taken back */
};

static int say(struct exporting *x, const struct strbuf *b, struct err *e)
{
    int rc = strbuf_check(b, e);

    return rc < 0 ? rc : x->o->line(x->o->ctx, strbuf_str(b), e);
}

static void add_withheld(struct strbuf *b, const struct tables *all)
{
    const char *separator = "";

    for (size_t i = 0; i < all->len; i++)
        for (size_t k = 0; k < all->items[i].column_count; k++) {
            if (!table_secret(&all->items[i], all->items[i].columns[k]))
                continue;
            strbuf_addf(b, "%s\"%.*s.%.*s\"", separator, STR_ARG(all->items[i].name),
                        STR_ARG(all->items[i].columns[k]));
            separator = ",";
        }
}

static int say_head(struct exporting *x, struct db_conn *c, const struct tables *all, struct err *e)
{
    AUTO_STRBUF struct strbuf b = STRBUF(64 * 1024);
    char at[RFC3339_SIZE];
    int64_t version = 0;
    int rc = db_version(c, &version, e);

    if (rc < 0)
        return rc;
    strbuf_addf(&b, "{\"slipway_export\":%d,\"format\":%lld,\"at\":\"%s\",\"withheld\":[", EXPORT_SHAPE,
                (long long)version, rfc3339_format(x->o->now_unix_ms, at));
    add_withheld(&b, all);
    strbuf_addz(&b, "]}");
    return say(x, &b, e);
}

static int say_table(struct exporting *x, struct db_conn *c, const struct table *t, int64_t *ret_rows,
                     struct err *e)
{
    AUTO_STRBUF struct strbuf b = STRBUF(LINE_MAX_BYTES);
    struct table_reader r = { 0 };
    struct str row = { 0 };
    int rc = table_read(&r, c, x->a, t, true, e);

    *ret_rows = 0;
    while (rc == 0) {
        rc = table_next(&r, &row, e);
        if (rc < 0 || !row.ptr)
            break;
        ++*ret_rows;
        strbuf_reset(&b);
        strbuf_addf(&b, "{\"table\":\"%.*s\",\"row\":", STR_ARG(t->name));
        strbuf_add(&b, row);
        strbuf_addc(&b, '}');
        rc = say(x, &b, e);
    }
    return rc;
}

static int export_all(struct db_conn *c, void *arg, struct err *e)
{
    AUTO_STRBUF struct strbuf end = STRBUF(64 * 1024);
    struct exporting *x = arg;
    struct tables all = { 0 };
    int64_t total = 0;
    int rc;

    if (x->begun)
        return err_set(e, ERR_STORE, "the connection broke, and the export is not whole: begin again");
    x->begun = true;
    rc = tables_read(c, x->a, &all, e);
    rc = rc < 0 ? rc : say_head(x, c, &all, e);
    strbuf_addz(&end, "{\"end\":true,\"rows\":{");
    for (size_t i = 0; rc == 0 && i < all.len; i++) {
        int64_t rows = 0;

        rc = say_table(x, c, &all.items[i], &rows, e);
        total += rows;
        strbuf_addf(&end, "%s\"%.*s\":%lld", i > 0 ? "," : "", STR_ARG(all.items[i].name), (long long)rows);
    }
    strbuf_addz(&end, "}}");
    rc = rc < 0 ? rc : say(x, &end, e);
    x->o->ret_rows = total;
    return rc;
}

int store_export(struct store *s, struct store_export *o, struct err *e)
{
    AUTO_PTR(arena) a = arena_new();
    struct exporting x = { .o = o, .a = a };

    return db_read(s->db, export_all, &x, e);
}
