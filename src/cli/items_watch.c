/* cli/items_watch.c: `slipway items --watch`: a table on a terminal, a line for each change elsewhere. */
#include "cli/items_watch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/map.h"
#include "base/mem.h"
#include "base/timefmt.h"
#include "cli/item.h"
#include "cli/roles.h"
#include "cli/text.h"

enum { LOOK_MS = 1000, FRAME_MAX_BYTES = 1024 * 1024, ROWS_WITHOUT_SIZE = 24, ROWS_AROUND = 3 };

/* What was last shown of an item. */
struct seen {
    char *state, *updated_at;
    size_t events;
    uint64_t round;
};

struct watch {
    struct session *s;
    const struct items_watch *o;
    struct stop stop;
    struct map *seen; /* by item id */
    uint64_t round;
    bool draws;
    uint32_t failures;
};

/* --- a table on a terminal ------------------------------------------------------------------------------ */

/* Without the wrapping of long lines, and without what a longer frame before left behind. */
#define FRAME_BEGIN "\x1b[?7l\x1b[H"
#define LINE_END    "\x1b[K\n"
#define FRAME_END   "\x1b[J\x1b[?7h"

static size_t rows_that_fit(void)
{
    struct winsize size = { 0 };
    size_t rows =
        ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row ? size.ws_row : ROWS_WITHOUT_SIZE;

    return rows > ROWS_AROUND ? rows - ROWS_AROUND : 1;
}

static void add_lines(struct strbuf *frame, struct str text)
{
    struct str line;

    while (str_cut(&text, '\n', &line))
        if (line.len || text.len) {
            strbuf_add(frame, line);
            strbuf_addz(frame, LINE_END);
        }
}

static void draw(struct watch *w, const struct jval *items, const char *trouble)
{
    AUTO_STRBUF struct strbuf frame = STRBUF(FRAME_MAX_BYTES), row = STRBUF(FRAME_MAX_BYTES);
    const struct jval *edges = jval_get(items, "edges");
    size_t fit = rows_that_fit(), shown = jval_len(edges) < fit ? jval_len(edges) : fit;
    char now[RFC3339_SIZE];

    strbuf_addz(&frame, FRAME_BEGIN);
    if (trouble)
        strbuf_addf(&frame, "%s; trying again" LINE_END, trouble);
    else
        strbuf_addf(&frame, "queue %s, %lld item%s, %s; Ctrl-C ends" LINE_END, w->o->queue,
                    (long long)jval_int(jval_get(items, "totalCount")),
                    jval_int(jval_get(items, "totalCount")) == 1 ? "" : "s",
                    rfc3339_format(io_now_unix_ms(w->s->io), now));
    if (trouble) { /* what was known stays on the screen */
        fputs(strbuf_cstr(&frame), stdout);
        fputs("\x1b[?7h", stdout);
        fflush(stdout);
        return;
    }
    for (size_t i = 0; i < shown; i++) {
        strbuf_reset(&row);
        items_row(&row, w->s->a, jval_get(jval_at(edges, i), "node"));
        add_lines(&frame, strbuf_str(&row));
    }
    if (jval_len(edges) > shown)
        strbuf_addf(&frame, "and %zu older ones" LINE_END, jval_len(edges) - shown);
    strbuf_addz(&frame, FRAME_END);
    fputs(strbuf_cstr(&frame), stdout);
    fflush(stdout);
}

/* --- a line for each change ----------------------------------------------------------------------------- */

static void print_change(struct watch *w, struct str id, const struct jval *event)
{
    struct arena *a = w->s->a;
    struct jval *o;
    struct str note = jval_str(jval_get(event, "note"));

    if (!w->o->json) {
        note = text_first_line(a, note);
        printf("%.*s %-24.*s %-9.*s %.*s%s%.*s\n", STR_ARG(jval_str(jval_get(event, "at"))), STR_ARG(id),
               STR_ARG(jval_str(jval_get(event, "state"))), STR_ARG(jval_str(jval_get(event, "by"))),
               note.len ? ": " : "", STR_ARG(note));
        return;
    }
    o = jval_new_object(a);
    jval_set(a, o, "at", jval_get(event, "at"));
    jval_set(a, o, "item", jval_new_str(a, id));
    jval_set(a, o, "state", jval_get(event, "state"));
    jval_set(a, o, "by", jval_get(event, "by"));
    jval_set(a, o, "note", jval_get(event, "note"));
    printf("%.*s\n", STR_ARG(jval_text(a, o, JVAL_COMPACT)));
}

/* The events since the last look that changed the state; of one that was there at the start only the last. */
static void print_changes(struct watch *w, struct seen *k, const struct jval *item)
{
    const struct jval *history = jval_get(item, "history");
    size_t len = jval_len(history), i = w->round == 1 && len ? len - 1 : k->events;

    for (; i < len; i++) {
        const struct jval *event = jval_at(history, i);
        struct str state = jval_str(jval_get(event, "state"));
        struct str before = i ? jval_str(jval_get(jval_at(history, i - 1), "state")) : (struct str){ 0 };

        if (w->round == 1 || !str_eq(state, before))
            print_change(w, jval_str(jval_get(item, "id")), event);
    }
    k->events = len;
}

static void seen_free(struct seen *k)
{
    free(k->state);
    free(k->updated_at);
    free(k);
}

/* Has @node changed since it was last shown? It is noted as it is now. */
static bool note_node(struct watch *w, const struct jval *node)
{
    struct str id = jval_str(jval_get(node, "id")), state = jval_str(jval_get(node, "state"));
    struct str updated_at = jval_str(jval_get(node, "updatedAt"));
    struct seen *k = map_get(w->seen, id);

    if (!k) {
        k = xcalloc(1, sizeof(*k));
        map_put(w->seen, id, k);
    }
    k->round = w->round;
    if (k->state && str_is(state, k->state) && str_is(updated_at, k->updated_at))
        return false;
    free(k->state);
    free(k->updated_at);
    k->state = xstrndup(state.ptr ? state.ptr : "", state.len);
    k->updated_at = xstrndup(updated_at.ptr ? updated_at.ptr : "", updated_at.len);
    return true;
}

/* So that it is asked for again: its changes could not be had. */
static void forget_node(struct watch *w, const char *id)
{
    struct seen *k = map_remove(w->seen, str_of(id));

    if (k)
        seen_free(k);
}

/* An item that is no longer listed, though the list has room, was deleted. */
static bool drop_deleted(struct str id, void *value, void *ctx)
{
    struct watch *w = ctx;
    struct seen *k = value;
    struct jval *event;
    char now[RFC3339_SIZE];

    if (k->round == w->round)
        return true;
    event = jval_new_object(w->s->a);
    jval_set_cstr(w->s->a, event, "at", rfc3339_format(io_now_unix_ms(w->s->io), now));
    jval_set_cstr(w->s->a, event, "state", "DELETED");
    print_change(w, id, event);
    id = arena_str(w->s->a, id);
    (void)map_remove(w->seen, id);
    seen_free(k);
    return true;
}

static int print_news(struct watch *w, const struct jval *items, struct err *e)
{
    const struct jval *edges = jval_get(items, "edges");
    const char **ids = arena_array(w->s->a, jval_len(edges) + 1, sizeof(*ids));
    const struct jval **found = arena_array(w->s->a, jval_len(edges) + 1, sizeof(*found));
    size_t n = 0;
    int rc;

    for (size_t i = jval_len(edges); i > 0; i--) { /* the oldest first */
        const struct jval *node = jval_get(jval_at(edges, i - 1), "node");

        if (note_node(w, node))
            ids[n++] = arena_cstr(w->s->a, jval_str(jval_get(node, "id")));
    }
    rc = items_fetch(w->s, ids, n, found, e);
    for (size_t i = 0; i < n; i++) {
        if (rc)
            forget_node(w, ids[i]);
        else if (found[i])
            print_changes(w, map_get(w->seen, str_of(ids[i])), found[i]);
    }
    if (!rc && (int64_t)jval_len(edges) < w->o->limit)
        map_each(w->seen, drop_deleted, w);
    fflush(stdout);
    return rc;
}

/* --- watching ------------------------------------------------------------------------------------------- */

static int look(struct watch *w, struct err *e)
{
    const struct jval *items = NULL;
    int rc = items_query(w->s, w->o, &items, e);

    if (rc)
        return rc;
    w->round++;
    if (w->draws)
        draw(w, items, NULL);
    else
        rc = print_news(w, items, e);
    if (rc)
        w->round--;
    return rc;
}

static void tell(struct watch *w, int rc, const struct err *e)
{
    if (rc && w->draws)
        draw(w, NULL, e->msg);
    else if (rc && w->failures == 0)
        fprintf(stderr, "slipway: %s; trying again\n", e->msg);
    else if (!rc && w->failures && !w->draws)
        fprintf(stderr, "slipway: it answers again\n");
    w->failures = rc ? w->failures + 1 : 0;
}

static int watch(struct watch *w, struct err *e)
{
    if (w->draws)
        fputs("\x1b[2J", stdout);
    while (!w->stop.asked) {
        struct arena *kept = w->s->a;
        int rc;

        w->s->a = arena_new(); /* each look has its own memory: people leave it on for days */
        rc = look(w, e);
        if (!rc || (w->round && err_is_transient(e)))
            tell(w, rc, e);
        else
            w->stop.asked = true;
        arena_free(w->s->a);
        w->s->a = kept;
        if (rc && w->stop.asked)
            return rc;
        rc = w->stop.asked ? 0 : cond_wait(w->s->io, &w->stop.changed, LOOK_MS, e);
        if (rc == -ERR_CANCELLED)
            return rc;
    }
    return 0;
}

static bool free_one(struct str id, void *value, void *ctx)
{
    (void)id;
    (void)ctx;
    seen_free(value);
    return true;
}

int items_watch(struct session *s, const struct items_watch *o, struct err *e)
{
    struct watch w = { .s = s, .o = o, .seen = map_new(), .draws = !o->json && isatty(STDOUT_FILENO) };
    int rc;

    role_catch_stop(s->io, &w.stop);
    rc = watch(&w, e);
    role_release_stop(&w.stop);
    map_each(w.seen, free_one, NULL);
    map_free(w.seen);
    return rc;
}
