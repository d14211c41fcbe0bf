/*
 * launch/known.h: regions and machines as they are today. Both grow, so what is not here draws a warning at
 * most; nothing is refused because of these lists. Internal to src/launch.
 */
#pragma once

#include <stdint.h>

#include "base/str.h"

extern const char *const known_regions[];       /* NULL-ended */
extern const char *const known_machine_types[]; /* NULL-ended: the common ones, for suggestions */

/* Machine types that come with accelerators: the request must name what the machine has. */
struct known_gpus {
    const char *accelerator; /* NULL: not such a machine */
    int64_t count;           /* 0: follows from nothing known here */
};
/** known_gpus_of() - of a machine type, as "a2-highgpu-8g". */
struct known_gpus known_gpus_of(struct str machine_type);
/** known_family() - is the part before the first "-" one that Vertex AI training has? */
bool known_family(struct str machine_type);
/** known_takes_gpus() - may GPUs be attached to machines of this type (N1), or are they built in? */
bool known_takes_gpus(struct str machine_type);
/** known_has_tpus() - TPU machines: "cloud-tpu", "ct5lp-hightpu-4t". */
bool known_has_tpus(struct str machine_type);
