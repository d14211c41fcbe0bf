/*
 * emulator/proto_schema.c: the messages of a CustomJob as data (google/cloud/aiplatform/v1; v1beta1 only adds
 * fields). Source: vertex-and-google-auth.md sections 1.4 to 1.7.
 */
#include "emulator/proto.h"

#define TYPE(name) "google.cloud.aiplatform.v1." name
#define F(n, j, k)                                                                                           \
    {                                                                                                        \
        .name = n, .json_name = j, .kind = k                                                                 \
    }
#define LIST(n, j, k)                                                                                        \
    {                                                                                                        \
        .name = n, .json_name = j, .kind = k, .flags = PROTO_REPEATED                                        \
    }
#define ENUM(n, j, t)                                                                                        \
    {                                                                                                        \
        .name = n, .json_name = j, .kind = PROTO_ENUM, .type = &(t)                                          \
    }
#define MSG(n, j, t)                                                                                         \
    {                                                                                                        \
        .name = n, .json_name = j, .kind = PROTO_MESSAGE, .type = &(t)                                       \
    }
#define MSGS(n, j, t)                                                                                        \
    {                                                                                                        \
        .name = n, .json_name = j, .kind = PROTO_MESSAGE, .type = &(t), .flags = PROTO_REPEATED              \
    }
#define ONE_OF(n, j, t, g)                                                                                   \
    {                                                                                                        \
        .name = n, .json_name = j, .kind = PROTO_MESSAGE, .type = &(t), .flags = PROTO_ONEOF, .oneof = g     \
    }
#define OUT(n, j, k)                                                                                         \
    {                                                                                                        \
        .name = n, .json_name = j, .kind = k, .flags = PROTO_OUTPUT_ONLY                                     \
    }

static const struct proto_enum_value job_state_values[] = {
    { "JOB_STATE_UNSPECIFIED", 0 },
    { "JOB_STATE_QUEUED", 1 },
    { "JOB_STATE_PENDING", 2 },
    { "JOB_STATE_RUNNING", 3 },
    { "JOB_STATE_SUCCEEDED", 4 },
    { "JOB_STATE_FAILED", 5 },
    { "JOB_STATE_CANCELLING", 6 },
    { "JOB_STATE_CANCELLED", 7 },
    { "JOB_STATE_PAUSED", 8 },
    { "JOB_STATE_EXPIRED", 9 },
    { "JOB_STATE_UPDATING", 10 },
    { "JOB_STATE_PARTIALLY_SUCCEEDED", 11 },
    { NULL, 0 },
};
const struct proto_enum proto_job_state = { TYPE("JobState"), job_state_values };

static const struct proto_enum_value accelerator_values[] = {
    { "ACCELERATOR_TYPE_UNSPECIFIED", 0 },
    { "NVIDIA_TESLA_K80", 1 },
    { "NVIDIA_TESLA_P100", 2 },
    { "NVIDIA_TESLA_V100", 3 },
    { "NVIDIA_TESLA_P4", 4 },
    { "NVIDIA_TESLA_T4", 5 },
    { "TPU_V2", 6 },
    { "TPU_V3", 7 },
    { "NVIDIA_TESLA_A100", 8 },
    { "NVIDIA_A100_80GB", 9 },
    { "TPU_V4_POD", 10 },
    { "NVIDIA_L4", 11 },
    { "TPU_V5_LITEPOD", 12 },
    { "NVIDIA_H100_80GB", 13 },
    { "NVIDIA_H100_MEGA_80GB", 14 },
    { "NVIDIA_H200_141GB", 15 },
    { "NVIDIA_B200", 16 },
    { "NVIDIA_GB200", 17 },
    { "NVIDIA_RTX_PRO_6000", 18 },
    { NULL, 0 },
};
static const struct proto_enum accelerator_type = { TYPE("AcceleratorType"), accelerator_values };

static const struct proto_enum_value strategy_values[] = {
    { "STRATEGY_UNSPECIFIED", 0 }, { "ON_DEMAND", 1 }, { "LOW_COST", 2 }, { "STANDARD", 3 }, { "SPOT", 4 },
    { "FLEX_START", 6 },           { NULL, 0 },
};
static const struct proto_enum strategy = { TYPE("Scheduling.Strategy"), strategy_values };

static const struct proto_enum_value affinity_values[] = {
    { "TYPE_UNSPECIFIED", 0 },
    { "NO_RESERVATION", 1 },
    { "ANY_RESERVATION", 2 },
    { "SPECIFIC_RESERVATION", 3 },
    { NULL, 0 },
};
static const struct proto_enum affinity_type = { TYPE("ReservationAffinity.Type"), affinity_values };

static const struct proto_field affinity_fields[] = {
    ENUM("reservation_affinity_type", "reservationAffinityType", affinity_type),
    F("key", "key", PROTO_STRING),
    LIST("values", "values", PROTO_STRING),
    { .name = NULL },
};
static const struct proto_message affinity = { TYPE("ReservationAffinity"), affinity_fields };

static const struct proto_field machine_fields[] = {
    F("machine_type", "machineType", PROTO_STRING),
    ENUM("accelerator_type", "acceleratorType", accelerator_type),
    F("accelerator_count", "acceleratorCount", PROTO_INT32),
    F("tpu_topology", "tpuTopology", PROTO_STRING),
    MSG("reservation_affinity", "reservationAffinity", affinity),
    F("gpu_partition_size", "gpuPartitionSize", PROTO_STRING),
    /* v1beta1 only; taken on both, as the emulator keeps one schema */
    F("multihost_gpu_node_count", "multihostGpuNodeCount", PROTO_INT32),
    F("min_gpu_driver_version", "minGpuDriverVersion", PROTO_STRING),
    { .name = NULL },
};
static const struct proto_message machine_spec = { TYPE("MachineSpec"), machine_fields };

static const struct proto_field env_fields[] = {
    F("name", "name", PROTO_STRING),
    F("value", "value", PROTO_STRING),
    { .name = NULL },
};
static const struct proto_message env_var = { TYPE("EnvVar"), env_fields };

static const struct proto_field container_fields[] = {
    F("image_uri", "imageUri", PROTO_STRING),
    LIST("command", "command", PROTO_STRING),
    LIST("args", "args", PROTO_STRING),
    MSGS("env", "env", env_var),
    { .name = NULL },
};
static const struct proto_message container_spec = { TYPE("ContainerSpec"), container_fields };

static const struct proto_field python_fields[] = {
    F("executor_image_uri", "executorImageUri", PROTO_STRING),
    LIST("package_uris", "packageUris", PROTO_STRING),
    F("python_module", "pythonModule", PROTO_STRING),
    LIST("args", "args", PROTO_STRING),
    MSGS("env", "env", env_var),
    { .name = NULL },
};
static const struct proto_message python_spec = { TYPE("PythonPackageSpec"), python_fields };

static const struct proto_field nfs_fields[] = {
    F("server", "server", PROTO_STRING),
    F("path", "path", PROTO_STRING),
    F("mount_point", "mountPoint", PROTO_STRING),
    { .name = NULL },
};
static const struct proto_message nfs_mount = { TYPE("NfsMount"), nfs_fields };

static const struct proto_field lustre_fields[] = {
    F("instance_ip", "instanceIp", PROTO_STRING),
    F("volume_handle", "volumeHandle", PROTO_STRING),
    F("filesystem", "filesystem", PROTO_STRING),
    F("mount_point", "mountPoint", PROTO_STRING),
    { .name = NULL },
};
static const struct proto_message lustre_mount = { TYPE("LustreMount"), lustre_fields };

static const struct proto_field disk_fields[] = {
    F("boot_disk_type", "bootDiskType", PROTO_STRING),
    F("boot_disk_size_gb", "bootDiskSizeGb", PROTO_INT32),
    { .name = NULL },
};
static const struct proto_message disk_spec = { TYPE("DiskSpec"), disk_fields };

static const struct proto_field pool_fields[] = {
    ONE_OF("container_spec", "containerSpec", container_spec, "task"),
    ONE_OF("python_package_spec", "pythonPackageSpec", python_spec, "task"),
    MSG("machine_spec", "machineSpec", machine_spec),
    F("replica_count", "replicaCount", PROTO_INT64),
    MSGS("nfs_mounts", "nfsMounts", nfs_mount),
    MSGS("lustre_mounts", "lustreMounts", lustre_mount),
    MSG("disk_spec", "diskSpec", disk_spec),
    { .name = NULL },
};
static const struct proto_message worker_pool_spec = { TYPE("WorkerPoolSpec"), pool_fields };

static const struct proto_field scheduling_fields[] = {
    F("timeout", "timeout", PROTO_DURATION),
    F("restart_job_on_worker_restart", "restartJobOnWorkerRestart", PROTO_BOOL),
    ENUM("strategy", "strategy", strategy),
    F("disable_retries", "disableRetries", PROTO_BOOL),
    F("max_wait_duration", "maxWaitDuration", PROTO_DURATION),
    { .name = NULL },
};
static const struct proto_message scheduling = { TYPE("Scheduling"), scheduling_fields };

static const struct proto_field dns_fields[] = {
    F("domain", "domain", PROTO_STRING),
    F("target_project", "targetProject", PROTO_STRING),
    F("target_network", "targetNetwork", PROTO_STRING),
    { .name = NULL },
};
static const struct proto_message dns_peering = { TYPE("DnsPeeringConfig"), dns_fields };

static const struct proto_field psc_fields[] = {
    F("network_attachment", "networkAttachment", PROTO_STRING),
    MSGS("dns_peering_configs", "dnsPeeringConfigs", dns_peering),
    { .name = NULL },
};
static const struct proto_message psc_config = { TYPE("PscInterfaceConfig"), psc_fields };

static const struct proto_field directory_fields[] = {
    F("output_uri_prefix", "outputUriPrefix", PROTO_STRING),
    { .name = NULL },
};
static const struct proto_message gcs_destination = { TYPE("GcsDestination"), directory_fields };

static const struct proto_field spec_fields[] = {
    MSGS("worker_pool_specs", "workerPoolSpecs", worker_pool_spec),
    MSG("scheduling", "scheduling", scheduling),
    F("service_account", "serviceAccount", PROTO_STRING),
    F("network", "network", PROTO_STRING),
    LIST("reserved_ip_ranges", "reservedIpRanges", PROTO_STRING),
    MSG("psc_interface_config", "pscInterfaceConfig", psc_config),
    MSG("base_output_directory", "baseOutputDirectory", gcs_destination),
    F("protected_artifact_location_id", "protectedArtifactLocationId", PROTO_STRING),
    F("tensorboard", "tensorboard", PROTO_STRING),
    F("enable_web_access", "enableWebAccess", PROTO_BOOL),
    F("enable_dashboard_access", "enableDashboardAccess", PROTO_BOOL),
    F("experiment", "experiment", PROTO_STRING),
    F("experiment_run", "experimentRun", PROTO_STRING),
    F("persistent_resource_id", "persistentResourceId", PROTO_STRING),
    LIST("models", "models", PROTO_STRING),
    { .name = NULL },
};
static const struct proto_message custom_job_spec = { TYPE("CustomJobSpec"), spec_fields };

static const struct proto_field encryption_fields[] = {
    F("kms_key_name", "kmsKeyName", PROTO_STRING),
    { .name = NULL },
};
static const struct proto_message encryption_spec = { TYPE("EncryptionSpec"), encryption_fields };

static const struct proto_field job_fields[] = {
    OUT("name", "name", PROTO_STRING),
    F("display_name", "displayName", PROTO_STRING),
    MSG("job_spec", "jobSpec", custom_job_spec),
    { .name = "state",
      .json_name = "state",
      .kind = PROTO_ENUM,
      .type = &proto_job_state,
      .flags = PROTO_OUTPUT_ONLY },
    OUT("create_time", "createTime", PROTO_TIMESTAMP),
    OUT("start_time", "startTime", PROTO_TIMESTAMP),
    OUT("end_time", "endTime", PROTO_TIMESTAMP),
    OUT("update_time", "updateTime", PROTO_TIMESTAMP),
    OUT("error", "error", PROTO_ANY),
    F("labels", "labels", PROTO_STRING_MAP),
    MSG("encryption_spec", "encryptionSpec", encryption_spec),
    OUT("web_access_uris", "webAccessUris", PROTO_STRING_MAP),
    OUT("satisfies_pzs", "satisfiesPzs", PROTO_BOOL),
    OUT("satisfies_pzi", "satisfiesPzi", PROTO_BOOL),
    { .name = NULL },
};
const struct proto_message proto_custom_job = { TYPE("CustomJob"), job_fields };
