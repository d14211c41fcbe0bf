/* wandb/key.c: what API keys and base URLs may look like (protocol reference 1.1, 1.2). */
#include <ctype.h>

#include "wandb/wandb_internal.h"

enum { KEY_MIN_CHARS = 40 };

static bool is_word_char(char c)
{
    return isalnum((unsigned char)c) || c == '_' || c == '-';
}

static bool all_word_chars(struct str s)
{
    for (size_t i = 0; i < s.len; i++)
        if (!is_word_char(s.ptr[i]))
            return false;
    return s.len > 0;
}

static bool is_jwt(struct str s)
{
    struct str part;
    size_t parts = 0;

    while (str_cut(&s, '.', &part)) {
        parts++;
        if (!all_word_chars(part))
            return false;
    }
    return parts == 3;
}

int wandb_key_check(const struct secret *key, const char *from, struct err *e)
{
    struct str text = secret_unwrap(key), secret = text;

    if (is_jwt(text))
        return 0;
    /* An on-premises key has a prefix: "local-" and the like; the rest is what counts. */
    for (size_t i = 0; i + 1 < text.len && secret.ptr == text.ptr; i++)
        if (text.ptr[i] == '-' && text.len - i - 1 >= KEY_MIN_CHARS)
            secret = str_sub(text, i + 1, text.len);
    if (secret.len < KEY_MIN_CHARS)
        return err_set(e, ERR_CONFIG, "%s: API key must have %d+ characters, has %zu.", from, KEY_MIN_CHARS,
                       secret.len);
    if (!all_word_chars(text))
        return err_set(e, ERR_CONFIG, "%s: an API key has only letters, digits, '_' and '-'", from);
    return 0;
}

struct str wandb_url_netloc(struct str url)
{
    ptrdiff_t scheme = str_find(url, STR("://"));
    struct str rest = scheme < 0 ? url : str_sub(url, (size_t)scheme + 3, url.len), netloc = rest;

    return str_cut(&rest, '/', &netloc) ? netloc : rest;
}

int wandb_url_check(struct str url, const char *from, struct err *e)
{
    bool https = str_has_prefix(url, STR("https://"));

    if ((!https && !str_has_prefix(url, STR("http://"))) || wandb_url_netloc(url).len == 0)
        return err_set(e, ERR_CONFIG, "%s: base URL \"%.*s\" must look like https://HOST or http://HOST:PORT",
                       from, STR_ARG(url));
    if (str_find(url, STR("wandb.ai")) >= 0 && (!https || str_find(url, STR("api.")) < 0))
        return err_set(e, ERR_CONFIG, "%s: base URL \"%.*s\" is not W&B's API: did you mean %s?", from,
                       STR_ARG(url), WANDB_CLOUD_URL);
    return 0;
}
