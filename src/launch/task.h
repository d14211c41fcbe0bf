/*
 * launch/task.h: what a launch puts into the tasks of the worker pools: image, command, arguments,
 * environment. The rules are written in render.h and docs/queue-config.md. Internal to src/launch.
 */
#pragma once

#include "launch/env.h"

struct tasks {
    const struct launch_spec *spec;
    struct str image_uri; /* the launch's; absent: it brings none */
    struct env_job env;
    /* filled in here */
    struct str training; /* which task the overrides are for */
    const struct jval *training_command;
    bool image_used; /* or there is no place for an image at all */
    size_t bytes;    /* of all strings in the finished tasks */
};
/** tasks_plan() - which of @pools (converted) run the training; call it before the first task_finish(). */
void tasks_plan(struct arena *a, struct tasks *t, const struct jval *pools);
/** task_finish() - the pool's containerSpec or pythonPackageSpec (it has one of them) as it is sent. */
struct jval *task_finish(struct converter *c, struct tasks *t, const struct jval *pool,
                         const struct path *at);
