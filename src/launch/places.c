/* launch/places.c: the walk over spec, run and what is inside them. */
#include "launch/places.h"

#include "launch/unknown.h"

struct walk {
    struct converter *c;
    struct gathered *out;
};

static const struct place_group *group_find(unsigned place, struct str key)
{
    for (size_t i = 0; i < place_group_count; i++) {
        if ((place_groups[i].places & place) && name_is(key, place_groups[i].name))
            return &place_groups[i];
    }
    return NULL;
}

static const struct place_row *row_find(unsigned place, struct str key)
{
    for (size_t i = 0; i < place_row_count; i++) {
        if ((place_rows[i].places & place) && name_is(key, place_rows[i].field.name))
            return &place_rows[i];
    }
    return NULL;
}

static void take(struct walk *w, const struct place_row *row, const struct jval *object,
                 const struct path *here)
{
    struct found *f = &w->out->at[row->target];
    const struct jval *v = jval_at(object, here->index);
    struct jval *value = convert_value(w->c, &row->field, v, here);

    if (value && f->value && !jval_equal(f->value, value))
        convert_error(w->c, v, here, "given twice with different values: also at %s in line %u",
                      path_text(w->c->a, f->at), f->pos.line);
    if (jval_is(value, JVAL_OBJECT) || jval_is(value, JVAL_ARRAY))
        jval_set_pos(value, jval_key_pos_at(object, here->index)); /* in YAML, a line above the value */
    *f = (struct found){ .value = value, .raw = v, .at = path_keep(w->c->a, here), .pos = jval_pos(v) };
}

static void walk_place(struct walk *w, unsigned place, const struct jval *v, const struct path *at)
{
    if (!jval_is(v, JVAL_OBJECT)) {
        problem_hint(convert_error(w->c, v, at, "expected an object, got %s", convert_shown(w->c, v)),
                     "an object", NULL);
        return;
    }
    for (size_t i = 0; i < jval_len(v); i++) {
        const struct path here = { .up = at, .key = jval_key_at(v, i), .index = i };
        const struct place_group *group = group_find(place, here.key);
        const struct place_row *row = group ? NULL : row_find(place, here.key);

        if (!group && !row) {
            if (place == PLACE_ROOT && str_is(here.key, "builder"))
                continue; /* how to build the image: not about the job (protocol reference 4.3) */
            unknown_in_place(w->c, place, v, &here);
        } else if (jval_is(jval_at(v, i), JVAL_NULL)) {
            continue;
        } else if (group) {
            walk_place(w, group->place, jval_at(v, i), &here);
        } else {
            take(w, row, v, &here);
        }
    }
}

void places_gather(struct converter *c, const struct jval *block, const struct path *at, struct gathered *ret)
{
    struct walk w = { .c = c, .out = ret };

    walk_place(&w, PLACE_ROOT, block, at);
}

/* --- the block ------------------------------------------------------------------------------------------ */

static const struct path *path_new(struct converter *c, const struct path *up, const char *key)
{
    const struct path p = { .up = up, .key = str_of(key) };

    return path_keep(c->a, &p);
}

/* What stands beside the block is for other runners, or a mistake. */
static void warn_beside(struct converter *c, const struct jval *outer, const struct path *up)
{
    static const char *const others[] = { "vertex",    "gcp-vertex",      "builder",      "kubernetes",
                                          "sagemaker", "local-container", "local-process" };

    for (size_t i = 0; i < jval_len(outer); i++) {
        struct str key = jval_key_at(outer, i);
        bool known = false;

        for (size_t k = 0; k < ARRAY_LEN(others); k++)
            known = known || str_is(key, others[k]);
        if (known || jval_len(jval_at(outer, i)) == 0)
            continue;
        problem_add(c->p, str_is(key, "spec") || str_is(key, "run") ? PROBLEM_ERROR : PROBLEM_WARNING,
                    jval_key_pos_at(outer, i), path_text(c->a, up),
                    "\"%.*s\" stands beside \"vertex\" and is not used; put it inside, or take it out",
                    STR_ARG(str_sub(key, 0, 200)));
    }
}

static const struct jval *no_block(struct converter *c, const struct jval *config, const struct path *up)
{
    const char *want = "\"spec\" and \"run\", or \"vertex\" with both inside";

    if (jval_is(config, JVAL_OBJECT) || jval_is(config, JVAL_NULL))
        convert_error(c, config, up, "no Vertex configuration here: expected %s", want);
    else
        convert_error(c, config, up, "expected an object with %s, got %s", want, convert_shown(c, config));
    return NULL;
}

enum { WRAPPERS_MAX = 3 /* resource_args, the queue's type, and what a file had around its block */ };

/* @outer itself, or the block in it; *up is where it stands. NULL with a problem. */
static const struct jval *unwrap(struct converter *c, const struct jval *outer, const struct path **up)
{
    const struct jval *vertex = jval_get(outer, "vertex"), *gcp = jval_get(outer, "gcp-vertex");

    if (jval_len(vertex) > 0 && jval_len(gcp) > 0 && !jval_equal(vertex, gcp)) {
        convert_error(
            c, gcp, *up,
            "both \"vertex\" (line %u) and \"gcp-vertex\" are given, with different values; keep one",
            jval_pos(vertex).line);
        return NULL;
    }
    if (jval_len(vertex) == 0 && jval_len(gcp) == 0) {
        if (vertex || gcp || !jval_is(outer, JVAL_OBJECT) || jval_len(outer) == 0)
            return no_block(c, vertex ? vertex : gcp ? gcp : outer, *up);
        return outer;
    }
    warn_beside(c, outer, *up);
    *up = path_new(c, *up, jval_len(vertex) > 0 ? "vertex" : "gcp-vertex");
    return jval_len(vertex) > 0 ? vertex : gcp;
}

const struct jval *config_block(struct converter *c, const struct jval *config, const struct path **ret_at)
{
    const struct jval *args = jval_get(config, "resource_args"), *outer = args ? args : config;
    const struct path *up = args ? path_new(c, NULL, "resource_args") : NULL;
    const struct jval *block = unwrap(c, outer, &up);

    if (args && block == outer)
        return no_block(c, outer, up);
    for (int i = 0; i < WRAPPERS_MAX && block && block != outer; i++) {
        outer = block;
        if (jval_is(outer, JVAL_OBJECT))
            block = unwrap(c, outer, &up);
    }
    *ret_at = up;
    return block;
}
