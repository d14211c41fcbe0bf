/* server: the audit log: every change by people has its row, and no row can be changed unseen. */
#include "api.h"
#include "server/store/store_internal.h"

/* --- what is logged --- */

static const char *rows_text(struct api *t, int64_t from)
{
    AUTO_STRBUF struct strbuf text = STRBUF(1 << 20);
    struct jval *rows = NULL;
    struct err e = { 0 };

    must(server_audit_list(t->server, t->w->a, from, 1000, &rows, &e), &e);
    for (size_t i = 0; i < jval_len(rows); i++) {
        const struct jval *r = jval_at(rows, i);
        struct str who = jval_str(jval_get(r, "who")), what = jval_str(jval_get(r, "what")),
                   object = jval_str(jval_get(r, "object")), detail = jval_str(jval_get(r, "detail"));

        strbuf_addf(&text, "%.*s: %.*s: %.*s: %.*s%s%s\n", STR_ARG(who), STR_ARG(what), STR_ARG(object),
                    STR_ARG(detail), jval_is(jval_get(r, "before"), JVAL_NULL) ? "" : " before",
                    jval_is(jval_get(r, "after"), JVAL_NULL) ? "" : " after");
    }
    return arena_strdup(t->w->a, strbuf_cstr(&text));
}

static void people_test(struct world *w)
{
    static const char *const admins[] = { "ann", NULL };
    const struct admin_team_options team = { .name = "crew", .admins = admins };
    struct admin_role_options role = { .team = "crew", .user = "bob", .role = "viewer" };
    const struct admin_user_options bot = { .username = "bot", .team = "crew", .role = "member" };
    const struct admin_key_options key = { .username = "ann", .name = "laptop" };
    struct jval *gone = NULL;
    struct api t;
    int64_t id = 0;
    struct err e = { 0 };

    api_open(&t, w); /* admin, ann, bob */
    must(server_team_create(t.server, &team, &e), &e);
    must(server_role_set(t.server, &role, &e), &e);
    role.role = "owner";
    assert_int_equal(server_role_set(t.server, &role, &e), -ERR_INVALID); /* nothing came of it: no row */
    role.role = "none";
    must(server_role_set(t.server, &role, &e), &e);
    must(server_user_create(t.server, &bot, &t.keys[0], &e), &e);
    must(server_user_set_admin(t.server, "ann", true, &e), &e);
    must(server_key_create(t.server, &key, &t.keys[1], &id, &e), &e);
    must(server_key_revoke(t.server, w->a, id, &gone, &e), &e);
    assert_string_equal(rows_text(&t, 1),
                        "server: user.create: user admin: admin of the server\n"
                        "server: user.create: user ann: \n"
                        "server: user.create: user bob: \n"
                        "server: team.create: team crew: \n"
                        "server: team.role: user ann in team crew: none -> admin\n"
                        "server: team.role: user bob in team crew: none -> viewer\n"
                        "server: team.role: user bob in team crew: viewer -> none\n"
                        "server: user.create: user bot: service account of team crew, member\n"
                        "server: user.role: user ann: user -> admin of the server\n"
                        "server: key.create: key 5 of user ann: laptop\n"
                        "server: key.revoke: key 5 of user ann: \n");
    api_close(&t);
}

static void what_is_done_to_people_is_logged(void **state)
{
    world_run(people_test);
}

#define UPSERT                                                                                               \
    "mutation{upsertRunQueue(input:{entityName:\"ann\",projectName:\"model-registry\",queueName:\"q\","      \
    "resourceType:\"vertex\",resourceConfig:\"{\\\"resource_args\\\":{}}\"}){success}}"

static const char *text_of(struct api *t, const char *document, const char *path)
{
    return arena_cstr(t->w->a, jval_str(data(t, t->ann, document, path)));
}

static void queues_test(struct world *w)
{
    struct api t;
    const char *queue, *item[2], *run, *wanted;

    api_open(&t, w);
    (void)data(&t, t.ann, UPSERT, "");
    (void)data(&t, t.ann, UPSERT, "");
    queue =
        text_of(&t, "{project(name:\"model-registry\"){runQueue(name:\"q\"){id}}}", "project.runQueue.id");
    for (int i = 0; i < 2; i++)
        item[i] = text_of(&t,
                          arena_printf(w->a,
                                       "mutation{pushToRunQueue(input:{queueID:\"%s\",runSpec:\"{}\"})"
                                       "{runQueueItemId}}",
                                       queue),
                          "pushToRunQueue.runQueueItemId");
    run = text_of(&t, "mutation{upsertBucket(input:{modelName:\"p\",name:\"r\"}){bucket{id}}}",
                  "upsertBucket.bucket.id");
    (void)data(
        &t, t.ann,
        arena_printf(w->a, "mutation{stopRunQueueItem(input:{runQueueItemId:\"%s\"}){success}}", item[0]),
        "");
    (void)data(
        &t, t.ann,
        arena_printf(w->a,
                     "mutation{deleteFromRunQueue(input:{queueID:\"%s\",runQueueItemId:\"%s\"}){success}}",
                     queue, item[1]),
        "");
    (void)data(&t, t.ann, arena_printf(w->a, "mutation{stopRun(input:{id:\"%s\"}){success}}", run), "");
    (void)data(&t, t.ann, arena_printf(w->a, "mutation{deleteRun(input:{id:\"%s\"}){success}}", run), "");
    (void)data(&t, t.ann,
               arena_printf(w->a, "mutation{deleteRunQueues(input:{queueIDs:[\"%s\"]}){success}}", queue),
               "");
    wanted = arena_printf(w->a,
                          "user ann: queue.create: queue ann/q:  after\n"
                          "user ann: queue.config: queue ann/q:  before after\n"
                          "user ann: item.stop: item %s: \n"
                          "user ann: item.delete: item %s: \n"
                          "user ann: run.stop: run ann/p/r: \n"
                          "user ann: run.delete: run ann/p/r: \n"
                          "user ann: queue.delete: queue ann/q:  before\n",
                          item[0], item[1]);
    assert_string_equal(rows_text(&t, 4), wanted); /* after those of three users */
    api_close(&t);
}

static void what_is_done_to_queues_items_and_runs_is_logged(void **state)
{
    world_run(queues_test);
}

/* --- the chain --- */

/* Whoever tampers is not held by the triggers. */
static int untrigger(struct db_conn *c, struct err *e)
{
    int rc;

    if (getenv("SLIPWAY_TEST_POSTGRES"))
        return db_run(c, NULL, e, "DROP TRIGGER IF EXISTS audit_is_append_only ON audit", "");
    rc = db_run(c, NULL, e, "DROP TRIGGER IF EXISTS audit_is_not_changed", "");
    return rc < 0 ? rc : db_run(c, NULL, e, "DROP TRIGGER IF EXISTS audit_is_not_cut", "");
}

static int sql(struct db_conn *c, void *arg, struct err *e)
{
    const struct str *change = arg;

    int rc = untrigger(c, e);

    if (rc < 0)
        return rc;
    if (str_is(*change, "change"))
        return db_run(c, NULL, e, "UPDATE audit SET who = 'user eve' WHERE seq = 3", "");
    if (str_is(*change, "take out"))
        return db_run(c, NULL, e, "DELETE FROM audit WHERE seq = 2", "");
    if (str_is(*change, "first"))
        return db_run(c, NULL, e, "DELETE FROM audit WHERE seq = 1", "");
    if (str_is(*change, "cut"))
        return db_run(c, NULL, e, "DELETE FROM audit WHERE seq > 3", "");
    /* the same letters, in other fields */
    return db_run(
        c, NULL, e,
        "UPDATE audit SET what = what || substr(object, 1, 1), object = substr(object, 2) WHERE seq = 4", "");
}

static int untriggered(struct db_conn *c, void *arg, struct err *e)
{
    return db_run(c, NULL, e, arg ? "DELETE FROM audit WHERE seq = 1" : "UPDATE audit SET who = 'eve'", "");
}

static void fill(struct store *s, int n)
{
    struct err e = { 0 };

    for (int i = 0; i < n; i++) {
        const struct store_new_team t = { .name = i == 0   ? "a"
                                                  : i == 1 ? "b"
                                                  : i == 2 ? "c"
                                                  : i == 3 ? "d"
                                                           : "e",
                                          .by = { STR("user ann"), 1000 + i } };

        must(store_team_add(s, &t, &e), &e);
    }
}

static void chain_test(struct world *w)
{
    static const struct {
        const char *change;
        int64_t broken;
    } rows[] = { { "change", 3 }, { "take out", 2 }, { "first", 1 }, { "cut", 4 }, { "shift", 4 } };
    struct store_audit_check check = { 0 };
    struct err e = { 0 };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct store_options o = place(w, arena_printf(w->a, "%zu", i));
        AUTO_PTR(store) s = NULL;
        struct str change = str_of(rows[i].change);

        must(store_open(w->io, &o, &s, &e), &e);
        must(store_audit_check(s, w->a, &check, &e), &e);
        assert_true(check.rows == 0 && !check.broken); /* an empty log is whole */
        fill(s, 5);
        must(store_audit_check(s, w->a, &check, &e), &e);
        assert_true(check.rows == 5 && !check.broken);
        assert_true(db_write(s->db, untriggered, NULL, &e) < 0); /* the database itself refuses */
        assert_true(db_write(s->db, untriggered, w, &e) < 0);
        must(db_write(s->db, sql, &change, &e), &e);
        must(store_audit_check(s, w->a, &check, &e), &e);
        if (check.broken_seq != rows[i].broken || check.rows != rows[i].broken - 1)
            fail_msg("%s: row %lld, not %lld", rows[i].change, (long long)check.broken_seq,
                     (long long)rows[i].broken);
    }
}

static void the_first_row_that_was_touched_is_named(void **state)
{
    world_run(chain_test);
}

static void known_test(struct world *w)
{
    const struct store_options o = place(w, "slipway");
    AUTO_PTR(store) s = NULL;
    struct store_audit_check check = { 0 };
    struct err e = { 0 };

    must(store_open(w->io, &o, &s, &e), &e);
    fill(s, 3);
    must(store_audit_check(s, w->a, &check, &e), &e);
    check.known_seq = 3;
    check.known_hash = check.head;
    must(store_audit_check(s, w->a, &check, &e), &e);
    assert_null(check.broken);
    check.known_seq = 2; /* that is another row's */
    must(store_audit_check(s, w->a, &check, &e), &e);
    assert_int_equal(check.broken_seq, 2);
    check.known_seq = 4; /* once there were more */
    must(store_audit_check(s, w->a, &check, &e), &e);
    assert_int_equal(check.broken_seq, 4);
}

static void a_head_that_was_kept_elsewhere_must_be_in_the_chain(void **state)
{
    world_run(known_test);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_done_to_people_is_logged),
        cmocka_unit_test(what_is_done_to_queues_items_and_runs_is_logged),
        cmocka_unit_test(the_first_row_that_was_touched_is_named),
        cmocka_unit_test(a_head_that_was_kept_elsewhere_must_be_in_the_chain),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
