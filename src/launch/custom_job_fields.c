/* launch/custom_job_fields.c: every field of a CustomJob that a queue config may set (reference 1.4 to 1.6).
 */
#include "launch/fields.h"

#define MESSAGE(rows)                                                                                        \
    {                                                                                                        \
        rows, ARRAY_LEN(rows)                                                                                \
    }
#define REQUIRED .required = true

static const char *const accelerator_types[] = { "ACCELERATOR_TYPE_UNSPECIFIED",
                                                 "NVIDIA_TESLA_K80",
                                                 "NVIDIA_TESLA_P100",
                                                 "NVIDIA_TESLA_V100",
                                                 "NVIDIA_TESLA_P4",
                                                 "NVIDIA_TESLA_T4",
                                                 "TPU_V2",
                                                 "TPU_V3",
                                                 "NVIDIA_TESLA_A100",
                                                 "NVIDIA_A100_80GB",
                                                 "TPU_V4_POD",
                                                 "NVIDIA_L4",
                                                 "TPU_V5_LITEPOD",
                                                 "NVIDIA_H100_80GB",
                                                 "NVIDIA_H100_MEGA_80GB",
                                                 "NVIDIA_H200_141GB",
                                                 "NVIDIA_B200",
                                                 "NVIDIA_GB200",
                                                 "NVIDIA_RTX_PRO_6000",
                                                 NULL };
static const char *const strategies[] = {
    "STRATEGY_UNSPECIFIED", "ON_DEMAND", "LOW_COST", "STANDARD", "SPOT", "", "FLEX_START", NULL
};
static const char *const affinity_types[] = { "TYPE_UNSPECIFIED", "NO_RESERVATION", "ANY_RESERVATION",
                                              "SPECIFIC_RESERVATION", NULL };

static const struct field affinity_fields[] = {
    { "reservation_affinity_type", FIELD_ENUM, REQUIRED, .enum_values = affinity_types },
    { "key", FIELD_STRING },
    { "values", FIELD_STRINGS },
};
static const struct message affinity_message = MESSAGE(affinity_fields);

static const struct field machine_fields[] = {
    { "machine_type", FIELD_STRING },
    { "accelerator_type", FIELD_ENUM, .enum_values = accelerator_types },
    { "accelerator_count", FIELD_INT32 },
    { "tpu_topology", FIELD_STRING },
    { "reservation_affinity", FIELD_MESSAGE, .message = &affinity_message },
    { "gpu_partition_size", FIELD_STRING },
    { "multihost_gpu_node_count", FIELD_INT32 },
    { "min_gpu_driver_version", FIELD_STRING },
};
static const struct message machine_message = MESSAGE(machine_fields);

static const struct field container_fields[] = {
    { "image_uri", FIELD_STRING }, /* filled in from the launch when absent */
    { "command", FIELD_STRINGS },
    { "args", FIELD_STRINGS },
    { "env", FIELD_ENV },
};
static const struct message container_message = MESSAGE(container_fields);

static const struct field python_fields[] = {
    { "executor_image_uri", FIELD_STRING, REQUIRED },
    { "package_uris", FIELD_STRINGS, REQUIRED },
    { "python_module", FIELD_STRING, REQUIRED },
    { "args", FIELD_STRINGS },
    { "env", FIELD_ENV },
};
static const struct message python_message = MESSAGE(python_fields);

static const struct field nfs_fields[] = {
    { "server", FIELD_STRING, REQUIRED },
    { "path", FIELD_STRING, REQUIRED },
    { "mount_point", FIELD_STRING, REQUIRED },
};
static const struct message nfs_message = MESSAGE(nfs_fields);

static const struct field lustre_fields[] = {
    { "instance_ip", FIELD_STRING, REQUIRED },
    { "volume_handle", FIELD_STRING, REQUIRED },
    { "filesystem", FIELD_STRING, REQUIRED },
    { "mount_point", FIELD_STRING, REQUIRED },
};
static const struct message lustre_message = MESSAGE(lustre_fields);

static const struct field disk_fields[] = {
    { "boot_disk_type", FIELD_STRING },
    { "boot_disk_size_gb", FIELD_INT32 },
};
static const struct message disk_message = MESSAGE(disk_fields);

static const struct field pool_fields[] = {
    { "machine_spec", FIELD_MESSAGE, .message = &machine_message },
    { "replica_count", FIELD_INT64 },
    { "nfs_mounts", FIELD_MESSAGES, .message = &nfs_message },
    { "lustre_mounts", FIELD_MESSAGES, .message = &lustre_message },
    { "disk_spec", FIELD_MESSAGE, .message = &disk_message },
    { "container_spec", FIELD_MESSAGE, .message = &container_message },
    { "python_package_spec", FIELD_MESSAGE, .message = &python_message },
};
const struct message worker_pool_message = MESSAGE(pool_fields);

static const struct field dns_fields[] = {
    { "domain", FIELD_STRING, REQUIRED },
    { "target_project", FIELD_STRING, REQUIRED },
    { "target_network", FIELD_STRING, REQUIRED },
};
static const struct message dns_message = MESSAGE(dns_fields);

static const struct field psc_fields[] = {
    { "network_attachment", FIELD_STRING },
    { "dns_peering_configs", FIELD_MESSAGES, .message = &dns_message },
};
static const struct message psc_message = MESSAGE(psc_fields);

/* Table 2.4 of the reference: where each field may stand. Constructor and run() arguments of the SDK are
 * taken in either object. */
#define S   PLACE_SPEC
#define R   PLACE_RUN
#define J   PLACE_JOB_SPEC
#define SCH PLACE_SCHEDULING
const struct place_row place_rows[] = {
    { { "display_name", FIELD_STRING }, S, TARGET_DISPLAY_NAME },
    { { "worker_pool_specs", FIELD_MESSAGES, .message = &worker_pool_message }, S | J, TARGET_POOLS },
    { { "timeout", FIELD_DURATION }, S | R | SCH, TARGET_TIMEOUT },
    { { "restart_job_on_worker_restart", FIELD_BOOL }, S | R | SCH, TARGET_RESTART },
    { { "scheduling_strategy", FIELD_ENUM, .enum_values = strategies }, S | R, TARGET_STRATEGY },
    { { "strategy", FIELD_ENUM, .enum_values = strategies }, S | R | SCH, TARGET_STRATEGY },
    { { "disable_retries", FIELD_BOOL }, S | R | SCH, TARGET_DISABLE_RETRIES },
    { { "max_wait_duration", FIELD_DURATION }, S | R | SCH, TARGET_MAX_WAIT },
    { { "service_account", FIELD_STRING }, S | R | J, TARGET_SERVICE_ACCOUNT },
    { { "network", FIELD_STRING }, S | R | J, TARGET_NETWORK },
    { { "base_output_dir", FIELD_GS_URI }, S, TARGET_BASE_OUTPUT },
    { { "base_output_directory", FIELD_OUTPUT_URI }, S | J, TARGET_BASE_OUTPUT },
    { { "tensorboard", FIELD_STRING }, S | R | J, TARGET_TENSORBOARD },
    { { "enable_web_access", FIELD_BOOL }, S | R | J, TARGET_WEB_ACCESS },
    { { "reserved_ip_ranges", FIELD_STRINGS }, S | R | J, TARGET_RESERVED_RANGES },
    { { "persistent_resource_id", FIELD_STRING }, S | R | J, TARGET_PERSISTENT_RESOURCE },
    { { "enable_dashboard_access", FIELD_BOOL }, S | R | J, TARGET_DASHBOARD },
    { { "experiment", FIELD_STRING }, S | R | J, TARGET_EXPERIMENT },
    { { "experiment_run", FIELD_STRING }, S | R | J, TARGET_EXPERIMENT_RUN },
    { { "protected_artifact_location_id", FIELD_STRING }, S | R | J, TARGET_PROTECTED_LOCATION },
    { { "models", FIELD_STRINGS }, S | R | J, TARGET_MODELS },
    { { "psc_interface_config", FIELD_MESSAGE, .message = &psc_message }, S | R | J, TARGET_PSC },
    { { "labels", FIELD_LABELS }, S, TARGET_LABELS },
    { { "encryption_spec_key_name", FIELD_STRING }, S, TARGET_KMS_KEY },
    { { "kms_key_name", FIELD_STRING }, PLACE_ENCRYPTION, TARGET_KMS_KEY },
    { { "staging_bucket", FIELD_STRING }, S, TARGET_STAGING_BUCKET },
    { { "project", FIELD_STRING }, S | R, TARGET_PROJECT },
    { { "location", FIELD_STRING }, S | R, TARGET_LOCATION },
    { { "region", FIELD_STRING }, S | R, TARGET_LOCATION },
    { { "sync", FIELD_BOOL }, R, TARGET_SYNC },
    { { "create_request_timeout", FIELD_DURATION }, R, TARGET_CREATE_TIMEOUT },
};
const size_t place_row_count = ARRAY_LEN(place_rows);

const struct place_group place_groups[] = {
    { "spec", PLACE_ROOT, PLACE_SPEC },         { "run", PLACE_ROOT, PLACE_RUN },
    { "job_spec", S, PLACE_JOB_SPEC },          { "scheduling", S | R | J, PLACE_SCHEDULING },
    { "encryption_spec", S, PLACE_ENCRYPTION },
};
const size_t place_group_count = ARRAY_LEN(place_groups);

const char *const target_paths[TARGET_COUNT] = {
    [TARGET_DISPLAY_NAME] = "displayName",
    [TARGET_POOLS] = "jobSpec.workerPoolSpecs",
    [TARGET_TIMEOUT] = "jobSpec.scheduling.timeout",
    [TARGET_RESTART] = "jobSpec.scheduling.restartJobOnWorkerRestart",
    [TARGET_STRATEGY] = "jobSpec.scheduling.strategy",
    [TARGET_DISABLE_RETRIES] = "jobSpec.scheduling.disableRetries",
    [TARGET_MAX_WAIT] = "jobSpec.scheduling.maxWaitDuration",
    [TARGET_SERVICE_ACCOUNT] = "jobSpec.serviceAccount",
    [TARGET_NETWORK] = "jobSpec.network",
    [TARGET_BASE_OUTPUT] = "jobSpec.baseOutputDirectory.outputUriPrefix",
    [TARGET_TENSORBOARD] = "jobSpec.tensorboard",
    [TARGET_WEB_ACCESS] = "jobSpec.enableWebAccess",
    [TARGET_RESERVED_RANGES] = "jobSpec.reservedIpRanges",
    [TARGET_PERSISTENT_RESOURCE] = "jobSpec.persistentResourceId",
    [TARGET_DASHBOARD] = "jobSpec.enableDashboardAccess",
    [TARGET_EXPERIMENT] = "jobSpec.experiment",
    [TARGET_EXPERIMENT_RUN] = "jobSpec.experimentRun",
    [TARGET_PROTECTED_LOCATION] = "jobSpec.protectedArtifactLocationId",
    [TARGET_MODELS] = "jobSpec.models",
    [TARGET_PSC] = "jobSpec.pscInterfaceConfig",
    [TARGET_LABELS] = "labels",
    [TARGET_KMS_KEY] = "encryptionSpec.kmsKeyName",
};

#define OUTPUT_ONLY "is set by Vertex, not by a config"
const struct refused_name refused_names[] = {
    { "name", OUTPUT_ONLY },
    { "state", OUTPUT_ONLY },
    { "create_time", OUTPUT_ONLY },
    { "start_time", OUTPUT_ONLY },
    { "end_time", OUTPUT_ONLY },
    { "update_time", OUTPUT_ONLY },
    { "error", OUTPUT_ONLY },
    { "web_access_uris", OUTPUT_ONLY },
    { "satisfies_pzs", OUTPUT_ONLY },
    { "satisfies_pzi", OUTPUT_ONLY },
    { "credentials", "is a setting of the agent, not of a queue" },
    { "api_endpoint", "is a setting of the agent, not of a queue" },
};
const size_t refused_name_count = ARRAY_LEN(refused_names);

const char *name_camel(const char *name, char *ret)
{
    size_t n = 0;

    for (size_t i = 0; name[i] && n < 63; i++) {
        if (name[i] == '_' && name[i + 1] >= 'a' && name[i + 1] <= 'z')
            ret[n++] = (char)(name[++i] - 'a' + 'A');
        else
            ret[n++] = name[i];
    }
    ret[n] = '\0';
    return ret;
}

bool name_is(struct str key, const char *name)
{
    char camel[64];

    return str_is(key, name) || str_is(key, name_camel(name, camel));
}
