/*
 * emulator/filter.h: Google's list filters (AIP-160 and Cloud Logging's language, which share a grammar).
 *
 *   filter     = [ sequence ]
 *   sequence   = or { "AND" or }               OR binds tighter than AND
 *   or         = term { "OR" term }
 *   term       = ( "NOT" | "-" ) term | "(" sequence ")" | restriction
 *   restriction= field op value | field op "(" value { "OR" value } ")"
 *   field      = name { "." ( name | string ) }      labels.wandb-run-id, labels."a.b"
 *   op         = = != < <= > >= :
 *   value      = bare word | "string" | 'string'
 *
 * AND, OR and NOT are upper case. Two terms side by side are joined by AND. Pure: a caller says what fields
 * there are and compares values.
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

enum filter_op { FILTER_EQ, FILTER_NE, FILTER_LT, FILTER_LE, FILTER_GT, FILTER_GE, FILTER_HAS };
enum filter_kind { FILTER_AND, FILTER_OR, FILTER_NOT, FILTER_TEST };

struct filter {
    enum filter_kind kind;
    struct filter *left, *right; /* AND, OR: both; NOT: left */
    /* TEST */
    struct str *path; /* "labels", "wandb-run-id"; unquoted */
    size_t path_len;
    enum filter_op op;
    struct str value; /* unquoted; one of a group is a TEST each, joined by OR */
    bool quoted;      /* the value was a string */
    int64_t number;   /* a caller's own, set by its check: a parsed time or enum */
};

/**
 * filter_parse() - text to tree; *ret is NULL for an empty text, which matches all. -ERR_INVALID with
 * position
 * ("at character 12") and reason; -ERR_LIMIT over 20,000 characters, 2,000 tests or 30 levels.
 */
NODISCARD int filter_parse(struct arena *a, struct str text, struct filter **ret, struct err *e);
/** filter_each() - call @fn for every test; stops at and returns the first code that is not 0. */
typedef int (*filter_visit_fn)(struct filter *test, void *ctx, struct err *e);
NODISCARD int filter_each(struct filter *f, filter_visit_fn fn, void *ctx, struct err *e);
/** filter_match() - evaluate; @fn answers one test about the thing at hand. */
typedef bool (*filter_test_fn)(const struct filter *test, const void *thing);
bool filter_match(const struct filter *f, filter_test_fn fn, const void *thing);

/* For the callers' test functions. */
bool filter_compare_i64(enum filter_op op, int64_t have, int64_t want); /* FILTER_HAS is equality */
bool filter_compare_str(enum filter_op op, struct str have,
                        struct str want); /* FILTER_HAS: glob, see below */
/** filter_glob() - '*' in @pattern stands for any run of characters; otherwise whole-text equality. */
bool filter_glob(struct str pattern, struct str text);
bool filter_path_is(const struct filter *test, const char *dotted); /* "resource.labels.job_id" */
