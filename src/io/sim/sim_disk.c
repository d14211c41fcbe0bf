/*
 * io/sim/sim_disk.c: files of a node in memory, what of them a power cut leaves, and disk faults. Owns the
 * files; chance is from the simulation's stream of disks.
 */
#include "io/sim/sim_disk.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "io/sim/sim_internal.h"

/* A write, or a new length when @data is NULL. */
struct disk_change {
    unsigned char *data;
    int64_t at, len;
};

/* What a power cut does to the changes that were not synced. */
enum survival { SURVIVES_NOTHING, SURVIVES_ALL, SURVIVES_FIRST, SURVIVES_ANY, SURVIVALS };

/* --- bytes ---------------------------------------------------------------------------------------------- */
static void bytes_resize(struct disk_bytes *b, int64_t len)
{
    if (len > b->cap) {
        b->cap = len > 2 * b->cap ? len : 2 * b->cap;
        b->ptr = xrealloc(b->ptr, (size_t)b->cap);
    }
    if (len > b->len)
        memset(b->ptr + b->len, 0, (size_t)(len - b->len));
    b->len = len;
}

static void bytes_write(struct disk_bytes *b, const unsigned char *data, int64_t len, int64_t at)
{
    if (at + len > b->len)
        bytes_resize(b, at + len);
    if (len > 0)
        memcpy(b->ptr + at, data, (size_t)len);
}

static void bytes_copy(struct disk_bytes *to, const struct disk_bytes *from)
{
    to->len = 0;
    bytes_write(to, from->ptr, from->len, 0);
}

/* --- changes that are not synced ------------------------------------------------------------------------ */
static void change_free(struct disk_change *c)
{
    free(c->data);
    free(c);
}

static void change_add(struct disk_file *f, const void *data, int64_t len, int64_t at)
{
    struct disk_change *c = xcalloc(1, sizeof(*c));

    *c = (struct disk_change){ .len = len, .at = at };
    if (data) {
        c->data = xmalloc((size_t)len);
        memcpy(c->data, data, (size_t)len);
    }
    vec_push(&f->unsynced, c);
}

static void changes_drop(struct disk_file *f)
{
    while (f->unsynced.len)
        change_free(vec_pop(&f->unsynced));
}

static void change_keep(struct disk_file *f, const struct disk_change *c)
{
    if (c->data)
        bytes_write(&f->durable, c->data, c->len, c->at);
    else
        bytes_resize(&f->durable, c->len);
}

/* Sector by sector: each is there as a whole or not at all. */
static void change_tear(struct disk_file *f, const struct disk_change *c)
{
    for (int64_t at = c->at, end; c->data && at < c->at + c->len; at = end) {
        end = (at / DISK_SECTOR + 1) * DISK_SECTOR;
        end = end < c->at + c->len ? end : c->at + c->len;
        if (sim_draw(f->disk->sim, SIM_DISKS) & 1)
            bytes_write(&f->durable, c->data + (at - c->at), end - at, at);
    }
    if (!c->data && sim_draw(f->disk->sim, SIM_DISKS) & 1)
        change_keep(f, c);
}

/* The changes since the last sync meet their fate; the file then is what the disk has. */
static void file_settle(struct disk_file *f)
{
    struct sim *s = f->disk->sim;
    enum survival how = (enum survival)sim_draw_range(s, SIM_DISKS, 0, SURVIVALS - 1);
    size_t n = f->unsynced.len;
    size_t first = how == SURVIVES_FIRST && n ? (size_t)sim_draw_range(s, SIM_DISKS, 0, (int64_t)n - 1) : 0;
    static const char *const words[SURVIVALS] = { "nothing", "all", "the first", "any" };

    if (n)
        sim_trace_add(s, "%s: of %zu unsynced changes to %s stays %s", f->disk->node->name, n, f->name,
                      words[how]);
    for (size_t i = 0; i < n; i++) {
        const struct disk_change *c = f->unsynced.items[i];
        if (how == SURVIVES_ALL || (how == SURVIVES_FIRST && i < first))
            change_keep(f, c);
        else if (how == SURVIVES_ANY || (how == SURVIVES_FIRST && i == first))
            change_tear(f, c);
    }
    changes_drop(f);
}

/* --- faults --------------------------------------------------------------------------------------------- */
static bool disk_chance(struct sim_disk *d, double chance)
{
    return d->faulty && d->changes_left < 0 && chance > 0 && sim_draw_unit(d->sim, SIM_DISKS) < chance;
}

/* May this change reach the disk? The dead write nothing. */
static bool disk_spend(struct sim_disk *d)
{
    if (disk_chance(d, d->sim->faults.kill_at_change))
        sim_node_kill(d->node);
    if (d->changes_left < 0)
        return true;
    if (d->changes_left == 0)
        return false;
    d->changes_left--;
    return true;
}

static bool disk_is_full(struct sim_disk *d)
{
    const struct sim_faults *f = &d->sim->faults;
    bool full = d->sim->now_ms < d->full_until_ms;

    if (!full && disk_chance(d, f->disk_full)) {
        int64_t ms = sim_draw_range(d->sim, SIM_DISKS, 1, f->disk_full_max_ms > 1 ? f->disk_full_max_ms : 1);
        sim_trace_add(d->sim, "%s: disk full for %lld ms", d->node->name, (long long)ms);
        d->full_until_ms = d->sim->now_ms + ms;
        full = true;
    }
    return full && d->faulty && f->disk_full > 0;
}

/* --- files ---------------------------------------------------------------------------------------------- */
struct disk_file *disk_file_find(const struct sim_disk *d, const char *name)
{
    return map_get(d->files, str_of(name));
}

struct disk_file *disk_file_make(struct sim_disk *d, const char *name)
{
    struct disk_file *f = xcalloc(1, sizeof(*f));

    f->disk = d;
    f->name = xstrdup(name);
    if (name)
        map_put(d->files, str_of(name), f);
    return f;
}

void disk_file_drop_shm(struct disk_file *f)
{
    while (f->regions.len)
        free(vec_pop(&f->regions));
}

static void file_free(struct disk_file *f)
{
    assert(f->handles == 0);
    disk_file_drop_shm(f);
    changes_drop(f);
    vec_done(&f->regions);
    vec_done(&f->unsynced);
    free(f->seen.ptr);
    free(f->durable.ptr);
    free(f->name);
    free(f);
}

void disk_file_unref(struct disk_file *f)
{
    assert(f->handles > 0);
    if (--f->handles)
        return;
    disk_file_drop_shm(f);
    if (f->deleted || !f->name)
        file_free(f);
}

int disk_file_delete(struct disk_file *f)
{
    if (!disk_spend(f->disk))
        return SQLITE_IOERR_DELETE;
    map_remove(f->disk->files, str_of(f->name));
    f->deleted = true;
    if (!f->handles)
        file_free(f);
    return SQLITE_OK;
}

static int file_write_part(struct disk_file *f, const void *data, int64_t len, int64_t at)
{
    int64_t part = sim_draw_range(f->disk->sim, SIM_DISKS, 0, len - 1);

    sim_trace_add(f->disk->sim, "%s: of a write of %lld bytes to %s only %lld are written",
                  f->disk->node->name, (long long)len, f->name, (long long)part);
    bytes_write(&f->seen, data, part, at);
    change_add(f, data, part, at);
    return SQLITE_IOERR_WRITE;
}

int disk_file_write(struct disk_file *f, const void *data, int64_t len, int64_t at)
{
    struct sim_disk *d = f->disk;

    if (!f->name) { /* temporary: nobody looks for it after a crash */
        bytes_write(&f->seen, data, len, at);
        return SQLITE_OK;
    }
    if (!disk_spend(d))
        return SQLITE_IOERR_WRITE;
    if (disk_is_full(d) && at + len > f->seen.len)
        return SQLITE_FULL;
    if (len > 0 && disk_chance(d, d->sim->faults.short_write))
        return file_write_part(f, data, len, at);
    bytes_write(&f->seen, data, len, at);
    change_add(f, data, len, at);
    return SQLITE_OK;
}

int disk_file_truncate(struct disk_file *f, int64_t len)
{
    if (f->name && !disk_spend(f->disk))
        return SQLITE_IOERR_TRUNCATE;
    bytes_resize(&f->seen, len);
    if (f->name)
        change_add(f, NULL, len, 0);
    return SQLITE_OK;
}

/*
 * A sync that fails leaves the changes in doubt, and no later one writes them: the kernel takes them for
 * written. The process may go on to see them, or see what the disk has once the pages are read anew.
 */
static int file_sync_fails(struct disk_file *f)
{
    bool read_anew = sim_draw(f->disk->sim, SIM_DISKS) & 1;

    sim_trace_add(f->disk->sim, "%s: a sync of %s fails", f->disk->node->name, f->name);
    file_settle(f);
    if (read_anew)
        bytes_copy(&f->seen, &f->durable);
    return SQLITE_IOERR_FSYNC;
}

int disk_file_sync(struct disk_file *f)
{
    if (!f->name)
        return SQLITE_OK;
    if (!disk_spend(f->disk))
        return SQLITE_IOERR_FSYNC;
    if (disk_chance(f->disk, f->disk->sim->faults.fsync_fails))
        return file_sync_fails(f);
    for (size_t i = 0; i < f->unsynced.len; i++)
        change_keep(f, f->unsynced.items[i]);
    changes_drop(f);
    return SQLITE_OK;
}

/* --- the disk ------------------------------------------------------------------------------------------- */
struct sim_disk *sim_disk_new(struct sim_node *node)
{
    struct sim_disk *d = xcalloc(1, sizeof(*d));

    d->sim = node->sim;
    d->node = node;
    d->files = map_new();
    d->changes_left = -1;
    snprintf(d->vfs_name, sizeof(d->vfs_name), "slipway-sim-%p", (void *)d);
    sim_vfs_register(d);
    return d;
}

static bool visit_lose(struct str key, void *value, void *ctx)
{
    (void)key;
    (void)ctx;
    file_free(value);
    return true;
}

static bool visit_power_cut(struct str key, void *value, void *ctx)
{
    struct disk_file *f = value;

    (void)key;
    (void)ctx;
    file_settle(f);
    bytes_copy(&f->seen, &f->durable);
    return true;
}

void sim_disk_free(struct sim_disk *d)
{
    map_each(d->files, visit_lose, NULL);
    map_free(d->files);
    sim_vfs_unregister(d);
    free(d);
}

struct hunt {
    struct str text;
    bool found;
};

static bool visit_hunt(struct str key, void *value, void *ctx)
{
    const struct disk_file *f = value;
    struct hunt *h = ctx;

    (void)key;
    h->found = str_find((struct str){ (const char *)f->seen.ptr, (size_t)f->seen.len }, h->text) >= 0;
    return !h->found;
}

bool sim_disk_holds(const struct sim_disk *d, struct str text)
{
    struct hunt h = { .text = text };

    map_each(d->files, visit_hunt, &h);
    return h.found;
}

void sim_disk_stop(struct sim_disk *d, int64_t changes)
{
    d->changes_left = changes;
}

void sim_disk_boot(struct sim_disk *d)
{
    if (d->lost) {
        map_each(d->files, visit_lose, NULL);
        map_free(d->files);
        d->files = map_new();
    } else if (d->power_lost) {
        map_each(d->files, visit_power_cut, NULL);
    }
    d->lost = d->power_lost = false;
    d->changes_left = -1;
}
