/* emulator/store_resource.c: named JSON documents in the emulator's database. */
#include "emulator/store_resource.h"

enum { SCAN_MAX = 10000 };

struct put_arg {
    const struct resource_row *rows;
    const struct str *texts;
    size_t count;
    bool fresh;
};

static int put_rows(struct db_conn *c, void *arg, struct err *e)
{
    const struct put_arg *p = arg;
    int code = 0;

    for (size_t i = 0; i < p->count && code == 0; i++) {
        const struct resource_row *row = &p->rows[i];

        if (p->fresh)
            code = db_run(c, NULL, e, "INSERT INTO resources(kind, name, body) VALUES (?, ?, ?)", "zss",
                          row->kind, row->name, p->texts[i]);
        else
            code = db_run(c, NULL, e,
                          "INSERT INTO resources(kind, name, body) VALUES (?, ?, ?)"
                          " ON CONFLICT(kind, name) DO UPDATE SET body = excluded.body",
                          "zss", row->kind, row->name, p->texts[i]);
    }
    return code;
}

static int put(struct db *d, const struct resource_row *rows, size_t count, bool fresh, struct err *e)
{
    AUTO_PTR(arena) a = arena_new();
    struct str *texts = arena_alloc(a, count * sizeof(*texts));
    struct put_arg arg = { rows, texts, count, fresh };

    for (size_t i = 0; i < count; i++)
        texts[i] = jval_text(a, rows[i].body, JVAL_COMPACT);
    return db_write(d, put_rows, &arg, e);
}

int store_put_resources(struct db *d, const struct resource_row *rows, size_t count, struct err *e)
{
    return put(d, rows, count, false, e);
}

int store_put_resource(struct db *d, const struct resource_row *row, struct err *e)
{
    return put(d, row, 1, false, e);
}

int store_add_resource(struct db *d, const struct resource_row *row, struct err *e)
{
    return put(d, row, 1, true, e);
}

struct get_arg {
    struct arena *a;
    const char *kind;
    struct str name;
    struct str text;
};

static int get_row(struct db_conn *c, void *arg, struct err *e)
{
    struct get_arg *g = arg;
    struct db_stmt *q = NULL;
    bool row = false;
    int code =
        db_query(c, &q, e, "SELECT body FROM resources WHERE kind = ? AND name = ?", "zs", g->kind, g->name);

    if (code || (code = db_step(q, &row, e)))
        return code;
    if (!row)
        return err_set(e, ERR_NOT_FOUND, "no %s \"%.*s\"", g->kind, STR_ARG(g->name));
    g->text = arena_str(g->a, db_col_str(q, 0));
    db_finish(q);
    return 0;
}

int store_get_resource(struct db *d, struct arena *a, const char *kind, struct str name, struct jval **ret,
                       struct err *e)
{
    struct get_arg g = { .a = a, .kind = kind, .name = name };
    int code = db_read(d, get_row, &g, e);

    return code ? code : jval_from_json(a, g.text, "a stored resource", NULL, ret, e);
}

bool store_has_resource(struct db *d, const char *kind, struct str name)
{
    AUTO_PTR(arena) a = arena_new();
    struct get_arg g = { .a = a, .kind = kind, .name = name };
    struct err e;

    return db_read(d, get_row, &g, &e) == 0;
}

/* "NAME/" to "NAME0" is all that begins with "NAME/": '0' follows '/'. */
static int delete_rows(struct db_conn *c, void *arg, struct err *e)
{
    const struct get_arg *g = arg;
    AUTO_STRBUF struct strbuf from = STRBUF(4096), to = STRBUF(4096);
    int64_t changes = 0;
    int code =
        db_run(c, &changes, e, "DELETE FROM resources WHERE kind = ? AND name = ?", "zs", g->kind, g->name);

    if (code)
        return code;
    if (changes == 0)
        return err_set(e, ERR_NOT_FOUND, "no %s \"%.*s\"", g->kind, STR_ARG(g->name));
    strbuf_addf(&from, "%.*s/", STR_ARG(g->name));
    strbuf_addf(&to, "%.*s0", STR_ARG(g->name));
    code = db_run(c, NULL, e, "DELETE FROM resources WHERE name > ? AND name < ?", "ss", strbuf_str(&from),
                  strbuf_str(&to));
    return code
               ? code
               : db_run(c, NULL, e, "DELETE FROM resources WHERE kind = 'policy' AND name = ?", "s", g->name);
}

int store_delete_resource(struct db *d, const char *kind, struct str name, struct err *e)
{
    struct get_arg g = { .kind = kind, .name = name };

    return db_write(d, delete_rows, &g, e);
}

struct list_arg {
    struct arena *a;
    const struct resource_scan *scan;
    struct resource_list list;
    size_t cap_names, cap_bodies;
};

static int list_row(struct list_arg *l, struct db_stmt *q, struct err *e)
{
    struct resource_list *all = &l->list;
    struct jval *body = NULL;
    int code = jval_from_json(l->a, db_col_str(q, 1), "a stored resource", NULL, &body, e);

    if (code)
        return code;
    all->names = arena_grow(l->a, all->names, all->len, &l->cap_names, sizeof(*all->names));
    all->bodies = arena_grow(l->a, all->bodies, all->len, &l->cap_bodies, sizeof(struct jval *));
    all->names[all->len] = arena_str(l->a, db_col_str(q, 0));
    all->bodies[all->len++] = body;
    return 0;
}

static int list_rows(struct db_conn *c, void *arg, struct err *e)
{
    struct list_arg *l = arg;
    const struct resource_scan *s = l->scan;
    struct db_stmt *q = NULL;
    bool row = false;
    int code = db_query(c, &q, e,
                        "SELECT name, body FROM resources WHERE kind = ? AND name > ?"
                        " AND substr(name, 1, length(?)) = ? ORDER BY name LIMIT ?",
                        "zsssi", s->kind, s->after.len ? s->after : STR(""), s->prefix, s->prefix,
                        (int64_t)(s->max ? s->max : SCAN_MAX));

    while (code == 0 && (code = db_step(q, &row, e)) == 0 && row) {
        code = list_row(l, q, e);
        if (code)
            db_finish(q);
    }
    return code;
}

int store_list_resources(struct db *d, struct arena *a, const struct resource_scan *scan,
                         struct resource_list *ret, struct err *e)
{
    struct list_arg l = { .a = a, .scan = scan };
    int code = db_read(d, list_rows, &l, e);

    if (code == 0)
        *ret = l.list;
    return code;
}
