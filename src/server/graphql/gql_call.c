/* server/graphql/gql_call.c: what resolvers ask of their call. */
#include <string.h>

#include "server/graphql/gql_exec.h"

const struct jval *gql_arg(const struct gql_call *c, const char *dotted)
{
    return jval_path(c->args, dotted);
}

struct str gql_arg_str(const struct gql_call *c, const char *dotted)
{
    return jval_str(gql_arg(c, dotted));
}

int64_t gql_arg_int(const struct gql_call *c, const char *dotted, int64_t otherwise)
{
    const struct jval *v = gql_arg(c, dotted);

    return jval_is(v, JVAL_INT) ? jval_int(v) : otherwise;
}

bool gql_arg_bool(const struct gql_call *c, const char *dotted, bool otherwise)
{
    const struct jval *v = gql_arg(c, dotted);

    return jval_is(v, JVAL_BOOL) ? jval_bool(v) : otherwise;
}

bool gql_arg_given(const struct gql_call *c, const char *dotted)
{
    return !jval_is(gql_arg(c, dotted), JVAL_NULL);
}

static bool selects(const struct gql_run *run, const struct gql_selection_set *set, struct str path)
{
    struct str rest = path, name = { NULL, 0 };

    (void)str_cut(&rest, '.', &name);
    for (const struct gql_selection *s = set->first; s; s = s->next) {
        bool is_ok = true;

        if (s->directives && !gql_condition(run, s->directives, &is_ok))
            continue;
        if (s->kind == GQL_FIELD) {
            if (!str_eq(s->name, name))
                continue;
            if (!rest.len || (s->set && selects(run, s->set, rest)))
                return true;
        } else if (selects(run, s->kind == GQL_INLINE ? s->set : s->target->set, path)) {
            return true;
        }
    }
    return false;
}

bool gql_selects(const struct gql_call *c, const char *dotted)
{
    for (const struct gql_field_use *u = c->in->group->uses; u; u = u->next) {
        if (u->selection->set && selects(c->in->run, u->selection->set, str_of(dotted)))
            return true;
    }
    return false;
}
