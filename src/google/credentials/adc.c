/* google/credentials/adc.c: which credential to use: Application Default Credentials (reference 4.1). */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "google/credentials/credential.h"
#include "io/file.h"

enum { MAX_FILE_BYTES = 256 * 1024 };

static const struct credential_kind *const file_kinds[] = {
    &authorized_user_kind, &service_account_kind, &external_account_kind,
    &external_user_kind,   &impersonated_kind,
};

static struct credential *credential_new(struct io *io, const struct credential_options *o)
{
    struct credential *c = xcalloc(1, sizeof(*c));

    c->io = io;
    c->hosts = o->hosts;
    c->a = arena_new();
    c->self_signed = o->self_signed;
    c->scope = GOOGLE_SCOPE;
    return c;
}

void credential_free(struct credential *c)
{
    if (!c)
        return;
    if (c->kind && c->kind->done)
        c->kind->done(c);
    credential_free(c->from);
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

    for (size_t i = 0; i < ARRAY_LEN(file_kinds); i++)
        if (str_is(type, file_kinds[i]->name))
            c->kind = file_kinds[i];
    if (!c->kind)
        return err_set(e, ERR_CONFIG,
                       "The file %s does not have a valid type. Type is %.*s, expected one of "
                       "(authorized_user, service_account, external_account, "
                       "external_account_authorized_user, impersonated_service_account).",
                       c->source, STR_ARG(type.len ? type : STR("None")));
    if (hosts_use_universe(c->hosts, arena_str(c->a, jval_str(jval_get(file, "universe_domain"))), e))
        return -ERR_CONFIG;
    c->project = arena_str(c->a, jval_str(jval_get(file, "project_id")));
    c->quota_project = arena_str(c->a, jval_str(jval_get(file, "quota_project_id")));
    return c->kind->load(c, file, e);
}

int credential_from_file(struct io *io, const struct credential_options *o, const char *source,
                         const struct jval *file, struct credential **ret, struct err *e)
{
    AUTO_PTR(credential) c = credential_new(io, o);

    c->source = arena_strdup(c->a, source);
    if (pick_kind(c, file, e))
        return -ERR_CONFIG;
    *ret = TAKE(c);
    return 0;
}

static int load_file(struct io *io, const struct credential_options *o, const char *path,
                     struct credential **ret, struct err *e)
{
    AUTO_PTR(arena) a = arena_new();
    AUTO_PTR(secret) text = NULL;
    struct jval *file = NULL;
    struct err why = { 0 };

    if (file_read_secret(io, path, MAX_FILE_BYTES, &text, &why)) {
        if (why.code == ERR_CANCELLED)
            return err_set(e, ERR_CANCELLED, "asked to stop");
        if (why.code == ERR_NOT_FOUND)
            return err_set(e, ERR_CONFIG, "File %s was not found.", path);
        return err_set(e, ERR_CONFIG, "credentials: %s", why.msg);
    }
    if (jval_from_json(a, secret_unwrap(text), path, NULL, &file, NULL) || !jval_is(file, JVAL_OBJECT))
        return err_set(e, ERR_CONFIG, "File %s is not a valid json file.", path);
    if (credential_from_file(io, o, path, file, ret, e))
        return err_wrap(e, "credentials in %s", path);
    (*ret)->is_exposed = ((*ret)->secret || (*ret)->refresh || (*ret)->from) && !file_is_private(io, path);
    return 0;
}

static int use_metadata(struct io *io, const struct credential_options *o, struct credential **ret,
                        struct err *e)
{
    AUTO_PTR(credential) c = credential_new(io, o);
    const char *skip = io_env(io, "NO_GCE_CHECK"), *host = o->metadata_host;

    c->found_by = "no credential file";
    if (!host || !*host) {
        host = io_env_text(io, "GCE_METADATA_HOST");
        if (!host)
            host = io_env_text(io, "GCE_METADATA_ROOT");
        c->found_by = host ? "GCE_METADATA_HOST" : c->found_by;
    }
    c->metadata_is_guess = !host;
    if (c->metadata_is_guess && skip && strcmp(skip, "true") == 0)
        return err_set(e, ERR_AUTH,
                       "Your default credentials were not found: no GOOGLE_APPLICATION_CREDENTIALS, no "
                       "gcloud login, and NO_GCE_CHECK=true. Run `gcloud auth application-default login`");
    c->kind = &metadata_kind;
    c->source = "the metadata server";
    c->metadata_host = arena_strdup(c->a, c->metadata_is_guess ? "metadata.google.internal" : host);
    *ret = TAKE(c);
    return 0;
}

int credential_find(struct io *io, const struct credential_options *o, struct credential **ret, struct err *e)
{
    AUTO_PTR(arena) a = arena_new();
    bool named = o->file && *o->file, metadata_only = !named && o->metadata_host && *o->metadata_host;
    const char *from_env = io_env_text(io, "GOOGLE_APPLICATION_CREDENTIALS");
    const char *folder = gcloud_folder(io, a);
    const char *gcloud = folder ? arena_printf(a, "%s/application_default_credentials.json", folder) : NULL;
    const char *path = NULL, *found_by = NULL;

    if (metadata_only)
        return use_metadata(io, o, ret, e);
    if (named) {
        path = o->file;
        found_by = "the setting google.credentials";
    } else if (from_env && !(gcloud && strcmp(from_env, gcloud) == 0)) {
        path = from_env;
        found_by = "GOOGLE_APPLICATION_CREDENTIALS";
    } else if (gcloud && (from_env || file_exists(io, gcloud))) {
        path = gcloud;
        found_by = "`gcloud auth application-default login`";
    }
    if (!path)
        return use_metadata(io, o, ret, e);
    if (load_file(io, o, path, ret, e))
        return e ? -(int)e->code : -ERR_CONFIG;
    (*ret)->found_by = found_by;
    return 0;
}
