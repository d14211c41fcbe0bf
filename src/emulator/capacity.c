/* emulator/capacity.c: the rules, and the count of live jobs for each. */
#include "emulator/capacity.h"

#include <stdlib.h>

#include "base/dec.h"
#include "base/mem.h"

enum { MATCH_KEYS = 5, MINUTE_MS = 60000, SECONDS_MAX = 30 * 24 * 3600 };

static const char *const match_keys[MATCH_KEYS] = { "gcp_project", "region", "strategy", "machine_type",
                                                    "accelerator_type" };
static const char *const rule_keys[] = { "gcp_project",
                                         "region",
                                         "strategy",
                                         "machine_type",
                                         "accelerator_type",
                                         "quota",
                                         "rate_per_minute",
                                         "refuse",
                                         "stockout",
                                         "preempt_after_seconds",
                                         "error_lag_seconds",
                                         "times",
                                         NULL };

struct rule {
    struct str match[MATCH_KEYS];          /* absent: any */
    int64_t quota, rate, preempt_s, lag_s; /* -1: not given */
    int64_t times;                         /* how many jobs more it stocks out or preempts; -1: all */
    struct str refuse;
    bool stockout;
    int64_t minute_begins_ms, in_minute;
};
struct held { /* live jobs of one kind */
    struct capacity_job job;
    int64_t count;
};
struct capacity {
    struct arena *a; /* of the rules */
    const struct jval *given;
    struct rule *rules;
    size_t len;
    struct arena *kinds_a;
    struct held *kinds;
    size_t kind_count, kind_cap;
};

struct capacity_job capacity_job_of(struct str gcp_project, struct str region, const struct jval *custom_job)
{
    const struct jval *machine = jval_path(custom_job, "jobSpec.workerPoolSpecs.0.machineSpec");
    struct str strategy = jval_str(jval_path(custom_job, "jobSpec.scheduling.strategy"));

    return (struct capacity_job){ gcp_project, region, strategy.len ? strategy : STR("STANDARD"),
                                  jval_str(jval_get(machine, "machineType")),
                                  jval_str(jval_get(machine, "acceleratorType")) };
}

struct capacity *capacity_new(void)
{
    struct capacity *c = xcalloc(1, sizeof(*c));

    c->a = arena_new();
    c->kinds_a = arena_new();
    c->given = jval_new_array(c->a);
    return c;
}

void capacity_free(struct capacity *c)
{
    if (!c)
        return;
    arena_free(c->a);
    arena_free(c->kinds_a);
    free(c);
}

/* --- rules ---------------------------------------------------------------------------------------------- */

static void read_number(struct dec *d, const char *key, int64_t *ret)
{
    *ret = -1;
    dec_i64(d, key, ret, DEC_OPTIONAL);
    if (jval_get(d->v, key) && !d->failed && (*ret < 0 || *ret > SECONDS_MAX))
        dec_fail(d, key, "%lld is not a number from 0 to %d", (long long)*ret, SECONDS_MAX);
}

static void read_rule(struct dec *d, struct rule *r)
{
    dec_no_unknown(d, rule_keys);
    for (size_t i = 0; i < MATCH_KEYS; i++)
        dec_str(d, match_keys[i], &r->match[i], DEC_OPTIONAL);
    read_number(d, "quota", &r->quota);
    read_number(d, "rate_per_minute", &r->rate);
    read_number(d, "preempt_after_seconds", &r->preempt_s);
    read_number(d, "error_lag_seconds", &r->lag_s);
    read_number(d, "times", &r->times);
    dec_str(d, "refuse", &r->refuse, DEC_OPTIONAL);
    dec_bool(d, "stockout", &r->stockout, DEC_OPTIONAL);
}

int capacity_set(struct capacity *c, const struct jval *rules, struct err *e)
{
    AUTO_PTR(arena) a = arena_new();
    const struct jval *list = jval_copy(a, jval_is(rules, JVAL_OBJECT) ? jval_get(rules, "rules") : rules);
    size_t len = jval_len(list);
    struct rule *at = arena_array(a, len + 1, sizeof(*at));

    if (!jval_is(list, JVAL_ARRAY) || len > CAPACITY_MAX_RULES)
        return err_set(e, ERR_CONFIG,
                       "the capacity table is not a list of at most %d rules, such as "
                       "[{region: us-central1, quota: 2}]",
                       CAPACITY_MAX_RULES);
    for (size_t i = 0; i < len; i++) {
        struct dec d;

        dec_init(&d, a, jval_at(list, i), arena_printf(a, "rules[%zu]", i), ERR_CONFIG, e);
        if (!dec_failed(&d))
            read_rule(&d, &at[i]);
        if (dec_failed(&d))
            return -ERR_CONFIG;
    }
    arena_free(c->a);
    c->a = TAKE(a);
    c->given = list;
    c->rules = at;
    c->len = len;
    return 0;
}

const struct jval *capacity_rules(const struct capacity *c)
{
    return c->given;
}

static bool matches(const struct rule *r, const struct capacity_job *j)
{
    const struct str values[MATCH_KEYS] = { j->gcp_project, j->region, j->strategy, j->machine_type,
                                            j->accelerator_type };

    for (size_t i = 0; i < MATCH_KEYS; i++)
        if (r->match[i].ptr && !str_eq(r->match[i], values[i]))
            return false;
    return true;
}

/* --- live jobs ------------------------------------------------------------------------------------------ */

static bool same_kind(const struct capacity_job *a, const struct capacity_job *b)
{
    return str_eq(a->gcp_project, b->gcp_project) && str_eq(a->region, b->region) &&
           str_eq(a->strategy, b->strategy) && str_eq(a->machine_type, b->machine_type) &&
           str_eq(a->accelerator_type, b->accelerator_type);
}

static struct held *kind_of(struct capacity *c, const struct capacity_job *job)
{
    struct held *k;

    for (size_t i = 0; i < c->kind_count; i++)
        if (same_kind(&c->kinds[i].job, job))
            return &c->kinds[i];
    c->kinds = arena_grow(c->kinds_a, c->kinds, c->kind_count, &c->kind_cap, sizeof(*c->kinds));
    k = &c->kinds[c->kind_count++];
    *k = (struct held){ .job = { arena_str(c->kinds_a, job->gcp_project), arena_str(c->kinds_a, job->region),
                                 arena_str(c->kinds_a, job->strategy),
                                 arena_str(c->kinds_a, job->machine_type),
                                 arena_str(c->kinds_a, job->accelerator_type) } };
    return k;
}

static int64_t live_of(const struct capacity *c, const struct rule *r)
{
    int64_t live = 0;

    for (size_t i = 0; i < c->kind_count; i++)
        live += matches(r, &c->kinds[i].job) ? c->kinds[i].count : 0;
    return live;
}

void capacity_hold(struct capacity *c, const struct capacity_job *job)
{
    kind_of(c, job)->count++;
}

void capacity_give_back(struct capacity *c, const struct capacity_job *job)
{
    kind_of(c, job)->count--;
}

/* --- creates -------------------------------------------------------------------------------------------- */

/* "custom_model_training_preemptible_nvidia_t4_gpus": of the accelerator, else of the CPUs. */
static const char *metric_of(struct arena *a, const struct capacity_job *job)
{
    bool cheap = !str_is(job->strategy, "STANDARD");
    struct str gpu = job->accelerator_type;
    char *name;

    if (!gpu.len)
        return cheap ? "custom_model_training_preemptible_cpus" : "custom_model_training_cpus";
    if (str_has_prefix(gpu, STR("NVIDIA_TESLA_")))
        gpu = str_sub(gpu, 13, gpu.len);
    else if (str_has_prefix(gpu, STR("NVIDIA_")))
        gpu = str_sub(gpu, 7, gpu.len);
    name = arena_printf(a, "custom_model_training_%snvidia_%.*s_gpus", cheap ? "preemptible_" : "",
                        STR_ARG(gpu));
    for (char *p = name; *p; p++)
        if (*p >= 'A' && *p <= 'Z')
            *p = (char)(*p - 'A' + 'a');
    return name;
}

static int refuse_rate(const struct capacity_job *job, struct refusal *r)
{
    static const char *const pairs[] = { "service", "aiplatform.googleapis.com", NULL };

    refusal_add_info(r, "RATE_LIMIT_EXCEEDED", "googleapis.com", pairs);
    return refuse(r, RPC_RESOURCE_EXHAUSTED,
                  "Quota exceeded for quota metric 'Custom model training requests' and limit 'Requests per "
                  "minute per region' of service 'aiplatform.googleapis.com' for consumer 'project:%.*s'.",
                  STR_ARG(job->gcp_project));
}

/* Is this create one too many for the minute that began with the first that counts? */
static bool over_rate(struct rule *rule, int64_t now_ms)
{
    if (now_ms - rule->minute_begins_ms >= MINUTE_MS) {
        rule->minute_begins_ms = now_ms;
        rule->in_minute = 0;
    }
    return ++rule->in_minute > rule->rate;
}

int capacity_take(struct capacity *c, const struct capacity_job *job, int64_t now_ms, struct refusal *r)
{
    bool too_fast = false;

    for (size_t i = 0; i < c->len; i++) /* each counts it, whichever refuses it */
        if (c->rules[i].rate >= 0 && matches(&c->rules[i], job))
            too_fast |= over_rate(&c->rules[i], now_ms);
    if (too_fast)
        return refuse_rate(job, r);
    for (size_t i = 0; i < c->len; i++) {
        const struct rule *rule = &c->rules[i];

        if (!matches(rule, job))
            continue;
        if (rule->refuse.len)
            return refuse(r, RPC_INVALID_ARGUMENT, "%.*s", STR_ARG(rule->refuse));
        if (rule->quota >= 0 && live_of(c, rule) >= rule->quota)
            return refuse(r, RPC_RESOURCE_EXHAUSTED,
                          "The following quota metrics exceed quota limits: aiplatform.googleapis.com/%s",
                          metric_of(r->a, job));
    }
    capacity_hold(c, job);
    return 0;
}

/* --- live effects --------------------------------------------------------------------------------------- */

/* Does the rule hold for one job more? */
static bool use_once(struct rule *r)
{
    if (r->times == 0)
        return false;
    r->times -= r->times > 0;
    return true;
}

bool capacity_stocks_out(struct capacity *c, const struct capacity_job *job)
{
    for (size_t i = 0; i < c->len; i++)
        if (c->rules[i].stockout && matches(&c->rules[i], job) && use_once(&c->rules[i]))
            return true;
    return false;
}

int64_t capacity_preempts_after_ms(struct capacity *c, const struct capacity_job *job)
{
    for (size_t i = 0; i < c->len && str_is(job->strategy, "SPOT"); i++)
        if (c->rules[i].preempt_s >= 0 && matches(&c->rules[i], job) && use_once(&c->rules[i]))
            return c->rules[i].preempt_s * 1000;
    return -1;
}

int64_t capacity_error_lag_ms(const struct capacity *c, const struct capacity_job *job)
{
    for (size_t i = 0; i < c->len; i++)
        if (c->rules[i].lag_s >= 0 && matches(&c->rules[i], job))
            return c->rules[i].lag_s * 1000;
    return 0;
}
