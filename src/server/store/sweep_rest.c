/* server/store/sweep_rest.c: sweeps that nobody asks any more. */
#include "server/store/store_internal.h"
#include "server/store/sweeps.h"

struct resting {
    int64_t before_unix_ms, now_unix_ms, count;
};

/* What was handed out to an agent and never started, nobody will start. A run of a sweep on Launch waits in a
 * queue, and may do so for days. */
static int crash_unstarted(struct db_conn *c, const struct resting *r, struct err *e)
{
    return db_run(c, NULL, e,
                  "UPDATE runs SET state = 'crashed' WHERE state = 'pending' AND id IN (SELECT r.id FROM"
                  " sweeps s JOIN sweep_runs t ON t.sweep_id = s.id JOIN runs r ON r.project_id ="
                  " s.project_id AND r.name = t.run_name AND r.sweep = s.name WHERE s.state = 'RUNNING' AND"
                  " s.is_launched = 0 AND s.heartbeat_unix_ms < ? AND s.updated_unix_ms < ?)",
                  "ii", r->before_unix_ms, r->before_unix_ms);
}

static int rest(struct db_conn *c, void *arg, struct err *e)
{
    struct resting *r = arg;
    int rc = crash_unstarted(c, r, e);

    if (rc < 0)
        return rc;
    return db_run(c, &r->count, e,
                  "UPDATE sweeps SET state = CASE WHEN expected > 0 AND handed_out >= expected THEN"
                  " 'FINISHED' ELSE 'PENDING' END, updated_unix_ms = ? WHERE state = 'RUNNING' AND"
                  " heartbeat_unix_ms < ? AND updated_unix_ms < ? AND NOT EXISTS (SELECT 1 FROM runs r WHERE"
                  " r.project_id = sweeps.project_id AND r.sweep = sweeps.name AND r.state IN ('pending',"
                  " 'running', 'preempting'))",
                  "iii", r->now_unix_ms, r->before_unix_ms, r->before_unix_ms);
}

int store_sweep_rest(struct store *s, int64_t before_unix_ms, int64_t now_unix_ms, size_t *ret_count,
                     struct err *e)
{
    struct resting r = { before_unix_ms, now_unix_ms, 0 };
    int rc = db_write(s->db, rest, &r, e);

    if (rc == 0)
        *ret_count = (size_t)r.count;
    return rc;
}

/* --- whom to look at --- */

static int launched(struct db_conn *c, void *arg, struct err *e)
{
    struct db_stmt *st = NULL;
    int rc = db_query(c, &st, e,
                      "SELECT id FROM sweeps WHERE state = 'RUNNING' AND is_launched <> 0 ORDER BY id LIMIT"
                      " 1000",
                      "");

    return rc < 0 ? rc : rows_read(arg, st, e);
}

int store_sweep_launched(struct store *s, struct arena *a, int64_t **ret, size_t *ret_len, struct err *e)
{
    struct rows rows = ROWS(a, int64_t, i64_row);
    int rc = db_read(s->db, launched, &rows, e);

    if (rc == 0)
        *ret = rows_take(&rows, ret_len);
    return rc;
}
