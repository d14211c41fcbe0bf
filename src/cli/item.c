/* cli/item.c: fetching and showing one queue item. */
#include "cli/item.h"

#include <stdio.h>

#include "base/timefmt.h"
#include "cli/documents.h"
#include "cli/text.h"

enum { WAIT_MS = 500, ITEMS_A_REQUEST = 50 };

int item_fetch(struct session *s, const char *item_id, const struct jval **ret, struct err *e)
{
    struct jval *variables = jval_new_object(s->a);
    const struct jval *data = NULL;

    jval_set_cstr(s->a, variables, "id", item_id);
    if (session_call(s, document_item, variables, &data, e))
        return -e->code;
    if (jval_is(jval_get(data, "runQueueItem"), JVAL_NULL))
        return err_set(e, ERR_NOT_FOUND, "no item \"%s\"; 'slipway items QUEUE' lists them", item_id);
    *ret = jval_get(data, "runQueueItem");
    return 0;
}

/* One document for @count items: a query has no list of ids. */
static const char *many_document(struct arena *a, size_t count)
{
    AUTO_STRBUF struct strbuf b = STRBUF(64 * 1024);

    strbuf_addz(&b, "query FollowedItems(");
    for (size_t i = 0; i < count; i++)
        strbuf_addf(&b, "$i%zu: ID! ", i);
    strbuf_addz(&b, ") { ");
    for (size_t i = 0; i < count; i++)
        strbuf_addf(&b, "i%zu: runQueueItem(id: $i%zu) { ...Followed } ", i, i);
    strbuf_addz(&b, "} fragment Followed on RunQueueItem { id state createdAt error { message stage } "
                    "history { at state by note } }");
    return arena_strdup(a, strbuf_cstr(&b));
}

static int fetch_some(struct session *s, const char *const *ids, size_t count, const struct jval **ret,
                      struct err *e)
{
    struct jval *variables = jval_new_object(s->a);
    const struct jval *data = NULL;

    for (size_t i = 0; i < count; i++)
        jval_set_cstr(s->a, variables, arena_printf(s->a, "i%zu", i), ids[i]);
    if (session_call(s, many_document(s->a, count), variables, &data, e))
        return -e->code;
    for (size_t i = 0; i < count; i++) {
        const struct jval *item = jval_get(data, arena_printf(s->a, "i%zu", i));

        ret[i] = jval_is(item, JVAL_OBJECT) ? item : NULL;
    }
    return 0;
}

int items_fetch(struct session *s, const char *const *ids, size_t count, const struct jval **ret,
                struct err *e)
{
    int rc = 0;

    for (size_t i = 0; !rc && i < count; i += ITEMS_A_REQUEST)
        rc = fetch_some(s, ids + i, count - i < ITEMS_A_REQUEST ? count - i : ITEMS_A_REQUEST, ret + i, e);
    return rc;
}

static bool state_is(const struct jval *item, const char *state)
{
    return str_is(jval_str(jval_get(item, "state")), state);
}

bool item_has_ended(const struct jval *item)
{
    return state_is(item, "FINISHED") || state_is(item, "FAILED") || state_is(item, "STOPPED");
}

static bool event_is_end(const struct jval *event)
{
    return item_has_ended(event); /* an event has a "state" as an item does */
}

/* "+12.3 s" since the first line of the history. */
static void print_event(struct arena *a, const struct jval *event, int64_t began_ms)
{
    struct str at = jval_str(jval_get(event, "at"));
    struct str note = text_first_line(a, jval_str(jval_get(event, "note")));
    int64_t ms = began_ms;
    char since[32];

    (void)rfc3339_parse(at, &ms);
    printf("  %.*s  +%-12s %-9.*s %.*s%s%.*s\n", STR_ARG(at), duration_human(ms - began_ms, since),
           STR_ARG(jval_str(jval_get(event, "state"))), STR_ARG(jval_str(jval_get(event, "by"))),
           note.len ? ": " : "", STR_ARG(note));
}

void item_print(const struct jval *item)
{
    AUTO_PTR(arena) a = arena_new();
    const struct jval *history = jval_get(item, "history");
    struct str run = jval_str(jval_get(item, "associatedRunId"));
    struct str reason = jval_str(jval_path(item, "error.message"));
    struct str stage = jval_str(jval_path(item, "error.stage"));
    int64_t began = 0;

    printf("item   %.*s\nqueue  %.*s/%.*s\nstate  %.*s\n", STR_ARG(jval_str(jval_get(item, "id"))),
           STR_ARG(jval_str(jval_path(item, "queue.entityName"))),
           STR_ARG(jval_str(jval_path(item, "queue.name"))), STR_ARG(jval_str(jval_get(item, "state"))));
    if (run.len)
        printf("run    %.*s\n", STR_ARG(run));
    if (stage.len)
        printf("stage  %.*s\n", STR_ARG(stage));
    if (reason.len)
        text_print_labelled("reason", reason);
    printf("history\n");
    (void)rfc3339_parse(jval_str(jval_path(history, "0.at")), &began);
    for (size_t i = 0; i < jval_len(history); i++)
        print_event(a, jval_at(history, i), began);
}

int item_end_err(const struct jval *item, struct err *e)
{
    AUTO_PTR(arena) a = arena_new();
    struct str reason = text_first_line(a, jval_str(jval_path(item, "error.message")));

    if (state_is(item, "FINISHED"))
        return 0;
    return err_set(e, ERR_REMOTE, "item %.*s ended %.*s%s%.*s", STR_ARG(jval_str(jval_get(item, "id"))),
                   STR_ARG(jval_str(jval_get(item, "state"))), reason.len ? ": " : "", STR_ARG(reason));
}

void item_print_news(const struct jval *item, size_t until, bool with_end, size_t *shown)
{
    AUTO_PTR(arena) a = arena_new();
    const struct jval *history = jval_get(item, "history");

    for (; *shown < jval_len(history) && *shown < until; *shown += 1) {
        const struct jval *event = jval_at(history, *shown);
        struct str note = text_first_line(a, jval_str(jval_get(event, "note")));

        if (!with_end && event_is_end(event))
            return;
        fprintf(stderr, "%.*s%s%.*s\n", STR_ARG(jval_str(jval_get(event, "state"))), note.len ? " " : "",
                STR_ARG(note));
    }
}

int item_wait(struct session *s, const char *item_id, size_t *shown, const struct jval **ret, struct err *e)
{
    for (;;) {
        struct arena *kept = s->a;
        const struct jval *item = NULL;
        int rc = 0;

        s->a = arena_new(); /* each look has its own memory: the wait may be long */
        rc = item_fetch(s, item_id, &item, e);
        if (rc == 0)
            item_print_news(item, SIZE_MAX, true, shown);
        if (rc == 0 && item_has_ended(item))
            *ret = jval_copy(kept, item);
        arena_free(s->a);
        s->a = kept;
        if (*ret)
            return 0;
        if (rc && !err_is_transient(e))
            return rc;
        if (io_sleep(s->io, WAIT_MS, e))
            return -e->code;
    }
}
