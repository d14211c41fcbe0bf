/*
 * tests/sim/wandb_server.c: our queue server as the closed one of W&B appears to an agent: it does not say
 * whose it is, waits for nobody, and knows none of our words. (That it lends no item again once it was
 * acknowledged is an option of the server's own.)
 */
#include <string.h>

#include "base/jval.h"
#include "server/server.h"
#include "wandb_side.h"

/* Fields and arguments that only our server has. */
static const char *const ours[] = { "fence",
                                    "takenOverRunId",
                                    "keepRunQueueItem",
                                    "noteRunQueueItem",
                                    "finishRunQueueItem",
                                    "stopRunQueueItem",
                                    "stopAsked",
                                    "slipwayVersion" };

static struct str document_of(struct http_exchange *x)
{
    struct jval *request = NULL;

    if (jval_from_json(x->a, x->body, "the request", NULL, &request, NULL))
        return (struct str){ "", 0 };
    return jval_str(jval_get(request, "query"));
}

static const char *unknown_word(struct str document)
{
    for (size_t i = 0; i < ARRAY_LEN(ours); i++)
        if (str_find(document, str_of(ours[i])) >= 0)
            return ours[i];
    return NULL;
}

/* As graphql-core says it, which W&B's clients match on. */
static void refuse(struct http_exchange *x, const char *word)
{
    const char *body = arena_printf(
        x->a, "{\"errors\":[{\"message\":\"Cannot query field \\\"%s\\\" on type \\\"Mutation\\\".\"}]}",
        word);

    http_reply_text(x, 400, "application/json", str_of(body));
}

static void drop_request_header(struct http_exchange *x, const char *name)
{
    struct http_header *kept = arena_array(x->a, x->header_count + 1, sizeof(*kept));
    size_t len = 0;

    for (size_t i = 0; i < x->header_count; i++)
        if (!str_eq_nocase(x->headers[i].name, str_of(name)))
            kept[len++] = x->headers[i];
    x->headers = kept;
    x->header_count = len;
}

static void drop_reply_header(struct http_exchange *x, const char *name)
{
    size_t len = 0;

    for (size_t i = 0; i < x->reply_header_count; i++)
        if (!str_eq_nocase(x->reply_headers[i].name, str_of(name)))
            x->reply_headers[len++] = x->reply_headers[i];
    x->reply_header_count = len;
}

void wandb_server_handle(void *ctx, struct http_exchange *x)
{
    struct wandb_server *s = ctx;
    const char *word = unknown_word(document_of(x));

    if (word) {
        world_break(s->world, "a W&B server was asked for %s", word);
        refuse(x, word);
        return;
    }
    drop_request_header(x, "Prefer");
    server_handle(s->server, x);
    drop_reply_header(x, "Server");
}
