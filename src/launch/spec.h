/*
 * launch/spec.h: the launch spec: JSON that says what to run, as an item carries it. Pure.
 * Keys: W&B Launch protocol, `construct_launch_spec`; unknown keys survive in @raw and draw a warning, never
 * an error.
 */
#pragma once

#include "base/problems.h"

struct launch_spec {
    struct str entity, wb_project;                               /* required; target of the run */
    struct str run_id, run_name, author, sweep_id, queue_entity; /* absent when not given */
    struct str resource;               /* "vertex", "gcp-vertex", ...; absent means the queue's */
    struct str image_uri;              /* docker.docker_image, else image_uri */
    struct str wb_job;                 /* entity/project/name:alias */
    const struct jval *resource_args;  /* the whole object; NULL none */
    const struct jval *run_config;     /* overrides.run_config; NULL none */
    const struct jval *file_overrides; /* overrides.files */
    const struct jval *artifacts;      /* overrides.artifacts */
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
