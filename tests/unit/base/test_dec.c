/* tests/unit/base/test_dec.c: decoders, lists of problems, arenas, log lines. */
#include "../test.h"

#include "base/dec.h"
#include "base/log.h"
#include "base/problems.h"
#include "base/vec.h"

static const struct jval *tree(struct arena *a, const char *text)
{
    struct jval *v = NULL;

    assert_int_equal(jval_from_json(a, str_of(text), "t", NULL, &v, NULL), 0);
    return v;
}

static void the_first_failure_of_a_decoder_sticks(void **state)
{
    struct arena *a = arena_new();
    struct err e = { 0 };
    struct dec d;
    struct str s = STR("before");
    int64_t n = 7;

    (void)state;
    dec_init(&d, a, tree(a, "{\"s\":1,\"n\":2}"), "$", ERR_PROTO, &e);
    dec_str(&d, "s", &s, DEC_REQUIRED);
    dec_i64(&d, "n", &n, DEC_REQUIRED);
    assert_true(dec_failed(&d));
    assert_string_equal(e.msg, "$.s: expected string, not integer");
    assert_int_equal(e.code, ERR_PROTO);
    assert_true(str_is(s, "before"));
    assert_int_equal(n, 7);
    arena_free(a);
}

static void a_failure_in_a_file_says_where_it_stands(void **state)
{
    struct arena *a = arena_new();
    struct err e = { 0 };
    struct dec d;
    struct dec inner;
    struct jval *v = NULL;
    static const char *const known[] = { "outer", NULL };
    static const char *const known_inside[] = { "region", NULL };

    (void)state;
    assert_int_equal(jval_from_yaml(a, STR("outer:\n  regoin: x\n"), "t", NULL, &v, NULL), 0);
    dec_init(&d, a, v, "", ERR_CONFIG, &e);
    d.file = "f.yaml";
    dec_no_unknown(&d, known);
    assert_true(dec_object(&d, "outer", &inner, DEC_REQUIRED));
    dec_no_unknown(&inner, known_inside);
    assert_string_equal(e.msg, "f.yaml:2:3: outer.regoin: unknown key; did you mean \"region\"?");
    arena_free(a);
}

static void null_is_as_good_as_absent(void **state)
{
    struct arena *a = arena_new();
    struct err e = { 0 };
    struct dec d;
    int64_t n = 7;

    (void)state;
    dec_init(&d, a, tree(a, "{\"n\":null}"), "$", ERR_CONFIG, &e);
    dec_i64(&d, "n", &n, DEC_OPTIONAL);
    assert_false(dec_failed(&d));
    assert_int_equal(n, 7);
    dec_i64(&d, "n", &n, DEC_REQUIRED);
    assert_string_equal(e.msg, "$.n: missing");
    arena_free(a);
}

static void an_item_of_the_wrong_type_is_named_with_its_index(void **state)
{
    struct arena *a = arena_new();
    struct err e = { 0 };
    struct dec d;
    struct dec item;
    const struct jval *list = NULL;

    (void)state;
    dec_init(&d, a, tree(a, "{\"items\":[{},3]}"), "", ERR_INVALID, &e);
    dec_list(&d, "items", &list, DEC_REQUIRED);
    dec_item(&d, "items", list, 0, &item);
    assert_false(dec_failed(&item));
    dec_item(&d, "items", list, 1, &item);
    assert_true(dec_failed(&item));
    assert_string_equal(e.msg, "items[1]: expected an object, not integer");
    arena_free(a);
}

static void an_unknown_key_names_the_nearest_known_one(void **state)
{
    static const char *const known[] = { "queue", "entity", NULL };
    struct arena *a = arena_new();
    struct err e = { 0 };
    struct dec d;

    (void)state;
    dec_init(&d, a, tree(a, "{\"queue\":1,\"entitty\":2}"), "", ERR_CONFIG, &e);
    dec_no_unknown(&d, known);
    assert_string_equal(e.msg, "entitty: unknown key; did you mean \"entity\"?");
    arena_free(a);
}

static void problems_stand_in_the_order_of_the_text_and_once_each(void **state)
{
    AUTO_PTR(arena) a = arena_new();
    struct problems p = { .a = a, .file = "" };

    problem_add(&p, PROBLEM_ERROR, (struct jval_pos){ 0 }, "", "nowhere");
    problem_add(&p, PROBLEM_ERROR, (struct jval_pos){ 2, 9 }, "b", "later");
    problem_add(&p, PROBLEM_WARNING, (struct jval_pos){ 2, 1 }, "a", "odd");
    problem_add(&p, PROBLEM_ERROR, (struct jval_pos){ 2, 1 }, "a", "first");
    problem_add(&p, PROBLEM_ERROR, (struct jval_pos){ 2, 1 }, "a", "second");
    problem_hint(problem_add(&p, PROBLEM_ERROR, (struct jval_pos){ 2, 1 }, "a", "first"), NULL, "name");
    problem_add(&p, PROBLEM_WARNING, (struct jval_pos){ 2, 1 }, "a", "odd");
    problems_sort(&p);
    assert_int_equal(p.len, 5);
    assert_int_equal(p.errors, 4);
    assert_int_equal(p.warnings, 1);
    assert_string_equal(p.items[0].text, "odd");
    assert_string_equal(p.items[1].text, "first");
    assert_string_equal(p.items[2].text, "second");
    assert_string_equal(p.items[3].text, "later");
    assert_string_equal(p.items[4].text, "nowhere");
}

static void problems_are_counted_and_the_first_error_is_shown(void **state)
{
    struct arena *a = arena_new();
    struct problems p = { .a = a, .file = "q.yaml" };
    struct err e = { 0 };

    (void)state;
    problem_add(&p, PROBLEM_WARNING, (struct jval_pos){ 1, 2 }, "a", "odd");
    assert_int_equal(problems_err(&p, ERR_INVALID, &e), 0);
    for (int i = 0; i < 1500; i++)
        problem_add(&p, PROBLEM_ERROR, (struct jval_pos){ 7, 22 }, "spec.x", "wrong %d", i);
    assert_int_equal(problems_err(&p, ERR_INVALID, &e), -ERR_INVALID);
    assert_string_equal(e.msg, "q.yaml:7:22: spec.x: wrong 0 (and 1499 more)");
    assert_int_equal(p.len, 1000);
    arena_free(a);
}

static void arena_memory_is_zeroed_and_aligned(void **state)
{
    struct arena *a = arena_new();

    (void)state;
    for (size_t size = 1; size < 100000; size = size * 3 + 1) {
        unsigned char *p = arena_alloc(a, size);

        assert_int_equal((uintptr_t)p % _Alignof(max_align_t), 0);
        for (size_t i = 0; i < size; i++)
            assert_int_equal(p[i], 0);
        memset(p, 0xff, size);
    }
    assert_string_equal(arena_printf(a, "%s-%d", "x", 5), "x-5");
    assert_null(arena_strdup(a, NULL));
    arena_free(a);
}

static void vectors_keep_their_order(void **state)
{
    struct vec v = { 0 };
    int n[20];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(n); i++)
        vec_push(&v, &n[i]);
    vec_remove(&v, 0);
    assert_ptr_equal(v.items[0], &n[1]);
    assert_ptr_equal(vec_pop(&v), &n[19]);
    assert_int_equal(v.len, 18);
    vec_done(&v);
    assert_null(vec_pop(&v));
}

static void keep_line(void *ctx, enum log_level level, const char *event, const char *pairs)
{
    strbuf_addf(ctx, "%d %s %s;", (int)level, event, pairs);
}

static void a_log_event_stays_one_line_and_keeps_to_its_level(void **state)
{
    AUTO_STRBUF struct strbuf b = STRBUF(1000);

    (void)state;
    log_set_sink(keep_line, &b);
    log_configure(LOG_LEVEL_WARNING, LOG_FORMAT_TEXT);
    LOG_INFO("not.seen", "a=%d", 1);
    LOG_WARNING("seen", "text=%s", "two\nlines");
    log_set_sink(NULL, NULL);
    assert_string_equal(strbuf_cstr(&b), "2 seen text=two lines;");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_failure_of_a_decoder_sticks),
        cmocka_unit_test(a_failure_in_a_file_says_where_it_stands),
        cmocka_unit_test(null_is_as_good_as_absent),
        cmocka_unit_test(an_item_of_the_wrong_type_is_named_with_its_index),
        cmocka_unit_test(an_unknown_key_names_the_nearest_known_one),
        cmocka_unit_test(problems_are_counted_and_the_first_error_is_shown),
        cmocka_unit_test(problems_stand_in_the_order_of_the_text_and_once_each),
        cmocka_unit_test(arena_memory_is_zeroed_and_aligned),
        cmocka_unit_test(vectors_keep_their_order),
        cmocka_unit_test(a_log_event_stays_one_line_and_keeps_to_its_level),
    };

    return cmocka_run_group_tests_name("dec", tests, NULL, NULL);
}
