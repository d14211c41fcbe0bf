/* launch/env.h: the environment of a pool: what a config gives, and the job's W&B variables merged into it.
 * Internal to src/launch. convert_env() is in convert.h. */
#pragma once

#include "launch/convert.h"
#include "launch/job_env.h"

enum {
    ENV_MAX_VARIABLES = 100, /* Vertex's limit for a container */
    ENV_MAX_GIVEN = 1000,    /* so many are looked at one by one, to tell what else is wrong */
    ENV_MAX_STRING = 131072  /* bytes of NAME=VALUE with its NUL: the kernel's limit for one string */
};

/* What a launch adds to every pool. */
struct env_job {
    const struct jval *list; /* env_of_job() */
    struct str gcp_project;  /* where short secret names are looked up; absent: stay short */
};
/** env_of_job() - @job as a list of variables of the request: made once, shared by all pools. */
struct jval *env_of_job(struct arena *a, const struct env_list *job);
/**
 * env_merge() - the list to send: @user (converted; NULL none) with @job merged in by name; references in
 * full. Who wins is written in render.h. More than 100 variables, and one too long to start a process with,
 * are errors.
 */
struct jval *env_merge(struct converter *c, const struct jval *user, const struct env_job *job,
                       const struct path *at);
/** env_find() - the variable called @name in a converted list, or NULL. */
const struct jval *env_find(const struct jval *list, struct str name);
