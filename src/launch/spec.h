/*
 * launch/spec.h: the launch spec: JSON that says what to run, as an item carries it. Pure.
 *
 * Keys: W&B Launch protocol, `construct_launch_spec`, and what server, sweep scheduler and requeue add
 * (protocol reference 4.2). Every known key is checked for its type, and all mistakes come at once; a null is
 * as good as absent. Unknown keys stay in @raw and draw a warning, never an error: newer clients may send
 * more. Text that names something (entity, run id, ...) has no control characters and at most SPEC_MAX_NAME
 * bytes.
 */
#pragma once

#include "base/problems.h"

enum {
    SPEC_MAX_NAME = 1024,      /* bytes of a name, an image, a path */
    SPEC_MAX_RUN_ID = 128,     /* bytes */
    SPEC_MAX_WORDS = 10000,    /* arguments; their bytes are capped when the job is rendered */
    SPEC_MAX_RESUMES = 1000000 /* _resume_count */
};

struct launch_spec {
    struct str entity,
        wb_project; /* required; target of the run. The project is lower-cased, "" is allowed */
    struct str run_id, run_name, author, sweep_id, queue_entity; /* absent when not given or empty */
    struct str resource;  /* "vertex", "gcp-vertex", ...; absent means the queue's */
    struct str image_uri; /* docker.docker_image, else image_uri; wins over a job */
    struct str wb_job;    /* entity/project/name:alias */
    struct str uri;       /* "placeholder-...": a sweep's scheduler, which runs inside the W&B agent */
    /* for building an image */
    struct str git_repo, git_version, dockerfile, working_dir, python_version;
    int64_t docker_user_id;            /* 1000 when not given */
    const struct jval *resource_args;  /* the whole object; NULL none */
    const struct jval *run_config;     /* overrides.run_config; NULL none */
    const struct jval *file_overrides; /* overrides.files: path to object */
    const struct jval *artifacts;      /* overrides.artifacts: slot to a name or a description */
    const struct jval *args;           /* overrides.args: list of strings; NULL none */
    const struct jval *entry_point;    /* overrides.entry_point: list of strings; NULL none */
    int64_t resume_count;
    bool has_own_api_key; /* spec carries _wandb_api_key; the value stays in @raw only */
    const struct jval *raw;
};
/** launch_spec_parse() - all problems at once into @p; *ret is filled as far as it goes. -ERR_INVALID when
 * any is an error. */
NODISCARD int launch_spec_parse(const struct jval *v, struct launch_spec *ret, struct problems *p,
                                struct err *e);
