/*
 * launch/fields.h: the queue-config language as data: which names exist, where they may stand, what type they
 * have and where they go in the request. Internal to src/launch.
 */
#pragma once

#include <stdint.h>

#include "base/str.h"

enum field_type {
    FIELD_STRING,
    FIELD_GS_URI, /* a string that begins with gs:// */
    FIELD_BOOL,
    FIELD_INT32, /* a JSON number */
    FIELD_INT64, /* a JSON string, as protobuf writes it */
    FIELD_DURATION,
    FIELD_ENUM, /* values are listed; others draw a warning, for lists grow */
    FIELD_STRINGS,
    FIELD_LABELS,
    FIELD_ENV,
    FIELD_MESSAGE,
    FIELD_MESSAGES,
    FIELD_OUTPUT_URI /* a string, or an object with output_uri_prefix */
};
struct message;
struct field {
    const char *name; /* snake_case; the camelCase spelling follows from it */
    enum field_type type;
    bool required;
    const struct message *message;  /* FIELD_MESSAGE, FIELD_MESSAGES */
    const char *const *enum_values; /* FIELD_ENUM: by number, "" for a hole; NULL-ended */
    int64_t min;                    /* FIELD_INT32, FIELD_INT64 */
    const char *about;              /* for editors: one sentence */
};
struct message {
    const char *name; /* as Vertex calls it */
    const struct field *fields;
    size_t len;
};
extern const struct message worker_pool_message;

/* Objects of a config in which fields of the job may stand. */
enum place {
    PLACE_ROOT = 1 << 0,
    PLACE_SPEC = 1 << 1,
    PLACE_RUN = 1 << 2,
    PLACE_JOB_SPEC = 1 << 3,
    PLACE_SCHEDULING = 1 << 4,
    PLACE_ENCRYPTION = 1 << 5
};
/* What a config says about a job, in the order of the request. */
enum target {
    TARGET_DISPLAY_NAME,
    TARGET_POOLS,
    TARGET_TIMEOUT,
    TARGET_RESTART,
    TARGET_STRATEGY,
    TARGET_DISABLE_RETRIES,
    TARGET_MAX_WAIT,
    TARGET_SERVICE_ACCOUNT,
    TARGET_NETWORK,
    TARGET_BASE_OUTPUT,
    TARGET_TENSORBOARD,
    TARGET_WEB_ACCESS,
    TARGET_RESERVED_RANGES,
    TARGET_PERSISTENT_RESOURCE,
    TARGET_DASHBOARD,
    TARGET_EXPERIMENT,
    TARGET_EXPERIMENT_RUN,
    TARGET_PROTECTED_LOCATION,
    TARGET_MODELS,
    TARGET_PSC,
    TARGET_LABELS,
    TARGET_KMS_KEY,
    /* from here on: not in the request */
    TARGET_STAGING_BUCKET,
    TARGET_PROJECT,
    TARGET_LOCATION,
    TARGET_SYNC,
    TARGET_CREATE_TIMEOUT,
    TARGET_COUNT
};
struct place_row {
    struct field field;
    unsigned places; /* enum place, or-ed */
    enum target target;
};
extern const struct place_row place_rows[];
extern const size_t place_row_count;
extern const char
    *const target_paths[TARGET_COUNT]; /* "jobSpec.scheduling.timeout"; NULL: not in the request */

/* An object that holds further places: "scheduling" in spec, run and job_spec. */
struct place_group {
    const char *name;
    unsigned places; /* where it may stand */
    enum place place;
    const char *about;
};
extern const struct place_group place_groups[];
extern const size_t place_group_count;

/* Names that exist at Vertex or in the SDK but do not belong into a queue config, with the reason. */
struct refused_name {
    const char *name;
    const char *why;
};
extern const struct refused_name refused_names[];
extern const size_t refused_name_count;

/* What people write for a name of ours: the way it is called elsewhere. */
struct other_name {
    const char *given, *name;
};
extern const struct other_name other_names[];
extern const size_t other_name_count;

/** message_field() - the field that @key names, in either spelling, or NULL. */
const struct field *message_field(const struct message *m, struct str key);
/** name_is() - is @key the snake_case @name or its camelCase spelling? */
bool name_is(struct str key, const char *name);
/** name_camel() - camelCase of @name into @ret (64 bytes). Returns ret. */
const char *name_camel(const char *name, char *ret);
