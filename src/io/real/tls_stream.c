/* io/real/tls_stream.c: OpenSSL between two memory BIOs: what the socket gave goes in, what it gets comes
 * out. */
#include "io/real/tls_stream.h"

#include <limits.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <stdlib.h>

#include "base/mem.h"

enum { RECORD_BYTES = 16 * 1024 };

struct tls_context {
    SSL_CTX *ctx;
};
struct tls_stream {
    SSL *ssl;
    BIO *in, *out; /* the SSL owns them */
    enum tls_state state;
};

/* --- certificate and key
 * ------------------------------------------------------------------------------------- */

/* Keys with a passphrase are refused: nobody is there to type it. */
static int no_passphrase(char *buf, int size, int writing, void *ctx)
{
    (void)buf;
    (void)size;
    (void)writing;
    (void)ctx;
    return -1;
}

static BIO *bio_of(struct str s)
{
    return s.len <= INT_MAX ? BIO_new_mem_buf(s.ptr ? s.ptr : "", (int)s.len) : NULL;
}

static bool use_certificates(SSL_CTX *ctx, struct str pem)
{
    BIO *bio = bio_of(pem);
    X509 *own = bio ? PEM_read_bio_X509_AUX(bio, NULL, no_passphrase, NULL) : NULL;
    bool ok = own && SSL_CTX_use_certificate(ctx, own) == 1;
    X509 *next = NULL;

    X509_free(own);
    while (ok && (next = PEM_read_bio_X509(bio, NULL, no_passphrase, NULL)))
        ok = SSL_CTX_add0_chain_cert(ctx, next) == 1; /* takes it */
    BIO_free(bio);
    ERR_clear_error(); /* "no start line" ends the list */
    return ok;
}

static int use_key(SSL_CTX *ctx, struct str pem, struct err *e)
{
    BIO *bio = bio_of(pem);
    EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL) : NULL;
    int rc = 0;

    if (!key)
        rc = err_set(e, ERR_CONFIG, "the key is not a PEM private key without a passphrase");
    else if (SSL_CTX_use_PrivateKey(ctx, key) != 1 || SSL_CTX_check_private_key(ctx) != 1)
        rc = err_set(e, ERR_CONFIG, "the key does not belong to the certificate");
    EVP_PKEY_free(key);
    BIO_free(bio);
    ERR_clear_error();
    return rc;
}

/* RFC 7301 3.2: a client that offers protocols, but not ours, is told so. */
static int choose_protocol(SSL *ssl, const unsigned char **ret, unsigned char *ret_len,
                           const unsigned char *offered, unsigned len, void *ctx)
{
    static const unsigned char ours[] = "\x08http/1.1";
    unsigned char *chosen = NULL;

    (void)ssl;
    (void)ctx;
    if (SSL_select_next_proto(&chosen, ret_len, ours, sizeof(ours) - 1, offered, len) !=
        OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    *ret = chosen;
    return SSL_TLSEXT_ERR_OK;
}

static int load(SSL_CTX *ctx, struct str cert_pem, const struct secret *key_pem, struct err *e)
{
    if (!use_certificates(ctx, cert_pem))
        return err_set(e, ERR_CONFIG, "the certificate is not a PEM certificate that can be used");
    return use_key(ctx, secret_unwrap(key_pem), e);
}

int tls_context_new(struct str cert_pem, const struct secret *key_pem, struct tls_context **ret,
                    struct err *e)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
    int rc = ctx ? 0 : err_set(e, ERR_OS, "OpenSSL cannot be set up");

    if (rc == 0)
        rc = load(ctx, cert_pem, key_pem, e);
    if (rc) {
        SSL_CTX_free(ctx);
        return rc;
    }
    SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
    SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS); /* an idle connection keeps 34 kB less */
    SSL_CTX_set_options(ctx,
                        SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF); /* tickets hold what resuming needs */
    SSL_CTX_set_num_tickets(ctx, 1);
    SSL_CTX_set_alpn_select_cb(ctx, choose_protocol, NULL);
    *ret = xcalloc(1, sizeof(**ret));
    (*ret)->ctx = ctx;
    return 0;
}

void tls_context_free(struct tls_context *c)
{
    if (!c)
        return;
    SSL_CTX_free(c->ctx);
    free(c);
}

/* --- the pump
 * ------------------------------------------------------------------------------------------------ */

struct tls_stream *tls_stream_new(struct tls_context *c)
{
    struct tls_stream *t = xcalloc(1, sizeof(*t));

    t->ssl = SSL_new(c->ctx);
    t->in = BIO_new(BIO_s_mem());
    t->out = BIO_new(BIO_s_mem());
    if (!t->ssl || !t->in || !t->out)
        abort(); /* no memory, as xmalloc() */
    SSL_set_bio(t->ssl, t->in, t->out);
    SSL_set_accept_state(t->ssl);
    return t;
}

void tls_stream_free(struct tls_stream *t)
{
    if (!t)
        return;
    SSL_free(t->ssl);
    free(t);
}

void tls_stream_feed(struct tls_stream *t, struct str bytes)
{
    if (t->state == TLS_OPEN && bytes.len <= INT_MAX)
        (void)BIO_write(t->in, bytes.ptr, (int)bytes.len); /* a memory BIO takes all */
}

static void take_outcome(struct tls_stream *t, int n)
{
    int why = SSL_get_error(t->ssl, n);

    if (why == SSL_ERROR_ZERO_RETURN)
        t->state = TLS_ENDED;
    else if (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE)
        t->state = TLS_FAILED;
    ERR_clear_error();
}

size_t tls_stream_read(struct tls_stream *t, char *buf, size_t size)
{
    int n = 0;

    if (t->state != TLS_OPEN)
        return 0;
    ERR_clear_error(); /* the queue is the thread's: SSL_get_error() looks at it */
    n = SSL_read(t->ssl, buf, size > INT_MAX ? INT_MAX : (int)size);
    if (n > 0)
        return (size_t)n;
    take_outcome(t, n);
    return 0;
}

enum tls_state tls_stream_state(const struct tls_stream *t)
{
    return t->state;
}

size_t tls_stream_write(struct tls_stream *t, struct str plain)
{
    int n = 0;

    if (t->state == TLS_FAILED || !SSL_is_init_finished(t->ssl) || plain.len == 0)
        return 0;
    ERR_clear_error();
    n = SSL_write(t->ssl, plain.ptr, plain.len > RECORD_BYTES ? RECORD_BYTES : (int)plain.len);
    if (n > 0)
        return (size_t)n;
    take_outcome(t, n);
    return 0;
}

size_t tls_stream_output(struct tls_stream *t, char *buf, size_t size)
{
    int n = BIO_read(t->out, buf, size > INT_MAX ? INT_MAX : (int)size);

    return n > 0 ? (size_t)n : 0;
}

void tls_stream_end(struct tls_stream *t)
{
    if (t->state != TLS_FAILED && SSL_is_init_finished(t->ssl))
        (void)SSL_shutdown(t->ssl); /* queues the alert; the peer's own is not waited for */
    ERR_clear_error();
}
