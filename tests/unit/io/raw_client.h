/* tests/unit/io/raw_client.h: a client that sends exactly the bytes it is told, for tests of the HTTP server.
 */
#pragma once

#include "io/http.h"

struct raw {
    struct io *io;
    int fd;
    struct strbuf got; /* everything so far */
    const char *until;
    bool ended; /* the server closed */
};

struct raw raw_open(struct io *io, uint16_t port);
void raw_send(struct raw *r, const char *text); /* Yields */
/** raw_read() - until @until has come, the server has closed (NULL: only then), or ten seconds; gives all
 * that came so far. Yields. */
const char *raw_read(struct raw *r, const char *until);
void raw_close(struct raw *r);
/** raw_ask() - open, send, read to the end, close; copied to @a. Yields. */
const char *raw_ask(struct io *io, struct arena *a, uint16_t port, const char *text);
