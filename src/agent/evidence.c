/*
 * agent/evidence.c: error.log of an item that failed, for W&B's pages: the reason, what the journal knows,
 * and the last lines of its job. The queue gets the reason in any case.
 */
#include "agent/acts.h"
#include "base/log.h"
#include "base/timefmt.h"
#include "google/logging.h"
#include "wandb/runs.h"

enum {
    FILE_MAX_BYTES = 512 * 1024,
    TAIL_LINES = 200,
    TAIL_MS = 5 * 60 * 1000, /* from so long before the end */
    PAGES_MAX = 3            /* reads of the log; a project may be read 60 times a minute, by all */
};

static void add_field(struct strbuf *b, const char *name, struct str value)
{
    if (value.len)
        strbuf_addf(b, "%-12s %.*s\n", name, STR_ARG(value));
}

static void add_facts(struct strbuf *b, const struct launch *l)
{
    const struct launch_row *r = &l->row;

    add_field(b, "item", r->item);
    add_field(b, "queue", r->queue);
    if (r->run_entity.len && r->wb_project.len)
        strbuf_addf(b, "%-12s %.*s/%.*s/%.*s\n", "run", STR_ARG(r->run_entity), STR_ARG(r->wb_project),
                    STR_ARG(r->run_id));
    add_field(b, "stage", r->stage);
    if (r->cause != CAUSE_NONE)
        add_field(b, "cause", str_of(launch_cause_name(r->cause)));
    if (r->attempt)
        strbuf_addf(b, "%-12s %u\n", "attempts", r->attempt);
    add_field(b, "Vertex job", r->vertex_job);
    add_field(b, "its state", r->vertex_status);
}

static void add_history(struct strbuf *b, struct launch *l)
{
    AUTO_PTR(arena) a = arena_new();
    struct journal_move *moves = NULL;
    char when[RFC3339_SIZE];
    size_t len = 0;

    if (journal_history(l->agent->journal, a, l->row.id, &moves, &len, NULL))
        return;
    strbuf_addz(b, "\nWhat happened:\n");
    for (size_t i = 0; i < len; i++)
        strbuf_addf(b, "%s %s%s%.*s\n", rfc3339_format(moves[i].at_ms, when), launch_phase_name(moves[i].to),
                    moves[i].note.len ? ": " : "", STR_ARG(moves[i].note));
}

static struct str last_part(struct str path)
{
    struct str part = path;

    while (str_cut(&path, '/', &part))
        continue;
    return part;
}

/* The last lines seen, in a ring. */
struct tail {
    struct log_line lines[TAIL_LINES];
    size_t seen;
};

static int read_tail(struct launch *l, struct arena *a, struct tail *t, struct err *e)
{
    const struct launch_row *r = &l->row;
    const struct str job = last_part(r->vertex_job);
    int64_t from = r->ended_at_ms - TAIL_MS;
    char since[RFC3339_SIZE];
    struct log_query q = { .gcp_project = r->gcp_project,
                           .job_ids = &job,
                           .job_count = 1,
                           .since = str_of(rfc3339_format(from > 0 ? from : 0, since)) };

    for (int page = 0; page < PAGES_MAX; page++) {
        struct log_page p = { 0 };
        int rc = logging_read(l->agent->o.google, a, &q, &p, e);

        if (rc)
            return rc;
        for (size_t i = 0; i < p.len; i++)
            t->lines[t->seen++ % TAIL_LINES] = p.lines[i];
        if (!p.next_token.len)
            return 0;
        q.page_token = p.next_token;
    }
    return 0;
}

/* -ERR_CANCELLED, else 0: a log that cannot be read is said to be so. */
static int add_tail(struct strbuf *b, struct launch *l)
{
    AUTO_PTR(arena) a = arena_new();
    struct tail *t = arena_alloc(a, sizeof(*t));
    struct err e = { 0 };
    size_t first;
    int rc;

    if (!l->row.vertex_job.len || !l->row.gcp_project.len)
        return 0;
    *t = (struct tail){ 0 };
    rc = read_tail(l, a, t, &e);
    if (rc == -ERR_CANCELLED)
        return rc;
    strbuf_addz(b, "\nThe last lines of the job:\n");
    if (rc)
        strbuf_addf(b, "(its log could not be read: %s)\n", e.msg);
    else if (!t->seen)
        strbuf_addz(b, "(there are none)\n");
    first = t->seen > TAIL_LINES ? t->seen - TAIL_LINES : 0;
    for (size_t i = first; i < t->seen; i++) {
        const struct log_line *line = &t->lines[i % TAIL_LINES];

        strbuf_addf(b, "%.*s %.*s %.*s\n", STR_ARG(line->timestamp), STR_ARG(line->task),
                    STR_ARG(line->text));
    }
    return 0;
}

/* When very many fail at once, the first of them have to do. */
static bool may_send(struct agent *a)
{
    int64_t now = io_now_ms(a->io);

    if (!a->agent_id.len || wandb_is_slipway(a->o.wandb) || a->evidence.next_ms > now)
        return false;
    (void)bucket_take(&a->evidence, now);
    return true;
}

static int send(struct launch *l, struct arena *a, struct strbuf *text, struct str *ret_path, struct err *e)
{
    struct agent *ag = l->agent;
    struct wandb_agent_status self = { 0 };
    struct wandb_file file = { .entity = str_of(ag->o.entity), .content = strbuf_str(text) };
    int rc = wandb_agent_get(ag->o.wandb, a, ag->agent_id, &self, e);

    if (rc)
        return rc;
    if (!self.name.len)
        return err_set(e, ERR_PROTO, "the server gave this agent no name");
    file.agent_name = self.name;
    file.path = str_of(arena_printf(a, "%.*s/error/error.log", STR_ARG(l->row.item)));
    rc = wandb_agent_file(ag->o.wandb, &file, e);
    if (!rc)
        *ret_path = file.path;
    return rc;
}

int evidence_send(struct launch *l, struct arena *a, struct str message, struct str *ret_path)
{
    AUTO_STRBUF struct strbuf text = STRBUF(FILE_MAX_BYTES);
    struct err e = { 0 };
    int rc;

    if (!may_send(l->agent))
        return 0;
    strbuf_add(&text, message);
    strbuf_addz(&text, "\n\n");
    add_facts(&text, l);
    add_history(&text, l);
    rc = add_tail(&text, l);
    if (!rc)
        rc = send(l, a, &text, ret_path, &e);
    if (rc && rc != -ERR_CANCELLED)
        LOG_WARNING("launch.no_error_file",
                    "item=%.*s error=\"%s\" action=\"the queue gets the reason alone\"", STR_ARG(l->row.item),
                    e.msg);
    return rc == -ERR_CANCELLED ? rc : 0;
}
