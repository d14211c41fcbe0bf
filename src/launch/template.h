/*
 * launch/template.h: template variables: {{name}} in a queue config, whose values come with each launch.
 * Pure. Tokens and files: launch/template_token.h. Source: protocol reference 8.2.
 *
 * - Values are put into the tree, never into text that is parsed afterwards: no value changes what stands
 * around it.
 * - A string that is one token, braces to braces, becomes the value with its type; in a place of the Vertex
 * config that takes text only (environment, args, labels, ...) a number or boolean becomes its text. A token
 * in a longer string becomes text.
 * - Inserted text is final. A {{y}} in a value stays as it is; a ${x} that holds any of a value's bytes, or
 * that a value would escape or un-escape, is written such that macro_expand() leaves it (or does what the
 * config alone says). One config fills at most 10,000 tokens, strings up to 1 MiB, 4 MiB in all.
 * - Variables: {"<name>": {"schema": {...}, "description": "..."}}, as W&B stores them
 * (launch/template_schema.h). A queue that declares none has none: there braces are plain text.
 */
#pragma once

#include "launch/template_token.h"

#include "base/problems.h"

/** template_variables_check() - a queue's definitions, and, with @config (NULL: not), that every token in it
 * has one and every one is used (a warning). All problems at once; -ERR_INVALID when any is an error. */
NODISCARD int template_variables_check(const struct jval *variables, const struct jval *config,
                                       struct problems *p, struct err *e);
/** template_values() - *ret: every declared variable with the value it takes: @values' own (NULL, or null in
 * it: not given) or the default. All problems at once, at the path "{{name}}"; -ERR_INVALID when any is an
 * error. */
NODISCARD int template_values(const struct jval *variables, const struct jval *values,
                              const struct jval **ret, struct problems *p, struct err *e);
/** template_fill() - @config with every token replaced from @chosen, which template_values() has checked.
 * Positions are kept. -ERR_INVALID: a token without a value, or over a cap. An empty @chosen gives @config
 * itself. */
NODISCARD int template_fill(const struct jval *config, const struct jval *chosen, const struct jval **ret,
                            struct problems *p, struct err *e);
/** template_value_of_text() - what a person means by NAME=@text: the type the variable's schema has when the
 * text can be one, else the text itself (which template_values() then refuses with the reason). */
const struct jval *template_value_of_text(struct arena *a, const struct jval *variables, struct str name,
                                          struct str text);

struct template_use {
    struct str name;
    struct jval_pos pos; /* of the token, counted in the file's text */
};
/** template_uses() - every token of @text, a file as template_load() reads it, in order. Comments of YAML
 * count too: match with the tree's. Returns how many; *ret lives in @a. */
size_t template_uses(struct arena *a, struct str text, const struct template_use **ret);
/** template_propose() - definitions for the tokens of @config, in order: types from where each stands. With
 * @suggest, known machine and accelerator types become an enum: for people who edit the result, not for
 * checks. */
const struct jval *template_propose(struct arena *a, const struct jval *config, bool suggest);

/* --- what a launch carries ---
 * The server writes what it has filled in into the launch spec: "template_variables": {"x": {"schema": {...},
 * "value": v}}. The agent checks it again before it asks for a machine, a requeued spec brings its values
 * along, and people see what was chosen. A pusher's own {"x": v} there is taken as values (protocol
 * reference 4.2). */
const struct jval *template_record(struct arena *a, const struct jval *variables, const struct jval *chosen);
/** template_given() - the values in a pushed spec's "template_variables": a pusher's own, or those of a
 * record that
 * @variables still declare. NULL when there are none. */
const struct jval *template_given(struct arena *a, const struct jval *variables, const struct jval *in_spec);
/** template_record_check() - each value of a record against its schema, problems into @p; values without a
 * schema have nothing to be checked against. */
void template_record_check(const struct jval *in_spec, struct problems *p);
/** template_record_has_braces() - may "{{" in the spec stem from one of the record's values? */
bool template_record_has_braces(const struct jval *in_spec);
