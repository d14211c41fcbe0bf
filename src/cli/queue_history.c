/* cli/queue_history.c: `slipway queue history` and `rollback`: what a queue was, who changed what, and the
 * way back. */
#include <stdio.h>

#include "cli/documents.h"
#include "cli/queue_find.h"
#include "cli/session.h"
#include "cli/text.h"
#include "cli/value_changes.h"
#include "cli/verbs.h"

enum { COUNT_DEFAULT = 20, COUNT_MAX = 999 };

/* --- history --- */

struct asked {
    const char *queue;
    int64_t count, before; /* before 0: from the newest on */
};

static int versions_ask(struct session *s, const struct asked *q, const struct jval **ret, struct err *e)
{
    struct jval *v = jval_new_object(s->a);
    const struct jval *data = NULL;
    const char *entity = NULL;

    if (session_entity(s, &entity, e))
        return -(int)e->code;
    jval_set_cstr(s->a, v, "entity", entity);
    jval_set_cstr(s->a, v, "project", QUEUE_PROJECT);
    jval_set_cstr(s->a, v, "queue", q->queue);
    jval_set_int(s->a, v, "first", q->count);
    if (q->before > 0)
        jval_set_int(s->a, v, "before", q->before);
    if (session_call(s, document_queue_versions, v, &data, e))
        return -(int)e->code;
    if (jval_is(jval_path(data, "project.runQueue"), JVAL_NULL))
        return err_set(e, ERR_NOT_FOUND, "no queue \"%s\" in %s; 'slipway queue list' shows what there is",
                       q->queue, entity);
    *ret = jval_path(data, "project.runQueue.versions");
    return 0;
}

/* Only what people set. */
static const struct jval *contents(struct arena *a, const struct jval *version)
{
    static const char *const names[] = { "access", "prioritizationMode", "externalLinks", "resource",
                                         "config", "templateVariables" };
    struct jval *o = jval_new_object(a);

    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (!jval_is(jval_get(version, names[i]), JVAL_NULL))
            jval_set(a, o, names[i], jval_get(version, names[i]));
    return o;
}

/* Each with what it changed, but for the first there is, which changed nothing. */
static struct jval *with_changes(struct arena *a, const struct jval *versions, size_t count)
{
    struct jval *list = jval_new_array(a);

    for (size_t i = 0; i < jval_len(versions) && i < count; i++) {
        const struct jval *older = jval_at(versions, i + 1);
        struct jval *one = jval_copy(a, jval_at(versions, i));

        jval_set(a, one, "changes",
                 older ? value_changes(a, contents(a, older), contents(a, jval_at(versions, i)))
                       : jval_new_array(a));
        jval_push(a, list, one);
    }
    return list;
}

static void print_version(struct arena *a, const struct jval *v)
{
    const struct jval *changes = jval_get(v, "changes");
    int64_t back = jval_int(jval_get(v, "rolledBackTo"));

    printf("%-4lld %.*s  %.*s%s\n", (long long)jval_int(jval_get(v, "version")),
           STR_ARG(jval_str(jval_get(v, "createdAt"))),
           STR_ARG(text_first_line(a, jval_str(jval_get(v, "createdBy")))),
           back > 0 ? arena_printf(a, "  rolled back to %lld", (long long)back) : "");
    for (size_t i = 0; i < jval_len(changes); i++)
        printf("     %.*s\n", STR_ARG(text_first_line(a, str_of(value_change_text(a, jval_at(changes, i))))));
}

static int history(struct session *s, const struct args *args, struct err *e)
{
    int64_t only = args_int(args, "version", 0),
            count = only > 0 ? 1 : args_int(args, "count", COUNT_DEFAULT);
    const struct asked q = { .queue = args_operand(args, 0),
                             .count = count + 1, /* the first one shown has changes too */
                             .before = only > 0 ? only + 1 : 0 };
    const struct jval *versions = NULL;
    struct jval *list;

    if (versions_ask(s, &q, &versions, e))
        return -(int)e->code;
    if (only > 0 && jval_int(jval_get(jval_at(versions, 0), "version")) != only)
        return err_set(e, ERR_NOT_FOUND, "queue %s has no version %lld: see 'slipway queue history %s'",
                       q.queue, (long long)only, q.queue);
    list = with_changes(s->a, versions, (size_t)count);
    if (only > 0)
        print_json(jval_at(list, 0));
    else if (args_json(args))
        print_json(list);
    for (size_t i = 0; only == 0 && !args_json(args) && i < jval_len(list); i++)
        print_version(s->a, jval_at(list, i));
    return 0;
}

static int history_run(struct io *io, const struct args *a, struct err *e)
{
    return session_run(io, a, history, e);
}

static const struct option_row history_rows[] = {
    { "count", 0, OPTION_INT, "N", "at most so many, the newest (default 20)", 1, COUNT_MAX },
    { "version", 0, OPTION_INT, "N", "print this one alone, whole, as JSON", 1, INT64_MAX - 1 },
    OPTION_ENTITY,
    OPTION_URL,
    OPTION_OUTPUT,
    OPTION_END,
};

const struct verb verb_queue_history = {
    .name = "queue history",
    .operands = "NAME",
    .min_operands = 1,
    .max_operands = 1,
    .summary = "show who changed a queue's config when, and what",
    .details =
        "On our own server. Newest first; -o json has each version whole, and its changes as a list of "
        "{path, old, new}.",
    .examples = "  slipway queue history gpu\n  slipway queue history gpu --version 3",
    .rows = history_rows,
    .run = history_run,
};

/* --- rollback --- */

static int roll_back(struct session *s, const struct args *a, struct err *e)
{
    struct jval *variables = jval_new_object(s->a), *input = jval_new_object(s->a);
    const struct jval *queue = NULL, *data = NULL;
    const char *entity = NULL, *name = args_operand(a, 0);
    int64_t to = args_int(a, "to", 0);

    if (to == 0)
        return err_set(e, ERR_USAGE,
                       "--to N is missing: the version to take, as in 'slipway queue history %s'", name);
    if (session_entity(s, &entity, e) || queue_find(s, entity, name, &queue, e))
        return -(int)e->code;
    jval_set(s->a, input, "queueID", jval_get(queue, "id"));
    jval_set_int(s->a, input, "version", to);
    jval_set(s->a, variables, "input", input);
    if (session_call(s, document_queue_rollback, variables, &data, e))
        return -(int)e->code;
    data = jval_get(data, "rollbackRunQueue");
    if (args_json(a))
        print_json(data);
    else
        printf("Queue %s has the contents of version %lld, as version %lld.\n", name, (long long)to,
               (long long)jval_int(jval_get(data, "version")));
    return 0;
}

static int rollback_run(struct io *io, const struct args *a, struct err *e)
{
    return session_run(io, a, roll_back, e);
}

static const struct option_row rollback_rows[] = {
    { "to", 0, OPTION_INT, "N", "the version whose contents it takes", 1, INT32_MAX },
    OPTION_ENTITY,
    OPTION_URL,
    OPTION_OUTPUT,
    OPTION_END,
};

const struct verb verb_queue_rollback = {
    .name = "queue rollback",
    .operands = "NAME",
    .min_operands = 1,
    .max_operands = 1,
    .summary = "give a queue the config that it had",
    .details =
        "It becomes a new version, so this can be undone in the same way. It may be repeated: a queue that "
        "has these\ncontents stays as it is. Items that are running are not touched; waiting ones are "
        "taken with the new config.",
    .examples = "  slipway queue rollback gpu --to 3",
    .rows = rollback_rows,
    .run = rollback_run,
};
