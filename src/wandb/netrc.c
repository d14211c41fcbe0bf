/* wandb/netrc.c: a small reader for .netrc files that remembers where each entry stands. */
#include "wandb/netrc.h"

#include <string.h>

enum { WORD_MAX_BYTES = 4096 };

struct reader {
    struct str text;
    size_t pos, line; /* line from 1 */
    struct strbuf word;
    struct err *e;
};

struct entry {
    struct strbuf machine; /* empty for "default" */
    bool is_default;
    struct secret *password; /* NULL: none given */
    size_t from, to;         /* its bytes: from the keyword to behind the last word */
};

static bool at_end(const struct reader *r)
{
    return r->pos >= r->text.len;
}

static char next_char(struct reader *r)
{
    char c = r->text.ptr[r->pos++];

    r->line += c == '\n';
    return c;
}

static void skip_space(struct reader *r)
{
    while (!at_end(r) && strchr(" \t\r\n\f\v", r->text.ptr[r->pos]) && r->text.ptr[r->pos])
        next_char(r);
}

static void skip_line(struct reader *r)
{
    while (!at_end(r) && next_char(r) != '\n')
        continue;
}

static int add_escaped(struct reader *r)
{
    if (at_end(r))
        return err_set(r->e, ERR_INVALID, "line %zu: a backslash at the end of the file", r->line);
    strbuf_addc(&r->word, next_char(r));
    return 0;
}

/* What stands up to @stop: '"' inside quotes, else white space (which is left unread). */
static int read_until(struct reader *r, bool quoted)
{
    size_t line = r->line;

    while (!at_end(r)) {
        char c = r->text.ptr[r->pos];

        if (!quoted && strchr(" \t\r\n\f\v", c) && c)
            return 0;
        next_char(r);
        if (quoted && c == '"')
            return 0;
        if (c != '\\')
            strbuf_addc(&r->word, c);
        else if (add_escaped(r))
            return -ERR_INVALID;
    }
    return quoted ? err_set(r->e, ERR_INVALID, "line %zu: a quote that is not closed", line) : 0;
}

/* The next word into r->word; *ret_found is false at the end of the text. */
static int read_word(struct reader *r, bool *ret_found)
{
    bool quoted;
    int rc;

    strbuf_wipe(&r->word);
    skip_space(r);
    if (at_end(r)) {
        *ret_found = false;
        return 0;
    }
    quoted = r->text.ptr[r->pos] == '"';
    if (quoted)
        next_char(r);
    rc = read_until(r, quoted);
    if (rc)
        return rc;
    if (r->word.full)
        return err_set(r->e, ERR_INVALID, "line %zu: a word of more than %d bytes", r->line, WORD_MAX_BYTES);
    *ret_found = true;
    return 0;
}

/* Keywords stand where '#' starts a comment. */
static int read_keyword(struct reader *r, size_t *ret_from, bool *ret_found)
{
    for (;;) {
        skip_space(r);
        if (at_end(r) || r->text.ptr[r->pos] != '#')
            break;
        skip_line(r);
    }
    *ret_from = r->pos;
    return read_word(r, ret_found);
}

static int read_value(struct reader *r, const char *what)
{
    bool found = false;
    int rc = read_word(r, &found);

    if (rc)
        return rc;
    return found ? 0 : err_set(r->e, ERR_INVALID, "line %zu: \"%s\" without a value", r->line, what);
}

/* A macro ends with an empty line; it belongs to the entry before it. */
static int skip_macro(struct reader *r)
{
    int rc = read_value(r, "macdef");

    if (rc)
        return rc;
    skip_line(r);
    while (!at_end(r)) {
        size_t from = r->pos;

        skip_line(r);
        if (str_trim(str_sub(r->text, from, r->pos)).len == 0)
            break;
    }
    return 0;
}

/* login, account, password and macros, up to the next entry (left unread). */
static int read_members(struct reader *r, struct entry *en)
{
    for (;;) {
        struct str word;
        size_t from, line;
        bool found = false, is_macro = false;
        int rc = read_keyword(r, &from, &found);

        if (rc || !found)
            return rc;
        word = strbuf_str(&r->word);
        line = r->line;
        if (str_is(word, "machine") || str_is(word, "default")) {
            r->pos = from;
            return 0;
        }
        if (str_is(word, "macdef")) {
            rc = skip_macro(r);
            is_macro = true;
        } else if (str_is(word, "login") || str_is(word, "user") || str_is(word, "account")) {
            rc = read_value(r, "login");
        } else if (str_is(word, "password")) {
            rc = read_value(r, "password");
            secret_free(en->password);
            en->password = rc ? NULL : secret_new(strbuf_str(&r->word));
        } else {
            /* The word may be half of a password: it is not repeated. */
            rc = err_set(r->e, ERR_INVALID, "line %zu: expected machine, login, account, password or macdef",
                         line);
        }
        if (rc)
            return rc;
        if (!is_macro) /* a macro outlives the entry it stands in */
            en->to = r->pos;
    }
}

static void entry_done(struct entry *en)
{
    strbuf_done(&en->machine);
    secret_free(en->password);
    *en = (struct entry){ .machine = STRBUF(WORD_MAX_BYTES) };
}

/* The next entry; *ret_found is false when there is none. Macros before the first entry are passed over. */
static int read_entry(struct reader *r, struct entry *en, bool *ret_found)
{
    int rc;

    entry_done(en);
    do {
        rc = read_keyword(r, &en->from, ret_found);
        if (rc || !*ret_found)
            return rc;
        if (!str_is(strbuf_str(&r->word), "macdef"))
            break;
        rc = skip_macro(r);
    } while (!rc);
    if (rc)
        return rc;
    en->is_default = str_is(strbuf_str(&r->word), "default");
    if (!en->is_default) {
        if (!str_is(strbuf_str(&r->word), "machine"))
            return err_set(r->e, ERR_INVALID, "line %zu: expected machine, default or macdef", r->line);
        rc = read_value(r, "machine");
        if (rc)
            return rc;
        strbuf_add(&en->machine, strbuf_str(&r->word));
    }
    en->to = r->pos;
    return read_members(r, en);
}

static bool entry_is_for(const struct entry *en, struct str machine)
{
    return !en->is_default && str_eq(strbuf_str(&en->machine), machine);
}

static struct reader reader_of(struct str text, struct err *e)
{
    return (struct reader){ .text = text, .line = 1, .word = STRBUF(WORD_MAX_BYTES), .e = e };
}

int netrc_find(struct str text, struct str machine, struct secret **ret, struct err *e)
{
    struct reader r = reader_of(text, e);
    struct entry en = { .machine = STRBUF(WORD_MAX_BYTES) };
    AUTO_PTR(secret) own = NULL;
    AUTO_PTR(secret) fallback = NULL;
    bool found = true;
    int rc;

    while ((rc = read_entry(&r, &en, &found)) == 0 && found) {
        struct secret **slot = entry_is_for(&en, machine) ? &own : en.is_default ? &fallback : NULL;

        if (slot && en.password) {
            secret_free(*slot);
            *slot = TAKE(en.password);
        }
    }
    strbuf_wipe(&r.word);
    entry_done(&en);
    if (rc)
        return rc;
    if (!own && !fallback)
        return err_set(e, ERR_NOT_FOUND, "no password for machine %.*s", STR_ARG(machine));
    *ret = own ? TAKE(own) : TAKE(fallback);
    return 0;
}

static void add_entry(struct strbuf *out, struct str machine, const char *login,
                      const struct secret *password)
{
    strbuf_addf(out, "machine %.*s\n  login %s\n  password ", STR_ARG(machine), login);
    strbuf_add(out, secret_unwrap(password));
}

int netrc_replace(struct strbuf *out, struct str text, struct str machine, const char *login,
                  const struct secret *password, struct err *e)
{
    struct reader r = reader_of(text, e);
    struct entry en = { .machine = STRBUF(WORD_MAX_BYTES) };
    bool found = true, written = false;
    size_t copied = 0;
    int rc;

    strbuf_reset(out);
    while ((rc = read_entry(&r, &en, &found)) == 0 && found) {
        bool ours = entry_is_for(&en, machine);

        /* A reader may stop at "default", so nothing of ours goes behind it. */
        if (!ours && (!en.is_default || written))
            continue;
        strbuf_add(out, str_sub(text, copied, en.from));
        copied = ours ? en.to : en.from;
        if (!written) {
            add_entry(out, machine, login, password);
            strbuf_addz(out, ours ? "" : "\n");
        }
        written = true;
    }
    strbuf_wipe(&r.word);
    entry_done(&en);
    if (rc)
        return rc;
    strbuf_add(out, str_sub(text, copied, text.len));
    if (out->len && out->ptr[out->len - 1] != '\n')
        strbuf_addc(out, '\n');
    if (!written) {
        /* The file's last macro may lack the empty line that ends it. */
        strbuf_addz(out, str_find(text, STR("macdef")) >= 0 ? "\n" : "");
        add_entry(out, machine, login, password);
        strbuf_addc(out, '\n');
    }
    return strbuf_check(out, e);
}
