/* cli/option.c: parsing a command line against a verb's table. */
#include "cli/option.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/problems.h"
#include "base/str.h"

enum { MAX_ROWS = 40 };

struct args {
    const struct verb *verb;
    struct vec values[MAX_ROWS]; /* per row: the texts given (FLAG and COUNT: the row's name, once a time) */
    int64_t ints[MAX_ROWS];
    struct vec operands;
};

static size_t row_index(const struct verb *v, const char *name)
{
    for (size_t i = 0; v->rows[i].name; i++)
        if (strcmp(v->rows[i].name, name) == 0)
            return i;
    assert(!"option is not in the verb's table");
    return 0;
}

static const struct option_row *find_long(const struct verb *v, struct str name)
{
    for (const struct option_row *r = v->rows; r->name; r++)
        if (str_is(name, r->name))
            return r;
    return NULL;
}

static const struct option_row *find_letter(const struct verb *v, char letter)
{
    for (const struct option_row *r = v->rows; r->name; r++)
        if (r->letter && r->letter == letter)
            return r;
    return NULL;
}

static int unknown_option(const struct verb *v, struct str name, struct err *e)
{
    const char *names[MAX_ROWS + 1] = { NULL };
    const char *near = NULL;

    for (size_t i = 0; v->rows[i].name; i++)
        names[i] = v->rows[i].name;
    near = nearest_name(name, names);
    if (near)
        return err_set(e, ERR_USAGE, "unknown option --%.*s; did you mean --%s?", STR_ARG(name), near);
    return err_set(e, ERR_USAGE, "unknown option --%.*s; see 'slipway %s --help'", STR_ARG(name), v->name);
}

static bool takes_value(const struct option_row *r)
{
    return r->kind != OPTION_FLAG && r->kind != OPTION_COUNT;
}

static int store(struct args *a, const struct option_row *r, const char *value, struct err *e)
{
    size_t i = (size_t)(r - a->verb->rows);

    if (r->kind == OPTION_INT) {
        int64_t n = 0;

        if (!str_to_i64(str_of(value), &n))
            return err_set(e, ERR_USAGE, "--%s: \"%s\" is not a whole number", r->name, value);
        if (n < r->min || n > r->max)
            return err_set(e, ERR_USAGE, "--%s: %s is not between %lld and %lld", r->name, value,
                           (long long)r->min, (long long)r->max);
        a->ints[i] = n;
    }
    vec_push(&a->values[i], (void *)(uintptr_t)value);
    return 0;
}

/* "--name", "--name value", "--name=value". *i moves past a value of its own. */
static int parse_long(struct args *a, int argc, char **argv, int *i, struct err *e)
{
    struct str word = str_of(argv[*i] + 2);
    ptrdiff_t eq = str_find(word, STR("="));
    struct str name = eq < 0 ? word : str_sub(word, 0, (size_t)eq);
    const struct option_row *r = find_long(a->verb, name);

    if (!r)
        return unknown_option(a->verb, name, e);
    if (!takes_value(r)) {
        if (eq >= 0)
            return err_set(e, ERR_USAGE, "--%s takes no value", r->name);
        return store(a, r, r->name, e);
    }
    if (eq >= 0)
        return store(a, r, argv[*i] + 2 + eq + 1, e);
    if (*i + 1 >= argc)
        return err_set(e, ERR_USAGE, "--%s needs a value: --%s %s", r->name, r->name, r->arg);
    *i += 1;
    return store(a, r, argv[*i], e);
}

/* "-v", "-vv", "-q name", "-qname". */
static int parse_letters(struct args *a, int argc, char **argv, int *i, struct err *e)
{
    for (const char *p = argv[*i] + 1; *p; p++) {
        const struct option_row *r = find_letter(a->verb, *p);

        if (!r)
            return err_set(e, ERR_USAGE, "unknown option -%c; see 'slipway %s --help'", *p, a->verb->name);
        if (!takes_value(r)) {
            if (store(a, r, r->name, e))
                return -e->code;
            continue;
        }
        if (p[1])
            return store(a, r, p + 1, e);
        if (*i + 1 >= argc)
            return err_set(e, ERR_USAGE, "-%c needs a value: -%c %s", *p, *p, r->arg);
        *i += 1;
        return store(a, r, argv[*i], e);
    }
    return 0;
}

static int check_operands(const struct args *a, struct err *e)
{
    const struct verb *v = a->verb;
    int n = (int)a->operands.len;

    if (n < v->min_operands)
        return err_set(e, ERR_USAGE, "%s is missing; usage: slipway %s %s", v->operands, v->name,
                       v->operands);
    if (v->max_operands >= 0 && n > v->max_operands)
        return err_set(e, ERR_USAGE, "too many words from \"%s\" on; usage: slipway %s%s%s",
                       (const char *)a->operands.items[v->max_operands], v->name, v->operands[0] ? " " : "",
                       v->operands);
    return 0;
}

static int check_output(const struct args *a, struct err *e)
{
    const char *format = NULL;

    if (!find_long(a->verb, STR("output")))
        return 0;
    format = args_text(a, "output");
    if (format && strcmp(format, "json") != 0 && strcmp(format, "text") != 0)
        return err_set(e, ERR_USAGE, "--output: \"%s\" is neither text nor json", format);
    return 0;
}

static int parse_word(struct args *a, int argc, char **argv, int *i, bool *options_over, struct err *e)
{
    const char *word = argv[*i];

    if (!*options_over && strcmp(word, "--") == 0) {
        *options_over = true;
        return 0;
    }
    if (*options_over || word[0] != '-' || word[1] == '\0') {
        vec_push(&a->operands, argv[*i]);
        return 0;
    }
    return word[1] == '-' ? parse_long(a, argc, argv, i, e) : parse_letters(a, argc, argv, i, e);
}

int args_parse(const struct verb *v, int argc, char **argv, struct args **ret, bool *ret_help, struct err *e)
{
    AUTO_PTR(args) a = xcalloc(1, sizeof(*a));
    bool options_over = false;

    a->verb = v;
    *ret_help = false;
    for (int i = 0; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            *ret_help = true;
    for (int i = 0; i < argc && !*ret_help; i++)
        if (parse_word(a, argc, argv, &i, &options_over, e))
            return -e->code;
    if (!*ret_help && (check_operands(a, e) || check_output(a, e)))
        return -e->code;
    for (size_t i = 0; v->rows[i].name; i++)
        vec_push(&a->values[i], NULL);
    *ret = TAKE(a);
    return 0;
}

void args_free(struct args *a)
{
    if (!a)
        return;
    for (size_t i = 0; i < MAX_ROWS; i++)
        vec_done(&a->values[i]);
    vec_done(&a->operands);
    free(a);
}

/* Every list ends in a NULL that is not counted. */
static size_t given(const struct args *a, size_t row)
{
    return a->values[row].len - 1;
}

bool args_has(const struct args *a, const char *name)
{
    return given(a, row_index(a->verb, name)) > 0;
}

const char *args_text(const struct args *a, const char *name)
{
    const struct vec *v = &a->values[row_index(a->verb, name)];

    for (size_t i = v->len; i-- > 0;)
        if (v->items[i])
            return v->items[i];
    return NULL;
}

int64_t args_int(const struct args *a, const char *name, int64_t when_absent)
{
    size_t i = row_index(a->verb, name);

    assert(a->verb->rows[i].kind == OPTION_INT);
    return given(a, i) ? a->ints[i] : when_absent;
}

int64_t args_count(const struct args *a, const char *name)
{
    return (int64_t)given(a, row_index(a->verb, name));
}

const char *const *args_list(const struct args *a, const char *name)
{
    return (const char *const *)(const void *)a->values[row_index(a->verb, name)].items;
}

const char *args_operand(const struct args *a, size_t index)
{
    return index < a->operands.len ? a->operands.items[index] : NULL;
}

size_t args_operand_count(const struct args *a)
{
    return a->operands.len;
}

bool args_json(const struct args *a)
{
    const char *format = args_text(a, "output");

    return format && strcmp(format, "json") == 0;
}
