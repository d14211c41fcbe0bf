/* base/crypto.c: digests, encodings and signatures on OpenSSL's EVP. */
#include "base/crypto.h"

#include <assert.h>
#include <openssl/crypto.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>

#include "base/ascii.h"
#include "base/mem.h"

/* --- memory --- */

static void *take(size_t size, const char *file, int line)
{
    return size ? xmalloc(size) : NULL;
}

static void *resize(void *p, size_t size, const char *file, int line)
{
    if (size)
        return mem_realloc_wiped(p, size);
    mem_free_wiped(p);
    return NULL;
}

static void give_back(void *p, const char *file, int line)
{
    mem_free_wiped(p);
}

/* What TLS deciphers stays in OpenSSL's buffers, tokens and secrets among it. Only possible before OpenSSL
 * has allocated anything. */
__attribute__((constructor)) static void wipe_what_openssl_frees(void)
{
    (void)CRYPTO_set_mem_functions(take, resize, give_back); /* else it is as before */
}

/* --- digests --- */

static void digest(const EVP_MD *md, struct str data, uint8_t *ret)
{
    int ok = EVP_Digest(data.ptr ? data.ptr : "", data.len, ret, NULL, md, NULL);

    assert(ok == 1);
    (void)ok;
}

struct digest {
    EVP_MD_CTX *ctx;
};

static void must_be_one(int ok)
{
    assert(ok == 1);
    (void)ok;
}

struct digest *digest_new(enum digest_kind kind)
{
    struct digest *d = xcalloc(1, sizeof(*d));

    d->ctx = EVP_MD_CTX_new();
    must_be_one(d->ctx && EVP_DigestInit_ex(d->ctx, kind == DIGEST_MD5 ? EVP_md5() : EVP_sha256(), NULL));
    return d;
}

void digest_add(struct digest *d, struct str data)
{
    must_be_one(EVP_DigestUpdate(d->ctx, data.ptr ? data.ptr : "", data.len));
}

void digest_end(struct digest *d, uint8_t *ret)
{
    must_be_one(EVP_DigestFinal_ex(d->ctx, ret, NULL));
    EVP_MD_CTX_free(d->ctx);
    free(d);
}

void sha256(struct str data, uint8_t ret[32])
{
    digest(EVP_sha256(), data, ret);
}

void md5(struct str data, uint8_t ret[16])
{
    digest(EVP_md5(), data, ret);
}

/* Reflected, polynomial 0x82f63b78, four bits at a time: the table is small, the inputs are too. */
uint32_t crc32c(struct str data)
{
    static const uint32_t table[16] = { 0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1,
                                        0x417b1dbc, 0x5125dad3, 0x61c69362, 0x7198540d,
                                        0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9,
                                        0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75 };
    uint32_t sum = UINT32_MAX;

    for (size_t i = 0; i < data.len; i++) {
        sum ^= (uint8_t)data.ptr[i];
        sum = sum >> 4 ^ table[sum & 15];
        sum = sum >> 4 ^ table[sum & 15];
    }
    return ~sum;
}

void hmac_sha256(struct str key, struct str data, uint8_t ret[32])
{
    unsigned len = 32;
    const unsigned char *p =
        HMAC(EVP_sha256(), key.ptr, (int)key.len, (const unsigned char *)data.ptr, data.len, ret, &len);

    assert(p && len == 32);
    (void)p;
}

void hex_encode(const uint8_t *data, size_t len, char *ret)
{
    static const char hex[] = "0123456789abcdef";

    for (size_t i = 0; i < len; i++) {
        ret[2 * i] = hex[data[i] >> 4];
        ret[2 * i + 1] = hex[data[i] & 15];
    }
    ret[2 * len] = '\0';
}

/* -1: no digit of ours. */
static int hex_digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool hex_decode(struct str hex, uint8_t *ret)
{
    if (hex.len % 2)
        return false;
    for (size_t i = 0; i < hex.len; i += 2) {
        int high = hex_digit(hex.ptr[i]), low = hex_digit(hex.ptr[i + 1]);

        if (high < 0 || low < 0)
            return false;
        ret[i / 2] = (uint8_t)(high << 4 | low);
    }
    return true;
}

static void add_base64(struct strbuf *b, struct str data, const char *alphabet, bool pad)
{
    for (size_t i = 0; i < data.len; i += 3) {
        size_t n = data.len - i < 3 ? data.len - i : 3;
        uint32_t bits = 0;

        for (size_t k = 0; k < 3; k++)
            bits = bits << 8 | (k < n ? (uint8_t)data.ptr[i + k] : 0);
        for (size_t k = 0; k < 4; k++) {
            if (k <= n)
                strbuf_addc(b, alphabet[bits >> (18 - 6 * k) & 63]);
            else if (pad)
                strbuf_addc(b, '=');
        }
    }
}

void strbuf_add_base64(struct strbuf *b, struct str data)
{
    add_base64(b, data, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", true);
}

void strbuf_add_base64url(struct strbuf *b, struct str data)
{
    add_base64(b, data, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", false);
}

static int base64_value(char c)
{
    if (ascii_is_upper(c))
        return c - 'A';
    if (ascii_is_lower(c))
        return c - 'a' + 26;
    if (ascii_is_digit(c))
        return c - '0' + 52;
    return c == '+' || c == '-' ? 62 : c == '/' || c == '_' ? 63 : -1;
}

/* Values of all bytes, -1 for those that are none. */
static void base64_values(signed char ret[256])
{
    for (unsigned i = 0; i < 256; i++)
        ret[i] = (signed char)base64_value((char)i);
}

/* Whole groups of four, which are most of a long text: how many bytes of it. Stops at what is none. */
static size_t base64_groups(struct str text, char *out)
{
    signed char values[256];
    size_t i = 0;

    base64_values(values);
    for (; i + 4 <= text.len; i += 4) {
        const unsigned char *p = (const unsigned char *)text.ptr + i;
        int v[4] = { values[p[0]], values[p[1]], values[p[2]], values[p[3]] };

        if ((v[0] | v[1] | v[2] | v[3]) < 0)
            break;
        *out++ = (char)(v[0] << 2 | v[1] >> 4);
        *out++ = (char)(v[1] << 4 | v[2] >> 2);
        *out++ = (char)(v[2] << 6 | v[3]);
    }
    return i;
}

int base64_decode(struct arena *a, struct str text, struct str *ret, struct err *e)
{
    enum { LONG_TEXT = 128 };
    char *out = arena_alloc(a, text.len / 4 * 3 + 4);
    size_t grouped = text.len >= LONG_TEXT ? base64_groups(text, out) : 0, len = grouped / 4 * 3;
    uint32_t bits = 0;
    unsigned have = 0;

    while (text.len && text.ptr[text.len - 1] == '=')
        text.len--;
    for (size_t i = grouped; i < text.len; i++) {
        int v = base64_value(text.ptr[i]);

        if (v < 0)
            return err_set(e, ERR_INVALID, "not base64: wrong character at offset %zu", i);
        bits = bits << 6 | (uint32_t)v;
        have += 6;
        if (have < 8)
            continue;
        have -= 8;
        out[len++] = (char)(bits >> have & 0xff);
    }
    if (have >= 6)
        return err_set(e, ERR_INVALID, "not base64: cut short");
    *ret = (struct str){ out, len };
    return 0;
}

int rsa_sign_sha256(struct arena *a, const struct secret *pem, struct str data, struct str *ret,
                    struct err *e)
{
    struct str text = secret_unwrap(pem);
    BIO *bio = BIO_new_mem_buf(text.ptr, (int)text.len);
    EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL) : NULL;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    size_t len = 0;
    unsigned char *out = NULL;
    int rc = 0;

    if (!key || EVP_PKEY_get_base_id(key) != EVP_PKEY_RSA) {
        rc = err_set(e, ERR_CONFIG, "the private key is not an RSA key in PEM form");
        goto out;
    }
    if (EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key) != 1 ||
        EVP_DigestSign(ctx, NULL, &len, (const unsigned char *)data.ptr, data.len) != 1) {
        rc = err_set(e, ERR_OS, "cannot sign with the private key");
        goto out;
    }
    out = arena_alloc(a, len);
    if (EVP_DigestSign(ctx, out, &len, (const unsigned char *)data.ptr, data.len) != 1)
        rc = err_set(e, ERR_OS, "cannot sign with the private key");
    else
        *ret = (struct str){ (const char *)out, len };
out:
    EVP_MD_CTX_free(ctx);
    EVP_PKEY_free(key);
    BIO_free(bio);
    return rc;
}

bool rsa_verify_sha256(struct str public_pem, struct str data, struct str signature)
{
    BIO *bio = BIO_new_mem_buf(public_pem.ptr, (int)public_pem.len);
    EVP_PKEY *key = bio ? PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL) : NULL;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool good = key && EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA &&
                EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, key) == 1 &&
                EVP_DigestVerify(ctx, (const unsigned char *)signature.ptr, signature.len,
                                 (const unsigned char *)data.ptr, data.len) == 1;

    EVP_MD_CTX_free(ctx);
    EVP_PKEY_free(key);
    BIO_free(bio);
    return good;
}

static struct str bio_text(BIO *bio)
{
    char *at = NULL;
    long len = BIO_get_mem_data(bio, &at);

    return (struct str){ at, len > 0 ? (size_t)len : 0 };
}

int rsa_generate(struct arena *a, struct secret **ret_private_pem, struct str *ret_public_pem, struct err *e)
{
    EVP_PKEY *key = EVP_RSA_gen(2048);
    BIO *private_bio = BIO_new(BIO_s_secmem()), *public_bio = BIO_new(BIO_s_mem());
    int rc = 0;

    if (!key || !private_bio || !public_bio ||
        PEM_write_bio_PKCS8PrivateKey(private_bio, key, NULL, NULL, 0, NULL, NULL) != 1 ||
        PEM_write_bio_PUBKEY(public_bio, key) != 1) {
        rc = err_set(e, ERR_OS, "cannot make an RSA key");
    } else {
        *ret_private_pem = secret_new(bio_text(private_bio));
        *ret_public_pem = arena_str(a, bio_text(public_bio));
    }
    BIO_free(private_bio);
    BIO_free(public_bio);
    EVP_PKEY_free(key);
    return rc;
}

int rsa_public_pem(struct arena *a, struct str modulus, struct str exponent, struct str *ret, struct err *e)
{
    BIGNUM *n = BN_bin2bn((const unsigned char *)modulus.ptr, (int)modulus.len, NULL);
    BIGNUM *x = BN_bin2bn((const unsigned char *)exponent.ptr, (int)exponent.len, NULL);
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    OSSL_PARAM *params = NULL;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
    EVP_PKEY *key = NULL;
    BIO *bio = BIO_new(BIO_s_mem());
    int rc = 0;

    if (n && x && build && OSSL_PARAM_BLD_push_BN(build, "n", n) && OSSL_PARAM_BLD_push_BN(build, "e", x))
        params = OSSL_PARAM_BLD_to_param(build);
    if (!params || !ctx || !bio || EVP_PKEY_fromdata_init(ctx) != 1 ||
        EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params) != 1 || PEM_write_bio_PUBKEY(bio, key) != 1)
        rc = err_set(e, ERR_INVALID, "the modulus and exponent are no RSA key");
    else
        *ret = arena_str(a, bio_text(bio));
    BIO_free(bio);
    EVP_PKEY_free(key);
    EVP_PKEY_CTX_free(ctx);
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(build);
    BN_free(x);
    BN_free(n);
    return rc;
}

int rsa_modulus(struct arena *a, struct str public_pem, struct str *ret, struct err *e)
{
    BIO *bio = BIO_new_mem_buf(public_pem.ptr, (int)public_pem.len);
    EVP_PKEY *key = bio ? PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL) : NULL;
    BIGNUM *n = NULL;
    unsigned char *out;
    int rc = 0;

    if (!key || EVP_PKEY_get_bn_param(key, "n", &n) != 1) {
        rc = err_set(e, ERR_INVALID, "the text is no RSA key in PEM form");
    } else {
        out = arena_alloc(a, (size_t)BN_num_bytes(n));
        *ret = (struct str){ (const char *)out, (size_t)BN_bn2bin(n, out) };
    }
    BN_free(n);
    EVP_PKEY_free(key);
    BIO_free(bio);
    return rc;
}

/* --- elliptic curves --- */

enum { P256_BYTES = 32 };

static EVP_PKEY *p256_key(const struct p256_point *p)
{
    unsigned char point[1 + 2 * P256_BYTES] = { POINT_CONVERSION_UNCOMPRESSED };
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    OSSL_PARAM *params = NULL;
    EVP_PKEY *key = NULL;

    memcpy(point + 1, p->x.ptr, P256_BYTES);
    memcpy(point + 1 + P256_BYTES, p->y.ptr, P256_BYTES);
    if (build && OSSL_PARAM_BLD_push_utf8_string(build, "group", "P-256", 0) &&
        OSSL_PARAM_BLD_push_octet_string(build, "pub", point, sizeof(point)))
        params = OSSL_PARAM_BLD_to_param(build);
    if (!params || !ctx || EVP_PKEY_fromdata_init(ctx) != 1 ||
        EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params) != 1)
        key = NULL;
    EVP_PKEY_CTX_free(ctx);
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(build);
    return key;
}

/* OpenSSL reads the numbers from ASN.1: *ret_der is OPENSSL_free()d by the caller. */
static int p256_der(struct str signature, unsigned char **ret_der)
{
    const unsigned char *bytes = (const unsigned char *)signature.ptr;
    ECDSA_SIG *sig = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(bytes, P256_BYTES, NULL), *s = BN_bin2bn(bytes + P256_BYTES, P256_BYTES, NULL);
    int len = -1;

    if (sig && r && s && ECDSA_SIG_set0(sig, r, s) == 1) {
        len = i2d_ECDSA_SIG(sig, ret_der); /* r and s are its own now */
    } else {
        BN_free(r);
        BN_free(s);
    }
    ECDSA_SIG_free(sig);
    return len;
}

bool p256_verify_sha256(const struct p256_point *p, struct str data, struct str signature)
{
    unsigned char *der = NULL;
    EVP_MD_CTX *ctx;
    EVP_PKEY *key;
    bool good;
    int len;

    if (p->x.len != P256_BYTES || p->y.len != P256_BYTES || signature.len != 2 * P256_BYTES)
        return false;
    ctx = EVP_MD_CTX_new();
    key = p256_key(p);
    len = p256_der(signature, &der);
    good = key && len > 0 && EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, key) == 1 &&
           EVP_DigestVerify(ctx, der, (size_t)len, (const unsigned char *)data.ptr, data.len) == 1;
    OPENSSL_free(der);
    EVP_PKEY_free(key);
    EVP_MD_CTX_free(ctx);
    return good;
}
