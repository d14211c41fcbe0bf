/* launch/known.c: regions and machines of Vertex AI training, end of 2026. */
#include "launch/known.h"

const char *const known_regions[] = { "africa-south1",
                                      "asia-east1",
                                      "asia-east2",
                                      "asia-northeast1",
                                      "asia-northeast2",
                                      "asia-northeast3",
                                      "asia-south1",
                                      "asia-south2",
                                      "asia-southeast1",
                                      "asia-southeast2",
                                      "australia-southeast1",
                                      "australia-southeast2",
                                      "europe-central2",
                                      "europe-north1",
                                      "europe-north2",
                                      "europe-southwest1",
                                      "europe-west1",
                                      "europe-west2",
                                      "europe-west3",
                                      "europe-west4",
                                      "europe-west6",
                                      "europe-west8",
                                      "europe-west9",
                                      "europe-west12",
                                      "me-central1",
                                      "me-central2",
                                      "me-west1",
                                      "northamerica-northeast1",
                                      "northamerica-northeast2",
                                      "southamerica-east1",
                                      "southamerica-west1",
                                      "us-central1",
                                      "us-east1",
                                      "us-east4",
                                      "us-east5",
                                      "us-east7",
                                      "us-south1",
                                      "us-west1",
                                      "us-west2",
                                      "us-west3",
                                      "us-west4",
                                      "us-west8",
                                      NULL };

const char *const known_machine_types[] = {
    "n1-standard-4",    "n1-standard-8",    "n1-standard-16",   "n1-standard-32",   "n1-standard-64",
    "n1-standard-96",   "n1-highmem-2",     "n1-highmem-4",     "n1-highmem-8",     "n1-highmem-16",
    "n1-highmem-32",    "n1-highmem-64",    "n1-highmem-96",    "n1-highcpu-16",    "n1-highcpu-32",
    "n1-highcpu-64",    "n1-highcpu-96",    "n2-standard-4",    "n2-standard-8",    "n2-standard-16",
    "n2-standard-32",   "n2-standard-48",   "n2-standard-64",   "n2-standard-80",   "n2-highmem-2",
    "n2-highmem-4",     "n2-highmem-8",     "n2-highmem-16",    "n2-highmem-32",    "n2-highmem-48",
    "n2-highmem-64",    "n2-highmem-80",    "n2-highcpu-16",    "n2-highcpu-32",    "n2-highcpu-48",
    "n2-highcpu-64",    "n2-highcpu-80",    "e2-standard-4",    "e2-standard-8",    "e2-standard-16",
    "e2-standard-32",   "e2-highmem-2",     "e2-highmem-4",     "e2-highmem-8",     "e2-highmem-16",
    "e2-highcpu-16",    "e2-highcpu-32",    "c2-standard-4",    "c2-standard-8",    "c2-standard-16",
    "c2-standard-30",   "c2-standard-60",   "m1-ultramem-40",   "m1-ultramem-80",   "m1-ultramem-160",
    "m1-megamem-96",    "a2-highgpu-1g",    "a2-highgpu-2g",    "a2-highgpu-4g",    "a2-highgpu-8g",
    "a2-megagpu-16g",   "a2-ultragpu-1g",   "a2-ultragpu-2g",   "a2-ultragpu-4g",   "a2-ultragpu-8g",
    "a3-highgpu-1g",    "a3-highgpu-2g",    "a3-highgpu-4g",    "a3-highgpu-8g",    "a3-megagpu-8g",
    "a3-ultragpu-8g",   "a4-highgpu-8g",    "a4x-highgpu-4g",   "g2-standard-4",    "g2-standard-8",
    "g2-standard-12",   "g2-standard-16",   "g2-standard-24",   "g2-standard-32",   "g2-standard-48",
    "g2-standard-96",   "g4-standard-48",   "cloud-tpu",        "ct5lp-hightpu-1t", "ct5lp-hightpu-4t",
    "ct5lp-hightpu-8t", "ct6e-standard-1t", "ct6e-standard-4t", "ct6e-standard-8t", NULL
};

static const struct {
    const char *prefix, *accelerator;
} with_gpus[] = {
    { "a2-highgpu-", "NVIDIA_TESLA_A100" },
    { "a2-megagpu-", "NVIDIA_TESLA_A100" },
    { "a2-ultragpu-", "NVIDIA_A100_80GB" },
    { "a3-highgpu-", "NVIDIA_H100_80GB" },
    { "a3-megagpu-", "NVIDIA_H100_MEGA_80GB" },
    { "a3-ultragpu-", "NVIDIA_H200_141GB" },
    { "a4-highgpu-", "NVIDIA_B200" },
    { "a4x-highgpu-", "NVIDIA_GB200" },
    { "g2-standard-", "NVIDIA_L4" },
    { "g4-standard-", "NVIDIA_RTX_PRO_6000" },
};

/* "8g" is eight GPUs. G2 machines are numbered by their vCPUs. */
static int64_t gpu_count(struct str rest, bool is_g2)
{
    int64_t n;

    if (!is_g2)
        return rest.len > 1 && rest.ptr[rest.len - 1] == 'g' && str_to_i64(str_sub(rest, 0, rest.len - 1), &n)
                   ? n
                   : 0;
    if (!str_to_i64(rest, &n))
        return 0;
    return n == 24 ? 2 : n == 48 ? 4 : n == 96 ? 8 : 1;
}

struct known_gpus known_gpus_of(struct str machine_type)
{
    for (size_t i = 0; i < ARRAY_LEN(with_gpus); i++) {
        struct str prefix = str_of(with_gpus[i].prefix);

        if (str_has_prefix(machine_type, prefix))
            return (struct known_gpus){ with_gpus[i].accelerator,
                                        gpu_count(str_sub(machine_type, prefix.len, machine_type.len),
                                                  str_is(prefix, "g2-standard-")) };
    }
    return (struct known_gpus){ NULL, 0 };
}

bool known_family(struct str machine_type)
{
    static const char *const families[] = { "n1",   "n2",   "n2d",  "n4",    "e2",   "c2",    "c2d",
                                            "c3",   "c3d",  "c4",   "c4a",   "m1",   "m3",    "a2",
                                            "a3",   "a4",   "a4x",  "g2",    "g4",   "cloud", "ct3",
                                            "ct3p", "ct4p", "ct5l", "ct5lp", "ct5p", "ct6e",  "tpu7x" };
    struct str rest = machine_type, family = { NULL, 0 };

    (void)str_cut(&rest, '-', &family);
    for (size_t i = 0; i < ARRAY_LEN(families); i++) {
        if (str_is(family, families[i]))
            return true;
    }
    return false;
}

bool known_takes_gpus(struct str machine_type)
{
    return str_has_prefix(machine_type, STR("n1-")) || known_gpus_of(machine_type).accelerator ||
           !known_family(machine_type);
}

bool known_has_tpus(struct str machine_type)
{
    return str_is(machine_type, "cloud-tpu") || str_has_prefix(machine_type, STR("ct")) ||
           str_has_prefix(machine_type, STR("tpu"));
}
