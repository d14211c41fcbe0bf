/* google/credentials/adc.c: which credential to use: Application Default Credentials (reference 4.1). */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "google/credentials/credential.h"
#include "io/file.h"

enum { MAX_FILE_BYTES = 256 * 1024 };

static const struct credential_kind *const file_kinds[] = { &service_account_kind, &authorized_user_kind };

static struct credential *credential_new(struct io *io, const char *endpoint)
{
    struct credential *c = xcalloc(1, sizeof(*c));

    c->io = io;
    c->a = arena_new();
    c->endpoint = arena_strdup(c->a, endpoint);
    return c;
}

void credential_free(struct credential *c)
{
    if (!c)
        return;
    secret_free(c->secret);
    secret_free(c->refresh);
    arena_free(c->a);
    free(c);
}

struct secret *file_secret(const struct jval *file, const char *key)
{
    struct str s = jval_str(jval_get(file, key));
    struct secret *made;

    if (s.len == 0)
        return NULL;
    made = secret_new(s);
    mem_wipe((char *)(uintptr_t)s.ptr, s.len); /* the tree is ours and about to go */
    return made;
}

static int pick_kind(struct credential *c, const struct jval *file, struct err *e)
{
    struct str type = jval_str(jval_get(file, "type"));

    for (size_t i = 0; i < ARRAY_LEN(file_kinds); i++) {
        if (str_is(type, file_kinds[i]->name))
            c->kind = file_kinds[i];
    }
    if (!c->kind)
        return err_set(
            e, ERR_CONFIG,
            "credentials of type \"%.*s\" are not supported; supported are service_account (a key file), "
            "authorized_user (gcloud auth application-default login) and the metadata server",
            STR_ARG(type));
    c->project = arena_str(c->a, jval_str(jval_get(file, "project_id")));
    c->quota_project = arena_str(c->a, jval_str(jval_get(file, "quota_project_id")));
    return c->kind->load(c, file, e);
}

static int load_file(struct credential *c, const char *path, struct err *e)
{
    AUTO_PTR(arena) a = arena_new();
    AUTO_PTR(secret) text = NULL;
    struct jval *file = NULL;
    struct err why = { 0 };

    c->source = arena_strdup(c->a, path);
    if (file_read_secret(c->io, path, MAX_FILE_BYTES, &text, &why)) {
        if (why.code == ERR_NOT_FOUND)
            return err_set(e, ERR_CONFIG, "File %s was not found.", path);
        return err_set(e, ERR_CONFIG, "credentials: %s", why.msg);
    }
    if (jval_from_json(a, secret_unwrap(text), path, NULL, &file, NULL) || !jval_is(file, JVAL_OBJECT))
        return err_set(e, ERR_CONFIG, "File %s is not a valid json file.", path);
    if (pick_kind(c, file, e))
        return err_wrap(e, "credentials in %s", path);
    return 0;
}

static const char *gcloud_file(struct io *io, struct arena *a)
{
    const char *folder = io_env_text(io, "CLOUDSDK_CONFIG"), *home = io_env_text(io, "HOME");

    if (folder)
        return arena_printf(a, "%s/application_default_credentials.json", folder);
    return home ? arena_printf(a, "%s/.config/gcloud/application_default_credentials.json", home) : NULL;
}

static int use_metadata(struct credential *c, const char *host, struct err *e)
{
    const char *skip = io_env(c->io, "NO_GCE_CHECK");

    if (!host || !*host)
        host = io_env_text(c->io, "GCE_METADATA_HOST");
    if (!host)
        host = io_env_text(c->io, "GCE_METADATA_ROOT");
    c->metadata_is_guess = !host;
    if (c->metadata_is_guess && skip && strcmp(skip, "true") == 0)
        return err_set(e, ERR_AUTH,
                       "Your default credentials were not found: no GOOGLE_APPLICATION_CREDENTIALS, no "
                       "gcloud login, and NO_GCE_CHECK=true. Run `gcloud auth application-default login`");
    c->kind = &metadata_kind;
    c->source = "the metadata server";
    c->metadata_host = arena_strdup(c->a, c->metadata_is_guess ? "metadata.google.internal" : host);
    return 0;
}

int credential_find(struct io *io, const char *file, const char *metadata_host, const char *endpoint,
                    struct credential **ret, struct err *e)
{
    AUTO_PTR(credential) c = credential_new(io, endpoint);
    const char *gcloud;
    int r;

    if (!file || !*file)
        file = metadata_host && *metadata_host ? NULL : io_env_text(io, "GOOGLE_APPLICATION_CREDENTIALS");
    gcloud = metadata_host && *metadata_host ? NULL : gcloud_file(io, c->a);
    if (file)
        r = load_file(c, file, e);
    else if (gcloud && file_exists(io, gcloud))
        r = load_file(c, gcloud, e);
    else
        r = use_metadata(c, metadata_host, e);
    if (r)
        return r;
    *ret = TAKE(c);
    return 0;
}
