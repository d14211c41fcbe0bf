/* emulator/builtin.c: see the header. */
#include "emulator/builtin.h"

#include "base/str.h"

enum { SLEEP_MAX_S = 365 * 24 * 3600, STATUS_MAX = 255 };

static bool number(const char *text, int64_t max, int64_t *ret)
{
    return str_to_i64(str_of(text), ret) && *ret >= 0 && *ret <= max;
}

bool builtin_is(const char *const *argv)
{
    return argv[0][0] == ':';
}

const char *builtin_parse(struct arena *a, const char *const *argv, struct builtin *ret)
{
    int64_t seconds = 0, status = 0;

    if (!str_is(str_of(argv[0]), ":sleep"))
        return arena_printf(a, "\"%s\" is not a program of the emulator; there is :sleep", argv[0]);
    if (!argv[1] || (argv[2] && argv[3]) || !number(argv[1], SLEEP_MAX_S, &seconds) ||
        (argv[2] && !number(argv[2], STATUS_MAX, &status)))
        return ":sleep takes SECONDS, 0 to 31536000, and may be a STATUS, 0 to 255";
    *ret = (struct builtin){ seconds * 1000, (int)status };
    return NULL;
}
