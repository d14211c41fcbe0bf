/* tests/unit/base/test_crypto.c: known answers of published vectors, and signatures that others accept. */
#include "../test.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "base/crypto.h"

static const char *hex_of(const uint8_t *bytes, size_t len)
{
    static char text[129];

    hex_encode(bytes, len, text);
    return text;
}

static void hex_is_read_back_and_nothing_else_is(void **state)
{
    static const char *const wrong[] = { "0", "0g", "g0", "0A", "00 ", " 0", "-1" };
    const uint8_t bytes[] = { 0x00, 0x7f, 0xa9, 0xff };
    uint8_t read[8] = { 0 };

    (void)state;
    assert_true(hex_decode(str_of(hex_of(bytes, sizeof(bytes))), read));
    assert_memory_equal(read, bytes, sizeof(bytes));
    assert_true(hex_decode(STR(""), read));
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
        assert_false(hex_decode(str_of(wrong[i]), read));
}

/* FIPS 180-4, RFC 1321 */
static void digests_are_the_published_ones(void **state)
{
    uint8_t sum[32], whole[32];
    struct digest *d;

    (void)state;
    sha256(STR("abc"), sum);
    assert_string_equal(hex_of(sum, 32), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    sha256(STR(""), sum);
    assert_string_equal(hex_of(sum, 32), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    d = digest_new(DIGEST_SHA256);
    digest_add(d, STR("a"));
    digest_add(d, (struct str){ NULL, 0 });
    digest_add(d, STR("bc"));
    digest_end(d, sum);
    sha256(STR("abc"), whole);
    assert_memory_equal(sum, whole, 32);
    d = digest_new(DIGEST_MD5);
    digest_end(d, sum);
    md5(STR(""), whole);
    assert_memory_equal(sum, whole, 16);
    md5(STR("abc"), sum);
    assert_string_equal(hex_of(sum, 16), "900150983cd24fb0d6963f7d28e17f72");
}

/* RFC 4231, cases 2 and 6: a short key, and one longer than a block. */
static void hmacs_are_the_published_ones(void **state)
{
    char key[131];
    uint8_t mac[32];

    (void)state;
    hmac_sha256(STR("Jefe"), STR("what do ya want for nothing?"), mac);
    assert_string_equal(hex_of(mac, 32), "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    memset(key, 0xaa, sizeof(key));
    hmac_sha256((struct str){ key, sizeof(key) },
                STR("Test Using Larger Than Block-Size Key - Hash Key First"), mac);
    assert_string_equal(hex_of(mac, 32), "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

/* RFC 3720, appendix B.4, the check value of the CRC catalogue, and one that Google's client sends. */
static void crc32c_is_the_published_one(void **state)
{
    const struct str zeros = { (const char[32]){ 0 }, 32 };

    (void)state;
    assert_int_equal(crc32c(STR("")), 0);
    assert_int_equal(crc32c(STR("123456789")), 0xe3069283);
    assert_int_equal(crc32c(zeros), 0x8a9136aa);
    assert_int_equal(crc32c(STR("hello")), 2591144780);
}

static void memory_that_openssl_frees_is_ours_to_overwrite(void **state)
{
    CRYPTO_free_fn give_back = NULL;

    (void)state;
    CRYPTO_get_mem_functions(NULL, NULL, &give_back);
    assert_true(give_back != CRYPTO_free);
}

/* RFC 4648, section 10 */
static void base64_is_the_published_one(void **state)
{
    static const char *const rows[][2] = { { "", "" },
                                           { "f", "Zg==" },
                                           { "fo", "Zm8=" },
                                           { "foo", "Zm9v" },
                                           { "foob", "Zm9vYg==" },
                                           { "fooba", "Zm9vYmE=" },
                                           { "foobar", "Zm9vYmFy" } };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        AUTO_PTR(arena) a = arena_new();
        AUTO_STRBUF struct strbuf b = STRBUF(100);
        struct str back = { 0 };
        struct err e = { 0 };

        strbuf_add_base64(&b, str_of(rows[i][0]));
        assert_string_equal(strbuf_cstr(&b), rows[i][1]);
        must(base64_decode(a, strbuf_str(&b), &back, &e), &e);
        assert_true(str_is(back, rows[i][0]));
    }
}

static EVP_PKEY *key_with_pem(struct secret **ret_pem)
{
    EVP_PKEY *key = EVP_RSA_gen(2048);
    BIO *bio = BIO_new(BIO_s_mem());
    char *text = NULL;
    long len = 0;

    assert_non_null(key);
    assert_int_equal(PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL), 1);
    len = BIO_get_mem_data(bio, &text);
    *ret_pem = secret_new((struct str){ text, (size_t)len });
    BIO_free(bio);
    return key;
}

static bool verifies(EVP_PKEY *key, struct str data, struct str signature)
{
    EVP_MD_CTX *c = EVP_MD_CTX_new();
    bool good = EVP_DigestVerifyInit(c, NULL, EVP_sha256(), NULL, key) == 1 &&
                EVP_DigestVerify(c, (const unsigned char *)signature.ptr, signature.len,
                                 (const unsigned char *)data.ptr, data.len) == 1;

    EVP_MD_CTX_free(c);
    return good;
}

static void openssl_verifies_our_signatures(void **state)
{
    AUTO_PTR(arena) a = arena_new();
    AUTO_PTR(secret) pem = NULL;
    EVP_PKEY *key = key_with_pem(&pem);
    struct str signature = { 0 };
    struct err e = { 0 };

    (void)state;
    must(rsa_sign_sha256(a, pem, STR("header.claims"), &signature, &e), &e);
    assert_int_equal(signature.len, 256);
    assert_true(verifies(key, STR("header.claims"), signature));
    assert_false(verifies(key, STR("header.claimz"), signature));
    EVP_PKEY_free(key);
}

static void what_is_no_key_is_refused_without_being_shown(void **state)
{
    AUTO_PTR(arena) a = arena_new();
    AUTO_PTR(secret)
    pem = secret_new(STR("-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n"));
    struct str signature = { 0 };
    struct err e = { 0 };

    (void)state;
    assert_true(rsa_sign_sha256(a, pem, STR("x"), &signature, &e) < 0);
    assert_null(signature.ptr);
    assert_null(strstr(e.msg, "c2VjcmV0"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hex_is_read_back_and_nothing_else_is),
        cmocka_unit_test(digests_are_the_published_ones),
        cmocka_unit_test(hmacs_are_the_published_ones),
        cmocka_unit_test(crc32c_is_the_published_one),
        cmocka_unit_test(memory_that_openssl_frees_is_ours_to_overwrite),
        cmocka_unit_test(base64_is_the_published_one),
        cmocka_unit_test(openssl_verifies_our_signatures),
        cmocka_unit_test(what_is_no_key_is_refused_without_being_shown),
    };

    return cmocka_run_group_tests_name("crypto", tests, NULL, NULL);
}
