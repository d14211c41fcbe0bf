/*
 * emulator/builtin.h: programs that need no process, so that thousands of jobs can run at once. A command
 * whose first word begins with ':' names one:
 *
 *   :sleep SECONDS [STATUS]   runs so long (0 to 31536000, real seconds), then ends with STATUS (0 to 255,
 * 0); a signal ends it at once
 *
 * In the image table it stands like any command, and a job's args replace the table's:
 *   - image: "example/sleep:*"
 *     command: [":sleep"]
 *     args: ["60"]
 */
#pragma once

#include <stdbool.h>

#include "base/arena.h"

struct builtin {
    int64_t sleep_ms;
    int status;
};
/** builtin_is() - does the command line name one, known or not? */
bool builtin_is(const char *const *argv);
/** builtin_parse() - NULL, or why it cannot be started, in @a. Pure. */
const char *builtin_parse(struct arena *a, const char *const *argv, struct builtin *ret);
