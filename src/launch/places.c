/* launch/places.c: the walk over spec, run and what is inside them. */
#include "launch/places.h"

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

/* @place 0: anywhere. */
static const struct place_row *row_find(unsigned place, struct str key)
{
    for (size_t i = 0; i < place_row_count; i++) {
        if ((!place || (place_rows[i].places & place)) && name_is(key, place_rows[i].field.name))
            return &place_rows[i];
    }
    return NULL;
}

static const char *near_name(struct converter *c, unsigned place, struct str key)
{
    const char **names = arena_array(c->a, 2 * (place_row_count + place_group_count) + 1, sizeof(*names));
    size_t n = 0;

    for (size_t i = 0; i < place_row_count; i++) {
        if (place_rows[i].places & place) {
            names[n++] = place_rows[i].field.name;
            names[n++] = name_camel(place_rows[i].field.name, arena_alloc(c->a, 64));
        }
    }
    for (size_t i = 0; i < place_group_count; i++) {
        if (place_groups[i].places & place)
            names[n++] = place_groups[i].name;
    }
    return nearest_name(key, names);
}

static const char *place_name(unsigned places)
{
    return places & PLACE_SPEC       ? "spec"
           : places & PLACE_RUN      ? "run"
           : places & PLACE_JOB_SPEC ? "job_spec"
                                     : "encryption_spec";
}

static void unknown_key(struct walk *w, unsigned place, const struct jval *v, size_t index,
                        const struct path *at)
{
    struct problems *p = w->c->p;
    struct str key = jval_key_at(v, index);
    struct jval_pos pos = jval_key_pos_at(v, index);
    const char *where = path_text(w->c->a, at), *near;
    const struct place_row *elsewhere = row_find(0, key);

    for (size_t i = 0; i < refused_name_count; i++) {
        if (name_is(key, refused_names[i].name)) {
            problem_add(p, PROBLEM_ERROR, pos, where, "\"%.*s\" %s", STR_ARG(key), refused_names[i].why);
            return;
        }
    }
    if (elsewhere) {
        problem_add(p, PROBLEM_ERROR, pos, where, "\"%.*s\" belongs under %s", STR_ARG(key),
                    place_name(elsewhere->places));
        return;
    }
    near = near_name(w->c, place, key);
    problem_add(p, PROBLEM_ERROR, pos, where, "unknown key \"%.*s\"%s%s%s", STR_ARG(key),
                near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
}

static void take(struct walk *w, const struct place_row *row, const struct jval *v, const struct path *at)
{
    struct found *f = &w->out->at[row->target];
    struct jval *value = convert_value(w->c, &row->field, v, at);

    if (!value)
        return;
    if (f->value && !jval_equal(f->value, value))
        convert_error(w->c, v, at, "given twice with different values: also at %s (line %u)", f->path,
                      f->pos.line);
    *f = (struct found){ .value = value, .path = path_text(w->c->a, at), .pos = jval_pos(v), .raw = v };
}

static void walk_place(struct walk *w, unsigned place, const struct jval *v, const struct path *at)
{
    if (!jval_is(v, JVAL_OBJECT)) {
        convert_error(w->c, v, at, "expected an object, got %s", type_phrase(jval_type(v)));
        return;
    }
    for (size_t i = 0; i < jval_len(v); i++) {
        const struct path here = { .up = at, .key = jval_key_at(v, i) };
        const struct place_group *group = group_find(place, here.key);
        const struct place_row *row = row_find(place, here.key);

        if (!group && !row) {
            if (place == PLACE_ROOT && str_is(here.key, "builder"))
                continue; /* how to build the image: not about the job (protocol reference 4.3) */
            unknown_key(w, place, v, i, at);
        } else if (jval_is(jval_at(v, i), JVAL_NULL)) {
            continue;
        } else if (group) {
            walk_place(w, group->place, jval_at(v, i), &here);
        } else {
            take(w, row, jval_at(v, i), &here);
        }
    }
}

void places_gather(struct converter *c, const struct jval *block, const struct path *at, struct gathered *ret)
{
    struct walk w = { .c = c, .out = ret };

    walk_place(&w, PLACE_ROOT, block, at);
}

static const struct path *path_new(struct converter *c, const struct path *up, const char *key)
{
    struct path *p = arena_alloc(c->a, sizeof(*p));

    *p = (struct path){ .up = up, .key = str_of(key) };
    return p;
}

const struct jval *config_block(struct converter *c, const struct jval *config, const struct path **ret_at)
{
    const struct jval *outer = jval_get(config, "resource_args"), *vertex, *gcp;
    const struct path *up = outer ? path_new(c, NULL, "resource_args") : NULL;

    if (!outer)
        outer = config;
    vertex = jval_get(outer, "vertex");
    gcp = jval_get(outer, "gcp-vertex");
    if (jval_len(vertex) > 0 && jval_len(gcp) > 0 && !jval_equal(vertex, gcp)) {
        convert_error(c, gcp, up, "both \"vertex\" and \"gcp-vertex\" are given, with different values");
        return NULL;
    }
    if (jval_len(vertex) > 0 || jval_len(gcp) > 0) {
        *ret_at = path_new(c, up, jval_len(vertex) > 0 ? "vertex" : "gcp-vertex");
        return jval_len(vertex) > 0 ? vertex : gcp;
    }
    if (up || vertex || gcp || !jval_is(config, JVAL_OBJECT) || jval_len(config) == 0) {
        convert_error(c, config, up,
                      "no Vertex configuration: expected \"vertex\" with \"spec\" and \"run\"");
        return NULL;
    }
    *ret_at = NULL;
    return config;
}
