/* emulator/condition.c: a subset of CEL, by recursive descent. */
#include "emulator/condition.h"

#include "base/ascii.h"
#include "base/timefmt.h"

enum { MAX_DEPTH = 16, MAX_LENGTH = 4096 };

struct reader {
    struct str rest;
    const struct condition_context *where;
    int depth;
    bool bad;
};

static bool take(struct reader *r, const char *token)
{
    r->rest = str_trim(r->rest);
    if (!str_has_prefix(r->rest, str_of(token)))
        return false;
    r->rest = str_sub(r->rest, str_of(token).len, r->rest.len);
    return true;
}

static bool fail(struct reader *r)
{
    r->bad = true;
    return false;
}

/* A text in either kind of quotes, without escapes. */
static struct str literal(struct reader *r)
{
    struct str text = { NULL, 0 };
    char quote;

    r->rest = str_trim(r->rest);
    quote = r->rest.len ? r->rest.ptr[0] : 0;
    if ((quote != '"' && quote != '\'') || !str_take(&r->rest, quote) || !str_cut(&r->rest, quote, &text) ||
        !r->rest.ptr || str_find(text, STR("\\")) >= 0)
        fail(r);
    return text;
}

static struct str argument(struct reader *r)
{
    struct str text = take(r, "(") ? literal(r) : (fail(r), (struct str){ NULL, 0 });

    if (!r->bad && !take(r, ")"))
        fail(r);
    return text;
}

/* "projects/_/buckets/b" is of "storage.googleapis.com/Bucket", with "/objects/o" behind it an Object. */
static struct str type_of(struct str resource)
{
    if (str_find(resource, STR("/objects/")) >= 0)
        return STR("storage.googleapis.com/Object");
    if (str_find(resource, STR("/buckets/")) >= 0)
        return STR("storage.googleapis.com/Bucket");
    if (str_find(resource, STR("/versions/")) >= 0)
        return STR("secretmanager.googleapis.com/SecretVersion");
    if (str_find(resource, STR("/secrets/")) >= 0)
        return STR("secretmanager.googleapis.com/Secret");
    if (str_find(resource, STR("/serviceAccounts/")) >= 0)
        return STR("iam.googleapis.com/ServiceAccount");
    return STR("cloudresourcemanager.googleapis.com/Project");
}

static bool equals(struct reader *r, struct str value)
{
    if (take(r, "=="))
        return str_eq(value, literal(r));
    if (take(r, "!="))
        return !str_eq(value, literal(r));
    return fail(r);
}

/* "A{x}B": what stands between the first A and the next B; nothing when there is no such place. */
static struct str extracted(struct reader *r, struct str template, struct str name)
{
    ptrdiff_t open = str_find(template, STR("{")), close = str_find(template, STR("}")), at, end;
    struct str before, behind;

    if (open < 0 || close < open) {
        fail(r);
        return STR("");
    }
    before = str_sub(template, 0, (size_t)open);
    behind = str_sub(template, (size_t)close + 1, template.len);
    at = str_find(name, before);
    if (at < 0)
        return STR("");
    name = str_sub(name, (size_t)at + before.len, name.len);
    end = behind.len ? str_find(name, behind) : (ptrdiff_t)name.len;
    return end < 0 ? STR("") : str_sub(name, 0, (size_t)end);
}

static bool of_name(struct reader *r)
{
    struct str name = r->where->resource;

    if (take(r, ".startsWith"))
        return str_has_prefix(name, argument(r));
    if (take(r, ".endsWith"))
        return str_has_suffix(name, argument(r));
    if (take(r, ".extract"))
        return equals(r, extracted(r, argument(r), name));
    return equals(r, name);
}

static bool of_time(struct reader *r)
{
    bool before = take(r, "<"), after = !before && take(r, ">");
    struct str text;
    int64_t ms = 0;

    if (!(before || after) || !take(r, "timestamp"))
        return fail(r);
    text = argument(r);
    if (r->bad || !rfc3339_parse(text, &ms))
        return fail(r);
    return before ? r->where->now_ms < ms : r->where->now_ms > ms;
}

static bool any(struct reader *r);

static bool one(struct reader *r)
{
    struct str type = type_of(r->where->resource), service = type;
    bool value;

    if (take(r, "!"))
        return ++r->depth < MAX_DEPTH ? !one(r) : fail(r);
    if (take(r, "(")) {
        value = ++r->depth < MAX_DEPTH ? any(r) : fail(r);
        return take(r, ")") ? value : fail(r);
    }
    if (take(r, "resource.name"))
        return of_name(r);
    if (take(r, "resource.type"))
        return equals(r, type);
    if (take(r, "resource.service")) {
        struct str rest = type;

        (void)str_cut(&rest, '/', &service); /* without a slash it is the whole */
        return equals(r, service);
    }
    return take(r, "request.time") ? of_time(r) : fail(r);
}

static bool all(struct reader *r)
{
    bool value = one(r);

    while (!r->bad && take(r, "&&"))
        value = one(r) && value;
    return value;
}

static bool any(struct reader *r)
{
    bool value = all(r);

    while (!r->bad && take(r, "||"))
        value = all(r) || value;
    return value;
}

static bool evaluate(struct str expression, const struct condition_context *where, bool *ret_value)
{
    struct reader r = { .rest = expression, .where = where };

    if (expression.len > MAX_LENGTH)
        return false;
    *ret_value = any(&r);
    return !r.bad && str_trim(r.rest).len == 0;
}

bool condition_holds(struct str expression, const struct condition_context *where)
{
    bool value = false;

    return str_trim(expression).len == 0 || (evaluate(expression, where, &value) && value);
}

bool condition_is_valid(struct str expression)
{
    const struct condition_context nowhere = { .resource = STR("") };
    bool value;

    return str_trim(expression).len == 0 || evaluate(expression, &nowhere, &value);
}
