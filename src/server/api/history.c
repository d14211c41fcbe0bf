/* server/api/history.c: logged lines and their values, as W&B's clients ask for them. */
#include <float.h>

#include "server/api/api.h"
#include "server/history_line.h"

enum { SAMPLES_DEFAULT = 500, SAMPLES_MAX = 10000, SPECS_MAX = 20, KEYS_MAX = 100 };

static int64_t samples_within(int64_t samples)
{
    return samples < 1 || samples > SAMPLES_MAX ? SAMPLES_MAX : samples;
}

/* history and events. A page of steps is given whole, whatever samples says: a resumed run may have logged a
 * step twice. */
int resolve_run_rows(struct gql_call *c, const struct jval **ret, struct err *e)
{
    bool paged = gql_arg_given(c, "minStep") || gql_arg_given(c, "maxStep");
    struct store_sample_query q = { .of = { parent_int(c, "$id"),
                                            strcmp(c->field, "events") == 0 ? RUN_EVENTS : RUN_HISTORY },
                                    .samples = samples_within(gql_arg_int(c, "samples", SAMPLES_DEFAULT)) };
    struct str *lines = NULL;
    size_t len = 0;
    int rc;

    if (paged) {
        q.samples = SAMPLES_MAX;
        q.min_step = gql_arg_given(c, "minStep") ? (double)gql_arg_int(c, "minStep", 0) : -DBL_MAX;
        q.max_step = gql_arg_given(c, "maxStep") ? (double)gql_arg_int(c, "maxStep", 0) : DBL_MAX;
        if (q.min_step >= q.max_step) {
            *ret = jval_new_array(c->a);
            return 0;
        }
    }
    rc = store_sample(store_of(c), c->a, &q, &lines, &len, e);
    if (rc == 0)
        *ret = text_list(c->a, lines, len);
    return rc;
}

/* --- rows of some keys --- */

struct row {
    struct arena *a;
    const struct str *keys; /* none: all */
    size_t key_count;
    struct jval *o;
};

static bool is_wanted(const struct row *r, struct str key)
{
    for (size_t i = 0; i < r->key_count; i++)
        if (str_eq(r->keys[i], key))
            return true;
    return r->key_count == 0;
}

/* A number that JSON has no word for is given as W&B writes it: a string. */
static void row_value(void *ctx, const struct line_value *v)
{
    struct row *r = ctx;
    struct jval *value = NULL;

    if (!is_wanted(r, v->key))
        return;
    if (jval_from_json(r->a, v->text, "a logged value", NULL, &value, NULL) < 0)
        value = jval_new_str(r->a, v->text);
    jval_set_str(r->a, r->o, arena_str(r->a, v->key), value);
}

static int rows_of_keys(struct gql_call *c, const struct store_sample_query *q, struct jval **ret,
                        struct err *e)
{
    struct jval *list = jval_new_array(c->a);
    struct str *lines = NULL;
    size_t len = 0;
    int rc = store_sample(store_of(c), c->a, q, &lines, &len, e);

    for (size_t i = 0; rc == 0 && i < len; i++) {
        struct row row = { c->a, q->keys, q->key_count, jval_new_object(c->a) };

        (void)line_each(lines[i], row_value, &row);
        jval_push(c->a, list, row.o);
    }
    if (rc == 0)
        *ret = list;
    return rc;
}

static int keys_of(struct arena *a, const struct jval *list, struct store_sample_query *q, struct err *e)
{
    struct str *keys = arena_array(a, jval_len(list) + 1, sizeof(*keys));

    if (jval_len(list) > KEYS_MAX)
        return err_set(e, ERR_INVALID, "%zu keys: at most %d at once", jval_len(list), KEYS_MAX);
    for (size_t i = 0; i < jval_len(list); i++) {
        keys[i] = jval_str(jval_at(list, i));
        if (!keys[i].ptr || keys[i].len > LINE_KEY_MAX_BYTES)
            return err_set(e, ERR_INVALID, "a key is a string of at most %d bytes", LINE_KEY_MAX_BYTES);
    }
    q->keys = keys;
    q->key_count = jval_len(list);
    return 0;
}

/*
 * The steps of a spec. W&B's server gives its last step too, and newer clients count with that; up to 0.27
 * they ask for pages from one border to the next, which gave a line at a border twice and dropped another
 * (their change 12010 tells). Such a page has as many samples as steps from border to border.
 */
static void steps_of(const struct jval *spec, struct store_sample_query *q)
{
    const struct jval *min = jval_get(spec, "minStep"), *max = jval_get(spec, "maxStep");

    if (!min && !max)
        return;
    q->min_step = min ? jval_real(min) : -DBL_MAX;
    q->max_step = max ? jval_real(max) : DBL_MAX;
    if (max && !(min && jval_real(max) - jval_real(min) == jval_real(jval_get(spec, "samples"))))
        q->max_step += 1;
}

static int spec_rows(struct gql_call *c, struct str spec, struct jval **ret, struct err *e)
{
    struct store_sample_query q = { .of = { parent_int(c, "$id"), RUN_HISTORY } };
    const struct jval *given = NULL;
    int rc = stored_json(c->a, spec, "a spec", &given, e);

    if (rc < 0)
        return rc;
    q.samples = jval_get(given, "samples") ? jval_int(jval_get(given, "samples")) : SAMPLES_DEFAULT;
    q.samples = samples_within(q.samples);
    steps_of(given, &q);
    rc = keys_of(c->a, jval_get(given, "keys"), &q, e);
    return rc < 0 ? rc : rows_of_keys(c, &q, ret, e);
}

int resolve_run_samples(struct gql_call *c, const struct jval **ret, struct err *e)
{
    const struct jval *specs = gql_arg(c, "specs");
    struct jval *lists = jval_new_array(c->a);
    int rc = 0;

    if (jval_len(specs) > SPECS_MAX)
        return err_set(e, ERR_INVALID, "%zu specs: at most %d at once", jval_len(specs), SPECS_MAX);
    for (size_t i = 0; rc == 0 && i < jval_len(specs); i++) {
        struct jval *rows = NULL;

        rc = spec_rows(c, jval_str(jval_at(specs, i)), &rows, e);
        if (rc == 0)
            jval_push(c->a, lists, rows);
    }
    if (rc == 0)
        *ret = lists;
    return rc;
}

int resolve_run_parquet(struct gql_call *c, const struct jval **ret, struct err *e)
{
    struct store_sample_query q = { .of = { parent_int(c, "$id"), RUN_HISTORY }, .samples = SAMPLES_MAX };
    struct jval *o = jval_new_object(c->a), *rows = jval_new_array(c->a);
    int rc = keys_of(c->a, gql_arg(c, "liveKeys"), &q, e);

    if (rc == 0 && gql_selects(c, "liveData"))
        rc = rows_of_keys(c, &q, &rows, e);
    if (rc < 0)
        return rc;
    jval_set(c->a, o, "parquetUrls", jval_new_array(c->a));
    jval_set(c->a, o, "liveData", rows);
    *ret = o;
    return 0;
}

/* --- keys --- */

static struct jval *type_count(struct arena *a, const char *type, int64_t count)
{
    struct jval *o = jval_new_object(a);

    jval_set_cstr(a, o, "type", type);
    jval_set_int(a, o, "count", count);
    return o;
}

/* What the keys were given last, as far as the end of the run says it: LAST_LINES lines, and about as many
 * comparisons of names as are quickly made. */
enum { LAST_LINES = 64, LAST_COMPARISONS = 2000000 };
struct last {
    struct arena *a;
    const struct store_history_key *keys;
    struct jval **objects; /* a key's */
    size_t len, comparisons;
};

static void last_value(void *ctx, const struct line_value *v)
{
    struct last *l = ctx;
    struct jval *value = NULL;

    for (size_t i = 0; i < l->len && l->comparisons < LAST_COMPARISONS; i++, l->comparisons++) {
        if (!str_eq(l->keys[i].name, v->key))
            continue;
        if (!jval_get(l->objects[i], "previousValue") &&
            jval_from_json(l->a, v->text, "a logged value", NULL, &value, NULL) == 0)
            jval_set(l->a, l->objects[i], "previousValue", value);
        return;
    }
}

static int last_values(struct gql_call *c, struct last *l, struct err *e)
{
    int64_t count = parent_int(c, "historyLineCount");
    const struct store_line_query q = { .run_id = parent_int(c, "$id"),
                                        .stream = RUN_HISTORY,
                                        .from = count > LAST_LINES ? count - LAST_LINES : 0,
                                        .count = LAST_LINES };
    struct str *lines = NULL;
    size_t len = 0;
    int rc = store_run_lines(store_of(c), c->a, &q, &lines, &len, e);

    for (size_t i = len; rc == 0 && i > 0; i--)
        (void)line_each(lines[i - 1], last_value, l);
    return rc;
}

int resolve_run_history_keys(struct gql_call *c, const struct jval **ret, struct err *e)
{
    const struct store_history of = { parent_int(c, "$id"), RUN_HISTORY };
    struct jval *o = jval_new_object(c->a), *keys = jval_new_object(c->a);
    struct store_history_key *k = NULL;
    struct last ends = { .a = c->a };
    int64_t last = -1;
    size_t len = 0;
    int rc = store_history_keys(store_of(c), c->a, &of, &k, &len, e);

    if (rc < 0)
        return rc;
    ends.keys = k;
    ends.len = len;
    ends.objects = arena_array(c->a, len + 1, sizeof(struct jval *));
    for (size_t i = 0; i < len; i++) {
        struct jval *counts = jval_new_array(c->a), *key = jval_new_object(c->a);

        if (k[i].numbers > 0)
            jval_push(c->a, counts, type_count(c->a, "number", k[i].numbers));
        if (k[i].others > 0)
            jval_push(c->a, counts, type_count(c->a, "other", k[i].others));
        if (str_is(k[i].name, "_step") && k[i].hi >= 0 && k[i].hi < 9e15)
            last = (int64_t)k[i].hi;
        jval_set(c->a, key, "typeCounts", counts);
        jval_set_str(c->a, keys, k[i].name, key);
        ends.objects[i] = key;
    }
    rc = last_values(c, &ends, e);
    if (rc < 0)
        return rc;
    jval_set(c->a, o, "keys", keys);
    jval_set(c->a, o, "sets", jval_new_array(c->a));
    jval_set_int(c->a, o, "lastStep", last);
    *ret = o;
    return 0;
}
