/* base/problems.h: all that is wrong with an input, at once, each with its place. */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "base/jval.h"

enum problem_level { PROBLEM_WARNING, PROBLEM_ERROR };

struct problem {
    enum problem_level level;
    struct jval_pos pos;
    const char *path; /* "spec.worker_pool_specs[0].machine_spec"; may be "" */
    const char *text;
    const char *expected;   /* for editors: what may stand there; NULL: see text */
    const char *suggestion; /* for editors: what to write instead; NULL none */
};

enum { PROBLEMS_KEPT = 1000 };

/* Zero-initialise with .a and .file set; items live in the arena. Over PROBLEMS_KEPT are counted, not kept.
 */
struct problems {
    struct arena *a;
    const char *file; /* how messages call the input; "" for none */
    struct problem *items;
    size_t len, cap;
    size_t errors, warnings;
};
/** problem_add() - @path and text are copied. Returns the new item, for problem_hint(); NULL when not kept.
 */
struct problem *problem_add(struct problems *p, enum problem_level level, struct jval_pos pos,
                            const char *path, const char *fmt, ...) PRINTF(5, 6);
/** problem_hint() - add what helps an editor; texts in the arena or static, either may be NULL. @item too. */
void problem_hint(struct problem *item, const char *expected, const char *suggestion);
/** problems_sort() - by place, those without one last, else in the order they were found. What is said twice
 * of one place stays once. */
void problems_sort(struct problems *p);
/** problem_format() - "queue.yaml:7:22: spec.x: text", appended to @b; a warning is marked "warning: ". */
void problem_format(struct strbuf *b, const struct problems *p, const struct problem *item);
/** problems_err() - 0 when there is no error; else -@code with the first error's line and "(and N more)". */
int problems_err(const struct problems *p, enum err_code code, struct err *e);
/** nearest_name() - the entry of the NULL-ended @names within edit distance 2 of @given (less for short
 * words), or NULL. */
const char *nearest_name(struct str given, const char *const *names);
