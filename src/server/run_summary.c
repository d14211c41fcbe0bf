/* server/run_summary.c: values by name, the last one first. */
#include "server/run_summary.h"

#include <string.h>

/* What of a tree goes into another. */
struct filling {
    struct arena *a;
    struct map *known; /* names that are there; may be NULL: what is in the tree counts alone */
    struct str only;   /* absent: all */
};

static bool is_group(const struct jval *v)
{
    return jval_is(v, JVAL_OBJECT) && !jval_get(v, "_type");
}

static bool is_wanted(const struct filling *f, struct str name)
{
    return (!f->only.ptr || str_eq(f->only, name)) && !(f->known && map_get(f->known, name));
}

/* The members of @from that @into has not, under @prefix. */
static void fill(struct filling *f, struct jval *into, const struct jval *from, struct str prefix)
{
    for (size_t i = 0; i < jval_len(from); i++) {
        struct str key = jval_key_at(from, i), name = key;
        const struct jval *value = jval_at(from, i), *there = jval_get_str(into, key);

        if (prefix.len > 0)
            name = str_of(arena_printf(f->a, "%.*s.%.*s", STR_ARG(prefix), STR_ARG(key)));
        if (is_group(value) && (!there || is_group(there))) {
            struct jval *group = there ? jval_copy(f->a, there) : jval_new_object(f->a);

            fill(f, group, value, name);
            if (jval_len(group) > 0)
                jval_set_str(f->a, into, key, group);
        } else if (!there && !jval_is(value, JVAL_NULL) && is_wanted(f, name)) {
            jval_set_str(f->a, into, key, jval_copy(f->a, value));
            if (f->known)
                map_put(f->known, name, into);
        }
    }
}

void run_summary_begin(struct run_summary *s, struct arena *a)
{
    *s = (struct run_summary){ .a = a, .values = jval_new_object(a), .known = map_new() };
}

/* The line with strings for the words that JSON does not know, as W&B's clients write them bare. */
static struct str with_quoted_words(struct arena *a, struct str line)
{
    static const char *const words[] = { "NaN", "Infinity", "-Infinity" };
    AUTO_STRBUF struct strbuf out = STRBUF(2 * line.len + 1);
    bool in_string = false;

    for (size_t i = 0; i < line.len; i++) {
        struct str rest = str_sub(line, i, line.len);
        size_t w = 0;

        while (w < ARRAY_LEN(words) && (in_string || !str_has_prefix(rest, str_of(words[w]))))
            w++;
        if (w < ARRAY_LEN(words)) {
            strbuf_addf(&out, "\"%s\"", words[w]);
            i += strlen(words[w]) - 1;
            continue;
        }
        if (in_string && line.ptr[i] == '\\' && i + 1 < line.len)
            strbuf_addc(&out, line.ptr[i++]);
        else if (line.ptr[i] == '"')
            in_string = !in_string;
        strbuf_addc(&out, line.ptr[i]);
    }
    return arena_str(a, strbuf_str(&out));
}

void run_summary_add(struct run_summary *s, struct str line, struct str name)
{
    AUTO_PTR(arena) a = arena_new();
    const struct jval_limits limits = { .last_key_wins = true };
    struct filling f = { s->a, s->known, name };
    struct jval *values = NULL;

    if (jval_from_json(a, line, "a logged line", &limits, &values, NULL) < 0 &&
        jval_from_json(a, with_quoted_words(a, line), "a logged line", &limits, &values, NULL) < 0)
        return;
    fill(&f, s->values, values, (struct str){ 0 });
}

bool run_summary_knows(const struct run_summary *s, struct str name)
{
    return map_get(s->known, name) != NULL;
}

void run_summary_end(struct run_summary *s)
{
    map_free(s->known);
    s->known = NULL;
}

struct str run_summary_over(struct arena *a, struct str under, struct str over)
{
    struct filling f = { .a = a };
    struct jval *below = NULL, *above = NULL;

    if (jval_from_json(a, under, "a summary", NULL, &below, NULL) < 0 ||
        jval_from_json(a, over, "a summary", NULL, &above, NULL) < 0 || !jval_is(below, JVAL_OBJECT) ||
        !jval_is(above, JVAL_OBJECT))
        return over;
    fill(&f, above, below, (struct str){ 0 });
    return jval_text(a, above, JVAL_COMPACT);
}
