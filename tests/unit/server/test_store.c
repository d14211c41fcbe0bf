/* server/store: what the server remembers; every implementation passes this. */
#include "server/store/store.h"

#include <string.h>

#include "base/crypto.h"
#include "store.h"

static struct store_queue add_queue(struct store *s, struct world *w, bool has_priorities)
{
    struct store_entity entity = { 0 };
    struct store_new_queue n = { .name = STR("q"),
                                 .access = STR("PROJECT"),
                                 .has_priorities = has_priorities };
    struct store_queue q = { 0 };
    struct str uid = { 0 };
    struct err e = { 0 };

    n.created_by = add_user(s, w, "ann");
    must(store_entity_by_name(s, w->a, STR("ann"), &entity, &e), &e);
    n.entity_id = entity.id;
    must(store_queue_add(s, w->a, &n, &uid, &e), &e);
    must(store_queue_by_uid(s, w->a, uid, &q, &e), &e);
    return q;
}

static struct str push(struct store *s, struct world *w, const struct store_queue *q, int64_t priority)
{
    const struct store_new_item n = { .queue_id = q->id,
                                      .priority = priority,
                                      .spec = STR("{}"),
                                      .pushed_by = STR("ann"),
                                      .target_entity = STR("ann"),
                                      .target_project = STR("demo"),
                                      .now_unix_ms = T0 };
    struct str uid = { 0 };
    struct err e = { 0 };

    must(store_item_push(s, w->a, &n, &uid, &e), &e);
    return uid;
}

static struct store_item item_of(struct store *s, struct world *w, struct str uid)
{
    struct store_item i = { 0 };
    struct err e = { 0 };

    must(store_item_by_uid(s, w->a, uid, &i, &e), &e);
    return i;
}

static bool pop(struct store *s, struct world *w, const struct store_queue *q, int64_t now,
                struct store_item *ret)
{
    const struct store_pop p = { .queue_id = q->id,
                                 .has_priorities = q->has_priorities,
                                 .agent_uid = STR("agent1"),
                                 .who = STR("agent one"),
                                 .now_unix_ms = now,
                                 .lease_ms = 60000 };
    bool found = false;
    struct err e = { 0 };

    must(store_item_pop(s, w->a, &p, &found, ret, &e), &e);
    return found;
}

static int tell(struct store *s, struct str uid, enum item_event ev, int64_t fence)
{
    const struct store_item_word word = { .uid = uid,
                                          .ev = ev,
                                          .fence = fence,
                                          .who = STR("agent one"),
                                          .note = STR("because"),
                                          .error = STR("because"),
                                          .error_stage = STR("run"),
                                          .now_unix_ms = T0 + 5 };

    return store_item_tell(s, &word, NULL);
}

static int ack(struct store *s, struct str uid, int64_t fence)
{
    const struct store_item_word word = {
        .uid = uid, .ev = ITEM_EV_ACK, .fence = fence, .who = STR("agent one"), .now_unix_ms = T0 + 3
    };

    return store_item_ack(s, &word, STR("run00001"), NULL);
}

static struct store_run run_of(struct store *s, struct world *w)
{
    struct store_entity entity = { 0 };
    struct store_project project = { 0 };
    struct store_run run = { 0 };
    struct err e = { 0 };

    must(store_entity_by_name(s, w->a, STR("ann"), &entity, &e), &e);
    must(store_project_by_name(s, w->a, entity.id, STR("demo"), &project, &e), &e);
    must(store_run_by_name(s, w->a, project.id, STR("run00001"), &run, &e), &e);
    return run;
}

/* --- people --- */

static void people_test(struct world *w)
{
    AUTO_PTR(store) s = open_store(w);
    const char *members[] = { "ann", NULL }, *strangers[] = { "ann", "nobody", NULL };
    const struct store_new_team taken = { .name = "bob", .members = members },
                                unknown = { .name = "crew", .members = strangers },
                                crew = { .name = "crew", .members = members, .by = { STR("tests"), T0 } };
    enum store_role role = ROLE_NONE;
    struct store_entity team = { 0 };
    struct err e = { 0 };
    bool is = false;
    int64_t ann, bob;

    must(store_has_users(s, &is, &e), &e);
    assert_false(is);
    ann = add_user(s, w, "ann");
    bob = add_user(s, w, "bob");
    must(store_has_users(s, &is, &e), &e);
    assert_true(is);
    assert_int_equal(store_team_add(s, &taken, &e), -ERR_CONFLICT);
    assert_int_equal(store_team_add(s, &unknown, &e), -ERR_NOT_FOUND);
    assert_non_null(strstr(e.msg, "nobody"));
    must(store_team_add(s, &crew, &e), &e); /* nothing was left of the first try */
    must(store_entity_by_name(s, w->a, STR("crew"), &team, &e), &e);
    assert_true(team.is_team);
    must(store_role_in(s, ann, team.id, &role, &e), &e);
    assert_int_equal(role, ROLE_MEMBER);
    must(store_role_in(s, bob, team.id, &role, &e), &e);
    assert_int_equal(role, ROLE_NONE);
}

static void users_teams_and_keys_are_kept_and_names_are_unique(void **state)
{
    world_run(people_test);
}

static void keys_test(struct world *w)
{
    AUTO_PTR(store) s = open_store(w);
    const struct store_new_key n = { .name = STR("ci"),
                                     .prefix = STR("abcdef"),
                                     .lookup = STR("l"),
                                     .hash = STR("h"),
                                     .is_slow = true,
                                     .expires_unix_ms = T0 + 5,
                                     .by = { STR("tests"), T0 } };
    const struct store_by by = { STR("tests"), T0 + 2 };
    struct store_key_found *found = NULL;
    struct store_key *list = NULL, gone = { 0 };
    int64_t ann = add_user(s, w, "ann"), id = 0;
    size_t len = 0;
    struct err e = { 0 };

    assert_int_equal(store_key_add(s, STR("nobody"), &n, &id, &e), -ERR_NOT_FOUND);
    must(store_key_add(s, STR("ann"), &n, &id, &e), &e);
    must(store_key_used(s, id, T0 + 1, &e), &e);
    must(store_key_candidates(s, w->a, STR("l"), &found, &len, &e), &e);
    assert_int_equal(len, 1);
    assert_int_equal(found->user.id, ann);
    assert_true(str_is(found->user.home, "ann") && str_is(found->key.hash, "h") && found->key.is_slow);
    assert_int_equal(found->key.expires_unix_ms, T0 + 5);
    assert_int_equal(found->key.last_used_unix_ms, T0 + 1);

    must(store_key_revoke(s, w->a, id, &by, &gone, &e), &e);
    assert_true(str_is(gone.name, "ci") && str_is(gone.username, "ann"));
    assert_int_equal(store_key_revoke(s, w->a, id, &by, &gone, &e), -ERR_CONFLICT);
    assert_int_equal(store_key_revoke(s, w->a, id + 1, &by, &gone, &e), -ERR_NOT_FOUND);
    must(store_key_candidates(s, w->a, STR("l"), &found, &len, &e), &e);
    assert_int_equal(len, 0);
    must(store_key_list(s, w->a, STR("ann"), &list, &len, &e), &e);
    assert_int_equal(len, 2); /* what was revoked is still told */
    assert_int_equal(list[1].revoked_unix_ms, T0 + 2);
    assert_int_equal(store_key_list(s, w->a, STR("bob"), &list, &len, &e), -ERR_NOT_FOUND);
}

static void a_key_is_found_until_it_is_revoked(void **state)
{
    world_run(keys_test);
}

static void service_test(struct world *w)
{
    AUTO_PTR(store) s = open_store(w);
    const char *admins[] = { "ann", NULL };
    const struct store_new_team crew = { .name = "crew", .admins = admins }, rest = { .name = "rest" };
    const struct store_new_key key = { .prefix = STR("abc"), .lookup = STR("bot"), .hash = STR("h") };
    struct store_new_user bot = { .username = "bot", .team = "nowhere", .role = ROLE_MEMBER, .key = &key };
    struct store_role_change change = { .user = STR("bot"), .team = STR("rest"), .role = ROLE_MEMBER };
    struct store_key_found *found = NULL;
    struct store_team_member *members = NULL;
    struct store_user *users = NULL;
    size_t len = 0;
    struct err e = { 0 };

    (void)add_user(s, w, "ann");
    must(store_team_add(s, &crew, &e), &e);
    must(store_team_add(s, &rest, &e), &e);
    assert_int_equal(store_user_add(s, &bot, &e), -ERR_NOT_FOUND);
    bot.team = "crew";
    must(store_user_add(s, &bot, &e), &e); /* nothing was left of the first try */
    must(store_key_candidates(s, w->a, STR("bot"), &found, &len, &e), &e);
    assert_true(found->user.is_service && str_is(found->user.home, "crew"));
    assert_int_equal(store_role_set(s, &change, &e), -ERR_INVALID); /* it is of one team */
    change.team = STR("crew");
    change.role = ROLE_VIEWER;
    must(store_role_set(s, &change, &e), &e);
    must(store_team_list(s, w->a, &members, &len, &e), &e);
    assert_int_equal(len, 3);
    assert_true(str_is(members[0].username, "ann") && members[0].role == ROLE_ADMIN);
    assert_true(str_is(members[1].username, "bot") && members[1].role == ROLE_VIEWER);
    assert_true(str_is(members[2].team, "rest") && !members[2].username.ptr);
    must(store_user_list(s, w->a, &users, &len, &e), &e);
    assert_int_equal(len, 2);
}

static void a_service_account_is_of_one_team(void **state)
{
    world_run(service_test);
}

static void last_admin_test(struct world *w)
{
    const struct store_by by = { STR("tests"), T0 };
    AUTO_PTR(store) s = open_store(w);
    struct err e = { 0 };

    (void)add_user(s, w, "ann");
    (void)add_user(s, w, "bob");
    must(store_user_set_admin(s, STR("ann"), true, &by, &e), &e);
    assert_int_equal(store_user_set_admin(s, STR("ann"), false, &by, &e), -ERR_CONFLICT);
    must(store_user_set_admin(s, STR("bob"), true, &by, &e), &e);
    must(store_user_set_admin(s, STR("ann"), false, &by, &e), &e);
    assert_int_equal(store_user_set_admin(s, STR("eve"), true, &by, &e), -ERR_NOT_FOUND);
}

static void the_last_admin_stays_admin(void **state)
{
    world_run(last_admin_test);
}

/* --- queues --- */

static void queue_test(struct world *w)
{
    AUTO_PTR(store) s = open_store(w);
    struct store_queue q = add_queue(s, w, false), again = { 0 };
    struct store_new_queue n = { .entity_id = q.entity_id, .name = STR("q"), .access = STR("PROJECT") };
    struct store_new_config c = { .entity_id = q.entity_id, .resource = STR("vertex"), .config = STR("{}") };
    const struct store_by by = { STR("user ann"), T0 + 1 };
    struct store_config config = { 0 };
    struct str uid = { 0 }, item = push(s, w, &q, 2);
    struct err e = { 0 };

    assert_int_equal(store_queue_add(s, w->a, &n, &uid, &e), -ERR_CONFLICT);
    n.has_priorities = true;
    must(store_queue_upsert(s, w->a, &n, &c, &uid, &e), &e);
    assert_true(str_eq(uid, q.uid));
    must(store_queue_by_name(s, w->a, q.entity_id, STR("q"), &again, &e), &e);
    assert_true(again.has_priorities);
    must(store_config_by_uid(s, w->a, again.config_uid, &config, &e), &e);
    assert_true(str_is(config.resource, "vertex"));

    must(store_queue_delete(s, q.id, &by, &e), &e);
    assert_int_equal(store_queue_delete(s, q.id, &by, &e), -ERR_NOT_FOUND);
    assert_int_equal(store_queue_by_name(s, w->a, q.entity_id, STR("q"), &again, &e), -ERR_NOT_FOUND);
    assert_int_equal(item_of(s, w, item).state, ITEM_STOPPED);
    must(store_queue_upsert(s, w->a, &n, &c, &uid, &e), &e); /* the name is free again */
    assert_false(str_eq(uid, q.uid));
}

static void a_queue_name_is_unique_until_the_queue_is_deleted(void **state)
{
    world_run(queue_test);
}

/* --- items --- */

static void order_test(struct world *w)
{
    AUTO_PTR(store) s = open_store(w);
    struct store_queue q = add_queue(s, w, true);
    struct str first = push(s, w, &q, 2), second = push(s, w, &q, 2), urgent = push(s, w, &q, 0);
    struct store_item i = { 0 };
    bool waiting = true;
    struct err e = { 0 };

    assert_true(pop(s, w, &q, T0, &i));
    assert_true(str_eq(i.uid, urgent));
    assert_true(pop(s, w, &q, T0, &i));
    assert_true(str_eq(i.uid, first));
    assert_true(pop(s, w, &q, T0, &i));
    assert_true(str_eq(i.uid, second));
    assert_false(pop(s, w, &q, T0, &i));
    must(store_item_waiting(s, q.id, &waiting, &e), &e);
    assert_false(waiting);
}

static void items_come_by_priority_and_then_in_order_of_arrival(void **state)
{
    world_run(order_test);
}

static void lease_test(struct world *w)
{
    AUTO_PTR(store) s = open_store(w);
    struct store_queue q = add_queue(s, w, false);
    struct str uid = push(s, w, &q, 2);
    struct store_item i = { 0 }, again = { 0 };
    struct store_item_line *lines = NULL;
    size_t count = 0, len = 0;
    struct err e = { 0 };

    assert_true(pop(s, w, &q, T0, &i));
    must(store_lease_sweep(s, T0 + 59999, &count, &e), &e);
    assert_int_equal(count, 0);
    must(store_lease_sweep(s, T0 + 60000, &count, &e), &e);
    assert_int_equal(count, 1);
    assert_int_equal(item_of(s, w, uid).state, ITEM_PENDING);
    assert_int_equal(ack(s, uid, 0), -ERR_CONFLICT);

    assert_true(pop(s, w, &q, T0 + 60001, &again));
    assert_int_not_equal(again.fence, i.fence);
    assert_int_equal(ack(s, uid, i.fence), -ERR_CONFLICT); /* the stale holder */
    assert_int_equal(tell(s, uid, ITEM_EV_FAIL, i.fence), -ERR_CONFLICT);
    assert_int_equal(ack(s, uid, again.fence), 0);
    assert_int_equal(ack(s, uid, again.fence), 0);   /* its answer was lost: said again */
    assert_int_equal(ack(s, uid, 0), -ERR_CONFLICT); /* without a token nobody can tell */
    assert_int_equal(ack(s, uid, i.fence), -ERR_CONFLICT);

    must(store_item_history(s, w->a, again.seq, &lines, &len, &e), &e);
    assert_int_equal(len, 5); /* pushed, leased, back, leased, claimed */
    assert_true(str_is(lines[2].state, "PENDING"));
    assert_true(str_find(lines[2].note, STR("did not acknowledge")) >= 0);
    assert_true(str_is(lines[4].state, "CLAIMED"));
}

static void a_lease_runs_out_and_its_holder_is_fenced_off(void **state)
{
    world_run(lease_test);
}

static void fail_test(struct world *w)
{
    AUTO_PTR(store) s = open_store(w);
    struct store_queue q = add_queue(s, w, false);
    struct str unacked = push(s, w, &q, 2), acked;
    struct store_item i = { 0 };

    assert_true(pop(s, w, &q, T0, &i));
    assert_int_equal(tell(s, unacked, ITEM_EV_FAIL, 0), 0);
    assert_int_equal(item_of(s, w, unacked).state, ITEM_FAILED);

    acked = push(s, w, &q, 2);
    assert_true(pop(s, w, &q, T0, &i));
    assert_int_equal(ack(s, acked, 0), 0);
    assert_int_equal(run_of(s, w).state, RUN_PENDING);
    assert_int_equal(tell(s, acked, ITEM_EV_FINISH, 0), 0);
    assert_int_equal(run_of(s, w).state, RUN_FINISHED);
    assert_int_equal(tell(s, acked, ITEM_EV_FAIL, 0), 0);
    assert_int_equal(tell(s, acked, ITEM_EV_FAIL, 0), 0); /* repeated */
    i = item_of(s, w, acked);
    assert_int_equal(i.state, ITEM_FAILED);
    assert_true(str_is(i.error, "because"));
    assert_true(str_is(i.error_stage, "run"));
    assert_int_equal(store_item_delete(s, acked, &(struct store_by){ STR("user ann"), T0 }, NULL), 0);
    assert_int_equal(store_item_delete(s, acked, &(struct store_by){ STR("user ann"), T0 }, NULL),
                     -ERR_NOT_FOUND);
}

static void an_item_can_fail_before_the_ack_after_it_and_after_the_end(void **state)
{
    world_run(fail_test);
}

static void stop_test(struct world *w)
{
    AUTO_PTR(store) s = open_store(w);
    struct store_queue q = add_queue(s, w, false);
    struct str waiting = push(s, w, &q, 2), leased;
    struct store_item i = { 0 };
    size_t count = 0;
    struct err e = { 0 };

    assert_int_equal(tell(s, waiting, ITEM_EV_STOP_ASKED, 0), 0);
    assert_int_equal(item_of(s, w, waiting).state, ITEM_STOPPED);

    leased = push(s, w, &q, 2);
    assert_true(pop(s, w, &q, T0, &i));
    assert_int_equal(store_item_delete(s, leased, &(struct store_by){ STR("user ann"), T0 }, NULL),
                     -ERR_CONFLICT);
    assert_int_equal(tell(s, leased, ITEM_EV_STOP_ASKED, 0), 0);
    assert_int_equal(item_of(s, w, leased).state, ITEM_LEASED);
    must(store_lease_sweep(s, T0 + 60000, &count, &e), &e);
    assert_int_equal(item_of(s, w, leased).state, ITEM_STOPPED); /* not given to another agent */

    leased = push(s, w, &q, 2);
    assert_true(pop(s, w, &q, T0, &i));
    assert_int_equal(tell(s, leased, ITEM_EV_STOP_ASKED, 0), 0);
    assert_int_equal(ack(s, leased, 0), 0);
    assert_true(run_of(s, w).stop_asked); /* the agent learns it from its run */
    assert_int_equal(tell(s, leased, ITEM_EV_STOPPED, 0), 0);
    assert_int_equal(run_of(s, w).state, RUN_KILLED);
}

static void a_stop_reaches_an_item_in_any_state(void **state)
{
    world_run(stop_test);
}

static void list_test(struct world *w)
{
    AUTO_PTR(store) s = open_store(w);
    struct store_queue q = add_queue(s, w, false);
    struct str uids[3];
    struct store_item_query query = { .queue_id = q.id, .page = { .first = 2 } };
    struct store_item *items = NULL;
    size_t len = 0;
    int64_t count = 0;
    struct err e = { 0 };

    for (int i = 0; i < 3; i++)
        uids[i] = push(s, w, &q, 2);
    assert_int_equal(tell(s, uids[1], ITEM_EV_STOP_ASKED, 0), 0);
    must(store_item_list(s, w->a, &query, &items, &len, &e), &e);
    assert_int_equal(len, 2);
    assert_true(str_eq(items[0].uid, uids[2]));
    query.page.after = items[1].seq;
    must(store_item_list(s, w->a, &query, &items, &len, &e), &e);
    assert_int_equal(len, 1);
    assert_true(str_eq(items[0].uid, uids[0]));
    query.states = ",STOPPED,FAILED,";
    must(store_item_count(s, &query, &count, &e), &e);
    assert_int_equal(count, 1);
}

static int64_t ahead_of(struct store *s, struct world *w, struct str uid, bool has_priorities)
{
    struct store_item item = { 0 };
    int64_t ahead = -1;
    struct err e = { 0 };

    must(store_item_by_uid(s, w->a, uid, &item, &e), &e);
    must(store_item_ahead(s, &item, has_priorities, &ahead, &e), &e);
    return ahead;
}

static void ahead_test(struct world *w)
{
    AUTO_PTR(store) s = open_store(w);
    struct store_queue q = add_queue(s, w, true);
    struct str low = push(s, w, &q, 3), high = push(s, w, &q, 0), later = push(s, w, &q, 3);

    assert_int_equal(ahead_of(s, w, high, true), 0);
    assert_int_equal(ahead_of(s, w, low, true), 1);
    assert_int_equal(ahead_of(s, w, later, true), 2);
    assert_int_equal(ahead_of(s, w, low, false), 0);
    assert_int_equal(ahead_of(s, w, high, false), 1);
    assert_int_equal(tell(s, low, ITEM_EV_STOP_ASKED, 0), 0);
    assert_int_equal(ahead_of(s, w, later, true), 1); /* what waits no more is not in the way */
}

static void items_ahead_are_those_that_a_pop_takes_first(void **state)
{
    world_run(ahead_test);
}

static void items_are_listed_newest_first_in_pages(void **state)
{
    world_run(list_test);
}

/* --- runs --- */

static struct store_run start_run(struct store *s, struct world *w, bool *made)
{
    struct store_run run = run_of(s, w);
    const struct store_run_upsert u = {
        .project_id = run.project_id, .name = run.name, .config = STR("{\"lr\":1}"), .now_unix_ms = T0 + 10
    };
    struct err e = { 0 };

    must(store_run_upsert(s, w->a, &u, &run, made, &e), &e);
    return run;
}

static struct str claimed_item(struct store *s, struct world *w, const struct store_queue *q)
{
    struct str uid = push(s, w, q, 2);
    struct store_item i = { 0 };

    assert_true(pop(s, w, q, T0, &i));
    assert_int_equal(ack(s, uid, 0), 0);
    return uid;
}

static void life_of_run_test(struct world *w)
{
    AUTO_PTR(store) s = open_store(w);
    struct store_queue q = add_queue(s, w, false);
    struct str uid = claimed_item(s, w, &q), *lines = NULL;
    const struct str text[] = { STR("one"), STR("two") };
    const struct store_post_lines part = { RUN_OUTPUT, 0, text, 2 }, over = { RUN_OUTPUT, 1, text, 1 };
    struct store_post post = { .parts = &part, .part_count = 1, .now_unix_ms = T0 + 20 };
    struct store_line_query query = { .stream = RUN_OUTPUT, .count = 10 };
    struct store_run run;
    bool made = false, stop = true;
    size_t len = 0;
    struct err e = { 0 };

    run = start_run(s, w, &made);
    assert_true(made); /* it was only made ahead by the ack */
    assert_int_equal(run.state, RUN_RUNNING);
    assert_int_equal(item_of(s, w, uid).state, ITEM_RUNNING);
    (void)start_run(s, w, &made);
    assert_false(made);

    post.run_id = query.run_id = run.id;
    must(store_run_post(s, &post, &stop, &e), &e);
    assert_false(stop);
    post.parts = &over; /* a progress bar writes over its line */
    must(store_run_post(s, &post, &stop, &e), &e);
    must(store_run_lines(s, w->a, &query, &lines, &len, &e), &e);
    assert_int_equal(len, 2);
    assert_true(str_is(lines[1], "one"));

    must(store_run_ask_stop(s, run.id, &(struct store_by){ STR("user ann"), T0 + 30 }, &e), &e);
    assert_true(item_of(s, w, uid).stop_asked);
    must(store_run_post(s, &post, &stop, &e), &e);
    assert_true(stop);
    post.complete = true;
    post.exit_code = 255;
    must(store_run_post(s, &post, &stop, &e), &e);
    assert_int_equal(run_of(s, w).state, RUN_KILLED);
    assert_int_equal(item_of(s, w, uid).state, ITEM_STOPPED);
}

static void a_run_drives_its_item(void **state)
{
    world_run(life_of_run_test);
}

static void silence_test(struct world *w)
{
    AUTO_PTR(store) s = open_store(w);
    struct store_queue q = add_queue(s, w, false);
    struct str uid = claimed_item(s, w, &q), orphan;
    struct store_post post = { .now_unix_ms = T0 + 30 };
    struct store_item popped = { 0 };
    bool made = false, stop = false;
    size_t count = 0;
    struct err e = { 0 };

    post.run_id = start_run(s, w, &made).id;
    must(store_silent_sweep(s, T0 + 10, T0 + 20, &count, &e), &e);
    assert_int_equal(count, 0);
    must(store_silent_sweep(s, T0 + 11, T0 + 20, &count, &e), &e);
    assert_int_equal(count, 1);
    assert_int_equal(run_of(s, w).state, RUN_CRASHED);
    assert_int_equal(item_of(s, w, uid).state, ITEM_SILENT);
    must(store_run_post(s, &post, &stop, &e), &e); /* it was only cut off */
    assert_int_equal(item_of(s, w, uid).state, ITEM_RUNNING);
    assert_null(item_of(s, w, uid).error.ptr);

    /* A claimed item goes silent only when its agent has, too. */
    orphan = push(s, w, &q, 2);
    assert_true(pop(s, w, &q, T0, &popped));
    assert_int_equal(
        store_item_ack(s,
                       &(struct store_item_word){
                           .uid = orphan, .ev = ITEM_EV_ACK, .who = STR("agent one"), .now_unix_ms = T0 },
                       STR("run00002"), NULL),
        0);
    must(store_orphan_sweep(s, T0, T0 + 40, &count, &e), &e);
    assert_int_equal(count, 0);
    must(store_orphan_sweep(s, T0 + 1, T0 + 40, &count, &e), &e);
    assert_int_equal(count, 1);
    assert_int_equal(item_of(s, w, orphan).state, ITEM_SILENT);
    assert_int_equal(item_of(s, w, uid).state, ITEM_RUNNING); /* its run talks */
}

static void silent_runs_crash_and_may_come_back(void **state)
{
    world_run(silence_test);
}

/* --- durability --- */

static void reopen_test(struct world *w)
{
    struct store *s = open_store(w);
    struct store_queue q = add_queue(s, w, false);
    struct str uid = push(s, w, &q, 2);
    struct secret *key = NULL, *again = NULL;
    struct err e = { 0 };

    must(store_own_secret(s, STORE_SIGNING_KEY, &key, &e), &e);
    store_close(s);
    s = open_store(w);
    assert_int_equal(item_of(s, w, uid).state, ITEM_PENDING);
    must(store_own_secret(s, STORE_SIGNING_KEY, &again, &e), &e);
    assert_true(secret_eq(key, again));
    secret_free(key);
    secret_free(again);
    store_close(s);
}

static void everything_is_there_after_opening_again(void **state)
{
    world_run(reopen_test);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(users_teams_and_keys_are_kept_and_names_are_unique),
        cmocka_unit_test(a_key_is_found_until_it_is_revoked),
        cmocka_unit_test(a_service_account_is_of_one_team),
        cmocka_unit_test(the_last_admin_stays_admin),
        cmocka_unit_test(a_queue_name_is_unique_until_the_queue_is_deleted),
        cmocka_unit_test(items_come_by_priority_and_then_in_order_of_arrival),
        cmocka_unit_test(a_lease_runs_out_and_its_holder_is_fenced_off),
        cmocka_unit_test(an_item_can_fail_before_the_ack_after_it_and_after_the_end),
        cmocka_unit_test(a_stop_reaches_an_item_in_any_state),
        cmocka_unit_test(items_ahead_are_those_that_a_pop_takes_first),
        cmocka_unit_test(items_are_listed_newest_first_in_pages),
        cmocka_unit_test(a_run_drives_its_item),
        cmocka_unit_test(silent_runs_crash_and_may_come_back),
        cmocka_unit_test(everything_is_there_after_opening_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
