/* cli/explain.h: a request with the place of the config that each of its lines came from. */
#pragma once

#include "base/jval.h"

/** explain_text() - the pretty request in one column, line and text of @input in the other. */
void explain_text(struct strbuf *b, const struct jval *request, struct str input);
/**
 * explain_value() - a list of {text, line, column, input}: one for each line of the pretty request. A line
 * that the launch or the agent adds has "from": "launch" instead, one that only holds others has neither.
 */
struct jval *explain_value(struct arena *a, const struct jval *request, struct str input);
