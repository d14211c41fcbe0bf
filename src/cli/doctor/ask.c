/* cli/doctor/ask.c: asking Google, and what its refusals are as findings. */
#include <string.h>

#include "base/timefmt.h"
#include "cli/doctor/doctor.h"

enum { SKEW_WARN_MS = 60 * 1000, SKEW_MAX_MS = 5 * 60 * 1000 };

void doctor_ok(struct doctor *d, const char *id, const char *title, const char *known)
{
    finding_add(&d->found,
                &(struct finding){ .level = FINDING_OK, .id = id, .title = title, .cause = known });
}

void doctor_skip(struct doctor *d, const char *id, const char *title, const char *why)
{
    finding_add(&d->found,
                &(struct finding){ .level = FINDING_SKIPPED, .id = id, .title = title, .cause = why });
}

bool doctor_may_call(struct doctor *d, const char *id, const char *title)
{
    if (d->no_calls)
        doctor_skip(d, id, title, d->no_calls);
    return !d->no_calls;
}

struct str doctor_member(struct doctor *d)
{
    return refusal_member(d->a, d->identity.principal);
}

/* --- what failed --- */

static bool says(const struct err *e, const char *words)
{
    return strstr(e->msg, words) != NULL;
}

/* The first host or address in a message that begins with a URL. */
static const char *host_in(struct doctor *d, const char *message)
{
    const char *from = strstr(message, "://");
    size_t len;

    if (!from)
        return "the host";
    from += 3;
    len = strcspn(from, "/ ,;?");
    while (len && from[len - 1] == ':')
        len--;
    return arena_cstr(d->a, (struct str){ from, len });
}

bool doctor_network_error(struct doctor *d, const struct refused *r, const struct err *e)
{
    struct finding x = { .level = r->level, .title = r->title, .detail = arena_strdup(d->a, e->msg) };
    const char *host = host_in(d, e->msg);

    if (e->code != ERR_NET && e->code != ERR_TIMEOUT)
        return false;
    if (says(e, "resolve")) {
        x.id = arena_printf(d->a, "%s.dns", r->area);
        x.cause = arena_printf(d->a, "the name %s cannot be looked up", host);
        x.fix = arena_printf(
            d->a, "check the address, and the name servers of this machine: `getent hosts %s`", host);
    } else if (says(e, "SSL") || says(e, "certificate") || says(e, "TLS")) {
        x.id = arena_printf(d->a, "%s.tls", r->area);
        x.cause = arena_printf(d->a, "%s cannot show who it is: its certificate is not believed", host);
        x.fix = "when a private authority signed it, set SSL_CERT_FILE to that authority's PEM file; else "
                "look for a proxy in between, and at the clock";
    } else {
        x.id = arena_printf(d->a, "%s.unreachable", r->area);
        x.cause = arena_printf(d->a, "%s does not answer", host);
        x.fix =
            arena_printf(d->a,
                         "check that it is up, that a firewall lets this machine reach it, and https_proxy: "
                         "`curl -v %s`",
                         host);
    }
    finding_add(&d->found, &x);
    return true;
}

static void took_too_long(struct doctor *d, const struct refused *r)
{
    finding_add(&d->found,
                &(struct finding){
                    .level = r->level,
                    .id = arena_printf(d->a, "%s.timeout", r->area),
                    .title = r->title,
                    .cause = arena_printf(d->a, "no answer within %lld s", (long long)(d->timeout_ms / 1000)),
                    .fix = "try again with a longer --timeout; when that does not help, look at "
                           "the network" });
}

/* What the peer itself said: without the explanation that google_call() put behind it. */
static const char *own_words(struct doctor *d, const struct explanation *x, const struct err *e)
{
    struct str message = str_of(arena_strdup(d->a, e->msg));
    ptrdiff_t at = x->cause ? str_find(message, str_of(x->cause)) : -1;

    return at > 2 ? arena_cstr(d->a, str_sub(message, 0, (size_t)at - 2)) : message.ptr;
}

void doctor_refused(struct doctor *d, const struct refused *r, const struct explanation *x,
                    const struct err *e)
{
    const struct explanation *given = x;
    struct explanation better = *x;
    bool known = x->id != NULL;

    if (known && strcmp(x->id, "permission_denied") == 0 && r->needed)
        (void)refusal_explain(d->a,
                              &(struct refusal){ .http_status = 403,
                                                 .permission = str_of(r->needed),
                                                 .principal = d->identity.principal,
                                                 .project = r->gcp_project },
                              &better);
    x = &better;
    if (e->code == ERR_AUTH)
        d->no_calls = "Google refuses the token";
    if (e->code == ERR_CANCELLED) {
        took_too_long(d, r);
        return;
    }
    if (doctor_network_error(d, r, e))
        return;
    finding_add(
        &d->found,
        &(struct finding){ .level = r->level,
                           .id = arena_printf(d->a, "%s.%s", r->area, known ? x->id : err_name(e->code)),
                           .title = r->title,
                           .cause = known ? x->cause : "the call failed",
                           .permission = known && x->permission[0] ? x->permission
                                         : e->code == ERR_DENIED   ? r->needed
                                                                   : NULL,
                           .fix = known ? x->fix : "see what it said; `slipway auth whoami` shows who asks",
                           .detail = own_words(d, given, e) });
}

/* --- calls --- */

int doctor_get(struct doctor *d, const char *service, const char *path, const struct jval **ret,
               struct explanation *why, struct err *e)
{
    const struct google_request req = { .service = service, .method = "GET", .path = path, .explain = why };

    *why = (struct explanation){ 0 };
    return google_call(d->google, d->a, &req, ret, e);
}

int doctor_test(struct doctor *d, const struct permission_test *t, const char *const **ret_missing,
                struct explanation *why, struct err *e)
{
    struct jval *body = jval_new_object(d->a), *list = jval_new_array(d->a);
    struct google_request req = { .service = t->service,
                                  .region = t->region,
                                  .method = "POST",
                                  .path = arena_printf(d->a, "%s:testIamPermissions", t->path),
                                  .explain = why };
    const struct jval *reply = NULL;
    const char **missing;
    size_t n = 0, len = 0;

    for (; t->wanted[n]; n++)
        jval_push(d->a, list, jval_new_cstr(d->a, t->wanted[n]));
    jval_set(d->a, body, "permissions", list);
    req.body = jval_text(d->a, body, JVAL_COMPACT);
    *why = (struct explanation){ 0 };
    if (google_call(d->google, d->a, &req, &reply, e))
        return -(int)e->code;
    missing = arena_array(d->a, n + 1, sizeof(*missing));
    for (size_t i = 0; i < n; i++)
        if (!jval_has_text(jval_get(reply, "permissions"), str_of(t->wanted[i])))
            missing[len++] = t->wanted[i];
    *ret_missing = missing;
    return 0;
}

/* --- the clock --- */

void doctor_clock(struct doctor *d, const struct clock_peer *p)
{
    const char *title = arena_printf(d->a, "clock against %s", p->name);
    int64_t theirs, middle = (p->asked_at_ms + io_now_unix_ms(d->io)) / 2, skew, size;
    char text[32];

    if (!http_date_parse(p->date, &theirs)) {
        doctor_skip(d, "clock", title, "its answer has no date");
        return;
    }
    skew = middle - theirs - 500; /* a Date is cut to the second */
    size = skew < 0 ? -skew : skew;
    if (size < SKEW_WARN_MS) {
        doctor_ok(d, "clock", title, "less than a minute apart");
        return;
    }
    finding_add(&d->found,
                &(struct finding){
                    .level = size > SKEW_MAX_MS ? p->worst : FINDING_WARNING,
                    .id = "clock.skew",
                    .title = title,
                    .cause = arena_printf(d->a,
                                          "the clock of this machine is %s %s; Google refuses tokens of a "
                                          "clock that is more than five minutes off",
                                          duration_human(size, text), skew < 0 ? "behind" : "ahead"),
                    .fix = "set the clock: `timedatectl set-ntp true`" });
}

struct wants *doctor_wants(struct doctor *d)
{
    d->wants.io = d->io;
    d->wants.a = d->a;
    d->wants.config = &d->config;
    d->wants.gcp_project = d->gcp_project;
    return &d->wants;
}
