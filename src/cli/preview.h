/* cli/preview.h: a queue config rendered as if a launch had brought it: for `queue render` and `queue diff`.
 */
#pragma once

#include "cli/config_file.h"
#include "cli/option.h"
#include "launch/render.h"

struct preview {
    struct io *io;
    const struct args *args; /* of a verb with PREVIEW_ROWS and OPTION_ENTITY */
    struct arena *a;
    int64_t now_unix_ms; /* for the derived output folder */
    /* filled in by preview_render() */
    struct config_file file;
    struct problems problems;
    struct rendered out;
};
/**
 * preview_render() - what options do not give gets a name that says what belongs there. Problems are kept,
 * not printed, in p->problems. -ERR_CONFIG when there is no request, or when there are warnings under
 * --strict.
 */
NODISCARD int preview_render(struct preview *p, const char *path, struct err *e);

#define PREVIEW_ROWS                                                                                         \
    { "image", 'd', OPTION_TEXT, "IMAGE", "the image that the launch brings", 0, 0 },                        \
        { "project", 'p', OPTION_TEXT, "NAME", "W&B project of the run", 0, 0 },                             \
        { "run-id", 0, OPTION_TEXT, "ID", "the run's id", 0, 0 },                                            \
        { "run-name", 0, OPTION_TEXT, "NAME", "the run's name (default: its id)", 0, 0 },                    \
        { "queue", 'q', OPTION_TEXT, "NAME", "the queue's name", 0, 0 },                                     \
        { "region", 0, OPTION_TEXT, "REGION", "where the config names none (GOOGLE_CLOUD_REGION)", 0, 0 },   \
        { "template-variables",                                                                              \
          0,                                                                                                 \
          OPTION_TEXT,                                                                                       \
          "FILE",                                                                                            \
          "what each {{x}} of the config may be, as for queue create",                                       \
          0,                                                                                                 \
          0 },                                                                                               \
        { "var", 0, OPTION_LIST, "NAME=VALUE", "value of a template variable {{NAME}}", 0, 0 },              \
        { "gcp-project", 0, OPTION_TEXT, "ID", "where the config names none (GOOGLE_CLOUD_PROJECT)", 0, 0 }, \
    {                                                                                                        \
        "strict", 0, OPTION_FLAG, NULL, "take warnings for errors", 0, 0                                     \
    }
