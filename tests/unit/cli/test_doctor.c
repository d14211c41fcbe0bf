/* What `slipway doctor` cannot be shown from outside: a disk that is nearly full. */
#include "../test.h"

#include "cli/doctor/doctor.h"

#define MIB UINT64_C(1048576)

static void little_space_is_a_warning_and_none_a_problem(void **state)
{
    enum finding_level level = FINDING_OK;

    assert_false(doctor_space_level(100 * MIB, &level));
    assert_true(doctor_space_level(100 * MIB - 1, &level));
    assert_int_equal(level, FINDING_WARNING);
    assert_true(doctor_space_level(10 * MIB, &level));
    assert_int_equal(level, FINDING_WARNING);
    assert_true(doctor_space_level(10 * MIB - 1, &level));
    assert_int_equal(level, FINDING_PROBLEM);
}

static void findings_are_counted_by_what_they_mean(void **state)
{
    AUTO_PTR(arena) a = arena_new();
    struct findings f = { .a = a };

    for (int level = FINDING_OK; level <= FINDING_PROBLEM; level++)
        finding_add(&f, &(struct finding){ .level = (enum finding_level)level, .id = "x", .title = "t" });
    finding_add(&f, &(struct finding){ .level = FINDING_PROBLEM, .id = "y", .title = "t" });
    assert_int_equal(f.problems, 2);
    assert_int_equal(f.warnings, 1);
    assert_true(str_is(jval_str(jval_path(findings_value(a, &f), "findings.1.level")), "not_checked"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(little_space_is_a_warning_and_none_a_problem),
        cmocka_unit_test(findings_are_counted_by_what_they_mean),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
