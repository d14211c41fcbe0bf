/*
 * tests/unit/io/test_fiber_deaths.c: wrong code that has to die inside a fiber: at the guard page always, and
 * of the address sanitizer's word where there is one. Each runs in a child process.
 */
#include "../test.h"

#include <setjmp.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "io/real.h"

#ifndef __has_feature
#define __has_feature(x) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
#define WITH_ASAN 1
#else
#define WITH_ASAN 0
#endif

/* What the compiler must not see through, or it refuses (or repairs) what we do wrong. */
static char *hidden(char *p)
{
    __asm__ volatile("" : "+r"(p));
    return p;
}

/* Runs @fn in a child whose messages are kept; true when it died of a signal or of a sanitizer. */
static bool dies(io_main_fn fn, char *text, size_t size)
{
    int pipes[2];
    int status = 0;
    size_t len = 0;
    pid_t pid = 0;

    assert_int_equal(pipe(pipes), 0);
    pid = fork();
    if (pid == 0) {
        struct rlimit none = { 0, 0 };
        struct err e;

        setrlimit(RLIMIT_CORE, &none);
        signal(SIGSEGV, SIG_DFL);
        dup2(pipes[1], 2);
        (void)!io_real_run(fn, NULL, &e);
        _exit(0);
    }
    close(pipes[1]);
    for (ssize_t n = 1; n > 0 && len + 1 < size; len += n > 0 ? (size_t)n : 0)
        n = read(pipes[0], text + len, size - 1 - len);
    text[len] = '\0';
    close(pipes[0]);
    waitpid(pid, &status, 0);
    return WIFSIGNALED(status) || WEXITSTATUS(status) != 0;
}

/* --- the guard page --- */

/* Recursion that the compiler cannot turn into a loop. */
static size_t dig(volatile char *from, size_t depth)
{
    volatile char here[1024];

    here[0] = from ? from[0] : 'x';
    return depth == 0 ? (size_t)here[0] : dig(here, depth - 1) + (size_t)here[0];
}

static void dig_main(void *arg)
{
    *(size_t *)arg = dig(NULL, 100000);
}

static int dig_in_fiber(struct io *io, void *arg, struct err *e)
{
    struct group *g = group_new(io);
    size_t sum = 0;

    group_spawn(g, "digger", dig_main, &sum);
    group_wait(g);
    group_free(g);
    return 0;
}

static void a_fiber_that_overflows_its_stack_dies_at_the_guard_page(void **state)
{
    char text[20000];

    (void)state;
    assert_true(dies(dig_in_fiber, text, sizeof(text)));
}

/* --- the address sanitizer: each after switches away and back, which is what could blind it --- */

static int use_freed(struct io *io, void *arg, struct err *e)
{
    char *p = malloc(10), *q = hidden(p);

    free(p);
    (void)!io_sleep(io, 1, e);
    return q[3] == 'x';
}

static int overflow_local(struct io *io, void *arg, struct err *e)
{
    char local[16] = { 0 };

    (void)!io_sleep(io, 1, e);
    hidden(local)[16] = 'x';
    return hidden(local)[0];
}

static char *__attribute__((noinline)) local_of_mine(void)
{
    char local[64] = { 'x' };

    return hidden(local);
}

static int use_returned(struct io *io, void *arg, struct err *e)
{
    char *left = local_of_mine();

    (void)!io_sleep(io, 1, e);
    return left[0] == 'x';
}

static void must_die_of(io_main_fn fn, const char *words)
{
    char text[20000];

    if (!WITH_ASAN) {
        print_message("built without AddressSanitizer: './dev asan' runs this\n");
        skip();
    }
    assert_true(dies(fn, text, sizeof(text)));
    assert_non_null(strstr(text, words));
}

static void the_sanitizer_sees_a_use_after_free_in_a_fiber(void **state)
{
    (void)state;
    must_die_of(use_freed, "heap-use-after-free");
}

static void the_sanitizer_sees_an_overflow_in_a_fiber(void **state)
{
    (void)state;
    must_die_of(overflow_local, "stack-buffer-overflow");
}

static void the_sanitizer_sees_a_use_after_return_in_a_fiber(void **state)
{
    (void)state;
    must_die_of(use_returned, "stack-use-after-return");
}

/* --- and right code that must not: a jump makes the sanitizer tidy up the stack it thinks we are on --- */

struct ring {
    struct io *io;
    char *theirs;
};

static void leap(void)
{
    jmp_buf back;

    if (setjmp(back) == 0)
        longjmp(back, 1);
}

static void leaper_main(void *arg)
{
    struct ring *r = arg;
    char mine[64];

    for (int i = 0; i < 100; i++) {
        memset(hidden(mine), 'z', sizeof(mine));
        leap();
        assert_int_equal(r->theirs[i % 64], 'y');
        (void)!io_sleep(r->io, 0, NULL);
        assert_int_equal(hidden(mine)[i % 64], 'z');
    }
}

static int share_a_frame(struct io *io, void *arg, struct err *e)
{
    char mine[64];
    struct ring r = { io, hidden(mine) };
    struct group *g = group_new(io);

    memset(mine, 'y', sizeof(mine));
    for (int i = 0; i < 10; i++)
        group_spawn(g, "leaper", leaper_main, &r);
    group_wait(g);
    group_free(g);
    return 0;
}

static void live_frames_of_other_fibers_survive_a_jump(void **state)
{
    char text[20000];

    (void)state;
    assert_false(dies(share_a_frame, text, sizeof(text)));
    assert_null(strstr(text, "__asan_handle_no_return")); /* it was not told which stack this is */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_fiber_that_overflows_its_stack_dies_at_the_guard_page),
        cmocka_unit_test(the_sanitizer_sees_a_use_after_free_in_a_fiber),
        cmocka_unit_test(the_sanitizer_sees_an_overflow_in_a_fiber),
        cmocka_unit_test(the_sanitizer_sees_a_use_after_return_in_a_fiber),
        cmocka_unit_test(live_frames_of_other_fibers_survive_a_jump),
    };

    return cmocka_run_group_tests_name("fiber_deaths", tests, NULL, NULL);
}
