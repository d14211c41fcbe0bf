/* server: token buckets, and the limits made of them. */
#include "server/rates.h"

#include "api.h"
#include "server/doors.h"

static void a_bucket_gives_its_burst_and_then_its_rate(void **state)
{
    struct rates *r = rates_new((struct rate){ .per_second = 2, .burst = 3 });

    (void)state;
    for (int i = 0; i < 3; i++)
        assert_int_equal(rates_take(r, STR("ann"), 1000), 0);
    assert_int_equal(rates_take(r, STR("ann"), 1000), 500);
    assert_int_equal(rates_take(r, STR("bob"), 1000), 0); /* has its own */
    assert_int_equal(rates_take(r, STR("ann"), 1400), 100);
    assert_int_equal(rates_take(r, STR("ann"), 1500), 0);
    assert_int_equal(rates_take(r, STR("ann"), 1500), 500);
    rates_give_back(r, STR("ann"));
    assert_int_equal(rates_take(r, STR("ann"), 1500), 0);
    for (int i = 0; i < 3; i++)
        assert_int_equal(rates_take(r, STR("ann"), 100000), 0); /* no more than the burst comes together */
    assert_true(rates_take(r, STR("ann"), 100000) > 0);
    rates_free(r);
}

static void no_rate_is_no_limit(void **state)
{
    struct rates *r = rates_new((struct rate){ 0 });

    (void)state;
    for (int i = 0; i < 1000; i++)
        assert_int_equal(rates_take(r, STR("ann"), 0), 0);
    assert_int_equal(rates_count(r), 0);
    rates_free(r);
}

static void buckets_that_are_full_again_are_forgotten(void **state)
{
    struct rates *r = rates_new((struct rate){ .per_second = 1, .burst = 1 });
    char name[32];

    (void)state;
    for (int i = 0; i < 250000; i++) {
        (void)snprintf(name, sizeof(name), "%d", i);
        assert_int_equal(rates_take(r, str_of(name), i), 0);
        assert_true(rates_count(r) <= 100000);
    }
    assert_int_equal(rates_take(r, str_of(name), 249999), 1000); /* who came just now is remembered */
    rates_free(r);
}

static const char *address_of(struct arena *a, const char *peer, const char *forwarded, bool behind_proxy)
{
    struct doors *d = doors_new(&(struct doors_options){ .behind_proxy = behind_proxy });
    const struct http_header header = { STR("X-Forwarded-For"), str_of(forwarded ? forwarded : "") };
    struct http_exchange x = {
        .a = a, .peer = str_of(peer), .headers = &header, .header_count = forwarded ? 1 : 0
    };
    const char *text = arena_cstr(a, doors_address(d, &x));

    doors_free(d);
    return text;
}

static void an_address_is_counted_without_its_port_and_ipv6_by_its_network(void **state)
{
    AUTO_PTR(arena) a = arena_new();

    (void)state;
    assert_string_equal(address_of(a, "192.0.2.7:51234", NULL, false), "192.0.2.7");
    assert_string_equal(address_of(a, "[2001:db8:1:2:3:4:5:6]:443", NULL, false), "20010db800010002");
    assert_string_equal(address_of(a, "[2001:db8:1:2:ffff::9]:1", NULL, false), "20010db800010002");
    assert_string_equal(address_of(a, "[::ffff:192.0.2.7]:443", NULL, false), "192.0.2.7");
    assert_string_equal(address_of(a, "127.0.0.1:1", "203.0.113.9", false),
                        "127.0.0.1"); /* anybody may write it */
    assert_string_equal(address_of(a, "127.0.0.1:1", "10.0.0.1, 203.0.113.9", true), "203.0.113.9");
    assert_string_equal(address_of(a, "127.0.0.1:1", "2001:db8:1:2::9", true), "20010db800010002");
    assert_string_equal(address_of(a, "127.0.0.1:1", NULL, true), "127.0.0.1");
}

/* --- over HTTP --- */

static struct http_reply ping(struct api *t, const struct secret *key)
{
    return request(t, "POST", arena_printf(t->w->a, "%s/graphql", t->base), key,
                   "{\"query\":\"{viewer{id}}\"}");
}

static int64_t retry_after(const struct http_reply *r)
{
    int64_t s = 0;

    assert_true(str_to_i64(http_header_get(r->headers, r->header_count, "Retry-After"), &s));
    return s;
}

static void key_test(struct world *w)
{
    struct api t;
    struct http_reply r;
    struct err e = { 0 };

    api_open_with(&t, w, &(struct server_options){ .key_rate = 1 });
    for (int i = 0; i < 10; i++)
        assert_int_equal(ping(&t, t.ann).status, 200);
    r = ping(&t, t.ann);
    while (r.status == 200) /* a request takes some time */
        r = ping(&t, t.ann);
    assert_int_equal(r.status, 429);
    assert_int_equal(retry_after(&r), 1);
    assert_true(str_find(r.body, STR("{\"errors\":[{\"message\":")) == 0);
    assert_int_equal(ping(&t, t.bob).status, 200);
    must(io_sleep(w->io, 1000, &e), &e);
    assert_int_equal(ping(&t, t.ann).status, 200);
    api_close(&t);
}

static void a_key_that_asks_too_often_waits_and_no_other(void **state)
{
    world_run(key_test);
}

static void address_test(struct world *w)
{
    struct api t;
    const char *ready;
    int refused = 0;

    api_open_with(&t, w, &(struct server_options){ .address_rate = 1 });
    ready = arena_printf(w->a, "%s/readyz", t.base);
    for (int i = 0; i < 30; i++)
        refused += ping(&t, i % 2 ? t.ann : t.bob).status == 429;
    assert_true(refused > 10);
    assert_int_equal(request(&t, "GET", ready, NULL, "").status, 200); /* who watches it must always see */
    api_close(&t);
}

static void an_address_that_asks_too_often_waits(void **state)
{
    world_run(address_test);
}

static void guess_test(struct world *w)
{
    AUTO_PTR(secret) wrong = secret_new(STR("0000000000000000000000000000000000000000"));
    struct api t;
    struct http_reply r = { 0 };
    int64_t begun;
    struct err e = { 0 };

    api_open_with(&t, w, &(struct server_options){ 0 });
    begun = io_now_ms(w->io);
    assert_int_equal(ping(&t, wrong).status, 401);
    assert_true(io_now_ms(w->io) - begun >= 300);
    for (int i = 0; i < 20 && r.status != 429; i++)
        r = ping(&t, wrong);
    assert_int_equal(r.status, 429);
    assert_in_range(retry_after(&r), 1, 2);
    assert_int_equal(ping(&t, t.ann).status, 200); /* a good key from there is let in as before */
    must(io_sleep(w->io, 2000, &e), &e);
    assert_int_equal(ping(&t, wrong).status, 401);
    api_close(&t);
}

static void guessing_keys_is_slow_and_shuts_nobody_else_out(void **state)
{
    world_run(guess_test);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bucket_gives_its_burst_and_then_its_rate),
        cmocka_unit_test(no_rate_is_no_limit),
        cmocka_unit_test(buckets_that_are_full_again_are_forgotten),
        cmocka_unit_test(an_address_is_counted_without_its_port_and_ipv6_by_its_network),
        cmocka_unit_test(a_key_that_asks_too_often_waits_and_no_other),
        cmocka_unit_test(an_address_that_asks_too_often_waits),
        cmocka_unit_test(guessing_keys_is_slow_and_shuts_nobody_else_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
