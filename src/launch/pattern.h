/*
 * launch/pattern.h: the regular expressions of template schemas ("pattern"): the part of JSON Schema's
 * (ECMA-262) dialect that runs in time linear in the text, so that no pattern can hold the server up. Pure.
 *
 * Supported: literals, ".", classes [a-z] [^...], \d \D \w \W \s \S (ASCII), \t \n \r \f \v \xHH \uHHHH,
 * escaped punctuation, groups (...) and (?:...), "|", "*" "+" "?" {m} {m,} {m,n} (also with a lazy "?", which
 * changes nothing here), "^" and "$". Refused by name: back-references, look-around, named groups, \b, \p. As
 * in JSON Schema the pattern may match anywhere: write ^...$ for the whole. One character is a code point.
 */
#pragma once

#include "base/arena.h"

enum { PATTERN_MAX_BYTES = 512, PATTERN_MAX_SUBJECT = 4096 };
struct pattern;
/** pattern_compile() - *ret lives in @a. -ERR_INVALID: wrong or unsupported, with the column; -ERR_LIMIT:
 * over PATTERN_MAX_BYTES, or grows too large when its repetitions are written out. */
NODISCARD int pattern_compile(struct arena *a, struct str text, struct pattern **ret, struct err *e);
/** pattern_matches() - does it match anywhere in @subject? False over PATTERN_MAX_SUBJECT bytes. */
bool pattern_matches(struct pattern *p, struct str subject);
