/* tests/unit/io/test_real.c: fibers, HTTP, processes, files and threads on this machine. */
#include "../test.h"

#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "io/file.h"
#include "io/http.h"
#include "io/proc.h"
#include "io/real.h"

/* Each test runs its body as the first fiber of a world of its own. */
static void in_world(io_main_fn fn)
{
    struct err e = { 0 };
    int rc = io_real_run(fn, NULL, &e);

    if (rc)
        print_error("%s\n", e.msg);
    assert_int_equal(rc, 0);
}

/* --- fibers --- */

struct sleeper {
    struct io *io;
    struct strbuf *order;
    const char *name;
    int64_t ms;
    int rc;
};

static void sleeper_main(void *arg)
{
    struct sleeper *s = arg;
    struct err e;

    s->rc = io_sleep(s->io, s->ms, &e);
    strbuf_addz(s->order, s->name);
}

static int sleep_in_order(struct io *io, void *arg, struct err *e)
{
    AUTO_STRBUF struct strbuf order = STRBUF(100);
    struct sleeper s[3] = { { io, &order, "c", 30, 1 },
                            { io, &order, "a", 0, 1 },
                            { io, &order, "b", 10, 1 } };
    struct group *g = group_new(io);

    for (size_t i = 0; i < 3; i++)
        group_spawn(g, "sleeper", sleeper_main, &s[i]);
    group_wait(g);
    group_free(g);
    assert_string_equal(strbuf_cstr(&order), "abc");
    assert_int_equal(s[0].rc, 0);
    return 0;
}

static void fibers_sleep_side_by_side(void **state)
{
    (void)state;
    in_world(sleep_in_order);
}

struct nested {
    struct io *io;
    struct sleeper inner;
};

static void nested_main(void *arg)
{
    struct nested *n = arg;
    struct group *g = group_new(n->io);

    group_spawn(g, "inner", sleeper_main, &n->inner);
    group_wait(g);
    group_free(g);
}

static int cancel_nested(struct io *io, void *arg, struct err *e)
{
    AUTO_STRBUF struct strbuf order = STRBUF(100);
    struct nested n = { io, { io, &order, "inner", 3600 * 1000, 1 } };
    struct group *g = group_new(io);
    int64_t began = io_now_ms(io);

    group_spawn(g, "outer", nested_main, &n);
    assert_int_equal(io_sleep(io, 5, e), 0);
    group_cancel(g);
    group_wait(g);
    group_free(g);
    assert_int_equal(n.inner.rc, -ERR_CANCELLED);
    assert_true(io_now_ms(io) - began < 5000);
    return 0;
}

static void cancelling_reaches_the_groups_a_fiber_made(void **state)
{
    (void)state;
    in_world(cancel_nested);
}

struct waiter {
    struct io *io;
    struct cond *c;
    int rc;
};

static void waiter_main(void *arg)
{
    struct waiter *w = arg;
    struct err e;

    w->rc = cond_wait(w->io, w->c, 20, &e);
}

static int signal_one(struct io *io, void *arg, struct err *e)
{
    struct cond c = { 0 };
    struct waiter w[2] = { { io, &c, 1 }, { io, &c, 1 } };
    struct group *g = group_new(io);

    group_spawn(g, "first", waiter_main, &w[0]);
    group_spawn(g, "second", waiter_main, &w[1]);
    assert_int_equal(io_sleep(io, 0, e), 0);
    cond_signal(io, &c);
    group_wait(g);
    group_free(g);
    assert_int_equal(w[0].rc, 0);
    assert_int_equal(w[1].rc, -ERR_TIMEOUT);
    assert_null(c.first);
    return 0;
}

static void a_signal_wakes_the_longest_waiter_and_the_other_times_out(void **state)
{
    (void)state;
    in_world(signal_one);
}

static void double_it(void *arg)
{
    *(int *)arg *= 2;
}

static int work_on_thread(struct io *io, void *arg, struct err *e)
{
    int n = 21;

    assert_int_equal(io_work(io, double_it, &n, e), 0);
    assert_int_equal(n, 42);
    return 0;
}

static void work_is_done_when_the_call_returns(void **state)
{
    (void)state;
    in_world(work_on_thread);
}

/* --- HTTP --- */

static void echo(void *ctx, struct http_exchange *x)
{
    struct err e;

    if (str_is(x->path, "/slow")) {
        (void)!io_sleep(x->io, 3600 * 1000, &e);
        x->status = 204;
        return;
    }
    if (str_is(x->path, "/nothing"))
        return;
    http_reply_header(x, "X-Query", http_query_get(x, "q"));
    http_reply_header(x, "X-Auth", http_header_get(x->headers, x->header_count, "authorization"));
    http_reply_text(x, 200, "text/plain", x->body);
    (void)ctx;
}

static struct http_server *serve(struct io *io)
{
    struct http_server_options o = { .handler = echo, .max_body_bytes = 100000 };
    struct http_server *s = NULL;
    struct err e = { 0 };

    assert_int_equal(http_listen(io, &o, &s, &e), 0);
    return s;
}

static const char *url_of(struct arena *a, const struct http_server *s, const char *path)
{
    return arena_printf(a, "http://127.0.0.1:%u%s", http_server_port(s), path);
}

static int talk(struct io *io, void *arg, struct err *e)
{
    AUTO_PTR(arena) a = arena_new();
    AUTO_PTR(secret) key = secret_new(STR("s3cret"));
    struct http_server *s = serve(io);
    struct http_request req = { .method = "POST",
                                .url = url_of(a, s, "/x?p=1&q=a%20b%2Bc"),
                                .body = STR("hello"),
                                .auth = { HTTP_AUTH_BASIC, "api", key } };
    struct http_reply reply = { 0 };

    assert_int_equal(http_send(io, a, &req, &reply, e), 0);
    assert_int_equal(reply.status, 200);
    assert_true(str_is(reply.body, "hello"));
    assert_true(str_is(http_header_get(reply.headers, reply.header_count, "x-query"), "a b+c"));
    assert_true(
        str_is(http_header_get(reply.headers, reply.header_count, "X-AUTH"), "Basic YXBpOnMzY3JldA=="));
    req.url = url_of(a, s, "/nothing");
    assert_int_equal(http_send(io, a, &req, &reply, e), 0);
    assert_int_equal(reply.status, 500);
    req.body = (struct str){ arena_alloc(a, 200000), 200000 };
    assert_int_equal(http_send(io, a, &req, &reply, e), 0);
    assert_int_equal(reply.status, 413);
    req = (struct http_request){ .url = url_of(a, s, "/slow"), .timeout_ms = 50 };
    assert_int_equal(http_send(io, a, &req, &reply, e), -ERR_TIMEOUT);
    http_server_close(s);
    req = (struct http_request){ .url = req.url };
    assert_int_equal(http_send(io, a, &req, &reply, e), -ERR_NET);
    assert_non_null(strstr(e->msg, "Couldn't connect"));
    req.url = "http://example.com/";
    assert_int_equal(http_send(io, a, &req, &reply, e), -ERR_INVALID);
    assert_string_equal(e->msg, "plain http to example.com is refused; use https");
    return 0;
}

static void requests_and_replies_arrive_whole_within_caps(void **state)
{
    (void)state;
    in_world(talk);
}

struct caller {
    struct io *io;
    const char *url;
    int status, rc;
};

static void caller_main(void *arg)
{
    struct caller *c = arg;
    AUTO_PTR(arena) a = arena_new();
    struct http_request req = { .method = "POST", .url = c->url, .body = STR("x") };
    struct http_reply reply = { 0 };
    struct err e = { 0 };

    c->rc = http_send(c->io, a, &req, &reply, &e);
    c->status = reply.status;
}

static int many(struct io *io, void *arg, struct err *e)
{
    AUTO_PTR(arena) a = arena_new();
    struct http_server *s = serve(io);
    struct group *g = group_new(io);
    struct caller callers[200];

    for (size_t i = 0; i < ARRAY_LEN(callers); i++) {
        callers[i] = (struct caller){ io, url_of(a, s, "/"), 0, 1 };
        group_spawn(g, "caller", caller_main, &callers[i]);
    }
    group_wait(g);
    group_free(g);
    for (size_t i = 0; i < ARRAY_LEN(callers); i++)
        assert_int_equal(callers[i].status, 200);
    http_server_close(s);
    return 0;
}

static void two_hundred_requests_at_once_are_answered(void **state)
{
    (void)state;
    in_world(many);
}

static int cancel_request(struct io *io, void *arg, struct err *e)
{
    AUTO_PTR(arena) a = arena_new();
    struct http_server *s = serve(io);
    struct group *g = group_new(io);
    struct caller c = { io, url_of(a, s, "/slow"), 0, 0 };

    group_spawn(g, "caller", caller_main, &c);
    assert_int_equal(io_sleep(io, 30, e), 0);
    group_cancel(g);
    group_wait(g);
    group_free(g);
    assert_int_equal(c.rc, -ERR_CANCELLED);
    http_server_close(s); /* its handler is still asleep: it is cancelled too */
    return 0;
}

static void a_cancelled_request_returns_at_once(void **state)
{
    (void)state;
    in_world(cancel_request);
}

/* --- processes --- */

static int run_child(struct io *io, void *arg, struct err *e)
{
    const char *argv[] = { "sh", "-c", "echo out $X; printf 'no newline\\377' >&2; exit 3", NULL };
    const char *env[] = { "X=1", "PATH=/usr/bin:/bin", NULL };
    AUTO_STRBUF struct strbuf line = STRBUF(1000);
    AUTO_STRBUF struct strbuf all = STRBUF(1000);
    enum proc_stream stream = PROC_STDOUT;
    struct proc *p = NULL;
    int status = -1;

    assert_int_equal(proc_spawn(io, &(struct proc_options){ .argv = argv, .env = env, .cwd = "/" }, &p, e),
                     0);
    while (proc_read_line(p, &line, &stream, e) == 0)
        strbuf_addf(&all, "%s:%s;", stream == PROC_STDOUT ? "1" : "2", strbuf_cstr(&line));
    assert_int_equal(proc_wait(p, &status, e), 0);
    assert_int_equal(status, 3);
    assert_non_null(strstr(strbuf_cstr(&all), "1:out 1;"));
    assert_non_null(strstr(strbuf_cstr(&all), "2:no newline\xef\xbf\xbd;"));
    proc_free(p);
    return 0;
}

static void a_child_gives_its_lines_and_status(void **state)
{
    (void)state;
    in_world(run_child);
}

static int kill_group(struct io *io, void *arg, struct err *e)
{
    const char *argv[] = { "sh", "-c", "sleep 3600 & sleep 3600", NULL };
    const char *env[] = { NULL };
    const char *nothing[] = { "no-such-program-anywhere", NULL };
    struct proc *p = NULL;
    int status = 0;

    assert_int_equal(proc_spawn(io, &(struct proc_options){ .argv = argv, .env = env }, &p, e), 0);
    proc_signal_group(p, SIGTERM);
    assert_int_equal(proc_wait(p, &status, e), 0);
    assert_int_equal(status, 128 + SIGTERM);
    proc_free(p);
    assert_int_equal(proc_spawn(io, &(struct proc_options){ .argv = nothing, .env = env }, &p, e),
                     -ERR_NOT_FOUND);
    assert_int_equal(
        proc_spawn(io, &(struct proc_options){ .argv = argv, .env = env, .cwd = "/no/where" }, &p, e),
        -ERR_NOT_FOUND);
    return 0;
}

static void a_signal_reaches_the_whole_group_and_a_missing_program_is_named(void **state)
{
    (void)state;
    in_world(kill_group);
}

/* --- files --- */

static int files(struct io *io, void *arg, struct err *e)
{
    char dir[FOLDER_SIZE];
    AUTO_PTR(arena) a = arena_new();
    struct file_lock *l = NULL;
    struct file_lock *second = NULL;
    struct str text = { 0 };
    const char *path = NULL;

    folder_make(dir);
    path = arena_printf(a, "%s/a/b", dir);
    assert_int_equal(file_mkdirs(io, path, e), 0);
    path = arena_printf(a, "%s/a/b/f", dir);
    assert_int_equal(file_write(io, path, STR("one"), 0600, e), 0);
    assert_int_equal(file_write(io, path, STR("two"), 0600, e), 0);
    assert_int_equal(file_read(io, a, path, 3, &text, e), 0);
    assert_true(str_is(text, "two"));
    assert_int_equal(file_read(io, a, path, 2, &text, e), -ERR_LIMIT);
    assert_int_equal(file_lock(io, path, &l, e), 0);
    assert_int_equal(file_lock(io, path, &second, e), -ERR_CONFLICT);
    assert_non_null(strstr(e->msg, arena_printf(a, "held by process %d", getpid())));
    file_unlock(l);
    assert_int_equal(file_lock(io, path, &l, e), 0);
    file_unlock(l);
    unlink(path);
    assert_int_equal(file_read(io, a, path, 3, &text, e), -ERR_NOT_FOUND);
    folder_remove(dir);
    return 0;
}

static void files_are_replaced_whole_and_locked_once(void **state)
{
    (void)state;
    in_world(files);
}

/* --- chance --- */

enum { DRAWS = 2000, DRAW_BYTES = 16 };

struct draws {
    struct io *io;
    uint8_t bytes[DRAWS][DRAW_BYTES];
};

static void draw(void *arg)
{
    struct draws *d = arg;

    for (size_t i = 0; i < DRAWS; i++)
        io_random(d->io, d->bytes[i], DRAW_BYTES);
}

static int draw_compare(const void *a, const void *b)
{
    return memcmp(a, b, DRAW_BYTES);
}

/* By the loop's thread and by workers, of whom each may have what another has drawn ahead. */
static int draws_of_threads(struct io *io, void *arg, struct err *e)
{
    static struct draws d[3];
    static uint8_t all[3 * DRAWS][DRAW_BYTES];
    uint8_t large[1000] = { 0 };
    size_t zeros = 0;

    for (size_t i = 0; i < ARRAY_LEN(d); i++) {
        d[i].io = io;
        if (i == 1)
            draw(&d[i]);
        else
            assert_int_equal(io_work(io, draw, &d[i], e), 0);
    }
    for (size_t i = 0; i < ARRAY_LEN(d); i++)
        memcpy(all[i * DRAWS], d[i].bytes, sizeof(d[i].bytes));
    qsort(all, ARRAY_LEN(all), DRAW_BYTES, draw_compare);
    for (size_t i = 1; i < ARRAY_LEN(all); i++)
        assert_memory_not_equal(all[i - 1], all[i], DRAW_BYTES);
    io_random(io, large, sizeof(large));
    for (size_t i = 0; i < sizeof(large); i++)
        zeros += large[i] == 0;
    assert_in_range(zeros, 0, 40); /* 4 are likely */
    return 0;
}

static void nothing_is_drawn_twice(void **state)
{
    (void)state;
    in_world(draws_of_threads);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fibers_sleep_side_by_side),
        cmocka_unit_test(cancelling_reaches_the_groups_a_fiber_made),
        cmocka_unit_test(a_signal_wakes_the_longest_waiter_and_the_other_times_out),
        cmocka_unit_test(work_is_done_when_the_call_returns),
        cmocka_unit_test(requests_and_replies_arrive_whole_within_caps),
        cmocka_unit_test(two_hundred_requests_at_once_are_answered),
        cmocka_unit_test(a_cancelled_request_returns_at_once),
        cmocka_unit_test(a_child_gives_its_lines_and_status),
        cmocka_unit_test(a_signal_reaches_the_whole_group_and_a_missing_program_is_named),
        cmocka_unit_test(files_are_replaced_whole_and_locked_once),
        cmocka_unit_test(nothing_is_drawn_twice),
    };

    return cmocka_run_group_tests_name("real", tests, NULL, NULL);
}
