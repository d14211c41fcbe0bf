/* bench/load/load.h: what a queue is asked, in the words of its protocol. */
#pragma once

#include "base/str.h"

enum { BODY_MAX = 64 * 1024, REPLY_MAX = 256 * 1024, ID_SIZE = 96 };

enum load_op {
    LOAD_PUSH, /* one request */
    LOAD_LEASE /* two: take an item, and acknowledge it */
};

struct load_options {
    const char *protocol; /* "graphql", "beanstalkd" or "redis" */
    enum load_op op;
    int port, clients;
    int64_t count, bytes;               /* operations; of an item */
    const char *entity, *queue, *agent; /* of a queue server */
    const char *login, *body; /* base64 of what a queue server is told; text of an item, without quotes */
};

/* One connection: one request at a time. */
struct load_client {
    const struct load_options *o;
    int fd, number;
    int step;         /* 0: the first request of an operation, 1: the second */
    char id[ID_SIZE]; /* of the item that was taken */
    int64_t fence;
    struct strbuf out; /* the request, of which @sent bytes are gone */
    size_t sent;
    char in[REPLY_MAX];
    size_t in_len;
    int64_t begun_ns, op_begun_ns;
};

/**
 * struct load_protocol - a queue's language.
 * @ask: append the request of the client's step to @out.
 * @answer: bytes of the reply at the front of @in when it is there as a whole and good; 0: more has to come;
 *     -1: it is a refusal. Takes down what the next step needs.
 */
struct load_protocol {
    const char *name;
    void (*ask)(struct load_client *c, struct strbuf *out);
    int64_t (*answer)(struct load_client *c, struct str in);
};
extern const struct load_protocol load_graphql, load_beanstalkd, load_redis;
