/* server/store/run_files.c: logged lines and uploaded files of runs, read side. */
#include "server/store/store_internal.h"

struct file_args {
    int64_t run_id;
    const struct store_line_query *query;
    const struct store_file *file;
    void *ret;
};

static int run_lines(struct db_conn *c, void *arg, struct err *e)
{
    struct file_args *f = arg;
    const struct store_line_query *q = f->query;
    struct db_stmt *st = NULL;
    int rc = db_query(c, &st, e,
                      "SELECT text FROM run_lines WHERE run_id = ? AND stream = ? AND line >= ? AND line <"
                      " (SELECT " LINES_OF_STREAM " FROM runs r WHERE r.id = ?) ORDER BY line LIMIT ?",
                      "iiiiiii", q->run_id, (int64_t)q->stream, q->from, (int64_t)q->stream,
                      (int64_t)q->stream, q->run_id, q->count);

    return rc < 0 ? rc : rows_read(f->ret, st, e);
}

int store_run_lines(struct store *s, struct arena *a, const struct store_line_query *q, struct str **ret,
                    size_t *ret_len, struct err *e)
{
    struct rows rows = ROWS(a, struct str, str_row);
    struct file_args f = { .query = q, .ret = &rows };
    int rc = db_read(s->db, run_lines, &f, e);

    if (rc == 0)
        *ret = rows_take(&rows, ret_len);
    return rc;
}

static int file_put(struct db_conn *c, void *arg, struct err *e)
{
    const struct file_args *f = arg;

    return db_run(c, NULL, e,
                  "INSERT INTO run_files (run_id, name, size_bytes, updated_unix_ms) VALUES (?, ?, ?, ?)"
                  " ON CONFLICT (run_id, name) DO UPDATE SET size_bytes = excluded.size_bytes,"
                  " updated_unix_ms = excluded.updated_unix_ms",
                  "isii", f->run_id, f->file->name, f->file->size_bytes, f->file->updated_unix_ms);
}

int store_file_put(struct store *s, int64_t run_id, const struct store_file *file, struct err *e)
{
    struct file_args f = { .run_id = run_id, .file = file };

    return db_write(s->db, file_put, &f, e);
}

static int file_row(struct arena *a, struct db_stmt *st, void *ret, struct err *e)
{
    *(struct store_file *)ret = (struct store_file){ .name = col(a, st, 0),
                                                     .size_bytes = db_col_i64(st, 1),
                                                     .updated_unix_ms = db_col_i64(st, 2) };
    return 0;
}

static int file_list(struct db_conn *c, void *arg, struct err *e)
{
    struct file_args *f = arg;
    struct db_stmt *st = NULL;
    int rc = db_query(
        c, &st, e, "SELECT name, size_bytes, updated_unix_ms FROM run_files WHERE run_id = ? ORDER BY name",
        "i", f->run_id);

    return rc < 0 ? rc : rows_read(f->ret, st, e);
}

int store_file_list(struct store *s, struct arena *a, int64_t run_id, struct store_file **ret,
                    size_t *ret_len, struct err *e)
{
    struct rows rows = ROWS(a, struct store_file, file_row);
    struct file_args f = { .run_id = run_id, .ret = &rows };
    int rc = db_read(s->db, file_list, &f, e);

    if (rc == 0)
        *ret = rows_take(&rows, ret_len);
    return rc;
}
