/* launch/label.c: any text as a label value that Vertex takes ([a-z0-9_-], at most 63 characters). */
#include "base/crypto.h"
#include "launch/render.h"

enum { LABEL_MAX = 63, HASH_CHARS = 60 };

static bool is_plain(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
}

/*
 * A byte that may not stand in a label becomes "__" and two hex digits. An underscore stays unless another
 * one or such an escape follows, so "__" begins an escape and nothing else: the text can be read back. What
 * comes out too long is "__h" and a digest, which no escape looks like.
 */
struct str label_value(struct arena *a, struct str text)
{
    AUTO_STRBUF struct strbuf b = STRBUF(4096);
    uint8_t digest[32];
    char hex[65];

    for (size_t i = 0; i < text.len && !b.full; i++) {
        char c = text.ptr[i];
        bool next_plain = i + 1 == text.len || is_plain(text.ptr[i + 1]);

        if (is_plain(c) || (c == '_' && next_plain))
            strbuf_addc(&b, c);
        else
            strbuf_addf(&b, "__%02x", (unsigned char)c);
    }
    if (b.len <= LABEL_MAX && !b.full)
        return arena_str(a, strbuf_str(&b));
    sha256(text, digest);
    hex_encode(digest, sizeof(digest), hex);
    return str_of(arena_printf(a, "__h%.*s", HASH_CHARS, hex));
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool label_text(struct arena *a, struct str value, struct str *ret)
{
    char *out = arena_alloc(a, value.len + 1);
    size_t n = 0;

    for (size_t i = 0; i < value.len; i++) {
        int high = -1, low = -1;

        if (!str_has_prefix(str_sub(value, i, value.len), STR("__"))) {
            out[n++] = value.ptr[i];
            continue;
        }
        if (i + 3 < value.len) {
            high = hex_digit(value.ptr[i + 2]);
            low = hex_digit(value.ptr[i + 3]);
        }
        if (high < 0 || low < 0)
            return false;
        out[n++] = (char)(16 * high + low);
        i += 3;
    }
    *ret = (struct str){ out, n };
    return true;
}
