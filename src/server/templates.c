/* server/templates.c: template variables where queues are saved and launches pushed. */
#include "server/templates.h"

#include "launch/template.h"

/* One message for all: a client shows one. */
static int refuse(const struct problems *p, struct err *e)
{
    AUTO_STRBUF struct strbuf all = STRBUF(4096);

    for (size_t i = 0; i < p->len && !all.full; i++) {
        if (p->items[i].level != PROBLEM_ERROR)
            continue;
        strbuf_addz(&all, all.len ? "; " : "");
        problem_format(&all, p, &p->items[i]);
    }
    return err_set(e, ERR_INVALID, "%s", strbuf_cstr(&all));
}

static const struct jval *with_record(struct arena *a, const struct jval *spec, const struct jval *record)
{
    struct jval *out;

    if (!jval_is(spec, JVAL_OBJECT) || (!jval_get(spec, "template_variables") && jval_len(record) == 0))
        return spec;
    out = jval_copy(a, spec);
    if (jval_len(record) > 0)
        jval_set(a, out, "template_variables", record);
    else
        (void)jval_remove(out, "template_variables");
    return out;
}

int templates_fill(struct arena *a, const struct template_push *in, const struct jval **ret_config,
                   const struct jval **ret_spec, struct err *e)
{
    struct problems p = { .a = a, .file = "" };
    const struct jval *in_spec = jval_get(in->spec, "template_variables");
    const struct jval *values = in->values, *chosen = NULL;

    if (jval_is(values, JVAL_NULL) || (jval_is(values, JVAL_OBJECT) && jval_len(values) == 0))
        values = template_given(a, in->variables, in_spec);
    if (template_values(in->variables, values, &chosen, &p, e) ||
        template_fill(in->config, chosen, ret_config, &p, e))
        return refuse(&p, e);
    *ret_spec = with_record(a, in->spec, template_record(a, in->variables, chosen));
    return 0;
}

int templates_check(struct arena *a, const struct jval *variables, const struct jval *config, struct err *e)
{
    struct problems p = { .a = a, .file = "" };

    return template_variables_check(variables, config, &p, e) ? refuse(&p, e) : 0;
}
