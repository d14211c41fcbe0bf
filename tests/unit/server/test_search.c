/* server/search: what a sweep's config means, and which values its runs get. */
#include "server/search/search.h"

#include <math.h>

#include "../launch/util.h"
#include "../test.h"
#include "server/search/dice.h"

static struct arena *a;

static int fresh(void **state)
{
    a = arena_new();
    return 0;
}

static int done(void **state)
{
    arena_free(a);
    return 0;
}

static const struct search *search_of(const char *text)
{
    const struct search *s = NULL;
    struct err e = { 0 };

    must(search_parse(a, yaml(a, text), &s, &e), &e);
    return s;
}

/* The one parameter of this text, as {min: 1, max: 2}. */
static const struct param *param_of(const char *text)
{
    return search_of(arena_printf(a, "method: random\nparameters: {x: %s}", text))->params.items;
}

static double value_of(const char *text, double unit)
{
    return jval_real(param_value(a, param_of(text), unit));
}

static const char *next_text(const struct search *s, uint64_t seed, int64_t position)
{
    const struct search_state state = { .seed = seed, .position = position };
    const struct jval *args = search_next(s, &state, a);

    return args ? jval_text(a, args, JVAL_COMPACT).ptr : "end";
}

/* --- distributions --- */

static void near(double is, double wanted)
{
    if (!(fabs(is - wanted) <= 1e-6 * fmax(1, fabs(wanted))))
        fail_msg("%.12g, wanted %.12g", is, wanted);
}

static void distributions_have_their_quantiles(void **state)
{
    near(value_of("{distribution: uniform, min: -2, max: 6}", 0.25), 0);
    near(value_of("{min: 1.0, max: 3}", 0.5), 2); /* not two whole numbers */
    near(value_of("{distribution: log_uniform, min: 0, max: 2}", 0.5), exp(1));
    near(value_of("{distribution: log_uniform_values, min: 0.0001, max: 1}", 0.25), 0.001);
    near(value_of("{distribution: inv_log_uniform_values, min: 0.0001, max: 1}", 0.25), 0.1);
    near(value_of("{distribution: inv_log_uniform, min: 0, max: 2}", 0.25), exp(-0.5));
    near(value_of("{distribution: normal}", 0.975), 1.959963984540054);
    near(value_of("{mu: 10, sigma: 2}", 0.158655253931457), 8);
    near(value_of("{distribution: log_normal, mu: 1, sigma: 0.5}", 0.5), exp(1));
    near(value_of("{distribution: beta, a: 2, b: 2}", 0.5), 0.5);
    near(value_of("{distribution: beta, a: 1, b: 2}", 0.64), 0.4); /* 1 - sqrt(1 - u) */
    near(value_of("{distribution: beta, a: 5, b: 1}", 0.03125), 0.5);
    near(value_of("{distribution: q_normal, mu: 10, sigma: 2, q: 0.5}", 0.16), 8);
    near(value_of("{distribution: q_beta, a: 1, b: 2, q: 0.25}", 0.64), 0.5);
    near(value_of("{distribution: q_uniform, min: 0, max: 1, q: 0.25}", 0.3), 0.25);
    near(value_of("{distribution: q_uniform, min: 0.3, max: 0.95, q: 0.25}", 0.001), 0.5);
    near(value_of("{distribution: q_uniform, min: 0.3, max: 0.95, q: 0.25}", 0.999), 0.75);
    near(value_of("{distribution: q_log_uniform_values, min: 1, max: 1024, q: 8}", 0.5), 32);
    near(value_of("{distribution: q_log_normal, mu: 3, sigma: 1, q: 4}", 0.5), 20);
}

static void whole_steps_give_whole_numbers(void **state)
{
    assert_true(
        jval_is(param_value(a, param_of("{distribution: q_uniform, min: 0, max: 64, q: 8}"), 0.4), JVAL_INT));
    assert_true(jval_is(param_value(a, param_of("{distribution: q_uniform, min: 0, max: 1, q: 0.5}"), 0.9),
                        JVAL_REAL));
}

static void integers_and_lists_take_each_value_as_often_as_they_shall(void **state)
{
    const struct param *three = param_of("{min: 1, max: 3}"),
                       *weighted = param_of("{values: [a, b, c], probabilities: [0.1, 0.7, 0.2]}");
    int ints[4] = { 0 }, letters[3] = { 0 };

    for (int i = 0; i < 3000; i++) {
        ints[jval_int(param_value(a, three, (i + 0.5) / 3000))]++;
        letters[*jval_str(param_value(a, weighted, (i + 0.5) / 3000)).ptr - 'a']++;
    }
    for (int i = 1; i <= 3; i++)
        assert_int_equal(ints[i], 1000);
    assert_int_equal(letters[0], 300);
    assert_int_equal(letters[1], 2100);
    assert_int_equal(letters[2], 600);
}

static void a_place_leads_back_to_its_value(void **state)
{
    static const char *const specs[] = {
        "{min: 1.0, max: 3.0}",
        "{min: -3, max: 12}",
        "{values: [1, x, 2.5, true]}",
        "{distribution: log_uniform_values, min: 1.0e-5, max: 10}",
        "{distribution: inv_log_uniform_values, min: 1.0e-5, max: 10}",
        "{distribution: normal, mu: 4, sigma: 3}",
        "{distribution: log_normal, mu: 0, sigma: 2}",
        "{distribution: beta, a: 0.5, b: 3}",
    };

    for (size_t i = 0; i < ARRAY_LEN(specs); i++) {
        const struct param *p = param_of(specs[i]);

        for (double unit = 0.05; unit < 1; unit += 0.1) {
            const struct jval *value = param_value(a, p, unit), *again;
            double back = -1;

            assert_true(param_unit(p, value, &back));
            again = param_value(a, p, back);
            if (jval_is(value, JVAL_REAL))
                near(jval_real(again), jval_real(value));
            else
                assert_true(jval_equal(again, value));
        }
    }
    assert_false(param_unit(param_of("{values: [1, 2]}"), jval_new_int(a, 3), &(double){ 0 }));
    assert_false(param_unit(param_of("{min: 1, max: 2}"), jval_new_int(a, 3), &(double){ 0 }));
    assert_false(param_unit(param_of("{min: 1, max: 2}"), jval_new_cstr(a, "1"), &(double){ 0 }));
}

/* --- configs --- */

static void errors_name_the_key_and_what_to_write(void **state)
{
    static const struct {
        const char *config, *error;
    } wrong[] = {
        { "[]", "method and parameters" },
        { "{parameters: {x: {value: 1}}}", "method: write grid, random, bayes or custom" },
        { "{method: random}", "parameters: write an object" },
        { "{method: random, parameters: {}}", "parameters is empty: write at least one" },
        { "{method: random, parameters: {x: 1}}", "parameters.x is no object: write one" },
        { "{method: random, parameters: {x: {}}}", "parameters.x: write value, values, or min and max" },
        { "{method: random, parameters: {x: {min: 1}}}", "parameters.x.max is missing" },
        { "{method: random, parameters: {x: {min: 1e-3, max: 1.0}}}",
          "parameters.x.min: '1e-3' is a text to YAML" },
        { "{method: random, parameters: {x: {min: 2, max: 1}}}", "parameters.x: min is over max" },
        { "{method: random, parameters: {x: {values: []}}}", "parameters.x.values: write a list" },
        { "{method: random, parameters: {x: {values: [1, 2], probabilities: [1]}}}", "each of the 2 values" },
        { "{method: random, parameters: {x: {values: [1, 2], probabilities: [1, 0.5]}}}",
          "sum up to 1.5: make it 1" },
        { "{method: random, parameters: {x: {distribution: gamma}}}",
          "parameters.x.distribution: 'gamma' is none" },
        { "{method: random, parameters: {x: {distribution: log_uniform_values, min: 0, max: 1}}}",
          "parameters.x.min must be over 0" },
        { "{method: random, parameters: {x: {distribution: log_uniform, min: 1, max: 4096}}}",
          "write log_uniform_values" },
        { "{method: random, parameters: {x: {distribution: q_uniform, min: 1, max: 2, q: 5}}}",
          "make q smaller" },
        { "{method: random, parameters: {x: {distribution: normal, sigma: 0}}}",
          "parameters.x.sigma must be over 0" },
        { "{method: random, parameters: {x: {parameters: {y: {min: 1.0}}}}}",
          "parameters.x.parameters.y.max is missing" },
        { "{method: grid, parameters: {x: {min: 1.0, max: 2.0}}}", "parameters.x has no end of values" },
        { "{method: bayes, parameters: {x: {min: 1.0, max: 2.0}}}",
          "metric is missing, which method bayes needs" },
        { "{method: random, metric: {goal: minimize}, parameters: {x: {value: 1}}}",
          "metric.name is missing" },
        { "{method: random, metric: {name: l, goal: least}, parameters: {x: {value: 1}}}",
          "metric.goal: write minimize" },
        { "{method: random, run_cap: 0, parameters: {x: {value: 1}}}", "run_cap: write a whole number" },
        { "{method: random, early_terminate: {type: envelope}, parameters: {x: {value: 1}}}",
          "write hyperband" },
        { "{method: random, early_terminate: {type: hyperband}, parameters: {x: {value: 1}}}",
          "either min_iter, or" },
        { "{method: random, early_terminate: {type: hyperband, max_iter: 9}, parameters: {x: {value: 1}}}",
          "early_terminate.s is missing" },
        { "{method: random, early_terminate: {type: hyperband, min_iter: 3}, parameters: {x: {value: 1}}}",
          "metric is missing, which early_terminate needs" },
    };

    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        const struct search *s = NULL;
        struct err e = { 0 };

        assert_true(search_parse(a, yaml(a, wrong[i].config), &s, &e) < 0);
        if (!strstr(e.msg, wrong[i].error))
            fail_msg("%s\n is answered with: %s\n wanted: %s", wrong[i].config, e.msg, wrong[i].error);
    }
}

static void keys_that_do_nothing_are_warned_of(void **state)
{
    const struct search *s =
        search_of("{method: random, metrics: {name: l}, xyzzy: 1, parameters: {x: {value: 1}}}");

    assert_int_equal(jval_len(s->warnings), 2);
    assert_non_null(strstr(jval_str(jval_at(s->warnings, 0)).ptr, "'metrics'"));
    assert_non_null(strstr(jval_str(jval_at(s->warnings, 0)).ptr, "did you mean 'metric'?"));
}

static void a_custom_method_and_a_controller_of_the_users_own_are_not_searched(void **state)
{
    assert_string_equal(next_text(search_of("{method: custom}"), 1, 0), "end");
    assert_string_equal(
        next_text(search_of("{method: grid, controller: {type: local}, parameters: {x: {value: 1}}}"), 1, 0),
        "end");
}

/* --- grid and random --- */

static void a_grid_has_each_combination_once(void **state)
{
    const struct search *s =
        search_of("{method: grid, parameters: {a: {values: [1, 2, 3]}, b: {min: 0, max: 1},"
                  " c: {value: k}, d: {parameters: {e: {distribution: q_uniform, min: 0, max: 1,"
                  " q: 0.5}}}}}");
    const char *seen[18];

    assert_int_equal(search_count(s), 18);
    for (int i = 0; i < 18; i++) {
        seen[i] = next_text(s, 7, i);
        for (int k = 0; k < i; k++)
            assert_string_not_equal(seen[i], seen[k]);
    }
    assert_string_equal(
        seen[0],
        "{\"a\":{\"value\":1},\"b\":{\"value\":0},\"c\":{\"value\":\"k\"},\"d\":{\"value\":{\"e\":0.0}}}");
    assert_string_equal(
        seen[17],
        "{\"a\":{\"value\":3},\"b\":{\"value\":1},\"c\":{\"value\":\"k\"},\"d\":{\"value\":{\"e\":1.0}}}");
    assert_string_equal(next_text(s, 7, 18), "end");
}

static void a_grid_larger_than_numbers_go_ends_nowhere_near(void **state)
{
    const struct search *s =
        search_of("{method: grid, parameters: {a: {min: 0, max: 9007199254740991}, b: {min: 0, max:"
                  " 9007199254740991}}}");

    assert_int_equal(search_count(s), INT64_C(1) << 53);
    assert_string_equal(next_text(s, 7, INT64_C(1) << 52),
                        "{\"a\":{\"value\":0},\"b\":{\"value\":4503599627370496}}");
}

static void the_run_cap_ends_a_search(void **state)
{
    const struct search *s = search_of("{method: random, run_cap: 2, parameters: {x: {min: 0.0, max: 1.0}}}");

    assert_int_equal(search_count(s), 2);
    assert_string_not_equal(next_text(s, 1, 1), "end");
    assert_string_equal(next_text(s, 1, 2), "end");
}

static void random_values_hang_on_seed_and_position_alone(void **state)
{
    const struct search *s =
        search_of("{method: random, parameters: {x: {min: 0.0, max: 1.0}, o: {parameters: {y: {min:"
                  " 1, max: 100}}}}}");

    assert_string_equal(next_text(s, 42, 0),
                        "{\"x\":{\"value\":0.38697427624004094},\"o\":{\"value\":{\"y\":93}}}");
    assert_string_equal(next_text(s, 42, 0), next_text(s, 42, 0));
    assert_string_not_equal(next_text(s, 42, 0), next_text(s, 42, 1));
    assert_string_not_equal(next_text(s, 42, 0), next_text(s, 43, 0));
    assert_int_equal(search_count(s), 0);
}

static void dice_are_spread_evenly(void **state)
{
    int tenths[10] = { 0 };

    for (uint64_t position = 0; position < 10000; position++) {
        struct dice d = dice_of(5, position);

        tenths[(int)(dice_unit(&d) * 10)]++;
    }
    for (int i = 0; i < 10; i++)
        assert_in_range(tenths[i], 900, 1100);
}

/* --- bayes --- */

enum { RUNS = 40 };
static const char *const plane = "parameters: {x: {min: -5.0, max: 10.0}, y: {min: 0.0, max: 15.0}}}";

/* Branin's function, a hilly plane whose three lowest points are at 0.3979. */
static double branin(double x, double y)
{
    double bend = y - 5.1 / (4 * M_PI * M_PI) * x * x + 5 / M_PI * x - 6;

    return bend * bend + 10 * (1 - 1 / (8 * M_PI)) * cos(x) + 10;
}

/* How many runs it takes to get under @wanted; RUNS when it does not. */
static int runs_until(const struct search *s, uint64_t seed, double wanted)
{
    struct search_run runs[RUNS];
    struct search_state state = { .seed = seed, .runs = runs };

    for (state.position = 0; state.position < RUNS; state.position++) {
        const struct jval *args = search_next(s, &state, a);
        double loss = branin(jval_real(jval_path(args, "x.value")), jval_real(jval_path(args, "y.value")));

        if (loss < wanted)
            return (int)state.position + 1;
        runs[state.run_count++] = (struct search_run){
            .args = args, .ended = true, .has_loss = true, .loss = s->metric.maximize ? -loss : loss
        };
    }
    return RUNS;
}

static void bayes_needs_fewer_runs_than_random_search(void **state)
{
    const struct search *bayes =
                            search_of(arena_printf(a, "{method: bayes, metric: {name: loss}, %s", plane)),
                        *random = search_of(arena_printf(a, "{method: random, %s", plane)),
                        *up = search_of(arena_printf(
                            a, "{method: bayes, metric: {name: loss, goal: maximize}, %s", plane));
    int by_bayes = 0, by_random = 0, found = 0;

    for (uint64_t seed = 1; seed <= 6; seed++) {
        int needed = runs_until(bayes, seed, 0.6);

        found += needed < RUNS;
        by_bayes += needed;
        by_random += runs_until(random, seed, 0.6);
        assert_int_equal(runs_until(up, seed, 0.6), needed);
    }
    print_message("runs until Branin's function is under 0.6, six seeds: bayes %d, random %d\n", by_bayes,
                  by_random);
    assert_int_equal(found, 6);
    assert_true(by_bayes * 3 < by_random * 2);
}

static void bayes_finds_the_best_of_a_list_and_a_number(void **state)
{
    const struct search *s =
        search_of("{method: bayes, metric: {name: loss}, parameters: {kind: {values: [a, b, c, d]},"
                  " n: {min: 1, max: 50}, fixed: {value: 3}}}");
    struct search_run runs[30];
    struct search_state st = { .seed = 3, .runs = runs };
    double best = 1e9;

    for (; st.position < 30; st.position++) {
        const struct jval *args = search_next(s, &st, a);
        double loss = fabs((double)jval_int(jval_path(args, "n.value")) - 37) / 10 +
                      (str_is(jval_str(jval_path(args, "kind.value")), "c") ? 0 : 2);

        best = fmin(best, loss);
        runs[st.run_count++] =
            (struct search_run){ .args = args, .ended = true, .has_loss = true, .loss = loss };
    }
    assert_true(best <= 0.1);
}

static void agents_that_ask_at_once_get_different_points(void **state)
{
    const struct search *s = search_of(arena_printf(a, "{method: bayes, metric: {name: loss}, %s", plane));
    struct search_run runs[20];
    struct search_state st = { .seed = 1, .runs = runs };
    double x[20], y[20];

    for (; st.position < 20; st.position++) {
        const struct jval *args = search_next(s, &st, a);
        bool ended = st.position < 12;

        x[st.position] = jval_real(jval_path(args, "x.value"));
        y[st.position] = jval_real(jval_path(args, "y.value"));
        for (int64_t i = 12; i < st.position; i++)
            assert_true(fabs(x[i] - x[st.position]) + fabs(y[i] - y[st.position]) > 0.01);
        runs[st.run_count++] = (struct search_run){
            .args = args, .ended = ended, .has_loss = ended, .loss = branin(x[st.position], y[st.position])
        };
    }
}

static void runs_that_are_not_of_the_space_are_passed_over(void **state)
{
    const struct search *s = search_of(arena_printf(a, "{method: bayes, metric: {name: loss}, %s", plane));
    const struct search_run odd[] = {
        { .args = NULL, .ended = true, .has_loss = true, .loss = 1 },
        { .args = json(a, "{\"x\":{\"value\":\"text\"},\"y\":{\"value\":1}}"),
          .ended = true,
          .has_loss = true },
        { .args = json(a, "{\"x\":5}"), .ended = true },
    };
    const struct search_state st = { .seed = 1, .position = 30, .runs = odd, .run_count = ARRAY_LEN(odd) };

    assert_non_null(search_next(s, &st, a));
}

static void a_metric_is_found_by_its_name_or_by_its_path(void **state)
{
    const struct search_metric m = { .name = STR("val.loss") };
    double v = 0;

    assert_true(search_metric_of(&m, json(a, "{\"val.loss\": 2}"), &v));
    near(v, 2);
    assert_true(search_metric_of(&m, json(a, "{\"val\": {\"loss\": 0.5}}"), &v));
    near(v, 0.5);
    assert_false(search_metric_of(&m, json(a, "{\"val\": {\"loss\": \"NaN\"}}"), &v));
    assert_false(search_metric_of(&m, NULL, &v));
}

/* --- hyperband --- */

static const struct bands *bands_of(const char *early)
{
    return &search_of(arena_printf(
                          a,
                          "{method: random, metric: {name: l}, parameters: {x: {value: 1}}, early_terminate:"
                          " {type: hyperband, %s}}",
                          early))
                ->bands;
}

static void bands_are_those_of_hyperband(void **state)
{
    const struct bands *b = bands_of("min_iter: 3");

    assert_int_equal(b->at[0], 3);
    assert_int_equal(b->at[1], 9);
    assert_int_equal(b->at[2], 27);
    b = bands_of("max_iter: 27, s: 2");
    assert_int_equal(b->len, 2);
    assert_int_equal(b->at[0], 3);
    assert_int_equal(b->at[1], 9);
    b = bands_of("max_iter: 32, s: 3, eta: 2, strict: true");
    assert_int_equal(b->len, 3);
    assert_int_equal(b->at[0], 4);
    assert_int_equal(b->at[2], 16);
    assert_true(b->strict);
}

static void the_best_third_goes_on(void **state)
{
    const double others[] = { 1, 2, 3, 4, 5 };
    const struct bands *b = bands_of("min_iter: 1");

    assert_true(bands_keep(b, 9, others, 1, false)); /* of two there is no third */
    assert_true(bands_keep(b, 0.5, others, 5, false));
    assert_true(bands_keep(b, 1.5, others, 5, false));
    assert_false(bands_keep(b, 2.5, others, 5, false));
    assert_true(bands_keep(b, 4.5, others, 5, true));
    assert_false(bands_keep(b, 3.5, others, 5, true));
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, fresh, done)
    const struct CMUnitTest tests[] = {
        T(distributions_have_their_quantiles),
        T(whole_steps_give_whole_numbers),
        T(integers_and_lists_take_each_value_as_often_as_they_shall),
        T(a_place_leads_back_to_its_value),
        T(errors_name_the_key_and_what_to_write),
        T(keys_that_do_nothing_are_warned_of),
        T(a_custom_method_and_a_controller_of_the_users_own_are_not_searched),
        T(a_grid_has_each_combination_once),
        T(a_grid_larger_than_numbers_go_ends_nowhere_near),
        T(the_run_cap_ends_a_search),
        T(random_values_hang_on_seed_and_position_alone),
        T(dice_are_spread_evenly),
        T(bayes_needs_fewer_runs_than_random_search),
        T(bayes_finds_the_best_of_a_list_and_a_number),
        T(agents_that_ask_at_once_get_different_points),
        T(runs_that_are_not_of_the_space_are_passed_over),
        T(a_metric_is_found_by_its_name_or_by_its_path),
        T(bands_are_those_of_hyperband),
        T(the_best_third_goes_on),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
