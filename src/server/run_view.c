/* server/run_view.c: the fields of a run by name. */
#include "server/run_view.h"

#include <stddef.h>
#include <string.h>

static const struct field_name {
    const char *name;
    enum run_field_kind kind;
} field_names[] = {
    { "name", RUN_FIELD_NAME },
    { "id", RUN_FIELD_NAME },
    { "display_name", RUN_FIELD_DISPLAY_NAME },
    { "displayName", RUN_FIELD_DISPLAY_NAME },
    { "state", RUN_FIELD_STATE },
    { "group", RUN_FIELD_GROUP },
    { "groupName", RUN_FIELD_GROUP },
    { "group_name", RUN_FIELD_GROUP },
    { "job_type", RUN_FIELD_JOB_TYPE },
    { "jobType", RUN_FIELD_JOB_TYPE },
    { "sweep", RUN_FIELD_SWEEP },
    { "sweepName", RUN_FIELD_SWEEP },
    { "username", RUN_FIELD_USERNAME },
    { "user", RUN_FIELD_USERNAME },
    { "user.username", RUN_FIELD_USERNAME },
    { "host", RUN_FIELD_HOST },
    { "program", RUN_FIELD_PROGRAM },
    { "commit", RUN_FIELD_COMMIT },
    { "repo", RUN_FIELD_REPO },
    { "notes", RUN_FIELD_NOTES },
    { "description", RUN_FIELD_DESCRIPTION },
    { "tags", RUN_FIELD_TAGS },
    { "created_at", RUN_FIELD_CREATED },
    { "createdAt", RUN_FIELD_CREATED },
    { "heartbeat_at", RUN_FIELD_HEARTBEAT },
    { "heartbeatAt", RUN_FIELD_HEARTBEAT },
    { "updated_at", RUN_FIELD_HEARTBEAT },
    { "updatedAt", RUN_FIELD_HEARTBEAT },
    { "duration", RUN_FIELD_DURATION },
    { "runtime", RUN_FIELD_DURATION },
};
static const struct field_name field_prefixes[] = {
    { "config.", RUN_FIELD_CONFIG },
    { "summary_metrics.", RUN_FIELD_SUMMARY },
    { "summaryMetrics.", RUN_FIELD_SUMMARY },
    { "summary.", RUN_FIELD_SUMMARY },
};

int run_field_read(struct str name, struct run_field *ret, struct err *e)
{
    for (size_t i = 0; i < ARRAY_LEN(field_names); i++) {
        if (!str_is(name, field_names[i].name))
            continue;
        *ret = (struct run_field){ .kind = field_names[i].kind };
        return 0;
    }
    for (size_t i = 0; i < ARRAY_LEN(field_prefixes); i++) {
        struct str prefix = str_of(field_prefixes[i].name);

        if (!str_has_prefix(name, prefix) || name.len == prefix.len)
            continue;
        *ret = (struct run_field){ field_prefixes[i].kind, str_sub(name, prefix.len, name.len) };
        return 0;
    }
    return err_set(
        e, ERR_INVALID,
        "runs have no field \"%.*s\": there are name, display_name, state, group, job_type, sweep, "
        "username, host, program, commit, repo, notes, description, tags, created_at, "
        "heartbeat_at, duration, config.NAME and summary_metrics.NAME",
        STR_ARG(name));
}

bool run_field_is_time(const struct run_field *f)
{
    return f->kind == RUN_FIELD_CREATED || f->kind == RUN_FIELD_HEARTBEAT;
}

static const struct jval *parsed(struct run_view *v, const struct jval **kept, struct str text)
{
    const struct jval_limits limits = { .last_key_wins = true };
    struct jval *made = NULL;

    if (!*kept) {
        if (text.len == 0 || jval_from_json(v->a, text, "a run", &limits, &made, NULL))
            made = jval_new_null(v->a);
        *kept = made;
    }
    return *kept;
}

/* A name may have dots in it: the longest that is there is meant. */
static const struct jval *dotted(const struct jval *values, struct str path)
{
    const struct jval *found = jval_get_str(values, path);

    for (size_t end = path.len; !found && end > 0; end--) {
        if (path.ptr[end - 1] != '.')
            continue;
        found = jval_get_str(values, str_sub(path, 0, end - 1));
        if (found)
            return dotted(found, str_sub(path, end, path.len));
    }
    return found;
}

/* config is {"NAME": {"value": V}}: V is NAME, and NAME.value too. */
static const struct jval *config_value(const struct jval *config, struct str path)
{
    const struct str suffix = STR(".value");
    const struct jval *found;

    if (str_has_suffix(path, suffix))
        path.len -= suffix.len;
    found = jval_get_str(config, path);
    if (found)
        return jval_get(found, "value");
    for (size_t end = path.len; end > 0; end--) {
        if (path.ptr[end - 1] != '.')
            continue;
        found = jval_get_str(config, str_sub(path, 0, end - 1));
        if (found)
            return dotted(jval_get(found, "value"), str_sub(path, end, path.len));
    }
    return NULL;
}

/* Where the fields that are texts lie. */
static const size_t text_at[] = {
    [RUN_FIELD_NAME] = offsetof(struct store_run, name),
    [RUN_FIELD_DISPLAY_NAME] = offsetof(struct store_run, display_name),
    [RUN_FIELD_GROUP] = offsetof(struct store_run, group_name),
    [RUN_FIELD_JOB_TYPE] = offsetof(struct store_run, job_type),
    [RUN_FIELD_SWEEP] = offsetof(struct store_run, sweep),
    [RUN_FIELD_USERNAME] = offsetof(struct store_run, username),
    [RUN_FIELD_HOST] = offsetof(struct store_run, host),
    [RUN_FIELD_PROGRAM] = offsetof(struct store_run, program),
    [RUN_FIELD_COMMIT] = offsetof(struct store_run, commit),
    [RUN_FIELD_REPO] = offsetof(struct store_run, repo),
    [RUN_FIELD_NOTES] = offsetof(struct store_run, notes),
    [RUN_FIELD_DESCRIPTION] = offsetof(struct store_run, description),
};

static const struct jval *text_field(struct run_view *v, enum run_field_kind kind)
{
    struct str text;

    memcpy(&text, (const char *)v->run + text_at[kind], sizeof(text));
    if (kind == RUN_FIELD_DISPLAY_NAME && text.len == 0)
        text = v->run->name; /* as it is shown */
    return text.ptr ? jval_new_str(v->a, text) : NULL;
}

const struct jval *run_view_get(struct run_view *v, const struct run_field *f)
{
    const struct store_run *r = v->run;

    switch ((int)f->kind) { /* else it is text */
    case RUN_FIELD_STATE:
        return jval_new_cstr(v->a, run_state_name(r->state));
    case RUN_FIELD_TAGS:
        return parsed(v, &v->tags, r->tags);
    case RUN_FIELD_CREATED:
        return jval_new_int(v->a, r->created_unix_ms);
    case RUN_FIELD_HEARTBEAT:
        return jval_new_int(v->a, r->heartbeat_unix_ms);
    case RUN_FIELD_DURATION:
        return jval_new_real(v->a, (double)(r->heartbeat_unix_ms - r->created_unix_ms) / 1000);
    case RUN_FIELD_CONFIG:
        return config_value(parsed(v, &v->config, r->config), f->path);
    case RUN_FIELD_SUMMARY:
        return dotted(parsed(v, &v->summary, r->summary), f->path);
    default:
        return text_field(v, f->kind);
    }
}
