/* agent/secrets.c: the values of the secrets that a request names. */
#include <stdlib.h>

#include "agent/acts.h"
#include "base/mem.h"

struct launch_secret {
    char *name, *field; /* as the request writes them; NULL: no field */
    struct secret *value;
};

const struct secret *launch_secrets_find(void *ctx, struct str name, struct str field)
{
    const struct launch_secrets *s = ctx;

    for (size_t i = 0; i < s->len; i++)
        if (str_is(name, s->at[i].name) && str_eq(field, str_of(s->at[i].field)))
            return s->at[i].value;
    return NULL;
}

void launch_secrets_done(struct launch_secrets *s)
{
    for (size_t i = 0; i < s->len; i++) {
        free(s->at[i].name);
        free(s->at[i].field);
        secret_free(s->at[i].value);
    }
    free(s->at);
    *s = (struct launch_secrets){ 0 };
}

static void add(struct launch_secrets *s, struct str name, struct str field, struct secret *value)
{
    s->at = xrealloc(s->at, (s->len + 1) * sizeof(*s->at));
    s->at[s->len++] = (struct launch_secret){ xstrndup(name.ptr, name.len),
                                              field.ptr ? xstrndup(field.ptr, field.len) : NULL, value };
}

/* What no environment variable can hold is found here, and not by Vertex. */
static int check_value(const struct secret *value, struct str name, struct err *e)
{
    struct str text = secret_unwrap(value);

    if (!str_is_utf8(text) || str_find(text, (struct str){ "", 1 }) >= 0)
        return err_set(e, ERR_INVALID,
                       "secret %.*s: its value is not UTF-8 text (or has a zero byte), which an environment "
                       "variable cannot hold; let the job read it itself",
                       STR_ARG(name));
    return 0;
}

static int read_one(struct launch *l, struct str name, struct str field, struct secret **ret, struct err *e)
{
    AUTO_PTR(secret) value = NULL;
    const struct agent_options *o = &l->agent->o;
    const struct secret *key = l->row.own_key ? l->own_key : wandb_api_key(o->wandb);
    int rc;

    if (str_is(name, JOB_ENV_API_KEY_REF)) {
        *ret = key ? secret_dup(key) : NULL;
        return 0;
    }
    rc = secret_manager_access(o->secrets, name, field, &value, e);
    if (!rc)
        rc = check_value(value, name, e);
    if (rc == -ERR_PROTO) { /* a proxy's page, or damaged twice: an answer may come later */
        if (e)
            e->code = ERR_REMOTE;
        return -ERR_REMOTE;
    }
    if (!rc)
        *ret = TAKE(value);
    return rc;
}

static int read_in(struct launch *l, const struct jval *v, struct launch_secrets *s, struct err *e)
{
    const struct jval *ref = jval_path(v, "valueFrom.secretKeyRef");
    struct str name = jval_str(jval_get(ref, "name")), field = jval_str(jval_get(ref, "key"));
    struct secret *value = NULL;
    int rc = 0;

    for (size_t i = 0; !ref && i < jval_len(v) && !rc; i++)
        rc = read_in(l, jval_at(v, i), s, e);
    if (!ref || launch_secrets_find(s, name, field))
        return rc;
    rc = read_one(l, name, field, &value, e);
    if (rc)
        return rc == -ERR_CANCELLED ? rc
                                    : err_wrap(e, "variable %.*s", STR_ARG(jval_str(jval_get(v, "name"))));
    if (value)
        add(s, name, field, value);
    return 0;
}

int launch_secrets_read(struct launch *l, struct str request, struct launch_secrets *ret, struct err *e)
{
    AUTO_PTR(arena) a = arena_new();
    struct launch_secrets s = { 0 };
    struct jval *tree = NULL;
    int rc = jval_from_json(a, request, "the request", NULL, &tree, e);

    if (!rc)
        rc = read_in(l, tree, &s, e);
    if (rc) {
        launch_secrets_done(&s);
        return rc;
    }
    *ret = s;
    return 0;
}
