/* cli/queue_find.c: one queue of an entity, as the server describes it. */
#include "cli/queue_find.h"

#include "cli/documents.h"

int queue_find(struct session *s, const char *entity, const char *name, const struct jval **ret,
               struct err *e)
{
    struct jval *variables = jval_new_object(s->a);
    const struct jval *data = NULL;

    jval_set_cstr(s->a, variables, "entity", entity);
    jval_set_cstr(s->a, variables, "project", QUEUE_PROJECT);
    jval_set_cstr(s->a, variables, "queue", name);
    if (session_call(s, document_queue_show, variables, &data, e))
        return -(int)e->code;
    *ret = jval_path(data, "project.runQueue");
    if (jval_is(*ret, JVAL_NULL))
        return err_set(e, ERR_NOT_FOUND, "no queue \"%s\" in %s; 'slipway queue list' shows what there is",
                       name, entity);
    return 0;
}

int queue_config(struct session *s, const char *entity, const struct jval *queue, const struct jval **ret,
                 struct err *e)
{
    const struct jval *id = jval_get(queue, "defaultResourceConfigID"), *data = NULL;
    struct jval *variables = jval_new_object(s->a);

    *ret = NULL;
    if (jval_is(id, JVAL_NULL))
        return 0;
    jval_set_cstr(s->a, variables, "entity", entity);
    jval_set(s->a, variables, "id", id);
    if (session_call(s, document_queue_config, variables, &data, e))
        return -(int)e->code;
    *ret = jval_path(data, "entity.defaultResourceConfig");
    return 0;
}

int queue_template_variables(struct arena *a, const struct jval *config, struct jval **ret, struct err *e)
{
    const struct jval *list = jval_get(config, "templateVariables");
    struct jval *variables = jval_new_object(a);

    for (size_t i = 0; i < jval_len(list); i++) {
        const struct jval *one = jval_at(list, i);
        struct jval *schema = NULL, *variable = jval_new_object(a);

        if (jval_from_json(a, jval_str(jval_get(one, "schema")), "the schema of a template variable", NULL,
                           &schema, e))
            return -(int)e->code;
        jval_set(a, variable, "schema", schema);
        jval_set_str(a, variables, jval_str(jval_get(one, "name")), variable);
    }
    *ret = variables;
    return 0;
}
