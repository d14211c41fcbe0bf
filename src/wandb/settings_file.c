/* wandb/settings_file.c: the W&B client's settings files: INI with a section "[default]". Pure. */
#include "wandb/wandb_internal.h"

struct ini_line {
    struct str raw; /* without its newline */
    bool in_default;
    struct str key, value; /* absent for comments, sections and empty lines */
};

static struct str ini_key(struct str line, struct str *ret_value)
{
    for (size_t i = 0; i < line.len; i++)
        if (line.ptr[i] == '=' || line.ptr[i] == ':') {
            *ret_value = str_trim(str_sub(line, i + 1, line.len));
            return str_trim(str_sub(line, 0, i));
        }
    return (struct str){ 0 };
}

/* The next line of @rest; @l carries which section we are in from line to line. */
static bool ini_next(struct str *rest, struct ini_line *l)
{
    struct str s;

    if (!rest->len || !str_cut(rest, '\n', &l->raw))
        return false;
    s = str_trim(l->raw);
    l->key = l->value = (struct str){ 0 };
    if (s.len && s.ptr[0] == '[')
        l->in_default = str_eq(s, STR("[default]"));
    else if (s.len && s.ptr[0] != '#' && s.ptr[0] != ';')
        l->key = ini_key(s, &l->value);
    return true;
}

struct str settings_text_get(struct str text, const char *key)
{
    struct ini_line l = { 0 };
    struct str found = { 0 };

    while (ini_next(&text, &l))
        if (l.in_default && str_eq_nocase(l.key, str_of(key)))
            found = l.value;
    return found;
}

static void add_setting(struct strbuf *out, const char *key, struct str value)
{
    if (value.ptr)
        strbuf_addf(out, "%s = %.*s\n", key, STR_ARG(value));
}

void settings_text_set(struct strbuf *out, struct str text, const char *key, struct str value)
{
    struct ini_line l = { 0 };
    bool written = false;

    while (ini_next(&text, &l)) {
        bool is_section = l.in_default && !written && str_eq(str_trim(l.raw), STR("[default]"));

        if (l.in_default && str_eq_nocase(l.key, str_of(key)))
            continue;
        strbuf_add(out, l.raw);
        strbuf_addc(out, '\n');
        if (is_section)
            add_setting(out, key, value);
        written |= is_section;
    }
    if (!written && value.ptr) {
        strbuf_addz(out, "[default]\n");
        add_setting(out, key, value);
    }
}
