/* launch/checks.c: cross-field rules of a custom job. */
#include "launch/checks.h"

static const struct found *given(const struct gathered *g, enum target t)
{
    return g->at[t].value ? &g->at[t] : NULL;
}

static bool is_true(const struct gathered *g, enum target t)
{
    return jval_bool(g->at[t].value);
}

static bool text_is(const struct gathered *g, enum target t, const char *text)
{
    return str_is(jval_str(g->at[t].value), text);
}

static void PRINTF(3, 4) complain(struct converter *c, const struct found *f, const char *fmt, ...)
{
    AUTO_STRBUF struct strbuf b = STRBUF(1000);
    va_list ap;

    va_start(ap, fmt);
    strbuf_vaddf(&b, fmt, ap);
    va_end(ap);
    problem_add(c->p, PROBLEM_ERROR, f->pos, f->path, "%s", strbuf_cstr(&b));
}

static void PRINTF(3, 4) warn(struct converter *c, const struct found *f, const char *fmt, ...)
{
    AUTO_STRBUF struct strbuf b = STRBUF(1000);
    va_list ap;

    va_start(ap, fmt);
    strbuf_vaddf(&b, fmt, ap);
    va_end(ap);
    problem_add(c->p, PROBLEM_WARNING, f->pos, f->path, "%s", strbuf_cstr(&b));
}

static size_t characters(struct str utf8)
{
    size_t n = 0;

    for (size_t i = 0; i < utf8.len; i++)
        n += ((unsigned char)utf8.ptr[i] & 0xc0) != 0x80;
    return n;
}

static void check_display_name(struct converter *c, const struct gathered *g)
{
    const struct found *f = given(g, TARGET_DISPLAY_NAME);
    size_t n = f ? characters(jval_str(f->value)) : 1;

    if (n < 1 || n > 128)
        complain(c, f, "a display name has 1 to 128 characters, this has %zu", n);
}

bool label_is_valid(struct str s, bool key)
{
    for (size_t i = 0; i < s.len; i++) {
        char ch = s.ptr[i];
        bool letter = (ch >= 'a' && ch <= 'z') || (ch >= '0' && ch <= '9') || (unsigned char)ch >= 0x80;

        if (!letter && (ch != '-' && ch != '_'))
            return false;
        if (key && i == 0 && !letter)
            return false;
    }
    return characters(s) <= 63 && s.len < 128 && (!key || s.len > 0);
}

static void check_labels(struct converter *c, const struct gathered *g)
{
    const struct found *f = given(g, TARGET_LABELS);

    for (size_t i = 0; f && i < jval_len(f->value); i++) {
        struct str key = jval_key_at(f->value, i), value = jval_str(jval_at(f->value, i));

        if (!label_is_valid(key, true))
            complain(c, f,
                     "label key \"%.*s\": lower-case letters, digits, - and _, at most 63, a letter or digit "
                     "first",
                     STR_ARG(key));
        else if (str_has_prefix(key, STR("slipway-")) || str_is(key, "wandb-run-id"))
            complain(c, f, "label \"%.*s\" is set by the agent", STR_ARG(key));
        if (!convert_is_open(c, jval_at(f->value, i)) && !label_is_valid(value, false))
            complain(c, f, "label %.*s: value \"%.*s\": lower-case letters, digits, - and _, at most 63",
                     STR_ARG(key), STR_ARG(value));
    }
    if (f && jval_len(f->value) > 60) /* 64 at Vertex, and four are ours */
        complain(c, f, "%zu labels; at most 60 beside the agent's own", jval_len(f->value));
}

/* projects/NUMBER/global/networks/NAME: a project id there is refused. */
static void check_network(struct converter *c, const struct gathered *g)
{
    const struct found *f = given(g, TARGET_NETWORK);
    struct str rest, part[5] = { { NULL, 0 } };
    size_t n = 0;
    int64_t number;

    if (!f || convert_is_open(c, f->raw))
        return;
    rest = jval_str(f->value);
    while (n < ARRAY_LEN(part) && str_cut(&rest, '/', &part[n]))
        n++;
    if (n != 5 || !str_is(part[0], "projects") || !str_is(part[2], "global") || !str_is(part[3], "networks"))
        complain(c, f, "expected projects/NUMBER/global/networks/NAME, got \"%.*s\"",
                 STR_ARG(jval_str(f->value)));
    else if (!str_to_i64(part[1], &number))
        complain(c, f, "needs the project's number, not its id \"%.*s\" (gcloud projects describe %.*s)",
                 STR_ARG(part[1]), STR_ARG(part[1]));
}

static void check_kms(struct converter *c, const struct gathered *g, struct str region)
{
    const struct found *f = given(g, TARGET_KMS_KEY);
    struct str rest, part, before = { NULL, 0 };

    if (!f || !region.len || convert_is_open(c, f->raw))
        return;
    rest = jval_str(f->value);
    while (str_cut(&rest, '/', &part)) {
        if (str_is(before, "locations") && !str_eq(part, region))
            complain(c, f, "the key is in %.*s, the job in %.*s: they must be the same", STR_ARG(part),
                     STR_ARG(region));
        before = part;
    }
}

static void check_accounts(struct converter *c, const struct gathered *g)
{
    const struct found *board = given(g, TARGET_TENSORBOARD), *experiment = given(g, TARGET_EXPERIMENT);

    if (board && experiment)
        complain(c, board, "\"experiment\" and \"tensorboard\" cannot be set together");
    if ((board || experiment) && !given(g, TARGET_SERVICE_ACCOUNT))
        complain(c, board ? board : experiment, "needs a service_account as well");
    if (given(g, TARGET_EXPERIMENT_RUN) && !experiment)
        complain(c, given(g, TARGET_EXPERIMENT_RUN), "needs \"experiment\" as well");
}

static void check_accelerators(struct converter *c, const struct found *pools)
{
    for (size_t i = 0; i < jval_len(pools->value); i++) {
        const struct jval *machine = jval_get(jval_at(pools->value, i), "machineSpec");
        const struct jval *type = jval_get(machine, "acceleratorType");
        const struct jval *count = jval_get(machine, "acceleratorCount");
        bool is_none = !type || str_is(jval_str(type), "ACCELERATOR_TYPE_UNSPECIFIED");

        if (!jval_is(count, JVAL_NULL) && !jval_is(count, JVAL_INT))
            continue; /* not known yet */
        if (is_none && jval_int(count) > 0)
            complain(c, pools, "[%zu].machine_spec: accelerator_count without accelerator_type", i);
        if (!is_none && jval_int(count) == 0)
            complain(c, pools, "[%zu].machine_spec: accelerator_type without accelerator_count", i);
    }
}

static void check_flex_start(struct converter *c, const struct gathered *g, const struct found *pools)
{
    const struct jval *first = jval_get(jval_at(pools->value, 0), "machineSpec");
    struct str timeout = jval_str(g->at[TARGET_TIMEOUT].value);
    int64_t seconds = 0;

    for (size_t i = 0; i < jval_len(pools->value); i++) {
        const struct jval *machine = jval_get(jval_at(pools->value, i), "machineSpec");

        if (!machine)
            continue;
        if (!jval_equal(machine, first))
            complain(c, pools, "[%zu].machine_spec: FLEX_START wants the same machine in every pool", i);
        if (!jval_get(machine, "acceleratorType"))
            complain(c, pools, "[%zu].machine_spec: FLEX_START is for machines with GPUs only", i);
        if (jval_get(machine, "reservationAffinity"))
            complain(c, pools, "[%zu].machine_spec: FLEX_START does not go with reservations", i);
    }
    if (timeout.len > 1 && str_to_i64(str_sub(timeout, 0, timeout.len - 1), &seconds) && seconds > 7 * 86400)
        complain(c, &g->at[TARGET_TIMEOUT], "FLEX_START jobs run 7 days at most (604800 s)");
}

static void check_scheduling(struct converter *c, const struct gathered *g)
{
    if (is_true(g, TARGET_RESTART) && is_true(g, TARGET_DISABLE_RETRIES))
        complain(c, &g->at[TARGET_RESTART], "disable_retries turns this off; give one of the two");
    if (given(g, TARGET_MAX_WAIT) && !text_is(g, TARGET_STRATEGY, "FLEX_START"))
        warn(c, &g->at[TARGET_MAX_WAIT], "is used with the strategy FLEX_START only");
    if (given(g, TARGET_NETWORK) && given(g, TARGET_PSC))
        warn(c, &g->at[TARGET_PSC], "is an alternative to \"network\"; both are given");
}

static void check_pools(struct converter *c, const struct gathered *g)
{
    const struct found *f = given(g, TARGET_POOLS);
    const struct jval *first;
    struct str replicas;

    if (!f || !jval_is(f->value, JVAL_ARRAY))
        return;
    first = jval_at(f->value, 0);
    replicas = jval_str(jval_get(first, "replicaCount"));
    if (jval_len(f->value) == 0)
        complain(c, f, "at least one worker pool is needed");
    else if (jval_len(first) == 0)
        complain(c, f, "[0] is the primary replica and cannot be left empty");
    if (replicas.len > 0 && !convert_is_open(c, jval_get(first, "replicaCount")) && !str_is(replicas, "1"))
        complain(c, f,
                 "[0].replica_count must be 1 (the primary), not %.*s; put workers into the second pool",
                 STR_ARG(replicas));
    for (size_t i = 0; i < jval_len(f->value); i++) {
        if (jval_get(jval_at(f->value, i), "nfsMounts") && !given(g, TARGET_NETWORK) && !given(g, TARGET_PSC))
            complain(c, f, "[%zu].nfs_mounts: needs \"network\"", i);
    }
    check_accelerators(c, f);
    if (text_is(g, TARGET_STRATEGY, "FLEX_START"))
        check_flex_start(c, g, f);
}

void checks_run(struct converter *c, const struct gathered *g, struct str region)
{
    check_display_name(c, g);
    check_labels(c, g);
    check_network(c, g);
    check_kms(c, g, region);
    check_accounts(c, g);
    check_scheduling(c, g);
    check_pools(c, g);
    if (given(g, TARGET_SYNC))
        warn(c, &g->at[TARGET_SYNC], "has no effect: the agent always watches its jobs");
    if (given(g, TARGET_CREATE_TIMEOUT))
        warn(c, &g->at[TARGET_CREATE_TIMEOUT], "has no effect: the agent has a time limit of its own");
}
