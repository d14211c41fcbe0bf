/* launch/unknown.c: the nearest name, or where a known one belongs. */
#include "launch/unknown.h"

enum {
    LISTED_MAX = 8,   /* so few names are all shown */
    HELPED_MAX = 200, /* after so many errors, help with one more is not worth its time */
    NAMES_MAX = 160   /* names that may stand in one place, both spellings */
};

struct names {
    const char *items[NAMES_MAX + 1]; /* NULL-ended; snake_case first, then camelCase, by turns */
    size_t len;
};

static void add_name(struct converter *c, struct names *n, const char *name)
{
    if (n->len + 2 > NAMES_MAX || c->p->errors >= HELPED_MAX)
        return;
    n->items[n->len++] = name;
    n->items[n->len++] = name_camel(name, arena_alloc(c->a, 64));
}

/* The word that another tool has for one of our names, as ours; NULL none. */
static const char *translated(struct str key)
{
    for (size_t i = 0; i < other_name_count; i++) {
        if (name_is(key, other_names[i].given))
            return other_names[i].name;
    }
    return NULL;
}

static bool holds(const struct names *n, const char *name)
{
    for (size_t i = 0; name && i < n->len; i++) {
        if (str_is(str_of(name), n->items[i]))
            return true;
    }
    return false;
}

/* --- where a name belongs ------------------------------------------------------------------------------- */

static bool home_in(const struct message *m, struct str key, struct strbuf *path)
{
    size_t len = path->len;

    if (message_field(m, key))
        return true;
    for (size_t i = 0; i < m->len; i++) {
        const struct field *f = &m->fields[i];

        if (!f->message)
            continue;
        strbuf_addf(path, ".%s%s", f->name, f->type == FIELD_MESSAGES ? "[]" : "");
        if (home_in(f->message, key, path))
            return true;
        strbuf_truncate(path, len);
    }
    return false;
}

/* As a config has it. */
static const char *place_name(unsigned places)
{
    return (places & PLACE_SPEC) && (places & PLACE_RUN) ? "spec or run"
           : places & PLACE_SPEC                         ? "spec"
           : places & PLACE_RUN                          ? "run"
           : places & PLACE_JOB_SPEC                     ? "spec.job_spec"
           : places & PLACE_SCHEDULING                   ? "run.scheduling"
           : places & PLACE_ENCRYPTION                   ? "spec.encryption_spec"
                                                         : "the config itself";
}

/* "spec.worker_pool_specs[].machine_spec", or NULL. */
static const char *home_of(struct converter *c, struct str key)
{
    for (size_t i = 0; i < place_row_count; i++) {
        if (name_is(key, place_rows[i].field.name))
            return place_name(place_rows[i].places);
    }
    for (size_t i = 0; i < place_group_count; i++) {
        if (name_is(key, place_groups[i].name))
            return place_name(place_groups[i].places);
    }
    for (size_t i = 0; i < place_row_count; i++) {
        const struct field *f = &place_rows[i].field;
        AUTO_STRBUF struct strbuf path = STRBUF(1000);

        if (!f->message)
            continue;
        strbuf_addf(&path, "%s.%s%s", place_name(place_rows[i].places & ~(unsigned)PLACE_RUN), f->name,
                    f->type == FIELD_MESSAGES ? "[]" : "");
        if (home_in(f->message, key, &path))
            return arena_strdup(c->a, strbuf_cstr(&path));
    }
    return NULL;
}

/* --- saying it ------------------------------------------------------------------------------------------ */

static const char *listed(struct converter *c, const struct names *n)
{
    AUTO_STRBUF struct strbuf b = STRBUF(2000);

    for (size_t i = 0; i < n->len; i += 2)
        strbuf_addf(&b, "%s%s", i > 0 ? ", " : "", n->items[i]);
    return arena_strdup(c->a, strbuf_cstr(&b));
}

/* What helps with an unknown key: the name that was meant, or the place where it would be known. */
struct help {
    const char *near, *home, *all;
};

static struct help help_with(struct converter *c, const struct names *n, struct str key)
{
    const char *ours = translated(key);
    struct help h = { .near = nearest_name(key, n->items) };

    if (c->p->errors >= HELPED_MAX)
        return (struct help){ NULL, NULL, NULL };
    if (!h.near && holds(n, ours))
        h.near = ours;
    if (!h.near)
        h.home = home_of(c, ours ? str_of(ours) : key);
    if (!h.near && h.home && ours)
        h.near = ours;
    h.all = n->len <= 2 * LISTED_MAX ? listed(c, n) : NULL;
    return h;
}

static void say(struct converter *c, const struct names *n, const struct jval *v, const struct path *here)
{
    struct jval_pos pos = jval_key_pos_at(v, here->index);
    const char *where = path_text(c->a, here->up);
    struct str key = str_sub(here->key, 0, 200);
    struct help h = help_with(c, n, key);
    struct problem *item;

    if (h.near && h.home)
        item = problem_add(c->p, PROBLEM_ERROR, pos, where,
                           "unknown key \"%.*s\"; did you mean \"%s\", which belongs under %s?", STR_ARG(key),
                           h.near, h.home);
    else if (h.near)
        item = problem_add(c->p, PROBLEM_ERROR, pos, where, "unknown key \"%.*s\"; did you mean \"%s\"?",
                           STR_ARG(key), h.near);
    else if (h.home)
        item = problem_add(c->p, PROBLEM_ERROR, pos, where, "\"%.*s\" does not belong here but under %s",
                           STR_ARG(key), h.home);
    else
        item = problem_add(c->p, PROBLEM_ERROR, pos, where, "unknown key \"%.*s\"%s%s", STR_ARG(key),
                           h.all ? "; known here: " : "", h.all ? h.all : "");
    problem_hint(item, h.all, h.near);
}

void unknown_member(struct converter *c, const struct message *m, const struct jval *v,
                    const struct path *here)
{
    struct names n = { .len = 0 };

    for (size_t i = 0; i < m->len; i++)
        add_name(c, &n, m->fields[i].name);
    say(c, &n, v, here);
}

static bool refused(struct converter *c, const struct jval *v, const struct path *here)
{
    for (size_t i = 0; i < refused_name_count; i++) {
        if (!name_is(here->key, refused_names[i].name))
            continue;
        problem_add(c->p, PROBLEM_ERROR, jval_key_pos_at(v, here->index), path_text(c->a, here->up),
                    "\"%.*s\" %s; take it out", STR_ARG(here->key), refused_names[i].why);
        return true;
    }
    return false;
}

void unknown_in_place(struct converter *c, unsigned place, const struct jval *v, const struct path *here)
{
    struct names n = { .len = 0 };

    if (refused(c, v, here))
        return;
    for (size_t i = 0; i < place_group_count; i++) {
        if (place_groups[i].places & place)
            add_name(c, &n, place_groups[i].name);
    }
    if (place == PLACE_ROOT) {
        add_name(c, &n, "vertex");
        add_name(c, &n, "gcp-vertex");
    }
    for (size_t i = 0; i < place_row_count; i++) {
        if (place_rows[i].places & place)
            add_name(c, &n, place_rows[i].field.name);
    }
    say(c, &n, v, here);
}

bool unknown_meant(const struct problems *p, const char *name)
{
    for (size_t i = 0; i < p->len; i++) {
        if (p->items[i].suggestion && name_is(str_of(p->items[i].suggestion), name))
            return true;
    }
    return false;
}
