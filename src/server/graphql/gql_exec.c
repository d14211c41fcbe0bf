/*
 * server/graphql/gql_exec.c: running an operation: fields, one after the other, down the selections.
 *
 * Return values here: 0, or -1 when an error is recorded and this place must be null; the first nullable
 * place on the way up takes the null.
 */
#include "server/graphql/gql_exec.h"

#include "server/graphql/gql_rules.h"

struct seen {
    const struct gql_definition *fragment;
    struct seen *next;
};

/* One collection: the fields an object of @type is asked for. */
struct collection {
    struct gql_run *run;
    const struct gql_type *type;
    struct gql_group *first, **tail;
    struct seen *seen;
    const struct gql_directive *wrong; /* a condition that is null */
};

bool gql_condition(const struct gql_run *run, const struct gql_directive *list, bool *ret_ok)
{
    *ret_ok = true;
    for (const struct gql_directive *d = list; d; d = d->next) {
        bool is_skip = str_is(d->name, "skip");
        const struct jval *value = NULL;

        if (!is_skip && !str_is(d->name, "include"))
            continue;
        value = gql_literal(run, d->args->value, d->def->args.in_order[0]->ref);
        if (!jval_is(value, JVAL_BOOL)) {
            *ret_ok = false;
            return false;
        }
        if (jval_bool(value) == is_skip)
            return false;
    }
    return true;
}

static void add_field(struct collection *c, const struct gql_selection *f)
{
    struct gql_field_use *use = arena_alloc(c->run->a, sizeof(*use)), **tail = NULL;
    struct gql_group *g = c->first;

    use->selection = f;
    while (g && !str_eq(g->key, f->key))
        g = g->next;
    if (!g) {
        g = arena_alloc(c->run->a, sizeof(*g));
        g->key = f->key;
        g->type = c->type;
        g->def = f->parent == c->type ? f->def : gql_field_find(c->run->s, c->type, f->name);
        *c->tail = g;
        c->tail = &g->next;
    }
    tail = &g->uses;
    while (*tail)
        tail = &(*tail)->next;
    *tail = use;
}

static bool is_seen(struct collection *c, const struct gql_definition *fragment)
{
    struct seen *s = c->seen;

    while (s && s->fragment != fragment)
        s = s->next;
    if (s)
        return true;
    s = arena_alloc(c->run->a, sizeof(*s));
    *s = (struct seen){ .fragment = fragment, .next = c->seen };
    c->seen = s;
    return false;
}

static void collect(struct collection *c, const struct gql_selection_set *set)
{
    for (const struct gql_selection *s = set->first; s; s = s->next) {
        bool is_ok = true;

        if (s->directives && !gql_condition(c->run, s->directives, &is_ok)) {
            if (!is_ok && !c->wrong)
                c->wrong = s->directives;
            continue;
        }
        if (s->kind == GQL_FIELD) {
            add_field(c, s);
        } else if (s->kind == GQL_INLINE) {
            if (!s->condition || gql_is_possible(s->condition->type, c->type))
                collect(c, s->set);
        } else if (!is_seen(c, s->target) && gql_is_possible(s->target->condition->type, c->type)) {
            collect(c, s->target->set);
        }
    }
}

static struct jval *path_list(struct arena *a, const struct gql_path *path)
{
    struct jval *list = path->up ? path_list(a, path->up) : jval_new_array(a);

    if (path->key.ptr)
        jval_push(a, list, jval_new_str(a, path->key));
    else
        jval_push(a, list, jval_new_int(a, (int64_t)path->index));
    return list;
}

static struct jval *field_error(struct gql_run *run, const struct gql_group *g, const struct gql_path *path,
                                const char *message)
{
    struct jval *error = jval_new_object(run->a);

    jval_set_cstr(run->a, error, "message", message);
    for (const struct gql_field_use *u = g->uses; u; u = u->next)
        gql_error_add_place(run->a, error, run->source, u->selection->pos);
    jval_set(run->a, error, "path", path_list(run->a, path));
    jval_push(run->a, run->errors, error);
    return error;
}

void gql_group_error(struct gql_run *run, const struct gql_group *g, const struct gql_path *path,
                     const char *message)
{
    (void)field_error(run, g, path, message);
}

static void resolver_error(struct gql_call *c, const struct gql_path *path)
{
    struct gql_run *run = c->in->run;
    struct jval *error = field_error(run, c->in->group, path, run->e.msg);
    struct jval *extensions = jval_new_object(run->a);

    jval_set_cstr(run->a, extensions, "code", err_name(run->e.code));
    if (c->extensions)
        extensions = jval_merge(run->a, extensions, c->extensions);
    jval_set(run->a, error, "extensions", extensions);
    if (run->code == ERR_NONE)
        run->code = run->e.code;
}

static int execute_groups(struct gql_run *run, struct gql_group *groups, const struct jval *parent,
                          const struct gql_path *path, const struct jval **ret);

/* What an object behind @g of type @t is asked for; made once for all items of a list. */
static int groups_below(struct gql_run *run, struct gql_group *g, const struct gql_type *t,
                        const struct gql_path *path)
{
    struct collection c = { .run = run, .type = t };

    if (g->below_type == t)
        return 0;
    c.tail = &c.first;
    for (const struct gql_field_use *u = g->uses; u; u = u->next)
        collect(&c, u->selection->set);
    if (c.wrong) {
        gql_group_error(run, g, path, "Argument \"if\" of non-null type \"Boolean!\" must not be null.");
        return -1;
    }
    g->below = c.first;
    g->below_type = t;
    return 0;
}

static const struct gql_type *runtime_type(struct gql_run *run, const struct gql_type *t,
                                           const struct jval *value)
{
    const struct gql_type *object = NULL;

    if (t->kind == GQL_OBJECT)
        return t;
    object = gql_type_find(run->s, jval_str(jval_get(value, "__typename")));
    return object && object->kind == GQL_OBJECT && gql_is_possible(t, object) ? object : NULL;
}

static int complete_object(struct gql_run *run, struct gql_group *g, const struct gql_type *t,
                           const struct gql_path *path, const struct jval **value)
{
    const struct gql_type *object = runtime_type(run, t, *value);

    if (!jval_is(*value, JVAL_OBJECT)) {
        gql_group_error(run, g, path,
                        arena_printf(run->a, "Expected an object of type \"%s\" for field %s.%s.",
                                     t->name.ptr, g->type->name.ptr, g->def->name.ptr));
        return -1;
    }
    if (!object) {
        gql_group_error(
            run, g, path,
            arena_printf(run->a,
                         "Abstract type \"%s\" must resolve to an Object type at runtime for field "
                         "\"%s.%s\".",
                         t->name.ptr, g->type->name.ptr, g->def->name.ptr));
        return -1;
    }
    if (groups_below(run, g, object, path))
        return -1;
    return execute_groups(run, g->below, *value, path, value);
}

static int complete(struct gql_run *run, struct gql_group *g, const struct gql_ref *ref,
                    const struct gql_path *path, const struct jval **value);

static int complete_list(struct gql_run *run, struct gql_group *g, const struct gql_ref *of,
                         const struct gql_path *path, const struct jval **value)
{
    const struct jval *from = *value;
    struct jval *list = NULL;

    if (!jval_is(from, JVAL_ARRAY)) {
        gql_group_error(
            run, g, path,
            arena_printf(run->a, "Expected a list for field %s.%s.", g->type->name.ptr, g->def->name.ptr));
        return -1;
    }
    list = jval_new_array(run->a);
    for (size_t i = 0; i < jval_len(from); i++) {
        const struct gql_path at = { .up = path, .index = i };
        const struct jval *item = jval_at(from, i);

        if (complete(run, g, of, &at, &item)) {
            if (of->kind == GQL_REF_NON_NULL || run->is_over)
                return -1;
            item = NULL;
        }
        jval_push(run->a, list, item ? item : jval_new_null(run->a));
    }
    *value = list;
    return 0;
}

static int complete_leaf(struct gql_run *run, struct gql_group *g, const struct gql_type *t,
                         const struct gql_path *path, const struct jval **value)
{
    const char *why = NULL;
    const struct jval *out = gql_serialize(run->a, t, *value, &why);

    if (why) {
        gql_group_error(run, g, path, why);
        return -1;
    }
    *value = out;
    return 0;
}

static bool count_value(struct gql_run *run, const struct gql_group *g, const struct gql_path *path)
{
    if (run->is_over)
        return false;
    if (++run->values <= run->s->max_values)
        return true;
    run->is_over = true;
    run->code = ERR_LIMIT;
    gql_group_error(run, g, path,
                    arena_printf(run->a, "The answer has more than %u values.", run->s->max_values));
    return false;
}

/* *value: in what the resolver gave, out what the client gets; NULL: null. */
static int complete(struct gql_run *run, struct gql_group *g, const struct gql_ref *ref,
                    const struct gql_path *path, const struct jval **value)
{
    const struct gql_ref *inner = ref->kind == GQL_REF_NON_NULL ? ref->of : ref;

    if (!count_value(run, g, path))
        return -1;
    if (jval_is(*value, JVAL_NULL)) {
        *value = NULL;
        if (ref->kind != GQL_REF_NON_NULL)
            return 0;
        gql_group_error(run, g, path,
                        arena_printf(run->a, "Cannot return null for non-nullable field %s.%s.",
                                     g->type->name.ptr, g->def->name.ptr));
        return -1;
    }
    if (inner->kind == GQL_REF_LIST)
        return complete_list(run, g, inner->of, path, value);
    if (gql_is_leaf(inner->type))
        return complete_leaf(run, g, inner->type, path, value);
    return complete_object(run, g, inner->type, path, value);
}

static int call_resolver(struct gql_run *run, struct gql_group *g, const struct jval *parent,
                         const struct gql_path *path, const struct jval **ret)
{
    const struct gql_call_state in = { .run = run, .group = g };
    struct gql_call call = { .ctx = run->ctx,
                             .a = run->a,
                             .parent = parent,
                             .type = g->type->name.ptr,
                             .field = g->def->name.ptr,
                             .in = &in };

    if (!g->args) {
        const char *why = NULL;

        g->args = gql_arguments_coerce(run, &g->def->args, g->uses->selection->args, &why);
        if (!g->args) {
            gql_group_error(run, g, path, why);
            return -1;
        }
    }
    call.args = g->args;
    if (g->def->resolve(&call, ret, &run->e) == 0)
        return 0;
    resolver_error(&call, path);
    return -1;
}

static int resolve(struct gql_run *run, struct gql_group *g, const struct jval *parent,
                   const struct gql_path *path, const struct jval **ret)
{
    if (g->def->resolve)
        return call_resolver(run, g, parent, path, ret);
    if (g->def == run->s->typename_field)
        *ret = jval_new_str(run->a, g->type->name);
    else
        *ret = jval_get_str(parent, g->def->name);
    return 0;
}

static int execute_groups(struct gql_run *run, struct gql_group *groups, const struct jval *parent,
                          const struct gql_path *path, const struct jval **ret)
{
    struct jval *object = jval_new_object(run->a);

    for (struct gql_group *g = groups; g; g = g->next) {
        const struct gql_path at = { .up = path, .key = g->key };
        const struct jval *value = NULL;

        if (resolve(run, g, parent, &at, &value) || complete(run, g, g->def->ref, &at, &value)) {
            if (g->def->ref->kind == GQL_REF_NON_NULL || run->is_over)
                return -1;
            value = NULL;
        }
        jval_set_str(run->a, object, g->key, value ? value : jval_new_null(run->a));
    }
    *ret = object;
    return 0;
}

const struct jval *gql_run_operation(struct gql_run *run, const struct gql_type *root)
{
    struct collection c = { .run = run, .type = root };
    const struct jval *data = NULL;

    c.tail = &c.first;
    collect(&c, run->op->set);
    if (c.wrong) {
        struct jval *error = gql_error_new(
            run->a, "Argument \"if\" of non-null type \"Boolean!\" must not be null.", "BAD_USER_INPUT");

        gql_error_add_place(run->a, error, run->source, c.wrong->pos);
        jval_push(run->a, run->errors, error);
        return NULL;
    }
    return execute_groups(run, c.first, NULL, NULL, &data) ? NULL : data;
}
