/* launch/pattern.c: a pattern becomes a tree, the tree a program, and the program runs all its alternatives
 * in step: no backtracking. */
#include "launch/pattern.h"

#include <string.h>

#include "base/err.h"
#include "launch/pattern_internal.h"

/* --- tree to program ------------------------------------------------------------------------------------ */

enum { MAX_PROGRAM = 1000, MAX_EMIT_STEPS = 20000 };

enum op { OP_SET, OP_SPLIT, OP_JUMP, OP_BEGIN, OP_END, OP_MATCH };
struct instruction {
    enum op op;
    uint32_t x, y; /* targets */
    const struct pattern_set *set;
};

struct pattern {
    struct instruction *code;
    uint32_t len;
    /* for a run */
    uint32_t *now, *next, *stack, *seen;
    uint32_t now_len, next_len, step;
};

struct emitter {
    struct pattern *p;
    uint32_t steps;
    bool full;
};

static uint32_t put(struct emitter *m, struct instruction one)
{
    if (m->p->len == MAX_PROGRAM) {
        m->full = true;
        return 0;
    }
    m->p->code[m->p->len] = one;
    return m->p->len++;
}

static void emit(struct emitter *m, const struct pattern_node *n);

/* A list of alternatives in a loop: recursion would go as deep as the list is long. */
static void emit_either(struct emitter *m, const struct pattern_node *n)
{
    uint32_t jumps =
        0; /* to the end: each holds the one before it until the end is known; 0 ends the chain */
    uint32_t split, before;

    for (; n->kind == NODE_EITHER && !m->full; n = n->b) {
        split = put(m, (struct instruction){ OP_SPLIT });
        m->p->code[split].x = m->p->len;
        emit(m, n->a);
        jumps = put(m, (struct instruction){ OP_JUMP, .x = jumps });
        m->p->code[split].y = m->p->len;
    }
    emit(m, n);
    for (; jumps > 0 && !m->full; jumps = before) {
        before = m->p->code[jumps].x;
        m->p->code[jumps].x = m->p->len;
    }
}

static void emit_star(struct emitter *m, const struct pattern_node *n)
{
    uint32_t split = put(m, (struct instruction){ OP_SPLIT });

    m->p->code[split].x = m->p->len;
    emit(m, n->a);
    put(m, (struct instruction){ OP_JUMP, .x = split });
    m->p->code[split].y = m->p->len;
}

static void emit_repeat(struct emitter *m, const struct pattern_node *n)
{
    for (uint32_t i = 0; i < n->min && !m->full; i++)
        emit(m, n->a);
    if (n->max == PATTERN_NO_MAX) {
        emit_star(m, n);
        return;
    }
    for (uint32_t i = n->min; i < n->max && !m->full; i++) {
        uint32_t split = put(m, (struct instruction){ OP_SPLIT });

        m->p->code[split].x = m->p->len;
        emit(m, n->a);
        m->p->code[split].y = m->p->len;
    }
}

static void emit(struct emitter *m, const struct pattern_node *n)
{
    for (; n->kind == NODE_THEN && !m->full; n = n->b)
        emit(m, n->a);
    if (++m->steps > MAX_EMIT_STEPS)
        m->full = true;
    if (m->full)
        return;
    if (n->kind == NODE_SET)
        put(m, (struct instruction){ OP_SET, .set = n->set });
    else if (n->kind == NODE_BEGIN || n->kind == NODE_END)
        put(m, (struct instruction){ n->kind == NODE_BEGIN ? OP_BEGIN : OP_END });
    else if (n->kind == NODE_EITHER)
        emit_either(m, n);
    else if (n->kind == NODE_REPEAT)
        emit_repeat(m, n);
}

int pattern_compile(struct arena *a, struct str text, struct pattern **ret, struct err *e)
{
    struct pattern *p = arena_alloc(a, sizeof(*p));
    struct emitter m = { .p = p };
    const struct pattern_node *tree = NULL;
    int rc;

    if (text.len > PATTERN_MAX_BYTES)
        return err_set(e, ERR_LIMIT, "longer than %d bytes", PATTERN_MAX_BYTES);
    rc = pattern_parse(a, text, &tree, e);
    if (rc)
        return rc;
    p->code = arena_array(a, MAX_PROGRAM, sizeof(*p->code));
    emit(&m, tree);
    put(&m, (struct instruction){ OP_MATCH });
    if (m.full)
        return err_set(e, ERR_LIMIT, "too large: its repetitions come to more than %d steps", MAX_PROGRAM);
    p->now = arena_array(a, p->len, sizeof(*p->now));
    p->next = arena_array(a, p->len, sizeof(*p->next));
    p->seen = arena_array(a, p->len, sizeof(*p->seen));
    p->stack = arena_array(a, 2 * (size_t)p->len + 1, sizeof(*p->stack));
    *ret = p;
    return 0;
}

/* --- running -------------------------------------------------------------------------------------------- */

static bool in_set(const struct pattern_set *set, uint32_t c)
{
    size_t low = 0, high = set->len;

    while (low < high) {
        size_t middle = (low + high) / 2;

        if (c > set->ranges[middle].high)
            low = middle + 1;
        else if (c < set->ranges[middle].low)
            high = middle;
        else
            return !set->negated;
    }
    return set->negated;
}

/* Follow what costs no character from @pc; where one is read goes to p->next. True: the whole has matched. */
static bool follow(struct pattern *p, uint32_t pc, bool at_begin, bool at_end)
{
    size_t depth = 0;

    p->stack[depth++] = pc;
    while (depth > 0) {
        const struct instruction *one;

        pc = p->stack[--depth];
        if (p->seen[pc] == p->step)
            continue;
        p->seen[pc] = p->step;
        one = &p->code[pc];
        if (one->op == OP_MATCH)
            return true;
        if (one->op == OP_SET)
            p->next[p->next_len++] = pc;
        else if (one->op == OP_JUMP || one->op == OP_SPLIT)
            p->stack[depth++] = one->x;
        else if (one->op == OP_BEGIN ? at_begin : at_end)
            p->stack[depth++] = pc + 1;
        if (one->op == OP_SPLIT)
            p->stack[depth++] = one->y;
    }
    return false;
}

/* The threads in p->next become those that read the next character. */
static void turn(struct pattern *p)
{
    uint32_t *was = p->now;

    p->now = p->next;
    p->now_len = p->next_len;
    p->next = was;
    p->next_len = 0;
    p->step++;
}

bool pattern_matches(struct pattern *p, struct str subject)
{
    size_t at = 0;

    if (subject.len > PATTERN_MAX_SUBJECT)
        return false;
    memset(p->seen, 0, p->len * sizeof(*p->seen));
    p->next_len = 0;
    p->step = 1;
    if (follow(p, 0, true, subject.len == 0))
        return true;
    while (at < subject.len) {
        uint32_t c = pattern_code_point(subject, &at);

        turn(p);
        for (uint32_t i = 0; i < p->now_len; i++) {
            if (in_set(p->code[p->now[i]].set, c) && follow(p, p->now[i] + 1, false, at == subject.len))
                return true;
        }
        if (follow(p, 0, false, at == subject.len)) /* a match may begin anywhere */
            return true;
    }
    return false;
}
