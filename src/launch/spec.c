/* launch/spec.c: reading a launch spec: its keys as tables. */
#include "launch/spec.h"

#include <stddef.h>
#include <string.h>

#include "base/ascii.h"
#include "launch/path.h"

/* What a key's value must be, and what *ret gets. */
enum kind {
    KIND_ANY,    /* known, and nothing is said about it */
    KIND_NAME,   /* text; "" is absent: a pusher writes it where it has nothing to say */
    KIND_SECRET, /* text that no message shows */
    KIND_COUNT,  /* integer, 0 to @max */
    KIND_LIST,
    KIND_WORDS, /* list of strings */
    KIND_OBJECT,
    KIND_OBJECTS /* object whose members are objects */
};
struct key {
    const char *name;
    enum kind kind;
    size_t max;    /* KIND_NAME: bytes, 0 is SPEC_MAX_NAME; KIND_COUNT: value */
    size_t offset; /* in struct launch_spec; 0: not kept, for entity, the first member, is read by itself */
};
#define TO(member) .offset = offsetof(struct launch_spec, member)

static const struct key spec_keys[] = {
    { "entity", KIND_ANY }, /* these two have rules of their own */
    { "project", KIND_ANY },
    { "job", KIND_NAME, TO(wb_job) },
    { "docker", KIND_OBJECT },
    { "image_uri", KIND_NAME, TO(image_uri) },
    { "uri", KIND_NAME, TO(uri) },
    { "name", KIND_NAME, TO(run_name) },
    { "run_id", KIND_NAME, .max = SPEC_MAX_RUN_ID, TO(run_id) },
    { "resource", KIND_NAME, TO(resource) },
    { "author", KIND_NAME, TO(author) },
    { "resource_args", KIND_OBJECT, TO(resource_args) }, /* the renderer looks into it */
    { "template_variables", KIND_OBJECT },
    { "overrides", KIND_OBJECT },
    { "git", KIND_OBJECT },
    { "sweep_id", KIND_NAME, TO(sweep_id) },
    { "queue_entity", KIND_NAME, TO(queue_entity) },
    { "_wandb_api_key", KIND_SECRET },
    { "_resume_count", KIND_COUNT, .max = SPEC_MAX_RESUMES, TO(resume_count) },
    { "python_version", KIND_NAME, TO(python_version) },
    { "builder", KIND_OBJECT },
    { "registry", KIND_OBJECT },
    { "environment", KIND_OBJECT },
    { "additional_services", KIND_LIST },
    /* left in by the sweep scheduler's launch config and by the command line's; nobody reads them */
    { "priority", KIND_ANY },
    { "queue", KIND_ANY },
    { "project_queue", KIND_ANY },
    { "cuda", KIND_ANY },
    { "target_entity", KIND_ANY },
    { "target_project", KIND_ANY },
};
static const struct key docker_keys[] = {
    { "docker_image", KIND_NAME, TO(image_uri) }, /* read after image_uri: wins over it */
    { "user_id", KIND_COUNT, .max = UINT32_MAX, TO(docker_user_id) },
};
static const struct key override_keys[] = {
    { "args", KIND_WORDS, TO(args) },
    { "entry_point", KIND_WORDS, TO(entry_point) },
    { "run_config", KIND_OBJECT, TO(run_config) },
    { "artifacts", KIND_OBJECT, TO(artifacts) },
    { "files", KIND_OBJECTS, TO(file_overrides) },
    { "dockerfile", KIND_NAME, TO(dockerfile) },
    { "working_dir", KIND_NAME, TO(working_dir) },
};
static const struct key git_keys[] = {
    { "version", KIND_NAME, TO(git_version) },
    { "repo", KIND_NAME, TO(git_repo) },
};

struct reader {
    struct problems *p;
    struct launch_spec *ret;
    const struct jval *v; /* the object being read */
    const struct path *at;
};

static void PRINTF(4, 5)
    wrong(const struct reader *r, const struct jval *v, const struct path *at, const char *fmt, ...)
{
    AUTO_STRBUF struct strbuf b = STRBUF(1000);
    va_list ap;

    va_start(ap, fmt);
    strbuf_vaddf(&b, fmt, ap);
    va_end(ap);
    problem_add(r->p, PROBLEM_ERROR, jval_pos(v), path_text(r->p->a, at), "%s", strbuf_cstr(&b));
}

static bool is_type(const struct reader *r, const struct jval *v, const struct path *at, enum jval_type type)
{
    if (jval_is(v, type))
        return true;
    wrong(r, v, at, "expected %s, got %s", type_phrase(type), type_phrase(jval_type(v)));
    return false;
}

static bool is_name(const struct reader *r, const struct jval *v, const struct path *at, size_t max)
{
    struct str s;

    if (!is_type(r, v, at, JVAL_STR))
        return false;
    s = jval_str(v);
    max = max ? max : SPEC_MAX_NAME;
    if (s.len > max) {
        wrong(r, v, at, "%zu bytes; at most %zu", s.len, max);
        return false;
    }
    for (size_t i = 0; i < s.len; i++) {
        if ((unsigned char)s.ptr[i] < 0x20 || s.ptr[i] == 0x7f) {
            wrong(r, v, at, "holds a control character");
            return false;
        }
    }
    return true;
}

static bool is_count(const struct reader *r, const struct jval *v, const struct path *at, size_t max)
{
    if (!is_type(r, v, at, JVAL_INT))
        return false;
    if (jval_int(v) >= 0 && (uint64_t)jval_int(v) <= max)
        return true;
    wrong(r, v, at, "%lld is not in 0..%zu", (long long)jval_int(v), max);
    return false;
}

static bool are_words(const struct reader *r, const struct jval *list, const struct path *at)
{
    size_t errors = r->p->errors;

    if (!jval_is(list, JVAL_ARRAY)) {
        wrong(r, list, at, "expected a list of strings, got %s", type_phrase(jval_type(list)));
        return false;
    }
    if (jval_len(list) > SPEC_MAX_WORDS) {
        wrong(r, list, at, "%zu strings; at most %d", jval_len(list), SPEC_MAX_WORDS);
        return false;
    }
    for (size_t i = 0; i < jval_len(list); i++) {
        const struct path here = { .up = at, .index = i };
        const struct jval *v = jval_at(list, i);

        if (!jval_is(v, JVAL_STR))
            wrong(r, v, &here, "expected a string, got %s; write it in quotes", type_phrase(jval_type(v)));
        else if (memchr(jval_str(v).ptr, 0, jval_str(v).len))
            wrong(r, v, &here, "holds a NUL byte, which no argument can");
    }
    return r->p->errors == errors;
}

static bool are_objects(const struct reader *r, const struct jval *v, const struct path *at)
{
    size_t errors = r->p->errors;

    if (!is_type(r, v, at, JVAL_OBJECT))
        return false;
    for (size_t i = 0; i < jval_len(v); i++) {
        const struct path here = { .up = at, .key = jval_key_at(v, i) };

        if (!jval_is(jval_at(v, i), JVAL_NULL))
            (void)is_type(r, jval_at(v, i), &here, JVAL_OBJECT);
    }
    return r->p->errors == errors;
}

static bool is_kind(const struct reader *r, const struct key *k, const struct jval *v, const struct path *at)
{
    switch (k->kind) {
    case KIND_ANY:
        return true;
    case KIND_NAME:
        return is_name(r, v, at, k->max);
    case KIND_SECRET:
        return is_type(r, v, at, JVAL_STR);
    case KIND_COUNT:
        return is_count(r, v, at, k->max);
    case KIND_LIST:
        return is_type(r, v, at, JVAL_ARRAY);
    case KIND_WORDS:
        return are_words(r, v, at);
    case KIND_OBJECT:
        return is_type(r, v, at, JVAL_OBJECT);
    case KIND_OBJECTS:
        return are_objects(r, v, at);
    }
    return false;
}

static void keep(const struct reader *r, const struct key *k, const struct jval *v)
{
    void *to = (char *)r->ret + k->offset;

    if (k->offset == 0)
        return;
    if (k->kind == KIND_NAME && jval_str(v).len > 0)
        *(struct str *)to = jval_str(v);
    else if (k->kind == KIND_COUNT)
        *(int64_t *)to = jval_int(v);
    else if (k->kind != KIND_NAME)
        *(const struct jval **)to = v;
}

static const struct key *key_find(const struct key *keys, size_t len, struct str name)
{
    for (size_t i = 0; i < len; i++) {
        if (str_is(name, keys[i].name))
            return &keys[i];
    }
    return NULL;
}

static void warn_unknown(const struct reader *r, const struct key *keys, size_t len, size_t index)
{
    const char **names = arena_array(r->p->a, len + 1, sizeof(*names));
    struct str key = jval_key_at(r->v, index);
    const char *near;

    for (size_t i = 0; i < len; i++)
        names[i] = keys[i].name;
    near = nearest_name(key, names);
    problem_add(r->p, PROBLEM_WARNING, jval_key_pos_at(r->v, index), path_text(r->p->a, r->at),
                "unknown key \"%.*s\" is not used%s%s%s", STR_ARG(str_sub(key, 0, 200)),
                near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
}

/* The members of an object, each by its row. */
static void read_keys(const struct reader *r, const struct key *keys, size_t len)
{
    for (size_t i = 0; i < jval_len(r->v); i++) {
        const struct path here = { .up = r->at, .key = jval_key_at(r->v, i) };
        const struct key *k = key_find(keys, len, here.key);

        if (!k)
            warn_unknown(r, keys, len, i);
        else if (!jval_is(jval_at(r->v, i), JVAL_NULL) && is_kind(r, k, jval_at(r->v, i), &here))
            keep(r, k, jval_at(r->v, i));
    }
}

static void read_inner(const struct reader *r, const char *name, const struct key *keys, size_t len)
{
    const struct path at = { .up = r->at, .key = str_of(name) };
    const struct jval *v = jval_get(r->v, name);
    const struct reader inner = { .p = r->p, .ret = r->ret, .v = v, .at = &at };

    if (jval_is(v, JVAL_OBJECT))
        read_keys(&inner, keys, len);
}

static struct str lower(struct arena *a, struct str s)
{
    char *made = arena_cstr(a, s);

    for (size_t i = 0; i < s.len; i++)
        made[i] = ascii_lower(made[i]);
    return (struct str){ made, s.len };
}

/* Of these two, absence is an error. */
static struct str required(const struct reader *r, const char *key, const char *missing)
{
    const struct path at = { .key = str_of(key) };
    const struct jval *v = jval_get(r->v, key);

    if (!v || jval_is(v, JVAL_NULL))
        wrong(r, r->v, &at, "missing: %s", missing);
    else if (is_name(r, v, &at, 0))
        return jval_str(v);
    return (struct str){ NULL, 0 };
}

static void read_target(const struct reader *r)
{
    const struct path at = { .key = STR("entity") };
    struct str project;

    r->ret->entity = required(r, "entity", "whose run is it to be?");
    if (r->ret->entity.ptr && r->ret->entity.len == 0)
        wrong(r, jval_get(r->v, "entity"), &at, "empty: whose run is it to be?");
    project = required(r, "project", "the project of the run");
    if (project.ptr)
        r->ret->wb_project = lower(r->p->a, project); /* as the protocol's agent does */
}

/* What the W&B client refuses as well (wandb's settings, validate_run_id): better before the job than in it.
 */
static void check_run_id(const struct reader *r)
{
    static const char reserved[] = ":;,#?/'";
    const struct path at = { .key = STR("run_id") };
    const struct jval *v = jval_get(r->v, "run_id");
    struct str id = r->ret->run_id;

    for (size_t i = 0; i < id.len; i++) {
        if (strchr(reserved, id.ptr[i])) {
            wrong(r, v, &at, "\"%.*s\": a run id has none of %s", STR_ARG(id), reserved);
            return;
        }
    }
    if (str_trim(id).len != id.len)
        wrong(r, v, &at, "\"%.*s\": a run id does not begin or end with white space", STR_ARG(id));
}

/* A slot's artifact is a name, or the object that the W&B pages write. */
static void check_artifacts(const struct reader *r)
{
    const struct path overrides = { .key = STR("overrides") },
                      artifacts = { .up = &overrides, .key = STR("artifacts") };

    for (size_t i = 0; i < jval_len(r->ret->artifacts); i++) {
        const struct jval *v = jval_at(r->ret->artifacts, i);
        const struct path at = { .up = &artifacts, .key = jval_key_at(r->ret->artifacts, i) };

        if (!jval_is(v, JVAL_STR) && !jval_is(v, JVAL_OBJECT))
            wrong(r, v, &at, "expected an artifact's name, as entity/project/name:alias, got %s",
                  type_phrase(jval_type(v)));
    }
}

int launch_spec_parse(const struct jval *v, struct launch_spec *ret, struct problems *p, struct err *e)
{
    struct launch_spec s = { .raw = v, .docker_user_id = 1000 };
    const struct reader r = { .p = p, .ret = &s, .v = v };

    if (!jval_is(v, JVAL_OBJECT)) {
        problem_add(p, PROBLEM_ERROR, jval_pos(v), "", "a launch spec is an object, this is %s",
                    type_phrase(jval_type(v)));
        return problems_err(p, ERR_INVALID, e);
    }
    read_target(&r);
    read_keys(&r, spec_keys, ARRAY_LEN(spec_keys));
    read_inner(&r, "docker", docker_keys, ARRAY_LEN(docker_keys));
    read_inner(&r, "overrides", override_keys, ARRAY_LEN(override_keys));
    read_inner(&r, "git", git_keys, ARRAY_LEN(git_keys));
    check_run_id(&r);
    check_artifacts(&r);
    s.has_own_api_key = jval_str(jval_get(v, "_wandb_api_key")).len > 0;
    *ret = s;
    return problems_err(p, ERR_INVALID, e);
}
