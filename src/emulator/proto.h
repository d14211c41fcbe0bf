/*
 * emulator/proto.h: protobuf's JSON mapping, driven by descriptions of messages (proto_schema.c holds those
 * of CustomJob).
 *
 * Reading accepts what Google's front end accepts (vertex-and-google-auth.md section 3) and gives one
 * canonical tree: lowerCamelCase names, enums as names (numbers without a name stay numbers), int64 as
 * decimal text, durations with 0, 3, 6 or 9 fraction digits, nulls and output-only fields dropped, map keys
 * untouched.
 */
#pragma once

#include "emulator/google_error.h"

enum proto_kind {
    PROTO_STRING,
    PROTO_BOOL,
    PROTO_INT32,
    PROTO_INT64,
    PROTO_ENUM,
    PROTO_DURATION,
    PROTO_TIMESTAMP,
    PROTO_MESSAGE,
    PROTO_STRING_MAP, /* map<string, string> */
    PROTO_ANY         /* kept as it is (Any, Struct); output only here */
};
enum proto_flags { PROTO_REPEATED = 1, PROTO_OUTPUT_ONLY = 2, PROTO_ONEOF = 4 };

struct proto_enum_value {
    const char *name;
    int32_t number;
};
struct proto_enum {
    const char *type_name;                 /* "google.cloud.aiplatform.v1.JobState" */
    const struct proto_enum_value *values; /* ended by a NULL name */
};
struct proto_field {
    const char *name;      /* "boot_disk_size_gb" */
    const char *json_name; /* "bootDiskSizeGb" */
    enum proto_kind kind;
    unsigned flags;
    const void *type;  /* struct proto_enum or struct proto_message, by kind */
    const char *oneof; /* with PROTO_ONEOF: the group's name */
};
struct proto_message {
    const char *type_name;
    const struct proto_field *fields; /* ended by a NULL name */
};

extern const struct proto_message proto_custom_job;
extern const struct proto_enum proto_job_state;

/**
 * proto_read() - check and normalise a message sent as JSON.
 * @root is how error texts call it ("custom_job"). Returns 0, or -ERR_INVALID with @r filled: status
 * INVALID_ARGUMENT, every finding a line of the message and a field violation.
 */
NODISCARD int proto_read(struct refusal *r, const struct proto_message *m, const struct jval *v,
                         const char *root, struct jval **ret);

/* A FieldMask as a tree: what of each message is wanted. */
struct proto_mask {
    struct str name; /* lowerCamelCase, or a map's key */
    struct proto_mask *children, *next;
    bool all; /* a path ends here: everything beneath */
};
struct proto_write_options {
    bool enums_as_numbers;         /* $alt=json;enum-encoding=int */
    const struct proto_mask *mask; /* from proto_mask(); NULL: everything */
};
/** proto_write() - the canonical tree as it goes out. Members that are the default of their type are left
 * out. */
struct jval *proto_write(struct arena *a, const struct proto_message *m, const struct jval *v,
                         const struct proto_write_options *o);
/**
 * proto_mask() - parse a FieldMask ("name,jobSpec.scheduling,labels.a"; either spelling; "*" is everything)
 * into a tree for proto_write(). *ret is NULL for everything. -ERR_INVALID with @r filled for an unknown
 * path.
 */
NODISCARD int proto_mask(struct refusal *r, const struct proto_message *m, struct str text,
                         struct proto_mask **ret);

/** proto_field_find() - by either of its names; NULL when there is none. */
const struct proto_field *proto_field_find(const struct proto_message *m, struct str name);
/** proto_enum_number() - of a name; -1 when there is none. */
int32_t proto_enum_number(const struct proto_enum *e, struct str name);
/** proto_enum_name() - of a number; NULL when there is none. */
const char *proto_enum_name(const struct proto_enum *e, int64_t number);
