/*
 * launch/template_schema.h: what a template variable may be: its schema, and a value against it. Internal to
 * src/launch. Pure.
 *
 * {"schema": {...}, "description": "..."}; in the schema: "type" string, integer, number (float is the same)
 * or boolean; absent: any of them. "enum", "default"; "minimum" and "maximum" for numbers; "pattern" for
 * strings (launch/pattern.h). "title", "description", "examples" and "$comment" are let through; any other
 * keyword is an error, for a rule nobody enforces is worse than none.
 */
#pragma once

#include "base/problems.h"

enum { TEMPLATE_MAX_VARIABLES = 1000, TEMPLATE_MAX_ENUM = 1000, TEMPLATE_MAX_VALUE = 64 * 1024 };

/** template_variable_check() - one variable's definition; all that is wrong goes to @p. */
void template_variable_check(struct str name, const struct jval *variable, struct jval_pos pos,
                             struct problems *p);
/**
 * template_value_check() - @value as @schema wants it, or NULL with one problem noted at @path. 3.0 is an
 * integer; the texts "true" and "false" are booleans, for W&B's own client cannot send others. @schema may be
 * broken (an older server took any): what cannot be understood in it is an error too.
 */
const struct jval *template_value_check(const struct jval *schema, const struct jval *value, const char *path,
                                        struct problems *p);
/** template_expected() - what @schema takes: "an integer from 1 to 8". */
const char *template_expected(struct arena *a, const struct jval *schema);
