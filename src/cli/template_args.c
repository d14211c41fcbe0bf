/* cli/template_args.c: values of template variables from the command line. */
#include "cli/template_args.h"

#include "launch/template.h"

int template_args(struct arena *a, const char *option, const char *const *list, const struct jval *variables,
                  struct jval **ret, struct err *e)
{
    struct jval *values = jval_new_object(a);

    for (const char *const *v = list; *v; v++) {
        struct str text = str_of(*v), name = { NULL, 0 };
        ptrdiff_t at = str_find(text, STR("="));

        if (at < 1)
            return err_set(e, ERR_USAGE, "%s %s: expected NAME=VALUE", option, *v);
        name = str_sub(text, 0, (size_t)at);
        text = str_sub(text, (size_t)at + 1, text.len);
        jval_set_str(a, values, name, template_value_of_text(a, variables, name, text));
    }
    *ret = values;
    return 0;
}
