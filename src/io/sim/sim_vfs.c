/*
 * io/sim/sim_vfs.c: a node's disk as SQLite sees it: a file system with locks and shared memory, for the
 * connections of one process on one thread.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "io/sim/sim_disk.h"

enum { PATH_MAX_BYTES = 512 };

struct handle { /* what SQLite allocates for an open file */
    sqlite3_file base;
    struct disk_file *file;
    int level; /* SQLITE_LOCK_* */
    unsigned shm_shared, shm_exclusive;
};

static struct handle *handle_of(sqlite3_file *f)
{
    return (struct handle *)(void *)f;
}

static struct sim_disk *disk_of(sqlite3_vfs *vfs)
{
    return vfs->pAppData;
}

/* --- bytes ---------------------------------------------------------------------------------------------- */
static int vfs_read(sqlite3_file *file, void *ret, int len, sqlite3_int64 at)
{
    const struct disk_bytes *b = &handle_of(file)->file->seen;
    int64_t there = at < b->len ? b->len - at : 0;

    if (there > len)
        there = len;
    if (there > 0)
        memcpy(ret, b->ptr + at, (size_t)there);
    memset((char *)ret + there, 0, (size_t)(len - there));
    return there == len ? SQLITE_OK : SQLITE_IOERR_SHORT_READ;
}

static int vfs_write(sqlite3_file *file, const void *data, int len, sqlite3_int64 at)
{
    return disk_file_write(handle_of(file)->file, data, len, at);
}

static int vfs_truncate(sqlite3_file *file, sqlite3_int64 len)
{
    return disk_file_truncate(handle_of(file)->file, len);
}

static int vfs_sync(sqlite3_file *file, int flags)
{
    (void)flags;
    return disk_file_sync(handle_of(file)->file);
}

static int vfs_file_size(sqlite3_file *file, sqlite3_int64 *ret)
{
    *ret = handle_of(file)->file->seen.len;
    return SQLITE_OK;
}

/* --- locks of the file ---------------------------------------------------------------------------------- */
static int vfs_unlock(sqlite3_file *file, int level)
{
    struct handle *h = handle_of(file);
    struct disk_file *f = h->file;

    if (h->level <= level)
        return SQLITE_OK;
    if (f->exclusive == h)
        f->exclusive = NULL;
    if (f->reserved == h)
        f->reserved = NULL;
    if (level == SQLITE_LOCK_NONE)
        f->shared--;
    h->level = level;
    return SQLITE_OK;
}

static int vfs_lock(sqlite3_file *file, int level)
{
    struct handle *h = handle_of(file);
    struct disk_file *f = h->file;

    if (h->level >= level)
        return SQLITE_OK;
    if (f->exclusive && f->exclusive != h)
        return SQLITE_BUSY;
    if (level >= SQLITE_LOCK_RESERVED && f->reserved && f->reserved != h)
        return SQLITE_BUSY;
    if (level == SQLITE_LOCK_EXCLUSIVE && f->shared > (h->level >= SQLITE_LOCK_SHARED ? 1U : 0U))
        return SQLITE_BUSY;
    if (h->level == SQLITE_LOCK_NONE)
        f->shared++;
    if (level >= SQLITE_LOCK_RESERVED)
        f->reserved = h;
    if (level == SQLITE_LOCK_EXCLUSIVE)
        f->exclusive = h;
    h->level = level;
    return SQLITE_OK;
}

static int vfs_check_reserved(sqlite3_file *file, int *ret)
{
    *ret = handle_of(file)->file->reserved != NULL;
    return SQLITE_OK;
}

/* --- shared memory -------------------------------------------------------------------------------------- */
static int vfs_shm_map(sqlite3_file *file, int region, int size, int extend, void volatile **ret)
{
    struct disk_file *f = handle_of(file)->file;

    while (extend && f->regions.len <= (size_t)region)
        vec_push(&f->regions, xcalloc(1, (size_t)size));
    *ret = (size_t)region < f->regions.len ? f->regions.items[region] : NULL;
    return SQLITE_OK;
}

static bool shm_is_held_by_others(const struct handle *h, int i)
{
    const struct disk_file *f = h->file;
    unsigned mine = h->shm_shared >> i & 1U;

    return (f->shm_exclusive[i] && f->shm_exclusive[i] != h) || f->shm_shared[i] > mine;
}

static void shm_release(struct handle *h, int i)
{
    if (h->shm_shared >> i & 1U)
        h->file->shm_shared[i]--;
    if (h->file->shm_exclusive[i] == h)
        h->file->shm_exclusive[i] = NULL;
    h->shm_shared &= ~(1U << i);
}

static int vfs_shm_lock(sqlite3_file *file, int from, int n, int flags)
{
    struct handle *h = handle_of(file);
    struct disk_file *f = h->file;

    for (int i = from; i < from + n && (flags & SQLITE_SHM_LOCK); i++) {
        bool taken = (flags & SQLITE_SHM_EXCLUSIVE) ? shm_is_held_by_others(h, i)
                                                    : f->shm_exclusive[i] && f->shm_exclusive[i] != h;
        if (taken)
            return SQLITE_BUSY;
    }
    for (int i = from; i < from + n; i++) {
        shm_release(h, i);
        if (!(flags & SQLITE_SHM_LOCK))
            continue;
        if (flags & SQLITE_SHM_EXCLUSIVE) {
            f->shm_exclusive[i] = h;
        } else {
            f->shm_shared[i]++;
            h->shm_shared |= 1U << i;
        }
    }
    return SQLITE_OK;
}

static void vfs_shm_barrier(sqlite3_file *file)
{
    (void)file; /* one thread */
}

static int vfs_shm_unmap(sqlite3_file *file, int delete)
{
    struct handle *h = handle_of(file);

    for (int i = 0; i < DISK_SHM_LOCKS; i++)
        shm_release(h, i);
    if (delete)
        disk_file_drop_shm(h->file);
    return SQLITE_OK;
}

/* --- the rest of a file --------------------------------------------------------------------------------- */
static int vfs_close(sqlite3_file *file)
{
    vfs_shm_unmap(file, 0);
    vfs_unlock(file, SQLITE_LOCK_NONE);
    disk_file_unref(handle_of(file)->file);
    return SQLITE_OK;
}

static int vfs_file_control(sqlite3_file *file, int op, void *arg)
{
    (void)file;
    (void)op;
    (void)arg;
    return SQLITE_NOTFOUND;
}

static int vfs_sector_size(sqlite3_file *file)
{
    (void)file;
    return 4096; /* as SQLite takes it to be on this machine */
}

static int vfs_characteristics(sqlite3_file *file)
{
    (void)file;
    return SQLITE_IOCAP_POWERSAFE_OVERWRITE; /* a torn write spoils nothing beside it; SQLite's own default */
}

static const sqlite3_io_methods methods = {
    .iVersion = 2,
    .xClose = vfs_close,
    .xRead = vfs_read,
    .xWrite = vfs_write,
    .xTruncate = vfs_truncate,
    .xSync = vfs_sync,
    .xFileSize = vfs_file_size,
    .xLock = vfs_lock,
    .xUnlock = vfs_unlock,
    .xCheckReservedLock = vfs_check_reserved,
    .xFileControl = vfs_file_control,
    .xSectorSize = vfs_sector_size,
    .xDeviceCharacteristics = vfs_characteristics,
    .xShmMap = vfs_shm_map,
    .xShmLock = vfs_shm_lock,
    .xShmBarrier = vfs_shm_barrier,
    .xShmUnmap = vfs_shm_unmap,
};

/* --- names ---------------------------------------------------------------------------------------------- */
static int vfs_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *ret_flags)
{
    struct sim_disk *d = disk_of(vfs);
    struct disk_file *f = name ? disk_file_find(d, name) : NULL;

    *file = (sqlite3_file){ 0 };
    if (!f && name && !(flags & SQLITE_OPEN_CREATE))
        return SQLITE_CANTOPEN;
    if (!f && d->changes_left == 0)
        return SQLITE_CANTOPEN;
    if (!f)
        f = disk_file_make(d, name);
    f->handles++;
    *handle_of(file) = (struct handle){ .base = { &methods }, .file = f };
    if (ret_flags)
        *ret_flags = flags;
    return SQLITE_OK;
}

static int vfs_delete(sqlite3_vfs *vfs, const char *name, int sync_folder)
{
    struct disk_file *f = disk_file_find(disk_of(vfs), name);

    (void)sync_folder;
    return f ? disk_file_delete(f) : SQLITE_IOERR_DELETE_NOENT;
}

static int vfs_access(sqlite3_vfs *vfs, const char *name, int flags, int *ret)
{
    (void)flags;
    *ret = disk_file_find(disk_of(vfs), name) != NULL;
    return SQLITE_OK;
}

static int vfs_full_pathname(sqlite3_vfs *vfs, const char *name, int size, char *ret)
{
    (void)vfs;
    return snprintf(ret, (size_t)size, "%s", name) < size ? SQLITE_OK : SQLITE_CANTOPEN;
}

static int vfs_randomness(sqlite3_vfs *vfs, int len, char *ret)
{
    (void)vfs;
    memset(ret, 0, (size_t)len);
    return len;
}

static int vfs_sleep(sqlite3_vfs *vfs, int us)
{
    (void)vfs; /* one thread: who holds a lock now cannot let go of it meanwhile */
    return us;
}

static int vfs_current_time(sqlite3_vfs *vfs, sqlite3_int64 *ret)
{
    (void)vfs;
    *ret = 0;
    return SQLITE_OK;
}

void sim_vfs_register(struct sim_disk *d)
{
    d->vfs = (sqlite3_vfs){ .iVersion = 2,
                            .szOsFile = sizeof(struct handle),
                            .mxPathname = PATH_MAX_BYTES,
                            .zName = d->vfs_name,
                            .pAppData = d,
                            .xOpen = vfs_open,
                            .xDelete = vfs_delete,
                            .xAccess = vfs_access,
                            .xFullPathname = vfs_full_pathname,
                            .xRandomness = vfs_randomness,
                            .xSleep = vfs_sleep,
                            .xCurrentTimeInt64 = vfs_current_time };
    int rc = sqlite3_vfs_register(&d->vfs, 0);
    (void)rc; /* it fails for want of memory alone */
}

void sim_vfs_unregister(struct sim_disk *d)
{
    sqlite3_vfs_unregister(&d->vfs);
}
