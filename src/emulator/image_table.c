/* emulator/image_table.c: see the header. */
#include "emulator/image_table.h"

#include <string.h>

#include "base/jval.h"
#include "base/problems.h"
#include "emulator/filter.h"
#include "io/file.h"

static const char *const root_keys[] = { "images", NULL };
static const char *const image_keys[] = { "image", "command", "args", "folder", "env", NULL };

static void check_keys(struct problems *p, const struct jval *v, const char *path, const char *const *known)
{
    for (size_t i = 0; i < jval_len(v); i++) {
        struct str key = jval_key_at(v, i);
        const char *near = nearest_name(key, known);
        bool found = false;

        for (const char *const *k = known; *k; k++)
            found = found || str_is(key, *k);
        if (!found)
            problem_add(p, PROBLEM_ERROR, jval_key_pos_at(v, i), path, "unknown key \"%.*s\"%s%s%s",
                        STR_ARG(key), near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
    }
}

/* A list or object whose members are all strings. */
static const struct jval *strings(struct problems *p, const struct jval *entry, const char *key,
                                  enum jval_type type)
{
    const struct jval *v = jval_get(entry, key);

    if (!v || jval_is(v, JVAL_NULL))
        return NULL;
    if (!jval_is(v, type)) {
        problem_add(p, PROBLEM_ERROR, jval_pos(v), key, "must be a %s of strings", jval_type_name(type));
        return NULL;
    }
    for (size_t i = 0; i < jval_len(v); i++) {
        if (!jval_is(jval_at(v, i), JVAL_STR))
            problem_add(p, PROBLEM_ERROR, jval_pos(jval_at(v, i)), key, "must be a string; put it in quotes");
    }
    return v;
}

static void read_image(struct problems *p, const struct jval *v, const char *folder, struct image *ret)
{
    struct str path = jval_str(jval_get(v, "folder"));

    if (!jval_is(v, JVAL_OBJECT)) {
        problem_add(p, PROBLEM_ERROR, jval_pos(v), "images", "an entry must be an object");
        return;
    }
    check_keys(p, v, "images", image_keys);
    ret->pattern = jval_str(jval_get(v, "image"));
    if (ret->pattern.len == 0)
        problem_add(p, PROBLEM_ERROR, jval_pos(v), "images", "\"image\" is missing");
    ret->command = strings(p, v, "command", JVAL_ARRAY);
    ret->args = strings(p, v, "args", JVAL_ARRAY);
    ret->env = strings(p, v, "env", JVAL_OBJECT);
    if (path.len > 0 && path.ptr[0] == '/')
        ret->folder = arena_cstr(p->a, path);
    else if (path.len > 0)
        ret->folder = arena_printf(p->a, "%s/%.*s", folder, STR_ARG(path));
}

int image_table_parse(struct arena *a, struct str text, const char *name, const char *folder,
                      struct image_table *ret, struct err *e)
{
    struct problems p = { .a = a, .file = name };
    struct image_table t = { NULL, 0 };
    const struct jval *list;
    struct jval *root;

    if (jval_from_yaml(a, text, name, NULL, &root, e)) {
        e->code = ERR_CONFIG;
        return -ERR_CONFIG;
    }
    list = jval_get(root, "images");
    if (!jval_is(list, JVAL_ARRAY))
        problem_add(&p, PROBLEM_ERROR, jval_pos(root), "", "\"images\" with a list of entries is missing");
    check_keys(&p, root, "", root_keys);
    t.items = arena_array(a, jval_len(list) + 1, sizeof(*t.items));
    for (; t.len < jval_len(list); t.len++)
        read_image(&p, jval_at(list, t.len), folder, &t.items[t.len]);
    if (problems_err(&p, ERR_CONFIG, e))
        return -ERR_CONFIG;
    *ret = t;
    return 0;
}

int image_table_load(struct io *io, struct arena *a, const char *path, struct image_table *ret, struct err *e)
{
    const char *slash = strrchr(path, '/');
    const char *folder = slash ? arena_printf(a, "%.*s", (int)(slash - path), path) : ".";
    struct str text;
    int code = file_read(io, a, path, 1024 * 1024, &text, e);

    return code ? code : image_table_parse(a, text, path, folder, ret, e);
}

const struct image *image_find(const struct image_table *t, struct str image_uri)
{
    for (size_t i = 0; i < t->len; i++) {
        if (filter_glob(t->items[i].pattern, image_uri))
            return &t->items[i];
    }
    return NULL;
}
