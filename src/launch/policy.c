/* launch/policy.c: reading the ladder and the limits, and which of them hold for a queue. */
#include "launch/policy.h"

#include <string.h>

enum { RESUMES = 5, START_TIMEOUT_S = 1800, COUNT_MAX = 1000, SECONDS_MAX = 365 * 24 * 3600 };

const char *const launch_policy_keys[] = { "project",
                                           "region",
                                           "regions",
                                           "staging_buckets",
                                           "queues",
                                           "ladder",
                                           "stockout_rounds",
                                           "max_resumes",
                                           "start_timeout_seconds",
                                           "deadline_seconds",
                                           "waiting_holds_slot",
                                           NULL };
static const char *const queue_keys[] = {
    "ladder",           "stockout_rounds",    "max_resumes", "start_timeout_seconds",
    "deadline_seconds", "waiting_holds_slot", NULL
};
static const char *const rung_keys[] = { "region", "strategy", "machine", NULL };
static const char *const machine_keys[] = { "machine_type", "accelerator_type", "accelerator_count", NULL };
static const char *const strategies[] = { "STANDARD", "SPOT", "FLEX_START" };
static const struct launch_rung as_is;

void launch_policies_default(struct launch_policies *ret)
{
    *ret = (struct launch_policies){ .all = { .rungs = &as_is,
                                              .rung_count = 1,
                                              .stockout_rounds = 1,
                                              .max_resumes = RESUMES,
                                              .start_timeout_ms = START_TIMEOUT_S * 1000 } };
}

/* --- one value or a list of them ------------------------------------------------------------------------ */

static size_t value_count(const struct jval *v)
{
    return !v ? 1 : jval_is(v, JVAL_ARRAY) ? jval_len(v) : 1;
}

static const struct jval *value_at(const struct jval *v, size_t i)
{
    return jval_is(v, JVAL_ARRAY) ? jval_at(v, i) : v;
}

static bool is_region(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        char ch = s.ptr[i];

        if (!((ch >= 'a' && ch <= 'z') || (ch >= '0' && ch <= '9') || ch == '-'))
            return false;
    }
    return s.len > 0;
}

static struct str read_region(struct dec *d, const char *key, const struct jval *v)
{
    struct str region = jval_str(v);

    if (v && !is_region(region))
        dec_fail(d, key, "has an element that is not the name of a region, such as us-central1");
    return region;
}

static struct str read_strategy(struct dec *d, const struct jval *v)
{
    struct str s = jval_str(v);

    for (size_t i = 0; v && i < ARRAY_LEN(strategies); i++)
        if (str_is(s, strategies[i]))
            return s;
    if (v)
        dec_fail(d, "strategy", "\"%.*s\" is none of STANDARD, SPOT, FLEX_START", STR_ARG(s));
    return s;
}

static const struct jval *read_machine(struct dec *d, const struct jval *v)
{
    struct dec m;
    struct str text = { 0 };
    int64_t count = 0;

    if (!v)
        return NULL;
    if (!jval_is(v, JVAL_OBJECT)) {
        dec_fail(d, "machine", "is not a map such as {machine_type: n1-standard-8}");
        return NULL;
    }
    m = *d;
    m.v = v;
    m.path = arena_printf(d->a, "%s.machine", d->path);
    dec_no_unknown(&m, machine_keys);
    dec_str(&m, "machine_type", &text, DEC_REQUIRED);
    dec_str(&m, "accelerator_type", &text, DEC_OPTIONAL);
    dec_i64(&m, "accelerator_count", &count, DEC_OPTIONAL);
    d->failed = m.failed;
    return v;
}

/* --- the ladder ----------------------------------------------------------------------------------------- */

struct ladder {
    struct launch_rung *at;
    size_t len, cap;
    const struct jval *buckets; /* region -> gs://... */
};

static void ladder_add(struct dec *d, struct ladder *l, const char *key, struct launch_rung rung)
{
    struct str bucket =
        rung.region.len ? jval_str(jval_get_str(l->buckets, rung.region)) : (struct str){ NULL, 0 };

    if (l->len == LADDER_MAX_RUNGS) {
        dec_fail(d, key, "gives more than %d rungs", LADDER_MAX_RUNGS);
        return;
    }
    rung.staging_bucket = bucket;
    l->at = arena_grow(d->a, l->at, l->len, &l->cap, sizeof(*l->at));
    l->at[l->len++] = rung;
}

/* A list without a value would leave its whole entry out. */
static void take_values(struct dec *d, const char *key, const struct jval **ret)
{
    dec_val(d, key, ret, DEC_OPTIONAL);
    if (value_count(*ret) == 0)
        dec_fail(d, key, "is empty; leave it out, or give a value");
}

/* {region, strategy, machine}, each one value or several: all combinations, regions fastest. */
static void ladder_add_entry(struct dec *d, struct ladder *l)
{
    const struct jval *region = NULL, *strategy = NULL, *machine = NULL;

    dec_no_unknown(d, rung_keys);
    take_values(d, "region", &region);
    take_values(d, "strategy", &strategy);
    take_values(d, "machine", &machine);
    for (size_t m = 0; m < value_count(machine); m++) {
        for (size_t s = 0; s < value_count(strategy); s++) {
            for (size_t r = 0; r < value_count(region) && !d->failed; r++)
                ladder_add(d, l, "region",
                           (struct launch_rung){ .region = read_region(d, "region", value_at(region, r)),
                                                 .strategy = read_strategy(d, value_at(strategy, s)),
                                                 .machine = read_machine(d, value_at(machine, m)) });
        }
    }
}

static void ladder_take(const struct ladder *l, struct launch_policy *p)
{
    if (!l->len)
        return;
    p->rungs = l->at;
    p->rung_count = l->len;
}

static void decode_ladder(struct dec *d, const struct jval *buckets, struct launch_policy *p)
{
    struct ladder l = { .buckets = buckets };
    const struct jval *list = NULL;

    dec_list(d, "ladder", &list, DEC_OPTIONAL);
    if (list && !jval_len(list))
        dec_fail(d, "ladder", "is empty; leave it out, or give rungs such as {strategy: SPOT}");
    for (size_t i = 0; i < jval_len(list) && !d->failed; i++) {
        struct dec entry;

        dec_item(d, "ladder", list, i, &entry);
        if (!dec_failed(&entry))
            ladder_add_entry(&entry, &l);
        d->failed = entry.failed;
    }
    ladder_take(&l, p);
}

static void decode_regions(struct dec *d, const struct jval *buckets, struct launch_policy *p)
{
    struct ladder l = { .buckets = buckets };
    const struct jval *list = NULL;

    dec_list(d, "regions", &list, DEC_OPTIONAL);
    for (size_t i = 0; i < jval_len(list) && !d->failed; i++)
        ladder_add(d, &l, "regions",
                   (struct launch_rung){ .region = read_region(d, "regions", jval_at(list, i)),
                                         .region_is_default = true });
    ladder_take(&l, p);
}

static const struct jval *decode_buckets(struct dec *d)
{
    const struct jval *map = NULL;

    dec_val(d, "staging_buckets", &map, DEC_OPTIONAL);
    if (map && !jval_is(map, JVAL_OBJECT))
        dec_fail(d, "staging_buckets", "is not a map of regions and buckets: {us-central1: gs://bucket}");
    for (size_t i = 0; i < jval_len(map) && !d->failed; i++) {
        if (!is_region(jval_key_at(map, i)) || !str_has_prefix(jval_str(jval_at(map, i)), STR("gs://")))
            dec_fail(d, "staging_buckets", "has an element that is not like us-central1: gs://bucket");
    }
    return map;
}

/* --- limits --------------------------------------------------------------------------------------------- */

static void decode_count(struct dec *d, const char *key, int64_t min, int64_t max, int64_t *ret)
{
    dec_i64(d, key, ret, DEC_OPTIONAL);
    if (!d->failed && (*ret < min || *ret > max))
        dec_fail(d, key, "%lld is not a number from %lld to %lld", (long long)*ret, (long long)min,
                 (long long)max);
}

static void decode_seconds(struct dec *d, const char *key, int64_t *ret_ms)
{
    int64_t s = *ret_ms / 1000;

    decode_count(d, key, 0, SECONDS_MAX, &s);
    *ret_ms = s * 1000;
}

static void decode_limits(struct dec *d, const struct jval *buckets, struct launch_policy *p)
{
    decode_ladder(d, buckets, p);
    decode_count(d, "stockout_rounds", 1, COUNT_MAX, &p->stockout_rounds);
    decode_count(d, "max_resumes", 0, COUNT_MAX, &p->max_resumes);
    decode_seconds(d, "start_timeout_seconds", &p->start_timeout_ms);
    decode_seconds(d, "deadline_seconds", &p->deadline_ms);
    dec_bool(d, "waiting_holds_slot", &p->waiting_holds_slot, DEC_OPTIONAL);
}

static void decode_queue(struct dec *queues, size_t i, const struct jval *buckets,
                         struct launch_policies *ret)
{
    struct queue_policy *q = &ret->queues[ret->len];
    struct dec d;

    q->queue = jval_key_at(queues->v, i);
    q->policy = ret->all;
    if (!dec_object(queues, arena_cstr(queues->a, q->queue), &d, DEC_REQUIRED))
        return;
    dec_no_unknown(&d, queue_keys);
    decode_limits(&d, buckets, &q->policy);
    queues->failed = d.failed;
    ret->len++;
}

void launch_policies_decode(struct dec *d, struct launch_policies *ret)
{
    const struct jval *buckets = decode_buckets(d);
    struct dec queues;

    decode_regions(d, buckets, &ret->all);
    decode_limits(d, buckets, &ret->all);
    if (!dec_object(d, "queues", &queues, DEC_OPTIONAL))
        return;
    ret->queues = arena_array(d->a, jval_len(queues.v) + 1, sizeof(*ret->queues));
    for (size_t i = 0; i < jval_len(queues.v) && !queues.failed; i++)
        decode_queue(&queues, i, buckets, ret);
    d->failed = queues.failed;
}

void launch_policies_start_timeout(struct launch_policies *p, int64_t ms)
{
    p->all.start_timeout_ms = ms;
    for (size_t i = 0; i < p->len; i++)
        p->queues[i].policy.start_timeout_ms = ms;
}

const struct launch_policy *launch_policy_of(const struct launch_policies *p, struct str queue)
{
    for (size_t i = 0; i < p->len; i++)
        if (str_eq(p->queues[i].queue, queue))
            return &p->queues[i].policy;
    return &p->all;
}

const char *launch_rung_text(struct arena *a, const struct launch_rung *r)
{
    const struct str parts[] = { r->region, r->strategy, jval_str(jval_get(r->machine, "machine_type")) };
    const char *text = "";

    for (size_t i = 0; i < ARRAY_LEN(parts); i++)
        if (parts[i].len)
            text = arena_printf(a, "%s%s%.*s", text, *text ? ", " : "", STR_ARG(parts[i]));
    return text;
}
