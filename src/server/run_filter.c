/* server/run_filter.c: conditions on runs: read once, held against each. */
#include "server/run_filter.h"

#include <string.h>

#include "base/timefmt.h"
#include "launch/pattern.h"

enum { CONDITIONS_MAX = 500 };

enum word {
    WORD_AND, /* of parts; none: holds for all */
    WORD_OR,
    WORD_NOR,
    WORD_EQ, /* of a field and a value, from here on */
    WORD_NE,
    WORD_GT,
    WORD_GTE,
    WORD_LT,
    WORD_LTE,
    WORD_IN,
    WORD_NIN,
    WORD_EXISTS,
    WORD_REGEX
};
struct run_filter {
    enum word word;
    struct run_field field;
    const struct jval *value;
    struct pattern *pattern;
    const struct run_filter **parts;
    size_t len;
};
struct reading {
    struct arena *a;
    size_t conditions;
};

static const struct {
    const char *name;
    enum word word;
} words[] = { { "$eq", WORD_EQ },       { "$ne", WORD_NE },        { "$gt", WORD_GT },   { "$gte", WORD_GTE },
              { "$lt", WORD_LT },       { "$lte", WORD_LTE },      { "$in", WORD_IN },   { "$nin", WORD_NIN },
              { "$and", WORD_AND },     { "$or", WORD_OR },        { "$nor", WORD_NOR }, { "$not", WORD_NOR },
              { "$regex", WORD_REGEX }, { "$exists", WORD_EXISTS } };

/* --- reading --- */

static struct run_filter *new_condition(struct reading *r, enum word word, size_t parts)
{
    struct run_filter *f = arena_alloc(r->a, sizeof(*f));

    r->conditions++;
    f->word = word;
    f->parts = parts ? arena_array(r->a, parts, sizeof(*f->parts)) : NULL;
    return f;
}

static int check_count(const struct reading *r, struct err *e)
{
    if (r->conditions <= CONDITIONS_MAX)
        return 0;
    return err_set(e, ERR_LIMIT, "filters: more than %d conditions", CONDITIONS_MAX);
}

static int read_word(struct str name, enum word *ret, struct err *e)
{
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (!str_is(name, words[i].name))
            continue;
        *ret = words[i].word;
        return 0;
    }
    return err_set(e, ERR_INVALID,
                   "filters: \"%.*s\" is not known: there are $and, $or, $nor, $not, $eq, $ne, $gt, $gte, "
                   "$lt, $lte, $in, $nin, $exists and $regex",
                   STR_ARG(name));
}

/* "2026-01-02", "2026-01-02T03:04:05", and with a fraction and a zone. */
static int read_time(struct arena *a, const struct jval *v, const struct jval **ret, struct err *e)
{
    struct str text = jval_str(v);
    int64_t ms = 0;
    bool good =
        jval_is(v, JVAL_STR) &&
        (rfc3339_parse(text, &ms) || rfc3339_parse(str_of(arena_printf(a, "%.*sZ", STR_ARG(text))), &ms) ||
         rfc3339_parse(str_of(arena_printf(a, "%.*sT00:00:00Z", STR_ARG(text))), &ms));

    if (!good && !jval_is(v, JVAL_NULL))
        return err_set(e, ERR_INVALID, "filters: a time is written \"2026-01-02T03:04:05Z\", not %.*s",
                       STR_ARG(jval_text(a, v, JVAL_COMPACT)));
    *ret = good ? jval_new_int(a, ms) : v;
    return 0;
}

static int read_times(struct arena *a, const struct jval *list, const struct jval **ret, struct err *e)
{
    struct jval *times = jval_new_array(a);
    int rc = 0;

    for (size_t i = 0; !rc && i < jval_len(list); i++) {
        const struct jval *time = NULL;

        rc = read_time(a, jval_at(list, i), &time, e);
        if (!rc)
            jval_push(a, times, time);
    }
    *ret = times;
    return rc;
}

/* What stands behind a word, for this field. */
static int read_value(struct reading *r, struct run_filter *f, const struct jval *v, struct err *e)
{
    bool is_list = f->word == WORD_IN || f->word == WORD_NIN;

    f->value = v;
    if (is_list && !jval_is(v, JVAL_ARRAY))
        return err_set(e, ERR_INVALID, "filters: $in and $nin take a list");
    if (f->word == WORD_EXISTS)
        return jval_is(v, JVAL_BOOL) ? 0 : err_set(e, ERR_INVALID, "filters: $exists takes true or false");
    if (f->word == WORD_REGEX && !jval_is(v, JVAL_STR))
        return err_set(e, ERR_INVALID, "filters: $regex takes a text");
    if (f->word == WORD_REGEX)
        return pattern_compile(r->a, jval_str(v), &f->pattern, e) ? err_wrap(e, "filters: $regex") : 0;
    if (!run_field_is_time(&f->field))
        return 0;
    return is_list ? read_times(r->a, v, &f->value, e) : read_time(r->a, v, &f->value, e);
}

static bool is_words(const struct jval *v)
{
    return jval_is(v, JVAL_OBJECT) && str_has_prefix(jval_key_at(v, 0), STR("$"));
}

/* {"$gt": 1, "$not": {"$in": [2]}} of a field, or its plain value. */
static int read_field(struct reading *r, const struct run_field *field, const struct jval *v,
                      const struct run_filter **ret, struct err *e)
{
    bool plain = !is_words(v);
    size_t len = plain ? 1 : jval_len(v);
    struct run_filter *all = new_condition(r, WORD_AND, len);
    int rc = 0;

    for (size_t i = 0; !rc && i < len; i++) {
        const struct jval *value = plain ? v : jval_at(v, i);
        enum word word = WORD_EQ;
        struct run_filter *f;

        rc = plain ? 0 : read_word(jval_key_at(v, i), &word, e);
        if (!rc && (word == WORD_AND || word == WORD_OR || (word == WORD_NOR && !is_words(value))))
            return err_set(e, ERR_INVALID, "filters: %.*s stands outside of a field, and $not before words",
                           STR_ARG(jval_key_at(v, i)));
        rc = rc ? rc : check_count(r, e);
        if (rc)
            return rc;
        f = new_condition(r, word, 1);
        f->field = *field;
        rc = word == WORD_NOR ? read_field(r, field, value, &f->parts[f->len++], e)
                              : read_value(r, f, value, e);
        all->parts[all->len++] = f;
    }
    *ret = all;
    return rc;
}

static int read_object(struct reading *r, const struct jval *o, const struct run_filter **ret, struct err *e);

/* "$or": [...]; "$not" takes one object as well. */
static int read_parts(struct reading *r, struct str name, const struct jval *v, const struct run_filter **ret,
                      struct err *e)
{
    bool single = str_is(name, "$not") && jval_is(v, JVAL_OBJECT);
    size_t len = single ? 1 : jval_len(v);
    struct run_filter *f;
    enum word word = WORD_AND;
    int rc = read_word(name, &word, e);

    if (!rc && (word > WORD_NOR || (!single && !jval_is(v, JVAL_ARRAY))))
        return err_set(e, ERR_INVALID, "filters: %.*s %s", STR_ARG(name),
                       word > WORD_NOR ? "stands behind a field: {\"FIELD\": {...}}" : "takes a list");
    if (rc)
        return rc;
    f = new_condition(r, word, len);
    for (size_t i = 0; !rc && i < len; i++)
        rc = read_object(r, single ? v : jval_at(v, i), &f->parts[f->len++], e);
    *ret = f;
    return rc;
}

static int read_object(struct reading *r, const struct jval *o, const struct run_filter **ret, struct err *e)
{
    struct run_filter *all = new_condition(r, WORD_AND, jval_len(o));
    int rc = check_count(r, e);

    if (!rc && !jval_is(o, JVAL_OBJECT))
        return err_set(e, ERR_INVALID, "filters: an object is wanted, not a %s",
                       jval_type_name(jval_type(o)));
    for (size_t i = 0; !rc && i < jval_len(o); i++) {
        struct str name = jval_key_at(o, i);
        struct run_field field = { 0 };

        if (str_has_prefix(name, STR("$"))) {
            rc = read_parts(r, name, jval_at(o, i), &all->parts[all->len++], e);
            continue;
        }
        rc = run_field_read(name, &field, e);
        if (rc)
            return err_wrap(e, "filters");
        rc = read_field(r, &field, jval_at(o, i), &all->parts[all->len++], e);
    }
    *ret = all;
    return rc;
}

int run_filter_read(struct arena *a, struct str text, const struct run_filter **ret, struct err *e)
{
    struct reading r = { .a = a };
    struct jval *read = NULL;
    int rc = str_trim(text).len ? jval_from_json(a, text, "filters", NULL, &read, e) : 0;

    if (rc)
        return rc;
    return read_object(&r, !read || jval_is(read, JVAL_NULL) ? jval_new_object(a) : read, ret, e);
}

/* --- matching --- */

static int order_of(double one, double other)
{
    return one < other ? -1 : one > other;
}

static bool compares(enum word word, const struct jval *v, const struct jval *with)
{
    int order;

    if (jval_is_number(v) && jval_is_number(with))
        order = order_of(jval_real(v), jval_real(with));
    else if (jval_is(v, JVAL_STR) && jval_is(with, JVAL_STR))
        order = str_cmp(jval_str(v), jval_str(with));
    else
        return false;
    return word == WORD_GT    ? order > 0
           : word == WORD_GTE ? order >= 0
           : word == WORD_LT  ? order < 0
                              : order <= 0;
}

static bool is_among(const struct jval *v, const struct jval *list)
{
    for (size_t i = 0; i < jval_len(list); i++)
        if (jval_equal(v, jval_at(list, i)))
            return true;
    return false;
}

/* Of one value: NULL reads as null. */
static bool holds_for(const struct run_filter *f, const struct jval *v)
{
    switch ((int)f->word) {
    case WORD_EQ:
    case WORD_NE:
        return jval_equal(v, f->value);
    case WORD_IN:
    case WORD_NIN:
        return is_among(v, f->value);
    case WORD_REGEX:
        return jval_is(v, JVAL_STR) && pattern_matches(f->pattern, jval_str(v));
    default:
        return compares(f->word, v, f->value);
    }
}

static bool field_matches(const struct run_filter *f, struct run_view *view)
{
    const struct jval *v = run_view_get(view, &f->field);
    bool is_there = !jval_is(v, JVAL_NULL), holds;

    if (f->word == WORD_EXISTS)
        return is_there == jval_bool(f->value);
    holds = holds_for(f, v);
    for (size_t i = 0; !holds && jval_is(v, JVAL_ARRAY) && i < jval_len(v); i++)
        holds = holds_for(f, jval_at(v, i));
    return f->word == WORD_NE || f->word == WORD_NIN ? !holds : holds;
}

bool run_filter_matches(const struct run_filter *f, struct run_view *v)
{
    if (f->word >= WORD_EQ)
        return field_matches(f, v);
    for (size_t i = 0; i < f->len; i++)
        if (run_filter_matches(f->parts[i], v) != (f->word == WORD_AND))
            return f->word == WORD_OR;
    return f->word != WORD_OR;
}

bool run_filter_is_empty(const struct run_filter *f)
{
    return f->word == WORD_AND && f->len == 0;
}

struct str run_filter_sweep(const struct run_filter *f, bool *ret_alone)
{
    struct str sweep = { NULL, 0 };

    *ret_alone = f->word == WORD_EQ;
    if (f->word == WORD_EQ)
        return f->field.kind == RUN_FIELD_SWEEP ? jval_str(f->value) : sweep;
    for (size_t i = 0; f->word == WORD_AND && !sweep.ptr && i < f->len; i++)
        sweep = run_filter_sweep(f->parts[i], ret_alone);
    *ret_alone &= f->len == 1;
    return sweep;
}
