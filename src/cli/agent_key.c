/* cli/agent_key.c: reading the agent's own key, and reading it again. */
#include "cli/agent_key.h"

#include <string.h>

#include "base/log.h"
#include "launch/secret_ref.h"

enum { LOOK_INTERVAL_MS = 10000 };

/* The value without the newline that an editor leaves at its end. */
static int read_key(struct agent_key *k, struct secret **ret, struct err *e)
{
    AUTO_PTR(secret) value = NULL;
    AUTO_PTR(secret) key = NULL;
    AUTO_PTR(arena) a = arena_new();
    int rc = secret_manager_access(k->secrets, k->name, (struct str){ NULL, 0 }, &value, e);

    if (rc)
        return err_wrap(e, "the agent's W&B key");
    key = secret_new(str_trim(secret_unwrap(value)));
    rc = wandb_key_check(key, arena_printf(a, "secret %.*s", STR_ARG(k->name)), e);
    if (rc == 0)
        *ret = TAKE(key);
    return rc;
}

int agent_key_read(struct agent_key *k, struct arena *a, const struct launch_config *c,
                   struct wandb_settings *settings, struct err *e)
{
    struct secret_ref ref = { 0 };
    struct secret *key = NULL;
    int rc;

    if (!c->api_key_secret || (settings->api_key && strcmp(settings->api_key_from, "WANDB_API_KEY") == 0))
        return 0;
    rc = secret_ref_parse(str_of(c->api_key_secret), (struct str){ NULL, 0 }, &ref, e);
    if (rc == 0 && !ref.gcp_project.ptr)
        ref.gcp_project = str_of(c->gcp_project);
    if (rc == 0 && !ref.gcp_project.ptr)
        rc = google_project(k->google, &ref.gcp_project, e);
    if (rc)
        return err_wrap(e, "%s", c->api_key_secret_from);
    k->name = secret_ref_name(a, &ref);
    rc = read_key(k, &key, e);
    if (rc)
        return err_wrap(e, "%s", c->api_key_secret_from);
    secret_free(settings->api_key);
    settings->api_key = key;
    settings->api_key_from = c->api_key_secret_from;
    LOG_INFO("agent.key_read", "secret=%.*s", STR_ARG(k->name));
    return 0;
}

int agent_key_renew(void *ctx, struct secret **ret, struct err *e)
{
    struct agent_key *k = ctx;
    int rc;

    if (k->looking == 0 && io_now_ms(k->io) < k->next_look_ms)
        return err_set(e, ERR_AUTH, "the agent's W&B key was read a moment ago");
    if (k->looking++ == 0)
        secret_manager_drop(k->secrets, k->name);
    rc = read_key(k, ret, e);
    if (--k->looking == 0) {
        k->next_look_ms = io_now_ms(k->io) + LOOK_INTERVAL_MS;
        LOG_INFO("agent.key_read", "secret=%.*s reason=\"the server refused the key\"%s%s%s",
                 STR_ARG(k->name), rc ? " error=\"" : "", rc && e ? e->msg : "", rc ? "\"" : "");
    }
    return rc;
}
