/* server/api/run_files.c: files of runs as W&B's clients list them. */
#include "base/crypto.h"
#include "base/log.h"
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
    for (size_t i = 0; i < jval_len(names); i++) {
        struct str wanted = jval_str(jval_at(names, i));

        if (str_eq(wanted, name) ||
            (str_has_prefix(wanted, STR("./")) && str_eq(str_sub(wanted, 2, wanted.len), name)))
            return true;
    }
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

/* --- deleteFiles --- */

/* An id as file_object() makes it; of a run of the caller's own unless its role allows more. */
static int find_file(struct gql_call *c, struct str id, struct store_run_file *ret, struct err *e)
{
    struct access q = access_of(c);
    struct str name = { 0 }, part = { 0 };
    struct store_run run = { 0 };
    int64_t run_id = 0;
    int rc = -ERR_NOT_FOUND;

    if (base64_decode(c->a, id, &name, NULL) == 0 && str_cut(&name, ':', &part) && str_is(part, "RunFile") &&
        str_cut(&name, ':', &part) && str_to_i64(part, &run_id) && name.len > 0)
        rc = store_run_by_id(store_of(c), c->a, run_id, &run, e);
    if (rc == 0)
        rc = access_entity_id(&q, run.entity_id, "this file", e);
    q.act = "deleteFiles.of others";
    if (rc == 0 && !str_eq(run.username, q.user->username))
        rc = access_entity_id(&q, run.entity_id, "this file", e);
    if (rc == -ERR_NOT_FOUND)
        return err_set(e, ERR_NOT_FOUND, "file '%.*s' does not exist, or you are not a member of its entity",
                       STR_ARG(str_sub(id, 0, 100)));
    if (rc == 0)
        *ret = (struct store_run_file){ .run_id = run_id, .name = name };
    return rc;
}

/* All are looked up before the first goes. */
int resolve_delete_files(struct gql_call *c, const struct jval **ret, struct err *e)
{
    const struct jval *ids = gql_arg(c, "input.files");
    const struct server *s = caller_of(c)->server;
    const struct store_by by = by_of(c);
    const struct retention_job j = { .io = s->io, .store = s->store, .depot = &s->depot };
    struct store_run_file *files = arena_array(c->a, jval_len(ids) + 1, sizeof(*files));
    int rc = 0;

    if (jval_len(ids) > NAMES_MAX)
        return err_set(e, ERR_LIMIT, "more than %d files at once", NAMES_MAX);
    for (size_t i = 0; rc == 0 && i < jval_len(ids); i++)
        rc = find_file(c, jval_str(jval_at(ids, i)), &files[i], e);
    for (size_t i = 0; rc == 0 && i < jval_len(ids); i++)
        rc = retention_drop_file(&j, &files[i], &by, e);
    if (rc < 0)
        return rc;
    LOG_INFO("run.files_deleted", "files=%zu user=%.*s", jval_len(ids), STR_ARG(caller_of(c)->user.username));
    *ret = success_object(c, true);
    return 0;
}
