/* cli/doctor/finding.c: the list of findings, as text and as JSON. */
#include "cli/doctor/finding.h"

#include <stdio.h>

#include "cli/text.h"

static const struct {
    const char *name, *mark;
} levels[] = {
    [FINDING_OK] = { "ok", "✓" },
    [FINDING_SKIPPED] = { "not_checked", "-" },
    [FINDING_WARNING] = { "warning", "!" },
    [FINDING_PROBLEM] = { "problem", "✗" },
};

void finding_add(struct findings *f, const struct finding *x)
{
    f->at = arena_grow(f->a, f->at, f->len, &f->cap, sizeof(*f->at));
    f->at[f->len++] = *x;
    f->problems += x->level == FINDING_PROBLEM;
    f->warnings += x->level == FINDING_WARNING;
}

static void print_line(const char *label, const char *text)
{
    if (text && text[0])
        text_print_labelled(label, str_of(text));
}

static void print_one(const struct finding *x)
{
    bool told = x->level == FINDING_WARNING || x->level == FINDING_PROBLEM;

    printf("%s %s%s%s%s\n", levels[x->level].mark, x->title, x->cause ? ": " : "",
           x->level == FINDING_SKIPPED ? "not checked: " : "", x->cause ? x->cause : "");
    if (!told)
        return;
    print_line("    permission ", x->permission);
    print_line("    to mend it ", x->fix);
    print_line("    it said    ", x->detail);
    printf("    [%s]\n", x->id);
}

void findings_print(const struct findings *f, size_t from)
{
    for (size_t i = from; i < f->len; i++)
        print_one(&f->at[i]);
    (void)fflush(stdout);
}

static struct jval *finding_value(struct arena *a, const struct finding *x)
{
    struct jval *v = jval_new_object(a);

    jval_set_cstr(a, v, "level", levels[x->level].name);
    jval_set_cstr(a, v, "id", x->id);
    jval_set_cstr(a, v, "title", x->title);
    jval_set_cstr(a, v, "cause", x->cause);
    jval_set_cstr(a, v, "permission", x->permission && x->permission[0] ? x->permission : NULL);
    jval_set_cstr(a, v, "fix", x->fix);
    jval_set_cstr(a, v, "detail", x->detail);
    return v;
}

struct jval *findings_value(struct arena *a, const struct findings *f)
{
    struct jval *v = jval_new_object(a);
    struct jval *list = jval_new_array(a);

    for (size_t i = 0; i < f->len; i++)
        jval_push(a, list, finding_value(a, &f->at[i]));
    jval_set_int(a, v, "problems", (int64_t)f->problems);
    jval_set_int(a, v, "warnings", (int64_t)f->warnings);
    jval_set(a, v, "findings", list);
    return v;
}
