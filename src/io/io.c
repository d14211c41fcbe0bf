/* io/io.c: the common entry points: refuse for the cancelled, then go to the world's table. */
#include "io/io.h"

#include "io/io_internal.h"

static int refused(struct io *io, struct err *e)
{
    return io_cancelled(io) ? err_set(e, ERR_CANCELLED, "asked to stop") : 0;
}

int64_t io_now_unix_ms(struct io *io)
{
    return io->ops->now_unix_ms(io);
}

int64_t io_now_ms(struct io *io)
{
    return io->ops->now_ms(io);
}

void io_random(struct io *io, void *ret, size_t len)
{
    io->ops->random(io, ret, len);
}

void io_random_id(struct io *io, char *ret, size_t len)
{
    static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz0123456789";

    for (size_t i = 0; i < len;) {
        uint8_t byte = 0;
        unsigned range = i == 0 ? 26 : 36;

        io_random(io, &byte, 1);
        if (byte >= 256 / range * range)
            continue; /* the rest would favour the first letters */
        ret[i++] = alphabet[byte % range];
    }
    ret[len] = '\0';
}

double io_random_unit(struct io *io)
{
    uint64_t bits = 0;

    io_random(io, &bits, sizeof(bits));
    return (double)(bits >> 11) * 0x1.0p-53;
}

int io_work(struct io *io, void (*fn)(void *arg), void *arg, struct err *e)
{
    int rc = refused(io, e);

    return rc ? rc : io->ops->work(io, fn, arg, e);
}

int io_signal_wait(struct io *io, int *ret_signal, struct err *e)
{
    int rc = refused(io, e);

    return rc ? rc : io->ops->signal_wait(io, ret_signal, e);
}

const char *io_env(struct io *io, const char *name)
{
    return io->ops->env(io, name);
}

const char *const *io_env_all(struct io *io, struct arena *a)
{
    return io->ops->env_all(io, a);
}

const char *io_env_text(struct io *io, const char *name)
{
    const char *value = io_env(io, name);

    return value && *value ? value : NULL;
}

int http_send(struct io *io, struct arena *a, const struct http_request *req, struct http_reply *ret,
              struct err *e)
{
    int rc = refused(io, e);

    return rc ? rc : io->ops->http_send(io, a, req, ret, e);
}

static struct io *io_of(const void *object)
{
    return ((const struct io_object *)object)->io;
}

int http_listen(struct io *io, const struct http_server_options *o, struct http_server **ret, struct err *e)
{
    int rc = refused(io, e);

    return rc ? rc : io->ops->http_listen(io, o, ret, e);
}

uint16_t http_server_port(const struct http_server *s)
{
    return io_of(s)->ops->http_server_port(s);
}

void http_server_close(struct http_server *s)
{
    if (s)
        io_of(s)->ops->http_server_close(s);
}

int proc_spawn(struct io *io, const struct proc_options *o, struct proc **ret, struct err *e)
{
    int rc = refused(io, e);

    return rc ? rc : io->ops->proc_spawn(io, o, ret, e);
}

int64_t proc_pid(const struct proc *p)
{
    return io_of(p)->ops->proc_pid(p);
}

int proc_read_line(struct proc *p, struct strbuf *line, enum proc_stream *ret_stream, struct err *e)
{
    int rc = refused(io_of(p), e);

    return rc ? rc : io_of(p)->ops->proc_read_line(p, line, ret_stream, e);
}

int proc_wait(struct proc *p, int *ret_status, struct err *e)
{
    int rc = refused(io_of(p), e);

    return rc ? rc : io_of(p)->ops->proc_wait(p, ret_status, e);
}

void proc_signal_group(struct proc *p, int signal)
{
    if (!io_of(p)->dead)
        io_of(p)->ops->proc_signal_group(p, signal);
}

void proc_free(struct proc *p)
{
    if (p)
        io_of(p)->ops->proc_free(p);
}
