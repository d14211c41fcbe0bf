/* server/manifest: reading an artifact's manifest. */
#include "server/manifest.h"

#include "../test.h"

#define ENTRY(digest) "{\"digest\":\"" digest "\",\"size\":3,\"birthArtifactID\":\"b\"}"

static int parse(struct arena *a, const char *contents, struct manifest *ret, struct err *e)
{
    return manifest_parse(a, str_of(arena_printf(a, "{\"version\":1,\"contents\":%s}", contents)), ret, e);
}

static void the_digest_is_the_one_that_clients_compute(void **state)
{
    AUTO_PTR(arena) a = arena_new();
    struct manifest m = { 0 };
    char digest[MANIFEST_DIGEST_SIZE];
    struct err e = { 0 };

    /* not in order: protocol reference 2.6 has the sum */
    must(parse(a,
               "{\"requirements.txt\":" ENTRY("LSZGvuxoavW3GG14tPG1YQ==") ",\"main.py\":" ENTRY(
                   "wwthoXZf5kjdZoQTMBWKuA==") "}",
               &m, &e),
         &e);
    manifest_digest(&m, digest);
    assert_string_equal(digest, "fd5881f699e7073f6ff475053b15a31f");
    assert_int_equal(m.len, 2);
    assert_true(str_is(m.entries[0].path, "main.py") && str_is(m.entries[0].birth_uid, "b"));
    assert_int_equal(m.entries[0].size_bytes, 3);
}

static void a_path_that_is_not_plain_is_refused_with_its_name(void **state)
{
    static const char *const paths[] = { "",       "/etc/passwd", "..",  "a/../b", "a/./b", "a//b",   "a/",
                                         "a\\\\b", "a\\nb",       "./a", "a/..",   "../a",  "\\u007f" };
    AUTO_PTR(arena) a = arena_new();
    struct manifest m = { 0 };

    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        struct err e = { 0 };

        assert_int_equal(parse(a, arena_printf(a, "{\"%s\":" ENTRY("x") "}", paths[i]), &m, &e),
                         -ERR_INVALID);
        assert_non_null(strstr(e.msg, "not a plain relative one"));
    }
    assert_int_equal(parse(a, "{\"...\":" ENTRY("x") ",\"a b/..c\":" ENTRY("x") "}", &m, NULL), 0);
}

static void what_is_no_manifest_is_refused(void **state)
{
    static const char *const texts[] = {
        "",
        "[]",
        "{}",
        "{\"version\":1}",
        "{\"version\":2,\"contents\":{}}",
        "{\"version\":1,\"contents\":[]}",
        "{\"version\":1,\"contents\":{\"a\":{}}}",
        "{\"version\":1,\"contents\":{\"a\":{\"digest\":\"\"}}}",
        "{\"version\":1,\"contents\":{\"a\":{\"digest\":\"x\",\"size\":-1}}}",
        "{\"version\":1,\"contents\":{\"a\":{\"digest\":\"x\"},\"a\":{\"digest\":\"x\"}}}",
        "{\"version\":1,\"contents\":{\"a\":7}}"
    };
    AUTO_PTR(arena) a = arena_new();
    struct manifest m = { 0 };

    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        assert_int_equal(manifest_parse(a, str_of(texts[i]), &m, NULL), -ERR_INVALID);
}

static void a_manifest_of_too_many_files_is_refused(void **state)
{
    AUTO_STRBUF struct strbuf b = STRBUF(32 << 20);
    AUTO_PTR(arena) a = arena_new();
    struct manifest m = { 0 };
    struct err e = { 0 };

    strbuf_addz(&b, "{\"version\":1,\"contents\":{\"a\":" ENTRY("x"));
    for (int i = 1; i < MANIFEST_MAX_ENTRIES; i++)
        strbuf_addf(&b, ",\"f%d\":" ENTRY("x"), i);
    strbuf_addz(&b, "}}");
    must(manifest_parse(a, strbuf_str(&b), &m, &e), &e);
    assert_int_equal(m.len, MANIFEST_MAX_ENTRIES);
    strbuf_truncate(&b, b.len - 2);
    strbuf_addz(&b, ",\"z\":" ENTRY("x") "}}");
    assert_int_equal(manifest_parse(a, strbuf_str(&b), &m, &e), -ERR_LIMIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_digest_is_the_one_that_clients_compute),
        cmocka_unit_test(a_path_that_is_not_plain_is_refused_with_its_name),
        cmocka_unit_test(what_is_no_manifest_is_refused),
        cmocka_unit_test(a_manifest_of_too_many_files_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
