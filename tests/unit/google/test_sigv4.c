/* Amazon's signature against a known answer. */
#include "../test.h"

#include "base/crypto.h"
#include "google/credentials/sigv4.h"

#define AUDIENCE                                                                                             \
    "//iam.googleapis.com/projects/123456/locations/global/workloadIdentityPools/pool/providers/aws"
#define QUERY "Action=GetCallerIdentity&Version=2011-06-15"
#define URL   "https://sts.us-east-2.amazonaws.com?" QUERY

static struct sigv4_request request(const char *query)
{
    return (struct sigv4_request){ .host = STR("sts.us-east-2.amazonaws.com"),
                                   .query = str_of(query),
                                   .region = STR("us-east-2"),
                                   .unix_ms = 1767323045000 }; /* 2026-01-02T03:04:05Z */
}

static struct aws_keys keys(bool session)
{
    return (struct aws_keys){ .access_key_id = STR("AKIAEXAMPLE"),
                              .secret_access_key =
                                  secret_new(STR("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")),
                              .session_token = session ? secret_new(STR("TOKEN==")) : NULL };
}

static void the_subject_token_is_the_one_that_google_auth_makes(void **state)
{
    const struct sigv4_request r = request(QUERY);
    struct aws_keys k = keys(true);
    AUTO_PTR(secret) token = sigv4_subject_token(&r, STR(URL), &k, STR(AUDIENCE));
    uint8_t digest[32];
    char hex[65];

    sha256(secret_unwrap(token), digest);
    hex_encode(digest, sizeof(digest), hex);
    assert_int_equal(secret_len(token), 859);
    assert_string_equal(hex, "2223037d5430910bdfc27bdb3957de26def7ef2cb1cc37e1b33ded3a694750fb");
    aws_keys_done(&k);
}

static void the_signature_covers_the_session_token_when_there_is_one(void **state)
{
    AUTO_PTR(arena) a = arena_new();
    const struct sigv4_request r = request(QUERY);
    struct aws_keys with = keys(true), without = keys(false);
    char date[17];

    assert_string_equal(
        sigv4_authorization(a, &r, &with, date).ptr,
        "AWS4-HMAC-SHA256 Credential=AKIAEXAMPLE/20260102/us-east-2/sts/aws4_request, SignedHeaders=host;"
        "x-amz-date;x-amz-security-token, "
        "Signature=b3a38fa2e289219a07c5bd5b19c3b5ed5405c7408f0085ee6ad056f3fd559341");
    assert_string_equal(date, "20260102T030405Z");
    assert_non_null(
        strstr(sigv4_authorization(a, &r, &without, date).ptr, "SignedHeaders=host;x-amz-date, Signature="));
    aws_keys_done(&with);
    aws_keys_done(&without);
}

static void the_order_of_the_query_does_not_matter(void **state)
{
    AUTO_PTR(arena) a = arena_new();
    const struct sigv4_request one = request(QUERY),
                               other = request("Version=2011-06-15&Action=GetCallerIdentity");
    struct aws_keys k = keys(false);
    char date[17];

    assert_true(str_eq(sigv4_authorization(a, &one, &k, date), sigv4_authorization(a, &other, &k, date)));
    aws_keys_done(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_subject_token_is_the_one_that_google_auth_makes),
        cmocka_unit_test(the_signature_covers_the_session_token_when_there_is_one),
        cmocka_unit_test(the_order_of_the_query_does_not_matter),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
