/* io/sim: virtual time, the same seed gives the same history, faults, kills and programs. */
#include "../test.h"

#include <signal.h>
#include <stdio.h>
#include <time.h>

#include "io/http.h"
#include "io/proc.h"
#include "io/sim.h"

enum { MAX_STEPS = 1000 * 1000 };

static void settle(struct sim *s)
{
    int steps = 0;

    while (sim_step(s))
        assert_true(++steps < MAX_STEPS);
}

/* --- time ----------------------------------------------------------------------------------------------- */
struct times {
    int64_t before_ms, after_ms, unix_ms;
    int rc;
};

static void main_sleep_an_hour(struct io *io, void *arg)
{
    struct times *t = arg;

    t->before_ms = io_now_ms(io);
    t->rc = io_sleep(io, 3600 * 1000, NULL);
    t->after_ms = io_now_ms(io);
    t->unix_ms = io_now_unix_ms(io);
}

static void an_hour_passes_without_waiting(void **state)
{
    struct sim *s = sim_new(1);
    struct times t = { 0 };
    time_t begun = time(NULL);

    (void)state;
    sim_node_start(sim_node_new(s, "a"), main_sleep_an_hour, &t);
    settle(s);

    assert_int_equal(t.rc, 0);
    assert_int_equal(t.after_ms - t.before_ms, 3600 * 1000);
    assert_int_equal(sim_now_ms(s), t.after_ms);
    assert_int_equal(t.unix_ms, 1767225600000 + t.after_ms);
    assert_true(time(NULL) - begun < 60);
    sim_free(s);
}

/* --- a pair of nodes: "server" answers, "client" asks --------------------------------------------------- */
struct pair {
    struct sim *sim;
    struct sim_node *server, *client;
    struct sim_faults faults;
    int64_t handler_ms, timeout_ms;
    int status;       /* the handler's */
    size_t max_body;  /* the server's */
    size_t max_reply; /* the client's */
    int requests;     /* how many the client makes */
    const char *url;
    struct secret *secret;
    /* seen */
    int handled, handler_finished, ok, failed, last_rc, last_status;
    int64_t took_ms;
    char seen[512], reply[512], message[1000];
};

static void pair_handle(void *ctx, struct http_exchange *x)
{
    struct pair *p = ctx;
    struct str auth = http_header_get(x->headers, x->header_count, "authorization");
    struct str type = http_header_get(x->headers, x->header_count, "Content-Type");

    p->handled++;
    snprintf(p->seen, sizeof(p->seen), "%.*s %.*s ?%.*s [%.*s] [%.*s] %.*s from %.*s", STR_ARG(x->method),
             STR_ARG(x->path), STR_ARG(x->query), STR_ARG(auth), STR_ARG(type), STR_ARG(x->body),
             STR_ARG(x->peer));
    if (p->handler_ms && io_sleep(x->io, p->handler_ms, NULL))
        return;
    p->handler_finished++;
    if (p->status)
        http_reply_text(x, p->status, "text/plain", STR("hello"));
    else
        strbuf_addz(&x->reply, "half");
}

static void main_serve(struct io *io, void *arg)
{
    struct pair *p = arg;
    struct http_server *server = NULL;
    int signal = 0;

    const struct http_server_options o = {
        .port = 8080, .handler = pair_handle, .ctx = p, .max_body_bytes = p->max_body
    };
    if (http_listen(io, &o, &server, NULL))
        return;
    int rc = io_signal_wait(io, &signal, NULL);
    assert_true(rc || signal == SIGTERM);
    http_server_close(server);
}

static void main_ask(struct io *io, void *arg)
{
    struct pair *p = arg;
    struct err e = { 0 };
    int64_t begun_ms = io_now_ms(io);

    for (int i = 0; i < p->requests && !io_cancelled(io); i++) {
        AUTO_PTR(arena) a = arena_new();
        struct http_reply r = { 0 };
        const struct http_request req = {
            .method = "POST",
            .url = p->url,
            .body = STR("{}"),
            .timeout_ms = p->timeout_ms,
            .max_reply_bytes = p->max_reply,
            .auth = { .kind = p->secret ? HTTP_AUTH_BASIC : HTTP_AUTH_NONE,
                      .user = "u",
                      .secret = p->secret },
        };
        p->last_rc = http_send(io, a, &req, &r, &e);
        p->ok += !p->last_rc;
        p->failed += p->last_rc != 0;
        p->last_status = r.status;
        snprintf(p->reply, sizeof(p->reply), "%.*s", STR_ARG(r.body));
        snprintf(p->message, sizeof(p->message), "%s", e.msg);
    }
    p->took_ms = io_now_ms(io) - begun_ms;
    if (!io_cancelled(io))
        sim_node_signal(p->server, SIGTERM);
}

static void pair_begin(struct pair *p, uint64_t seed)
{
    p->sim = sim_new(seed);
    p->server = sim_node_new(p->sim, "server");
    p->client = sim_node_new(p->sim, "client");
    p->url = p->url ? p->url : "http://server:8080/a%20b?x=1";
    p->requests = p->requests ? p->requests : 1;
    p->status = p->status ? p->status : 200;
    sim_node_start(p->server, main_serve, p);
    for (int i = 0; i < 20; i++) /* let it listen */
        if (!sim_step(p->sim))
            break;
    sim_set_faults(p->sim, &p->faults);
    sim_node_start(p->client, main_ask, p);
}

static void pair_run(struct pair *p, uint64_t seed)
{
    pair_begin(p, seed);
    settle(p->sim);
}

static void a_request_reaches_the_other_nodes_handler_and_its_reply_comes_back(void **state)
{
    struct pair p = { .faults = { .delay_min_ms = 10, .delay_max_ms = 20 } };

    (void)state;
    p.secret = secret_new(STR("key"));
    pair_run(&p, 1);

    assert_int_equal(p.last_rc, 0);
    assert_int_equal(p.last_status, 200);
    assert_string_equal(p.reply, "hello");
    assert_string_equal(p.seen, "POST /a b ?x=1 [Basic dTprZXk=] [application/json] {} from client:50000");
    assert_in_range(p.took_ms, 20, 40);
    sim_free(p.sim);
    secret_free(p.secret);
}

static void a_handler_that_sets_no_status_answers_500(void **state)
{
    struct pair p = { .status = -1 };

    (void)state;
    pair_begin(&p, 1);
    p.status = 0;
    settle(p.sim);

    assert_int_equal(p.last_rc, 0);
    assert_int_equal(p.last_status, 500);
    sim_free(p.sim);
}

static void nobody_listening_is_a_refused_connection(void **state)
{
    struct pair p = { .url = "http://server:8081/" }, q = { .url = "http://nowhere:8080/" };

    (void)state;
    pair_run(&p, 1);
    pair_run(&q, 1);

    assert_int_equal(p.last_rc, -ERR_NET);
    assert_string_equal(p.message, "server:8081: connection refused");
    assert_int_equal(q.last_rc, -ERR_NET);
    sim_free(p.sim);
    sim_free(q.sim);
}

static void caps_of_server_and_client_hold(void **state)
{
    struct pair p = { .max_body = 1 }, q = { .max_reply = 4 };

    (void)state;
    pair_run(&p, 1);
    pair_run(&q, 1);

    assert_int_equal(p.last_status, 413);
    assert_int_equal(p.handled, 0);
    assert_int_equal(q.last_rc, -ERR_LIMIT);
    sim_free(p.sim);
    sim_free(q.sim);
}

static void a_slow_handler_costs_the_client_its_timeout_and_no_more(void **state)
{
    struct pair p = { .handler_ms = 60000, .timeout_ms = 5000 };

    (void)state;
    pair_begin(&p, 1);
    while (!p.failed)
        assert_true(sim_step(p.sim));

    assert_int_equal(p.last_rc, -ERR_TIMEOUT);
    assert_int_equal(p.took_ms, 5000);
    assert_int_equal(p.handler_finished, 0);
    sim_free(p.sim);
}

/* --- faults --------------------------------------------------------------------------------------------- */
static void a_dropped_request_never_reaches_the_handler(void **state)
{
    struct pair p = { .faults = { .drop_request = 1 }, .requests = 20 };

    (void)state;
    pair_run(&p, 1);

    assert_int_equal(p.failed, 20);
    assert_int_equal(p.handled, 0);
    sim_free(p.sim);
}

static void a_dropped_reply_means_that_the_handler_ran(void **state)
{
    struct pair p = { .faults = { .drop_reply = 1 }, .requests = 20 };

    (void)state;
    pair_run(&p, 1);

    assert_int_equal(p.failed, 20);
    assert_int_equal(p.handler_finished, 20);
    sim_free(p.sim);
}

static void a_duplicate_runs_the_handler_twice_for_one_reply(void **state)
{
    struct pair p = { .faults = { .duplicate = 1, .delay_max_ms = 3 }, .requests = 20 };

    (void)state;
    pair_run(&p, 1);

    assert_int_equal(p.ok, 20);
    assert_in_range(p.handled, 39, 40); /* the last one may come after the server has closed */
    sim_free(p.sim);
}

static void a_faked_answer_keeps_the_handler_out(void **state)
{
    struct pair p = { .faults = { .answer_429 = 1 } }, q = { .faults = { .answer_html = 1 } };

    (void)state;
    pair_run(&p, 1);
    pair_run(&q, 1);

    assert_int_equal(p.last_status, 429);
    assert_int_equal(q.last_status, 200);
    assert_non_null(strstr(q.reply, "<html>"));
    assert_int_equal(p.handled + q.handled, 0);
    sim_free(p.sim);
    sim_free(q.sim);
}

static void a_cut_reply_means_that_the_handler_ran(void **state)
{
    struct pair p = { .faults = { .cut_reply = 1 }, .requests = 20 };

    (void)state;
    pair_run(&p, 1);

    assert_int_equal(p.handler_finished, 20);
    assert_true(p.ok > 0 && p.failed > 0);
    assert_true(strlen(p.reply) < strlen("hello"));
    sim_free(p.sim);
}

static void who_cannot_reach_a_node_may_still_be_reached(void **state)
{
    (void)state;
    for (int back = 0; back < 2; back++) {
        struct pair p = { .requests = 5 };

        pair_begin(&p, 1);
        sim_node_cut(back ? p.server : p.client, back ? p.client : p.server, true);
        settle(p.sim);

        assert_int_equal(p.failed, 5);
        assert_int_equal(p.handled, back ? 5 : 0);
        sim_free(p.sim);
    }
}

static void main_two_clocks(struct io *io, void *arg)
{
    int64_t *moved = arg;
    int64_t wall_ms = io_now_unix_ms(io), ms = io_now_ms(io);

    if (io_sleep(io, 100000, NULL) == 0) {
        moved[0] = io_now_ms(io) - ms;
        moved[1] = io_now_unix_ms(io) - wall_ms;
    }
}

static void a_wall_clock_jumps_and_drifts_and_the_other_one_does_not(void **state)
{
    struct sim *s = sim_new(1);
    struct sim_node *n = sim_node_new(s, "n");
    int64_t moved[2] = { 0 };

    (void)state;
    sim_node_start(n, main_two_clocks, moved);
    assert_true(sim_step(s)); /* it sleeps now */
    sim_node_set_clock(n, -3600000, 1000);
    settle(s);

    assert_int_equal(moved[0], 100000);
    assert_int_equal(moved[1], 100000 - 3600000 + 100);
    sim_free(s);
}

/* --- the same again ------------------------------------------------------------------------------------- */
static const struct sim_faults rough = { .delay_min_ms = 1,
                                         .delay_max_ms = 300,
                                         .drop_request = 0.1,
                                         .drop_reply = 0.1,
                                         .duplicate = 0.1,
                                         .answer_503 = 0.1 };

static uint64_t rough_history(uint64_t seed, struct strbuf *trace)
{
    struct pair p = { .faults = rough, .requests = 100, .handler_ms = 20 };

    pair_run(&p, seed);
    uint64_t hash = sim_trace_hash(p.sim);
    sim_trace(p.sim, trace);
    sim_free(p.sim);
    return hash;
}

static void one_seed_gives_one_history_byte_for_byte(void **state)
{
    AUTO_STRBUF struct strbuf a = STRBUF(1 << 20), b = STRBUF(1 << 20), c = STRBUF(1 << 20);

    (void)state;
    uint64_t first = rough_history(7, &a), again = rough_history(7, &b), other = rough_history(8, &c);

    assert_true(a.len > 1000);
    assert_string_equal(strbuf_cstr(&a), strbuf_cstr(&b));
    assert_true(first == again);
    assert_true(first != other);
}

static void chance_is_spread_evenly(void **state)
{
    struct sim *s = sim_new(3);
    int below = 0, face[6] = { 0 };

    (void)state;
    for (int i = 0; i < 6000; i++) {
        below += sim_random_unit(s) < 0.25;
        face[sim_random_range(s, 1, 6) - 1]++;
    }

    assert_in_range(below, 1350, 1650);
    for (int i = 0; i < 6; i++)
        assert_in_range(face[i], 850, 1150);
    sim_free(s);
}

/* --- kills ---------------------------------------------------------------------------------------------- */
static void a_request_to_a_node_killed_meanwhile_fails(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 10; seed++) {
        struct pair p = { .handler_ms = 1000, .timeout_ms = 5000 };
        pair_begin(&p, seed);
        while (!p.handled)
            assert_true(sim_step(p.sim));
        sim_node_kill(p.server);
        settle(p.sim);

        assert_true(p.last_rc == -ERR_NET || p.last_rc == -ERR_TIMEOUT);
        assert_int_equal(p.handler_finished, 0);
        sim_free(p.sim);
    }
}

static void what_a_dead_client_sent_still_arrives(void **state)
{
    struct pair p = { .faults = { .delay_min_ms = 50, .delay_max_ms = 50 } };

    (void)state;
    pair_begin(&p, 1);
    int64_t begun_ms = sim_now_ms(p.sim);
    while (sim_now_ms(p.sim) == begun_ms && sim_step(p.sim))
        ;
    sim_node_kill(p.client);
    while (!p.handled && sim_step(p.sim))
        ;

    assert_int_equal(p.handled, 1);
    assert_int_equal(p.ok, 0);
    sim_free(p.sim);
}

struct counter {
    int work_done, work_rc, random_rc, boots;
    bool slept, woke_cancelled;
    struct sim *sim;
};

static void add_one(void *arg)
{
    ++*(int *)arg;
}

static void main_work(struct io *io, void *arg)
{
    struct counter *c = arg;

    c->boots++;
    c->work_rc = io_work(io, add_one, &c->work_done, NULL);
    if (c->work_rc)
        c->random_rc = io_work(io, add_one, &c->work_done, NULL); /* a dead node does nothing more */
}

static void work_under_way_at_a_kill_happens_wholly_or_not_at_all(void **state)
{
    int done = 0;

    (void)state;
    for (uint64_t seed = 0; seed < 100; seed++) {
        struct counter c = { 0 };
        struct sim *s = sim_new(seed);
        struct sim_node *n = sim_node_new(s, "n");
        sim_node_start(n, main_work, &c);
        while (!c.boots)
            assert_true(sim_step(s));
        sim_node_kill(n);
        settle(s);

        assert_int_equal(c.work_rc, -ERR_CANCELLED);
        assert_int_equal(c.random_rc, -ERR_CANCELLED);
        done += c.work_done;
        sim_free(s);
    }
    assert_in_range(done, 25, 75);
}

static void main_sleep_for_ever(struct io *io, void *arg)
{
    struct counter *c = arg;

    c->boots++;
    while (io_sleep(io, 1000, NULL) == 0)
        c->slept = true;
    c->woke_cancelled = io_cancelled(io);
}

static void a_killed_node_unwinds_and_can_be_started_again(void **state)
{
    struct counter c = { 0 };
    struct sim *s = sim_new(1);
    struct sim_node *n = sim_node_new(s, "n");

    (void)state;
    sim_node_start(n, main_sleep_for_ever, &c);
    struct io *first = sim_node_io(n);
    while (!c.slept)
        assert_true(sim_step(s));
    sim_node_kill(n);
    assert_false(sim_node_is_up(n));
    sim_node_start(n, main_sleep_for_ever, &c);
    assert_ptr_not_equal(sim_node_io(n), first);
    while (c.boots < 2)
        assert_true(sim_step(s));

    assert_true(c.woke_cancelled); /* the first life was over before the second began */
    assert_true(sim_node_is_up(n));
    sim_free(s);
}

static void main_end_at_once(struct io *io, void *arg)
{
    (void)io;
    ((struct counter *)arg)->boots++;
}

static void a_node_whose_program_returns_is_down(void **state)
{
    struct counter c = { 0 };
    struct sim *s = sim_new(1);
    struct sim_node *n = sim_node_new(s, "n");

    (void)state;
    sim_node_start(n, main_end_at_once, &c);
    settle(s);

    assert_int_equal(c.boots, 1);
    assert_false(sim_node_is_up(n));
    sim_free(s);
}

static void chance_kills_only_nodes_marked_killable(void **state)
{
    struct counter weak = { 0 }, strong = { 0 };
    struct sim *s = sim_new(1);
    struct sim_node *w = sim_node_new(s, "weak"), *t = sim_node_new(s, "strong");

    (void)state;
    sim_node_set_killable(w, true);
    sim_node_start(w, main_sleep_for_ever, &weak);
    sim_node_start(t, main_sleep_for_ever, &strong);
    sim_set_faults(s, &(struct sim_faults){ .kill_node = 0.05 });
    for (int i = 0; i < 2000; i++)
        assert_true(sim_step(s));

    assert_false(sim_node_is_up(w));
    assert_true(sim_node_is_up(t));
    sim_free(s);
}

static void a_signal_nobody_waits_for_kills(void **state)
{
    struct counter c = { 0 };
    struct sim *s = sim_new(1);
    struct sim_node *n = sim_node_new(s, "n");

    (void)state;
    sim_node_start(n, main_sleep_for_ever, &c);
    while (!c.slept)
        assert_true(sim_step(s));
    sim_node_signal(n, SIGTERM);

    assert_false(sim_node_is_up(n));
    sim_free(s);
}

/* --- programs ------------------------------------------------------------------------------------------- */
struct child {
    const char *name;
    int kill_after_ms, kill_signal; /* 0: let it end */
    char lines[256];
    int spawn_rc, wait_rc, status;
    int64_t took_ms;
};

static int program_talk(struct sim_process *p, const char *const *argv, const char *const *env)
{
    int signal = 0;

    sim_process_print(p, argv[1]);
    if (sim_process_sleep(p, 5000, &signal)) {
        sim_process_print(p, "asked to end");
        return 128 + signal;
    }
    sim_process_print(p, env[0]);
    return 3;
}

static int program_stubborn(struct sim_process *p, const char *const *argv, const char *const *env)
{
    int signal = 0;

    (void)argv;
    (void)env;
    while (signal != SIGKILL)
        if (!sim_process_sleep(p, 1000, &signal))
            sim_process_print(p, "tick");
    sim_process_print(p, "a ghost speaks");
    return 0;
}

static void child_killer(void *arg);

struct killer {
    struct io *io;
    struct proc *proc;
    const struct child *child;
};

static void child_killer(void *arg)
{
    struct killer *k = arg;

    if (!io_sleep(k->io, k->child->kill_after_ms, NULL))
        proc_signal_group(k->proc, k->child->kill_signal);
}

static void main_parent(struct io *io, void *arg)
{
    struct child *c = arg;
    struct proc *proc = NULL;
    enum proc_stream stream;
    AUTO_STRBUF struct strbuf line = STRBUF(1000);
    struct group *g = group_new(io);
    const char *const argv[] = { c->name, "begins", NULL }, *const env[] = { "A=1", NULL };
    int64_t begun_ms = io_now_ms(io);

    c->spawn_rc = proc_spawn(io, &(struct proc_options){ .argv = argv, .env = env }, &proc, NULL);
    if (!c->spawn_rc) {
        struct killer k = { io, proc, c };
        if (c->kill_signal)
            group_spawn(g, "killer", child_killer, &k);
        while (proc_read_line(proc, &line, &stream, NULL) == 0) {
            size_t len = strlen(c->lines);
            snprintf(c->lines + len, sizeof(c->lines) - len, "%s|", strbuf_cstr(&line));
        }
        c->wait_rc = proc_wait(proc, &c->status, NULL);
        c->took_ms = io_now_ms(io) - begun_ms;
        group_wait(g);
    }
    proc_free(proc);
    group_free(g);
}

static void child_run(struct child *c)
{
    struct sim *s = sim_new(1);

    sim_program_add(s, "talk", program_talk, NULL);
    sim_program_add(s, "stubborn", program_stubborn, NULL);
    sim_node_start(sim_node_new(s, "n"), main_parent, c);
    settle(s);
    sim_free(s);
}

static void a_program_runs_in_virtual_time_and_its_lines_and_status_are_seen(void **state)
{
    struct child c = { .name = "/usr/bin/talk" };

    (void)state;
    child_run(&c);

    assert_string_equal(c.lines, "begins|A=1|");
    assert_int_equal(c.wait_rc, 0);
    assert_int_equal(c.status, 3);
    assert_int_equal(c.took_ms, 5000);
}

static void a_program_may_answer_a_signal(void **state)
{
    struct child c = { .name = "talk", .kill_after_ms = 100, .kill_signal = SIGTERM };

    (void)state;
    child_run(&c);

    assert_string_equal(c.lines, "begins|asked to end|");
    assert_int_equal(c.status, 128 + SIGTERM);
    assert_int_equal(c.took_ms, 100);
}

static void sigkill_ends_a_program_at_once(void **state)
{
    struct child c = { .name = "stubborn", .kill_after_ms = 2500, .kill_signal = SIGKILL };

    (void)state;
    child_run(&c);

    assert_string_equal(c.lines, "tick|tick|");
    assert_int_equal(c.status, 128 + SIGKILL);
    assert_int_equal(c.took_ms, 2500);
}

static void an_unknown_program_is_not_found(void **state)
{
    struct child c = { .name = "nothing" };

    (void)state;
    child_run(&c);

    assert_int_equal(c.spawn_rc, -ERR_NOT_FOUND);
}

static void a_nodes_programs_die_with_it(void **state)
{
    struct child c = { .name = "stubborn" };
    struct sim *s = sim_new(1);
    struct sim_node *n = sim_node_new(s, "n");

    (void)state;
    sim_program_add(s, "stubborn", program_stubborn, NULL);
    sim_node_start(n, main_parent, &c);
    while (sim_now_ms(s) < 3000)
        assert_true(sim_step(s));
    sim_node_kill(n);
    settle(s); /* would never end if the program lived on */

    assert_int_equal(c.wait_rc, -ERR_CANCELLED);
    sim_free(s);
}

/* --- environment ---------------------------------------------------------------------------------------- */
static void each_node_has_an_environment_of_its_own(void **state)
{
    struct counter c = { 0 };
    struct sim *s = sim_new(1);
    struct sim_node *a = sim_node_new(s, "a"), *b = sim_node_new(s, "b");

    (void)state;
    sim_node_set_env(a, "X", "1");
    sim_node_set_env(a, "X", "2");
    sim_node_start(a, main_end_at_once, &c);
    sim_node_start(b, main_end_at_once, &c);

    assert_string_equal(io_env(sim_node_io(a), "X"), "2");
    assert_null(io_env(sim_node_io(b), "X"));
    assert_null(io_env(sim_node_io(a), "PATH"));
    sim_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_hour_passes_without_waiting),
        cmocka_unit_test(a_request_reaches_the_other_nodes_handler_and_its_reply_comes_back),
        cmocka_unit_test(a_handler_that_sets_no_status_answers_500),
        cmocka_unit_test(nobody_listening_is_a_refused_connection),
        cmocka_unit_test(caps_of_server_and_client_hold),
        cmocka_unit_test(a_slow_handler_costs_the_client_its_timeout_and_no_more),
        cmocka_unit_test(a_dropped_request_never_reaches_the_handler),
        cmocka_unit_test(a_dropped_reply_means_that_the_handler_ran),
        cmocka_unit_test(a_duplicate_runs_the_handler_twice_for_one_reply),
        cmocka_unit_test(a_faked_answer_keeps_the_handler_out),
        cmocka_unit_test(a_cut_reply_means_that_the_handler_ran),
        cmocka_unit_test(who_cannot_reach_a_node_may_still_be_reached),
        cmocka_unit_test(a_wall_clock_jumps_and_drifts_and_the_other_one_does_not),
        cmocka_unit_test(one_seed_gives_one_history_byte_for_byte),
        cmocka_unit_test(chance_is_spread_evenly),
        cmocka_unit_test(a_request_to_a_node_killed_meanwhile_fails),
        cmocka_unit_test(what_a_dead_client_sent_still_arrives),
        cmocka_unit_test(work_under_way_at_a_kill_happens_wholly_or_not_at_all),
        cmocka_unit_test(a_killed_node_unwinds_and_can_be_started_again),
        cmocka_unit_test(a_node_whose_program_returns_is_down),
        cmocka_unit_test(chance_kills_only_nodes_marked_killable),
        cmocka_unit_test(a_signal_nobody_waits_for_kills),
        cmocka_unit_test(a_program_runs_in_virtual_time_and_its_lines_and_status_are_seen),
        cmocka_unit_test(a_program_may_answer_a_signal),
        cmocka_unit_test(sigkill_ends_a_program_at_once),
        cmocka_unit_test(an_unknown_program_is_not_found),
        cmocka_unit_test(a_nodes_programs_die_with_it),
        cmocka_unit_test(each_node_has_an_environment_of_its_own),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
