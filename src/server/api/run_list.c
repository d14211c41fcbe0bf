/* server/api/run_list.c: the runs of a project that match a filter, in an order, page by page. */
#include <stdlib.h>

#include "server/api/sweeps.h"
#include "server/run_filter.h"

enum { BATCH = 500 /* rows of one read; between two, others get their turn */ };

struct run_order {
    struct run_field field;
    bool falling, by_age;
};
struct match {
    int64_t id;
    const struct jval *key; /* what it is ordered by; NULL: it has none */
    size_t seen;            /* as which of the matches */
};
struct listing {
    struct gql_call *c;
    int64_t project_id;
    const struct run_filter *filter;
    struct str sweep; /* that all are of; absent: any */
    bool filters;     /* there is more to check than the sweep */
    struct run_order order;
    struct store_page page; /* positions are ids by age, else ranks from 1 */
    struct match *matches;
    size_t len, cap;
};

/* --- what is asked for --- */

/* "+FIELD" or "FIELD" rises, "-FIELD" falls; by age the newest come first when nothing is said. */
static int read_order(struct str text, struct run_order *ret, struct err *e)
{
    struct run_order o = { .falling = text.len == 0 || str_has_prefix(text, STR("-")) };
    struct str name =
        str_has_prefix(text, STR("-")) || str_has_prefix(text, STR("+")) ? str_sub(text, 1, text.len) : text;
    int rc = run_field_read(name.len ? name : STR("created_at"), &o.field, e);

    if (rc < 0)
        return err_wrap(e, "order");
    o.by_age = o.field.kind == RUN_FIELD_CREATED;
    *ret = o;
    return 0;
}

static int read_filters(struct listing *l, struct err *e)
{
    bool alone = false;
    int rc = run_filter_read(l->c->a, gql_arg_str(l->c, "filters"), &l->filter, e);

    if (rc < 0)
        return rc;
    l->sweep = run_filter_sweep(l->filter, &alone);
    l->filters = !run_filter_is_empty(l->filter) && !(l->sweep.ptr && alone);
    return 0;
}

/* --- reading --- */

/* Of all the project's runs, or of the sweep's. */
static int read_rows(struct listing *l, struct arena *a, const struct store_page *page,
                     struct store_run **ret, size_t *ret_len, struct err *e)
{
    const struct store_run_query all = { .project_id = l->project_id, .page = *page };
    const struct store_sweep_run_query of = { .project_id = l->project_id, .sweep = l->sweep, .page = *page };

    return l->sweep.ptr ? store_sweep_runs(store_of(l->c), a, &of, ret, ret_len, e)
                        : store_run_list(store_of(l->c), a, &all, ret, ret_len, e);
}

static int count_rows(struct listing *l, int64_t *ret, struct err *e)
{
    struct store_sweep sweep = { 0 };
    int rc;

    if (!l->sweep.ptr)
        return store_run_count(store_of(l->c), l->project_id, ret, e);
    rc = store_sweep_by_name(store_of(l->c), l->c->a, l->project_id, l->sweep, &sweep, e);
    if (rc == 0)
        *ret = sweep.run_count;
    return rc == -ERR_NOT_FOUND ? 0 : rc;
}

static void look_at(struct listing *l, struct arena *a, const struct store_run *run)
{
    struct run_view view = { .a = a, .run = run };
    const struct jval *key;

    if (!run_filter_matches(l->filter, &view))
        return;
    key = l->order.by_age ? NULL : run_view_get(&view, &l->order.field);
    l->matches = arena_grow(l->c->a, l->matches, l->len, &l->cap, sizeof(*l->matches));
    l->matches[l->len] = (struct match){ run->id, key ? jval_copy(l->c->a, key) : NULL, l->len };
    l->len++;
}

/* All matches, or as many as @enough from the position @after on, by age. Yields. */
static int scan(struct listing *l, int64_t after, size_t enough, struct err *e)
{
    struct store_page page = { .first = BATCH, .after = after, .oldest_first = l->page.oldest_first };
    size_t len = BATCH;
    int rc = 0;

    while (rc == 0 && len == BATCH && l->len < enough) {
        AUTO_PTR(arena) a = arena_new();
        struct store_run *runs = NULL;

        rc = read_rows(l, a, &page, &runs, &len, e);
        for (size_t i = 0; rc == 0 && i < len && l->len < enough; i++)
            look_at(l, a, &runs[i]);
        if (rc == 0 && len > 0)
            page.after = runs[len - 1].id;
        if (rc == 0)
            rc = io_sleep(caller_of(l->c)->server->io, 0, e);
    }
    return rc;
}

/* Numbers, then texts, then what has neither. */
static int kind_of(const struct jval *key)
{
    return jval_is_number(key) ? 0 : jval_is(key, JVAL_STR) ? 1 : 2;
}

static int by_key(const void *one, const void *other)
{
    const struct match *x = one, *y = other;
    int kind = kind_of(x->key), order = kind - kind_of(y->key);

    if (order == 0 && kind == 0)
        order = jval_real(x->key) < jval_real(y->key) ? -1 : jval_real(x->key) > jval_real(y->key);
    else if (order == 0 && kind == 1)
        order = str_cmp(jval_str(x->key), jval_str(y->key));
    return order ? order : x->seen < y->seen ? -1 : x->seen > y->seen;
}

/* Those without a key stay last. */
static void turn_round(struct match *matches, size_t len)
{
    while (len > 0 && kind_of(matches[len - 1].key) == 2)
        len--;
    for (size_t i = 0; i < len / 2; i++) {
        struct match swapped = matches[i];

        matches[i] = matches[len - 1 - i];
        matches[len - 1 - i] = swapped;
    }
}

static size_t first_of_page(const struct listing *l)
{
    size_t i = 0;

    if (!l->order.by_age)
        return (uint64_t)l->page.after < l->len ? (size_t)l->page.after : l->len;
    while (l->page.after > 0 && i < l->len &&
           (l->page.oldest_first ? l->matches[i].id <= l->page.after : l->matches[i].id >= l->page.after))
        i++;
    return i;
}

/* --- answering --- */

static int add_page(struct listing *l, struct connection *list, bool *ret_more, struct err *e)
{
    size_t from = first_of_page(l), len = l->len - from;
    int rc = 0;

    if (len > (size_t)l->page.first)
        len = (size_t)l->page.first;
    *ret_more = page_trim(&l->page, &len);
    for (size_t i = from; rc == 0 && i < from + len; i++) {
        struct store_run run = { 0 };

        rc = store_run_by_id(store_of(l->c), l->c->a, l->matches[i].id, &run, e);
        if (rc == 0)
            connection_add(list, run_object(l->c->a, &run), l->order.by_age ? run.id : (int64_t)i + 1);
        else if (rc == -ERR_NOT_FOUND) /* deleted meanwhile */
            rc = 0;
    }
    return rc;
}

static int add_rows(struct listing *l, struct connection *list, bool *ret_more, struct err *e)
{
    struct store_run *runs = NULL;
    size_t len = 0;
    int rc = read_rows(l, l->c->a, &l->page, &runs, &len, e);

    if (rc < 0)
        return rc;
    *ret_more = page_trim(&l->page, &len);
    for (size_t i = 0; i < len; i++)
        connection_add(list, run_object(l->c->a, &runs[i]), runs[i].id);
    return 0;
}

static int add_runs(struct listing *l, struct connection *list, bool *ret_more, int64_t *ret_total,
                    struct err *e)
{
    bool counts = gql_selects(l->c, "totalCount");
    bool some = l->order.by_age && !counts;
    int rc;

    if (!l->filters && l->order.by_age) {
        rc = add_rows(l, list, ret_more, e);
        return rc == 0 && counts ? count_rows(l, ret_total, e) : rc;
    }
    rc = scan(l, some ? l->page.after : 0, some ? (size_t)l->page.first : SIZE_MAX, e);
    if (rc < 0)
        return rc;
    *ret_total = (int64_t)l->len;
    if (!l->order.by_age)
        qsort(l->matches, l->len, sizeof(*l->matches), by_key);
    if (!l->order.by_age && l->order.falling)
        turn_round(l->matches, l->len);
    return add_page(l, list, ret_more, e);
}

int resolve_project_runs(struct gql_call *c, const struct jval **ret, struct err *e)
{
    struct listing l = { .c = c, .project_id = parent_int(c, "$id") };
    struct connection list = connection_begin(c->a);
    struct jval *o;
    int64_t total = 0;
    bool more = false;
    int rc = read_filters(&l, e);

    if (rc == 0)
        rc = read_order(gql_arg_str(c, "order"), &l.order, e);
    if (rc == 0)
        rc = page_args(c, &l.page, e);
    l.page.oldest_first = l.order.by_age && !l.order.falling;
    if (rc == 0)
        rc = add_runs(&l, &list, &more, &total, e);
    if (rc < 0)
        return rc;
    o = connection_end(&list, more);
    jval_set_int(c->a, o, "totalCount", total);
    *ret = o;
    return 0;
}

int resolve_project_run_count(struct gql_call *c, const struct jval **ret, struct err *e)
{
    struct listing l = { .c = c, .project_id = parent_int(c, "$id"), .order.by_age = true };
    int64_t count = 0;
    int rc = read_filters(&l, e);

    if (rc == 0 && !l.filters)
        rc = count_rows(&l, &count, e);
    else if (rc == 0)
        rc = scan(&l, 0, SIZE_MAX, e);
    if (rc == 0)
        *ret = jval_new_int(c->a, l.filters ? (int64_t)l.len : count);
    return rc;
}
