/*
 * emulator/container.h: what a replica is started with: command line, folder and environment. Pure.
 *
 * The environment, in order, later ones win: PATH, HOME, LANG; the image's (image table); Vertex's own
 * (vertex-and-google-auth.md 11.4 and 11.5); the user's, with $(VAR) expanded from Vertex's and the user's
 * earlier ones, $$(VAR) the escape, unknown references left as they are.
 *
 * CLUSTER_SPEC and TF_CONFIG name hosts by Google's pattern (cmle-training-workerpool0-ab12cd34ef-0:2222), so
 * that programs which parse them see the real thing. The names do not resolve here: all replicas are
 * processes of this machine, and a program that connects to its peers must use 127.0.0.1 and ports of its
 * own.
 */
#pragma once

#include "base/jval.h"
#include "emulator/image_table.h"

struct replica_id {
    size_t pool, index;
};
/* What all replicas of a job have in common. */
struct job_facts {
    const struct jval *custom_job; /* canonical (proto_read()) */
    int64_t job_id, gcp_number;
    struct str location;
    const char *host_tag; /* 10 hex digits, the same for the job */
    const char *home;     /* HOME and, without a folder in the image table, the working folder */
    const char *path;     /* PATH */
    const struct image_table *images;
};
struct container {
    const char *const *argv; /* NULL-ended; NULL when it cannot be started */
    const char *const *env;  /* NULL-ended "NAME=value" */
    const char *cwd;
    const char *start_error; /* why argv is NULL, in the container runtime's words */
};

size_t pool_count(const struct jval *custom_job);                 /* skipped ones included */
size_t pool_replicas(const struct jval *custom_job, size_t pool); /* 0 for a skipped pool */
/** container_of_replica() - all from @a. */
void container_of_replica(struct arena *a, const struct job_facts *f, struct replica_id id,
                          struct container *ret);
/** expand_references() - @value with $(NAME) replaced from @env (an object of strings). */
struct str expand_references(struct arena *a, struct str value, const struct jval *env);
