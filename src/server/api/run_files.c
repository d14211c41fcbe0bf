/* server/api/run_files.c: files of runs as W&B's clients list them. */
#include "server/api/api.h"

enum { NAMES_MAX = 1000 };

/* SQL's LIKE: % any bytes, _ one byte. */
static bool is_like(struct str s, struct str pattern)
{
    size_t i = 0, k = 0, star = SIZE_MAX, from = 0;

    while (i < s.len) {
        if (k < pattern.len && pattern.ptr[k] == '%') {
            star = k++;
            from = i;
        } else if (k < pattern.len && (pattern.ptr[k] == '_' || pattern.ptr[k] == s.ptr[i])) {
            i++;
            k++;
        } else if (star != SIZE_MAX) {
            k = star + 1;
            i = ++from;
        } else {
            return false;
        }
    }
    while (k < pattern.len && pattern.ptr[k] == '%')
        k++;
    return k == pattern.len;
}

static bool is_wanted(struct str name, const struct jval *names, struct str pattern)
{
    if (pattern.len > 0 && !is_like(name, pattern))
        return false;
    for (size_t i = 0; i < jval_len(names); i++)
        if (str_eq(jval_str(jval_at(names, i)), name))
            return true;
    return jval_len(names) == 0;
}

static struct jval *file_object(struct gql_call *c, int64_t run_id, const struct store_file *f)
{
    struct caller *who = caller_of(c);
    struct jval *o = jval_new_object(c->a);
    struct str url = files_download_url(who->server, who->exchange, run_id, f->name);

    set_text(c->a, o, "id",
             global_id(c->a, arena_printf(c->a, "RunFile:%lld:%.*s", (long long)run_id, STR_ARG(f->name))));
    set_text(c->a, o, "name", f->name);
    set_text(c->a, o, "displayName", f->name);
    set_text(c->a, o, "url", url);
    set_text(c->a, o, "directUrl", url);
    jval_set_int(c->a, o, "sizeBytes", f->size_bytes);
    jval_set(c->a, o, "updatedAt", time_value(c->a, f->updated_unix_ms));
    return o;
}

/* In the order of their names; a cursor is a place among the wanted ones. */
int resolve_run_file_page(struct gql_call *c, const struct jval **ret, struct err *e)
{
    const struct jval *names = gql_arg(c, "names");
    struct connection list = connection_begin(c->a);
    struct store_page page = { 0 };
    struct store_file *files = NULL;
    size_t len = 0;
    int64_t place = 0, run_id = parent_int(c, "$id");
    struct jval *o;
    int rc = page_args(c, &page, e);

    if (rc == 0 && jval_len(names) > NAMES_MAX)
        return err_set(e, ERR_LIMIT, "more than %d names at once", NAMES_MAX);
    if (rc == 0)
        rc = store_file_list(store_of(c), c->a, run_id, &files, &len, e);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < len; i++) {
        if (!is_wanted(files[i].name, names, gql_arg_str(c, "pattern")))
            continue;
        place++;
        if (place > page.after && place - page.after < page.first)
            connection_add(&list, file_object(c, run_id, &files[i]), place);
    }
    o = connection_end(&list, place - page.after >= page.first);
    jval_set_int(c->a, o, "totalCount", place);
    *ret = o;
    return 0;
}

int resolve_run_file_count(struct gql_call *c, const struct jval **ret, struct err *e)
{
    struct store_file *files = NULL;
    size_t len = 0;
    int rc = store_file_list(store_of(c), c->a, parent_int(c, "$id"), &files, &len, e);

    if (rc == 0)
        *ret = jval_new_int(c->a, (int64_t)len);
    return rc;
}
