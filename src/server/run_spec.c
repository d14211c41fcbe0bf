/* server/run_spec.c: merging and checking what is pushed. */
#include "server/run_spec.h"

#include <string.h>

#include "base/ascii.h"

int priority_check(bool queue_has_priorities, bool given, int64_t value, int64_t *ret, struct err *e)
{
    if (!given)
        value = PRIORITY_DEFAULT;
    if (value < 0 || value > PRIORITY_MAX)
        return err_set(e, ERR_INVALID, "priority must be 0 (critical), 1 (high), 2 (medium) or 3 (low)");
    if (!queue_has_priorities && value != PRIORITY_DEFAULT)
        return err_set(
            e, ERR_INVALID,
            "this queue has no priorities: leave the priority out, or give the queue prioritization"
            " mode V0");
    *ret = value;
    return 0;
}

static int must_be_object(const struct jval *v, const char *what, struct err *e)
{
    if (jval_is(v, JVAL_NULL) || jval_is(v, JVAL_OBJECT))
        return 0;
    return err_set(e, ERR_INVALID, "%s must be an object, not a %s", what, jval_type_name(jval_type(v)));
}

static void fill_str(struct arena *a, struct jval *spec, const char *key, struct str value)
{
    struct str now = jval_str(jval_get(spec, key));

    if (now.len == 0 && value.len > 0)
        jval_set(a, spec, key, jval_new_str(a, value));
}

int spec_merge(struct arena *a, const struct spec_merge *in, const struct jval **ret, struct err *e)
{
    const struct jval *defaults = jval_get(in->queue_config, "resource_args");
    const struct jval *own;
    struct jval *spec;
    int rc;

    if (!jval_is(in->spec, JVAL_OBJECT))
        return err_set(e, ERR_INVALID, "runSpec must be a JSON object, not a %s",
                       jval_type_name(jval_type(in->spec)));
    own = jval_get(in->spec, "resource_args");
    rc = must_be_object(own, "runSpec.resource_args", e);
    if (rc == 0)
        rc = must_be_object(jval_get(in->spec, "overrides"), "runSpec.overrides", e);
    if (rc < 0)
        return rc;
    spec = jval_copy(a, in->spec);
    fill_str(a, spec, "resource", in->resource);
    fill_str(a, spec, "author", in->author);
    if (jval_is(defaults, JVAL_OBJECT))
        jval_set(a, spec, "resource_args",
                 jval_is(own, JVAL_OBJECT) ? jval_merge(a, defaults, own) : defaults);
    *ret = spec;
    return 0;
}

/* --- names --- */

static bool is_in(char ch, const char *set)
{
    return ch != '\0' && strchr(set, ch);
}

/* For messages: the start of a name that may be anything. */
static struct str shown(struct str name)
{
    return str_sub(name, 0, 100);
}

static bool name_fits(struct str name, size_t max, const char *also)
{
    if (name.len == 0 || name.len > max || !ascii_is_alnum(name.ptr[0]))
        return false;
    for (size_t i = 0; i < name.len; i++)
        if (!ascii_is_alnum(name.ptr[i]) && !is_in(name.ptr[i], also))
            return false;
    return true;
}

int queue_name_check(struct str name, struct err *e)
{
    if (name_fits(name, 64, "._- "))
        return 0;
    return err_set(
        e, ERR_INVALID,
        "bad queue name '%.*s': 1 to 64 letters, digits, '.', '_', '-' or spaces, a letter or digit first",
        STR_ARG(shown(name)));
}

int entity_name_check(struct str name, struct err *e)
{
    if (name_fits(name, 64, "_-"))
        return 0;
    return err_set(e, ERR_INVALID,
                   "bad name '%.*s': 1 to 64 letters, digits, '_' or '-', a letter or digit first",
                   STR_ARG(shown(name)));
}

int project_name_check(struct str name, struct err *e)
{
    bool fits = name.len > 0 && name.len <= 128 && str_is_utf8(name);

    for (size_t i = 0; fits && i < name.len; i++)
        fits = (unsigned char)name.ptr[i] >= ' ' && !is_in(name.ptr[i], "/\\#?%:");
    if (fits)
        return 0;
    return err_set(e, ERR_INVALID, "bad project name '%.*s': 1 to 128 characters without / \\ # ? %% :",
                   STR_ARG(shown(name)));
}

int run_name_check(struct str name, struct err *e)
{
    bool fits = name.len > 0 && name.len <= 128 && str_is_utf8(name);

    for (size_t i = 0; fits && i < name.len; i++)
        fits = (unsigned char)name.ptr[i] > ' ' && !is_in(name.ptr[i], "/\\#?%:;,'");
    if (fits)
        return 0;
    return err_set(e, ERR_INVALID,
                   "bad run id '%.*s': 1 to 128 characters without spaces / \\ # ? %% : ; , '",
                   STR_ARG(shown(name)));
}
