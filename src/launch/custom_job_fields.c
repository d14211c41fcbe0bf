/* launch/custom_job_fields.c: every field of a CustomJob that a queue config may set (reference 1.4 to 1.6).
 */
#include "launch/fields.h"

#define MESSAGE(name, rows)                                                                                  \
    {                                                                                                        \
        name, rows, ARRAY_LEN(rows)                                                                          \
    }
#define REQUIRED .required = true
#define ABOUT    .about =

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
    { "reservation_affinity_type", FIELD_ENUM, REQUIRED, .enum_values = affinity_types,
      ABOUT "NO_RESERVATION, ANY_RESERVATION or SPECIFIC_RESERVATION; the latter needs key and values." },
    { "key", FIELD_STRING, ABOUT "compute.googleapis.com/reservation-name, for SPECIFIC_RESERVATION." },
    { "values", FIELD_STRINGS, ABOUT "projects/P/zones/Z/reservations/R, for SPECIFIC_RESERVATION." },
};
static const struct message affinity_message = MESSAGE("ReservationAffinity", affinity_fields);

static const struct field machine_fields[] = {
    { "machine_type", FIELD_STRING, ABOUT "The machine of each replica, as n1-standard-8 or a2-highgpu-1g." },
    { "accelerator_type", FIELD_ENUM, .enum_values = accelerator_types,
      ABOUT "The GPU or TPU attached to the machine; needs accelerator_count." },
    { "accelerator_count", FIELD_INT32, ABOUT "How many accelerators each machine has." },
    { "tpu_topology", FIELD_STRING, ABOUT "The shape of a TPU slice, as 2x2x1." },
    { "reservation_affinity", FIELD_MESSAGE, .message = &affinity_message,
      ABOUT "Which Compute Engine reservations the machines may use." },
    { "gpu_partition_size", FIELD_STRING, ABOUT "A part of a GPU, as 1g.10gb; accelerator_count is then 1." },
    { "multihost_gpu_node_count", FIELD_INT32,
      ABOUT "How many nodes a multi-host GPU machine has (Vertex v1beta1 only)." },
    { "min_gpu_driver_version", FIELD_STRING,
      ABOUT "The oldest GPU driver that will do (Vertex v1beta1 only)." },
};
static const struct message machine_message = MESSAGE("MachineSpec", machine_fields);

static const struct field container_fields[] = {
    { "image_uri", FIELD_STRING,
      ABOUT "The container image; left out, or ${image_uri}: the one of the launch." },
    { "command", FIELD_STRINGS, ABOUT "Replaces the image's ENTRYPOINT." },
    { "args", FIELD_STRINGS, ABOUT "Replaces the image's CMD; the arguments of a launch come behind." },
    { "env", FIELD_ENV, ABOUT "Environment variables: a list of {name, value or value_from}, or an object." },
};
static const struct message container_message = MESSAGE("ContainerSpec", container_fields);

static const struct field python_fields[] = {
    { "executor_image_uri", FIELD_STRING, REQUIRED,
      ABOUT "One of Google's prebuilt images that runs the package." },
    { "package_uris", FIELD_STRINGS, REQUIRED, ABOUT "gs:// addresses of the Python packages, at most 100." },
    { "python_module", FIELD_STRING, REQUIRED, ABOUT "The module to run." },
    { "args", FIELD_STRINGS, ABOUT "Replaces the image's CMD; the arguments of a launch come behind." },
    { "env", FIELD_ENV, ABOUT "Environment variables: a list of {name, value or value_from}, or an object." },
};
static const struct message python_message = MESSAGE("PythonPackageSpec", python_fields);

static const struct field nfs_fields[] = {
    { "server", FIELD_STRING, REQUIRED, ABOUT "Address of the NFS server." },
    { "path", FIELD_STRING, REQUIRED, ABOUT "The exported path; begins with /." },
    { "mount_point", FIELD_STRING, REQUIRED, ABOUT "Name of the folder under /mnt/nfs or /mnt/lustre." },
};
static const struct message nfs_message = MESSAGE("NfsMount", nfs_fields);

static const struct field lustre_fields[] = {
    { "instance_ip", FIELD_STRING, REQUIRED, ABOUT "IP address of the Lustre instance." },
    { "volume_handle", FIELD_STRING, REQUIRED,
      ABOUT "The Lustre volume: projects/P/locations/L/instances/I." },
    { "filesystem", FIELD_STRING, REQUIRED, ABOUT "Name of the Lustre file system." },
    { "mount_point", FIELD_STRING, REQUIRED, ABOUT "Name of the folder under /mnt/nfs or /mnt/lustre." },
};
static const struct message lustre_message = MESSAGE("LustreMount", lustre_fields);

static const struct field disk_fields[] = {
    { "boot_disk_type", FIELD_STRING, ABOUT "pd-ssd (default), pd-standard or hyperdisk-balanced." },
    { "boot_disk_size_gb", FIELD_INT32, ABOUT "100 (default) to 64000 GB." },
};
static const struct message disk_message = MESSAGE("DiskSpec", disk_fields);

static const struct field pool_fields[] = {
    { "machine_spec", FIELD_MESSAGE, .message = &machine_message,
      ABOUT "Machine and accelerators of each replica." },
    { "replica_count", FIELD_INT64, ABOUT "How many machines; the first pool has 1." },
    { "nfs_mounts", FIELD_MESSAGES, .message = &nfs_message, ABOUT "NFS shares to mount; needs network." },
    { "lustre_mounts", FIELD_MESSAGES, .message = &lustre_message, ABOUT "Lustre file systems to mount." },
    { "disk_spec", FIELD_MESSAGE, .message = &disk_message, ABOUT "The boot disk of each machine." },
    { "container_spec", FIELD_MESSAGE, .message = &container_message, ABOUT "What to run: a container." },
    { "python_package_spec", FIELD_MESSAGE, .message = &python_message,
      ABOUT "What to run: a Python package in a prebuilt image." },
};
const struct message worker_pool_message = MESSAGE("WorkerPoolSpec", pool_fields);

static const struct field dns_fields[] = {
    { "domain", FIELD_STRING, REQUIRED, ABOUT "The DNS name; ends with a dot." },
    { "target_project", FIELD_STRING, REQUIRED, ABOUT "The project that holds the DNS zone." },
    { "target_network", FIELD_STRING, REQUIRED, ABOUT "The VPC network that holds the DNS zone." },
};
static const struct message dns_message = MESSAGE("DnsPeeringConfig", dns_fields);

static const struct field psc_fields[] = {
    { "network_attachment", FIELD_STRING, ABOUT "The Private Service Connect attachment." },
    { "dns_peering_configs", FIELD_MESSAGES, .message = &dns_message,
      ABOUT "DNS zones of your network that the job can look names up in." },
};
static const struct message psc_message = MESSAGE("PscInterfaceConfig", psc_fields);

/* Table 2.4 of the reference: where each field may stand. Constructor and run() arguments of the SDK are
 * taken in either object. */
#define S   PLACE_SPEC
#define R   PLACE_RUN
#define J   PLACE_JOB_SPEC
#define SCH PLACE_SCHEDULING
const struct place_row place_rows[] = {
    { { "display_name", FIELD_STRING,
        ABOUT "Name of the job in the console, 1 to 128 characters; default: the run's name." },
      S,
      TARGET_DISPLAY_NAME },
    { { "worker_pool_specs", FIELD_MESSAGES, .message = &worker_pool_message,
        ABOUT "The pools: primary (1 replica), workers, parameter or reduction servers, evaluators; {} "
              "leaves one out." },
      S | J,
      TARGET_POOLS },
    { { "timeout", FIELD_DURATION,
        ABOUT "Longest running time in seconds, as 3600 or \"3600s\"; default 7 days." },
      S | R | SCH,
      TARGET_TIMEOUT },
    { { "restart_job_on_worker_restart", FIELD_BOOL, ABOUT "Restart the whole job when a worker restarts." },
      S | R | SCH,
      TARGET_RESTART },
    { { "scheduling_strategy", FIELD_ENUM, .enum_values = strategies, ABOUT "STANDARD, SPOT or FLEX_START." },
      S | R,
      TARGET_STRATEGY },
    { { "strategy", FIELD_ENUM, .enum_values = strategies, ABOUT "STANDARD, SPOT or FLEX_START." },
      S | R | SCH,
      TARGET_STRATEGY },
    { { "disable_retries", FIELD_BOOL, ABOUT "Do not retry after internal errors." },
      S | R | SCH,
      TARGET_DISABLE_RETRIES },
    { { "max_wait_duration", FIELD_DURATION,
        ABOUT "FLEX_START: how long to wait for machines, in seconds; 0 for ever, default 1 day." },
      S | R | SCH,
      TARGET_MAX_WAIT },
    { { "service_account", FIELD_STRING, ABOUT "E-mail address of the account that the job runs as." },
      S | R | J,
      TARGET_SERVICE_ACCOUNT },
    { { "network", FIELD_STRING, ABOUT "VPC network to peer with: projects/NUMBER/global/networks/NAME." },
      S | R | J,
      TARGET_NETWORK },
    { { "base_output_dir", FIELD_GS_URI, ABOUT "gs:// folder for the job's output." },
      S,
      TARGET_BASE_OUTPUT },
    { { "base_output_directory", FIELD_OUTPUT_URI, ABOUT "gs:// folder for the job's output." },
      S | J,
      TARGET_BASE_OUTPUT },
    { { "tensorboard", FIELD_STRING, ABOUT "projects/P/locations/R/tensorboards/ID; needs service_account." },
      S | R | J,
      TARGET_TENSORBOARD },
    { { "enable_web_access", FIELD_BOOL, ABOUT "Open an interactive shell into the running job." },
      S | R | J,
      TARGET_WEB_ACCESS },
    { { "reserved_ip_ranges", FIELD_STRINGS, ABOUT "Names of IP ranges in the network." },
      S | R | J,
      TARGET_RESERVED_RANGES },
    { { "persistent_resource_id", FIELD_STRING, ABOUT "Run on this persistent resource." },
      S | R | J,
      TARGET_PERSISTENT_RESOURCE },
    { { "enable_dashboard_access", FIELD_BOOL, ABOUT "Open the dashboard of the primary replica." },
      S | R | J,
      TARGET_DASHBOARD },
    { { "experiment", FIELD_STRING,
        ABOUT "Vertex experiment: a name, or its full resource name; needs service_account." },
      S | R | J,
      TARGET_EXPERIMENT },
    { { "experiment_run", FIELD_STRING, ABOUT "Run of the experiment: a name, or its full resource name." },
      S | R | J,
      TARGET_EXPERIMENT_RUN },
    { { "protected_artifact_location_id", FIELD_STRING,
        ABOUT "Where protected artifacts are, if not in the job's location." },
      S | R | J,
      TARGET_PROTECTED_LOCATION },
    { { "models", FIELD_STRINGS, ABOUT "For jobs that Google provides." }, S | R | J, TARGET_MODELS },
    { { "psc_interface_config", FIELD_MESSAGE, .message = &psc_message,
        ABOUT "Private Service Connect, instead of network." },
      S | R | J,
      TARGET_PSC },
    { { "labels", FIELD_LABELS, ABOUT "Labels of the job: lower-case letters, digits, - and _; at most 60." },
      S,
      TARGET_LABELS },
    { { "encryption_spec_key_name", FIELD_STRING,
        ABOUT "Customer-managed key: projects/P/locations/R/keyRings/K/cryptoKeys/C, in the job's region." },
      S | R,
      TARGET_KMS_KEY },
    { { "kms_key_name", FIELD_STRING,
        ABOUT "Customer-managed key: projects/P/locations/R/keyRings/K/cryptoKeys/C, in the job's region." },
      PLACE_ENCRYPTION,
      TARGET_KMS_KEY },
    { { "staging_bucket", FIELD_STRING,
        ABOUT "Without base_output_dir, the job's output goes to a new folder here." },
      S,
      TARGET_STAGING_BUCKET },
    { { "project", FIELD_STRING, ABOUT "Google Cloud project of the job; default: the agent's." },
      S | R,
      TARGET_PROJECT },
    { { "location", FIELD_STRING, ABOUT "Region of the job; default: the agent's." },
      S | R,
      TARGET_LOCATION },
    { { "region", FIELD_STRING, ABOUT "Region of the job; default: the agent's." }, S | R, TARGET_LOCATION },
    { { "sync", FIELD_BOOL, ABOUT "Has no effect: the agent always watches its jobs." }, R, TARGET_SYNC },
    { { "create_request_timeout", FIELD_DURATION,
        ABOUT "Has no effect: the agent has a time limit of its own." },
      R,
      TARGET_CREATE_TIMEOUT },
};
const size_t place_row_count = ARRAY_LEN(place_rows);

const struct place_group place_groups[] = {
    { "spec", PLACE_ROOT, PLACE_SPEC,
      "Arguments of the Python SDK's CustomJob(), or a CustomJob as the API has it." },
    { "run", PLACE_ROOT, PLACE_RUN, "Arguments of the Python SDK's CustomJob.run()." },
    { "job_spec", S, PLACE_JOB_SPEC, "CustomJobSpec, as the API has it." },
    { "scheduling", S | R | J, PLACE_SCHEDULING, "Scheduling, as the API has it." },
    { "encryption_spec", S | R, PLACE_ENCRYPTION, "Customer-managed encryption, as the API has it." },
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
#define AGENTS_OWN  "is a setting of the agent, not of a queue"
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
    { "credentials", AGENTS_OWN },
    { "api_endpoint", AGENTS_OWN },
    { "api_key", AGENTS_OWN },
    { "api_transport", AGENTS_OWN },
    { "request_metadata", AGENTS_OWN },
    { "experiment_description", "is not a property of a job" },
    { "experiment_tensorboard", "is not a property of a job; its TensorBoard is \"tensorboard\"" },
};
const size_t refused_name_count = ARRAY_LEN(refused_names);

const struct other_name other_names[] = {
    { "image", "image_uri" },
    { "docker_image", "image_uri" },
    { "container_image", "image_uri" },
    { "entrypoint", "command" },
    { "entry_point", "command" },
    { "arguments", "args" },
    { "environment", "env" },
    { "env_vars", "env" },
    { "environment_variables", "env" },
    { "container", "container_spec" },
    { "gpu", "accelerator_type" },
    { "gpu_type", "accelerator_type" },
    { "accelerator", "accelerator_type" },
    { "gpus", "accelerator_count" },
    { "gpu_count", "accelerator_count" },
    { "num_gpus", "accelerator_count" },
    { "machine", "machine_spec" },
    { "instance_type", "machine_type" },
    { "replicas", "replica_count" },
    { "worker_count", "replica_count" },
    { "worker_pools", "worker_pool_specs" },
    { "bucket", "staging_bucket" },
    { "output_dir", "base_output_dir" },
    { "output_uri_prefix", "base_output_dir" },
    { "disk_size", "boot_disk_size_gb" },
    { "disk_size_gb", "boot_disk_size_gb" },
    { "disk_type", "boot_disk_type" },
    { "kms_key", "encryption_spec_key_name" },
    { "encryption_key", "encryption_spec_key_name" },
    { "max_run_duration", "timeout" },
    { "spot", "scheduling_strategy" },
    { "provisioning_model", "scheduling_strategy" },
    { "network_name", "network" },
    { "vpc", "network" },
    { "email", "service_account" },
};
const size_t other_name_count = ARRAY_LEN(other_names);

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

static bool is_lower(char c)
{
    return c >= 'a' && c <= 'z';
}

/* Walks the camelCase spelling without writing it down: this is asked for every key and every field. */
bool name_is(struct str key, const char *name)
{
    size_t k = 0;

    if (str_is(key, name))
        return true;
    for (size_t i = 0; name[i]; i++, k++) {
        bool joint = name[i] == '_' && is_lower(name[i + 1]);
        char want = joint ? (char)(name[++i] - 'a' + 'A') : name[i];

        if (k >= key.len || key.ptr[k] != want)
            return false;
    }
    return k == key.len;
}

const struct field *message_field(const struct message *m, struct str key)
{
    for (size_t i = 0; i < m->len; i++) {
        if (name_is(key, m->fields[i].name))
            return &m->fields[i];
    }
    return NULL;
}
