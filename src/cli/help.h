/* cli/help.h: texts made from the verb tables: --help and shell completions. */
#pragma once

#include "base/str.h"
#include "cli/option.h"

void help_overview(struct strbuf *b);
/** help_group() - the commands that begin with these words, which some do. */
void help_group(struct strbuf *b, int argc, char **argv);
void help_verb(struct strbuf *b, const struct verb *v);
void completion_bash(struct strbuf *b);
void completion_zsh(struct strbuf *b);
