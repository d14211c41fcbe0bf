/* server/states, server/run_spec: the pure rules of the server, as tables. */
#include "server/states.h"

#include "../test.h"
#include "server/run_spec.h"
#include "server/templates.h"

static struct arena *a;

static int setup(void **state)
{
    a = arena_new();
    return 0;
}

static int teardown(void **state)
{
    arena_free(a);
    return 0;
}

static const struct jval *json(const char *text)
{
    const struct jval_limits wire = { .last_key_wins = true };
    struct jval *v = NULL;
    struct err e = { 0 };

    must(jval_from_json(a, str_of(text), "test", &wire, &v, &e), &e);
    return v;
}

static void an_item_moves_as_the_protocol_says(void **state)
{
    static const struct {
        enum item_state from;
        enum item_event ev;
        bool allowed;
        enum item_state to;
    } rows[] = {
        { ITEM_PENDING, ITEM_EV_LEASE, true, ITEM_LEASED },
        { ITEM_PENDING, ITEM_EV_ACK, false, 0 }, /* the lease ran out before the ack */
        { ITEM_PENDING, ITEM_EV_STOP_ASKED, true, ITEM_STOPPED },
        { ITEM_LEASED, ITEM_EV_LEASE_OVER, true, ITEM_PENDING },
        { ITEM_LEASED, ITEM_EV_ACK, true, ITEM_CLAIMED },
        { ITEM_LEASED, ITEM_EV_LEASE, false, 0 },
        { ITEM_LEASED, ITEM_EV_FAIL, true, ITEM_FAILED }, /* the agent fails before it acknowledges */
        { ITEM_LEASED, ITEM_EV_STOP_ASKED, true, ITEM_LEASED },
        { ITEM_CLAIMED, ITEM_EV_ACK, false, 0 }, /* a second ack */
        { ITEM_CLAIMED, ITEM_EV_LEASE_OVER, false, 0 },
        { ITEM_CLAIMED, ITEM_EV_STARTED, true, ITEM_RUNNING },
        { ITEM_CLAIMED, ITEM_EV_FINISH, true, ITEM_FINISHED }, /* a script without wandb.init */
        { ITEM_RUNNING, ITEM_EV_STARTED, true, ITEM_RUNNING },
        { ITEM_RUNNING, ITEM_EV_RUN_WAITS, true, ITEM_CLAIMED },
        { ITEM_RUNNING, ITEM_EV_SILENCE, true, ITEM_SILENT },
        { ITEM_FINISHED, ITEM_EV_FINISH, true, ITEM_FINISHED },
        { ITEM_FINISHED, ITEM_EV_FAIL, true, ITEM_FAILED }, /* the agent's check after the run */
        { ITEM_FINISHED, ITEM_EV_STARTED, false, 0 },
        { ITEM_FAILED, ITEM_EV_FINISH, true, ITEM_FAILED },
        { ITEM_STOPPED, ITEM_EV_FAIL, true, ITEM_STOPPED },
        { ITEM_SILENT, ITEM_EV_FINISH, true, ITEM_FINISHED },
        { ITEM_SILENT, ITEM_EV_STARTED, true, ITEM_RUNNING },
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        enum item_state to = ITEM_STATE_COUNT_;
        bool allowed = item_state_next(rows[i].from, rows[i].ev, &to);

        if (allowed != rows[i].allowed || (allowed && to != rows[i].to))
            fail_msg("row %zu: allowed %d, to %d", i, allowed, (int)to);
    }
}

static void an_ended_item_never_starts_again_unless_it_was_only_silent(void **state)
{
    static const enum item_state ends[] = { ITEM_FINISHED, ITEM_FAILED, ITEM_STOPPED };

    for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
        for (unsigned ev = 0; ev < ITEM_EVENT_COUNT_; ev++) {
            enum item_state to = ends[i];

            (void)item_state_next(ends[i], (enum item_event)ev, &to);
            assert_true(item_state_is_ended(to));
            assert_int_not_equal(to, ITEM_SILENT);
        }
    }
}

static void item_state_names_read_back_and_silence_shows_as_failed(void **state)
{
    for (unsigned i = 0; i < ITEM_STATE_COUNT_; i++) {
        enum item_state back = ITEM_STATE_COUNT_;

        assert_true(item_state_parse(str_of(item_state_name((enum item_state)i)), &back));
        assert_int_equal(back, i);
    }
    assert_string_equal(item_state_wire(ITEM_SILENT), "FAILED");
}

static void a_run_moves_by_what_it_posts(void **state)
{
    static const struct {
        enum run_state from;
        struct run_event ev;
        enum run_state to;
    } rows[] = {
        { RUN_PENDING, { RUN_EV_INIT, 0, false }, RUN_RUNNING },
        { RUN_PENDING, { RUN_EV_SILENCE, 0, false }, RUN_PENDING },
        { RUN_RUNNING, { RUN_EV_COMPLETE, 0, false }, RUN_FINISHED },
        { RUN_RUNNING, { RUN_EV_COMPLETE, 1, false }, RUN_FAILED },
        { RUN_RUNNING, { RUN_EV_COMPLETE, 255, true }, RUN_KILLED },
        { RUN_RUNNING, { RUN_EV_COMPLETE, 0, true }, RUN_FINISHED }, /* it was quicker than the stop */
        { RUN_RUNNING, { RUN_EV_SILENCE, 0, false }, RUN_CRASHED },
        { RUN_CRASHED, { RUN_EV_POST, 0, false }, RUN_RUNNING },
        { RUN_CRASHED, { RUN_EV_COMPLETE, 0, false }, RUN_FINISHED },
        { RUN_FINISHED, { RUN_EV_POST, 0, false }, RUN_FINISHED }, /* a late duplicate */
        { RUN_FINISHED, { RUN_EV_COMPLETE, 1, false }, RUN_FINISHED },
        { RUN_FAILED, { RUN_EV_INIT, 0, false }, RUN_RUNNING }, /* resumed */
        { RUN_RUNNING, { RUN_EV_PREEMPTING, 0, false }, RUN_PREEMPTING },
        { RUN_PREEMPTING, { RUN_EV_POST, 0, false }, RUN_PREEMPTING },
        { RUN_PREEMPTING, { RUN_EV_COMPLETE, 143, false }, RUN_PREEMPTED },
        { RUN_PREEMPTING, { RUN_EV_SILENCE, 0, false }, RUN_PREEMPTED },
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (run_state_next(rows[i].from, &rows[i].ev) != rows[i].to)
            fail_msg("row %zu gives %s", i, run_state_name(run_state_next(rows[i].from, &rows[i].ev)));
}

static void a_priority_needs_a_queue_that_has_them(void **state)
{
    int64_t priority = -1;

    assert_int_equal(priority_check(false, false, 0, &priority, NULL), 0);
    assert_int_equal(priority, PRIORITY_DEFAULT);
    assert_int_equal(priority_check(false, true, PRIORITY_DEFAULT, &priority, NULL), 0);
    assert_int_equal(priority_check(false, true, 0, &priority, NULL), -ERR_INVALID);
    assert_int_equal(priority_check(true, true, 0, &priority, NULL), 0);
    assert_int_equal(priority, 0);
    assert_int_equal(priority_check(true, true, 4, &priority, NULL), -ERR_INVALID);
    assert_int_equal(priority_check(true, true, -1, &priority, NULL), -ERR_INVALID);
}

static void the_spec_wins_over_the_queue_member_by_member(void **state)
{
    const struct spec_merge in = {
        .spec = json("{\"entity\":\"e\",\"resource\":null,\"resource_args\":{\"vertex\":{\"run\":{\"b\":2}}},"
                     "\"own\":[1]}"),
        .resource = STR("vertex"),
        .queue_config =
            json("{\"resource_args\":{\"vertex\":{\"spec\":{\"x\":1},\"run\":{\"a\":1,\"b\":1}}}}"),
        .author = STR("ann"),
    };
    const struct jval *merged = NULL;

    assert_int_equal(spec_merge(a, &in, &merged, NULL), 0);
    assert_true(jval_equal(
        merged,
        json("{\"entity\":\"e\",\"resource\":\"vertex\",\"resource_args\":{\"vertex\":{\"spec\":{\"x\":1},"
             "\"run\":{\"a\":1,\"b\":2}}},\"own\":[1],\"author\":\"ann\"}")));
}

static void a_spec_that_is_no_object_is_refused(void **state)
{
    static const char *const wrong[] = { "[]", "3", "null", "{\"resource_args\":[]}",
                                         "{\"overrides\":\"x\"}" };

    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        const struct spec_merge in = { .spec = json(wrong[i]) };
        const struct jval *merged = NULL;

        assert_int_equal(spec_merge(a, &in, &merged, NULL), -ERR_INVALID);
        assert_null(merged);
    }
}

#define VARIABLES                                                                                            \
    "{\"n\":{\"schema\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":8}},"                                \
    "\"kind\":{\"schema\":{\"type\":\"string\",\"enum\":[\"a\",\"b\"],\"default\":\"a\"}}}"

static void a_push_fills_the_config_and_records_the_values(void **state)
{
    const struct template_push push = {
        .config = json("{\"count\":\"{{ n }}\",\"name\":\"m-{{kind}}-{{n}}\"}"),
        .variables = json(VARIABLES),
        .values = json("{\"n\":4}"),
        .spec = json("{\"entity\":\"e\",\"template_variables\":{\"n\":7}}"),
    };
    const struct jval *config = NULL, *spec = NULL;

    assert_int_equal(templates_fill(a, &push, &config, &spec, NULL), 0);
    assert_true(jval_equal(config, json("{\"count\":4,\"name\":\"m-a-4\"}")));
    assert_int_equal(jval_int(jval_path(spec, "template_variables.n.value")), 4);
    assert_int_equal(jval_int(jval_path(spec, "template_variables.n.schema.maximum")), 8);
    assert_true(str_is(jval_str(jval_path(spec, "template_variables.kind.value")), "a"));
}

static void a_spec_that_comes_back_brings_its_values(void **state)
{
    struct template_push push = { .config = json("{\"count\":\"{{n}}\"}"),
                                  .variables = json(VARIABLES),
                                  .values = json("{\"n\":4}"),
                                  .spec = json("{}") };
    const struct jval *config = NULL, *spec = NULL;

    assert_int_equal(templates_fill(a, &push, &config, &push.spec, NULL), 0);
    push.values = NULL;
    assert_int_equal(templates_fill(a, &push, &config, &spec, NULL), 0);
    assert_int_equal(jval_int(jval_get(config, "count")), 4);
    push.variables = NULL; /* another queue */
    assert_int_equal(templates_fill(a, &push, &config, &spec, NULL), 0);
    assert_null(jval_get(spec, "template_variables"));
}

static void a_wrong_push_is_refused_with_all_that_is_wrong(void **state)
{
    const struct template_push push = { .config = json("{}"),
                                        .variables = json(VARIABLES),
                                        .values = json("{\"n\":9,\"kind\":\"c\",\"other\":1}"),
                                        .spec = json("{}") };
    const struct jval *config = NULL, *spec = NULL;
    struct err e = { 0 };

    assert_int_equal(templates_fill(a, &push, &config, &spec, &e), -ERR_INVALID);
    assert_string_equal(e.msg,
                        "this queue has no template variable \"other\"; {{n}}: expected an integer from 1 "
                        "to 8, got 9; did you mean 8?; {{kind}}: expected one of \"a\", \"b\", got \"c\"; "
                        "did you mean \"a\"?");
    assert_null(config);
    assert_null(spec);
}

static void names_are_checked(void **state)
{
    assert_int_equal(queue_name_check(STR("gpu queue-1.b"), NULL), 0);
    assert_int_equal(queue_name_check(STR(""), NULL), -ERR_INVALID);
    assert_int_equal(queue_name_check(STR("a/b"), NULL), -ERR_INVALID);
    assert_int_equal(queue_name_check((struct str){ "a\0b", 3 }, NULL), -ERR_INVALID);
    assert_int_equal(
        queue_name_check(STR("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"), NULL),
        -ERR_INVALID);
    assert_int_equal(run_name_check(STR("ab12cd34"), NULL), 0);
    assert_int_equal(run_name_check(STR("a:b"), NULL), -ERR_INVALID);
    assert_int_equal(project_name_check(STR("Über project"), NULL), 0);
    assert_int_equal(project_name_check(STR("a/b"), NULL), -ERR_INVALID);
    assert_int_equal(entity_name_check(STR("team-x"), NULL), 0);
    assert_int_equal(entity_name_check(STR("-x"), NULL), -ERR_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_item_moves_as_the_protocol_says),
        cmocka_unit_test(an_ended_item_never_starts_again_unless_it_was_only_silent),
        cmocka_unit_test(item_state_names_read_back_and_silence_shows_as_failed),
        cmocka_unit_test(a_run_moves_by_what_it_posts),
        cmocka_unit_test(a_priority_needs_a_queue_that_has_them),
        cmocka_unit_test(the_spec_wins_over_the_queue_member_by_member),
        cmocka_unit_test(a_spec_that_is_no_object_is_refused),
        cmocka_unit_test(a_push_fills_the_config_and_records_the_values),
        cmocka_unit_test(a_wrong_push_is_refused_with_all_that_is_wrong),
        cmocka_unit_test(a_spec_that_comes_back_brings_its_values),
        cmocka_unit_test(names_are_checked),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
