/* emulator/emulator.h: Vertex AI and the Google services around it on loopback. It runs the jobs it is sent.
 */
#pragma once

#include "io/http.h"

struct emulator;

struct emulator_options {
    const char *data_dir;    /* folder for emulator.db; made when missing */
    double speed;            /* divides every simulated wait; 0: 1.0 */
    const char *images_file; /* YAML image table; NULL none */
    const char *gcp_project; /* what the metadata server says; NULL: "slipway-local" */
    bool fast_and_unsafe_db;
    bool require_auth; /* answer 401 without a token of ours */
};
NODISCARD int emulator_new(struct io *io, const struct emulator_options *o, struct emulator **ret,
                           struct err *e);
/** emulator_handle() - an http_handler_fn: @ctx is the struct emulator. Serves every service by path. */
void emulator_handle(void *ctx, struct http_exchange *x);
/** emulator_start() - take up the jobs that were live when it last stopped. */
void emulator_start(struct emulator *m);
/** emulator_free() - stop the processes it runs; jobs stay in their states on disk and are taken up at the
 * next start. Yields. */
void emulator_free(struct emulator *m);
