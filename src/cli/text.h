/* cli/text.h: text of others (reasons, notes) as a terminal may show it: no control characters, no surprise
 * lines. */
#pragma once

#include "base/arena.h"

/** text_first_line() - the first line of @s that is not empty, in @a: control characters are spaces, " ..."
 * stands for what is left out: further lines, or what is over 240 bytes. */
struct str text_first_line(struct arena *a, struct str s);
/** text_print_labelled() - on stdout: "@label first line", and the other lines indented under the first. */
void text_print_labelled(const char *label, struct str s);
