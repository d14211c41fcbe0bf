/* Template variables and macros from arbitrary bytes: a config, and behind a line "---" a value for every
 * variable. What is filled in must come out of the macros as it went in. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "launch/macro.h"
#include "launch/template.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *environment(void *ctx, const char *name)
{
    return strcmp(name, "HOME") == 0 ? "/home" : NULL;
}

static const struct jval *expand(struct arena *a, const struct jval *v)
{
    static const struct macro items[] = { { "run_id", { "ab12", 4 } }, { "x", { "y", 1 } } };
    static const char *const allow[] = { "H*", NULL };
    const struct macro_env env = { .allow = allow, .get = environment };
    const struct macro_set set = { items, 2, .env = &env };
    struct problems p = { .a = a, .file = "input" };
    const struct jval *out = NULL;

    return macro_expand(v, &set, &out, &p, NULL) ? NULL : out;
}

/* A value on its own, between texts of the config that mean nothing: it must survive both steps. */
static void check_value(struct arena *a, struct str text)
{
    struct jval *config = jval_new_array(a), *values = jval_new_object(a);
    struct problems p = { .a = a, .file = "input" };
    const struct jval *out = NULL;

    jval_push(a, config, jval_new_cstr(a, "{{v}}"));
    jval_set(a, values, "v", jval_new_str(a, text));
    if (template_fill(config, values, &out, &p, NULL))
        return;
    out = expand(a, out);
    if (out && !str_eq(jval_str(jval_at(out, 0)), text))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO_PTR(arena) a = arena_new();
    const struct str all = { (const char *)data, size };
    ptrdiff_t cut = str_find(all, STR("\n---\n"));
    struct str text = str_sub(all, 0, cut < 0 ? size : (size_t)cut);
    struct str value = cut < 0 ? STR("${x}") : str_sub(all, (size_t)cut + 5, size);
    struct problems p = { .a = a, .file = "input" };
    const struct jval *out = NULL, *variables, *chosen = NULL;
    struct jval *config = NULL, *values = jval_new_object(a), *schemas = NULL;
    const struct template_use *uses = NULL;

    if (size > 1 << 16 || !str_is_utf8(all))
        return 0;
    check_value(a, value);
    (void)template_uses(a, text, &uses);
    if (template_load(a, text, "input", &config, NULL))
        return 0;
    variables = template_propose(a, config, size % 2 == 0);
    for (size_t i = 0; i < jval_len(variables); i++)
        jval_set_str(a, values, jval_key_at(variables, i),
                     template_value_of_text(a, variables, jval_key_at(variables, i), value));
    (void)!template_variables_check(variables, config, &p, NULL);
    if (jval_from_json(a, value, "schemas", NULL, &schemas, NULL) == 0) {
        (void)!template_variables_check(schemas, config, &p, NULL);
        (void)!template_values(schemas, values, &chosen, &p, NULL);
    }
    if (template_fill(config, values, &out, &p, NULL) == 0)
        (void)expand(a, out);
    if (template_values(variables, values, &chosen, &p, NULL) == 0)
        template_record_check(template_record(a, variables, chosen), &p);
    (void)expand(a, config);
    return 0;
}
