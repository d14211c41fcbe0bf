/* cli/command.c: which verb a command line names. */
#include "cli/command.h"

#include <string.h>

#include "base/problems.h"
#include "base/str.h"
#include "cli/verbs.h"

enum { MAX_VERBS = 100, MAX_WORDS_BYTES = 400 };

const struct verb *command_find(int argc, char **argv, int *ret_words)
{
    const struct verb *found = NULL;

    *ret_words = 0;
    for (const struct verb *const *v = verb_table(); *v; v++) {
        struct str rest = str_of((*v)->name);
        struct str word = { 0 };
        int n = 0;
        bool same = true;

        while (same && str_cut(&rest, ' ', &word)) {
            same = n < argc && str_is(word, argv[n]);
            n++;
        }
        if (!same || n <= *ret_words)
            continue;
        *ret_words = n;
        found = *v;
    }
    return found;
}

static void join(struct strbuf *b, int argc, char **argv)
{
    for (int i = 0; i < argc; i++)
        strbuf_addf(b, "%s%s", i ? " " : "", argv[i]);
}

/* What may come after @words in a verb's name; NULL when the verb does not begin so. */
static const char *rest_after(const struct verb *v, struct str words)
{
    if (words.len == 0 || !str_has_prefix(str_of(v->name), words) || v->name[words.len] != ' ')
        return NULL;
    return v->name + words.len + 1;
}

bool command_is_group(int argc, char **argv)
{
    AUTO_STRBUF struct strbuf words = STRBUF(MAX_WORDS_BYTES);

    join(&words, argc, argv);
    for (const struct verb *const *v = verb_table(); *v; v++)
        if (rest_after(*v, strbuf_str(&words)))
            return true;
    return false;
}

/* "create, list, show": what may follow the words that are right. */
static void list_rest(struct strbuf *b, int argc, char **argv)
{
    AUTO_STRBUF struct strbuf words = STRBUF(MAX_WORDS_BYTES);

    join(&words, argc, argv);
    for (const struct verb *const *v = verb_table(); *v; v++) {
        const char *rest = rest_after(*v, strbuf_str(&words));

        if (rest)
            strbuf_addf(b, "%s%s", b->len ? ", " : "", rest);
    }
}

/* A whole command, the first word of some, or an option that needs none. */
static const char *nearest_command(int argc, char **argv)
{
    static const char *const options[] = { "--help", "--version", NULL };
    const char *names[MAX_VERBS + 1] = { NULL };
    const char *near = NULL;
    size_t n = 0;

    if (argv[0][0] == '-')
        return nearest_name(str_of(argv[0]), options);
    for (const struct verb *const *v = verb_table(); *v && n < MAX_VERBS; v++)
        names[n++] = (*v)->name;
    for (int words = argc < 3 ? argc : 3; words > 0 && !near; words--) {
        AUTO_STRBUF struct strbuf given = STRBUF(MAX_WORDS_BYTES);

        join(&given, words, argv);
        near = nearest_name(strbuf_str(&given), names);
    }
    return near;
}

int command_unknown(int argc, char **argv, struct err *e)
{
    AUTO_STRBUF struct strbuf given = STRBUF(MAX_WORDS_BYTES);
    AUTO_STRBUF struct strbuf rest = STRBUF(2000);
    const char *near = nearest_command(argc, argv);
    int right = 0; /* so many words are the beginning of a command */

    while (right < argc && command_is_group(right + 1, argv))
        right++;
    join(&given, right < argc ? right + 1 : right, argv);
    list_rest(&rest, right, argv);
    if (right == argc)
        return err_set(e, ERR_USAGE, "\"%s\" is the beginning of a command; go on with: %s",
                       strbuf_cstr(&given), strbuf_cstr(&rest));
    if (near)
        return err_set(e, ERR_USAGE, "no command \"%s\"; did you mean \"%s\"?", strbuf_cstr(&given), near);
    if (right > 0)
        return err_set(e, ERR_USAGE, "no command \"%s\"; after \"%.*s\" comes one of: %s",
                       strbuf_cstr(&given), (int)(given.len - strlen(argv[right]) - 1), strbuf_cstr(&given),
                       strbuf_cstr(&rest));
    return err_set(e, ERR_USAGE, "no command \"%s\"; 'slipway --help' lists them", strbuf_cstr(&given));
}
