/* cli/config_file.c: reading what people write in files. */
#include "cli/config_file.h"

#include <stdio.h>
#include <string.h>

#include "io/file.h"

enum { MAX_CONFIG_BYTES = 1024 * 1024 };

static bool is_stdin(const char *path)
{
    return strcmp(path, "-") == 0;
}

const char *config_name(const char *path)
{
    return is_stdin(path) ? "<stdin>" : path;
}

int config_parse(struct arena *a, struct str text, const char *name, struct jval **ret, struct err *e)
{
    int rc = jval_from_yaml(a, text, name, NULL, ret, e);

    if (rc == -ERR_INVALID)
        return err_set(e, ERR_CONFIG, "%s", e->msg);
    return rc;
}

int config_load(struct io *io, struct arena *a, const char *path, struct jval **ret, struct err *e)
{
    struct str text = { 0 };

    if (file_read(io, a, is_stdin(path) ? "/dev/stdin" : path, MAX_CONFIG_BYTES, &text, e))
        return -(int)e->code;
    return config_parse(a, text, config_name(path), ret, e);
}

void problems_print(const struct problems *p)
{
    for (size_t i = 0; i < p->len; i++) {
        AUTO_STRBUF struct strbuf line = STRBUF(16384);

        problem_format(&line, p, &p->items[i]);
        fprintf(stderr, "%s\n", strbuf_cstr(&line));
    }
}
