/* tests/unit/io/certs.c */
#include "../test.h"

#include "certs.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>

enum { DAY_S = 24 * 3600 };

static struct str take_pem(struct arena *a, BIO *bio)
{
    char *text = NULL;
    long len = BIO_get_mem_data(bio, &text);
    struct str copy = arena_str(a, (struct str){ text, (size_t)len });

    BIO_free(bio);
    return copy;
}

static void add_extension(X509 *x, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX ctx;
    X509_EXTENSION *ext = NULL;

    X509V3_set_ctx(&ctx, issuer, x, NULL, NULL, 0);
    ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    assert_non_null(ext);
    assert_int_equal(X509_add_ext(x, ext, -1), 1);
    X509_EXTENSION_free(ext);
}

static void name_and_date(X509 *x, const struct cert_wish *w)
{
    static long serial = 1;
    X509_NAME *name = X509_get_subject_name(x);
    long from = w->expired ? -2 * DAY_S : -60;

    X509_set_version(x, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(x), serial++);
    X509_gmtime_adj(X509_getm_notBefore(x), from);
    X509_gmtime_adj(X509_getm_notAfter(x), from + DAY_S);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)w->name, -1, -1, 0);
}

struct cert cert_make(struct arena *a, const struct cert_wish *w)
{
    X509 *x = X509_new();
    X509 *issuer = x;
    EVP_PKEY *key = EVP_EC_gen("P-256");
    EVP_PKEY *signer = key;
    BIO *pem = BIO_new(BIO_s_mem()), *key_pem = BIO_new(BIO_s_mem());
    struct cert ret;

    if (w->issuer) {
        BIO *bio = BIO_new_mem_buf(w->issuer->pem.ptr, -1),
            *key_bio = BIO_new_mem_buf(w->issuer->key_pem.ptr, -1);

        issuer = PEM_read_bio_X509(bio, NULL, NULL, NULL);
        signer = PEM_read_bio_PrivateKey(key_bio, NULL, NULL, NULL);
        BIO_free(bio);
        BIO_free(key_bio);
    }
    name_and_date(x, w);
    X509_set_issuer_name(x, X509_get_subject_name(issuer));
    X509_set_pubkey(x, key);
    add_extension(x, issuer, NID_basic_constraints, w->issuer ? "critical,CA:FALSE" : "critical,CA:TRUE");
    if (w->san)
        add_extension(x, issuer, NID_subject_alt_name, w->san);
    assert_true(X509_sign(x, signer, EVP_sha256()) > 0);
    PEM_write_bio_X509(pem, x);
    PEM_write_bio_PrivateKey(key_pem, key, NULL, NULL, 0, NULL, NULL);
    ret = (struct cert){ take_pem(a, pem), take_pem(a, key_pem) };
    if (w->issuer) {
        X509_free(issuer);
        EVP_PKEY_free(signer);
    }
    X509_free(x);
    EVP_PKEY_free(key);
    return ret;
}
