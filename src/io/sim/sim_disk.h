/*
 * io/sim/sim_disk.h: the disk of a node: files in memory, what of them would survive a power cut, and the
 * faults of a disk. SQLite's view of it is in sim_vfs.c. All results are SQLite's codes.
 *
 * A file is seen as its process wrote it (the page cache). What it holds on the disk itself trails behind
 * until a sync. A power cut keeps of the changes since then nothing, all, the first ones, or any, torn at
 * sectors; changes of names (make, delete) hold at once.
 */
#pragma once

#include <sqlite3.h>

#include "base/map.h"
#include "base/vec.h"

struct sim;
struct sim_node;

enum { DISK_SECTOR = 512, DISK_SHM_LOCKS = SQLITE_SHM_NLOCK };

struct disk_bytes {
    unsigned char *ptr;
    int64_t len, cap;
};

struct disk_file {
    struct sim_disk *disk;
    char *name;                /* NULL: temporary, gone when closed */
    struct disk_bytes seen;    /* as the process reads it */
    struct disk_bytes durable; /* as it is after a power cut, without @unsynced */
    struct vec unsynced;       /* struct disk_change, oldest first; owned */
    unsigned handles;
    bool deleted;
    /* locks: of the file, and of its shared memory, which is lost with the last handle */
    unsigned shared;
    const void *reserved, *exclusive; /* the handle that has it */
    struct vec regions;               /* of shared memory; owned */
    unsigned shm_shared[DISK_SHM_LOCKS];
    const void *shm_exclusive[DISK_SHM_LOCKS];
};

struct sim_disk {
    struct sim *sim;
    struct sim_node *node;
    struct map *files;
    bool faulty;           /* do the faults of the simulation reach it? */
    int64_t changes_left;  /* until the process or the power is gone; -1: no end in sight */
    int64_t full_until_ms; /* no file grows before */
    bool power_lost, lost; /* seen to at the next boot */
    sqlite3_vfs vfs;
    char vfs_name[64];
};

/* sim_disk.c */
struct sim_disk *sim_disk_new(struct sim_node *node);
void sim_disk_free(struct sim_disk *d); /* no handle is open */
/** sim_disk_stop() - the process that writes is gone: after @changes more of them nothing reaches the disk.
 */
void sim_disk_stop(struct sim_disk *d, int64_t changes);
/** sim_disk_boot() - no handle is open: does what a power cut since the last boot does. */
void sim_disk_boot(struct sim_disk *d);
bool sim_disk_holds(const struct sim_disk *d, struct str text);

struct disk_file *disk_file_find(const struct sim_disk *d, const char *name); /* NULL: not there */
struct disk_file *disk_file_make(struct sim_disk *d, const char *name);       /* @name NULL: temporary */
void disk_file_unref(struct disk_file *f);                                    /* a handle is closed */
int disk_file_delete(struct disk_file *f);
int disk_file_write(struct disk_file *f, const void *data, int64_t len, int64_t at);
int disk_file_truncate(struct disk_file *f, int64_t len);
int disk_file_sync(struct disk_file *f);
void disk_file_drop_shm(struct disk_file *f);

/* sim_vfs.c: SQLite's file system by the name of disk->vfs_name. */
void sim_vfs_register(struct sim_disk *d);
void sim_vfs_unregister(struct sim_disk *d);
