/* cli/iam/audit.c: `slipway iam audit`: what an account did lately, from Cloud Logging's audit entries,
 * against what its role lets it do. */
#include <stdio.h>
#include <string.h>

#include "base/map.h"
#include "base/timefmt.h"
#include "cli/iam/grants.h"
#include "cli/roles.h"
#include "cli/session.h"
#include "cli/verbs.h"

enum { PAGE_SIZE = 1000, PAGES_MAX = 20, DAY_MS = 86400000, DAYS = 30 };

struct use {
    struct str permission;
    int64_t granted, denied;
    struct str last, method; /* of the newest entry */
};
struct audit {
    struct arena *a;
    struct map *by_name;
    struct use **all;
    size_t len, cap;
    int64_t entries;
    bool cut; /* there were more pages */
};

static void count(struct audit *t, const struct jval *entry, struct str permission, bool granted)
{
    struct use *u = map_get(t->by_name, permission);

    if (!u) {
        u = arena_alloc(t->a, sizeof(*u));
        u->permission = permission;
        u->last = jval_str(jval_get(entry, "timestamp"));
        u->method = jval_str(jval_path(entry, "protoPayload.methodName"));
        map_put(t->by_name, permission, u);
        t->all = arena_grow(t->a, t->all, t->len, &t->cap, sizeof(struct use *));
        t->all[t->len++] = u;
    }
    u->granted += granted;
    u->denied += !granted;
}

static void count_entry(struct audit *t, const struct jval *entry)
{
    const struct jval *list = jval_path(entry, "protoPayload.authorizationInfo"), *one;

    t->entries++;
    for (size_t i = 0; i < jval_len(list); i++) {
        one = jval_at(list, i);
        if (jval_str(jval_get(one, "permission")).len)
            count(t, entry, jval_str(jval_get(one, "permission")), jval_bool(jval_get(one, "granted")));
    }
}

static struct jval *request_body(struct arena *a, const struct iam_plan *p, const char *email,
                                 int64_t since_ms)
{
    struct jval *v = jval_new_object(a), *names = jval_new_array(a);
    char since[RFC3339_SIZE];

    rfc3339_format(since_ms, since);
    for (size_t i = 0; i < p->len; i++)
        if (p->grants[i].on == GRANT_PROJECT)
            jval_push(a, names, jval_new_cstr(a, iam_resource(a, &p->grants[i])));
    jval_set(a, v, "resourceNames", names);
    jval_set_cstr(a, v, "filter",
                  arena_printf(a,
                               "logName:\"cloudaudit.googleapis.com\" AND timestamp>=\"%s\" AND "
                               "protoPayload.authenticationInfo.principalEmail=\"%s\"",
                               since, email));
    jval_set_cstr(a, v, "orderBy", "timestamp desc");
    jval_set_int(a, v, "pageSize", PAGE_SIZE);
    return v;
}

static int read_pages(struct google *g, struct audit *t, struct jval *body, struct err *e)
{
    struct google_request req = { .service = "logging", .method = "POST", .path = "/v2/entries:list" };
    const struct jval *v = NULL, *list;
    int rc = 0;

    for (int page = 0; page < PAGES_MAX && rc == 0; page++) {
        req.body = jval_text(t->a, body, JVAL_COMPACT);
        rc = google_call(g, t->a, &req, &v, e);
        list = rc ? NULL : jval_get(v, "entries");
        for (size_t i = 0; i < jval_len(list); i++)
            count_entry(t, jval_at(list, i));
        if (rc || !jval_str(jval_get(v, "nextPageToken")).len)
            return rc;
        jval_set(t->a, body, "pageToken", jval_get(v, "nextPageToken"));
    }
    t->cut = true;
    return rc;
}

/* --- output
 * ------------------------------------------------------------------------------------------------------ */

static void print_text(const struct audit *t, const struct iam_plan *p, const char *email)
{
    printf("%s: %lld calls%s\n", email, (long long)t->entries,
           t->cut ? " (the newest; there were more)" : "");
    if (t->len)
        printf("\n%-44s %8s %8s  %-24s %s\n", "PERMISSION", "GRANTED", "DENIED", "LAST", "METHOD");
    for (size_t i = 0; i < t->len; i++)
        printf("%-44.*s %8lld %8lld  %-24.*s %.*s\n", STR_ARG(t->all[i]->permission),
               (long long)t->all[i]->granted, (long long)t->all[i]->denied, STR_ARG(t->all[i]->last),
               STR_ARG(t->all[i]->method));
    for (size_t i = 0, shown = 0; p->permissions[i]; i++) {
        if (map_get(t->by_name, str_of(p->permissions[i])))
            continue;
        if (shown == 0)
            printf("\nThe role has, and nobody used: ");
        printf("%s%s", shown++ ? ", " : "", p->permissions[i]);
    }
    printf("\nReads (get, list, access) are seen only where data access audit logs are switched on.\n");
}

static void print_value(const struct audit *t, const struct iam_plan *p, const char *email)
{
    struct jval *v = jval_new_object(t->a), *used = jval_new_array(t->a), *unseen = jval_new_array(t->a),
                *one;

    for (size_t i = 0; i < t->len; i++) {
        one = jval_new_object(t->a);
        jval_set(t->a, one, "permission", jval_new_str(t->a, t->all[i]->permission));
        jval_set_int(t->a, one, "granted", t->all[i]->granted);
        jval_set_int(t->a, one, "denied", t->all[i]->denied);
        jval_set(t->a, one, "last", jval_new_str(t->a, t->all[i]->last));
        jval_set(t->a, one, "method", jval_new_str(t->a, t->all[i]->method));
        jval_push(t->a, used, one);
    }
    for (size_t i = 0; p->permissions[i]; i++)
        if (!map_get(t->by_name, str_of(p->permissions[i])))
            jval_push(t->a, unseen, jval_new_cstr(t->a, p->permissions[i]));
    jval_set_cstr(t->a, v, "principal", email);
    jval_set_int(t->a, v, "calls", t->entries);
    jval_set_bool(t->a, v, "complete", !t->cut);
    jval_set(t->a, v, "permissions", used);
    jval_set(t->a, v, "unseen", unseen);
    print_json(v);
}

static int audit_run(struct io *io, const struct args *args, struct err *e)
{
    AUTO_PTR(arena) a = arena_new();
    AUTO_PTR(map) by_name = map_new();
    AUTO_PTR(google) g = NULL;
    struct audit t = { .a = a, .by_name = by_name };
    struct iam_plan p;
    const char *email;
    int rc = iam_plan_make(io, a, args, &p, e);

    if (rc)
        return -(int)e->code;
    email = strchr(p.member, ':') + 1;
    if (strchr(email, '"') || strchr(email, '\\'))
        return err_set(e, ERR_USAGE, "--member: \"%s\" is no e-mail address", email);
    g = role_google_with(io, &p.config.google);
    rc = read_pages(
        g, &t, request_body(a, &p, email, io_now_unix_ms(io) - args_int(args, "days", DAYS) * DAY_MS), e);
    if (rc)
        return err_wrap(e, "audit entries of %s", email);
    if (args_json(args))
        print_value(&t, &p, email);
    else
        print_text(&t, &p, email);
    return 0;
}

static const struct option_row audit_rows[] = {
    IAM_ROWS,
    { "days", 0, OPTION_INT, "N", "how far back (default 30)", 1, 400 },
    OPTION_OUTPUT,
    OPTION_END,
};

const struct verb verb_iam_audit = {
    .name = "iam audit",
    .operands = "",
    .summary = "show what the agent's account did lately, against what its role permits",
    .details =
        "Reads audit entries from Cloud Logging; needs logging.logEntries.list, and for reads of data\n"
        "logging.privateLogEntries.list.",
    .examples =
        "  slipway iam audit --gcp-project acme-ml --member slipway-agent@acme-ml.iam.gserviceaccount.com",
    .rows = audit_rows,
    .run = audit_run,
};
