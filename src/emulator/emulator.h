/*
 * emulator/emulator.h: Vertex AI custom jobs and the Google services around them on loopback. It RUNS the
 * jobs it is sent, as processes of this machine with this user's rights: never let others reach it.
 *
 * By path, as the host names of Google are all one here:
 *   Vertex AI           /v1, /v1beta1, /ui: projects/P/locations[/L], customJobs, operations
 *   Cloud Logging       /v2/entries:list: the captured lines
 *   OAuth, STS          /token, /v1/token: JWTs and subject tokens are verified, not believed
 *   IAM, IAM Credentials, Resource Manager, Service Usage, Artifact Registry's repositories: the tables of
 * call.h Cloud Storage       /storage/v1, /upload, /download (storage.h) metadata servers    /computeMetadata
 * (Google), /latest (Amazon), /metadata/identity (Azure) its owner's         /emulator/v1 (owner.c) /healthz,
 * /readyz   "ok"; anything else: 404 in Google's shape
 *
 * Jobs: every replica of every pool is a process group. Without a command its image must be in the image
 * table (image_table.h). Exit of the primary (workerpool0-0) with 0 ends the job well and stops the others;
 * exit codes 6, 11, 134, 139 restart the whole job up to 3 times unless disableRetries; others fail it. Waits
 * of the real service (provisioning 3 to 4 minutes, cancel latency, time from exit to end state) are divided
 * by @speed; scheduling.timeout is not, and neither is what the programs do. From SIGTERM to SIGKILL 10 s /
 * speed, at least 1 s. The host names in CLUSTER_SPEC follow Google's pattern and do not resolve
 * (container.h).
 *
 * A project's number is its name when that is a number, else always the same 12 digits made from it.
 *
 * State is in data_dir/emulator.db (0600; job bodies hold their environment). Jobs that were live when the
 * emulator ended are run again from the start of their replicas, after what is left of their processes has
 * been killed; CANCELLING ones end CANCELLED. Deleting a job deletes its log lines, unlike Cloud Logging.
 * Programs' HOME, and their working folder unless the image table names one, is data_dir/home, shared by all
 * jobs. Facts: vertex-and-google-auth.md sections 1, 3, 4.3, 4.4, 8, 11.
 */
#pragma once

#include "io/http.h"

struct emulator;

struct emulator_options {
    const char *data_dir;        /* folder for emulator.db; made when missing */
    double speed;                /* divides every simulated wait; 0: 1.0 */
    int64_t list_lag_ms;         /* lists do not show a job before it is this old, as Vertex's may */
    const char *images_file;     /* YAML image table; NULL none */
    const struct jval *capacity; /* rules of emulator/capacity.h; NULL: there is enough of everything */
    const char *gcp_project;     /* what the metadata server says; NULL: "slipway-local" */
    bool fast_and_unsafe_db;
    /* Google's rules of access: 401 without a token of ours or a JWT signed by a service account that was
     * made here, 403 by the policies. First of all the metadata server's account is the project's owner */
    bool require_auth;
};
/** emulator_new() - open the state. Yields. -ERR_CONFIG for a bad image table, -ERR_STORE, -ERR_OS. */
NODISCARD int emulator_new(struct io *io, const struct emulator_options *o, struct emulator **ret,
                           struct err *e);
/** emulator_handle() - an http_handler_fn: @ctx is the struct emulator. Serves every service by path. */
void emulator_handle(void *ctx, struct http_exchange *x);
/** emulator_set_capacity() - other rules from now on; jobs that live keep theirs. -ERR_CONFIG. */
NODISCARD int emulator_set_capacity(struct emulator *m, const struct jval *rules, struct err *e);
/** emulator_start() - take up the jobs that were live when it last stopped. */
void emulator_start(struct emulator *m);
/** emulator_free() - stop the processes it runs; jobs stay in their states on disk and are taken up at the
 * next start. No handler may be running any more (http_server_close() first). NULL is a no-op. Yields. */
void emulator_free(struct emulator *m);
/** emulator_admin_token() - a bearer token that may do everything and does not end, for the owner's commands.
 * In
 * @a. */
const char *emulator_admin_token(struct emulator *m, struct arena *a);
