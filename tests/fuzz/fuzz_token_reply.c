/* tests/fuzz/fuzz_token_reply.c: any bytes as what token endpoints, programs and files answer when they are
 * asked for a token, and as the command line of such a program. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "google/credentials/external.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { NOW_S = 1700000000 };

/* Readers wipe what they read: each gets a copy of its own. */
static struct str copy(struct arena *a, struct str text)
{
    return arena_str(a, text);
}

static void as_token_reply(struct arena *a, struct str text)
{
    struct token token = { 0 };
    struct secret *refresh = NULL;
    struct err e = { 0 };

    if (token_read(copy(a, text), &token, &refresh, &e) == 0)
        assert(secret_len(token.value) > 0 && token.expires_in_s >= 0);
    else
        assert(e.msg[0] && !token.value && !refresh);
    secret_free(token.value);
    secret_free(refresh);
}

static void as_program_output(struct arena *a, struct str text)
{
    static const char *const types[] = { "urn:ietf:params:oauth:token-type:jwt",
                                         "urn:ietf:params:oauth:token-type:saml2" };

    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        struct executable_answer answer = { 0 };
        struct err e = { 0 };

        if (executable_answer_read(copy(a, text), str_of(types[i]), NOW_S, &answer, &e) == 0)
            assert(secret_len(answer.token) > 0 && (!answer.expires_at_s || answer.expires_at_s > NOW_S));
        else
            assert(e.msg[0] && !answer.token);
        secret_free(answer.token);
    }
}

static void as_subject_token(struct arena *a, struct str text)
{
    const struct subject_format formats[] = { { .json = false }, { .json = true, .field = STR("id_token") } };

    for (size_t i = 0; i < ARRAY_LEN(formats); i++) {
        struct secret *token = NULL;
        struct err e = { 0 };

        if (subject_token_in(&formats[i], copy(a, text), "the file", &token, &e) == 0)
            assert(secret_len(token) > 0);
        else
            assert(e.msg[0] && !token);
        secret_free(token);
    }
}

static void as_command(struct arena *a, struct str text)
{
    const char **words = NULL;
    struct err e = { 0 };
    size_t n = 0;

    if (command_split(a, copy(a, text), &words, &e)) {
        assert(e.msg[0]);
        return;
    }
    while (words[n])
        n++;
    assert(n > 0 && n <= 256);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO_PTR(arena) a = arena_new();
    const struct str text = { (const char *)data, size };

    as_token_reply(a, text);
    as_program_output(a, text);
    as_subject_token(a, text);
    as_command(a, text);
    return 0;
}
