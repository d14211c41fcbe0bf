/*
 * What is said of wrong, odd and right configs, word for word: catalogue/TOPIC.txt. A case is "=== title",
 * the config, "=>", and the messages. SLIPWAY_CATALOGUE=write makes the messages anew: read them as the
 * person who wrote the config would (what is wrong, where, what was expected, what to do) before you commit
 * them.
 */
#include "launch/render.h"

#include <stdio.h>
#include <stdlib.h>

#include "util.h"

enum { FILE_BYTES = 1 << 20 };

struct tally {
    size_t cases, errors, warnings;
};

/* --- reading -------------------------------------------------------------------------------------------- */

static const char *path_of(struct arena *a, const char *topic)
{
    return arena_printf(a, SOURCE_ROOT "/tests/unit/launch/catalogue/%s.txt", topic);
}

static struct str read_topic(struct arena *a, const char *topic)
{
    char *text = arena_alloc(a, FILE_BYTES);
    FILE *f = fopen(path_of(a, topic), "rb");
    size_t len;

    if (!f)
        fail_msg("cannot open %s", path_of(a, topic));
    len = fread(text, 1, FILE_BYTES - 1, f);
    fclose(f);
    return (struct str){ text, len };
}

/* What stands before @mark at the beginning of a line; @rest moves behind it. All when there is none. */
static struct str take_until(struct str *rest, const char *mark)
{
    struct str all = *rest;
    ptrdiff_t at = str_find(all, str_of(mark));

    *rest = at < 0 ? (struct str){ all.ptr + all.len, 0 } : str_sub(all, (size_t)at + strlen(mark), all.len);
    return at < 0 ? all : str_sub(all, 0, (size_t)at);
}

/* --- checking ------------------------------------------------------------------------------------------- */

static const char *messages(struct arena *a, struct str config, struct tally *t)
{
    struct problems p = { .a = a, .file = "" };
    struct jval *v = NULL;
    struct err e = { 0 };

    if (jval_from_yaml(a, config, "config", NULL, &v, &e)) {
        t->errors++;
        return arena_printf(a, "%s\n", e.msg);
    }
    (void)!queue_config_check(v, &p, &e);
    t->errors += p.errors;
    t->warnings += p.warnings;
    return problems_text(&p);
}

static void check_topic(const char *topic, struct tally *t)
{
    AUTO_PTR(arena) a = arena_new();
    AUTO_STRBUF struct strbuf again = STRBUF(FILE_BYTES);
    struct str rest = read_topic(a, topic);

    (void)take_until(&rest, "=== ");
    while (rest.len > 0) {
        struct str title = take_until(&rest, "\n");
        struct str config = take_until(&rest, "=>\n"), want = take_until(&rest, "=== ");
        const char *got = messages(a, config, t);

        t->cases++;
        strbuf_addf(&again, "=== %.*s\n%.*s=>\n%s", STR_ARG(title), STR_ARG(config), got);
        if (!getenv("SLIPWAY_CATALOGUE") && !str_is(want, got))
            fail_msg("%s: %.*s\nexpected:\n%.*sgot:\n%s", topic, STR_ARG(title), STR_ARG(want), got);
    }
    if (getenv("SLIPWAY_CATALOGUE")) {
        FILE *f = fopen(path_of(a, topic), "wb");

        assert_non_null(f);
        fputs(strbuf_cstr(&again), f);
        fclose(f);
    }
}

static void every_wrong_config_has_exactly_its_messages(void **state)
{
    static const char *const topics[] = { "shape", "text",     "keys",  "types",
                                          "job",   "machines", "pools", "environment" };
    size_t all = 0;

    for (size_t i = 0; i < ARRAY_LEN(topics); i++) {
        struct tally t = { 0 };

        check_topic(topics[i], &t);
        assert_true(t.errors >= t.cases); /* each is wrong */
        all += t.cases;
    }
    assert_true(all >= 120);
}

static void an_odd_config_draws_warnings_only(void **state)
{
    struct tally t = { 0 };

    check_topic("odd", &t);
    assert_int_equal(t.errors, 0);
    assert_int_equal(t.warnings, t.cases);
}

static void nothing_is_said_of_a_config_that_is_right(void **state)
{
    struct tally t = { 0 };

    check_topic("fine", &t);
    assert_int_equal(t.errors + t.warnings, 0);
    assert_true(t.cases > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_wrong_config_has_exactly_its_messages),
        cmocka_unit_test(an_odd_config_draws_warnings_only),
        cmocka_unit_test(nothing_is_said_of_a_config_that_is_right),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
