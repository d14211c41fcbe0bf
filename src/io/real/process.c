/* io/real/process.c: child processes: own group, no shell, no inherited descriptors, gone when this process
 * is. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "io/real/real_internal.h"

enum { DEFAULT_MAX_LINE = 64 * 1024, BUFFER_HIGH = 1024 * 1024 };

struct output {
    uv_pipe_t pipe;
    struct proc *proc;
    struct strbuf buffer;
    bool ended, paused;
};

struct proc {
    struct io_object object;
    pid_t pid;
    bool exited;
    int status;
    size_t max_line;
    struct output output[2];
    struct cond changed;
    struct proc *prev, *next; /* of the world's live children */
    bool freed;               /* by its user: goes when the child is reaped and the pipes are closed */
    int open_pipes;
};

static void unlink_and_free(struct proc *p)
{
    struct real_io *r = real_of(p->object.io);

    if (!p->freed || !p->exited || p->open_pipes > 0)
        return;
    if (p->prev)
        p->prev->next = p->next;
    else
        r->procs = p->next;
    if (p->next)
        p->next->prev = p->prev;
    strbuf_done(&p->output[0].buffer);
    strbuf_done(&p->output[1].buffer);
    free(p);
}

static void on_pipe_closed(uv_handle_t *h)
{
    struct output *o = h->data;

    o->proc->open_pipes--;
    unlink_and_free(o->proc);
}

static void on_alloc(uv_handle_t *h, size_t suggested, uv_buf_t *ret)
{
    (void)h;
    *ret = uv_buf_init(xmalloc(suggested), (unsigned)suggested);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct output *o = stream->data;

    if (n > 0)
        strbuf_add(&o->buffer, (struct str){ buf->base, (size_t)n });
    free(buf->base);
    if (n < 0) {
        o->ended = true;
        uv_read_stop(stream);
    } else if (o->buffer.len > BUFFER_HIGH) {
        o->paused = true; /* the child waits until somebody reads */
        uv_read_stop(stream);
    }
    cond_broadcast(o->proc->object.io, &o->proc->changed);
}

/* --- children that end
 * --------------------------------------------------------------------------------------- */

static void on_child_signal(uv_signal_t *s, int number)
{
    struct real_io *r = s->data;
    struct proc *next = NULL;

    (void)number;
    for (struct proc *p = r->procs; p; p = next) {
        int status = 0;

        next = p->next;
        if (p->exited || waitpid(p->pid, &status, WNOHANG) != p->pid)
            continue;
        p->exited = true;
        p->status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
        cond_broadcast(&r->io, &p->changed);
        unlink_and_free(p);
    }
}

/* --- starting
 * ------------------------------------------------------------------------------------------------ */

static const char *env_value(const char *const *env, const char *name)
{
    size_t len = strlen(name);

    for (; env && *env; env++)
        if (strncmp(*env, name, len) == 0 && (*env)[len] == '=')
            return *env + len + 1;
    return NULL;
}

/* As execvp() would, but with the child's own PATH. */
static int find_program(const struct proc_options *o, struct strbuf *path, struct err *e)
{
    const char *search = env_value(o->env, "PATH");
    struct str rest = str_of(search ? search : "/usr/local/bin:/usr/bin:/bin");
    struct str dir = { 0 };

    if (strchr(o->argv[0], '/')) {
        strbuf_addz(path, o->argv[0]);
        return strbuf_check(path, e);
    }
    while (str_cut(&rest, ':', &dir)) {
        strbuf_reset(path);
        strbuf_addf(path, "%.*s/%s", STR_ARG(dir.len ? dir : STR(".")), o->argv[0]);
        if (!path->full && access(strbuf_cstr(path), X_OK) == 0)
            return 0;
    }
    return err_set(e, ERR_NOT_FOUND, "no program \"%.200s\" in the PATH of the process", o->argv[0]);
}

/* Between fork and exec: only calls that are safe there. Never returns. */
NORETURN static void child(const struct proc_options *o, const char *path, int out, int err_fd, int report)
{
    int problem = 0;
    int null = open("/dev/null", O_RDONLY);
    sigset_t none;

    sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    (void)signal(SIGPIPE, SIG_DFL);
    (void)signal(SIGXFSZ, SIG_DFL);
    (void)setpgid(0, 0);
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (null < 0 || dup2(null, 0) < 0 || dup2(out, 1) < 0 || dup2(err_fd, 2) < 0 || (o->cwd && chdir(o->cwd)))
        problem = errno;
    if (!problem) {
        (void)close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
        execve(path, (char *const *)(uintptr_t)o->argv, (char *const *)(uintptr_t)o->env);
        problem = errno;
    }
    (void)!write(report, &problem, sizeof(problem));
    _exit(127);
}

static int start_child(const struct proc_options *o, const char *path, int pipes[3][2], pid_t *ret,
                       struct err *e)
{
    int problem = 0;
    pid_t pid = fork();

    if (pid < 0)
        return err_set_os(e, errno, "cannot start a process");
    if (pid == 0)
        child(o, path, pipes[0][1], pipes[1][1], pipes[2][1]);
    (void)setpgid(pid, pid); /* here too: whoever comes first */
    close(pipes[2][1]);
    if (read(pipes[2][0], &problem, sizeof(problem)) == (ssize_t)sizeof(problem)) {
        (void)waitpid(pid, NULL, 0);
        return err_set_os(e, problem, "cannot run %s%s%s", path, o->cwd ? " in " : "", o->cwd ? o->cwd : "");
    }
    *ret = pid;
    return 0;
}

static void open_output(struct real_io *r, struct proc *p, int i, int fd)
{
    struct output *o = &p->output[i];

    o->proc = p;
    o->buffer = STRBUF(4 * BUFFER_HIGH);
    uv_pipe_init(&r->loop, &o->pipe, 0);
    o->pipe.data = o;
    uv_pipe_open(&o->pipe, fd);
    p->open_pipes++;
    uv_read_start((uv_stream_t *)&o->pipe, on_alloc, on_read);
}

static void adopt(struct real_io *r, struct proc *p, int pipes[3][2])
{
    open_output(r, p, 0, pipes[0][0]);
    open_output(r, p, 1, pipes[1][0]);
    p->next = r->procs;
    if (r->procs)
        r->procs->prev = p;
    r->procs = p;
}

int real_proc_spawn(struct io *io, const struct proc_options *o, struct proc **ret, struct err *e)
{
    struct real_io *r = real_of(io);
    AUTO_STRBUF struct strbuf path = STRBUF(4096);
    int pipes[3][2] = { { -1, -1 }, { -1, -1 }, { -1, -1 } };
    struct proc *p = NULL;
    pid_t pid = 0;
    int rc = find_program(o, &path, e);

    if (rc)
        return rc;
    if (!r->child_signal_on) {
        uv_signal_start(&r->child_signal, on_child_signal, SIGCHLD);
        r->child_signal_on = true;
    }
    if (pipe2(pipes[0], O_CLOEXEC) || pipe2(pipes[1], O_CLOEXEC) || pipe2(pipes[2], O_CLOEXEC)) {
        rc = err_set_os(e, errno, "cannot make a pipe");
        goto out;
    }
    rc = start_child(o, strbuf_cstr(&path), pipes, &pid, e);
    pipes[2][1] = -1;
    if (rc)
        goto out;
    p = xcalloc(1, sizeof(*p));
    p->object.io = io;
    p->pid = pid;
    p->max_line = o->max_line_bytes ? o->max_line_bytes : DEFAULT_MAX_LINE;
    adopt(r, p, pipes);
    pipes[0][0] = pipes[1][0] = -1; /* the handles own them now */
    *ret = p;
out:
    for (int i = 0; i < 6; i++)
        fd_auto_close(&pipes[i / 2][i % 2]);
    return rc;
}

int64_t real_proc_pid(const struct proc *p)
{
    return p->pid;
}

/* --- reading
 * ------------------------------------------------------------------------------------------------- */

static bool take_line(struct output *o, size_t max_line, struct strbuf *line)
{
    struct str all = strbuf_str(&o->buffer);
    ptrdiff_t at = str_find(str_sub(all, 0, max_line + 1), STR("\n"));
    size_t take = 0;
    size_t drop = 0;

    if (all.len == 0)
        return false;
    if (at < 0 && all.len <= max_line && !o->ended)
        return false;
    take = at >= 0 ? (size_t)at : all.len < max_line ? all.len : max_line;
    drop = take + (at >= 0);
    strbuf_add_utf8(line, str_sub(all, 0, take));
    memmove(o->buffer.ptr, o->buffer.ptr + drop, all.len - drop);
    strbuf_truncate(&o->buffer, all.len - drop);
    if (o->paused && o->buffer.len < BUFFER_HIGH / 2) {
        o->paused = false;
        uv_read_start((uv_stream_t *)&o->pipe, on_alloc, on_read);
    }
    return true;
}

int real_proc_read_line(struct proc *p, struct strbuf *line, enum proc_stream *ret_stream, struct err *e)
{
    strbuf_reset(line);
    for (;;) {
        for (int i = 0; i < 2; i++) {
            if (!take_line(&p->output[i], p->max_line, line))
                continue;
            *ret_stream = i == 0 ? PROC_STDOUT : PROC_STDERR;
            return 0;
        }
        if (p->output[0].ended && p->output[1].ended)
            return err_set(e, ERR_NOT_FOUND, "the process has no more output");
        if (cond_wait(p->object.io, &p->changed, -1, e))
            return -ERR_CANCELLED;
    }
}

int real_proc_wait(struct proc *p, int *ret_status, struct err *e)
{
    while (!p->exited)
        if (cond_wait(p->object.io, &p->changed, -1, e))
            return -ERR_CANCELLED;
    *ret_status = p->status;
    return 0;
}

void real_proc_signal_group(struct proc *p, int signal)
{
    (void)kill(-p->pid, signal); /* gone already is fine */
}

void real_proc_free(struct proc *p)
{
    real_proc_signal_group(p, SIGKILL);
    p->freed = true;
    for (int i = 0; i < 2; i++)
        uv_close((uv_handle_t *)&p->output[i].pipe, on_pipe_closed);
}

void real_procs_end(struct real_io *r)
{
    for (struct proc *p = r->procs, *next = NULL; p; p = next) {
        next = p->next;
        if (!p->freed)
            continue;
        if (!p->exited)
            (void)waitpid(p->pid, NULL, 0); /* it got SIGKILL when it was freed */
        p->exited = true;
        unlink_and_free(p);
    }
}
