/*
 * server/run_view.h: the fields of a run by the names that clients of W&B use in filters and orders. Pure.
 *
 *   name (the run's id), display_name, state, group, job_type, sweep, username, host, program, commit, repo,
 *   notes, description, tags, created_at, heartbeat_at, duration (seconds), config.NAME, summary_metrics.NAME
 *
 * Also as the schema writes them (displayName), and with the synonyms of run_view.c. In config and
 * summary_metrics a dot goes into objects; a name that has a dot in it is found as well. config.NAME.value is
 * config.NAME.
 */
#pragma once

#include "base/jval.h"
#include "server/store/store.h"

enum run_field_kind {
    RUN_FIELD_NAME,
    RUN_FIELD_DISPLAY_NAME,
    RUN_FIELD_STATE,
    RUN_FIELD_GROUP,
    RUN_FIELD_JOB_TYPE,
    RUN_FIELD_SWEEP,
    RUN_FIELD_USERNAME,
    RUN_FIELD_HOST,
    RUN_FIELD_PROGRAM,
    RUN_FIELD_COMMIT,
    RUN_FIELD_REPO,
    RUN_FIELD_NOTES,
    RUN_FIELD_DESCRIPTION,
    RUN_FIELD_TAGS,
    RUN_FIELD_CREATED,
    RUN_FIELD_HEARTBEAT,
    RUN_FIELD_DURATION,
    RUN_FIELD_CONFIG,
    RUN_FIELD_SUMMARY
};
struct run_field {
    enum run_field_kind kind;
    struct str path; /* of config and summary: the name in it; borrowed from the name that was read */
};
/** run_field_read() - -ERR_INVALID: runs have no such field; names those they have. */
NODISCARD int run_field_read(struct str name, struct run_field *ret, struct err *e);
/** run_field_is_time() - its values are milliseconds since 1970, as integers. */
bool run_field_is_time(const struct run_field *f);

/* One run under the eye of a filter; what it parses, each text once, lives in @a. */
struct run_view {
    struct arena *a;
    const struct store_run *run;
    const struct jval *config, *summary, *tags; /* NULL: not parsed yet */
};
/** run_view_get() - the value of a field in the view's arena; NULL: the run has none. Text of config, summary
 * or tags that is no JSON has no fields. */
const struct jval *run_view_get(struct run_view *v, const struct run_field *f);
