/* launch/secrets.c: a request's text with the values of its secrets, for the wire only. */
#include "launch/render.h"

#include "base/secret.h"

struct filler {
    secret_lookup_fn lookup;
    void *ctx;
    struct strbuf *out;
    struct err *e;
};

/* "$(" is doubled, for Vertex replaces $(NAME) in values. */
static void add_secret(struct strbuf *out, struct str s)
{
    struct strbuf b = STRBUF_WIPED(1 << 20);

    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] == '$' && i + 1 < s.len && s.ptr[i + 1] == '(')
            strbuf_addc(&b, '$');
        strbuf_addc(&b, s.ptr[i]);
    }
    strbuf_add_json(out, strbuf_str(&b));
    out->full = out->full || b.full;
    strbuf_wipe(&b);
}

static int fill_reference(struct filler *f, const struct jval *entry, const struct jval *ref)
{
    struct str name = jval_str(jval_get(ref, "name")), key = jval_str(jval_get(ref, "key"));
    const struct secret *secret = f->lookup(f->ctx, name, key);

    if (!secret)
        return err_set(f->e, ERR_NOT_FOUND, "variable %.*s: no value for the secret \"%.*s\"%s%.*s%s",
                       STR_ARG(jval_str(jval_get(entry, "name"))), STR_ARG(name),
                       key.len > 0 ? " (field \"" : "", STR_ARG(key), key.len > 0 ? "\")" : "");
    strbuf_addz(f->out, "{\"name\":");
    strbuf_add_json(f->out, jval_str(jval_get(entry, "name")));
    strbuf_addz(f->out, ",\"value\":");
    add_secret(f->out, secret_unwrap(secret));
    strbuf_addc(f->out, '}');
    return 0;
}

static int fill(struct filler *f, const struct jval *v)
{
    const struct jval *ref = jval_path(v, "valueFrom.secretKeyRef");
    bool object = jval_is(v, JVAL_OBJECT);
    int r = 0;

    if (ref)
        return fill_reference(f, v, ref);
    if (!object && !jval_is(v, JVAL_ARRAY)) {
        jval_write(f->out, v, JVAL_COMPACT);
        return 0;
    }
    strbuf_addc(f->out, object ? '{' : '[');
    for (size_t i = 0; i < jval_len(v) && !r; i++) {
        if (i > 0)
            strbuf_addc(f->out, ',');
        if (object) {
            strbuf_add_json(f->out, jval_key_at(v, i));
            strbuf_addc(f->out, ':');
        }
        r = fill(f, jval_at(v, i));
    }
    strbuf_addc(f->out, object ? '}' : ']');
    return r;
}

int request_fill_secrets(const struct jval *request, secret_lookup_fn lookup, void *ctx, struct strbuf *out,
                         struct err *e)
{
    struct filler f = { .lookup = lookup, .ctx = ctx, .out = out, .e = e };
    int r = fill(&f, request);

    return r ? r : strbuf_check(out, e);
}
