/* cli/help.c: texts made from the verb tables: --help and shell completions. */
#include "cli/help.h"

#include <string.h>

#include "cli/verbs.h"

void help_overview(struct strbuf *b)
{
    strbuf_addz(b, "Slipway launches machine-learning jobs from queues onto Google Cloud Vertex AI.\n\n"
                   "usage: slipway COMMAND [OPTION...]\n\ncommands:\n");
    for (const struct verb *const *v = verb_table(); *v; v++)
        strbuf_addf(b, "  %-20s %s\n", (*v)->name, (*v)->summary);
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
            strbuf_addf(b, "  %-20s %s\n", (*v)->name, (*v)->summary);
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

/* The words a command can begin with, each once ("queue" for all of "queue ..."). */
static void add_first_words(struct strbuf *b)
{
    const char *last = "";
    size_t last_len = 0;

    for (const struct verb *const *v = verb_table(); *v; v++) {
        size_t len = strcspn((*v)->name, " ");

        if (len == last_len && memcmp((*v)->name, last, len) == 0)
            continue;
        last = (*v)->name;
        last_len = len;
        strbuf_addf(b, "%.*s ", (int)len, last);
    }
}

void completion_bash(struct strbuf *b)
{
    strbuf_addz(b, "# bash completion for slipway: source <(slipway completion bash)\n_slipway()\n{\n"
                   "    local cur=${COMP_WORDS[COMP_CWORD]} words=\"${COMP_WORDS[*]:1:COMP_CWORD-1} \"\n"
                   "    case $words in\n");
    for (const struct verb *const *v = verb_table(); *v; v++) {
        strbuf_addf(b, "    \"%s \"*)\n        COMPREPLY=($(compgen -f -W \"", (*v)->name);
        add_flags(b, *v);
        strbuf_addz(b, "\" -- \"$cur\"))\n        ;;\n");
    }
    for (const struct verb *const *v = verb_table(); *v; v++) {
        const char *space = strchr((*v)->name, ' ');

        if (space)
            strbuf_addf(b, "    \"%.*s \") COMPREPLY+=($(compgen -W \"%s\" -- \"$cur\")) ;;&\n",
                        (int)(space - (*v)->name), (*v)->name, space + 1);
    }
    strbuf_addz(b, "    \" \" | \"\") COMPREPLY=($(compgen -W \"");
    add_first_words(b);
    strbuf_addz(b, "\" -- \"$cur\")) ;;\n    esac\n}\ncomplete -o bashdefault -F _slipway slipway\n");
}

void completion_zsh(struct strbuf *b)
{
    strbuf_addz(b,
                "#compdef slipway\n# zsh completion for slipway: slipway completion zsh > ~/.zfunc/_slipway\n"
                "autoload -U +X bashcompinit && bashcompinit\n");
    completion_bash(b);
}
