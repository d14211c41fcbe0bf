/* cli/why.c: `slipway why`: why an item does not run, or has failed, and what to do. */
#include <stdio.h>

#include "base/timefmt.h"
#include "cli/text.h"
#include "cli/verbs.h"
#include "cli/why_facts.h"

static void print_list(const char *title, const struct why_list *list)
{
    printf("%s\n", title);
    for (size_t i = 0; i < list->len; i++)
        text_print_labelled("  -", list->at[i]);
}

static void print_answer(struct arena *a, const struct why_facts *f, const struct why_answer *w)
{
    struct str summary = text_first_line(a, w->summary);
    char when[RFC3339_SIZE], span[32];
    int64_t ms = f->now_unix_ms - w->since_unix_ms;

    printf("item   %.*s\n", STR_ARG(f->item));
    if (f->queue.len)
        printf("queue  %.*s\n", STR_ARG(f->queue));
    printf("state  %.*s\ncause  %s: %.*s\n", STR_ARG(f->state.len ? f->state : STR("deleted")), w->cause,
           STR_ARG(summary));
    if (w->since_unix_ms)
        printf("since  %s, %s ago\n", rfc3339_format(w->since_unix_ms, when),
               duration_human(ms < 0 ? 0 : ms, span));
    print_list("evidence", &w->evidence);
    print_list("what to do", &w->fix);
}

static struct jval *json_list(struct arena *a, const struct why_list *list)
{
    struct jval *v = jval_new_array(a);

    for (size_t i = 0; i < list->len; i++)
        jval_push(a, v, jval_new_str(a, list->at[i]));
    return v;
}

static void print_answer_json(struct arena *a, const struct why_facts *f, const struct why_answer *w)
{
    struct jval *o = jval_new_object(a);
    char when[RFC3339_SIZE];

    jval_set(a, o, "item", jval_new_str(a, f->item));
    jval_set(a, o, "state", f->state.len ? jval_new_str(a, f->state) : jval_new_null(a));
    jval_set_cstr(a, o, "cause", w->cause);
    jval_set_cstr(a, o, "since", w->since_unix_ms ? rfc3339_format(w->since_unix_ms, when) : NULL);
    jval_set(a, o, "summary", jval_new_str(a, w->summary));
    jval_set(a, o, "evidence", json_list(a, &w->evidence));
    jval_set(a, o, "fix", json_list(a, &w->fix));
    print_json(o);
}

static int why_run(struct io *io, const struct args *a, struct err *e)
{
    const struct why_wanted wanted = { args_operand(a, 0), args_text(a, "queue"), args_text(a, "state-dir") };
    struct session s = { 0 };
    struct why_facts facts = { 0 };
    int rc = session_open(&s, io, a, e);

    if (rc == 0)
        rc = why_facts_gather(&s, &wanted, &facts, e);
    if (rc == 0) {
        struct why_answer answer = why_decide(s.a, &facts);

        if (args_json(a))
            print_answer_json(s.a, &facts, &answer);
        else
            print_answer(s.a, &facts, &answer);
    }
    session_close(&s);
    return rc;
}

static const struct option_row why_rows[] = {
    { "queue", 'q', OPTION_TEXT, "NAME", "on a W&B server: the item's queue (else all are searched)", 0, 0 },
    { "state-dir", 0, OPTION_TEXT, "DIR",
      "on the agent's machine: its journal's folder (default ~/.local/share/slipway/agent)", 0, 0 },
    OPTION_ENTITY,
    OPTION_URL,
    OPTION_OUTPUT,
    OPTION_END,
};

const struct verb verb_why = {
    .name = "why",
    .operands = "ITEM",
    .min_operands = 1,
    .max_operands = 1,
    .summary = "say why an item does not run or has failed, and what to do",
    .details =
        "Cause, since when, evidence and what to do, from the queue server; on the agent's machine its\n"
        "journal is read too, and says more. A W&B server tells little; the journal then tells most.\n"
        "-o json prints item, state, cause, since, summary, evidence and fix; docs/why.md lists the\n"
        "causes. The exit status is 0 whenever there is an answer, also for an item that has failed.",
    .examples =
        "  slipway why ITEM\n  slipway why ITEM -o json\n  slipway why ITEM --state-dir /var/lib/slipway",
    .rows = why_rows,
    .run = why_run,
};
