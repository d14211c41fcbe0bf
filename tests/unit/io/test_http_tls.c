/* tests/unit/io/test_http_tls.c: TLS on both sides: what the server offers, and whom the client believes. */
#include "../test.h"

#include <openssl/ssl.h>
#include <stdio.h>

#include "certs.h"
#include "io/file.h"
#include "io/http.h"
#include "io/real.h"
#include "raw_client.h"

enum { LARGE = 3 * 1024 * 1024 };

/* An authority that the client believes, in a file of its own; each test runs as a fiber of a world of its
 * own. */
struct trust {
    struct io *io;
    struct arena *a;
    struct cert authority;
    char dir[FOLDER_SIZE];
    const char *path;
    void (*body)(struct trust *t);
    struct http_server *server;
};

static void handle(void *ctx, struct http_exchange *x)
{
    x->status = 200;
    strbuf_addz(&x->reply, x->tls ? "tls " : "plain ");
    strbuf_add(&x->reply, x->body);
}

static int run_body(struct io *io, void *arg, struct err *e)
{
    struct trust *t = arg;

    t->io = io;
    t->a = arena_new();
    t->authority = cert_make(t->a, &(struct cert_wish){ .name = "Test Authority" });
    folder_make(t->dir);
    t->path = arena_printf(t->a, "%s/ca.pem", t->dir);
    must(file_write(io, t->path, t->authority.pem, 0600, e), e);
    setenv("SSL_CERT_FILE", t->path, 1);
    t->body(t);
    unsetenv("SSL_CERT_FILE");
    folder_remove(t->dir);
    arena_free(t->a);
    return 0;
}

static void with_authority(void (*body)(struct trust *t))
{
    struct trust t = { .body = body };
    struct err e = { 0 };

    must(io_real_run(run_body, &t, &e), &e);
}

static int listen_with(struct trust *t, struct cert c, struct err *e)
{
    AUTO_PTR(secret) key = secret_new(c.key_pem);

    return http_listen(
        t->io, &(struct http_server_options){ .handler = handle, .tls_cert_pem = c.pem, .tls_key_pem = key },
        &t->server, e);
}

static int send_to(struct trust *t, struct str body, struct http_reply *ret, struct err *e)
{
    struct http_request req = { .method = "POST", .body = body };

    req.url = arena_printf(t->a, "https://127.0.0.1:%u/", http_server_port(t->server));
    return http_send(t->io, t->a, &req, ret, e);
}

static struct cert good_cert(struct trust *t)
{
    return cert_make(t->a,
                     &(struct cert_wish){ .name = "here", .san = "IP:127.0.0.1", .issuer = &t->authority });
}

/* --- requests --- */

static void believed(struct trust *t)
{
    struct http_reply reply = { 0 };
    struct str large = { arena_alloc(t->a, LARGE), LARGE };
    struct err e = { 0 };

    must(listen_with(t, good_cert(t), &e), &e);
    must(send_to(t, STR("hello"), &reply, &e), &e);
    assert_string_equal(reply.body.ptr, "tls hello");
    must(send_to(t, large, &reply, &e), &e);
    assert_int_equal(reply.status, 200);
    assert_int_equal(reply.body.len, LARGE + 4);
    http_server_close(t->server);
}

static void requests_small_and_large_go_over_tls_when_the_authority_is_believed(void **state)
{
    (void)state;
    with_authority(believed);
}

static void plain(struct trust *t)
{
    struct err e = { 0 };
    const char *got = NULL;

    must(listen_with(t, good_cert(t), &e), &e);
    got = raw_ask(t->io, t->a, http_server_port(t->server), "GET / HTTP/1.1\r\nHost: t\r\n\r\n");
    assert_null(strstr(got, "HTTP/1.1 200"));
    http_server_close(t->server);
}

static void a_plain_request_to_a_tls_port_is_not_answered(void **state)
{
    (void)state;
    with_authority(plain);
}

/* --- whom the client refuses --- */

static void assert_refused(struct trust *t, struct cert c, const char *why)
{
    struct http_reply reply = { 0 };
    struct err e = { 0 };

    must(listen_with(t, c, &e), &e);
    assert_int_equal(send_to(t, STR("secret"), &reply, &e), -ERR_NET);
    if (!strstr(e.msg, why))
        fail_msg("\"%s\" is not in: %s", why, e.msg);
    http_server_close(t->server);
}

static void strangers(struct trust *t)
{
    struct cert_wish w = { .name = "here", .san = "IP:127.0.0.1" };

    assert_refused(t, cert_make(t->a, &w), "self-signed certificate");
    w.issuer = &t->authority;
    w.expired = true;
    assert_refused(t, cert_make(t->a, &w), "certificate has expired");
    w.expired = false;
    w.san = "DNS:elsewhere.example";
    assert_refused(t, cert_make(t->a, &w), "127.0.0.1");
    unsetenv("SSL_CERT_FILE");
    assert_refused(t, good_cert(t), "certificate");
}

static void the_client_refuses_self_signed_expired_wrong_and_unknown_certificates(void **state)
{
    (void)state;
    with_authority(strangers);
}

/* --- what the server offers --- */

struct handshake {
    uint16_t port;
    int max_version;
    const char *offer; /* ALPN's wire form */
    bool done;
    char version[16], chosen[16];
};

static void shake_on_thread(void *arg)
{
    struct handshake *h = arg;
    struct raw r = raw_open(NULL, h->port);
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    SSL *ssl = SSL_new(ctx);
    const unsigned char *chosen = NULL;
    unsigned len = 0;

    SSL_set_security_level(ssl, 0); /* the old versions are to be refused by the other side */
    SSL_set_min_proto_version(ssl, TLS1_VERSION);
    SSL_set_max_proto_version(ssl, h->max_version);
    SSL_set_alpn_protos(ssl, (const unsigned char *)h->offer, (unsigned)strlen(h->offer));
    SSL_set_fd(ssl, r.fd);
    h->done = SSL_connect(ssl) == 1;
    SSL_get0_alpn_selected(ssl, &chosen, &len);
    snprintf(h->chosen, sizeof(h->chosen), "%.*s", (int)len, chosen ? (const char *)chosen : "");
    snprintf(h->version, sizeof(h->version), "%s", SSL_get_version(ssl));
    SSL_free(ssl);
    SSL_CTX_free(ctx);
    raw_close(&r);
}

static struct handshake shake(struct trust *t, int max_version, const char *offer)
{
    struct handshake h = { .port = http_server_port(t->server), .max_version = max_version, .offer = offer };
    struct err e;

    assert_int_equal(io_work(t->io, shake_on_thread, &h, &e), 0);
    return h;
}

static void offers(struct trust *t)
{
    struct handshake h;
    struct err e = { 0 };

    must(listen_with(t, good_cert(t), &e), &e);
    h = shake(t, TLS1_3_VERSION, "\2h2\10http/1.1");
    assert_true(h.done);
    assert_string_equal(h.version, "TLSv1.3");
    assert_string_equal(h.chosen, "http/1.1");
    h = shake(t, TLS1_2_VERSION, "\10http/1.1");
    assert_true(h.done);
    assert_string_equal(h.version, "TLSv1.2");
    assert_false(shake(t, TLS1_1_VERSION, "\10http/1.1").done);
    assert_false(shake(t, TLS1_2_VERSION, "\2h2").done);
    http_server_close(t->server);
}

static void the_server_speaks_tls_1_2_and_later_and_http_1_1_alone(void **state)
{
    (void)state;
    with_authority(offers);
}

static void mismatched(struct trust *t)
{
    struct cert c = good_cert(t), other = good_cert(t);
    struct err e = { 0 };

    c.key_pem = other.key_pem;
    assert_int_equal(listen_with(t, c, &e), -ERR_CONFIG);
    assert_string_equal(e.msg, "the key does not belong to the certificate");
    c.key_pem = c.pem;
    assert_int_equal(listen_with(t, c, &e), -ERR_CONFIG);
    assert_string_equal(e.msg, "the key is not a PEM private key without a passphrase");
    c = other;
    c.pem = STR("hello");
    assert_int_equal(listen_with(t, c, &e), -ERR_CONFIG);
    assert_string_equal(e.msg, "the certificate is not a PEM certificate that can be used");
}

static void a_certificate_and_key_that_do_not_fit_are_refused_at_the_start(void **state)
{
    (void)state;
    with_authority(mismatched);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_small_and_large_go_over_tls_when_the_authority_is_believed),
        cmocka_unit_test(a_plain_request_to_a_tls_port_is_not_answered),
        cmocka_unit_test(the_client_refuses_self_signed_expired_wrong_and_unknown_certificates),
        cmocka_unit_test(the_server_speaks_tls_1_2_and_later_and_http_1_1_alone),
        cmocka_unit_test(a_certificate_and_key_that_do_not_fit_are_refused_at_the_start),
    };

    return cmocka_run_group_tests_name("http_tls", tests, NULL, NULL);
}
