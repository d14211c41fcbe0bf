/* The conditions of policy bindings, and the parts of a path. */
#include "../test.h"

#include "emulator/condition.h"
#include "emulator/route.h"

static void a_condition_holds_as_cel_says(void **state)
{
    const struct condition_context object = { STR("projects/_/buckets/b/objects/run/x"), 1767225600000 };
    static const struct {
        const char *expression;
        bool holds;
    } rows[] = {
        { "", true },
        { "resource.name.startsWith(\"projects/_/buckets/b/objects/run/\")", true },
        { "resource.name.startsWith(\"projects/_/buckets/c\")", false },
        { "resource.name.endsWith('/x')", true },
        { "resource.name.extract('/buckets/{b}/objects/') == 'b'", true },
        { "resource.name.extract('/buckets/{b}/objects/') == 'c'", false },
        { "resource.name.extract('/secrets/{b}/versions/') == ''", true },
        { "resource.name.extract('nothing') == ''", false },
        { "resource.name == 'projects/_/buckets/b/objects/run/x'", true },
        { "resource.name != 'projects/_/buckets/b/objects/run/x'", false },
        { "resource.type == \"storage.googleapis.com/Object\"", true },
        { "resource.service == \"storage.googleapis.com\"", true },
        { "resource.type == 'x' || resource.service == 'storage.googleapis.com'", true },
        { "resource.type == 'x' && resource.service == 'storage.googleapis.com'", false },
        { "resource.type == 'x' && false_thing", false },
        { "!(resource.type == 'x') && (resource.service != 'y')", true },
        { "request.time < timestamp('2026-06-01T00:00:00Z')", true },
        { "request.time > timestamp('2026-06-01T00:00:00Z')", false },
        { "resource.type == 'x' || (", false },
        { "resource.name.startsWith(x)", false },
        { "true", false },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (condition_holds(str_of(rows[i].expression), &object) != rows[i].holds)
            fail_msg("%s: not %d", rows[i].expression, rows[i].holds);
}

static void what_cannot_be_evaluated_is_said_to_be_invalid(void **state)
{
    char deep[4000];

    (void)state;
    memset(deep, '!', sizeof(deep));
    assert_true(condition_is_valid(STR("resource.name == \"x\"")));
    assert_false(condition_is_valid(STR("resource.name == \"x")));
    assert_false(condition_is_valid(STR("resource.name.matches(\"x\")")));
    assert_false(condition_is_valid(STR("resource.name == \"a\\\"b\"")));
    assert_false(condition_is_valid((struct str){ deep, sizeof(deep) }));
}

static void a_path_is_parts_and_a_verb(void **state)
{
    struct route r = route_split(STR("/v1/projects/p/secrets/s:addVersion"));

    (void)state;
    assert_true(route_is(&r, "v1/projects/*/secrets/*"));
    assert_false(route_is(&r, "v1/projects/*/secrets"));
    assert_false(route_is(&r, "v1/projects/*/secrets/*/versions"));
    assert_true(str_is(r.verb, "addVersion"));
    assert_true(str_is(route_tail(&r, 2), "p/secrets/s"));
    assert_int_equal(route_split(STR("/v1//x")).count, 0);
    assert_int_equal(route_split(STR("/1/2/3/4/5/6/7/8/9/10/11/12/13")).count, 0);
    assert_int_equal(route_split(STR("/")).count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_condition_holds_as_cel_says),
        cmocka_unit_test(what_cannot_be_evaluated_is_said_to_be_invalid),
        cmocka_unit_test(a_path_is_parts_and_a_verb),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
