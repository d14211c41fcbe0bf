/* cli/text.c: text of others as a terminal may show it. */
#include "cli/text.h"

#include <stdio.h>
#include <string.h>

enum { LINE_MAX_BYTES = 240 };

static bool is_control(char c)
{
    return (unsigned char)c < 0x20 || c == 0x7f;
}

static struct str cleaned(struct arena *a, struct str s)
{
    char *copy = arena_alloc(a, s.len + 1);

    for (size_t i = 0; i < s.len; i++)
        copy[i] = is_control(s.ptr[i]) ? ' ' : s.ptr[i];
    return (struct str){ copy, s.len };
}

/* At most @max bytes, and no half of a character. */
static struct str clipped(struct str s, size_t max)
{
    if (s.len <= max)
        return s;
    while (max > 0 && ((unsigned char)s.ptr[max] & 0xc0) == 0x80)
        max--;
    return str_sub(s, 0, max);
}

struct str text_first_line(struct arena *a, struct str s)
{
    struct str rest = str_trim(s);
    struct str line = { 0 };
    struct str shown = { 0 };

    (void)str_cut(&rest, '\n', &line);
    shown = clipped(cleaned(a, str_trim(line)), LINE_MAX_BYTES);
    if (rest.len == 0 && shown.len == str_trim(line).len)
        return shown;
    return str_of(arena_printf(a, "%.*s ...", STR_ARG(shown)));
}

void text_print_labelled(const char *label, struct str s)
{
    AUTO_PTR(arena) a = arena_new();
    struct str rest = str_trim(s);
    struct str line = { 0 };
    const char *before = label;

    while (str_cut(&rest, '\n', &line)) {
        struct str shown = cleaned(a, line);

        while (shown.len && shown.ptr[shown.len - 1] == ' ')
            shown.len--;
        printf("%-*s%s%.*s\n", (int)strlen(label), before, shown.len ? " " : "", STR_ARG(shown));
        before = "";
    }
}
