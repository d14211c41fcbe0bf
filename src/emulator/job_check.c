/*
 * emulator/job_check.c: validation of a CustomJob. Limits and texts: vertex-and-google-auth.md 1.4
 * to 1.6, 1.10, 1.12.
 */
#include "emulator/job_check.h"

#include "base/ascii.h"
#include "base/map.h"
#include "base/timefmt.h"

enum {
    DISPLAY_NAME_MAX_CHARS = 128,
    LABELS_MAX = 64,
    LABEL_MAX_CHARS = 63,
    LABEL_MAX_BYTES = 127,
    ENV_MAX = 100,
    PACKAGES_MAX = 100,
    POOLS_MAX = 4,
    REPLICAS_MAX = 1000,
    FINDINGS_MAX = 50,
    DAYS_7_MS = 7 * 24 * 3600 * 1000
};

static const char required[] = "Required field is not set.";
static const char labels_text[] = "There can be no more than 64 labels attached to a single resource. Label "
                                  "keys and values can only contain "
                                  "lowercase letters, numbers, dashes and underscores. Label keys must start "
                                  "with a letter or number, must be "
                                  "less than 64 characters in length, and must be less that 128 bytes in "
                                  "length when encoded in UTF-8. Label "
                                  "values must be less than 64 characters in length, and must be less that "
                                  "128 bytes in length when encoded in "
                                  "UTF-8.";

struct checker {
    struct refusal *r;
    struct strbuf text;
    unsigned findings;
    struct str location;
};

static void found(struct checker *c, const char *field, const char *fmt, ...) PRINTF(3, 4);

static void found(struct checker *c, const char *field, const char *fmt, ...)
{
    AUTO_STRBUF struct strbuf message = STRBUF(2048);
    va_list ap;

    if (++c->findings > FINDINGS_MAX)
        return;
    va_start(ap, fmt);
    strbuf_vaddf(&message, fmt, ap);
    va_end(ap);
    strbuf_addf(&c->text, "%u.Field: %s; Message: %s\t", c->findings, field, strbuf_cstr(&message));
    refusal_add_violation(c->r, field, strbuf_cstr(&message));
}

static bool need(struct checker *c, const struct jval *object, const char *key, const char *field)
{
    const struct jval *v = jval_get(object, key);

    if (jval_str(v).len > 0 || jval_len(v) > 0)
        return true;
    found(c, field, "%s", required);
    return false;
}

/* --- labels ------------------------------------------------------------------------------------------------
 */

static size_t utf8_chars(struct str s)
{
    size_t n = 0;

    for (size_t i = 0; i < s.len; i++)
        n += ((unsigned char)s.ptr[i] & 0xC0) != 0x80;
    return n;
}

/* Letters of other scripts are allowed; what has a lower case in ASCII must be in it. */
static bool is_label_text(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        bool good =
            ascii_is_lower(c) || ascii_is_digit(c) || c == '-' || c == '_' || (unsigned char)c >= 0x80;

        if (!good)
            return false;
    }
    return utf8_chars(s) <= LABEL_MAX_CHARS && s.len <= LABEL_MAX_BYTES;
}

static void check_labels(struct checker *c, const struct jval *labels)
{
    bool good = jval_len(labels) <= LABELS_MAX;

    for (size_t i = 0; i < jval_len(labels) && good; i++) {
        struct str key = jval_key_at(labels, i);

        good = key.len > 0 && key.ptr[0] != '-' && key.ptr[0] != '_' && is_label_text(key) &&
               is_label_text(jval_str(jval_at(labels, i)));
    }
    if (!good)
        found(c, "labels", "%s", labels_text);
}

/* --- containers
 * --------------------------------------------------------------------------------------------- */

static bool is_c_identifier(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];

        if (!ascii_is_letter(c) && c != '_' && !(i > 0 && ascii_is_digit(c)))
            return false;
    }
    return s.len > 0;
}

static void check_env(struct checker *c, const struct jval *list, const char *field)
{
    AUTO_PTR(map) names = map_new();
    bool repeated = false;

    if (jval_len(list) > ENV_MAX)
        found(c, field, "There can be no more than %d environment variables.", ENV_MAX);
    for (size_t i = 0; i < jval_len(list); i++) {
        const char *at = arena_printf(c->r->a, "%s[%zu]", field, i);
        struct str name = jval_str(jval_get(jval_at(list, i), "name"));

        if (name.len == 0)
            found(c, arena_printf(c->r->a, "%s.name", at), "%s", required);
        else if (!is_c_identifier(name))
            found(c, arena_printf(c->r->a, "%s.name", at), "EnvVar name must be a valid C identifier.");
        else if (map_put(names, name, c))
            repeated = true;
        need(c, jval_at(list, i), "value", arena_printf(c->r->a, "%s.value", at));
    }
    if (repeated)
        found(c, field, "EnvVar names must be unique.");
}

static void check_task(struct checker *c, const struct jval *pool, const char *at)
{
    const struct jval *container = jval_get(pool, "containerSpec"),
                      *python = jval_get(pool, "pythonPackageSpec");
    struct arena *a = c->r->a;

    if (container) {
        need(c, container, "imageUri", arena_printf(a, "%s.container_spec.image_uri", at));
        check_env(c, jval_get(container, "env"), arena_printf(a, "%s.container_spec.env", at));
    } else if (python) {
        at = arena_printf(a, "%s.python_package_spec", at);
        need(c, python, "executorImageUri", arena_printf(a, "%s.executor_image_uri", at));
        need(c, python, "packageUris", arena_printf(a, "%s.package_uris", at));
        need(c, python, "pythonModule", arena_printf(a, "%s.python_module", at));
        if (jval_len(jval_get(python, "packageUris")) > PACKAGES_MAX)
            found(c, at, "There can be no more than %d package URIs.", PACKAGES_MAX);
        check_env(c, jval_get(python, "env"), arena_printf(a, "%s.env", at));
    } else {
        found(c, arena_printf(a, "%s.task", at), "%s", required);
    }
}

/* --- machines
 * ------------------------------------------------------------------------------------------------ */

/* "n1-standard-4", "ml.g5.xlarge" no: letters and digits in parts joined by dashes, and one that is known
 * refused. */
static bool is_machine_type(struct str s)
{
    unsigned dashes = 0;

    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];

        if (c == '-')
            dashes++;
        else if (!ascii_is_lower(c) && !ascii_is_digit(c))
            return false;
    }
    return dashes > 0 && !str_is(s, "n1-standard-1");
}

static bool enum_is_set(const struct jval *v)
{
    return v && !str_has_suffix(jval_str(v), STR("_UNSPECIFIED")) &&
           !(jval_is(v, JVAL_INT) && jval_int(v) == 0);
}

static void check_machine(struct checker *c, const struct jval *pool, const char *at, bool persistent)
{
    const struct jval *machine = jval_get(pool, "machineSpec"), *affinity;
    struct str type = jval_str(jval_get(machine, "machineType"));
    int64_t count = jval_int(jval_get(machine, "acceleratorCount"));
    const char *field = arena_printf(c->r->a, "%s.machine_spec.machine_type", at);

    if (type.len == 0 && !persistent)
        found(c, field, "%s", required);
    else if (type.len > 0 && !is_machine_type(type))
        found(c, field, "Machine type \"%.*s\" is not supported.", STR_ARG(str_sub(type, 0, 100)));
    if (count < 0 || enum_is_set(jval_get(machine, "acceleratorType")) != (count != 0))
        found(c, arena_printf(c->r->a, "%s.machine_spec.accelerator_type", at),
              "Both `accelerator_type` and `accelerator_count` should be specified or none.");
    affinity = jval_get(machine, "reservationAffinity");
    if (str_is(jval_str(jval_get(affinity, "reservationAffinityType")), "SPECIFIC_RESERVATION") &&
        (jval_len(jval_get(affinity, "values")) == 0 || jval_str(jval_get(affinity, "key")).len == 0))
        found(c, arena_printf(c->r->a, "%s.machine_spec.reservation_affinity", at),
              "A specific reservation needs key and values.");
}

static void check_disk(struct checker *c, const struct jval *disk, const char *at)
{
    struct str type = jval_str(jval_get(disk, "bootDiskType"));
    int64_t size = jval_int(jval_get(disk, "bootDiskSizeGb"));

    if (type.len > 0 && !str_is(type, "pd-ssd") && !str_is(type, "pd-standard") &&
        !str_is(type, "hyperdisk-balanced"))
        found(c, arena_printf(c->r->a, "%s.disk_spec.boot_disk_type", at),
              "Boot disk type \"%.*s\" is not supported.", STR_ARG(str_sub(type, 0, 100)));
    if (size != 0 && (size < 100 || size > 64000))
        found(c, arena_printf(c->r->a, "%s.disk_spec.boot_disk_size_gb", at),
              "Boot disk size must be between 100 and 64000 GB.");
}

static void check_replica_count(struct checker *c, const struct jval *pool, size_t index, const char *at)
{
    const char *field = arena_printf(c->r->a, "%s.replica_count", at);
    int64_t n = 0;

    (void)str_to_i64(jval_str(jval_get(pool, "replicaCount")), &n); /* absent is 0 */
    if (index == 0 && n != 1)
        found(c, field, "The replica count of the first worker pool must be 1.");
    else if (n < 1 || n > REPLICAS_MAX)
        found(c, field, "The replica count must be between 1 and %d.", REPLICAS_MAX);
}

static void check_pools(struct checker *c, const struct jval *spec)
{
    const struct jval *pools = jval_get(spec, "workerPoolSpecs");
    bool persistent = jval_str(jval_get(spec, "persistentResourceId")).len > 0;

    if (jval_len(pools) == 0)
        found(c, "job_spec.worker_pool_specs", "%s", required);
    if (jval_len(pools) > POOLS_MAX)
        found(c, "job_spec.worker_pool_specs", "There can be no more than %d worker pools.", POOLS_MAX);
    for (size_t i = 0; i < jval_len(pools) && i < POOLS_MAX; i++) {
        const struct jval *pool = jval_at(pools, i);
        const char *at = arena_printf(c->r->a, "job_spec.worker_pool_specs[%zu]", i);

        if (jval_len(pool) == 0 && i > 0)
            continue; /* {} skips a role */
        check_task(c, pool, at);
        check_machine(c, pool, at, persistent);
        check_replica_count(c, pool, i, at);
        check_disk(c, jval_get(pool, "diskSpec"), at);
        if (jval_len(jval_get(pool, "nfsMounts")) > 0 && jval_str(jval_get(spec, "network")).len == 0)
            found(c, arena_printf(c->r->a, "%s.nfs_mounts", at), "NFS mounts need a VPC network.");
    }
}

/* --- the rest
 * ------------------------------------------------------------------------------------------------ */

static void check_flex_start(struct checker *c, const struct jval *spec, int64_t timeout_ms)
{
    const struct jval *pools = jval_get(spec, "workerPoolSpecs");
    const struct jval *first = jval_get(jval_at(pools, 0), "machineSpec");

    if (timeout_ms > DAYS_7_MS)
        found(c, "job_spec.scheduling.timeout",
              "The timeout must be at most 7 days with the FLEX_START strategy.");
    for (size_t i = 0; i < jval_len(pools); i++) {
        const struct jval *machine = jval_get(jval_at(pools, i), "machineSpec");

        if (jval_len(jval_at(pools, i)) == 0)
            continue;
        if (!enum_is_set(jval_get(machine, "acceleratorType")) || !jval_equal(machine, first))
            found(c, arena_printf(c->r->a, "job_spec.worker_pool_specs[%zu].machine_spec", i),
                  "FLEX_START needs GPUs, and the same machine configuration in every worker pool.");
    }
}

static void check_scheduling(struct checker *c, const struct jval *spec)
{
    const struct jval *scheduling = jval_get(spec, "scheduling");
    struct str strategy = jval_str(jval_get(scheduling, "strategy"));
    int64_t timeout_ms = 0;

    if (duration_parse_proto(jval_str(jval_get(scheduling, "timeout")), &timeout_ms) && timeout_ms < 0)
        found(c, "job_spec.scheduling.timeout", "The timeout must not be negative.");
    if (str_is(strategy, "FLEX_START"))
        check_flex_start(c, spec, timeout_ms);
    else if (jval_get(scheduling, "maxWaitDuration"))
        found(c, "job_spec.scheduling.max_wait_duration",
              "max_wait_duration can only be set with the FLEX_START strategy.");
}

/* projects/NUMBER/global/networks/NAME: the project's id is refused, which is easy to get wrong. */
static bool is_network(struct str s)
{
    struct str part[6], rest = s;
    size_t n = 0;

    while (n < ARRAY_LEN(part) && str_cut(&rest, '/', &part[n]))
        n++;
    if (n != 5 || !str_is(part[0], "projects") || !str_is(part[2], "global") || !str_is(part[3], "networks"))
        return false;
    for (size_t i = 0; i < part[1].len; i++) {
        if (part[1].ptr[i] < '0' || part[1].ptr[i] > '9')
            return false;
    }
    return part[1].len > 0 && part[4].len > 0;
}

static void check_spec(struct checker *c, const struct jval *spec)
{
    struct str network = jval_str(jval_get(spec, "network"));
    struct str output = jval_str(jval_path(spec, "baseOutputDirectory.outputUriPrefix"));
    struct str account = jval_str(jval_get(spec, "serviceAccount"));

    check_pools(c, spec);
    check_scheduling(c, spec);
    if (network.len > 0 && !is_network(network))
        found(c, "job_spec.network",
              "The network must have the form projects/{project_number}/global/networks/{network}.");
    if (jval_get(spec, "baseOutputDirectory") && !str_has_prefix(output, STR("gs://")))
        found(c, "job_spec.base_output_directory.output_uri_prefix", "The URI must begin with gs://.");
    if (account.len > 0 && str_find(account, STR("@")) < 1)
        found(c, "job_spec.service_account",
              "You do not have permission to act as service_account: %.*s. (or it may not exist).",
              STR_ARG(str_sub(account, 0, 200)));
    if (jval_str(jval_get(spec, "tensorboard")).len > 0 && account.len == 0)
        found(c, "job_spec.service_account", "A service account is required when a Tensorboard is set.");
}

static void check_key(struct checker *c, const struct jval *custom_job)
{
    struct str key = jval_str(jval_path(custom_job, "encryptionSpec.kmsKeyName"));
    const char *want = arena_printf(c->r->a, "/locations/%.*s/keyRings/", STR_ARG(c->location));

    if (key.len > 0 && str_find(key, str_of(want)) < 0)
        found(c, "encryption_spec.kms_key_name", "The key must be in the region of the job, %.*s.",
              STR_ARG(c->location));
}

int job_check(struct refusal *r, const struct jval *custom_job, struct str location)
{
    struct checker c = { .r = r, .text = STRBUF(64 * 1024), .location = location };
    struct str name = jval_str(jval_get(custom_job, "displayName"));
    int code = 0;

    strbuf_addz(&c.text, "List of found errors:\t");
    if (name.len == 0)
        found(&c, "display_name", "%s", required);
    else if (utf8_chars(name) > DISPLAY_NAME_MAX_CHARS)
        found(&c, "display_name", "The display name can be up to %d characters long.",
              DISPLAY_NAME_MAX_CHARS);
    check_labels(&c, jval_get(custom_job, "labels"));
    if (jval_get(custom_job, "jobSpec"))
        check_spec(&c, jval_get(custom_job, "jobSpec"));
    else
        found(&c, "job_spec", "%s", required);
    check_key(&c, custom_job);
    if (c.findings > 0)
        code = refuse(r, RPC_INVALID_ARGUMENT, "%s", strbuf_cstr(&c.text));
    strbuf_done(&c.text);
    return code;
}
