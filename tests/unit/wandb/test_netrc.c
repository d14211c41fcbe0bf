/* tests/unit/wandb/test_netrc.c: reading and changing a .netrc, and a settings file. */
#include "../test.h"

#include "wandb/netrc.h"
#include "wandb/wandb_internal.h"

#define KEY "0123456789abcdef0123456789abcdef01234567"

static void finds(const char *text, const char *machine, const char *expected)
{
    AUTO_PTR(secret) found = NULL;
    struct err e = { 0 };

    if (netrc_find(str_of(text), str_of(machine), &found, &e))
        fail_msg("%s in <%s>: %s", machine, text, e.msg);
    if (!str_is(secret_unwrap(found), expected))
        fail_msg("%s in <%s>: got %.*s, not %s", machine, text, STR_ARG(secret_unwrap(found)), expected);
}

static void a_machine_is_found_with_its_port(void **state)
{
    static const char text[] =
        "machine h:1 login user password one\nmachine h\n\tlogin user\n\tpassword two\n";

    (void)state;
    finds(text, "h:1", "one");
    finds(text, "h", "two");
}

static void quotes_escapes_and_comments_are_read(void **state)
{
    (void)state;
    finds("# a comment machine x\nmachine h login \"a user\" # who\n password \"p \\\"q\\\" \\\\\"\n", "h",
          "p \"q\" \\");
    finds("machine h password a\\ b", "h", "a b");
    finds("machine h login u password #hash", "h", "#hash");
}

static void macros_are_passed_over(void **state)
{
    (void)state;
    finds("macdef init\nmachine h password wrong\n\nmachine h password right\n", "h", "right");
    finds("machine g password g\nmacdef up\n  password wrong\n\nmachine h password right\n", "h", "right");
}

static void the_default_serves_other_machines(void **state)
{
    (void)state;
    finds("default login user password other\nmachine h password own\n", "h", "own");
    finds("default login user password other\nmachine h password own\n", "g", "other");
    finds("machine h login no_password\ndefault password other\n", "h", "other");
}

static void the_last_of_two_entries_counts(void **state)
{
    (void)state;
    finds("machine h password old machine h password new", "h", "new");
}

static void an_absent_machine_is_not_found(void **state)
{
    struct secret *found = NULL;

    (void)state;
    assert_int_equal(netrc_find(STR("machine h password x"), STR("g"), &found, NULL), -ERR_NOT_FOUND);
    assert_int_equal(netrc_find(STR(""), STR("g"), &found, NULL), -ERR_NOT_FOUND);
    assert_null(found);
}

static void a_wrong_file_is_refused_with_its_line_and_without_its_words(void **state)
{
    static const struct {
        const char *text, *message;
    } cases[] = {
        { "machine h\npassword", "line 2: \"password\" without a value" },
        { "machine", "line 1: \"machine\" without a value" },
        { "machine h\nhunter2 password x", "line 2: expected machine, login, account, password or macdef" },
        { "hunter2\n", "line 1: expected machine, default or macdef" },
        { "machine h password \"abc\n", "line 1: a quote that is not closed" },
        { "machine h password abc\\", "line 1: a backslash at the end of the file" },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct secret *found = NULL;
        struct err e = { 0 };

        assert_int_equal(netrc_find(str_of(cases[i].text), STR("h"), &found, &e), -ERR_INVALID);
        assert_string_equal(e.msg, cases[i].message);
    }
}

static void replaced(const char *text, const char *expected)
{
    AUTO_PTR(secret) key = secret_new(STR(KEY));
    AUTO_STRBUF struct strbuf out = STRBUF(NETRC_MAX_BYTES);
    struct err e = { 0 };

    assert_int_equal(netrc_replace(&out, str_of(text), STR("h:1"), "user", key, &e), 0);
    assert_string_equal(strbuf_cstr(&out), expected);
    finds(strbuf_cstr(&out), "h:1", KEY);
}

static void a_save_keeps_what_others_wrote(void **state)
{
    (void)state;
    replaced("", "machine h:1\n  login user\n  password " KEY "\n");
    replaced("machine g login a password b",
             "machine g login a password b\nmachine h:1\n  login user\n  password " KEY "\n");
    replaced("# top\nmachine h:1\n  login user\n  password old\n\nmachine g password b # end\n",
             "# top\nmachine h:1\n  login user\n  password " KEY "\n\nmachine g password b # end\n");
    replaced("machine h:1 password x machine g password b\nmachine h:1 password y\n",
             "machine h:1\n  login user\n  password " KEY " machine g password b\n\n");
    replaced("machine g password b\ndefault password c\n",
             "machine g password b\nmachine h:1\n  login user\n  password " KEY "\ndefault password c\n");
}

static void a_macro_survives_the_entry_it_stands_in(void **state)
{
    (void)state;
    replaced("machine h:1 password x\nmacdef up\n  put a\n\n",
             "machine h:1\n  login user\n  password " KEY "\nmacdef up\n  put a\n\n");
    replaced("machine g password x\nmacdef up\n  put a\n",
             "machine g password x\nmacdef up\n  put a\n\nmachine h:1\n  login user\n  password " KEY "\n");
}

static void only_the_default_section_of_a_settings_file_counts(void **state)
{
    static const char text[] = "[other]\nentity = no\n[default]\n# entity = comment\nEntity: team \n"
                               "base_url = http://h:1/x=y\n";

    (void)state;
    assert_true(str_is(settings_text_get(str_of(text), "entity"), "team"));
    assert_true(str_is(settings_text_get(str_of(text), "base_url"), "http://h:1/x=y"));
    assert_null(settings_text_get(str_of(text), "project").ptr);
    assert_null(settings_text_get(STR(""), "project").ptr);
}

static void setting(const char *text, const char *value, const char *expected)
{
    AUTO_STRBUF struct strbuf out = STRBUF(4096);

    settings_text_set(&out, str_of(text), "base_url", str_of(value));
    assert_string_equal(strbuf_cstr(&out), expected);
}

static void a_setting_is_added_replaced_and_removed(void **state)
{
    (void)state;
    setting("", "http://h", "[default]\nbase_url = http://h\n");
    setting("[default]\nentity = e\nbase_url = old\n", "http://h",
            "[default]\nbase_url = http://h\nentity = e\n");
    setting("[a]\nx = 1\n", "http://h", "[a]\nx = 1\n[default]\nbase_url = http://h\n");
    setting("[default]\nbase_url = old\nentity = e\n", NULL, "[default]\nentity = e\n");
    setting("", NULL, "");
}

static void key_is(const char *text, const char *message)
{
    AUTO_PTR(secret) key = secret_new(str_of(text));
    struct err e = { 0 };
    int rc = wandb_key_check(key, "K", &e);

    assert_int_equal(rc, message ? -ERR_CONFIG : 0);
    assert_string_equal(e.msg, message ? message : "");
}

static void keys_are_checked_as_the_client_does(void **state)
{
    (void)state;
    key_is(KEY, NULL);
    key_is("local-" KEY, NULL);
    key_is("aGVh.cGF5-_.c2ln", NULL);
    key_is("short", "K: API key must have 40+ characters, has 5.");
    key_is(KEY "!", "K: an API key has only letters, digits, '_' and '-'");
}

static void base_urls_are_checked_as_the_client_does(void **state)
{
    struct err e = { 0 };

    (void)state;
    assert_int_equal(wandb_url_check(STR("http://127.0.0.1:8080"), "U", &e), 0);
    assert_int_equal(wandb_url_check(STR("https://api.wandb.ai"), "U", &e), 0);
    assert_int_equal(wandb_url_check(STR("https://wandb.ai"), "U", &e), -ERR_CONFIG);
    assert_string_equal(e.msg, "U: base URL \"https://wandb.ai\" is not W&B's API: did you mean "
                               "https://api.wandb.ai?");
    assert_int_equal(wandb_url_check(STR("http://api.wandb.ai"), "U", &e), -ERR_CONFIG);
    assert_int_equal(wandb_url_check(STR("ftp://h"), "U", &e), -ERR_CONFIG);
    assert_int_equal(wandb_url_check(STR("https:///x"), "U", &e), -ERR_CONFIG);
    assert_true(str_is(wandb_url_netloc(STR("http://h:1/prefix")), "h:1"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_machine_is_found_with_its_port),
        cmocka_unit_test(quotes_escapes_and_comments_are_read),
        cmocka_unit_test(macros_are_passed_over),
        cmocka_unit_test(the_default_serves_other_machines),
        cmocka_unit_test(the_last_of_two_entries_counts),
        cmocka_unit_test(an_absent_machine_is_not_found),
        cmocka_unit_test(a_wrong_file_is_refused_with_its_line_and_without_its_words),
        cmocka_unit_test(a_save_keeps_what_others_wrote),
        cmocka_unit_test(a_macro_survives_the_entry_it_stands_in),
        cmocka_unit_test(only_the_default_section_of_a_settings_file_counts),
        cmocka_unit_test(a_setting_is_added_replaced_and_removed),
        cmocka_unit_test(keys_are_checked_as_the_client_does),
        cmocka_unit_test(base_urls_are_checked_as_the_client_does),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
