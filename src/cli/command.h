/* cli/command.h: which verb a command line names, and what may have been meant when it names none. */
#pragma once

#include "cli/option.h"

/** command_find() - the verb that the first words of @argv name, the longest one; *ret_words says how many
 * words that is. NULL when there is none. */
const struct verb *command_find(int argc, char **argv, int *ret_words);
/** command_is_group() - are the @argc words the beginning of verbs, as "queue" or "admin user"? */
bool command_is_group(int argc, char **argv);
/** command_unknown() - why command_find() gave none: what may follow, or the nearest name. Returns
 * -ERR_USAGE. */
int command_unknown(int argc, char **argv, struct err *e);
