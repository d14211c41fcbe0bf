/* wandb/settings.c: where the server is and with which key, from the places the W&B client looks at. */
#include <string.h>

#include "io/file.h"
#include "wandb/netrc.h"
#include "wandb/wandb_internal.h"

enum { SETTINGS_MAX_BYTES = 256 * 1024 };

/* NULL when neither WANDB_CONFIG_DIR nor HOME says where. */
static const char *global_settings_dir(struct io *io, struct arena *a)
{
    const char *dir = io_env_text(io, "WANDB_CONFIG_DIR"), *home = io_env_text(io, "HOME");

    if (dir)
        return dir;
    return home ? arena_printf(a, "%s/.config/wandb", home) : NULL;
}

/* $NETRC, else ~/.netrc, else ~/_netrc when only that is there. NULL without a home. */
static const char *netrc_path(struct io *io, struct arena *a)
{
    const char *path = io_env_text(io, "NETRC"), *home = io_env_text(io, "HOME"), *dot, *underscore;

    if (path || !home)
        return path;
    dot = arena_printf(a, "%s/.netrc", home);
    underscore = arena_printf(a, "%s/_netrc", home);
    return !file_exists(io, dot) && file_exists(io, underscore) ? underscore : dot;
}

/* A file that is not there is an empty one. */
static int read_optional(struct io *io, struct arena *a, const char *path, struct str *ret, struct err *e)
{
    int rc = path && file_exists(io, path) ? file_read(io, a, path, SETTINGS_MAX_BYTES, ret, e) : 0;

    return rc == -ERR_NOT_FOUND ? 0 : rc;
}

/* What a settings file says; what it does not mention stays as it is. */
static int take_file(struct io *io, struct arena *a, const char *path, struct wandb_settings *s,
                     struct err *e)
{
    struct str text = { 0 }, url, entity;

    if (read_optional(io, a, path, &text, e))
        return err_wrap(e, "settings");
    url = settings_text_get(text, "base_url");
    entity = settings_text_get(text, "entity");
    if (url.len) {
        s->base_url = arena_cstr(a, url);
        s->base_url_from = path;
    }
    if (entity.len)
        s->entity = arena_cstr(a, entity);
    return 0;
}

/* Later wins: default, global file, workspace file, environment. */
static int load_places(struct io *io, struct arena *a, struct wandb_settings *s, struct err *e)
{
    const char *dir = global_settings_dir(io, a);
    const char *paths[] = { dir ? arena_printf(a, "%s/settings", dir) : NULL, "wandb/settings" };
    const char *url = io_env_text(io, "WANDB_BASE_URL"), *entity = io_env_text(io, "WANDB_ENTITY");

    s->base_url = WANDB_CLOUD_URL;
    s->base_url_from = "the default";
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        int rc = take_file(io, a, paths[i], s, e);

        if (rc)
            return rc;
    }
    if (entity)
        s->entity = arena_strdup(a, entity);
    if (url) {
        s->base_url = arena_strdup(a, url);
        s->base_url_from = "WANDB_BASE_URL";
    }
    return 0;
}

static int key_from_netrc(struct io *io, struct arena *a, struct wandb_settings *s, struct err *e)
{
    const char *path = netrc_path(io, a);
    AUTO_PTR(secret) text = NULL;
    int rc;

    if (!path || !file_exists(io, path))
        return 0;
    if (file_read_secret(io, path, NETRC_MAX_BYTES, &text, e))
        return err_wrap(e, "netrc");
    rc = netrc_find(secret_unwrap(text), wandb_url_netloc(str_of(s->base_url)), &s->api_key, e);
    if (rc == -ERR_NOT_FOUND)
        return 0;
    if (rc) {
        err_wrap(e, "%s", path);
        if (e)
            e->code = ERR_CONFIG;
        return -ERR_CONFIG;
    }
    s->api_key_from = path;
    return 0;
}

static int load_key(struct io *io, struct arena *a, struct wandb_settings *s, struct err *e)
{
    const char *key = io_env_text(io, "WANDB_API_KEY");
    int rc = 0;

    if (io_env_text(io, "WANDB_IDENTITY_TOKEN_FILE"))
        return err_set(e, ERR_CONFIG,
                       "WANDB_IDENTITY_TOKEN_FILE: federated identity is not supported; unset it "
                       "and set WANDB_API_KEY");
    if (key) {
        s->api_key = secret_new(str_trim(str_of(key)));
        s->api_key_from = "WANDB_API_KEY";
    } else {
        rc = key_from_netrc(io, a, s, e);
    }
    if (rc)
        return rc;
    rc = s->api_key ? wandb_key_check(s->api_key, s->api_key_from, e) : 0;
    if (rc) {
        secret_free(s->api_key);
        s->api_key = NULL;
    }
    return rc;
}

static const char *without_slashes(struct arena *a, const char *url)
{
    struct str s = str_trim(str_of(url));

    while (s.len && s.ptr[s.len - 1] == '/')
        s.len--;
    return arena_cstr(a, s);
}

int wandb_settings_load(struct io *io, struct arena *a, const char *base_url, struct wandb_settings *ret,
                        struct err *e)
{
    struct wandb_settings s = { 0 };
    int rc = load_places(io, a, &s, e);

    if (rc)
        return rc;
    if (base_url) {
        s.base_url = base_url;
        s.base_url_from = "the command line";
    }
    s.base_url = without_slashes(a, s.base_url);
    rc = wandb_url_check(str_of(s.base_url), s.base_url_from, e);
    if (!rc)
        rc = load_key(io, a, &s, e);
    if (rc)
        return rc;
    *ret = s;
    return 0;
}

static int save_netrc(struct io *io, const char *path, const char *base_url, const struct secret *key,
                      struct err *e)
{
    AUTO_PTR(secret) old = NULL;
    struct strbuf text = STRBUF(NETRC_MAX_BYTES);
    int rc = file_exists(io, path) ? file_read_secret(io, path, NETRC_MAX_BYTES, &old, e) : 0;

    if (!rc)
        rc = netrc_replace(&text, old ? secret_unwrap(old) : STR(""), wandb_url_netloc(str_of(base_url)),
                           "user", key, e);
    if (rc)
        err_wrap(e, "%s", path);
    else
        rc = file_write(io, path, strbuf_str(&text), 0600, e);
    strbuf_wipe(&text);
    return rc;
}

static int save_base_url(struct io *io, struct arena *a, const char *base_url, struct err *e)
{
    const char *dir = global_settings_dir(io, a), *path;
    struct str old = { 0 }, value = { 0 };
    AUTO_STRBUF struct strbuf text = STRBUF(SETTINGS_MAX_BYTES);

    if (!dir)
        return err_set(e, ERR_CONFIG,
                       "neither WANDB_CONFIG_DIR nor HOME is set: no place to save the server's "
                       "address");
    path = arena_printf(a, "%s/settings", dir);
    if (file_mkdirs(io, dir, e) || read_optional(io, a, path, &old, e))
        return err_wrap(e, "settings");
    if (strcmp(base_url, WANDB_CLOUD_URL) != 0)
        value = str_of(base_url);
    settings_text_set(&text, old, "base_url", value);
    if (!old.ptr && !text.len)
        return 0;
    return strbuf_check(&text, e) ? -ERR_LIMIT : file_write(io, path, strbuf_str(&text), 0600, e);
}

int wandb_login_save(struct io *io, struct arena *a, const char *base_url, const struct secret *api_key,
                     const char **ret_path, struct err *e)
{
    const char *path = netrc_path(io, a), *url = without_slashes(a, base_url);
    int rc = wandb_url_check(str_of(url), "login", e);

    if (!rc)
        rc = wandb_key_check(api_key, "login", e);
    if (rc)
        return rc;
    if (!path)
        return err_set(e, ERR_CONFIG, "neither NETRC nor HOME is set: no place to save the key");
    rc = save_netrc(io, path, url, api_key, e);
    if (!rc)
        rc = save_base_url(io, a, url, e);
    if (!rc && ret_path)
        *ret_path = path;
    return rc;
}
