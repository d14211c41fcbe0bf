/* launch/template_record.c: template values as a launch spec carries them. */
#include "launch/template.h"

#include "launch/template_schema.h"

const struct jval *template_record(struct arena *a, const struct jval *variables, const struct jval *chosen)
{
    struct jval *out = jval_new_object(a);

    for (size_t i = 0; i < jval_len(chosen); i++) {
        struct jval *one = jval_new_object(a);
        struct str name = jval_key_at(chosen, i);

        jval_set(a, one, "schema", jval_get(jval_get_str(variables, name), "schema"));
        jval_set(a, one, "value", jval_at(chosen, i));
        jval_set_str(a, out, name, one);
    }
    return out;
}

/* Values are never objects, so an object is an entry of a record. */
static bool is_entry(const struct jval *v)
{
    return jval_is(v, JVAL_OBJECT) && jval_get(v, "value");
}

const struct jval *template_given(struct arena *a, const struct jval *variables, const struct jval *in_spec)
{
    struct jval *out;

    if (!jval_is(in_spec, JVAL_OBJECT))
        return jval_is(in_spec, JVAL_NULL) ? NULL : in_spec; /* for template_values() to refuse */
    out = jval_new_object(a);
    for (size_t i = 0; i < jval_len(in_spec); i++) {
        const struct jval *v = jval_at(in_spec, i);
        struct str name = jval_key_at(in_spec, i);

        if (!is_entry(v))
            jval_set_str(a, out, name, v);
        else if (jval_get_str(variables, name))
            jval_set_str(a, out, name, jval_get(v, "value"));
    }
    return out;
}

void template_record_check(const struct jval *in_spec, struct problems *p)
{
    for (size_t i = 0; i < jval_len(in_spec); i++) {
        const struct jval *v = jval_at(in_spec, i);
        const struct jval *schema = jval_get(v, "schema");
        struct str name = str_sub(jval_key_at(in_spec, i), 0, 128);

        if (is_entry(v) && jval_is(schema, JVAL_OBJECT))
            (void)template_value_check(schema, jval_get(v, "value"),
                                       arena_printf(p->a, "template_variables.%.*s", STR_ARG(name)), p);
    }
}

bool template_record_has_braces(const struct jval *in_spec)
{
    for (size_t i = 0; i < jval_len(in_spec); i++) {
        const struct jval *v = jval_at(in_spec, i);

        if (is_entry(v) && str_find(jval_str(jval_get(v, "value")), STR("{{")) >= 0)
            return true;
    }
    return false;
}
