/* tests/unit/io/certs.h: certificates made on the spot, for tests of TLS. */
#pragma once

#include "base/arena.h"

struct cert {
    struct str pem, key_pem; /* P-256 */
};
struct cert_wish {
    const char *name;          /* subject's common name */
    const char *san;           /* "IP:127.0.0.1", "DNS:example.com" */
    const struct cert *issuer; /* NULL: signed by itself */
    bool expired;              /* since yesterday */
};
/** cert_make() - valid for a day; an authority when it has no issuer. */
struct cert cert_make(struct arena *a, const struct cert_wish *w);
