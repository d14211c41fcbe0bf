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

/* --- template variables --- */

static int check_type(const char *name, const struct jval *schema, const struct jval *value, struct err *e)
{
    struct str type = jval_str(jval_get(schema, "type"));
    bool fits = !type.ptr || (str_is(type, "string") && jval_is(value, JVAL_STR)) ||
                (str_is(type, "integer") && jval_is(value, JVAL_INT)) ||
                (str_is(type, "number") && (jval_is(value, JVAL_INT) || jval_is(value, JVAL_REAL))) ||
                (str_is(type, "boolean") && jval_is(value, JVAL_BOOL));

    if (fits)
        return 0;
    return err_set(e, ERR_INVALID, "template variable '%s' must be a %.*s, not a %s", name, STR_ARG(type),
                   jval_type_name(jval_type(value)));
}

static int check_bounds(struct arena *a, const char *name, const struct jval *schema,
                        const struct jval *value, struct err *e)
{
    const struct jval *list = jval_get(schema, "enum");
    const struct jval *min = jval_get(schema, "minimum"), *max = jval_get(schema, "maximum");
    bool is_number = jval_is(value, JVAL_INT) || jval_is(value, JVAL_REAL);
    bool found = !jval_is(list, JVAL_ARRAY);

    for (size_t i = 0; !found && i < jval_len(list); i++)
        found = jval_equal(jval_at(list, i), value);
    if (!found)
        return err_set(e, ERR_INVALID, "template variable '%s' must be one of %.*s", name,
                       STR_ARG(jval_text(a, list, JVAL_COMPACT)));
    if (is_number && min && jval_real(value) < jval_real(min))
        return err_set(e, ERR_INVALID, "template variable '%s' must be at least %.*s", name,
                       STR_ARG(jval_text(a, min, JVAL_COMPACT)));
    if (is_number && max && jval_real(value) > jval_real(max))
        return err_set(e, ERR_INVALID, "template variable '%s' must be at most %.*s", name,
                       STR_ARG(jval_text(a, max, JVAL_COMPACT)));
    return 0;
}

/* Every declared variable with the value it takes. */
static int chosen_values(struct arena *a, const struct jval *variables, const struct jval *values,
                         struct jval *chosen, struct err *e)
{
    for (size_t i = 0; i < jval_len(values); i++)
        if (!jval_get_str(variables, jval_key_at(values, i)))
            return err_set(e, ERR_INVALID, "this queue has no template variable '%.*s'",
                           STR_ARG(jval_key_at(values, i)));
    for (size_t i = 0; i < jval_len(variables); i++) {
        const char *name = arena_cstr(a, jval_key_at(variables, i));
        const struct jval *schema = jval_get(jval_at(variables, i), "schema");
        const struct jval *value = jval_get(values, name);
        int rc;

        if (jval_is(value, JVAL_NULL))
            value = jval_get(schema, "default");
        if (jval_is(value, JVAL_NULL))
            return err_set(e, ERR_INVALID, "template variable '%s' needs a value", name);
        rc = check_type(name, schema, value, e);
        if (rc == 0)
            rc = check_bounds(a, name, schema, value, e);
        if (rc < 0)
            return rc;
        jval_set(a, chosen, name, value);
    }
    return 0;
}

struct fill {
    struct arena *a;
    const struct jval *chosen;
    struct err *e;
};

static int fill_text(const struct fill *f, struct str text, const struct jval **ret)
{
    AUTO_STRBUF struct strbuf out = STRBUF(1 << 20);
    struct str rest = text;

    for (;;) {
        ptrdiff_t open = str_find(rest, STR("{{"));
        ptrdiff_t close = open < 0 ? -1 : str_find(str_sub(rest, (size_t)open, rest.len), STR("}}"));
        const struct jval *value;
        struct str name;

        if (close < 0)
            break;
        name = str_trim(str_sub(rest, (size_t)open + 2, (size_t)(open + close)));
        value = jval_get_str(f->chosen, name);
        if (!value)
            return err_set(f->e, ERR_INVALID,
                           "the queue's config uses {{%.*s}}, but declares no such variable", STR_ARG(name));
        if (open == 0 && (size_t)close + 2 == rest.len && rest.len == text.len) {
            *ret = value;
            return 0;
        }
        strbuf_add(&out, str_sub(rest, 0, (size_t)open));
        if (jval_is(value, JVAL_STR))
            strbuf_add(&out, jval_str(value));
        else
            jval_write(&out, value, JVAL_COMPACT);
        rest = str_sub(rest, (size_t)(open + close) + 2, rest.len);
    }
    strbuf_add(&out, rest);
    *ret = jval_new_str(f->a, strbuf_str(&out));
    return strbuf_check(&out, f->e);
}

static int fill_tree(const struct fill *f, const struct jval *v, const struct jval **ret)
{
    bool is_object = jval_is(v, JVAL_OBJECT);
    struct jval *made;

    if (jval_is(v, JVAL_STR))
        return fill_text(f, jval_str(v), ret);
    if (!is_object && !jval_is(v, JVAL_ARRAY)) {
        *ret = v;
        return 0;
    }
    made = is_object ? jval_new_object(f->a) : jval_new_array(f->a);
    for (size_t i = 0; i < jval_len(v); i++) {
        const struct jval *part = NULL;
        int rc = fill_tree(f, jval_at(v, i), &part);

        if (rc < 0)
            return rc;
        if (is_object)
            jval_set_str(f->a, made, jval_key_at(v, i), part);
        else
            jval_push(f->a, made, part);
    }
    *ret = made;
    return 0;
}

int template_fill(struct arena *a, const struct jval *variables, const struct jval *values,
                  const struct jval *config, const struct jval **ret, struct err *e)
{
    struct jval *chosen = jval_new_object(a);
    const struct fill f = { a, chosen, e };
    int rc = must_be_object(values, "templateVariableValues", e);

    if (rc == 0)
        rc = chosen_values(a, variables, values, chosen, e);
    if (rc < 0)
        return rc;
    if (jval_len(variables) == 0) { /* braces mean nothing in a queue without variables */
        *ret = config;
        return 0;
    }
    return fill_tree(&f, config, ret);
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
