/* server/store/sqlite_run_files.c: logged lines and uploaded files of runs, read side. */
#include "server/store/sqlite.h"

struct file_args {
    struct arena *a;
    int64_t run_id;
    const struct store_line_query *query;
    const struct store_file *file;
    void *ret;
};

static int run_lines(struct db_conn *c, void *arg, struct err *e)
{
    struct file_args *f = arg;
    struct db_stmt *st = NULL;
    bool row = false;
    int rc = db_query(c, &st, e,
                      "SELECT text FROM run_lines WHERE run_id = ? AND stream = ? AND line >= ? ORDER BY line"
                      " LIMIT ?",
                      "iiii", f->query->run_id, (int64_t)f->query->stream, f->query->from, f->query->count);

    while (rc == 0) {
        rc = db_step(st, &row, e);
        if (rc < 0 || !row)
            break;
        *(struct str *)rows_add(f->ret) = col(f->a, st, 0);
    }
    return rc;
}

int store_run_lines(struct store *s, struct arena *a, const struct store_line_query *q, struct str **ret,
                    size_t *ret_len, struct err *e)
{
    struct rows rows = ROWS(a, struct str);
    struct file_args f = { .a = a, .query = q, .ret = &rows };
    int rc = db_read(s->db, run_lines, &f, e);

    if (rc < 0)
        return rc;
    *ret = rows.items;
    *ret_len = rows.len;
    return 0;
}

static int file_put(struct db_conn *c, void *arg, struct err *e)
{
    const struct file_args *f = arg;

    return db_run(c, NULL, e,
                  "INSERT INTO run_files (run_id, name, size_bytes, updated_unix_ms) VALUES (?, ?, ?, ?)"
                  " ON CONFLICT DO UPDATE SET size_bytes = excluded.size_bytes,"
                  " updated_unix_ms = excluded.updated_unix_ms",
                  "isii", f->run_id, f->file->name, f->file->size_bytes, f->file->updated_unix_ms);
}

int store_file_put(struct store *s, int64_t run_id, const struct store_file *file, struct err *e)
{
    struct file_args f = { .run_id = run_id, .file = file };

    return db_write(s->db, file_put, &f, e);
}

static int file_list(struct db_conn *c, void *arg, struct err *e)
{
    struct file_args *f = arg;
    struct db_stmt *st = NULL;
    bool row = false;
    int rc = db_query(
        c, &st, e, "SELECT name, size_bytes, updated_unix_ms FROM run_files WHERE run_id = ? ORDER BY name",
        "i", f->run_id);

    while (rc == 0) {
        rc = db_step(st, &row, e);
        if (rc < 0 || !row)
            break;
        *(struct store_file *)rows_add(f->ret) = (struct store_file){ .name = col(f->a, st, 0),
                                                                      .size_bytes = db_col_i64(st, 1),
                                                                      .updated_unix_ms = db_col_i64(st, 2) };
    }
    return rc;
}

int store_file_list(struct store *s, struct arena *a, int64_t run_id, struct store_file **ret,
                    size_t *ret_len, struct err *e)
{
    struct rows rows = ROWS(a, struct store_file);
    struct file_args f = { .a = a, .run_id = run_id, .ret = &rows };
    int rc = db_read(s->db, file_list, &f, e);

    if (rc < 0)
        return rc;
    *ret = rows.items;
    *ret_len = rows.len;
    return 0;
}
