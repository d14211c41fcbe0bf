/* launch/secret_ref.c: reading and writing references to secrets. */
#include "launch/secret_ref.h"

#include "base/ascii.h"

enum { MAX_SECRET = 255, MAX_VERSION = 63, MAX_PROJECT = 128, MAX_LOCATION = 63, MAX_FIELD = 255 };

/* Letters, digits and @more, 1 to @max of them: what can stand in a URL's path as it is. */
static bool is_id(struct str s, const char *more, size_t max)
{
    for (size_t i = 0; i < s.len; i++) {
        if (!ascii_is_alnum(s.ptr[i]) && str_find(str_of(more), str_sub(s, i, i + 1)) < 0)
            return false;
    }
    return s.len > 0 && s.len <= max;
}

static bool is_number(struct str s)
{
    size_t i = 0;

    while (i < s.len && ascii_is_digit(s.ptr[i]))
        i++;
    return s.len > 0 && i == s.len;
}

/* A number of its own, "latest", or an alias, which begins with a letter. */
static bool is_version(struct str s)
{
    return is_id(s, "_-", MAX_VERSION) && (is_number(s) || ascii_is_letter(s.ptr[0]));
}

static int wrong_name(struct err *e, struct str name)
{
    return err_set(e, ERR_INVALID,
                   "\"%.*s\" names no secret: expected NAME, NAME:VERSION, projects/P/secrets/NAME or "
                   "projects/P/locations/L/secrets/NAME, each with or without /versions/VERSION",
                   STR_ARG(str_sub(name, 0, 200)));
}

/* @rest begins with "WORD/": the part behind it goes to *ret, and @rest moves on. */
static bool take(struct str *rest, const char *word, struct str *ret)
{
    struct str left = *rest, part;

    if (!str_cut(&left, '/', &part) || !str_is(part, word) || !str_cut(&left, '/', &part))
        return false;
    *ret = part;
    *rest = left;
    return true;
}

static int split(struct str name, struct secret_ref *r, struct err *e)
{
    struct str rest = name, version = { NULL, 0 };
    ptrdiff_t colon;

    if (take(&rest, "projects", &r->gcp_project)) {
        (void)take(&rest, "locations", &r->location);
        if (!take(&rest, "secrets", &r->secret))
            return wrong_name(e, name);
    } else {
        (void)str_cut(&rest, '/', &r->secret);
        colon = str_find(r->secret, STR(":"));
        if (colon >= 0 && rest.len == 0) {
            version = str_sub(r->secret, (size_t)colon + 1, r->secret.len);
            r->secret = str_sub(r->secret, 0, (size_t)colon);
        }
    }
    if (rest.len > 0 && (!take(&rest, "versions", &version) || rest.len > 0))
        return wrong_name(e, name);
    r->version = version;
    return name.len > 0 && name.ptr[name.len - 1] != '/' ? 0 : wrong_name(e, name);
}

static int check_parts(struct str name, const struct secret_ref *r, struct err *e)
{
    if (r->gcp_project.ptr && !is_id(r->gcp_project, "-.:", MAX_PROJECT))
        return err_set(e, ERR_INVALID, "\"%.*s\": no project is called \"%.*s\"",
                       STR_ARG(str_sub(name, 0, 200)), STR_ARG(str_sub(r->gcp_project, 0, 200)));
    if (r->location.ptr && !is_id(r->location, "-", MAX_LOCATION))
        return err_set(e, ERR_INVALID, "\"%.*s\": no location is called \"%.*s\"",
                       STR_ARG(str_sub(name, 0, 200)), STR_ARG(str_sub(r->location, 0, 200)));
    if (!is_id(r->secret, "_-", MAX_SECRET))
        return wrong_name(e, name);
    if (r->version.ptr && !is_version(r->version))
        return err_set(e, ERR_INVALID,
                       "\"%.*s\": \"%.*s\" is not a version: a number, an alias or \"latest\"",
                       STR_ARG(str_sub(name, 0, 200)), STR_ARG(str_sub(r->version, 0, 200)));
    return 0;
}

int secret_ref_parse(struct str name, struct str key, struct secret_ref *ret, struct err *e)
{
    struct secret_ref r = { 0 };
    int rc = split(name, &r, e);

    if (!rc)
        rc = check_parts(name, &r, e);
    if (rc)
        return rc;
    if (key.ptr && (key.len == 0 || key.len > MAX_FIELD))
        return err_set(e, ERR_INVALID,
                       "the key has %zu bytes: it is a version, or the name of a field of a JSON object "
                       "(1 to %d bytes)",
                       key.len, MAX_FIELD);
    if (is_number(key) || str_is(key, "latest")) {
        if (r.version.ptr && !str_eq(r.version, key))
            return err_set(e, ERR_INVALID, "version \"%.*s\" in the name and \"%.*s\" as the key: give one",
                           STR_ARG(r.version), STR_ARG(key));
        if (!is_version(key))
            return err_set(e, ERR_INVALID, "the key \"%.*s\" is not a version", STR_ARG(key));
        r.version = key;
    } else {
        r.field = key;
    }
    r.version = r.version.ptr ? r.version : STR("latest");
    *ret = r;
    return 0;
}

struct str secret_ref_name(struct arena *a, const struct secret_ref *r)
{
    if (!r->gcp_project.ptr)
        return str_of(arena_printf(a, "%.*s/versions/%.*s", STR_ARG(r->secret), STR_ARG(r->version)));
    return str_of(arena_printf(a, "projects/%.*s/%s%.*s%ssecrets/%.*s/versions/%.*s", STR_ARG(r->gcp_project),
                               r->location.ptr ? "locations/" : "", STR_ARG(r->location),
                               r->location.ptr ? "/" : "", STR_ARG(r->secret), STR_ARG(r->version)));
}
