/* cli/emulator_client.h: commands to a running emulator, as its owner: REST calls with the token that it left
 * in its data folder. */
#pragma once

#include "base/jval.h"
#include "cli/option.h"
#include "io/http.h"

struct emulator_client {
    struct io *io;
    struct arena *a; /* of all answers; wiped, for some hold keys and secrets */
    const char *url;
    struct secret *token;
    struct str gcp_project; /* --gcp-project, else the one its metadata server names */
};
/** emulator_client_open() - find the emulator of --data. Yields. emulator_client_done() it, also after a
 * failure. -ERR_NOT_FOUND: none has served the folder; -ERR_NET: it is not running. */
NODISCARD int emulator_client_open(struct io *io, const struct args *args, struct emulator_client *ret,
                                   struct err *e);
void emulator_client_done(struct emulator_client *c);
/** emulator_client_call() - @body NULL: none. Yields. The emulator's refusal becomes @e. */
NODISCARD int emulator_client_call(struct emulator_client *c, const char *method, const char *path,
                                   const struct jval *body, struct jval **ret, struct err *e);
/** emulator_client_project() - "projects/P" of this client, for paths. */
const char *emulator_client_project(const struct emulator_client *c);

#define OPTION_EMULATOR_DATA                                                                                 \
    {                                                                                                        \
        "data", 'd', OPTION_TEXT, "DIR", "the emulator's folder (default ~/.local/share/slipway/emulator)",  \
            0, 0                                                                                             \
    }
#define OPTION_EMULATOR_PROJECT                                                                              \
    {                                                                                                        \
        "gcp-project", 0, OPTION_TEXT, "ID", "project (default the emulator's own)", 0, 0                    \
    }
