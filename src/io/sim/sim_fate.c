/*
 * io/sim/sim_fate.c: what befalls one message, drawn when it is sent; and the answers of what stands between
 * a client and its server: gateways, walls, portals, and services that say no by mistake.
 */
#include "io/sim/sim_internal.h"

enum { RETRY_AFTER_MAX_S = 20, MISSING_MAX = 2 };

static const char *const form_names[WRONG_FORMS] = {
    [FORM_EMPTY] = "no body",
    [FORM_HTML] = "a page",
    [FORM_GOOGLE] = "as Google",
    [FORM_GRAPHQL] = "as GraphQL",
};
static const char *const form_types[WRONG_FORMS] = {
    [FORM_EMPTY] = "text/plain",
    [FORM_HTML] = "text/html",
    [FORM_GOOGLE] = "application/json",
    [FORM_GRAPHQL] = "application/json",
};

static int draw_of(struct sim *s, const int *from, size_t count)
{
    return from[sim_draw_range(s, SIM_NETWORK, 0, (int64_t)count - 1)];
}

/* That a thing is not there, or another's, a server says of itself; so nobody on the way speaks for it. */
static enum wrong_form draw_form(struct sim *s, int status)
{
    bool any = status == 401 || status == 403;

    return (enum wrong_form)sim_draw_range(s, SIM_NETWORK, 0, any ? FORM_GRAPHQL : FORM_GOOGLE);
}

static void answer(struct sim *s, struct fate *f, int status, enum wrong_form form)
{
    f->kind = FATE_WRONG_ANSWER;
    f->answer = (struct wrong_answer){ .status = status, .form = form, .content_type = form_types[form] };
    if ((status == 429 || status == 503) && sim_draw(s, SIM_NETWORK) & 1)
        f->answer.retry_after_s = (int)sim_draw_range(s, SIM_NETWORK, 1, RETRY_AFTER_MAX_S);
}

static void answer_drawn(struct sim *s, struct fate *f, const int *statuses, size_t count)
{
    int status = draw_of(s, statuses, count);

    answer(s, f, status, draw_form(s, status));
}

/* Is this the third time that a thing is said to be missing? */
static bool is_too_much(struct sim *s, struct str target)
{
    uintptr_t before = (uintptr_t)map_get(s->missing, target);

    if (before >= MISSING_MAX)
        return true;
    map_put(s->missing, target, (void *)(before + 1)); /* NOLINT(performance-no-int-to-ptr): a count */
    return false;
}

/* Is @draw within the next stretch of the line from 0 to 1? It is moved on. */
static bool falls_in(double *draw, double chance)
{
    bool in = *draw < chance;

    *draw -= chance;
    return in;
}

void fate_draw(struct sim *s, struct str target, struct fate *ret)
{
    static const int gateway[] = { 502, 504 }, refusals[] = { 401, 403, 404, 409 };
    const struct sim_faults *f = &s->faults;
    double draw = sim_draw_unit(s, SIM_NETWORK);

    *ret = (struct fate){ FATE_ARRIVES, { 0 } };
    if (falls_in(&draw, f->drop_request))
        ret->kind = FATE_DROP_REQUEST;
    else if (falls_in(&draw, f->drop_reply))
        ret->kind = FATE_DROP_REPLY;
    else if (falls_in(&draw, f->cut_reply))
        ret->kind = FATE_CUT_REPLY;
    else if (falls_in(&draw, f->answer_429))
        answer(s, ret, 429, FORM_GOOGLE);
    else if (falls_in(&draw, f->answer_500))
        answer(s, ret, 500, FORM_GOOGLE);
    else if (falls_in(&draw, f->answer_503))
        answer(s, ret, 503, FORM_EMPTY);
    else if (falls_in(&draw, f->answer_html))
        answer(s, ret, 200, FORM_HTML);
    else if (falls_in(&draw, f->answer_gateway))
        answer_drawn(s, ret, gateway, ARRAY_LEN(gateway));
    else if (falls_in(&draw, f->answer_refused))
        answer_drawn(s, ret, refusals, ARRAY_LEN(refusals));
    else if (target.len && falls_in(&draw, f->answer_missing))
        answer(s, ret, 404, FORM_GOOGLE);
    if (target.len && ret->answer.status == 404 && is_too_much(s, target))
        *ret = (struct fate){ FATE_ARRIVES, { 0 } };
}

const char *fate_text(struct arena *a, const struct fate *f)
{
    switch (f->kind) {
    case FATE_ARRIVES:
        return "";
    case FATE_DROP_REQUEST:
        return " [request dropped]";
    case FATE_DROP_REPLY:
        return " [reply dropped]";
    case FATE_CUT_REPLY:
        return " [reply cut]";
    case FATE_WRONG_ANSWER:
        break;
    }
    return arena_printf(a, " [%d, %s%s]", f->answer.status, form_names[f->answer.form],
                        f->answer.retry_after_s ? ", retry after" : "");
}

static const char *google_status(int status)
{
    switch (status) {
    case 401:
        return "UNAUTHENTICATED";
    case 403:
        return "PERMISSION_DENIED";
    case 404:
        return "NOT_FOUND";
    case 409:
        return "ABORTED";
    case 429:
        return "RESOURCE_EXHAUSTED";
    default:
        return "UNAVAILABLE";
    }
}

const char *wrong_answer_body(struct arena *a, const struct wrong_answer *w)
{
    const char *hint = "";

    switch (w->form) {
    case FORM_HTML:
        return "<html><body>" SIM_WRONG_ANSWER "</body></html>";
    case FORM_GRAPHQL:
        return "{\"errors\":[{\"message\":\"" SIM_WRONG_ANSWER "\"}]}";
    case FORM_GOOGLE:
        if (w->retry_after_s)
            hint = arena_printf(a,
                                ",\"details\":[{\"@type\":\"type.googleapis.com/google.rpc.RetryInfo\","
                                "\"retryDelay\":\"%ds\"}]",
                                w->retry_after_s);
        return arena_printf(
            a, "{\"error\":{\"code\":%d,\"message\":\"" SIM_WRONG_ANSWER "\",\"status\":\"%s\"%s}}",
            w->status, google_status(w->status), hint);
    case FORM_EMPTY:
    case WRONG_FORMS:
        break;
    }
    return "";
}
