/* server: signing in, the pure parts: which ID tokens are refused and why, cookies, paths to go back to. */
#include "server/sign_in/id_token.h"

#include "../test.h"
#include "base/crypto.h"
#include "base/jwt.h"
#include "server/sign_in/cookie.h"

enum { NOW = 1700000000 };
#define ISSUER "https://login.example.com"

struct keys {
    struct arena *a;
    struct secret *pem, *other_pem;
    struct jval *set; /* the public half of the first, as "k1" */
};

static struct keys keys;

static int make_keys(void **state)
{
    struct str public_pem = { NULL, 0 }, modulus = { NULL, 0 };
    AUTO_STRBUF struct strbuf n = STRBUF(1024);
    struct err e = { 0 };
    struct jval *list, *key;

    keys.a = arena_new();
    assert_int_equal(rsa_generate(keys.a, &keys.other_pem, &public_pem, &e), 0);
    assert_int_equal(rsa_generate(keys.a, &keys.pem, &public_pem, &e), 0);
    assert_int_equal(rsa_modulus(keys.a, public_pem, &modulus, &e), 0);
    strbuf_add_base64url(&n, modulus);
    key = jval_new_object(keys.a);
    list = jval_new_array(keys.a);
    keys.set = jval_new_object(keys.a);
    jval_set_cstr(keys.a, key, "kty", "RSA");
    jval_set_cstr(keys.a, key, "kid", "k1");
    jval_set_cstr(keys.a, key, "e", "AQAB");
    jval_set_cstr(keys.a, key, "n", strbuf_cstr(&n));
    jval_push(keys.a, list, key);
    jval_set(keys.a, keys.set, "keys", list);
    return 0;
}

static int free_keys(void **state)
{
    secret_free(keys.pem);
    secret_free(keys.other_pem);
    arena_free(keys.a);
    return 0;
}

/* A signed token of these two JSON texts. */
static struct str token_of(const char *header, const char *claims, const struct secret *pem)
{
    AUTO_STRBUF struct strbuf b = STRBUF(8192);
    struct str signature = { NULL, 0 };
    struct err e = { 0 };

    strbuf_add_base64url(&b, str_of(header));
    strbuf_addc(&b, '.');
    strbuf_add_base64url(&b, str_of(claims));
    assert_int_equal(rsa_sign_sha256(keys.a, pem, strbuf_str(&b), &signature, &e), 0);
    strbuf_addc(&b, '.');
    strbuf_add_base64url(&b, signature);
    return arena_str(keys.a, strbuf_str(&b));
}

#define HEADER  "{\"alg\":\"RS256\",\"kid\":\"k1\"}"
#define TIMES   "\"exp\":1700000300,\"iat\":1700000000"
#define NAMES   "\"iss\":\"" ISSUER "\",\"aud\":\"me\",\"sub\":\"s1\",\"nonce\":\"n1\""
#define CLAIMS  "{" NAMES "," TIMES "}"
#define WITH(x) "{" NAMES "," TIMES "," x "}"

/* What is said of a token; "" when it is taken. */
static const char *verdict(struct str token)
{
    static struct err e;
    const struct id_token_want want = {
        .issuer = STR(ISSUER), .client_id = STR("me"), .nonce = STR("n1"), .now_unix_s = NOW
    };
    const struct jval *claims = NULL;

    e = (struct err){ 0 };
    if (id_token_check(keys.a, token, keys.set, &want, &claims, &e) == 0)
        return "";
    assert_null(claims);
    assert_true(e.code == ERR_AUTH || e.code == ERR_NOT_FOUND);
    return e.msg;
}

static void a_token_is_taken_only_when_all_of_it_is_right(void **state)
{
    static const struct {
        const char *header, *claims, *why; /* why: a part of the words; "": it is taken */
    } cases[] = {
        { HEADER, CLAIMS, "" },
        { "{\"alg\":\"RS256\"}", CLAIMS, "" }, /* without kid: the keys are tried */
        { HEADER, WITH("\"azp\":\"me\""), "" },
        { HEADER, "{\"iss\":\"" ISSUER "\",\"aud\":[\"me\"],\"sub\":\"s1\",\"nonce\":\"n1\"," TIMES "}", "" },
        { HEADER, "{" NAMES ",\"exp\":1699999941,\"iat\":1699999000}", "" }, /* within the leeway */
        { HEADER, "{" NAMES ",\"exp\":1700000300.5,\"iat\":1700000060}", "" },
        { "{\"alg\":\"none\"}", CLAIMS, "signed with none" },
        { "{\"alg\":\"HS256\",\"kid\":\"k1\"}", CLAIMS, "signed with HS256" },
        { "{\"alg\":\"rs256\",\"kid\":\"k1\"}", CLAIMS, "signed with rs256" },
        { "{\"alg\":\"RS512\",\"kid\":\"k1\"}", CLAIMS, "signed with RS512" },
        { "{\"alg\":[\"RS256\"]}", CLAIMS, "no algorithm" },
        { "{\"kid\":\"k1\"}", CLAIMS, "no algorithm" },
        { "{\"alg\":\"ES256\",\"kid\":\"k1\"}", CLAIMS, "does not publish" }, /* k1 is no such key */
        { "{\"alg\":\"RS256\",\"kid\":\"k2\"}", CLAIMS, "does not publish" },
        { "{\"alg\":\"RS256\",\"kid\":\"k1\",\"crit\":[\"b64\"],\"b64\":false}", CLAIMS,
          "must be understood" },
        { HEADER, "[]", "no signed JWT" },
        { "null", CLAIMS, "no signed JWT" },
        { HEADER, "{\"iss\":\"" ISSUER "/\",\"aud\":\"me\",\"sub\":\"s1\",\"nonce\":\"n1\"," TIMES "}",
          "iss" },
        { HEADER, "{\"aud\":\"me\",\"sub\":\"s1\",\"nonce\":\"n1\"," TIMES "}", "iss" },
        { HEADER, "{\"iss\":\"" ISSUER "\",\"aud\":\"you\",\"sub\":\"s1\",\"nonce\":\"n1\"," TIMES "}",
          "aud" },
        { HEADER, "{\"iss\":\"" ISSUER "\",\"sub\":\"s1\",\"nonce\":\"n1\"," TIMES "}", "aud" },
        { HEADER, "{\"iss\":\"" ISSUER "\",\"aud\":[],\"sub\":\"s1\",\"nonce\":\"n1\"," TIMES "}", "aud" },
        { HEADER,
          "{\"iss\":\"" ISSUER "\",\"aud\":[\"me\",\"you\"],\"sub\":\"s1\",\"nonce\":\"n1\"," TIMES "}",
          "azp" },
        { HEADER, WITH("\"azp\":\"you\""), "azp" },
        { HEADER, WITH("\"azp\":null"), "azp" },
        { HEADER, "{" NAMES ",\"exp\":1699999940,\"iat\":1699999000}", "expired" },
        { HEADER, "{" NAMES ",\"exp\":\"1700000300\",\"iat\":1700000000}", "when it" },
        { HEADER, "{" NAMES ",\"iat\":1700000000}", "when it" },
        { HEADER, "{" NAMES ",\"exp\":1700000300}", "when it" },
        { HEADER, "{" NAMES ",\"exp\":1700000300,\"iat\":1700000061}", "future" },
        { HEADER, WITH("\"nbf\":1700000061"), "future" },
        { HEADER, "{\"iss\":\"" ISSUER "\",\"aud\":\"me\",\"nonce\":\"n1\"," TIMES "}", "sub" },
        { HEADER, "{\"iss\":\"" ISSUER "\",\"aud\":\"me\",\"sub\":\"\",\"nonce\":\"n1\"," TIMES "}", "sub" },
        { HEADER, "{\"iss\":\"" ISSUER "\",\"aud\":\"me\",\"sub\":\"a\\nb\",\"nonce\":\"n1\"," TIMES "}",
          "sub" },
        { HEADER, "{\"iss\":\"" ISSUER "\",\"aud\":\"me\",\"sub\":1,\"nonce\":\"n1\"," TIMES "}", "sub" },
        { HEADER, "{\"iss\":\"" ISSUER "\",\"aud\":\"me\",\"sub\":\"s1\",\"nonce\":\"n2\"," TIMES "}",
          "nonce" },
        { HEADER, "{\"iss\":\"" ISSUER "\",\"aud\":\"me\",\"sub\":\"s1\"," TIMES "}", "nonce" },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const char *said = verdict(token_of(cases[i].header, cases[i].claims, keys.pem));

        if (cases[i].why[0] ? !strstr(said, cases[i].why) : said[0] != '\0')
            fail_msg("%s.%s: said \"%s\", not \"%s\"", cases[i].header, cases[i].claims, said, cases[i].why);
    }
}

static void a_signature_of_another_key_or_of_another_text_is_refused(void **state)
{
    struct str good = token_of(HEADER, CLAIMS, keys.pem), other = token_of(HEADER, WITH("\"a\":1"), keys.pem);
    char *mixed = arena_cstr(keys.a, good);

    assert_non_null(strstr(verdict(token_of(HEADER, CLAIMS, keys.other_pem)), "does not fit"));
    assert_string_equal(verdict(good), "");
    memcpy(mixed + good.len - 100, other.ptr + other.len - 100, 100);
    assert_non_null(strstr(verdict(str_of(mixed)), "does not fit"));
    for (size_t cut = 0; cut < good.len; cut++) /* no shorter one is taken, nor read beyond its end */
        assert_string_not_equal(verdict(arena_str(keys.a, str_sub(good, 0, cut))), "");
}

/* RFC 7515, A.3: a key, a text and its signature. */
static void es256_is_verified_as_the_standard_has_it(void **state)
{
    static const char set[] =
        "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","
        "\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"}]}";
    static const char token[] =
        "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19"
        "yb290Ijp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-"
        "Kg6NU1"
        "Q";
    struct jval *keys_of = NULL;
    char *wrong = arena_strdup(keys.a, token);
    struct err e = { 0 };
    struct jwt t;

    assert_int_equal(jval_from_json(keys.a, STR(set), "set", NULL, &keys_of, &e), 0);
    assert_true(jwt_split(keys.a, STR(token), &t));
    assert_int_equal(jwt_verify(keys.a, &t, keys_of, &e), 0);
    wrong[strlen(wrong) - 3] = 'A';
    assert_true(jwt_split(keys.a, str_of(wrong), &t));
    assert_int_equal(jwt_verify(keys.a, &t, keys_of, &e), -ERR_AUTH);
    t.signature.len--;
    assert_int_equal(jwt_verify(keys.a, &t, keys_of, &e), -ERR_AUTH);
}

static void keys_that_are_none_open_nothing(void **state)
{
    static const char *const sets[] = {
        "{}",
        "{\"keys\":{}}",
        "{\"keys\":[1,null,{}]}",
        "{\"keys\":[{\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"AQAB\"}]}",
        "{\"keys\":[{\"kty\":\"RSA\",\"use\":\"enc\",\"n\":\"AQAB\",\"e\":\"AQAB\"}]}",
        "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AQAB\",\"y\":\"AQAB\"}]}",
        ("{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","
         "\"y\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\"}]}"), /* not on the curve */
        "{\"keys\":[{\"kty\":\"oct\",\"k\":\"AQAB\"}]}",
    };
    static const char *const headers[] = { "{\"alg\":\"RS256\"}", "{\"alg\":\"ES256\"}",
                                           "{\"alg\":\"HS256\"}" };

    for (size_t i = 0; i < ARRAY_LEN(sets); i++)
        for (size_t k = 0; k < ARRAY_LEN(headers); k++) {
            struct jval *set = NULL;
            struct err e = { 0 };
            struct jwt t;

            assert_int_equal(jval_from_json(keys.a, str_of(sets[i]), "set", NULL, &set, &e), 0);
            assert_true(jwt_split(keys.a, token_of(headers[k], CLAIMS, keys.pem), &t));
            assert_true(jwt_verify(keys.a, &t, set, &e) < 0);
        }
}

static void a_cookie_is_found_by_its_whole_name(void **state)
{
    static const struct {
        const char *header, *value; /* NULL: absent */
    } cases[] = { { "s=1", "1" },         { "a=2; s=1", "1" },     { "a=2;s=1;b=3", "1" },
                  { " s=1 ", "1" },       { "s=a=b", "a=b" },      { "s=1; s=2", "1" },
                  { "xs=1", NULL },       { "s", NULL },           { "s=", NULL },
                  { "", NULL },           { ";;;", NULL },         { "S=1", NULL },
                  { "__Host-s=1", NULL }, { "a=\"; s=1\"", "1\"" } };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct str value = cookie_get(str_of(cases[i].header), STR("s"));

        if (cases[i].value ? !str_is(value, cases[i].value) : value.ptr != NULL)
            fail_msg("\"%s\" gives \"%.*s\"", cases[i].header, STR_ARG(value));
    }
}

static void a_cookie_is_for_no_script_and_no_other_site(void **state)
{
    struct cookie c = { .name = STR("__Host-s"), .value = STR("v"), .lasts_s = 60, .secure = true };

    assert_string_equal(cookie_line(keys.a, &c).ptr,
                        "__Host-s=v; Path=/; Max-Age=60; HttpOnly; SameSite=Lax; Secure");
}

static void nobody_is_sent_to_another_site(void **state)
{
    static const char *const ours[] = { "/", "/authorize", "/authorize?ref=models", "/a//b",
                                        "/a?u=https://b.c" };
    static const char *const others[] = {
        "",           "authorize",    "//evil.com", "/\\evil.com", "\\/evil.com",        "https://e",
        "/a\r\nX: y", "/\t/evil.com", "/ a",        "/\xc3\xa4",   "javascript:alert(1)"
    };

    for (size_t i = 0; i < ARRAY_LEN(ours); i++)
        assert_true(return_path_is_ours(str_of(ours[i])));
    for (size_t i = 0; i < ARRAY_LEN(others); i++)
        if (return_path_is_ours(str_of(others[i])))
            fail_msg("\"%s\" was taken for ours", others[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_token_is_taken_only_when_all_of_it_is_right),
        cmocka_unit_test(a_signature_of_another_key_or_of_another_text_is_refused),
        cmocka_unit_test(es256_is_verified_as_the_standard_has_it),
        cmocka_unit_test(keys_that_are_none_open_nothing),
        cmocka_unit_test(a_cookie_is_found_by_its_whole_name),
        cmocka_unit_test(a_cookie_is_for_no_script_and_no_other_site),
        cmocka_unit_test(nobody_is_sent_to_another_site),
    };

    return cmocka_run_group_tests(tests, make_keys, free_keys);
}
