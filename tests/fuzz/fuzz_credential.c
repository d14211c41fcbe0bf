/*
 * tests/fuzz/fuzz_credential.c: any bytes as a credential file, and as what the servers that it names answer:
 * token endpoints, STS, metadata services of Amazon and Azure. The input is texts between lines of "--": the
 * file, then the answers in their order. All happens in the simulator, where a program cannot be started and
 * every host but this one refuses.
 */
#include <assert.h>
#include <stdlib.h>

#include "google/credentials/credential.h"
#include "io/http.h"
#include "io/sim.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { PORT = 8080, MAX_STEPS = 20000 };

struct world {
    struct str file, answers;
    bool done;
};

/* The text up to the next "\n--\n". */
static struct str next_text(struct str *rest)
{
    ptrdiff_t at = str_find(*rest, STR("\n--\n"));
    struct str text = at < 0 ? *rest : str_sub(*rest, 0, (size_t)at);

    *rest = at < 0 ? (struct str){ NULL, 0 } : str_sub(*rest, (size_t)at + 4, rest->len);
    return text;
}

static void answer(void *ctx, struct http_exchange *x)
{
    struct world *w = ctx;

    if (!w->answers.ptr)
        http_reply_text(x, 404, "text/plain", STR("no more answers"));
    else
        http_reply_text(x, 200, "application/json", next_text(&w->answers));
}

static void ask(struct io *io, const struct world *w, struct arena *a)
{
    const struct google_options options = { 0 };
    struct google_hosts hosts;
    const struct credential_options find = { .hosts = &hosts };
    struct credential *c = NULL;
    struct token token = { 0 };
    struct jval *file = NULL;
    struct err e = { 0 };

    hosts_init(&hosts, io, a, &options);
    if (jval_from_json(a, arena_str(a, w->file), "the file", NULL, &file, &e))
        return;
    if (credential_from_file(io, &find, "the file", file, &c, &e)) {
        assert(e.msg[0] && !c);
        return;
    }
    if (c->kind->fetch(c, &token, &e))
        assert(e.msg[0] && !token.value);
    else
        assert(secret_len(token.value) > 0);
    secret_free(token.value);
    credential_free(c);
}

static void live(struct io *io, void *arg)
{
    AUTO_PTR(arena) a = arena_new();
    struct world *w = arg;
    const struct http_server_options o = { .port = PORT, .handler = answer, .ctx = w };
    struct http_server *server = NULL;
    struct err e = { 0 };

    if (http_listen(io, &o, &server, &e))
        abort();
    ask(io, w, a);
    http_server_close(server);
    w->done = true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str rest = { (const char *)data, size };
    struct world w = { .file = next_text(&rest) };
    struct sim *s = sim_new(1);
    struct sim_node *n = sim_node_new(s, "laptop");

    w.answers = rest;
    sim_node_set_env(n, "AWS_REGION", "us-east-2");
    sim_node_start(n, live, &w);
    for (int i = 0; i < MAX_STEPS && !w.done && sim_step(s); i++)
        continue;
    assert(w.done);
    sim_free(s);
    return 0;
}
