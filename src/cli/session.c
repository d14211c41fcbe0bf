/* cli/session.c: a command's connection to the queue server. */
#include "cli/session.h"

#include <stdio.h>
#include <string.h>

int session_begin(struct session *s, struct io *io, const struct args *a, struct err *e)
{
    *s = (struct session){ .io = io, .a = arena_new() };
    if (wandb_settings_load(io, s->a, args_text(a, "url"), &s->settings, e))
        return -e->code;
    s->entity = args_text(a, "entity") ? args_text(a, "entity") : s->settings.entity;
    return 0;
}

int session_connect(struct session *s, wandb_key_fn newer_key, void *ctx, struct err *e)
{
    struct wandb_options o = { .base_url = s->settings.base_url,
                               .api_key = s->settings.api_key,
                               .user_agent_version = SLIPWAY_VERSION,
                               .newer_key = newer_key,
                               .newer_key_ctx = ctx };

    if (!s->settings.api_key)
        return err_set(e, ERR_AUTH,
                       "no API key for %s: set WANDB_API_KEY, or run 'slipway login --url %s' (looked in the "
                       "environment and "
                       ".netrc)",
                       o.base_url, o.base_url);
    s->wandb = wandb_new(s->io, &o);
    secret_free(s->settings.api_key);
    s->settings.api_key = NULL;
    return 0;
}

int session_open(struct session *s, struct io *io, const struct args *a, struct err *e)
{
    int rc = session_begin(s, io, a, e);

    return rc ? rc : session_connect(s, NULL, NULL, e);
}

void session_close(struct session *s)
{
    wandb_free(s->wandb);
    secret_free(s->settings.api_key);
    arena_free(s->a);
    *s = (struct session){ 0 };
}

int session_run(struct io *io, const struct args *a,
                int (*run)(struct session *s, const struct args *a, struct err *e), struct err *e)
{
    struct session s = { 0 };
    int rc = session_open(&s, io, a, e);

    if (rc == 0)
        rc = run(&s, a, e);
    session_close(&s);
    return rc;
}

int session_explain(const char *url, struct err *e)
{
    if (e->code == ERR_NET || e->code == ERR_TIMEOUT)
        return err_set(e, e->code,
                       "%s; is the queue server up, and is that its address (WANDB_BASE_URL, --url)?",
                       e->msg);
    if (!strstr(e->msg, url))
        return err_wrap(e, "%s", url);
    return -(int)e->code;
}

int session_entity(struct session *s, const char **ret, struct err *e)
{
    struct wandb_viewer viewer = { 0 };

    if (!s->entity) {
        if (wandb_viewer(s->wandb, s->a, &viewer, e))
            return session_explain(wandb_base_url(s->wandb), e);
        if (viewer.entity.len == 0)
            return err_set(e, ERR_USAGE, "no entity: give --entity NAME or set WANDB_ENTITY");
        s->entity = arena_cstr(s->a, viewer.entity);
    }
    *ret = s->entity;
    return 0;
}

int session_call(struct session *s, const char *document, const struct jval *variables,
                 const struct jval **ret, struct err *e)
{
    struct wandb_request req = { .document = document, .variables = variables };

    if (wandb_call(s->wandb, s->a, &req, ret, e))
        return session_explain(wandb_base_url(s->wandb), e);
    if (!jval_is(*ret, JVAL_OBJECT))
        return err_set(e, ERR_PROTO, "%s answered without data; is it the address of a W&B API?",
                       wandb_base_url(s->wandb));
    return 0;
}

void print_json(const struct jval *v)
{
    AUTO_STRBUF struct strbuf b = STRBUF(64 * 1024 * 1024);

    jval_write(&b, v, JVAL_PRETTY);
    puts(strbuf_cstr(&b));
}
