/* launch/spec.c: reading a launch spec. */
#include "launch/spec.h"

#include "launch/path.h"

/* Every key a pusher writes (protocol reference 4.2), read here or not: anything else draws a warning. */
static const char *const spec_keys[] = { "entity",
                                         "project",
                                         "job",
                                         "docker",
                                         "image_uri",
                                         "uri",
                                         "name",
                                         "run_id",
                                         "resource",
                                         "author",
                                         "resource_args",
                                         "template_variables",
                                         "overrides",
                                         "git",
                                         "sweep_id",
                                         "queue_entity",
                                         "_wandb_api_key",
                                         "_resume_count",
                                         "python_version",
                                         "builder",
                                         "registry",
                                         "environment",
                                         "additional_services",
                                         "priority",
                                         "queue",
                                         "project_queue",
                                         "cuda",
                                         "target_entity",
                                         "target_project",
                                         NULL };
static const char *const override_keys[] = { "args",  "entry_point", "run_config",  "artifacts",
                                             "files", "dockerfile",  "working_dir", NULL };

struct reader {
    struct problems *p;
    const struct jval *v; /* the object being read */
    const struct path *at;
};

static const struct jval *member(const struct reader *r, const char *key, enum jval_type type)
{
    const struct jval *v = jval_get(r->v, key);
    const struct path here = { .up = r->at, .key = str_of(key) };

    if (!v || jval_is(v, JVAL_NULL))
        return NULL;
    if (jval_is(v, type))
        return v;
    problem_add(r->p, PROBLEM_ERROR, jval_pos(v), path_text(r->p->a, &here), "expected %s, got %s",
                type_phrase(type), type_phrase(jval_type(v)));
    return NULL;
}

static struct str text(const struct reader *r, const char *key)
{
    return jval_str(member(r, key, JVAL_STR));
}

/* Absent when empty: a pusher writes "" where it has nothing to say. */
static struct str filled_text(const struct reader *r, const char *key)
{
    struct str s = text(r, key);

    return s.len > 0 ? s : (struct str){ NULL, 0 };
}

static const struct jval *strings(const struct reader *r, const char *key)
{
    const struct jval *list = member(r, key, JVAL_ARRAY);
    const struct path here = { .up = r->at, .key = str_of(key) };
    size_t errors = r->p->errors;

    for (size_t i = 0; i < jval_len(list); i++) {
        const struct path element = { .up = &here, .index = i };
        const struct jval *v = jval_at(list, i);

        if (!jval_is(v, JVAL_STR))
            problem_add(r->p, PROBLEM_ERROR, jval_pos(v), path_text(r->p->a, &element),
                        "expected a string, got %s; write it in quotes", type_phrase(jval_type(v)));
    }
    return r->p->errors == errors ? list : NULL;
}

static void warn_unknown(const struct reader *r, const char *const *known)
{
    for (size_t i = 0; i < jval_len(r->v); i++) {
        struct str key = jval_key_at(r->v, i);
        const char *near = NULL;
        bool found = false;

        for (size_t k = 0; known[k] && !found; k++)
            found = str_is(key, known[k]);
        if (found)
            continue;
        near = nearest_name(key, known);
        problem_add(r->p, PROBLEM_WARNING, jval_key_pos_at(r->v, i), path_text(r->p->a, r->at),
                    "unknown key \"%.*s\" is not used%s%s%s", STR_ARG(key), near ? "; did you mean \"" : "",
                    near ? near : "", near ? "\"?" : "");
    }
}

static struct str lower(struct arena *a, struct str s)
{
    char *made = arena_cstr(a, s);

    for (size_t i = 0; i < s.len; i++) {
        if (made[i] >= 'A' && made[i] <= 'Z')
            made[i] = (char)(made[i] - 'A' + 'a');
    }
    return (struct str){ made, s.len };
}

static void read_target(const struct reader *r, struct launch_spec *ret)
{
    const struct jval *project = member(r, "project", JVAL_STR);

    ret->entity = text(r, "entity");
    if (ret->entity.len == 0)
        problem_add(r->p, PROBLEM_ERROR, jval_pos(r->v), "entity", "missing: whose run is it to be?");
    if (project)
        ret->wb_project = lower(r->p->a, jval_str(project)); /* as the protocol's agent does; "" is allowed */
    else
        problem_add(r->p, PROBLEM_ERROR, jval_pos(r->v), "project", "missing: the project of the run");
}

static void read_image(const struct reader *r, struct launch_spec *ret)
{
    const struct path at = { .up = r->at, .key = STR("docker") };
    const struct reader docker = { .p = r->p, .v = member(r, "docker", JVAL_OBJECT), .at = &at };

    ret->image_uri = filled_text(&docker, "docker_image");
    if (!ret->image_uri.ptr)
        ret->image_uri = filled_text(r, "image_uri");
    ret->wb_job = filled_text(r, "job");
}

static void read_overrides(const struct reader *r, struct launch_spec *ret)
{
    const struct path at = { .up = r->at, .key = STR("overrides") };
    const struct reader o = { .p = r->p, .v = member(r, "overrides", JVAL_OBJECT), .at = &at };

    if (!o.v)
        return;
    warn_unknown(&o, override_keys);
    ret->run_config = member(&o, "run_config", JVAL_OBJECT);
    ret->file_overrides = member(&o, "files", JVAL_OBJECT);
    ret->artifacts = member(&o, "artifacts", JVAL_OBJECT);
    ret->args = strings(&o, "args");
    ret->entry_point = strings(&o, "entry_point");
}

int launch_spec_parse(const struct jval *v, struct launch_spec *ret, struct problems *p, struct err *e)
{
    const struct reader r = { .p = p, .v = v };
    struct launch_spec s = { .raw = v };

    if (!jval_is(v, JVAL_OBJECT)) {
        problem_add(p, PROBLEM_ERROR, jval_pos(v), "", "a launch spec is an object, this is %s",
                    type_phrase(jval_type(v)));
        return problems_err(p, ERR_INVALID, e);
    }
    warn_unknown(&r, spec_keys);
    read_target(&r, &s);
    read_image(&r, &s);
    read_overrides(&r, &s);
    s.run_id = filled_text(&r, "run_id");
    s.run_name = filled_text(&r, "name");
    s.author = filled_text(&r, "author");
    s.sweep_id = filled_text(&r, "sweep_id");
    s.queue_entity = filled_text(&r, "queue_entity");
    s.resource = filled_text(&r, "resource");
    s.resource_args = member(&r, "resource_args", JVAL_OBJECT);
    s.resume_count = jval_int(member(&r, "_resume_count", JVAL_INT));
    s.has_own_api_key = text(&r, "_wandb_api_key").len > 0;
    *ret = s;
    return problems_err(p, ERR_INVALID, e);
}
