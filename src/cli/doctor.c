/* cli/doctor.c: `slipway doctor`: everything a launch needs, looked at one after the other, all findings at
 * once.
 */
#include "cli/doctor/doctor.h"

#include <stdio.h>
#include <unistd.h>

#include "base/log.h"
#include "cli/verbs.h"
enum { DEFAULT_TIMEOUT_S = 10, MAX_TIMEOUT_S = 600 };

/* What one check learns, the next ones use: who we are, then what the queues want, then each of that. */
static const struct check {
    const char *name; /* for those who wait, and of findings when it takes too long */
    void (*run)(struct doctor *d);
} checks[] = {
    { "configuration", check_config },
    { "state directory", check_state },
    { "way to Google", check_network },
    { "credential", check_credential },
    { "quota project", check_quota_project },
    { "W&B server", check_server },
    { "queues", check_queues },
    { "project", check_project },
    { "APIs", check_apis },
    { "permissions", check_permissions },
    { "run-as accounts", check_accounts },
    { "buckets", check_buckets },
    { "secrets", check_secrets },
    { "images", check_images },
};

struct running {
    struct doctor *d;
    const struct check *check;
    bool done;
    struct cond changed;
};

static void run_check(void *arg)
{
    struct running *r = arg;

    r->check->run(r->d);
    r->done = true;
    cond_broadcast(r->d->io, &r->changed);
}

/* On a fiber of its own, which is cancelled when its time is over: its calls then fail, and it says so. */
static void run_for_a_while(struct doctor *d, const struct check *check)
{
    struct running r = { .d = d, .check = check };
    struct group *g = group_new(d->io);
    int64_t end_ms = io_now_ms(d->io) + d->timeout_ms;
    struct err e;

    group_spawn(g, "doctor-check", run_check, &r);
    while (!r.done && cond_wait(d->io, &r.changed, end_ms - io_now_ms(d->io), &e) == 0)
        ;
    group_end(g);
}

static void run_checks(struct doctor *d)
{
    bool json = args_json(d->args), terminal = isatty(STDERR_FILENO);

    for (size_t i = 0; i < ARRAY_LEN(checks) && !io_cancelled(d->io); i++) {
        size_t from = d->found.len;

        if (terminal)
            fprintf(stderr, "\r\033[K%zu/%zu %s ...", i + 1, ARRAY_LEN(checks), checks[i].name);
        run_for_a_while(d, &checks[i]);
        if (terminal)
            fputs("\r\033[K", stderr);
        if (!json)
            findings_print(&d->found, from);
    }
}

static int judge(const struct doctor *d, struct err *e)
{
    size_t problems = d->found.problems, warnings = d->found.warnings;

    if (problems)
        return err_set(e, ERR_FOUND, "%zu problem%s in the way of a launch%s", problems,
                       problems == 1 ? " is" : "s are", warnings ? ", and there are warnings" : "");
    if (!args_json(d->args))
        printf("\nNothing is in the way of a launch%s.\n", warnings ? "; there are warnings" : "");
    return 0;
}

static int doctor_run(struct io *io, const struct args *args, struct err *e)
{
    AUTO_PTR(arena) a = arena_new();
    struct doctor d = { .io = io,
                        .a = a,
                        .args = args,
                        .found = { .a = a },
                        .timeout_ms = args_int(args, "timeout", DEFAULT_TIMEOUT_S) * 1000 };
    log_configure(LOG_LEVEL_WARNING, LOG_FORMAT_AUTO); /* what is known goes into findings */
    run_checks(&d);
    wandb_free(d.session.wandb);
    google_free(d.google);
    if (args_json(args))
        print_json(findings_value(a, &d.found));
    return judge(&d, e);
}

static const struct option_row doctor_rows[] = {
    { "queue", 'q', OPTION_LIST, "NAME", "queue on the server whose config is looked at", 0, 0 },
    { "queue-config", 0, OPTION_LIST, "FILE", "queue config in a file", 0, 0 },
    { "config", 'c', OPTION_TEXT, "FILE", "launch config (default ~/.config/wandb/launch-config.yaml)", 0,
      0 },
    { "state-dir", 0, OPTION_TEXT, "DIR", "the agent's folder (default ~/.local/share/slipway/agent)", 0, 0 },
    { "timeout", 0, OPTION_INT, "SECONDS", "how long one check may take (default 10)", 1, MAX_TIMEOUT_S },
    OPTION_ENTITY,
    OPTION_URL,
    OPTION_OUTPUT,
    OPTION_END,
};

const struct verb verb_doctor = {
    .name = "doctor",
    .operands = "",
    .summary = "look at everything a launch needs, and say what would be in its way",
    .details =
        "Looks at the configuration, the agent's folder, clock, network and credential, the W&B server and "
        "its\n"
        "queues, and at what their configs want of Google: project, APIs, permissions, run-as accounts, "
        "buckets,\n"
        "secrets and images. Nothing is changed. Each line is fine (✓), a warning (!), a problem "
        "(✗) or was not looked at\n(-); the last three say why, and what mends it. Exit status 0 "
        "when "
        "there is no problem, else 1.\ndocs/doctor.md lists the findings.",
    .examples = "  slipway doctor --queue gpu\n  slipway doctor --queue-config queue.yaml -o json",
    .rows = doctor_rows,
    .run = doctor_run,
};
