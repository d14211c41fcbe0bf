/* launch/template_token.c: finding {{name}}, and reading files in which it stands bare. */
#include "launch/template_token.h"

#include <string.h>

enum { MAX_NAME = 128, MAX_TEXT = 1 << 20 };

static bool is_name_byte(char c, bool first)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
           (!first && ((c >= '0' && c <= '9') || c == '-'));
}

bool template_name_is_valid(struct str name)
{
    for (size_t i = 0; i < name.len; i++) {
        if (!is_name_byte(name.ptr[i], i == 0))
            return false;
    }
    return name.len > 0 && name.len <= MAX_NAME;
}

static size_t skip_blanks(struct str s, size_t at)
{
    while (at < s.len && (s.ptr[at] == ' ' || s.ptr[at] == '\t'))
        at++;
    return at;
}

/* The token that begins exactly at @at, where "{{" stands. */
static bool token_at(struct str s, size_t at, struct template_token *ret)
{
    size_t from = skip_blanks(s, at + 2), to = from, end;

    while (to < s.len && is_name_byte(s.ptr[to], to == from))
        to++;
    end = skip_blanks(s, to);
    if (to == from || to - from > MAX_NAME || end + 1 >= s.len || s.ptr[end] != '}' || s.ptr[end + 1] != '}')
        return false;
    *ret = (struct template_token){ at, end + 2, str_sub(s, from, to) };
    return true;
}

bool template_token_next(struct str text, size_t from, struct template_token *ret)
{
    for (size_t i = from; i + 1 < text.len; i++) {
        if (text.ptr[i] == '{' && text.ptr[i + 1] == '{' && token_at(text, i, ret))
            return true;
    }
    return false;
}

/* --- files ---------------------------------------------------------------------------------------------- */

/* For the parser each brace of a token is one character that has no meaning in YAML or JSON: so a bare token
 * reads as a plain text, quoted or not, and columns stay. The two are noncharacters, which Unicode keeps for
 * such use; a file that holds them is refused. */
#define OPEN  "\xEF\xB7\x90" /* U+FDD0 */
#define CLOSE "\xEF\xB7\x91" /* U+FDD1 */

static int refuse_marks(struct str text, const char *name, struct err *e)
{
    ptrdiff_t at = str_find(text, STR(OPEN)), close = str_find(text, STR(CLOSE));
    unsigned line = 1;

    if (at < 0 || (close >= 0 && close < at))
        at = close;
    if (at < 0)
        return 0;
    for (ptrdiff_t i = 0; i < at; i++)
        line += text.ptr[i] == '\n';
    return err_set(e, ERR_INVALID, "%s:%u: the characters U+FDD0 and U+FDD1 cannot be used here", name, line);
}

static void mark_tokens(struct strbuf *out, struct str text)
{
    struct template_token t;
    size_t at = 0;

    while (template_token_next(text, at, &t)) {
        strbuf_add(out, str_sub(text, at, t.from));
        strbuf_addz(out, OPEN OPEN);
        strbuf_add(out, str_sub(text, t.from + 2, t.to - 2));
        strbuf_addz(out, CLOSE CLOSE);
        at = t.to;
    }
    strbuf_add(out, str_sub(text, at, text.len));
}

/* In place: the text only gets shorter. Returns its new length. */
static size_t unmark_bytes(char *s, size_t len)
{
    size_t n = 0;

    for (size_t i = 0; i < len;) {
        struct str rest = { s + i, len - i };
        bool open = str_has_prefix(rest, STR(OPEN)), close = str_has_prefix(rest, STR(CLOSE));

        s[n++] = open ? '{' : close ? '}' : s[i];
        i += open || close ? sizeof(OPEN) - 1 : 1;
    }
    s[n] = '\0';
    return n;
}

static struct str unmark_text(struct arena *a, struct str s)
{
    char *copy;

    if (str_find(s, STR(OPEN)) < 0 && str_find(s, STR(CLOSE)) < 0)
        return s;
    copy = arena_cstr(a, s);
    return (struct str){ copy, unmark_bytes(copy, s.len) };
}

static struct jval *unmark(struct arena *a, const struct jval *v)
{
    struct jval *out;

    if (jval_is(v, JVAL_OBJECT)) {
        out = jval_new_object(a);
        for (size_t i = 0; i < jval_len(v); i++)
            jval_append_member(a, out, unmark_text(a, jval_key_at(v, i)), jval_key_pos_at(v, i),
                               unmark(a, jval_at(v, i)));
    } else if (jval_is(v, JVAL_ARRAY)) {
        out = jval_new_array(a);
        for (size_t i = 0; i < jval_len(v); i++)
            jval_push(a, out, unmark(a, jval_at(v, i)));
    } else if (jval_is(v, JVAL_STR)) {
        out = jval_new_str(a, unmark_text(a, jval_str(v)));
    } else {
        return jval_copy(a, v);
    }
    jval_set_pos(out, jval_pos(v));
    return out;
}

int template_load(struct arena *a, struct str text, const char *name, struct jval **ret, struct err *e)
{
    AUTO_STRBUF struct strbuf marked = STRBUF(5 * (text.len + 1)); /* two bytes become six, at worst in all */
    struct template_token first;
    struct err own = { 0 };
    struct jval *v = NULL;
    int rc;

    e = e ? e : &own;
    if (text.len > MAX_TEXT || !template_token_next(text, 0, &first))
        return jval_from_yaml(a, text, name, &(struct jval_limits){ .max_bytes = MAX_TEXT }, ret, e);
    rc = refuse_marks(text, name, e);
    if (rc)
        return rc;
    mark_tokens(&marked, text);
    rc = jval_from_yaml(a, strbuf_str(&marked), name, NULL, &v, e);
    if (rc) {
        unmark_bytes(e->msg, strlen(e->msg)); /* it may quote the text */
        return rc;
    }
    *ret = unmark(a, v);
    return 0;
}
