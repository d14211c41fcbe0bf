/* server/clock.c: servers on one PostgreSQL whose own wall clocks are hours apart, or are set. */
#include <time.h>

#include "server/server_internal.h"
#include "store.h"

enum { APART_MS = 3 * 60 * 60 * 1000, LEASE = 60000, NEAR_MS = 20000 };

static struct server server_at(struct world *w, struct store *s, int64_t wall_off_ms)
{
    struct server server = { .io = w->io, .store = s, .is_shared = true };
    struct err e = { 0 };

    sim_node_set_clock(w->node, wall_off_ms, 0);
    must(server_clock_start(&server, &e), &e);
    return server;
}

static bool near(int64_t a, int64_t b)
{
    return a - b < NEAR_MS && b - a < NEAR_MS;
}

static size_t leases_ended(struct server *server)
{
    struct err e = { 0 };
    size_t count = 0;

    must(store_lease_sweep(server->store, server_now_unix_ms(server), &count, &e), &e);
    return count;
}

static struct store_item lend_again(struct server *server, struct world *w, int64_t queue_id)
{
    const struct store_pop pop = { .queue_id = queue_id,
                                   .agent_uid = STR("agent1"),
                                   .who = STR("agent one"),
                                   .now_unix_ms = server_now_unix_ms(server),
                                   .lease_ms = LEASE };
    struct store_item lent = { 0 };
    struct err e = { 0 };
    bool found = false;

    must(store_item_pop(server->store, w->a, &pop, &found, &lent, &e), &e);
    assert_true(found);
    return lent;
}

/* An item that @server has lent. */
static struct store_item lend(struct server *server, struct world *w)
{
    struct store_new_queue n = { .name = STR("q"), .access = STR("PROJECT") };
    struct store_entity entity = { 0 };
    struct store_queue q = { 0 };
    struct store_new_item item = { .spec = STR("{}"), .pushed_by = STR("ann"), .now_unix_ms = T0 };
    struct str uid = { 0 };
    struct err e = { 0 };

    n.created_by = add_user(server->store, w, "ann");
    must(store_entity_by_name(server->store, w->a, STR("ann"), &entity, &e), &e);
    n.entity_id = entity.id;
    must(store_queue_add(server->store, w->a, &n, &uid, &e), &e);
    must(store_queue_by_uid(server->store, w->a, uid, &q, &e), &e);
    item.queue_id = q.id;
    must(store_item_push(server->store, w->a, &item, &uid, &e), &e);
    return lend_again(server, w, q.id);
}

/* When the lease of @item ends, after times were settled at @now. */
static int64_t lease_settled(struct server *server, struct world *w, const struct store_item *item,
                             int64_t now)
{
    struct store_item found = { 0 };
    struct err e = { 0 };

    must(store_times_settle(server->store, now, LEASE, &e), &e);
    must(store_item_by_uid(server->store, w->a, item->uid, &found, &e), &e);
    return found.lease_until_unix_ms;
}

static void apart_test(struct world *w)
{
    AUTO_PTR(store) s = open_store(w);
    struct server slow, fast;
    struct store_item item;
    struct err e = { 0 };
    int64_t now;

    slow = server_at(w, s, -APART_MS);
    if (!getenv("SLIPWAY_TEST_POSTGRES")) { /* it goes by the machine's */
        assert_int_equal(server_now_unix_ms(&slow), io_now_unix_ms(w->io));
        return;
    }
    assert_true(near(server_now_unix_ms(&slow), (int64_t)time(NULL) * 1000));
    item = lend(&slow, w);
    assert_int_equal(lease_settled(&slow, w, &item, item.lease_until_unix_ms - LEASE),
                     item.lease_until_unix_ms);
    fast = server_at(w, s, APART_MS);
    assert_true(near(server_now_unix_ms(&fast), server_now_unix_ms(&slow)));
    assert_true(near(server_wall_unix_ms(&fast), server_wall_unix_ms(&slow)));
    assert_int_equal(leases_ended(&fast), 0);
    must(io_sleep(w->io, LEASE / 2, &e), &e);
    assert_int_equal(leases_ended(&fast) + leases_ended(&slow), 0);

    /* The database's clock has not gone on by as much as this machine's: the servers' time is slower, but
     * does not go back. */
    must(io_sleep(w->io, LEASE, &e), &e);
    now = server_now_unix_ms(&fast);
    must(server_clock_ask(&fast, &e), &e);
    assert_in_range(server_now_unix_ms(&fast), now, now + 50);
    now = server_now_unix_ms(&fast);
    must(io_sleep(w->io, 1000, &e), &e);
    assert_in_range(server_now_unix_ms(&fast), now + 900, now + 950);
    assert_int_equal(leases_ended(&fast), 1);

    item = lend_again(&fast, w, item.queue_id); /* and then the database's clock is set back */
    assert_int_equal(lease_settled(&fast, w, &item, T0), T0 + LEASE);
}

static void servers_whose_clocks_are_hours_apart_agree_when_a_lease_ends(void **state)
{
    world_run(apart_test);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(servers_whose_clocks_are_hours_apart_agree_when_a_lease_ends),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
