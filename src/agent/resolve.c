/* agent/resolve.c: making an item ours, and its spec a request, or a list of what is wrong with it. */
#include "agent/acts.h"

#include "base/log.h"
#include "launch/why.h"
#include "wandb/runs.h"

enum { WARNINGS_MAX_BYTES = 8 * 1024 };

/* Was the run's id drawn by us, so that nobody else can have named it? */
static bool run_id_is_drawn(struct launch *l, struct arena *a)
{
    struct str text = { 0 };
    struct jval *spec = NULL;

    return journal_spec(l->agent->journal, a, l->row.id, &text, NULL) == 0 &&
           jval_from_json(a, text, "launch spec", NULL, &spec, NULL) == 0 &&
           !jval_str(jval_get(spec, "run_id")).len;
}

/* One that has ended is nobody's any more: it was, by whoever ended it. */
static bool is_in_hand(struct str state)
{
    return str_is(state, "LEASED") || str_is(state, "CLAIMED") || str_is(state, "RUNNING");
}

/* An ack that says "not yours" may be the echo of our own: an earlier one whose answer was lost, or this one
 * delivered twice. A server that gives tokens knows, and says yes to an echo. Else the item carries our run's
 * id: one that we drew proves it; one that the spec gives counts only when we have asked before. */
static int ack_was_ours(struct launch *l, bool *ret_ours, struct err *e)
{
    AUTO_PTR(arena) a = arena_new();
    struct wandb_item_ref ref = { str_of(l->agent->o.entity), l->row.queue, l->row.item };
    struct wandb_item_status status = { 0 };
    int rc = wandb_item_get(l->agent->o.wandb, a, &ref, &status, e);

    if (rc && rc != -ERR_NOT_FOUND)
        return rc;
    *ret_ours = !rc && is_in_hand(status.state) && str_eq(status.run_id, l->row.run_id) &&
                (l->ack_tried || l->recovered || run_id_is_drawn(l, a));
    return 0;
}

int act_ack(struct launch *l, struct outcome *out)
{
    const struct wandb_hold hold = launch_hold(l);
    uint64_t epoch = l->agent->hold_epoch;
    bool ours = false;
    int rc = wandb_item_ack(l->agent->o.wandb, &hold, l->row.run_id, &out->err);

    if (rc == -ERR_CONFLICT && launch_hold(l).fence != hold.fence) /* lent again meanwhile, and to us */
        return err_set(&out->err, ERR_NET, "the item came back while it was acknowledged");
    if (rc == -ERR_CONFLICT && (hold.fence || (ack_was_ours(l, &ours, &out->err) == 0 && !ours)))
        return err_set(&out->err, ERR_CONFLICT, "item %.*s was given to somebody else", STR_ARG(l->row.item));
    l->ack_tried = true;
    if (!rc || ours) {
        out->err = (struct err){ 0 };
        out->acked = true;
        if (l->pop_epoch == epoch) /* else the server has it under an id that is not ours any more */
            l->hold_epoch = epoch;
        return 0;
    }
    return out->err.code == ERR_CONFLICT ? -ERR_NET : -(int)out->err.code;
}

/* Without line and column, which would be those of the journal's text, and without the word "warning": where
 * they go says what they are. */
static void list_problems(struct strbuf *b, const struct problems *p, enum problem_level level)
{
    for (size_t i = 0; i < p->len; i++) {
        struct problem plain = p->items[i];

        if (plain.level != level)
            continue;
        plain.level = PROBLEM_ERROR;
        plain.pos = (struct jval_pos){ 0 };
        strbuf_addz(b, b->len ? "; " : "");
        problem_format(b, p, &plain);
    }
}

static const char *what_we_cannot_do(struct arena *a, const struct launch *l, const struct launch_spec *s)
{
    if (l->row.own_key && !l->own_key)
        return "the item brought its own API key (_wandb_api_key), and the agent has restarted since it took "
               "the item: such a key is kept in memory only, never written to disk; queue the item again";
    if (s->resource.len && !str_is(s->resource, "vertex") && !str_is(s->resource, "gcp-vertex"))
        return arena_printf(
            a,
            "this agent runs jobs on Vertex AI; the item's resource is \"%.*s\": queue it where "
            "an agent for that resource listens",
            STR_ARG(s->resource));
    if (!s->image_uri.len && str_has_prefix(s->uri, STR("placeholder")))
        return "the item is the scheduler of a sweep, which runs inside a W&B agent with the resource "
               "local-process: queue it where such an agent listens; the sweep's runs may come here";
    if (!s->image_uri.len && s->wb_job.len)
        return arena_printf(a,
                            "the item names the job \"%.*s\" but no image: this agent builds none; give "
                            "docker.docker_image",
                            STR_ARG(s->wb_job));
    return NULL;
}

static struct str default_project(struct launch *l, struct err *e)
{
    struct agent *a = l->agent;
    struct str found = str_of(a->o.gcp_project);

    if (!found.len && google_project(a->o.google, &found, e))
        return (struct str){ 0 }; /* the queue config may name one; else the renderer says what is missing */
    return found;
}

static const char *environment(void *ctx, const char *name)
{
    return io_env(ctx, name);
}

static const struct macro_env *macro_env_of(struct launch *l, struct arena *a)
{
    struct macro_env *env = arena_alloc(a, sizeof(*env));

    *env = (struct macro_env){ l->agent->o.macro_allow_env, environment, l->agent->io };
    return env;
}

/* A config that was read again may have fewer rungs. */
static const struct launch_rung *rung_of(const struct launch *l, uint32_t rung)
{
    const struct launch_policy *p = launch_policy(l);

    return &p->rungs[rung < p->rung_count ? rung : p->rung_count - 1];
}

static struct render_input render_input_of(struct launch *l, const struct launch_spec *spec,
                                           const struct render_attempt *attempt)
{
    struct agent *a = l->agent;

    return (struct render_input){
        .spec = spec,
        .base_url = str_of(wandb_base_url(a->o.wandb)),
        .run_id = l->row.run_id,
        .run_name = spec->run_name,
        .queue_name = l->row.queue,
        .queue_entity = str_of(a->o.entity),
        .item_id = l->row.item,
        .author = spec->author,
        .image_uri = spec->image_uri,
        .region = str_of(a->o.region ? a->o.region : DEFAULT_REGION),
        .agent_label = journal_agent_label(a->journal),
        .home = str_of(a->o.home),
        .attempt_label = attempt->label,
        .rung = rung_of(l, attempt->at.rung),
        .now_unix_ms = io_now_unix_ms(a->io),
    };
}

static int spec_invalid(struct outcome *out, const char *text)
{
    strbuf_addz(&out->reason, text);
    return err_set(&out->err, ERR_INVALID, "%s", text);
}

int render_launch(struct launch *l, struct arena *a, const struct render_attempt *attempt,
                  struct launch_job *ret, struct outcome *out)
{
    struct problems p = { .a = a, .file = "" };
    struct str text = { 0 };
    struct jval *v = NULL;
    struct render_input in;
    struct err no_project = { 0 };
    const char *refusal;
    AUTO_STRBUF struct strbuf warnings = STRBUF(WARNINGS_MAX_BYTES);

    if (journal_spec(l->agent->journal, a, l->row.id, &text, &out->err))
        return -(int)out->err.code;
    if (str_is(text, "null"))
        return spec_invalid(out,
                            "the item's spec was lost with the disk of the agent that took it, so its job, "
                            "which has ended, cannot be submitted again: queue the item again");
    if (jval_from_json(a, text, "launch spec", NULL, &v, &out->err))
        return -(int)out->err.code;
    if (launch_spec_parse(v, &ret->spec, &p, &out->err)) {
        list_problems(&out->reason, &p, PROBLEM_ERROR);
        return -ERR_INVALID;
    }
    ret->spec.has_own_api_key = l->row.own_key; /* the journal's copy of the spec is without it */
    ret->spec.resume_count += attempt->at.resumes;
    refusal = what_we_cannot_do(a, l, &ret->spec);
    if (refusal)
        return spec_invalid(out, refusal);
    in = render_input_of(l, &ret->spec, attempt);
    in.macro_env = macro_env_of(l, a);
    in.gcp_project = default_project(l, &no_project);
    if (no_project.code == ERR_CANCELLED)
        return err_set(&out->err, ERR_CANCELLED, "cancelled");
    if (render_custom_job(&in, &ret->rendered, &p, &out->err)) {
        /* the project may be all that is missing, and whoever knows it does not answer now: no fault of the
         * item */
        if (p.errors == 1 && err_is_transient(&no_project)) {
            out->err = no_project;
            strbuf_addz(&out->reason, no_project.msg);
            return -(int)no_project.code;
        }
        list_problems(&out->reason, &p, PROBLEM_ERROR);
        if (no_project.code)
            strbuf_addf(&out->reason, "; no default project: %s", no_project.msg);
        return -ERR_INVALID;
    }
    list_problems(&warnings, &p, PROBLEM_WARNING);
    ret->warnings = arena_str(a, strbuf_str(&warnings));
    return 0;
}

/* Once for an item, not with every attempt. A courtesy: the launch goes on when the queue does not take it.
 */
static void tell_warnings(struct launch *l, struct str warnings)
{
    const struct wandb_hold hold = launch_hold(l);

    if (!warnings.len)
        return;
    LOG_WARNING("launch.config", "item=%.*s warnings=\"%.*s\"", STR_ARG(l->row.item), STR_ARG(warnings));
    (void)!wandb_item_warn(l->agent->o.wandb, &hold, warnings, "agent", NULL);
}

/* Once, when the wait begins; the item waits where it is, which the queue cannot see. */
static void tell_wait(struct launch *l, const struct outcome *out)
{
    AUTO_STRBUF struct strbuf text = STRBUF(WARNINGS_MAX_BYTES);
    const struct wandb_hold hold = launch_hold(l);

    if (l->row.retries > 0)
        return;
    LOG_WARNING("launch.waiting", "item=%.*s error=\"%s\" action=\"trying again until it answers\"",
                STR_ARG(l->row.item), out->err.msg);
    strbuf_addf(&text, WHY_NOTE_WAITS ": %s", out->err.msg);
    (void)!wandb_item_warn(l->agent->o.wandb, &hold, strbuf_str(&text), "agent", NULL);
}

static int name_rung(struct arena *a, const struct launch_policy *p, uint32_t rung, struct outcome *out)
{
    const char *text = arena_strdup(a, strbuf_cstr(&out->reason));

    strbuf_reset(&out->reason);
    strbuf_addf(&out->reason, "rung %u of the ladder (%s): %s", rung + 1,
                launch_rung_text(a, &p->rungs[rung]), text);
    return -ERR_INVALID;
}

/* All rungs at once: what is wrong with the last is better known now than in the night that needs it. */
static int check_rungs(struct launch *l, struct arena *a, struct launch_job *ret, struct outcome *out)
{
    const struct launch_policy *p = launch_policy(l);
    uint32_t count = (uint32_t)p->rung_count;

    for (uint32_t i = 0; i < count; i++) {
        const struct render_attempt attempt = { STR("check"), { .rung = i } };
        struct launch_job job = { 0 };
        int rc = render_launch(l, a, &attempt, &job, out);

        if (rc)
            return rc == -ERR_INVALID && i ? name_rung(a, p, i, out) : rc;
        if (i == 0)
            *ret = job;
        if (job.rendered.names_region && p->rungs[i].region_is_default)
            count = 1; /* the others would be the same */
    }
    out->rungs = count;
    return 0;
}

/* The runs of a sweep that has ended are wanted no more. Our own server has no sweeps. */
static int check_sweep(struct launch *l, struct arena *a, const struct launch_spec *s, struct outcome *out)
{
    const struct wandb_sweep_ref ref = { s->entity, jval_str(jval_get(s->raw, "project")), s->sweep_id };
    struct str state = { 0 };
    int rc;

    if (!s->sweep_id.len || wandb_is_slipway(l->agent->o.wandb))
        return 0;
    rc = wandb_sweep_state(l->agent->o.wandb, a, &ref, &state, &out->err);
    if (rc || str_eq_nocase(state, STR("RUNNING")) || str_eq_nocase(state, STR("PAUSED")))
        return rc;
    return spec_invalid(out,
                        arena_printf(a,
                                     "Launch agent picked up sweep job, but sweep (%.*s) was in a terminal "
                                     "state (%.*s)",
                                     STR_ARG(s->sweep_id), STR_ARG(state.len ? state : STR("None"))));
}

/* One that was taken over may have a job, which is watched whether there is room for another or not. */
static int find_scheduler(struct launch *l, struct outcome *out)
{
    int rc = l->row.taken_over && l->row.attempt == 0 ? act_find(l, out) : 0;

    if (rc && rc != -ERR_CANCELLED) { /* asked again when it is tried again */
        out->err = (struct err){ 0 };
        strbuf_reset(&out->reason);
        rc = 0;
    }
    return rc;
}

/* A scheduler that is one too many is held: it is ours, so nobody's lease runs out meanwhile. */
static int hold_scheduler(struct launch *l, struct outcome *out)
{
    int rc = find_scheduler(l, out);

    if (rc || out->job.len)
        return rc;
    strbuf_addf(&out->reason,
                "as many schedulers of sweeps run as this agent may have (max_schedulers: %lld)",
                (long long)l->agent->o.max_schedulers);
    return err_set(&out->err, ERR_THROTTLED, "%s", strbuf_cstr(&out->reason));
}

static int check_scheduler(struct launch *l, struct outcome *out)
{
    int64_t max = l->agent->o.max_schedulers;

    if (!l->row.scheduler || l->may_schedule)
        return 0;
    if (max == 0 && !(l->row.taken_over && l->row.attempt == 0)) /* else it may have a job already */
        return spec_invalid(
            out, "the item is the scheduler of a sweep, and this agent takes none (max_schedulers: 0)");
    return launch_take_turn(l) ? 0 : hold_scheduler(l, out);
}

int act_resolve(struct launch *l, struct outcome *out)
{
    AUTO_PTR(arena) a = arena_new();
    struct launch_job job = { 0 };
    int rc = l->row.acked ? 0 : act_ack(l, out);

    if (rc == -ERR_CANCELLED)
        return rc;
    if (rc) {
        out->disowned = l->disowning = rc == -ERR_CONFLICT || rc == -ERR_NOT_FOUND;
        outcome_set(out, LAUNCH_EV_REFUSED);
        if (!out->disowned)
            out->ev.err = NULL; /* tried again */
        return 0;
    }
    rc = check_rungs(l, a, &job, out);
    if (!rc)
        rc = check_sweep(l, a, &job.spec, out);
    if (!rc)
        rc = check_scheduler(l, out);
    if (rc == -ERR_CANCELLED)
        return rc;
    if (!rc)
        tell_warnings(l, job.warnings);
    else if (err_is_transient(&out->err))
        tell_wait(l, out);
    outcome_set(out, rc ? LAUNCH_EV_REFUSED : out->job.len ? LAUNCH_EV_PROBE_FOUND : LAUNCH_EV_RESOLVED);
    return 0;
}
