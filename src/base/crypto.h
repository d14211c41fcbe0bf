/* base/crypto.h: digests, encodings and signatures on OpenSSL's EVP. */
#pragma once

#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/secret.h"
#include "base/str.h"

void sha256(struct str data, uint8_t ret[32]);
void md5(struct str data, uint8_t ret[16]); /* W&B artifact digests only */
/* The same of data that comes in pieces. */
enum digest_kind { DIGEST_MD5, DIGEST_SHA256 };
struct digest;
struct digest *digest_new(enum digest_kind kind);
void digest_add(struct digest *d, struct str data);
void digest_end(struct digest *d, uint8_t *ret); /* 16 or 32 bytes; frees @d */
uint32_t crc32c(struct str data);                /* Castagnoli, as Google sums up secrets and objects */
void hmac_sha256(struct str key, struct str data, uint8_t ret[32]);
void hex_encode(const uint8_t *data, size_t len, char *ret); /* 2 * len + 1 bytes, lower case */
/** hex_decode() - lower case, an even number of digits, into @ret of @hex.len / 2 bytes; false on anything
 * else. */
bool hex_decode(struct str hex, uint8_t *ret);
void strbuf_add_base64(struct strbuf *b, struct str data);    /* standard alphabet, padded */
void strbuf_add_base64url(struct strbuf *b, struct str data); /* URL alphabet, no padding */
/** base64_decode() - either alphabet, padding optional; -ERR_INVALID on other bytes. */
NODISCARD int base64_decode(struct arena *a, struct str text, struct str *ret, struct err *e);
/** rsa_sign_sha256() - RSASSA-PKCS1-v1_5 with a PEM PKCS#8 key; the signature goes to the arena. Takes about
 * 0.4 ms. */
NODISCARD int rsa_sign_sha256(struct arena *a, const struct secret *pem, struct str data, struct str *ret,
                              struct err *e);
/** rsa_verify_sha256() - is @signature RSASSA-PKCS1-v1_5 over SHA-256 of @data by the key whose public half
 * is
 * @public_pem (SubjectPublicKeyInfo)? False also for a key that is none. */
bool rsa_verify_sha256(struct str public_pem, struct str data, struct str signature);
/** rsa_generate() - a 2048-bit key: PKCS#8 PEM, and its public half as PEM in @a. Takes some 100 ms: on a
 * worker thread (io_work()). */
NODISCARD int rsa_generate(struct arena *a, struct secret **ret_private_pem, struct str *ret_public_pem,
                           struct err *e);
/** rsa_public_pem() - a public key of two big-endian numbers, as JSON Web Keys carry them, in PEM.
 * -ERR_INVALID. */
NODISCARD int rsa_public_pem(struct arena *a, struct str modulus, struct str exponent, struct str *ret,
                             struct err *e);
/** rsa_modulus() - the modulus of a public key, big-endian, into @a: for a JSON Web Key. -ERR_INVALID. */
NODISCARD int rsa_modulus(struct arena *a, struct str public_pem, struct str *ret, struct err *e);
/* A public key on the curve P-256: two big-endian numbers of 32 bytes each, as JSON Web Keys carry them. */
struct p256_point {
    struct str x, y;
};
/** p256_verify_sha256() - is @signature, r and s as two numbers of 32 bytes (RFC 7518, 3.4), ECDSA over
 * SHA-256 of @data by this key? False also for a point that is not on the curve. */
bool p256_verify_sha256(const struct p256_point *key, struct str data, struct str signature);
