/*
 * server/store/branches.h: runs that are taken back to a step, and runs that begin where another was at one.
 *
 * A step is what lines have as "_step". Up to it go all lines before the first with a greater one, so W&B's
 * rule that steps only grow is what makes it exact. Lines keep their numbers, and what a branch's client logs
 * comes behind them: it takes the number that UpsertBucket answers as historyLineCount (seen with 0.25.1,
 * 0.28.2 and 0.31.0).
 *
 * What a run's summary was is found in its lines: of each key the last value. A minimum or mean that
 * define_metric() asked for, and what was set in the summary and never logged, are not known any more. The
 * client of a branch begins with an empty summary and posts that whole: it is laid over what was found.
 */
#pragma once

#include "server/store/history.h"

struct store_rewind {
    int64_t run_id;
    double step; /* finite, 0 or more; what is logged next begins behind it */
    const struct store_by *by;
};
/**
 * store_run_rewind() - the run is again what it was at a step: history, charts and summary. Yields.
 * Its console and system metrics, which have no steps, begin anew, as W&B documents it. Config, files and
 * artifacts stay: what they were at the step is not known. It is running, nobody asks for its end any more,
 * and it has no exit code; a queue item behind it follows as when a run is resumed. A sweep counts its lines
 * again.
 * The change is one transaction, with its row in the audit log. The lines that are behind it now are removed
 * afterwards, a few thousand at a time; they are read by nobody, and those that a server leaves behind when
 * it ends in between are written over, or go with the next rewind, or with the run. (Consoles leave out empty
 * lines: there an old line may then stand in for one.)
 * Asked twice it does the same again, so a client may ask again when it lost the answer.
 *
 * A client from before that goes on posting cannot be told from the new one by what it sends. While it is
 * ahead of what is there, its posts are refused (store_run_post()). Where the new one has come as far, they
 * are two clients of one run: of a line the post that comes last counts.
 *
 * *ret_gone: lines of history that are no more; a retry finds 0. -ERR_NOT_FOUND; -ERR_INVALID: it has no
 * steps, or none so far; -ERR_CONFLICT: its own first lines are still being copied.
 */
NODISCARD int store_run_rewind(struct store *s, const struct store_rewind *r, int64_t *ret_gone,
                               struct err *e);

struct store_fork {
    int64_t project_id; /* of both */
    struct str name;    /* of the new run */
    struct str parent;
    double step; /* finite, 0 or more: the last that the new run has */
    int64_t user_id;
    int64_t now_unix_ms;
};
struct store_forked {
    int64_t run_id, lines; /* lines: of its parent's history */
};
/**
 * store_run_fork() - a pending run whose history and summary are what its parent's were at a step; what else
 * it is comes with the upsert that follows. Yields.
 * The lines are copied and not referred to: the parent may be deleted, rewound or grow old on its own, and
 * nothing that reads a run has to know of forks. They are copied a few thousand at a time; a run that was
 * begun and not finished, because a server or the connection ended, is gone on with when asked again. Files
 * that lines name (images), console and system metrics stay with the parent.
 * -ERR_NOT_FOUND: the parent; -ERR_INVALID: it has no steps, or none so far, or there is a run of the new
 * one's name that is something else; -ERR_CONFLICT, and worth another try: the parent was rewound meanwhile,
 * or is being forked itself.
 */
NODISCARD int store_run_fork(struct store *s, const struct store_fork *f, struct store_forked *ret,
                             struct err *e);
