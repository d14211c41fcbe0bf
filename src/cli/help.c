/* cli/help.c: texts made from the verb tables: --help and shell completions. */
#include "cli/help.h"

#include <string.h>

#include "cli/verbs.h"

void help_overview(struct strbuf *b)
{
    strbuf_addz(b, "Slipway launches machine-learning jobs from queues onto Google Cloud Vertex AI.\n\n"
                   "usage: slipway COMMAND [OPTION...]\n\ncommands:\n");
    for (const struct verb *const *v = verb_table(); *v; v++)
        strbuf_addf(b, "  %-24s %s\n", (*v)->name, (*v)->summary);
    strbuf_addz(b, "\nThe whole system on this machine:     slipway up --data DIR\n"
                   "Help with examples for each command:  slipway COMMAND --help\n"
                   "Exit status: 0 done, 1 failed, 2 wrong usage; others in docs/exit-codes.md\n");
}

void help_group(struct strbuf *b, int argc, char **argv)
{
    AUTO_STRBUF struct strbuf words = STRBUF(400);

    for (int i = 0; i < argc; i++)
        strbuf_addf(&words, "%s ", argv[i]);
    strbuf_addf(b, "usage: slipway %sCOMMAND [OPTION...]\n\ncommands:\n", strbuf_cstr(&words));
    for (const struct verb *const *v = verb_table(); *v; v++)
        if (str_has_prefix(str_of((*v)->name), strbuf_str(&words)))
            strbuf_addf(b, "  %-24s %s\n", (*v)->name, (*v)->summary);
    strbuf_addf(b, "\nHelp with examples for each:  slipway %sCOMMAND --help\n", strbuf_cstr(&words));
}

static void help_row(struct strbuf *b, const struct option_row *r)
{
    AUTO_STRBUF struct strbuf left = STRBUF(200);

    if (r->letter)
        strbuf_addf(&left, "  -%c, --%s", r->letter, r->name);
    else
        strbuf_addf(&left, "      --%s", r->name);
    if (r->arg)
        strbuf_addf(&left, " %s", r->arg);
    strbuf_addf(b, "%-32s %s%s\n", strbuf_cstr(&left), r->help,
                r->kind == OPTION_LIST ? " (may be repeated)" : "");
}

void help_verb(struct strbuf *b, const struct verb *v)
{
    strbuf_addf(b, "slipway %s - %s\n\nusage: slipway %s%s%s%s\n", v->name, v->summary, v->name,
                v->operands[0] ? " " : "", v->operands, v->rows[0].name ? " [OPTION...]" : "");
    if (v->details)
        strbuf_addf(b, "\n%s\n", v->details);
    strbuf_addz(b, "\noptions:\n");
    for (const struct option_row *r = v->rows; r->name; r++)
        help_row(b, r);
    strbuf_addf(b, "%-32s %s\n\nexamples:\n%s\n", "  -h, --help", "this text", v->examples);
}

static void add_flags(struct strbuf *b, const struct verb *v)
{
    for (const struct option_row *r = v->rows; r->name; r++) {
        strbuf_addf(b, "--%s ", r->name);
        if (r->letter)
            strbuf_addf(b, "-%c ", r->letter);
    }
    strbuf_addz(b, "--help");
}

static size_t word_count(const char *name)
{
    size_t n = 1;

    for (const char *p = name; *p; p++)
        n += *p == ' ';
    return n;
}

enum { MAX_WORDS = 4 };

/* What may follow whole verbs: their options, and operands that are one of a few words. The longest names
 * come first: "items show" is not "items". */
static void add_verb_cases(struct strbuf *b)
{
    for (size_t words = MAX_WORDS; words > 0; words--)
        for (const struct verb *const *v = verb_table(); *v; v++) {
            if (word_count((*v)->name) != words)
                continue;
            strbuf_addf(b, "    \"%s \"*) flags=\"", (*v)->name);
            for (const char *p = (*v)->operands; strchr((*v)->operands, '|') && *p; p++)
                strbuf_addc(b, *p == '|' ? ' ' : *p);
            strbuf_addc(b, ' ');
            add_flags(b, *v);
            strbuf_addz(b, "\" ;;\n");
        }
}

/* Is this the first verb whose name begins with the words in the first @len bytes of @v's? */
static bool is_first_with(const struct verb *v, size_t len, bool and_goes_on)
{
    for (const struct verb *const *other = verb_table(); *other && *other != v; other++)
        if (strncmp((*other)->name, v->name, len) == 0 &&
            ((*other)->name[len] == ' ' || (!(*other)->name[len] && !and_goes_on)))
            return false;
    return true;
}

/* The words that come next after the first @len bytes of @v's name (a space behind them included), each once.
 */
static void add_next_words(struct strbuf *b, const struct verb *v, size_t len)
{
    for (const struct verb *const *other = verb_table(); *other; other++) {
        const char *name = (*other)->name;

        if (strncmp(name, v->name, len) == 0 && name[len] &&
            is_first_with(*other, len + strcspn(name + len, " "), false))
            strbuf_addf(b, "%.*s ", (int)strcspn(name + len, " "), name + len);
    }
}

/* The beginnings of verbs: "", "queue ", "admin user ". Each is written with the first verb that has it. */
static void add_beginning_cases(struct strbuf *b)
{
    strbuf_addz(b, "    \" \") next=\"");
    add_next_words(b, verb_table()[0], 0);
    strbuf_addz(b, "help\" ;;\n");
    for (const struct verb *const *v = verb_table(); *v; v++)
        for (size_t len = 0; (*v)->name[len]; len++) {
            if ((*v)->name[len] != ' ' || !is_first_with(*v, len, true))
                continue;
            strbuf_addf(b, "    \"%.*s \") next=\"", (int)len, (*v)->name);
            add_next_words(b, *v, len + 1);
            strbuf_addz(b, "\" ;;\n");
        }
}

static void add_function(struct strbuf *b)
{
    strbuf_addz(
        b, "_slipway()\n{\n"
           "    local cur=${COMP_WORDS[COMP_CWORD]} words=\"${COMP_WORDS[*]:1:COMP_CWORD-1} \" next= flags=\n"
           "    case $words in\n");
    add_verb_cases(b);
    strbuf_addz(b, "    esac\n    case $words in\n");
    add_beginning_cases(b);
    strbuf_addz(b, "    esac\n    COMPREPLY=($(compgen -W \"$next $flags\" -- \"$cur\"))\n"
                   "    if [[ -n $flags && $cur != -* ]]; then\n"
                   "        COMPREPLY+=($(compgen -f -- \"$cur\"))\n    fi\n}\n"
                   "complete -o bashdefault -F _slipway slipway\n");
}

void completion_bash(struct strbuf *b)
{
    strbuf_addz(b, "# bash completion for slipway: source <(slipway completion bash)\n");
    add_function(b);
}

void completion_zsh(struct strbuf *b)
{
    strbuf_addz(b, "# zsh completion for slipway: source <(slipway completion zsh)\n"
                   "(( $+functions[compdef] )) || { autoload -U compinit && compinit }\n"
                   "autoload -U bashcompinit && bashcompinit\n");
    add_function(b);
}
