/*
 * server/run_summary.h: the summary of a run, {"NAME": VALUE}, as W&B's clients make it of what they log:
 * of each name the value that was logged last; an object without "_type" is a group of names. Pure.
 */
#pragma once

#include "base/arena.h"
#include "base/jval.h"
#include "base/map.h"
#include "base/str.h"

/* A summary that is made of lines, which are given from the last one back. */
struct run_summary {
    struct arena *a;
    struct jval *values;
    struct map *known; /* dotted names, as history_line.h has them */
};
/** run_summary_begin() - without a value, in @a; run_summary_end() lets go of what is not there. */
void run_summary_begin(struct run_summary *s, struct arena *a);
/** run_summary_add() - the values of a line whose names are not known yet. @name: a dotted name, and no
 * other; absent: all. A number that JSON has no word for becomes a string, as W&B writes it; a line that is
 * no object says nothing. */
void run_summary_add(struct run_summary *s, struct str line, struct str name);
bool run_summary_knows(const struct run_summary *s, struct str name);
void run_summary_end(struct run_summary *s);

/** run_summary_over() - JSON texts: @over, and of @under what @over has no value for. When one of them is no
 * JSON object, @over. */
struct str run_summary_over(struct arena *a, struct str under, struct str over);
