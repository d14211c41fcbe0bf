/* cli/explain.c: values keep the place they came from; this shows it. */
#include "cli/explain.h"

enum { WIDTH = 72 /* of the left column; longer lines push the right one out */ };

enum origin { FROM_CONFIG, FROM_LAUNCH, STRUCTURE };

struct explainer {
    struct strbuf *b;  /* text, or NULL */
    struct jval *list; /* values, or NULL */
    struct arena *a;
    struct str *input; /* its lines */
    size_t input_len;
    struct strbuf line; /* of the request */
    size_t depth;
};

static void split_lines(struct explainer *x, struct str text)
{
    struct str line;

    x->input = arena_array(x->a, text.len + 1, sizeof(*x->input)); /* a line end takes a byte */
    while (str_cut(&text, '\n', &line))
        x->input[x->input_len++] = str_trim(line);
}

static struct str input_line(const struct explainer *x, struct jval_pos pos)
{
    return pos.line > 0 && pos.line <= x->input_len ? x->input[pos.line - 1] : (struct str){ NULL, 0 };
}

static void emit_text(struct explainer *x, enum origin from, struct jval_pos pos)
{
    strbuf_addf(x->b, "%-*s", WIDTH, strbuf_cstr(&x->line));
    if (from == FROM_CONFIG)
        strbuf_addf(x->b, " | %u: %.*s", pos.line, STR_ARG(input_line(x, pos)));
    else
        strbuf_addz(x->b, from == FROM_LAUNCH ? " | launch" : " |");
    strbuf_addc(x->b, '\n');
}

static void emit_value(struct explainer *x, enum origin from, struct jval_pos pos)
{
    struct jval *v = jval_new_object(x->a);

    jval_set(x->a, v, "text", jval_new_str(x->a, strbuf_str(&x->line)));
    if (from == FROM_LAUNCH)
        jval_set_cstr(x->a, v, "from", "launch");
    if (from == FROM_CONFIG) {
        jval_set_cstr(x->a, v, "from", "config");
        jval_set_int(x->a, v, "line", pos.line);
        jval_set_int(x->a, v, "column", pos.column);
        jval_set(x->a, v, "input", jval_new_str(x->a, input_line(x, pos)));
    }
    jval_push(x->a, x->list, v);
}

/* The line is complete: write it with where it came from, and begin the next. */
static void end_line(struct explainer *x, enum origin from, struct jval_pos pos)
{
    if (x->list)
        emit_value(x, from, pos);
    else
        emit_text(x, from, pos);
    strbuf_reset(&x->line);
}

static void indent(struct explainer *x)
{
    strbuf_addf(&x->line, "%*s", (int)(2 * x->depth), "");
}

static void explain(struct explainer *x, const struct jval *v, const char *comma);

static void explain_members(struct explainer *x, const struct jval *v)
{
    for (size_t i = 0; i < jval_len(v); i++) {
        indent(x);
        if (jval_is(v, JVAL_OBJECT)) {
            strbuf_add_json(&x->line, jval_key_at(v, i));
            strbuf_addz(&x->line, ": ");
        }
        explain(x, jval_at(v, i), i + 1 < jval_len(v) ? "," : "");
    }
}

/* The rest of a line whose beginning is written, and all the lines inside. */
static void explain(struct explainer *x, const struct jval *v, const char *comma)
{
    struct jval_pos pos = jval_pos(v);
    bool object = jval_is(v, JVAL_OBJECT);

    if (jval_len(v) == 0) {
        jval_write(&x->line, v, JVAL_COMPACT);
        strbuf_addz(&x->line, comma);
        end_line(x, pos.line > 0 ? FROM_CONFIG : FROM_LAUNCH, pos);
        return;
    }
    strbuf_addc(&x->line, object ? '{' : '[');
    end_line(x, pos.line > 0 ? FROM_CONFIG : STRUCTURE, pos);
    x->depth++;
    explain_members(x, v);
    x->depth--;
    indent(x);
    strbuf_addf(&x->line, "%c%s", object ? '}' : ']', comma);
    end_line(x, STRUCTURE, pos);
}

static void run(struct explainer *x, const struct jval *request, struct str input)
{
    x->line = STRBUF(8 * 1024 * 1024);
    split_lines(x, input);
    explain(x, request, "");
    strbuf_done(&x->line);
}

void explain_text(struct strbuf *b, const struct jval *request, struct str input)
{
    AUTO_PTR(arena) a = arena_new();
    struct explainer x = { .b = b, .a = a };

    run(&x, request, input);
}

struct jval *explain_value(struct arena *a, const struct jval *request, struct str input)
{
    struct explainer x = { .list = jval_new_array(a), .a = a };

    run(&x, request, input);
    return x.list;
}
