/* cli/config_file.c: reading what people write in files. */
#include "cli/config_file.h"

#include <string.h>

#include "io/file.h"
#include "launch/template_token.h"

enum { MAX_CONFIG_BYTES = 1024 * 1024 };

static bool is_stdin(const char *path)
{
    return strcmp(path, "-") == 0;
}

int config_parse(struct arena *a, struct str text, const char *name, struct jval **ret, struct err *e)
{
    int rc = jval_from_yaml(a, text, name, NULL, ret, e);

    if (rc == -ERR_INVALID)
        return err_set(e, ERR_CONFIG, "%s", e->msg);
    return rc;
}

int config_read(struct io *io, struct arena *a, const char *path, struct config_file *ret, struct err *e)
{
    struct config_file f = { .name = is_stdin(path) ? "<stdin>" : path };
    struct jval *config = NULL;
    int rc = file_read(io, a, is_stdin(path) ? "/dev/stdin" : path, MAX_CONFIG_BYTES, &f.text, e);

    if (rc == 0)
        rc = template_load(a, f.text, f.name, &config, e);
    if (rc == -ERR_INVALID)
        rc = err_set(e, ERR_CONFIG, "%s", e->msg);
    f.config = rc ? NULL : config;
    *ret = f;
    return rc;
}

int config_load(struct io *io, struct arena *a, const char *path, struct jval **ret, struct err *e)
{
    struct str text = { 0 };

    if (file_read(io, a, is_stdin(path) ? "/dev/stdin" : path, MAX_CONFIG_BYTES, &text, e))
        return -(int)e->code;
    return config_parse(a, text, is_stdin(path) ? "<stdin>" : path, ret, e);
}

void problems_print(FILE *to, const struct problems *p)
{
    for (size_t i = 0; i < p->len; i++) {
        AUTO_STRBUF struct strbuf line = STRBUF(16384);

        problem_format(&line, p, &p->items[i]);
        fprintf(to, "%s\n", strbuf_cstr(&line));
    }
    if (p->errors + p->warnings > p->len)
        fprintf(to, "%s: %zu more\n", p->file, p->errors + p->warnings - p->len);
}

struct jval *problem_value(struct arena *a, const struct problems *p, const struct problem *item)
{
    struct jval *v = jval_new_object(a);

    jval_set_cstr(a, v, "file", p->file);
    jval_set_int(a, v, "line", item->pos.line);
    jval_set_int(a, v, "column", item->pos.column);
    jval_set_cstr(a, v, "path", item->path);
    jval_set_cstr(a, v, "severity", item->level == PROBLEM_ERROR ? "error" : "warning");
    jval_set_cstr(a, v, "message", item->text);
    if (item->expected)
        jval_set_cstr(a, v, "expected", item->expected);
    if (item->suggestion)
        jval_set_cstr(a, v, "suggestion", item->suggestion);
    return v;
}

/* "NAME:LINE:COLUMN: text" is what the parsers write. */
void problem_of_err(struct problems *p, const struct err *e)
{
    struct str rest = str_of(e->msg), line = { NULL, 0 }, column = { NULL, 0 };
    int64_t at[2] = { 0, 0 };
    size_t name = strlen(p->file);

    if (name > 0 && str_has_prefix(rest, str_of(p->file)) && rest.len > name) {
        struct str text = str_sub(rest, name + 1, rest.len); /* behind "NAME:" or "NAME " */

        rest = text;
        if (str_cut(&rest, ':', &line) && str_cut(&rest, ':', &column) && str_to_i64(line, &at[0]) &&
            str_to_i64(column, &at[1]))
            rest = str_trim(rest);
        else
            rest = str_trim(text);
    }
    problem_add(p, PROBLEM_ERROR, (struct jval_pos){ (uint32_t)at[0], (uint32_t)at[1] }, "", "%.*s",
                STR_ARG(rest));
}
