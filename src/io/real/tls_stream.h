/*
 * io/real/tls_stream.h: the server's side of TLS on OpenSSL, as a pump between two buffers: no sockets, no
 * waiting. TLS 1.2 and 1.3, ALPN "http/1.1".
 */
#pragma once

#include "base/err.h"
#include "base/secret.h"
#include "base/str.h"

struct tls_context;
/** tls_context_new() - @cert_pem is the certificate with its chain behind it, @key_pem its private key.
 * -ERR_CONFIG says which of them is wrong. */
NODISCARD int tls_context_new(struct str cert_pem, const struct secret *key_pem, struct tls_context **ret,
                              struct err *e);
void tls_context_free(struct tls_context *c); /* NULL is a no-op */

struct tls_stream;
enum tls_state {
    TLS_OPEN,  /* handshake or data: more is to come */
    TLS_ENDED, /* the peer said that it sends no more */
    TLS_FAILED /* of no use any more; what is to send is an alert */
};
struct tls_stream *tls_stream_new(struct tls_context *c); /* @c must outlive it */
void tls_stream_free(struct tls_stream *t);               /* NULL is a no-op */
/** tls_stream_feed() - bytes from the socket; copied. */
void tls_stream_feed(struct tls_stream *t, struct str bytes);
/** tls_stream_read() - plain bytes, as many as there are; 0: look at tls_stream_state(). Drives the handshake
 * too. */
size_t tls_stream_read(struct tls_stream *t, char *buf, size_t size);
enum tls_state tls_stream_state(const struct tls_stream *t);
/** tls_stream_write() - how many plain bytes were taken, one record at most; 0 before the handshake is over.
 */
size_t tls_stream_write(struct tls_stream *t, struct str plain);
/** tls_stream_output() - bytes for the socket; 0: none. Call after reading and writing until there are none.
 */
size_t tls_stream_output(struct tls_stream *t, char *buf, size_t size);
/** tls_stream_end() - tell the peer that nothing more comes. */
void tls_stream_end(struct tls_stream *t);
