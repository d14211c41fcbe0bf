/* cli/emulator_secrets.c: `slipway emulator secret ...`: the secrets of a running emulator. */
#include <stdio.h>
#include <string.h>

#include "base/crypto.h"
#include "cli/emulator_client.h"
#include "cli/verbs.h"
#include "io/file.h"
#include "launch/secret_ref.h"

enum { VALUE_MAX_BYTES = 64 * 1024, PAGES_MAX = 1000 };

#define OPTION_DATA_FILE(help)                                                                               \
    {                                                                                                        \
        "data-file", 0, OPTION_TEXT, "FILE", help, 0, 0                                                      \
    }
static const struct option_row create_rows[] = {
    OPTION_DATA_FILE("its first value, to the last byte; - is standard input"),
    OPTION_EMULATOR_DATA,
    OPTION_EMULATOR_PROJECT,
    OPTION_OUTPUT,
    OPTION_END,
};
static const struct option_row add_rows[] = {
    OPTION_DATA_FILE("the value, to the last byte; - is standard input (the default)"),
    OPTION_EMULATOR_DATA,
    OPTION_EMULATOR_PROJECT,
    OPTION_OUTPUT,
    OPTION_END,
};
static const struct option_row plain_rows[] = { OPTION_EMULATOR_DATA, OPTION_EMULATOR_PROJECT, OPTION_OUTPUT,
                                                OPTION_END };

/* One command's connection, and the secret that its operand names. */
struct work {
    struct emulator_client c;
    struct arena *a; /* the client's */
    const struct args *args;
    struct secret_ref ref;
    const char *parent; /* "/v1/projects/P[/locations/L]" */
    const char *secret; /* "PARENT/secrets/S" */
};
typedef int (*work_fn)(struct work *w, struct err *e);

static int find(struct work *w, struct err *e)
{
    struct str project;
    int rc = secret_ref_parse(str_of(args_operand(w->args, 0)), (struct str){ NULL, 0 }, &w->ref, e);

    if (rc)
        return rc;
    project = w->ref.gcp_project.len ? w->ref.gcp_project : w->c.gcp_project;
    w->parent = arena_printf(w->a, "/v1/projects/%.*s%s%.*s", STR_ARG(project),
                             w->ref.location.len ? "/locations/" : "", STR_ARG(w->ref.location));
    w->secret = arena_printf(w->a, "%s/secrets/%.*s", w->parent, STR_ARG(w->ref.secret));
    return 0;
}

static int run(struct io *io, const struct args *args, work_fn fn, struct err *e)
{
    struct work w = { .args = args };
    int rc = emulator_client_open(io, args, &w.c, e);

    w.a = w.c.a;
    if (rc == 0 && args_operand(args, 0))
        rc = find(&w, e);
    if (rc == 0)
        rc = fn(&w, e);
    emulator_client_done(&w.c);
    return rc;
}

static void print_made(const struct work *w, const struct jval *v)
{
    if (args_json(w->args))
        printf("%.*s\n", STR_ARG(jval_text(w->a, v, JVAL_PRETTY)));
    else
        printf("%.*s\n", STR_ARG(jval_str(jval_get(v, "name"))));
}

/* --- making ------------------------------------------------------------------------------------------------
 */

static int add_value(struct work *w, const char *file, struct jval **ret, struct err *e)
{
    struct jval *body = jval_new_object(w->a), *payload = jval_new_object(w->a);
    struct strbuf text = STRBUF_WIPED(2 * VALUE_MAX_BYTES);
    struct str value = { NULL, 0 };
    int rc =
        file_read(w->c.io, w->a, strcmp(file, "-") == 0 ? "/dev/stdin" : file, VALUE_MAX_BYTES, &value, e);

    if (rc)
        return rc;
    strbuf_add_base64(&text, value);
    jval_set(w->a, payload, "data", jval_new_str(w->a, strbuf_str(&text)));
    jval_set_cstr(w->a, payload, "dataCrc32c", arena_printf(w->a, "%u", (unsigned)crc32c(value)));
    jval_set(w->a, body, "payload", payload);
    strbuf_wipe(&text);
    return emulator_client_call(&w->c, "POST", arena_printf(w->a, "%s:addVersion", w->secret), body, ret, e);
}

static int create(struct work *w, struct err *e)
{
    const char *file = args_text(w->args, "data-file");
    struct jval *body = jval_new_object(w->a), *replication = jval_new_object(w->a), *v = NULL;
    int rc;

    jval_set(w->a, replication, "automatic", jval_new_object(w->a));
    if (!w->ref.location.len)
        jval_set(w->a, body, "replication", replication);
    rc = emulator_client_call(
        &w->c, "POST", arena_printf(w->a, "%s/secrets?secretId=%.*s", w->parent, STR_ARG(w->ref.secret)),
        body, &v, e);
    if (rc == 0 && file)
        rc = add_value(w, file, &v, e);
    if (rc == 0)
        print_made(w, v);
    return rc;
}

static int add(struct work *w, struct err *e)
{
    const char *file = args_text(w->args, "data-file");
    struct jval *v = NULL;
    int rc = add_value(w, file ? file : "-", &v, e);

    if (rc == 0)
        print_made(w, v);
    return rc;
}

/* --- looking -----------------------------------------------------------------------------------------------
 */

/* All pages of @path, whose answers have a list called @member. */
static int read_list(struct work *w, const char *path, const char *member, struct jval **ret, struct err *e)
{
    struct jval *all = jval_new_array(w->a), *page = NULL;
    AUTO_STRBUF struct strbuf next = STRBUF(8192);

    strbuf_addz(&next, path);
    for (int n = 0; n < PAGES_MAX; n++) {
        int rc = emulator_client_call(&w->c, "GET", strbuf_cstr(&next), NULL, &page, e);
        const struct jval *list = jval_get(page, member);
        struct str token = jval_str(jval_get(page, "nextPageToken"));

        if (rc)
            return rc;
        for (size_t i = 0; i < jval_len(list); i++)
            jval_push(w->a, all, jval_at(list, i));
        if (!token.len)
            break;
        strbuf_reset(&next);
        strbuf_addf(&next, "%s?pageToken=", path);
        strbuf_add_url(&next, token);
    }
    *ret = all;
    return 0;
}

static void print_list(const struct work *w, const struct jval *list)
{
    if (args_json(w->args)) {
        printf("%.*s\n", STR_ARG(jval_text(w->a, list, JVAL_PRETTY)));
        return;
    }
    for (size_t i = 0; i < jval_len(list); i++) {
        struct str state = jval_str(jval_get(jval_at(list, i), "state"));

        printf("%.*s%s%.*s\n", STR_ARG(jval_str(jval_get(jval_at(list, i), "name"))), state.len ? "  " : "",
               STR_ARG(state));
    }
}

static int list_secrets(struct work *w, struct err *e)
{
    struct jval *list = NULL;
    int rc = read_list(w, arena_printf(w->a, "/v1/%s/secrets", emulator_client_project(&w->c)), "secrets",
                       &list, e);

    if (rc == 0)
        print_list(w, list);
    return rc;
}

static int list_versions(struct work *w, struct err *e)
{
    struct jval *list = NULL;
    int rc = read_list(w, arena_printf(w->a, "%s/versions", w->secret), "versions", &list, e);

    if (rc == 0)
        print_list(w, list);
    return rc;
}

/* The bytes as they are, without a newline of ours: "$(...)" and files get what was put in. */
static int access_version(struct work *w, struct err *e)
{
    struct jval *v = NULL;
    struct str value = { NULL, 0 };
    int rc = emulator_client_call(
        &w->c, "GET", arena_printf(w->a, "%s/versions/%.*s:access", w->secret, STR_ARG(w->ref.version)), NULL,
        &v, e);

    if (rc == 0)
        rc = base64_decode(w->a, jval_str(jval_path(v, "payload.data")), &value, e);
    if (rc)
        return rc;
    if (args_json(w->args))
        print_made(w, v);
    else
        (void)fwrite(value.ptr, 1, value.len, stdout);
    return 0;
}

/* --- changing ----------------------------------------------------------------------------------------------
 */

static int change_state(struct work *w, const char *verb, struct err *e)
{
    struct jval *v = NULL;
    int rc = emulator_client_call(
        &w->c, "POST", arena_printf(w->a, "%s/versions/%.*s:%s", w->secret, STR_ARG(w->ref.version), verb),
        jval_new_object(w->a), &v, e);

    if (rc == 0)
        print_made(w, v);
    return rc;
}

static int enable(struct work *w, struct err *e)
{
    return change_state(w, "enable", e);
}

static int disable(struct work *w, struct err *e)
{
    return change_state(w, "disable", e);
}

static int destroy(struct work *w, struct err *e)
{
    return change_state(w, "destroy", e);
}

/* The map as a whole is what Google's API changes. */
static int alias(struct work *w, struct err *e)
{
    struct jval *v = NULL, *aliases = jval_new_object(w->a), *body = jval_new_object(w->a);
    int64_t number = 0;
    int rc = emulator_client_call(&w->c, "GET", w->secret, NULL, &v, e);

    if (rc)
        return rc;
    if (!str_to_i64(w->ref.version, &number))
        return err_set(e, ERR_USAGE, "an alias stands for a version's number: %.*s:NUMBER",
                       STR_ARG(w->ref.secret));
    if (jval_get(v, "versionAliases"))
        aliases = jval_copy(w->a, jval_get(v, "versionAliases"));
    jval_set(w->a, aliases, args_operand(w->args, 1), jval_new_str(w->a, w->ref.version));
    jval_set(w->a, body, "versionAliases", aliases);
    return emulator_client_call(&w->c, "PATCH", arena_printf(w->a, "%s?updateMask=versionAliases", w->secret),
                                body, NULL, e);
}

static int delete_secret(struct work *w, struct err *e)
{
    return emulator_client_call(&w->c, "DELETE", w->secret, NULL, NULL, e);
}

#define RUNNER(name, fn)                                                                                     \
    static int name(struct io *io, const struct args *a, struct err *e)                                      \
    {                                                                                                        \
        return run(io, a, fn, e);                                                                            \
    }
RUNNER(create_run, create)
RUNNER(add_run, add)
RUNNER(list_run, list_secrets)
RUNNER(versions_run, list_versions)
RUNNER(access_run, access_version)
RUNNER(enable_run, enable)
RUNNER(disable_run, disable)
RUNNER(destroy_run, destroy)
RUNNER(alias_run, alias)
RUNNER(delete_run, delete_secret)

#define NAME_DETAILS                                                                                         \
    "NAME is as in queue configs: NAME, NAME:VERSION, projects/P/secrets/NAME,\n"                            \
    "projects/P/locations/L/secrets/NAME, each with or without /versions/VERSION."

const struct verb verb_emulator_secret_create = {
    .name = "emulator secret create",
    .operands = "NAME",
    .min_operands = 1,
    .max_operands = 1,
    .summary = "make a secret in the running emulator",
    .details = NAME_DETAILS,
    .examples = "  slipway emulator secret create hf-token --data-file token.txt\n"
                "  printf %s \"$TOKEN\" | slipway emulator secret create hf-token --data-file -",
    .rows = create_rows,
    .run = create_run,
};
const struct verb verb_emulator_secret_add = {
    .name = "emulator secret add",
    .operands = "NAME",
    .min_operands = 1,
    .max_operands = 1,
    .summary = "add a version to a secret: the new latest",
    .details = NAME_DETAILS,
    .examples = "  printf %s \"$TOKEN\" | slipway emulator secret add hf-token",
    .rows = add_rows,
    .run = add_run,
};
const struct verb verb_emulator_secret_list = {
    .name = "emulator secret list",
    .operands = "",
    .summary = "list the project's secrets",
    .examples = "  slipway emulator secret list -o json",
    .rows = plain_rows,
    .run = list_run,
};
const struct verb verb_emulator_secret_versions = {
    .name = "emulator secret versions",
    .operands = "NAME",
    .min_operands = 1,
    .max_operands = 1,
    .summary = "list a secret's versions, the newest first",
    .details = NAME_DETAILS,
    .examples = "  slipway emulator secret versions hf-token",
    .rows = plain_rows,
    .run = versions_run,
};
const struct verb verb_emulator_secret_access = {
    .name = "emulator secret access",
    .operands = "NAME",
    .min_operands = 1,
    .max_operands = 1,
    .summary = "print the value of a version (default latest)",
    .details = NAME_DETAILS,
    .examples = "  slipway emulator secret access hf-token:2",
    .rows = plain_rows,
    .run = access_run,
};
const struct verb verb_emulator_secret_enable = {
    .name = "emulator secret enable",
    .operands = "NAME",
    .min_operands = 1,
    .max_operands = 1,
    .summary = "make a disabled version readable again",
    .details = NAME_DETAILS,
    .examples = "  slipway emulator secret enable hf-token:2",
    .rows = plain_rows,
    .run = enable_run,
};
const struct verb verb_emulator_secret_disable = {
    .name = "emulator secret disable",
    .operands = "NAME",
    .min_operands = 1,
    .max_operands = 1,
    .summary = "make a version unreadable for now",
    .details = NAME_DETAILS,
    .examples = "  slipway emulator secret disable hf-token:2",
    .rows = plain_rows,
    .run = disable_run,
};
const struct verb verb_emulator_secret_destroy = {
    .name = "emulator secret destroy",
    .operands = "NAME",
    .min_operands = 1,
    .max_operands = 1,
    .summary = "delete the value of a version for good",
    .details = NAME_DETAILS,
    .examples = "  slipway emulator secret destroy hf-token:1",
    .rows = plain_rows,
    .run = destroy_run,
};
const struct verb verb_emulator_secret_alias = {
    .name = "emulator secret alias",
    .operands = "NAME:VERSION ALIAS",
    .min_operands = 2,
    .max_operands = 2,
    .summary = "give a version another name, such as prod",
    .examples = "  slipway emulator secret alias hf-token:2 prod",
    .rows = plain_rows,
    .run = alias_run,
};
const struct verb verb_emulator_secret_delete = {
    .name = "emulator secret delete",
    .operands = "NAME",
    .min_operands = 1,
    .max_operands = 1,
    .summary = "delete a secret with all its versions",
    .details = NAME_DETAILS,
    .examples = "  slipway emulator secret delete hf-token",
    .rows = plain_rows,
    .run = delete_run,
};
