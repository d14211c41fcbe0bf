/* google/hosts.c: endpoints, and the hosts that credential files may name. */
#include "google/hosts.h"

#include <string.h>

#include "base/ascii.h"

enum { MAX_URL_BYTES = 4096 };

/* --- URLs --- */

static bool is_host_char(char c)
{
    return ascii_is_alnum(c) || c == '.' || c == '-' || c == '_';
}

static size_t host_end(struct str s)
{
    size_t end = 0;

    if (s.len && s.ptr[0] == '[') {
        for (end = 1; end < s.len && (ascii_hex(s.ptr[end]) >= 0 || s.ptr[end] == ':'); end++)
            ;
        return end < s.len && s.ptr[end] == ']' ? end + 1 : 0;
    }
    while (end < s.len && is_host_char(s.ptr[end]))
        end++;
    return end;
}

static size_t port_end(struct str s, size_t at)
{
    if (at < s.len && s.ptr[at] == ':')
        for (at++; at < s.len && ascii_is_digit(s.ptr[at]); at++)
            ;
    return at;
}

static bool target_is_plain(struct str s)
{
    if (s.len && s.ptr[0] != '/' && s.ptr[0] != '?')
        return false;
    for (size_t i = 0; i < s.len; i++)
        if (s.ptr[i] <= ' ' || s.ptr[i] > '~' || s.ptr[i] == '#' || s.ptr[i] == '\\')
            return false;
    return true;
}

bool url_split(struct str url, struct url_parts *ret)
{
    struct url_parts p = { .tls = str_has_prefix(url, STR("https://")) };
    struct str rest = { NULL, 0 };
    size_t host, authority;

    if ((!p.tls && !str_has_prefix(url, STR("http://"))) || url.len > MAX_URL_BYTES)
        return false;
    rest = str_sub(url, p.tls ? 8 : 7, url.len);
    host = host_end(rest);
    authority = port_end(rest, host);
    p.host = str_sub(rest, 0, host);
    p.authority = str_sub(rest, 0, authority);
    p.target = str_sub(rest, authority, rest.len);
    if (host == 0 || !target_is_plain(p.target))
        return false;
    *ret = p;
    return true;
}

static bool is_loopback(struct str host)
{
    struct str rest = host, part;
    int64_t n = 0, first = 0;
    int parts = 0;

    if (str_eq_nocase(host, STR("localhost")) || str_is(host, "[::1]"))
        return true;
    while (str_cut(&rest, '.', &part)) { /* four numbers: "127.evil.com" is a name */
        if (!str_to_i64(part, &n) || n < 0 || n > 255)
            return false;
        first = parts++ == 0 ? n : first;
    }
    return parts == 4 && first == 127;
}

static bool is_link_local(struct str host)
{
    static const char *const known[] = { "169.254.169.254", "[fd00:ec2::254]", "metadata.google.internal" };

    for (size_t i = 0; i < ARRAY_LEN(known); i++)
        if (str_eq_nocase(host, str_of(known[i])))
            return true;
    return false;
}

/* @pattern is a host, or "*.suffix" for every host below it. */
static bool host_matches(struct str host, struct str pattern)
{
    if (!str_has_prefix(pattern, STR("*.")))
        return str_eq_nocase(host, pattern);
    pattern = str_sub(pattern, 1, pattern.len);
    return host.len > pattern.len && str_eq_nocase(str_sub(host, host.len - pattern.len, host.len), pattern);
}

static bool is_allowed(const struct google_hosts *h, struct str host)
{
    for (size_t i = 0; h->allow && h->allow[i]; i++)
        if (host_matches(host, str_of(h->allow[i])))
            return true;
    return false;
}

/* --- endpoints --- */

void hosts_init(struct google_hosts *h, struct io *io, struct arena *a, const struct google_options *o)
{
    size_t endpoints = 0, allowed = 0;
    struct google_endpoint *copy;
    const char **allow;

    while (o->endpoints && o->endpoints[endpoints].service)
        endpoints++;
    while (o->allow_hosts && o->allow_hosts[allowed])
        allowed++;
    copy = arena_array(a, endpoints + 1, sizeof(*copy));
    for (size_t i = 0; i < endpoints; i++)
        copy[i] = (struct google_endpoint){ arena_strdup(a, o->endpoints[i].service),
                                            arena_strdup(a, o->endpoints[i].url) };
    allow = arena_array(a, allowed + 1, sizeof(*allow));
    for (size_t i = 0; i < allowed; i++)
        allow[i] = arena_strdup(a, o->allow_hosts[i]);
    *h = (struct google_hosts){ .io = io,
                                .endpoint = arena_strdup(a, o->endpoint && *o->endpoint ? o->endpoint : NULL),
                                .endpoints = copy,
                                .allow = allow,
                                .universe = STR(UNIVERSE_DEFAULT) };
}

int hosts_endpoint_check(const char *setting, struct str url, struct err *e)
{
    struct url_parts p;

    if (!url_split(url, &p))
        return err_set(e, ERR_CONFIG,
                       "%s: \"%.*s\" is not a URL such as https://HOST or http://127.0.0.1:8080", setting,
                       STR_ARG(url));
    if (p.target.len)
        return err_set(e, ERR_CONFIG, "%s: \"%.*s\" goes on behind the host; give scheme, host and port only",
                       setting, STR_ARG(url));
    if (!p.tls && !is_loopback(p.host))
        return err_set(e, ERR_CONFIG,
                       "%s: plain http to %.*s would show tokens to the network; use https (http is for "
                       "127.0.0.1, ::1 and localhost)",
                       setting, STR_ARG(p.host));
    return 0;
}

static const char *variable_name(struct arena *a, struct str service)
{
    char *name = arena_printf(a, "SLIPWAY_GOOGLE_ENDPOINT_%.*s", STR_ARG(service));

    for (char *p = name; *p; p++)
        *p = *p == '-' ? '_' : ascii_is_lower(*p) ? (char)(*p - 'a' + 'A') : *p;
    return name;
}

int hosts_override(const struct google_hosts *h, struct arena *a, struct str service, const char **ret,
                   struct err *e)
{
    const char *variable = variable_name(a, service);
    const char *url = io_env_text(h->io, variable);

    if (url && hosts_endpoint_check(variable, str_of(url), e))
        return -ERR_CONFIG;
    for (size_t i = 0; !url && h->endpoints && h->endpoints[i].service; i++)
        if (str_is(service, h->endpoints[i].service))
            url = h->endpoints[i].url;
    *ret = url ? url : h->endpoint;
    return 0;
}

int hosts_base(const struct google_hosts *h, const char *service, struct str region, struct strbuf *url,
               struct err *e)
{
    AUTO_PTR(arena) a = arena_new();
    const char *given = NULL;

    if (hosts_override(h, a, str_of(service), &given, e))
        return -ERR_CONFIG;
    if (given)
        strbuf_addz(url, given);
    else if (region.len && strcmp(service, "aiplatform") != 0)
        strbuf_addf(url, "https://%s.%.*s.rep.%.*s", service, STR_ARG(region), STR_ARG(h->universe));
    else if (strcmp(service, "aiplatform") != 0 || str_is(region, "global"))
        strbuf_addf(url, "https://%s.%.*s", service, STR_ARG(h->universe));
    else if (str_is(region, "us")) /* a multi-region */
        strbuf_addf(url, "https://aiplatform.us.rep.%.*s", STR_ARG(h->universe));
    else
        strbuf_addf(url, "https://%.*s-aiplatform.%.*s", STR_ARG(region), STR_ARG(h->universe));
    return 0;
}

/* --- what files may name --- */

/* SERVICE.googleapis.com, and SERVICE.mtls.googleapis.com: *ret is SERVICE. */
static bool service_of(const struct google_hosts *h, struct str host, struct str *ret)
{
    struct str rest = host;

    if (!str_cut(&rest, '.', ret))
        return false;
    if (str_has_prefix(rest, STR("mtls.")))
        rest = str_sub(rest, 5, rest.len);
    return str_eq_nocase(rest, h->universe) || str_eq_nocase(rest, STR(UNIVERSE_DEFAULT));
}

static bool is_known(const struct google_hosts *h, enum host_use use, const struct url_parts *p)
{
    struct str service = { NULL, 0 };

    switch (use) {
    case HOST_TOKEN:
        return p->tls && (service_of(h, p->host, &service) || str_is(p->host, "accounts.google.com") ||
                          host_matches(p->host, STR("*." UNIVERSE_DEFAULT)));
    case HOST_SUBJECT:
        return is_link_local(p->host) ||
               (p->tls && host_matches(p->host, STR("*.actions.githubusercontent.com")));
    case HOST_AWS:
        return p->tls && (host_matches(p->host, STR("*.amazonaws.com")) ||
                          host_matches(p->host, STR("*.amazonaws.com.cn")));
    }
    return false;
}

static const char *const known_hosts[] = {
    [HOST_TOKEN] = "Google's (https://*.googleapis.com)",
    [HOST_SUBJECT] = "a metadata service's (169.254.169.254) or GitHub's",
    [HOST_AWS] = "Amazon's (https://*.amazonaws.com)",
};

int hosts_check(const struct google_hosts *h, struct arena *a, const struct file_url *f, struct host_url *ret,
                struct err *e)
{
    struct url_parts p;
    struct str service = { NULL, 0 };
    const char *given = NULL;

    if (!url_split(f->url, &p))
        return err_set(e, ERR_CONFIG, "%s \"%.*s\" is not a URL that can be used", f->member,
                       STR_ARG(str_sub(f->url, 0, 200)));
    if (!is_loopback(p.host) && !is_known(h, f->use, &p) && !is_allowed(h, p.host))
        return err_set(e, ERR_CONFIG,
                       "%s %.*s is not one of %s; if it is meant, add \"%.*s\" to google.allow_hosts in "
                       "launch-config.yaml",
                       f->member, STR_ARG(str_sub(f->url, 0, 200)), known_hosts[f->use], STR_ARG(p.host));
    ret->plain = !p.tls && is_link_local(p.host);
    if (!p.tls && !ret->plain && !is_loopback(p.host))
        return err_set(e, ERR_CONFIG, "%s %.*s: plain http is for loopback and metadata services only",
                       f->member, STR_ARG(str_sub(f->url, 0, 200)));
    if (f->use == HOST_TOKEN && service_of(h, p.host, &service) && hosts_override(h, a, service, &given, e))
        return -ERR_CONFIG;
    ret->url = given ? arena_printf(a, "%s%.*s", given, STR_ARG(p.target)) : arena_cstr(a, f->url);
    return 0;
}

int hosts_use_universe(struct google_hosts *h, struct str universe, struct err *e)
{
    const char *named = io_env_text(h->io, "GOOGLE_CLOUD_UNIVERSE_DOMAIN");
    AUTO_PTR(arena) a = arena_new();

    if (!universe.len || str_is(universe, UNIVERSE_DEFAULT))
        return 0;
    if (!(named && str_is(universe, named)) &&
        !is_allowed(h, str_of(arena_printf(a, "sts.%.*s", STR_ARG(universe)))))
        return err_set(e, ERR_CONFIG,
                       "universe_domain %.*s is not Google's public one; if it is meant, set "
                       "GOOGLE_CLOUD_UNIVERSE_DOMAIN=%.*s, or add \"*.%.*s\" to google.allow_hosts in "
                       "launch-config.yaml",
                       STR_ARG(universe), STR_ARG(universe), STR_ARG(universe));
    h->universe = universe;
    return 0;
}
