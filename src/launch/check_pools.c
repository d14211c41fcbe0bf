/* launch/check_pools.c: rules of the worker pools: roles, machines, accelerators, disks, mounts. */
#include "launch/checks.h"
#include "launch/known.h"
#include "launch/unknown.h"

enum { POOLS_MAX = 4 /* primary, workers, parameter servers, evaluators */, PACKAGES_MAX = 100 };

struct pool_check {
    struct converter *c;
    const struct gathered *g;
    struct node pool, machine;
    struct node type, accelerator, count; /* of the machine */
};

static bool has(const struct pool_check *k, enum target t)
{
    return k->g->at[t].raw != NULL;
}

static bool strategy_is(const struct pool_check *k, const char *name)
{
    return str_is(jval_str(k->g->at[TARGET_STRATEGY].value), name);
}

/* --- machines ------------------------------------------------------------------------------------------- */

static bool has_accelerator(const struct pool_check *k)
{
    return k->accelerator.raw && !str_is(node_str(k->accelerator), "ACCELERATOR_TYPE_UNSPECIFIED");
}

static void check_pair(const struct pool_check *k)
{
    struct converter *c = k->c;
    bool counted = node_is_known(c, k->count) && jval_int(k->count.made) > 0;

    if (counted && !has_accelerator(k) && !unknown_meant(c->p, "accelerator_type"))
        node_error(c, k->count, "accelerator_count without accelerator_type: which accelerator is it?");
    if (has_accelerator(k) && !k->count.raw && !unknown_meant(c->p, "accelerator_count"))
        problem_hint(node_error(c, k->accelerator, "accelerator_type without accelerator_count: how many?"),
                     "accelerator_count", NULL);
    else if (has_accelerator(k) && node_is_known(c, k->count) && !counted)
        node_error(c, k->count, "0 accelerators of a type; give 1 or more, or take accelerator_type out");
    if (str_is(node_str(k->accelerator), "NVIDIA_TESLA_K80"))
        node_warn(c, k->accelerator, "K80 GPUs are no longer offered");
}

/* Machines with GPUs built in: the request has to name what the machine has. */
static void check_built_in(const struct pool_check *k)
{
    struct known_gpus gpus = known_gpus_of(node_str(k->type));
    int64_t count = jval_int(k->count.made);

    if (!has_accelerator(k) && !k->accelerator.raw && !unknown_meant(k->c->p, "accelerator_type"))
        node_warn(k->c, k->type, "this machine comes with GPUs: add accelerator_type: %s%s", gpus.accelerator,
                  gpus.count > 0
                      ? arena_printf(k->c->a, " and accelerator_count: %lld", (long long)gpus.count)
                      : "");
    else if (node_is_known(k->c, k->accelerator) && jval_is(k->accelerator.made, JVAL_STR) &&
             !str_is(node_str(k->accelerator), gpus.accelerator))
        node_warn(k->c, k->accelerator, "machines of type %.*s have %s GPUs", STR_ARG(node_str(k->type)),
                  gpus.accelerator);
    else if (gpus.count > 0 && node_is_known(k->c, k->count) && count > 0 && count != gpus.count)
        node_warn(k->c, k->count, "machines of type %.*s have %lld GPU%s, not %lld",
                  STR_ARG(node_str(k->type)), (long long)gpus.count, gpus.count == 1 ? "" : "s",
                  (long long)count);
}

static void check_machine_type(const struct pool_check *k)
{
    struct str type = node_str(k->type);
    const char *near;

    if (!node_is_known(k->c, k->type))
        return;
    if (type.len == 0) {
        node_error(k->c, k->type, "is empty; expected a machine type, as n1-standard-8");
        return;
    }
    if (str_is(type, "n1-standard-1") || str_is(type, "n1-standard-2")) {
        node_warn(k->c, k->type,
                  "Vertex AI does not offer this machine; the smallest of its kind is n1-standard-4");
        return;
    }
    for (size_t i = 0; known_machine_types[i]; i++) {
        if (str_is(type, known_machine_types[i]))
            return;
    }
    near = nearest_name(type, known_machine_types);
    if (near || !known_family(type))
        problem_hint(node_warn(k->c, k->type,
                               "\"%.*s\" is not a machine type known here and is sent as it is%s%s%s",
                               STR_ARG(str_sub(type, 0, 100)), near ? "; did you mean \"" : "",
                               near ? near : "", near ? "\"?" : ""),
                     NULL, near);
}

/* "2x2" or "2x2x1". */
static bool is_topology(struct str s)
{
    struct str part;
    int64_t n;
    size_t parts = 0;

    while (str_cut(&s, 'x', &part)) {
        if (part.len == 0 || part.len > 5 || part.ptr[0] < '1' || part.ptr[0] > '9' || !str_to_i64(part, &n))
            return false;
        parts++;
    }
    return parts == 2 || parts == 3;
}

static void check_tpu(const struct pool_check *k)
{
    struct node topology = node_member(k->c, k->machine, "tpu_topology");
    bool tpu = known_has_tpus(node_str(k->type)) || str_has_prefix(node_str(k->accelerator), STR("TPU_"));

    if (node_is_known(k->c, topology) && !is_topology(node_str(topology)))
        problem_hint(node_error(k->c, topology, "expected a shape, as 2x2 or 2x2x1, got %s",
                                convert_shown(k->c, topology.made)),
                     "2x2 or 2x2x1", NULL);
    if (topology.raw && node_is_known(k->c, k->type) && known_family(node_str(k->type)) && !tpu)
        node_warn(k->c, topology, "machines of type %.*s have no TPUs", STR_ARG(node_str(k->type)));
}

static void check_partition(const struct pool_check *k)
{
    struct node size = node_member(k->c, k->machine, "gpu_partition_size");

    if (!size.raw)
        return;
    if (!has_accelerator(k) && !k->accelerator.raw)
        node_error(k->c, size, "is a part of a GPU: give accelerator_type as well");
    else if (node_is_known(k->c, k->count) && jval_int(k->count.made) != 1)
        node_error(k->c, k->count, "must be 1 with gpu_partition_size, not %lld",
                   (long long)jval_int(k->count.made));
}

static void check_reservation_values(const struct pool_check *k, struct node values)
{
    struct str part[3] = { { NULL, 0 } };

    for (size_t i = 0; i < jval_len(values.made); i++) {
        struct node v = node_element(k->c, values, i);

        if (node_is_known(k->c, v) &&
            !resource_name_parts(node_str(v), "projects/*/zones/*/reservations/*", part, 3))
            problem_hint(node_error(k->c, v, "expected projects/P/zones/Z/reservations/R, got %s",
                                    convert_shown(k->c, v.made)),
                         "projects/P/zones/Z/reservations/R", NULL);
    }
}

static void check_reservation(const struct pool_check *k)
{
    struct node r = node_member(k->c, k->machine, "reservation_affinity");
    struct node type = node_member(k->c, r, "reservation_affinity_type");
    struct node key = node_member(k->c, r, "key"), values = node_member(k->c, r, "values");
    const char *want = "compute.googleapis.com/reservation-name";

    if (!r.raw || !node_is_known(k->c, type))
        return;
    if (!str_is(node_str(type), "SPECIFIC_RESERVATION")) {
        if (key.raw || values.raw)
            node_error(k->c, key.raw ? key : values, "goes with SPECIFIC_RESERVATION only, not with %.*s",
                       STR_ARG(node_str(type)));
    } else if (!key.raw || !values.raw) {
        node_error(k->c, type,
                   "SPECIFIC_RESERVATION needs key: %s and values: [projects/P/zones/Z/reservations/R]",
                   want);
    } else if (node_is_known(k->c, key) && !str_is(node_str(key), want)) {
        problem_hint(node_error(k->c, key, "expected %s, got %s", want, convert_shown(k->c, key.made)), want,
                     want);
    }
    check_reservation_values(k, values);
    if (has(k, TARGET_PERSISTENT_RESOURCE) && !str_is(node_str(type), "NO_RESERVATION"))
        node_error(k->c, r,
                   "reservations do not go with a persistent resource, which has its machines already");
}

static void check_flex_start(const struct pool_check *k, struct node first)
{
    struct node reservation = node_member(k->c, k->machine, "reservation_affinity");
    struct node affinity = node_member(k->c, reservation, "reservation_affinity_type");

    if (first.made && k->machine.made && !jval_equal(k->machine.made, first.made))
        node_error(k->c, k->machine,
                   "FLEX_START wants the same machine in every pool; this is not the one of %s",
                   path_text(k->c->a, first.at));
    if (!k->accelerator.raw || str_has_prefix(node_str(k->accelerator), STR("TPU_")))
        node_error(k->c, k->machine, "FLEX_START is for machines with GPUs (L4, A100, H100, H200, B200)");
    if (reservation.raw && !str_is(node_str(affinity), "NO_RESERVATION"))
        node_error(k->c, reservation, "FLEX_START does not go with reservations; take one of the two out");
}

static void check_machine(const struct pool_check *k, struct node first)
{
    if (!k->machine.raw) {
        if (!has(k, TARGET_PERSISTENT_RESOURCE) && k->c->p->errors == 0)
            node_warn(k->c, k->pool, "has no machine_spec: Vertex takes that on a persistent resource only");
        return;
    }
    if (!k->machine.made)
        return;
    if (!k->type.raw && !has(k, TARGET_PERSISTENT_RESOURCE) && !unknown_meant(k->c->p, "machine_type"))
        problem_hint(node_warn(k->c, k->machine, "has no machine_type, as n1-standard-8"), "machine_type",
                     NULL);
    check_machine_type(k);
    check_pair(k);
    if (node_is_known(k->c, k->type) && known_gpus_of(node_str(k->type)).accelerator)
        check_built_in(k);
    else if (has_accelerator(k) && node_is_known(k->c, k->type) && !known_takes_gpus(node_str(k->type)) &&
             !known_has_tpus(node_str(k->type)))
        node_warn(k->c, k->accelerator, "GPUs are attached to n1 machines; those of type %.*s take none",
                  STR_ARG(node_str(k->type)));
    check_tpu(k);
    check_partition(k);
    check_reservation(k);
    if (strategy_is(k, "FLEX_START"))
        check_flex_start(k, first);
}

/* --- disks and mounts ----------------------------------------------------------------------------------- */

static void check_disk(const struct pool_check *k)
{
    static const char *const types[] = { "pd-ssd", "pd-standard", "hyperdisk-balanced", NULL };
    struct node disk = node_member(k->c, k->pool, "disk_spec");
    struct node type = node_member(k->c, disk, "boot_disk_type");
    struct node size = node_member(k->c, disk, "boot_disk_size_gb");
    int64_t gb = jval_int(size.made);
    const char *near = nearest_name(node_str(type), types);

    if (jval_is(size.made, JVAL_INT) && (gb < 100 || gb > 64000))
        node_error(k->c, size, "a boot disk has 100 to 64000 GB, this has %lld", (long long)gb);
    if (node_is_known(k->c, type) && !(near && str_is(node_str(type), near)))
        problem_hint(
            node_warn(
                k->c, type,
                "\"%.*s\" is not a disk type known here (pd-ssd, pd-standard, hyperdisk-balanced)%s%s%s",
                STR_ARG(str_sub(node_str(type), 0, 100)), near ? "; did you mean \"" : "", near ? near : "",
                near ? "\"?" : ""),
            NULL, near);
}

static void check_mount_point(const struct pool_check *k, struct node mount, const char *root)
{
    struct node point = node_member(k->c, mount, "mount_point");

    if (node_is_known(k->c, point) && str_has_prefix(node_str(point), STR("/")))
        node_error(k->c, point, "expected a name under %s, without a slash in front, got %s", root,
                   convert_shown(k->c, point.made));
}

static void check_mounts(const struct pool_check *k)
{
    struct node nfs = node_member(k->c, k->pool, "nfs_mounts"),
                lustre = node_member(k->c, k->pool, "lustre_mounts");

    if (nfs.raw && !has(k, TARGET_NETWORK) && !has(k, TARGET_PSC))
        node_error(k->c, nfs, "needs \"network\": the share is reached over it");
    for (size_t i = 0; i < jval_len(nfs.made); i++) {
        struct node mount = node_element(k->c, nfs, i), path = node_member(k->c, mount, "path");

        if (node_is_known(k->c, path) && !str_has_prefix(node_str(path), STR("/")))
            node_error(k->c, path, "the exported path begins with /, this is \"%.*s\"",
                       STR_ARG(str_sub(node_str(path), 0, 200)));
        check_mount_point(k, mount, "/mnt/nfs");
    }
    for (size_t i = 0; i < jval_len(lustre.made); i++)
        check_mount_point(k, node_element(k->c, lustre, i), "/mnt/lustre");
}

/* --- tasks ---------------------------------------------------------------------------------------------- */

static void check_packages(const struct pool_check *k)
{
    struct node uris = node_member(k->c, node_member(k->c, k->pool, "python_package_spec"), "package_uris");

    if (uris.made && (jval_len(uris.made) == 0 || jval_len(uris.made) > PACKAGES_MAX))
        node_error(k->c, uris, "a job has 1 to %d packages, this has %zu", PACKAGES_MAX, jval_len(uris.made));
    for (size_t i = 0; i < jval_len(uris.made); i++) {
        struct node uri = node_element(k->c, uris, i);

        if (node_is_known(k->c, uri) && !str_has_prefix(node_str(uri), STR("gs://")))
            problem_hint(
                node_error(k->c, uri, "expected gs://BUCKET/FILE, got %s", convert_shown(k->c, uri.made)),
                "gs://BUCKET/FILE", NULL);
    }
}

/* {} is a pool left out. Any other has exactly one task. */
static void check_task(const struct pool_check *k)
{
    bool container = node_member(k->c, k->pool, "container_spec").raw,
         package = node_member(k->c, k->pool, "python_package_spec").raw;

    if (container && package)
        node_error(k->c, k->pool, "has both container_spec and python_package_spec; keep one");
    if (!container && !package && !unknown_meant(k->c->p, "container_spec") &&
        !unknown_meant(k->c->p, "python_package_spec"))
        problem_hint(
            node_error(k->c, k->pool,
                       "has neither container_spec nor python_package_spec; write {} to leave a pool out"),
            "container_spec", NULL);
}

/* --- pools ---------------------------------------------------------------------------------------------- */

static void check_replicas(const struct pool_check *k, size_t index)
{
    struct node n = node_member(k->c, k->pool, "replica_count");

    if (!node_is_known(k->c, n))
        return;
    if (index == 0 && !str_is(node_str(n), "1"))
        problem_hint(
            node_error(k->c, n,
                       "the first pool is the primary replica, so this is 1, not %.*s; put workers into a "
                       "second pool",
                       STR_ARG(node_str(n))),
            "1", "1");
    else if (str_is(node_str(n), "0"))
        node_warn(k->c, n, "a pool of 0 replicas; write {} to leave a pool out");
}

static void check_pool(struct pool_check *k, size_t index, struct node first)
{
    k->machine = node_member(k->c, k->pool, "machine_spec");
    k->type = node_member(k->c, k->machine, "machine_type");
    k->accelerator = node_member(k->c, k->machine, "accelerator_type");
    k->count = node_member(k->c, k->machine, "accelerator_count");
    check_task(k);
    check_replicas(k, index);
    check_machine(k, first);
    check_disk(k);
    check_mounts(k);
    check_packages(k);
}

void checks_pools(struct converter *c, const struct gathered *g)
{
    struct pool_check k = { .c = c, .g = g };
    struct node pools = found_node(g, TARGET_POOLS),
                first = node_member(c, node_element(c, pools, 0), "machine_spec");

    if (!jval_is(pools.made, JVAL_ARRAY))
        return;
    if (jval_len(pools.raw) == 0)
        node_error(c, pools, "at least one worker pool is needed");
    if (jval_len(pools.raw) > POOLS_MAX)
        node_warn(c, pools, "%zu pools; Vertex knows %d: primary, workers, parameter servers, evaluators",
                  jval_len(pools.raw), POOLS_MAX);
    for (size_t i = 0; i < jval_len(pools.raw); i++) {
        k.pool = node_element(c, pools, i);
        if (!jval_is(k.pool.made, JVAL_OBJECT))
            continue; /* said before, or not known yet */
        if (jval_len(k.pool.raw) > 0)
            check_pool(&k, i, first);
        else if (i == 0)
            node_error(c, k.pool, "the first pool is the primary replica and cannot be left empty");
    }
}
