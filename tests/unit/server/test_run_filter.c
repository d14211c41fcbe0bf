/* server: conditions on runs, in the words of MongoDB that W&B's clients send. */
#include "server/run_filter.h"

#include "../test.h"

/* 2026-01-02T03:04:05Z */
enum { SECOND = 1000, HOUR = 3600 * SECOND };
static const int64_t START = 1767323045000;

/* The names of those that match, or the error's text. */
static const char *found(struct arena *a, const char *text)
{
    const struct store_run runs[] = {
        { .id = 1,
          .name = STR("a"),
          .display_name = STR("eager-fox-1"),
          .state = RUN_FINISHED,
          .group_name = STR("g"),
          .job_type = STR("train"),
          .username = STR("ann"),
          .tags = STR("[\"x\",\"y\"]"),
          .config = STR("{\"lr\":{\"value\":0.1},\"net\":{\"value\":{\"depth\":3}},\"a.b\":{\"value\":1},"
                        "\"sizes\":{\"value\":[1,2]}}"),
          .summary = STR("{\"loss\":0.5,\"val\":{\"acc\":0.9},\"val/acc\":1}"),
          .created_unix_ms = START,
          .heartbeat_unix_ms = START + HOUR },
        { .id = 2,
          .name = STR("b"),
          .state = RUN_RUNNING,
          .sweep = STR("s1"),
          .config = STR("{\"lr\":{\"value\":1}}"),
          .summary = STR("{\"loss\":\"NaN\"}"),
          .created_unix_ms = START + 24 * HOUR,
          .heartbeat_unix_ms = START + 24 * HOUR + 10 * SECOND },
        { .id = 3,
          .name = STR("c"),
          .display_name = STR("Eager-fox-2"),
          .state = RUN_FAILED,
          .sweep = STR("s1"),
          .tags = STR("[]"),
          .config = STR("no JSON"),
          .created_unix_ms = START + 48 * HOUR,
          .heartbeat_unix_ms = START + 48 * HOUR },
    };
    const struct run_filter *f = NULL;
    struct err e = { 0 };
    char *names = arena_alloc(a, ARRAY_LEN(runs) + 1);
    size_t len = 0;

    if (run_filter_read(a, str_of(text), &f, &e) < 0)
        return arena_strdup(a, e.msg);
    for (size_t i = 0; i < ARRAY_LEN(runs); i++) {
        struct run_view v = { .a = a, .run = &runs[i] };

        if (run_filter_matches(f, &v))
            names[len++] = runs[i].name.ptr[0];
    }
    return names;
}

static void each_word_finds_what_it_says(void **state)
{
    static const struct {
        const char *filter, *names;
    } rows[] = {
        { "", "abc" },
        { "null", "abc" },
        { "{}", "abc" },
        { "{\"name\":\"b\"}", "b" },
        { "{\"state\":\"finished\"}", "a" },
        { "{\"state\":{\"$ne\":\"finished\"}}", "bc" },
        { "{\"state\":{\"$in\":[\"failed\",\"running\"]},\"sweep\":\"s1\"}", "bc" },
        { "{\"state\":{\"$nin\":[\"failed\",\"running\"]}}", "a" },
        { "{\"sweep\":null}", "a" },
        { "{\"sweep\":{\"$exists\":true}}", "bc" },
        { "{\"sweep\":{\"$exists\":false}}", "a" },
        { "{\"display_name\":\"b\"}", "b" }, /* what is shown when there is none */
        { "{\"displayName\":{\"$regex\":\"^[Ee]ager-\"}}", "ac" },
        { "{\"jobType\":\"train\",\"group\":\"g\",\"username\":\"ann\"}", "a" },
        { "{\"tags\":\"x\"}", "a" },
        { "{\"tags\":{\"$in\":[\"y\",\"z\"]}}", "a" },
        { "{\"tags\":{\"$ne\":\"x\"}}", "bc" },
        { "{\"tags\":{\"$nin\":[\"z\"]}}", "abc" },
        { "{\"tags\":[]}", "c" },
        { "{\"config.lr\":0.1}", "a" },
        { "{\"config.lr.value\":1.0}", "b" },
        { "{\"config.lr\":{\"$gt\":0.1}}", "b" },
        { "{\"config.lr\":{\"$gte\":0.1,\"$lt\":1}}", "a" },
        { "{\"config.lr\":{\"$gt\":\"0\"}}", "" }, /* numbers are neither above nor below texts */
        { "{\"config.net.depth\":3}", "a" },
        { "{\"config.net.value.depth\":3}", "" },
        { "{\"config.net\":{\"depth\":3}}", "a" },
        { "{\"config.a.b\":1}", "a" },
        { "{\"config.sizes\":2}", "a" },
        { "{\"config.nope\":{\"$exists\":true}}", "" },
        { "{\"summary_metrics.loss\":{\"$lte\":0.5}}", "a" },
        { "{\"summaryMetrics.loss\":\"NaN\"}", "b" },
        { "{\"summary_metrics.val.acc\":{\"$gt\":0.8}}", "a" },
        { "{\"summary_metrics.val/acc\":1}", "a" },
        { "{\"created_at\":{\"$gt\":\"2026-01-02T03:04:05Z\"}}", "bc" },
        { "{\"createdAt\":{\"$gte\":\"2026-01-02T03:04:05\",\"$lt\":\"2026-01-04\"}}", "ab" },
        { "{\"created_at\":{\"$in\":[\"2026-01-02T03:04:05.000Z\"]}}", "a" },
        { "{\"heartbeat_at\":{\"$lte\":\"2026-01-02T04:04:05Z\"}}", "a" },
        { "{\"duration\":{\"$gte\":10}}", "ab" },
        { "{\"$and\":[{\"sweep\":\"s1\"},{\"$or\":[{\"name\":\"c\"},{\"name\":\"a\"}]}]}", "c" },
        { "{\"$or\":[{\"name\":\"a\"},{\"state\":\"failed\"}]}", "ac" },
        { "{\"$or\":[]}", "" },
        { "{\"$nor\":[{\"name\":\"a\"},{\"state\":\"failed\"}]}", "b" },
        { "{\"$not\":{\"name\":\"a\"}}", "bc" },
        { "{\"config.lr\":{\"$not\":{\"$gt\":0.5}}}", "ac" },
        { "{\"state\":{\"$eq\":\"failed\"}}", "c" },
    };
    struct arena *a = arena_new();

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (strcmp(found(a, rows[i].filter), rows[i].names) != 0)
            fail_msg("%s finds \"%s\", not \"%s\"", rows[i].filter, found(a, rows[i].filter), rows[i].names);
    arena_free(a);
}

static void what_is_not_understood_is_refused(void **state)
{
    static const struct {
        const char *filter, *words; /* that the error has in it */
    } rows[] = {
        { "{", "filters:1:" },
        { "[]", "an object is wanted" },
        { "3", "an object is wanted" },
        { "{\"color\":1}", "runs have no field \"color\"" },
        { "{\"config.\":1}", "runs have no field \"config.\"" },
        { "{\"$where\":\"1\"}", "\"$where\" is not known" },
        { "{\"name\":{\"$where\":1}}", "\"$where\" is not known" },
        { "{\"$gt\":3}", "stands behind a field" },
        { "{\"$and\":{\"name\":\"a\"}}", "takes a list" },
        { "{\"name\":{\"$or\":[]}}", "outside of a field" },
        { "{\"name\":{\"$not\":\"a\"}}", "$not before words" },
        { "{\"name\":{\"$in\":\"a\"}}", "take a list" },
        { "{\"name\":{\"$exists\":1}}", "true or false" },
        { "{\"name\":{\"$regex\":1}}", "takes a text" },
        { "{\"name\":{\"$regex\":\"(\"}}", "$regex: column 2" },
        { "{\"created_at\":{\"$gt\":\"yesterday\"}}", "a time is written" },
        { "{\"created_at\":{\"$in\":[3]}}", "a time is written" },
    };
    struct arena *a = arena_new();
    AUTO_STRBUF struct strbuf many = STRBUF(100000);

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (!strstr(found(a, rows[i].filter), rows[i].words))
            fail_msg("%s: \"%s\" has no \"%s\" in it", rows[i].filter, found(a, rows[i].filter),
                     rows[i].words);
    for (int i = 0; i < 600; i++)
        strbuf_addf(&many, "%s{\"name\":\"a\"}", i ? "," : "{\"$or\":[");
    strbuf_addz(&many, "]}");
    assert_non_null(strstr(found(a, strbuf_cstr(&many)), "more than 500 conditions"));
    arena_free(a);
}

static void the_sweep_of_all_matches_is_known(void **state)
{
    static const struct {
        const char *filter, *sweep;
        bool alone;
    } rows[] = {
        { "{\"sweep\":\"s\"}", "s", true },
        { "{\"$and\":[{\"sweep\":\"s\"}]}", "s", true },
        { "{\"sweep\":{\"$eq\":\"s\"}}", "s", true },
        { "{\"sweep\":\"s\",\"name\":\"a\"}", "s", false },
        { "{\"$and\":[{\"name\":\"a\"},{\"sweep\":\"s\"}]}", "s", false },
        { "{\"$or\":[{\"sweep\":\"s\"}]}", NULL, false },
        { "{\"$nor\":[{\"sweep\":\"s\"}]}", NULL, false },
        { "{\"sweep\":{\"$ne\":\"s\"}}", NULL, false },
        { "{}", NULL, false },
    };
    struct arena *a = arena_new();

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct run_filter *f = NULL;
        struct err e = { 0 };
        bool alone = false;
        struct str sweep;

        assert_int_equal(run_filter_read(a, str_of(rows[i].filter), &f, &e), 0);
        sweep = run_filter_sweep(f, &alone);
        if ((rows[i].sweep ? !str_is(sweep, rows[i].sweep) : sweep.ptr != NULL) ||
            (sweep.ptr && alone != rows[i].alone))
            fail_msg("%s: %.*s, %d", rows[i].filter, STR_ARG(sweep), alone);
    }
    arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_word_finds_what_it_says),
        cmocka_unit_test(what_is_not_understood_is_refused),
        cmocka_unit_test(the_sweep_of_all_matches_is_known),
    };

    return cmocka_run_group_tests_name("run_filter", tests, NULL, NULL);
}
