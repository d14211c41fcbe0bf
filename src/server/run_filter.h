/*
 * server/run_filter.h: which runs a client asks for: the part of MongoDB's query language that
 * `wandb.Api().runs(filters=...)` is documented to take. Pure.
 *
 * {"state": "finished", "config.lr": {"$gt": 0.1}, "$or": [{"tags": "a"}, {"group": {"$in": ["g", "h"]}}]}
 *
 * $and $or $nor $not; $eq $ne $gt $gte $lt $lte $in $nin $exists $regex $not. Members of one object all have
 * to hold. The fields are those of run_view.h. On a list ("tags") a word holds when it holds for the list or
 * for one of its elements; $ne and $nin hold when $eq and $in do not. Greater and less compare numbers with
 * numbers and texts with texts, by bytes; what is of another kind is neither. Times are compared with RFC
 * 3339 text, where the time of the day, the fraction and the zone (UTC) may be left out. $regex:
 * launch/pattern.h.
 */
#pragma once

#include "server/run_view.h"

struct run_filter;

/** run_filter_read() - of JSON text; absent, "" and null are {}. In @a, with the text's values.
 * -ERR_INVALID: no JSON, an unknown field or word; -ERR_LIMIT: more than 500 conditions, or too deep. */
NODISCARD int run_filter_read(struct arena *a, struct str text, const struct run_filter **ret, struct err *e);
bool run_filter_matches(const struct run_filter *f, struct run_view *v);
/** run_filter_is_empty() - do all runs match? */
bool run_filter_is_empty(const struct run_filter *f);
/** run_filter_sweep() - the sweep that every match is of; absent: not known to be of one. @ret_alone: there
 * is no other condition. */
struct str run_filter_sweep(const struct run_filter *f, bool *ret_alone);
