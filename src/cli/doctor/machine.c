/* cli/doctor/machine.c: what is on this machine: the configuration and the agent's folder. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "agent/journal.h"
#include "cli/doctor/doctor.h"
#include "cli/roles.h"

enum { SPACE_PROBLEM_MIB = 10, SPACE_WARN_MIB = 100, MIB = 1024 * 1024 };

/* --- the configuration --- */

static void note_exposed(void *ctx, const char *text)
{
    struct doctor *d = ctx;

    d->exposed = arena_strdup(d->a, text);
}

void check_config(struct doctor *d)
{
    const char *given = args_text(d->args, "config");
    struct err e = { 0 };

    if (launch_config_read(d->io, d->a, given, &d->config, &e)) {
        finding_add(&d->found, &(struct finding){ .level = FINDING_PROBLEM,
                                                  .id = "config.invalid",
                                                  .title = "configuration",
                                                  .cause = arena_strdup(d->a, e.msg),
                                                  .fix = "correct the file or the variable that it names" });
        d->config = (struct launch_config){ 0 }; /* go on with the environment alone, when that is right */
        if (launch_config_google_env(d->io, &d->config.google, NULL))
            return;
    } else {
        doctor_ok(d, "config", "configuration",
                  d->config.path ? d->config.path : "no launch-config.yaml; environment and flags only");
    }
    d->config.google.warn = note_exposed;
    d->config.google.warn_ctx = d;
    d->google = role_google_with(d->io, &d->config.google);
}

/* --- the state directory --- */

struct state {
    struct doctor *d;
    const char *dir, *title;
};

static void state_problem(struct state *s, enum finding_level level, const char *id, const char *cause,
                          const char *fix)
{
    finding_add(&s->d->found,
                &(struct finding){ .level = level, .id = id, .title = s->title, .cause = cause, .fix = fix });
}

/* @dir, or the nearest folder above it that is there. */
static const char *nearest_folder(struct doctor *d, const char *dir)
{
    char *path = arena_strdup(d->a, dir);

    while (access(path, F_OK)) {
        char *slash = strrchr(path, '/');

        if (!slash)
            return ".";
        if (slash == path)
            return "/";
        *slash = '\0';
    }
    return path;
}

/* A file is made and taken away: permissions, read-only file systems and full ones all show. */
static bool can_write(struct state *s, const char *folder)
{
    char *path = arena_printf(s->d->a, "%s/.slipway-doctor-XXXXXX", folder);
    struct stat st;
    int fd, why = 0;

    if (stat(folder, &st) || !S_ISDIR(st.st_mode)) {
        state_problem(s, FINDING_PROBLEM, "state.not_a_folder",
                      arena_printf(s->d->a, "%s is no folder", folder),
                      "give another folder with --state-dir");
        return false;
    }
    fd = mkstemp(path);
    why = errno;
    if (fd >= 0) {
        (void)unlink(path);
        (void)close(fd);
        return true;
    }
    state_problem(
        s, FINDING_PROBLEM, "state.not_writable",
        arena_printf(s->d->a, "no file can be made in %s: %s", folder, strerror(why)),
        arena_printf(s->d->a,
                     "give the folder to the user that runs the agent, `chown %lld %s && chmod 700 %s`, or "
                     "another one with --state-dir",
                     (long long)getuid(), folder, folder));
    return false;
}

bool doctor_space_level(uint64_t free_bytes, enum finding_level *ret)
{
    *ret = free_bytes < (uint64_t)SPACE_PROBLEM_MIB * MIB ? FINDING_PROBLEM : FINDING_WARNING;
    return free_bytes < (uint64_t)SPACE_WARN_MIB * MIB;
}

static bool has_space(struct state *s, const char *folder)
{
    struct statvfs fs;
    enum finding_level level;
    uint64_t left;

    if (statvfs(folder, &fs))
        return true;
    left = (uint64_t)fs.f_bavail * fs.f_frsize;
    if (!doctor_space_level(left, &level))
        return true;
    state_problem(s, level, "state.space",
                  arena_printf(s->d->a, "only %llu MiB are free", (unsigned long long)(left / MIB)),
                  arena_printf(s->d->a, "make room on that file system: `df -h %s`", folder));
    return false;
}

/* The agent that is at work there has it; any other journal is opened as the agent would open it. */
static void try_journal(struct state *s)
{
    struct doctor *d = s->d;
    struct journal *j = NULL;
    struct err e = { 0 };
    int rc = 0;

    if (file_exists(d->io, arena_printf(d->a, "%s/journal.db", s->dir)))
        rc = journal_open(d->io, &(struct journal_options){ .state_dir = s->dir }, &j, &e);
    journal_close(j);
    if (rc == -ERR_CONFLICT)
        state_problem(
            s, FINDING_WARNING, "state.in_use", arena_strdup(d->a, e.msg),
            "nothing, when that is the agent you mean; a second one needs a --state-dir of its own");
    else if (rc)
        state_problem(
            s, FINDING_PROBLEM, "state.journal", arena_strdup(d->a, e.msg),
            arena_printf(d->a,
                         "when a newer slipway made it, run that one; a damaged one has to go: `mv "
                         "%s/journal.db %s/journal.db.bad` (the agent then does not know what it had "
                         "begun)",
                         s->dir, s->dir));
    else
        doctor_ok(d, "state", s->title, "can be written, and nobody else uses it");
}

void check_state(struct doctor *d)
{
    const char *given = args_text(d->args, "state-dir");
    const char *dir = given ? given : role_default_dir(d->io, d->a, "agent");
    struct state s = { d, dir, arena_printf(d->a, "state directory %s", dir) };
    const char *folder = nearest_folder(d, dir);

    if (can_write(&s, folder) && has_space(&s, folder))
        try_journal(&s);
}
