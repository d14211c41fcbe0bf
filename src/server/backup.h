/*
 * server/backup.h: all that a server keeps, the database and the files that belong to it, in another place.
 * For commands. A backup is a folder: slipway.db, a SQLite file whatever the server's database is; objects
 * and run-files as in a data folder; and backup.json, written last, without which it is none.
 */
#pragma once

#include "base/jval.h"
#include "server/store/store.h"

/* Where a server keeps things. */
struct backup_place {
    const char *data_dir; /* its files; NULL: nobody knows where they are */
    const char *db_url;   /* PostgreSQL; NULL: SQLite */
    const char *db_file;  /* SQLite, when it is not data_dir/slipway.db; NULL: it is */
};
struct backup_options {
    struct backup_place from, to;
    const char *backup;  /* the folder of the backup */
    const char *acts_as; /* for the log of changes */
    struct store_progress progress;
};
struct backup_counts {
    int64_t rows;             /* 0: not counted, the file was copied as it is */
    int64_t files, bytes;     /* that were copied */
    int64_t missing;          /* files that the database names and nobody has */
    char first_missing[4096]; /* path of one of them */
    char files_in[1024];      /* "": the files are copied. Else the bucket that they are in, and stay in */
};
/** backup_make() - of @o->from, which may be serving, into the new folder @o->backup. Yields.
 * -ERR_CONFLICT: there is such a folder, or another backup is being made; -ERR_NOT_FOUND: no store. */
NODISCARD int backup_make(struct io *io, const struct backup_options *o, struct backup_counts *ret,
                          struct err *e);
/** backup_restore() - @o->backup into @o->to, which has nothing yet. Files come first and the database last:
 * one that was cut short is begun again. Yields. -ERR_CONFLICT: there is something; -ERR_INVALID: no whole
 * backup, or a file in it is damaged. */
NODISCARD int backup_restore(struct io *io, const struct backup_options *o, struct backup_counts *ret,
                             struct err *e);
/** backup_move() - @o->from into @o->to, which has nothing yet; files too when both say where and it is not
 * the same folder. No server may run on a SQLite file at either end. Yields. Errors likewise. */
NODISCARD int backup_move(struct io *io, const struct backup_options *o, struct backup_counts *ret,
                          struct err *e);
/** backup_export() - @o->from as JSON lines, each with its newline, through @x->line. */
NODISCARD int backup_export(struct io *io, const struct backup_options *o, struct store_export *x,
                            struct err *e);
