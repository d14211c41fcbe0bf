/* launch/checks.c: rules of a custom job outside its pools. */
#include "launch/checks.h"

#include "launch/known.h"
#include "launch/render.h"
#include "launch/unknown.h"

enum { NAME_CHARACTERS = 128, LABEL_CHARACTERS = 63, WEEK_S = 7 * 86400 };

struct node found_node(const struct gathered *g, enum target t)
{
    return (struct node){ .raw = g->at[t].raw, .made = g->at[t].value, .at = g->at[t].at };
}

static struct node known(const struct converter *c, const struct gathered *g, enum target t)
{
    struct node n = found_node(g, t);

    return node_is_known(c, n) ? n : (struct node){ .raw = NULL };
}

static bool given(const struct gathered *g, enum target t)
{
    return g->at[t].raw != NULL;
}

bool resource_name_parts(struct str s, const char *pattern, struct str *ret, size_t max)
{
    struct str want = str_of(pattern), part, wanted;
    size_t n = 0;

    while (str_cut(&want, '/', &wanted)) {
        if (!str_cut(&s, '/', &part) || part.len == 0)
            return false;
        if (str_is(wanted, "*") && n < max)
            ret[n++] = part;
        else if (!str_is(wanted, "*") && !str_eq(part, wanted))
            return false;
    }
    return !str_cut(&s, '/', &part);
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
    struct node n = known(c, g, TARGET_DISPLAY_NAME);
    size_t len = characters(node_str(n));

    if (n.made && (len < 1 || len > NAME_CHARACTERS))
        node_error(c, n, "a display name has 1 to %d characters, this has %zu", NAME_CHARACTERS, len);
}

/* --- labels --------------------------------------------------------------------------------------------- */

static bool is_label_letter(char ch)
{
    return (ch >= 'a' && ch <= 'z') || (ch >= '0' && ch <= '9') || (unsigned char)ch >= 0x80;
}

bool label_is_valid(struct str s, bool key)
{
    for (size_t i = 0; i < s.len; i++) {
        if (!is_label_letter(s.ptr[i]) && s.ptr[i] != '-' && s.ptr[i] != '_')
            return false;
    }
    if (key && (s.len == 0 || !is_label_letter(s.ptr[0])))
        return false;
    return characters(s) <= LABEL_CHARACTERS && s.len < 128;
}

/* The same in small letters, with - for what may not stand there; NULL when that does not help. */
static const char *valid_label(struct converter *c, struct str s, bool key)
{
    char *made = arena_cstr(c->a, s);

    for (size_t i = 0; i < s.len; i++) {
        if (made[i] >= 'A' && made[i] <= 'Z')
            made[i] = (char)(made[i] - 'A' + 'a');
        else if (!is_label_letter(made[i]) && made[i] != '_')
            made[i] = '-';
    }
    return label_is_valid((struct str){ made, s.len }, key) ? made : NULL;
}

static void label_error(struct converter *c, struct node n, struct str text, bool key)
{
    const char *near = valid_label(c, text, key);

    problem_hint(
        node_error(c, n, "a label's %s has %slower-case letters, digits, - and _%s, this is \"%.*s\"%s%s%s",
                   key ? "key" : "value", key ? "1 to 63 " : "at most 63 ",
                   key ? ", a letter or digit first" : "", STR_ARG(str_sub(text, 0, 200)),
                   near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : ""),
        NULL, near);
}

static void check_label(struct converter *c, struct str key, struct node n)
{
    if (!label_is_valid(key, true))
        label_error(c, n, key, true);
    else if (str_has_prefix(key, STR("slipway-")) || str_is(key, LABEL_RUN))
        node_error(c, n, "this label is set by the agent; take it out, or choose another key");
    if (node_is_known(c, n) && !label_is_valid(node_str(n), false))
        label_error(c, n, node_str(n), false);
}

static void check_labels(struct converter *c, const struct gathered *g)
{
    struct node labels = found_node(g, TARGET_LABELS);

    for (size_t i = 0; jval_is(labels.made, JVAL_OBJECT) && i < jval_len(labels.raw); i++) {
        const struct path here = { .up = labels.at, .key = jval_key_at(labels.raw, i), .index = i };

        check_label(c, here.key,
                    (struct node){ .raw = jval_at(labels.raw, i),
                                   .made = jval_get_str(labels.made, here.key),
                                   .at = &here });
    }
}

/* --- names of other things ------------------------------------------------------------------------------ */

/* projects/NUMBER/global/networks/NAME: a project id there is refused. */
static void check_network(struct converter *c, const struct gathered *g)
{
    struct node n = known(c, g, TARGET_NETWORK);
    struct str part[2] = { { NULL, 0 } };
    int64_t number;

    if (given(g, TARGET_RESERVED_RANGES) && !given(g, TARGET_NETWORK))
        node_warn(c, found_node(g, TARGET_RESERVED_RANGES),
                  "names ranges of a network: give \"network\" as well");
    if (!n.made)
        return;
    if (!resource_name_parts(node_str(n), "projects/*/global/networks/*", part, 2))
        problem_hint(node_error(c, n, "expected projects/NUMBER/global/networks/NAME, got %s",
                                convert_shown(c, n.made)),
                     "projects/NUMBER/global/networks/NAME", NULL);
    else if (!str_to_i64(part[0], &number))
        node_error(c, n,
                   "needs the project's number, not its id \"%.*s\"; 'gcloud projects describe %.*s "
                   "--format=\"value(projectNumber)\"' prints it",
                   STR_ARG(part[0]), STR_ARG(part[0]));
}

/* The location among @part must be the job's. */
static void check_location(struct converter *c, struct node n, struct str location, struct str region,
                           const char *what)
{
    if (region.len > 0 && !str_eq(location, region))
        node_error(c, n, "the %s is in %.*s, the job in %.*s: they must be in the same region", what,
                   STR_ARG(location), STR_ARG(region));
}

static void check_kms(struct converter *c, const struct gathered *g, struct str region)
{
    const char *want = "projects/P/locations/R/keyRings/K/cryptoKeys/C";
    struct node n = known(c, g, TARGET_KMS_KEY);
    struct str part[4] = { { NULL, 0 } };

    if (!n.made)
        return;
    if (resource_name_parts(node_str(n), "projects/*/locations/*/keyRings/*/cryptoKeys/*", part, 4))
        check_location(c, n, part[1], region, "key");
    else
        problem_hint(node_error(c, n, "expected %s, got %s%s", want, convert_shown(c, n.made),
                                str_find(node_str(n), STR("/cryptoKeyVersions/")) > 0
                                    ? "; name the key, not a version of it"
                                    : ""),
                     want, NULL);
}

static void check_tensorboard(struct converter *c, const struct gathered *g, struct str region)
{
    const char *want = "projects/P/locations/R/tensorboards/ID";
    struct node n = known(c, g, TARGET_TENSORBOARD);
    struct str part[3] = { { NULL, 0 } };

    if (!n.made)
        return;
    if (resource_name_parts(node_str(n), "projects/*/locations/*/tensorboards/*", part, 3))
        check_location(c, n, part[1], region, "TensorBoard");
    else
        problem_hint(node_error(c, n, "expected %s, got %s", want, convert_shown(c, n.made)), want, NULL);
}

static void check_experiment(struct converter *c, const struct gathered *g, struct str region)
{
    static const enum target both[] = { TARGET_EXPERIMENT, TARGET_EXPERIMENT_RUN };
    const char *want = "a name, or projects/P/locations/R/metadataStores/S/contexts/C";
    struct str part[4] = { { NULL, 0 } };

    for (size_t i = 0; i < ARRAY_LEN(both); i++) {
        struct node n = known(c, g, both[i]);

        if (!n.made || (node_str(n).len > 0 && str_find(node_str(n), STR("/")) < 0))
            continue;
        if (resource_name_parts(node_str(n), "projects/*/locations/*/metadataStores/*/contexts/*", part, 4))
            check_location(c, n, part[1], region, "experiment");
        else
            problem_hint(node_error(c, n, "expected %s, got %s", want, convert_shown(c, n.made)), want, NULL);
    }
}

static void check_tracking(struct converter *c, const struct gathered *g)
{
    struct node board = found_node(g, TARGET_TENSORBOARD), experiment = found_node(g, TARGET_EXPERIMENT);

    if (board.raw && experiment.raw)
        node_error(c, board, "\"experiment\" and \"tensorboard\" cannot be set together; keep one");
    if ((board.raw || experiment.raw) && !given(g, TARGET_SERVICE_ACCOUNT) &&
        !unknown_meant(c->p, "service_account"))
        node_error(c, board.raw ? board : experiment,
                   "needs a service_account as well: the account that may write there");
    if (given(g, TARGET_EXPERIMENT_RUN) && !experiment.raw)
        node_error(c, found_node(g, TARGET_EXPERIMENT_RUN), "needs \"experiment\" as well");
}

static void check_service_account(struct converter *c, const struct gathered *g)
{
    struct node n = known(c, g, TARGET_SERVICE_ACCOUNT);
    ptrdiff_t at = str_find(node_str(n), STR("@"));

    if (n.made && (at < 1 || str_find(node_str(n), STR(" ")) >= 0 || (size_t)at + 1 == node_str(n).len))
        problem_hint(
            node_error(
                c, n,
                "expected the account's e-mail address, as NAME@PROJECT.iam.gserviceaccount.com, got %s",
                convert_shown(c, n.made)),
            "an e-mail address", NULL);
}

static bool is_bucket_byte(char ch)
{
    return (ch >= 'a' && ch <= 'z') || (ch >= '0' && ch <= '9') || ch == '-' || ch == '_' || ch == '.';
}

static void check_bucket(struct converter *c, struct node n)
{
    struct str s = node_str(n), bucket = { NULL, 0 };
    bool ok = true;

    if (!n.made)
        return;
    if (str_has_prefix(s, STR("gs://")))
        s = str_sub(s, 5, s.len);
    (void)str_cut(&s, '/', &bucket);
    for (size_t i = 0; i < bucket.len; i++)
        ok = ok && is_bucket_byte(bucket.ptr[i]);
    if (bucket.len == 0)
        node_error(c, n, "names no bucket; expected gs://BUCKET or gs://BUCKET/FOLDER");
    else if (!ok)
        node_error(c, n, "\"%.*s\" cannot be a bucket: names have lower-case letters, digits, -, _ and .",
                   STR_ARG(str_sub(bucket, 0, 200)));
}

static void check_region(struct converter *c, const struct gathered *g, struct str region)
{
    struct node n = known(c, g, TARGET_LOCATION);
    const char *near;

    if (!n.made || region.len == 0)
        return;
    for (size_t i = 0; known_regions[i]; i++) {
        if (str_is(region, known_regions[i]))
            return;
    }
    near = nearest_name(region, known_regions);
    if (str_is(region, "global") || str_is(region, "us"))
        node_warn(c, n, "custom jobs run in one region, as us-central1; \"%.*s\" is none", STR_ARG(region));
    else
        problem_hint(node_warn(c, n, "\"%.*s\" is not a region known here and is used as it is%s%s%s",
                               STR_ARG(str_sub(region, 0, 100)), near ? "; did you mean \"" : "",
                               near ? near : "", near ? "\"?" : ""),
                     NULL, near);
}

static void check_persistent(struct converter *c, const struct gathered *g)
{
    struct node n = known(c, g, TARGET_PERSISTENT_RESOURCE);

    if (n.made && str_find(node_str(n), STR("/")) >= 0)
        node_error(c, n, "expected the id alone, the last part of the resource's name, got %s",
                   convert_shown(c, n.made));
}

/* --- peering -------------------------------------------------------------------------------------------- */

static void check_psc(struct converter *c, const struct gathered *g)
{
    struct node psc = found_node(g, TARGET_PSC), zones = node_member(c, psc, "dns_peering_configs");

    if (given(g, TARGET_NETWORK) && psc.raw)
        node_warn(c, psc, "is an alternative to \"network\" (%s); both are given",
                  path_text(c->a, g->at[TARGET_NETWORK].at));
    for (size_t i = 0; i < jval_len(zones.made); i++) {
        struct node domain = node_member(c, node_element(c, zones, i), "domain");

        if (node_is_known(c, domain) && !str_has_suffix(node_str(domain), STR(".")))
            problem_hint(node_error(c, domain, "a DNS name ends with a dot here: \"%.*s.\"",
                                    STR_ARG(str_sub(node_str(domain), 0, 255))),
                         NULL, arena_printf(c->a, "%.*s.", STR_ARG(node_str(domain))));
    }
}

/* --- scheduling ----------------------------------------------------------------------------------------- */

static void check_strategy(struct converter *c, const struct gathered *g)
{
    struct node n = known(c, g, TARGET_STRATEGY);
    struct str s = node_str(n);

    if (str_is(s, "ON_DEMAND") || str_is(s, "LOW_COST"))
        problem_hint(node_warn(c, n, "%.*s is deprecated; did you mean \"%s\"?", STR_ARG(s),
                               str_is(s, "LOW_COST") ? "SPOT" : "STANDARD"),
                     NULL, str_is(s, "LOW_COST") ? "SPOT" : "STANDARD");
    if (given(g, TARGET_MAX_WAIT) && !str_is(s, "FLEX_START") &&
        !convert_is_open(c, g->at[TARGET_STRATEGY].raw))
        node_warn(c, found_node(g, TARGET_MAX_WAIT), "is used with the strategy FLEX_START only");
}

static void check_scheduling(struct converter *c, const struct gathered *g)
{
    struct node timeout = known(c, g, TARGET_TIMEOUT);
    struct str s = node_str(timeout);
    int64_t seconds = 0;

    check_strategy(c, g);
    if (jval_bool(g->at[TARGET_RESTART].value) && jval_bool(g->at[TARGET_DISABLE_RETRIES].value))
        node_warn(c, found_node(g, TARGET_RESTART), "has no effect: disable_retries (%s) turns it off",
                  path_text(c->a, g->at[TARGET_DISABLE_RETRIES].at));
    if (str_is(s, "0s"))
        node_warn(c, timeout, "0 is left out: Vertex's own limit of 7 days applies");
    if (str_is(jval_str(g->at[TARGET_STRATEGY].value), "FLEX_START") && s.len > 1 &&
        str_to_i64(str_sub(s, 0, s.len - 1), &seconds) && seconds > WEEK_S)
        node_error(c, timeout, "FLEX_START jobs run 7 days at most: %d seconds, not %lld", WEEK_S,
                   (long long)seconds);
}

void checks_run(struct converter *c, const struct gathered *g, struct str region)
{
    check_display_name(c, g);
    check_labels(c, g);
    check_region(c, g, region);
    check_network(c, g);
    check_kms(c, g, region);
    check_tensorboard(c, g, region);
    check_experiment(c, g, region);
    check_tracking(c, g);
    check_service_account(c, g);
    check_bucket(c, known(c, g, TARGET_STAGING_BUCKET));
    check_bucket(c, known(c, g, TARGET_BASE_OUTPUT));
    check_persistent(c, g);
    check_psc(c, g);
    check_scheduling(c, g);
    checks_pools(c, g);
    if (given(g, TARGET_MODELS))
        node_warn(c, found_node(g, TARGET_MODELS), "is for jobs that Google provides; Vertex may refuse it");
    if (given(g, TARGET_SYNC))
        node_warn(c, found_node(g, TARGET_SYNC), "has no effect: the agent always watches its jobs");
    if (given(g, TARGET_CREATE_TIMEOUT))
        node_warn(c, found_node(g, TARGET_CREATE_TIMEOUT),
                  "has no effect: the agent has a time limit of its own");
}
