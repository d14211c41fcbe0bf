/* launch/launch_macros.c: the macros that every launch has, and the labels that they fill. */
#include "launch/launch_macros.h"

#include <string.h>

#include "launch/checks.h"

struct str region_lower(struct arena *a, struct str s)
{
    char *made = arena_cstr(a, s);

    for (size_t i = 0; i < s.len; i++) {
        if (made[i] >= 'A' && made[i] <= 'Z')
            made[i] = (char)(made[i] - 'A' + 'a');
    }
    return (struct str){ made, s.len };
}

/* Where the job will run: a macro in the region itself cannot be filled with it. */
static struct str region_of(const struct render_input *in, const struct jval *block)
{
    static const char *const paths[] = { "spec.location", "spec.region", "run.location", "run.region" };

    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        struct str s = jval_str(jval_path(block, paths[i]));

        if (s.len > 0)
            return macro_is_in(s) ? in->region : s;
    }
    return in->region;
}

/* --- labels --------------------------------------------------------------------------------------------- */

/* @labels with those values made valid that had a macro in them before. NULL: nothing to do. */
static struct jval *mend_labels(struct arena *a, const struct jval *before, const struct jval *labels)
{
    struct jval *mended = NULL;

    if (!jval_is(before, JVAL_OBJECT) || !jval_is(labels, JVAL_OBJECT))
        return NULL;
    for (size_t i = 0; i < jval_len(labels); i++) {
        struct str key = jval_key_at(labels, i), value = jval_str(jval_at(labels, i));
        struct jval *valid;

        if (!macro_is_in(jval_str(jval_at(before, i))) || label_is_valid(value, false))
            continue;
        if (!mended)
            mended = jval_copy(a, labels);
        valid = jval_new_str(a, label_value(a, value));
        jval_set_pos(valid, jval_pos(jval_at(labels, i)));
        jval_set_str(a, mended, key, valid);
    }
    return mended;
}

static const struct jval *with_valid_labels(struct arena *a, const struct jval *before,
                                            const struct jval *block)
{
    struct jval *labels = mend_labels(a, jval_path(before, "spec.labels"), jval_path(block, "spec.labels"));
    struct jval *made, *spec;

    if (!labels)
        return block;
    spec = jval_copy(a, jval_get(block, "spec"));
    jval_set(a, spec, "labels", labels);
    made = jval_copy(a, block);
    jval_set(a, made, "spec", spec);
    return made;
}

/* --- macros --------------------------------------------------------------------------------------------- */

enum { LAUNCH_MACROS = 9 };

/* A run without a name is called by its id. */
static void list_macros(struct arena *a, const struct render_input *in, const struct jval *block,
                        struct macro ret[LAUNCH_MACROS])
{
    const struct macro items[LAUNCH_MACROS] = {
        { "image_uri", in->image_uri },
        { "run_id", in->run_id },
        { "run_name", in->run_name.len > 0 ? in->run_name : in->run_id },
        { "project_name", in->spec->wb_project },
        { "entity_name", in->spec->entity },
        { "author", in->author },
        { "queue_name", in->queue_name },
        { "item_id", in->item_id },
        { "region", region_lower(a, region_of(in, block)) },
    };

    memcpy(ret, items, sizeof(items));
}

int launch_macros_fill(const struct render_input *in, const struct jval *block, const struct path *at,
                       const struct jval **ret, struct problems *p)
{
    struct macro items[LAUNCH_MACROS];
    const struct macro_set set = { items, LAUNCH_MACROS, in->strict_macros, in->macro_env, at };
    const struct jval *filled = NULL;
    int rc;

    list_macros(p->a, in, block, items);
    rc = macro_expand(block, &set, &filled, p, NULL);
    if (!rc)
        *ret = with_valid_labels(p->a, block, filled);
    return rc;
}

void launch_macros_check(const struct jval *block, const struct path *at, struct problems *p)
{
    const struct launch_spec no_spec = { .raw = NULL };
    const struct render_input in = { .spec = &no_spec };
    struct macro items[LAUNCH_MACROS];
    const struct macro_set set = { items, LAUNCH_MACROS, .at = at };
    const struct jval *filled = NULL;

    list_macros(p->a, &in, block, items);
    for (size_t i = 0; i < LAUNCH_MACROS; i++)
        items[i].value = STR("");
    (void)!macro_expand(block, &set, &filled, p, NULL); /* for what it notes */
}
