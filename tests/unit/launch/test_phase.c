/* The life of a launch: every phase with every event, and the stories that matter most. */
#include "launch/phase.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/defs.h"

enum { LADDER_MAX = 64 };

static const char *const event_names[LAUNCH_EV_COUNT] = {
    [LAUNCH_EV_RECOVERED] = "recovered",
    [LAUNCH_EV_RESOLVED] = "resolved",
    [LAUNCH_EV_REFUSED] = "refused",
    [LAUNCH_EV_SUBMIT_OK] = "submit_ok",
    [LAUNCH_EV_SUBMIT_ERR] = "submit_err",
    [LAUNCH_EV_PROBE_FOUND] = "probe_found",
    [LAUNCH_EV_PROBE_NONE] = "probe_none",
    [LAUNCH_EV_PROBE_ERR] = "probe_err",
    [LAUNCH_EV_WAIT_OVER] = "wait_over",
    [LAUNCH_EV_STATUS] = "status",
    [LAUNCH_EV_GONE] = "gone",
    [LAUNCH_EV_STOP_ASKED] = "stop_asked",
    [LAUNCH_EV_CANCEL_ERR] = "cancel_err",
    [LAUNCH_EV_DISOWNED] = "disowned",
    [LAUNCH_EV_REPORT_OK] = "report_ok",
    [LAUNCH_EV_REPORT_ERR] = "report_err",
};
static const char *const act_names[] = { "none", "resolve", "submit", "probe",
                                         "wait", "watch",   "cancel", "report" };

/* What follows in the plain case: no stop asked, a permanent error, status RUNNING. "=" is: nothing. */
static const char *const plain[LAUNCH_EV_COUNT][LAUNCH_PHASE_COUNT] = {
    /* leased, resolved, building, submitting, waiting, active, stopping, finished, failed, stopped,
       preempted, reported */
    [LAUNCH_EV_RECOVERED] = { "leased resolve", "resolved resolve", "building resolve", "submitting probe",
                              "waiting wait", "active watch", "stopping cancel", "finished report",
                              "failed report", "stopped report", "preempted report", "=" },
    [LAUNCH_EV_RESOLVED] = { "submitting submit", "submitting submit", "submitting submit", "=", "=", "=",
                             "=", "=", "=", "=", "=", "=" },
    [LAUNCH_EV_REFUSED] = { "failed report", "failed report", "failed report", "=", "=", "=", "=", "=", "=",
                            "=", "=", "=" },
    [LAUNCH_EV_SUBMIT_OK] = { "active watch", "active watch", "active watch", "active watch", "active watch",
                              "=", "=", "=", "=", "=", "=", "=" },
    [LAUNCH_EV_SUBMIT_ERR] = { "=", "=", "=", "failed report", "=", "=", "=", "=", "=", "=", "=", "=" },
    [LAUNCH_EV_PROBE_FOUND] = { "active watch", "active watch", "active watch", "active watch",
                                "active watch", "=", "=", "=", "=", "=", "=", "=" },
    [LAUNCH_EV_PROBE_NONE] = { "=", "=", "=", "submitting wait", "=", "=", "=", "=", "=", "=", "=", "=" },
    [LAUNCH_EV_PROBE_ERR] = { "=", "=", "=", "submitting wait", "=", "=", "=", "=", "=", "=", "=", "=" },
    [LAUNCH_EV_WAIT_OVER] = { "leased resolve", "resolved resolve", "=", "submitting probe",
                              "submitting submit", "=", "stopping cancel", "finished report", "failed report",
                              "stopped report", "preempted report", "=" },
    [LAUNCH_EV_STATUS] = { "=", "=", "=", "=", "=", "active watch", "=", "=", "=", "=", "=", "=" },
    [LAUNCH_EV_GONE] = { "=", "=", "=", "=", "=", "failed report", "stopped report", "=", "=", "=", "=",
                         "=" },
    [LAUNCH_EV_STOP_ASKED] = { "stopped report", "stopped report", "stopped report", "=", "stopped report",
                               "stopping cancel", "=", "=", "=", "=", "=", "=" },
    [LAUNCH_EV_CANCEL_ERR] = { "=", "=", "=", "=", "=", "=", "stopping wait", "=", "=", "=", "=", "=" },
    [LAUNCH_EV_DISOWNED] = { "failed report", "failed report", "failed report", "failed report",
                             "failed report", "failed report", "failed report", "=", "=", "=", "=", "=" },
    [LAUNCH_EV_REPORT_OK] = { "=", "=", "=", "=", "=", "=", "=", "reported none", "reported none",
                              "reported none", "reported none", "=" },
    [LAUNCH_EV_REPORT_ERR] = { "=", "=", "=", "=", "=", "=", "=", "finished wait", "failed wait",
                               "stopped wait", "preempted wait", "=" },
};

static void every_pair_of_phase_and_event_has_the_answer_of_the_table(void **state)
{
    const struct err permanent = { .code = ERR_INVALID, .http_status = 400 };

    for (int ev = 0; ev < LAUNCH_EV_COUNT; ev++) {
        for (int ph = 0; ph < LAUNCH_PHASE_COUNT; ph++) {
            const struct launch_view v = { .phase = ph,
                                           .attempt = 1,
                                           .stop =
                                               ph == LAUNCH_STOPPING ? LAUNCH_STOP_USER : LAUNCH_STOP_NONE,
                                           .probe_needed = ph == LAUNCH_SUBMITTING };
            const struct launch_event event = {
                .kind = ev, .err = &permanent, .status = VERTEX_RUNNING, .stop = LAUNCH_STOP_USER
            };
            struct launch_step s = launch_next(&v, &event, 0.5);
            char got[80], want[80];

            snprintf(got, sizeof(got), "%s + %s: %s %s", launch_phase_name(ph), event_names[ev],
                     launch_phase_name(s.phase), act_names[s.act]);
            if (strcmp(plain[ev][ph], "=") == 0)
                snprintf(want, sizeof(want), "%s + %s: %s none", launch_phase_name(ph), event_names[ev],
                         launch_phase_name(ph));
            else
                snprintf(want, sizeof(want), "%s + %s: %s", launch_phase_name(ph), event_names[ev],
                         plain[ev][ph]);
            assert_string_equal(got, want);
        }
    }
}

static void check_move(const struct launch_view *v, const struct launch_event *ev,
                       const struct launch_step *s)
{
    if (!launch_phase_may_move(v->phase, s->phase))
        fail_msg("illegal move %s -> %s on %s", launch_phase_name(v->phase), launch_phase_name(s->phase),
                 event_names[ev->kind]);
    if (launch_phase_is_ended(v->phase) && launch_phase_holds_slot(s->phase, s->cause))
        fail_msg("%s takes its slot back on %s", launch_phase_name(v->phase), event_names[ev->kind]);
    if (s->stop < v->stop) /* only a job that did not start is forgotten, for the next one */
        assert_true(v->stop == LAUNCH_STOP_NOT_STARTED && s->phase == LAUNCH_WAITING);
    assert_true(s->at.rung < LADDER_MAX);
    if (s->phase == LAUNCH_PREEMPTED && v->phase != LAUNCH_PREEMPTED)
        assert_int_equal(v->at.resumes, v->limits.max_resumes);
}

static void check_submit(const struct launch_view *v, const struct launch_event *ev,
                         const struct launch_step *s)
{
    assert_true(s->new_attempt == (s->act == LAUNCH_ACT_SUBMIT));
    if (s->act != LAUNCH_ACT_SUBMIT)
        return;
    assert_int_equal(s->phase, LAUNCH_SUBMITTING);
    assert_false(v->stop);
    if (v->phase != LAUNCH_SUBMITTING)
        return;
    if (ev->kind == LAUNCH_EV_PROBE_NONE) /* again, so the last one is known to have made no job */
        assert_true(v->probe_needed && v->probes >= 2);
    else
        assert_true(ev->kind == LAUNCH_EV_SUBMIT_ERR && !ev->answer_lost && s->at.rung > v->at.rung);
}

static void check_other_acts(const struct launch_view *v, const struct launch_step *s)
{
    bool ends = s->phase != v->phase && launch_phase_is_ended(s->phase) && s->phase != LAUNCH_REPORTED;

    if (s->act == LAUNCH_ACT_CANCEL) {
        assert_int_equal(s->phase, LAUNCH_STOPPING);
        assert_true(s->wait_ms > 0);
    }
    if (s->act == LAUNCH_ACT_REPORT)
        assert_true(launch_phase_is_ended(s->phase));
    if (s->act == LAUNCH_ACT_WAIT)
        assert_in_range(s->wait_ms, 0, 3600000);
    if (ends)
        assert_int_equal(s->act, LAUNCH_ACT_REPORT);
}

static void no_combination_makes_an_illegal_move_or_keeps_the_slot_of_an_ended_launch(void **state)
{
    for (int ev = 0; ev < LAUNCH_EV_COUNT; ev++) {
        for (int ph = 0; ph < LAUNCH_PHASE_COUNT; ph++) {
            for (int bits = 0; bits < 64; bits++) {
                for (int code = 0; code < ERR_COUNT_; code++) {
                    const struct err e = { .code = code };
                    const struct launch_view v = { .phase = ph,
                                                   .attempt = 3,
                                                   .retries = UINT32_MAX,
                                                   .probes = bits & 8 ? 2 : 0,
                                                   .stop = bits & 1 ? bits >> 4 : LAUNCH_STOP_NONE,
                                                   .at = { .rung = bits >> 4 & 1, .resumes = bits >> 5 },
                                                   .limits = { .rungs = bits >> 4, .max_resumes = 1 },
                                                   .probe_needed = bits & 2,
                                                   .has_vertex_job = bits & 4 };
                    const struct launch_event event = { .kind = ev,
                                                        .status = code % 12,
                                                        .cause = code % CAUSE_COUNT,
                                                        .stop = bits >> 4,
                                                        .answer_lost = bits & 4,
                                                        .err = code ? &e : NULL };
                    const struct launch_step s = launch_next(&v, &event, 0.999);

                    check_move(&v, &event, &s);
                    check_submit(&v, &event, &s);
                    check_other_acts(&v, &s);
                }
            }
        }
    }
}

static const struct launch_event user_stop = { .kind = LAUNCH_EV_STOP_ASKED, .stop = LAUNCH_STOP_USER };

static struct launch_view view_after(struct launch_view v, struct launch_step s)
{
    v.attempt += s.new_attempt;
    v.phase = s.phase;
    v.retries = s.retries;
    v.probes = s.probes;
    v.stop = s.stop;
    v.at = s.at;
    v.probe_needed = s.probe_needed;
    return v;
}

/* The next step; @v becomes the row as the agent would journal it. */
static struct launch_step feed(struct launch_view *v, struct launch_event ev)
{
    struct launch_step s = launch_next(v, &ev, 0);

    *v = view_after(*v, s);
    return s;
}

static void a_lost_create_is_probed_three_times_over_a_minute_before_another_attempt(void **state)
{
    struct launch_view v = { .phase = LAUNCH_SUBMITTING, .attempt = 1 };
    struct err lost = { .code = ERR_TIMEOUT };
    struct launch_step s =
        feed(&v, (struct launch_event){ .kind = LAUNCH_EV_SUBMIT_ERR, .err = &lost, .answer_lost = true });
    int64_t waited = 0;

    for (int i = 0; i < 2; i++) {
        assert_int_equal(s.act, LAUNCH_ACT_PROBE);
        s = feed(&v, (struct launch_event){ .kind = LAUNCH_EV_PROBE_NONE });
        assert_int_equal(s.act, LAUNCH_ACT_WAIT);
        waited += s.wait_ms;
        s = feed(&v, (struct launch_event){ .kind = LAUNCH_EV_WAIT_OVER });
    }
    assert_int_equal(s.act, LAUNCH_ACT_PROBE);
    assert_true(waited >= 60000);
    s = feed(&v, (struct launch_event){ .kind = LAUNCH_EV_PROBE_NONE });
    assert_int_equal(s.act, LAUNCH_ACT_SUBMIT);
    assert_true(s.new_attempt);
    assert_false(v.probe_needed);
    assert_int_equal(v.attempt, 2);
}

static void a_restart_begins_the_settling_again(void **state)
{
    struct launch_view v = { .phase = LAUNCH_SUBMITTING, .attempt = 1, .probe_needed = true, .probes = 2 };
    struct launch_step s = feed(&v, (struct launch_event){ .kind = LAUNCH_EV_RECOVERED });

    assert_int_equal(s.act, LAUNCH_ACT_PROBE);
    assert_int_equal(v.probes, 0);
    s = feed(&v, (struct launch_event){ .kind = LAUNCH_EV_PROBE_NONE });
    assert_int_equal(s.act, LAUNCH_ACT_WAIT);
}

static void a_failing_probe_waits_and_does_not_count_as_a_miss(void **state)
{
    struct launch_view v = { .phase = LAUNCH_SUBMITTING, .probe_needed = true, .probes = 2 };
    struct err down = { .code = ERR_REMOTE, .http_status = 503 };
    struct launch_step s = feed(&v, (struct launch_event){ .kind = LAUNCH_EV_PROBE_ERR, .err = &down });

    assert_int_equal(s.act, LAUNCH_ACT_WAIT);
    assert_int_equal(v.probes, 2);
    s = feed(&v, (struct launch_event){ .kind = LAUNCH_EV_WAIT_OVER });
    assert_int_equal(s.act, LAUNCH_ACT_PROBE);
}

static void a_stop_during_a_create_ends_the_job_that_the_create_made(void **state)
{
    struct launch_view v = { .phase = LAUNCH_SUBMITTING, .attempt = 1 };
    struct launch_step s = feed(&v, user_stop);

    assert_int_equal(s.act, LAUNCH_ACT_NONE);
    assert_int_equal(s.phase, LAUNCH_SUBMITTING);
    assert_int_equal(v.stop, LAUNCH_STOP_USER);
    s = feed(&v, (struct launch_event){ .kind = LAUNCH_EV_SUBMIT_OK });
    assert_int_equal(s.phase, LAUNCH_STOPPING);
    assert_int_equal(s.act, LAUNCH_ACT_CANCEL);
}

static void a_stop_with_a_lost_create_never_submits_again(void **state)
{
    struct launch_view v = {
        .phase = LAUNCH_SUBMITTING, .probe_needed = true, .probes = 2, .stop = LAUNCH_STOP_USER
    };
    struct launch_view w = v;
    struct launch_step s = feed(&v, (struct launch_event){ .kind = LAUNCH_EV_PROBE_NONE });

    assert_int_equal(s.phase, LAUNCH_STOPPED);
    s = feed(&w, (struct launch_event){ .kind = LAUNCH_EV_PROBE_FOUND });
    assert_int_equal(s.phase, LAUNCH_STOPPING);
    assert_int_equal(s.act, LAUNCH_ACT_CANCEL);
}

static void a_stop_asked_in_any_phase_ends_as_stopped_when_vertex_obeys(void **state)
{
    for (int ph = 0; ph < LAUNCH_FINISHED; ph++) {
        struct launch_view v = { .phase = ph, .attempt = 1 };
        struct launch_step s = feed(&v, user_stop);

        if (ph == LAUNCH_SUBMITTING)
            feed(&v, (struct launch_event){ .kind = LAUNCH_EV_SUBMIT_OK });
        if (v.phase == LAUNCH_STOPPING) {
            s = feed(&v, (struct launch_event){ .kind = LAUNCH_EV_STATUS, .status = VERTEX_CANCELLING });
            assert_int_equal(s.act, LAUNCH_ACT_NONE);
            feed(&v, (struct launch_event){ .kind = LAUNCH_EV_STATUS, .status = VERTEX_CANCELLED });
        }
        assert_int_equal(v.phase, LAUNCH_STOPPED);
        feed(&v, (struct launch_event){ .kind = LAUNCH_EV_REPORT_OK });
        assert_int_equal(v.phase, LAUNCH_REPORTED);
    }
}

static void a_cancel_that_failed_or_did_nothing_is_sent_again(void **state)
{
    struct launch_view v = { .phase = LAUNCH_STOPPING, .stop = LAUNCH_STOP_USER };
    struct err down = { .code = ERR_NET };
    struct launch_step s = feed(&v, (struct launch_event){ .kind = LAUNCH_EV_CANCEL_ERR, .err = &down });

    assert_int_equal(s.act, LAUNCH_ACT_WAIT);
    s = feed(&v, (struct launch_event){ .kind = LAUNCH_EV_WAIT_OVER });
    assert_int_equal(s.act, LAUNCH_ACT_CANCEL);
    s = feed(&v, (struct launch_event){ .kind = LAUNCH_EV_WAIT_OVER });
    assert_int_equal(s.act, LAUNCH_ACT_CANCEL);
}

static enum launch_phase phase_after_submit_err(struct err e, uint32_t retries, int64_t *ret_wait_ms)
{
    struct launch_view v = { .phase = LAUNCH_SUBMITTING, .attempt = retries + 1, .retries = retries };
    struct launch_step s = feed(&v, (struct launch_event){ .kind = LAUNCH_EV_SUBMIT_ERR, .err = &e });

    *ret_wait_ms = s.wait_ms;
    return s.phase;
}

static void missing_quota_waits_longer_each_time(void **state)
{
    struct err quota = { .code = ERR_THROTTLED,
                         .http_status = 429,
                         .msg = "RESOURCE_EXHAUSTED: The following quota metrics exceed quota limits: x" };
    int64_t first, third, late;

    assert_int_equal(phase_after_submit_err(quota, 0, &first), LAUNCH_WAITING);
    assert_int_equal(phase_after_submit_err(quota, 2, &third), LAUNCH_WAITING);
    assert_int_equal(phase_after_submit_err(quota, 50, &late), LAUNCH_WAITING);
    assert_int_equal(first, 15000);
    assert_int_equal(third, 60000);
    assert_int_equal(late, 300000);
}

static void the_waits_keep_growing_over_attempts_of_one_launch(void **state)
{
    struct launch_view v = { .phase = LAUNCH_SUBMITTING, .attempt = 1 };
    struct err quota = { .code = ERR_THROTTLED, .msg = "no quota" };
    struct launch_step s;

    for (int i = 0; i < 3; i++) {
        s = feed(&v, (struct launch_event){ .kind = LAUNCH_EV_SUBMIT_ERR, .err = &quota });
        assert_int_equal(s.wait_ms, 15000 << i);
        s = feed(&v, (struct launch_event){ .kind = LAUNCH_EV_WAIT_OVER });
        assert_int_equal(s.act, LAUNCH_ACT_SUBMIT);
    }
}

static void rate_limits_and_refused_tokens_wait_and_wrong_requests_fail(void **state)
{
    struct err rate = { .code = ERR_THROTTLED, .msg = "Quota exceeded ... per minute per region" };
    struct err hinted = { .code = ERR_THROTTLED, .retry_after_ms = 7000 };
    struct err token = { .code = ERR_AUTH, .http_status = 401 };
    struct err aborted = { .code = ERR_CONFLICT, .http_status = 409 };
    const enum err_code permanent[] = { ERR_INVALID, ERR_DENIED, ERR_NOT_FOUND };
    int64_t wait;

    assert_int_equal(phase_after_submit_err(rate, 0, &wait), LAUNCH_WAITING);
    assert_int_equal(wait, 500);
    assert_int_equal(phase_after_submit_err(hinted, 0, &wait), LAUNCH_WAITING);
    assert_int_equal(wait, 7000);
    assert_int_equal(phase_after_submit_err(token, 0, &wait), LAUNCH_WAITING);
    assert_int_equal(phase_after_submit_err(aborted, 0, &wait), LAUNCH_WAITING);
    for (size_t i = 0; i < ARRAY_LEN(permanent); i++)
        assert_int_equal(phase_after_submit_err((struct err){ .code = permanent[i] }, 0, &wait),
                         LAUNCH_FAILED);
}

static void no_answer_an_odd_answer_and_a_peers_failure_may_have_made_a_job(void **state)
{
    const enum err_code lost[] = { ERR_NET, ERR_TIMEOUT, ERR_REMOTE, ERR_PROTO, ERR_LIMIT, ERR_CANCELLED };
    const enum err_code answered[] = { ERR_INVALID, ERR_DENIED, ERR_AUTH, ERR_THROTTLED, ERR_NOT_FOUND };

    for (size_t i = 0; i < ARRAY_LEN(lost); i++)
        assert_true(launch_answer_is_lost(&(struct err){ .code = lost[i] }));
    for (size_t i = 0; i < ARRAY_LEN(answered); i++)
        assert_false(launch_answer_is_lost(&(struct err){ .code = answered[i] }));
    assert_true(launch_answer_is_lost(NULL));
}

static void a_resolve_that_failed_for_a_while_is_tried_again(void **state)
{
    struct launch_view v = { .phase = LAUNCH_LEASED };
    struct err down = { .code = ERR_NET };
    struct launch_step s = feed(&v, (struct launch_event){ .kind = LAUNCH_EV_REFUSED, .err = &down });

    assert_int_equal(s.act, LAUNCH_ACT_WAIT);
    assert_int_equal(v.phase, LAUNCH_LEASED);
    s = feed(&v, (struct launch_event){ .kind = LAUNCH_EV_WAIT_OVER });
    assert_int_equal(s.act, LAUNCH_ACT_RESOLVE);
}

static void each_vertex_status_ends_a_launch_as_it_should(void **state)
{
    static const struct {
        const char *text;
        enum launch_phase end;
    } rows[] = {
        { "JOB_STATE_UNSPECIFIED", LAUNCH_ACTIVE }, { "JOB_STATE_QUEUED", LAUNCH_ACTIVE },
        { "JOB_STATE_PENDING", LAUNCH_ACTIVE },     { "JOB_STATE_RUNNING", LAUNCH_ACTIVE },
        { "JOB_STATE_SUCCEEDED", LAUNCH_FINISHED }, { "JOB_STATE_FAILED", LAUNCH_FAILED },
        { "JOB_STATE_CANCELLING", LAUNCH_ACTIVE },  { "JOB_STATE_CANCELLED", LAUNCH_STOPPED },
        { "JOB_STATE_PAUSED", LAUNCH_ACTIVE },      { "JOB_STATE_EXPIRED", LAUNCH_FAILED },
        { "JOB_STATE_UPDATING", LAUNCH_ACTIVE },    { "JOB_STATE_PARTIALLY_SUCCEEDED", LAUNCH_FINISHED },
        { "JOB_STATE_OF_2031", LAUNCH_ACTIVE },     { "42", LAUNCH_ACTIVE },
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct launch_view v = { .phase = LAUNCH_ACTIVE };
        enum vertex_status s = vertex_status_parse(str_of(rows[i].text));

        feed(&v, (struct launch_event){ .kind = LAUNCH_EV_STATUS, .status = s });
        assert_int_equal(v.phase, rows[i].end);
        assert_int_equal(vertex_status_is_ended(s), rows[i].end != LAUNCH_ACTIVE);
        if (i < 12)
            assert_string_equal(vertex_status_name((enum vertex_status)i), rows[i].text);
    }
    assert_int_equal(vertex_status_parse(STR("4")), VERTEX_SUCCEEDED);
    assert_int_equal(vertex_status_parse(STR("-1")), VERTEX_UNKNOWN);
}

static void a_queue_that_no_longer_knows_the_item_ends_the_reporting(void **state)
{
    struct launch_view v = { .phase = LAUNCH_FAILED };
    struct err gone = { .code = ERR_NOT_FOUND };
    struct err down = { .code = ERR_REMOTE };
    struct launch_step s = feed(&v, (struct launch_event){ .kind = LAUNCH_EV_REPORT_ERR, .err = &down });

    assert_int_equal(s.act, LAUNCH_ACT_WAIT);
    s = feed(&v, (struct launch_event){ .kind = LAUNCH_EV_WAIT_OVER });
    assert_int_equal(s.act, LAUNCH_ACT_REPORT);
    feed(&v, (struct launch_event){ .kind = LAUNCH_EV_REPORT_ERR, .err = &gone });
    assert_int_equal(v.phase, LAUNCH_REPORTED);
}

static void phase_names_read_back(void **state)
{
    for (int ph = 0; ph < LAUNCH_PHASE_COUNT; ph++) {
        enum launch_phase back = LAUNCH_PHASE_COUNT;

        assert_true(launch_phase_parse(str_of(launch_phase_name(ph)), &back));
        assert_int_equal(back, ph);
        assert_true(launch_phase_may_move(ph, ph));
        assert_true(launch_phase_holds_slot(ph, CAUSE_NONE) != launch_phase_is_ended(ph));
        assert_int_equal(launch_phase_holds_slot(ph, CAUSE_QUOTA),
                         !launch_phase_is_ended(ph) && ph != LAUNCH_WAITING);
    }
    assert_false(launch_phase_parse(STR("resting"), &(enum launch_phase){ 0 }));
}

static void back_off_doubles_to_its_top_and_a_hint_wins(void **state)
{
    assert_int_equal(retry_delay_ms(0, NULL, 0), 500);
    assert_int_equal(retry_delay_ms(0, NULL, 1), 1000);
    assert_int_equal(retry_delay_ms(3, NULL, 1), 8000);
    assert_int_equal(retry_delay_ms(UINT32_MAX, NULL, 1), 60000);
    assert_int_equal(retry_delay_ms(9, &(struct err){ .retry_after_ms = 1234 }, 1), 1234);
}

/* --- the ladder ----------------------------------------------------------------------------------------- */

static struct launch_step refuse(struct launch_view *v, const char *message)
{
    struct err e = { .code = ERR_THROTTLED, .http_status = 429 };

    snprintf(e.msg, sizeof(e.msg), "%s", message);
    if (strstr(message, "not supported"))
        e.code = ERR_INVALID;
    return feed(v, (struct launch_event){ .kind = LAUNCH_EV_SUBMIT_ERR, .err = &e });
}

static struct launch_step end_job(struct launch_view *v, enum vertex_status status, enum launch_cause cause)
{
    v->phase = v->stop ? LAUNCH_STOPPING : LAUNCH_ACTIVE;
    return feed(v, (struct launch_event){ .kind = LAUNCH_EV_STATUS, .status = status, .cause = cause });
}

static void missing_quota_goes_on_at_the_next_rung_and_behind_the_last_one_waits(void **state)
{
    struct launch_view v = { .phase = LAUNCH_SUBMITTING, .limits.rungs = 3 };
    struct launch_step s = { 0 };

    for (uint32_t rung = 1; rung < 3; rung++) {
        s = refuse(&v, "The following quota metrics exceed quota limits: x");
        assert_int_equal(s.act, LAUNCH_ACT_SUBMIT);
        assert_int_equal(s.at.rung, rung);
    }
    s = refuse(&v, "Resources are insufficient in region: r");
    assert_int_equal(s.phase, LAUNCH_WAITING);
    assert_int_equal(s.cause, CAUSE_STOCKOUT);
    assert_int_equal(s.at.rung, 0);
    s = feed(&v, (struct launch_event){ .kind = LAUNCH_EV_WAIT_OVER });
    assert_int_equal(s.act, LAUNCH_ACT_SUBMIT);
}

static void a_rate_limit_is_waited_for_at_its_rung(void **state)
{
    struct launch_view v = { .phase = LAUNCH_SUBMITTING, .at.rung = 1, .limits.rungs = 3 };
    struct launch_step s = refuse(&v, "Quota exceeded for quota metric 'x' and limit '... per minute'");

    assert_int_equal(s.phase, LAUNCH_WAITING);
    assert_int_equal(s.at.rung, 1);
    assert_true(launch_phase_holds_slot(s.phase, s.cause));
}

static void a_machine_that_a_region_does_not_have_is_never_asked_for_there_again(void **state)
{
    struct launch_view v = { .phase = LAUNCH_SUBMITTING, .limits.rungs = 2 };
    struct launch_step s = refuse(&v, "Machine type \"a2-highgpu-1g\" is not supported.");

    assert_int_equal(s.at.rung, 1);
    s = refuse(&v, "The following quota metrics exceed quota limits: x");
    assert_int_equal(s.phase, LAUNCH_WAITING);
    assert_int_equal(s.at.rung, 1);
    feed(&v, (struct launch_event){ .kind = LAUNCH_EV_WAIT_OVER });
    s = refuse(&v, "Machine type \"a2-highgpu-1g\" is not supported.");
    assert_int_equal(s.phase, LAUNCH_FAILED);
    assert_int_equal(s.cause, CAUSE_NOT_OFFERED);
}

static void a_job_out_of_machines_goes_through_the_ladder_so_many_rounds(void **state)
{
    struct launch_view v = { .limits = { .rungs = 2, .rounds = 2 } };
    struct launch_step s = end_job(&v, VERTEX_FAILED, CAUSE_STOCKOUT);

    assert_int_equal(s.phase, LAUNCH_WAITING);
    assert_int_equal(s.at.rung, 1);
    s = end_job(&v, VERTEX_FAILED, CAUSE_STOCKOUT);
    assert_int_equal(s.phase, LAUNCH_WAITING);
    assert_int_equal(s.at.rung, 0);
    assert_int_equal(s.at.round, 1);
    assert_true(s.wait_ms >= 15000);
    end_job(&v, VERTEX_FAILED, CAUSE_STOCKOUT);
    s = end_job(&v, VERTEX_FAILED, CAUSE_STOCKOUT);
    assert_int_equal(s.phase, LAUNCH_FAILED);
    assert_int_equal(s.cause, CAUSE_STOCKOUT);
}

static void a_job_that_does_not_start_is_cancelled_and_tried_at_the_next_rung(void **state)
{
    struct launch_view v = { .phase = LAUNCH_ACTIVE, .limits.rungs = 2 };
    struct launch_event late = { .kind = LAUNCH_EV_STOP_ASKED, .stop = LAUNCH_STOP_NOT_STARTED };
    struct launch_step s = feed(&v, late);

    assert_int_equal(s.act, LAUNCH_ACT_CANCEL);
    s = end_job(&v, VERTEX_CANCELLED, CAUSE_NONE);
    assert_int_equal(s.phase, LAUNCH_WAITING);
    assert_int_equal(s.at.rung, 1);
    assert_int_equal(s.stop, LAUNCH_STOP_NONE);
    v.phase = LAUNCH_ACTIVE;
    feed(&v, late);
    s = feed(&v, (struct launch_event){ .kind = LAUNCH_EV_GONE });
    assert_int_equal(s.phase, LAUNCH_FAILED);
    assert_int_equal(s.cause, CAUSE_START_TIMEOUT);
    v.phase = LAUNCH_WAITING; /* it means a job: without one it means nothing */
    v.stop = LAUNCH_STOP_NONE;
    assert_int_equal(feed(&v, late).act, LAUNCH_ACT_NONE);
}

static void a_person_who_stops_what_did_not_start_has_the_last_word(void **state)
{
    struct launch_view v = { .phase = LAUNCH_STOPPING, .stop = LAUNCH_STOP_NOT_STARTED, .limits.rungs = 2 };

    feed(&v, user_stop);
    assert_int_equal(end_job(&v, VERTEX_CANCELLED, CAUSE_NONE).phase, LAUNCH_STOPPED);
}

static void a_job_that_ends_well_while_it_is_stopped_has_ended_well(void **state)
{
    for (enum launch_stop stop = LAUNCH_STOP_NOT_STARTED; stop <= LAUNCH_STOP_USER; stop++) {
        struct launch_view v = { .stop = stop };

        assert_int_equal(end_job(&v, VERTEX_SUCCEEDED, CAUSE_NONE).phase, LAUNCH_FINISHED);
    }
}

static void a_launch_whose_time_is_over_fails_wherever_it_is(void **state)
{
    for (int ph = 0; ph < LAUNCH_FINISHED; ph++) {
        struct launch_view v = { .phase = ph, .attempt = 1, .limits.rungs = 3 };
        struct err quota = { .code = ERR_THROTTLED };
        struct launch_step s =
            feed(&v, (struct launch_event){ .kind = LAUNCH_EV_STOP_ASKED, .stop = LAUNCH_STOP_DEADLINE });

        if (ph == LAUNCH_SUBMITTING)
            s = feed(&v, (struct launch_event){ .kind = LAUNCH_EV_SUBMIT_ERR, .err = &quota });
        if (v.phase == LAUNCH_STOPPING)
            s = end_job(&v, VERTEX_CANCELLED, CAUSE_NONE);
        assert_int_equal(s.phase, LAUNCH_FAILED);
        assert_int_equal(s.cause, CAUSE_DEADLINE);
    }
}

static void a_preempted_job_is_submitted_again_so_many_times(void **state)
{
    struct launch_view v = { .at.rung = 1, .limits = { .rungs = 2, .max_resumes = 2 } };
    struct launch_step s;

    for (uint32_t i = 1; i <= 2; i++) {
        s = end_job(&v, VERTEX_FAILED, CAUSE_PREEMPTED);
        assert_int_equal(s.phase, LAUNCH_WAITING);
        assert_int_equal(s.at.rung, 1);
        assert_int_equal(s.at.resumes, i);
    }
    s = end_job(&v, VERTEX_FAILED, CAUSE_PREEMPTED);
    assert_int_equal(s.phase, LAUNCH_PREEMPTED);
    assert_int_equal(s.act, LAUNCH_ACT_REPORT);
}

static void an_item_that_was_taken_over_looks_for_its_job_before_it_makes_one(void **state)
{
    struct launch_view v = { .phase = LAUNCH_LEASED, .taken_over = true };
    struct launch_step s = feed(&v, (struct launch_event){ .kind = LAUNCH_EV_RESOLVED });

    assert_int_equal(s.act, LAUNCH_ACT_PROBE);
    assert_int_equal(feed(&(struct launch_view){ .phase = LAUNCH_SUBMITTING, .probe_needed = true },
                          (struct launch_event){ .kind = LAUNCH_EV_PROBE_FOUND })
                         .phase,
                     LAUNCH_ACTIVE);
    for (int i = 0; i < 2; i++) {
        s = feed(&v, (struct launch_event){ .kind = LAUNCH_EV_PROBE_NONE });
        assert_int_equal(s.act, LAUNCH_ACT_WAIT);
        feed(&v, (struct launch_event){ .kind = LAUNCH_EV_WAIT_OVER });
    }
    assert_int_equal(feed(&v, (struct launch_event){ .kind = LAUNCH_EV_PROBE_NONE }).act, LAUNCH_ACT_SUBMIT);
}

/* Whatever ends it before its first create: the one before may have made a job, which has to end with it. */
static void an_item_that_was_taken_over_and_is_to_stop_looks_for_its_job_first(void **state)
{
    for (enum launch_phase p = LAUNCH_LEASED; p <= LAUNCH_RESOLVED; p++) {
        struct launch_view v = { .phase = p, .taken_over = true }, found;
        struct launch_step s =
            feed(&v, (struct launch_event){ .kind = LAUNCH_EV_STOP_ASKED, .stop = LAUNCH_STOP_USER });

        assert_int_equal(s.act, LAUNCH_ACT_PROBE);
        assert_int_equal(v.phase, LAUNCH_SUBMITTING);
        assert_int_equal(v.stop, LAUNCH_STOP_USER);
        found = v;
        s = feed(&found, (struct launch_event){ .kind = LAUNCH_EV_PROBE_FOUND });
        assert_int_equal(found.phase, LAUNCH_STOPPING);
        assert_int_equal(s.act, LAUNCH_ACT_CANCEL);
        for (int i = 0; i < 2; i++) {
            assert_int_equal(feed(&v, (struct launch_event){ .kind = LAUNCH_EV_PROBE_NONE }).act,
                             LAUNCH_ACT_WAIT);
            assert_int_equal(feed(&v, (struct launch_event){ .kind = LAUNCH_EV_WAIT_OVER }).act,
                             LAUNCH_ACT_PROBE);
        }
        feed(&v, (struct launch_event){ .kind = LAUNCH_EV_PROBE_NONE });
        assert_int_equal(v.phase, LAUNCH_STOPPED);
    }
}

/* Where to look is in its config: one that cannot be read says nothing. */
static void a_look_that_the_config_does_not_allow_ends_an_item_that_was_taken_over(void **state)
{
    struct err invalid = { .code = ERR_INVALID };
    struct launch_view v = { .phase = LAUNCH_LEASED, .taken_over = true }, stopping;

    feed(&v, (struct launch_event){ .kind = LAUNCH_EV_RESOLVED });
    stopping = v;
    stopping.stop = LAUNCH_STOP_USER;
    feed(&v, (struct launch_event){ .kind = LAUNCH_EV_PROBE_ERR, .err = &invalid });
    assert_int_equal(v.phase, LAUNCH_FAILED);
    feed(&stopping, (struct launch_event){ .kind = LAUNCH_EV_PROBE_ERR, .err = &invalid });
    assert_int_equal(stopping.phase, LAUNCH_STOPPED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_pair_of_phase_and_event_has_the_answer_of_the_table),
        cmocka_unit_test(no_combination_makes_an_illegal_move_or_keeps_the_slot_of_an_ended_launch),
        cmocka_unit_test(a_lost_create_is_probed_three_times_over_a_minute_before_another_attempt),
        cmocka_unit_test(a_restart_begins_the_settling_again),
        cmocka_unit_test(a_failing_probe_waits_and_does_not_count_as_a_miss),
        cmocka_unit_test(a_stop_during_a_create_ends_the_job_that_the_create_made),
        cmocka_unit_test(a_stop_with_a_lost_create_never_submits_again),
        cmocka_unit_test(a_stop_asked_in_any_phase_ends_as_stopped_when_vertex_obeys),
        cmocka_unit_test(a_cancel_that_failed_or_did_nothing_is_sent_again),
        cmocka_unit_test(missing_quota_waits_longer_each_time),
        cmocka_unit_test(missing_quota_goes_on_at_the_next_rung_and_behind_the_last_one_waits),
        cmocka_unit_test(a_rate_limit_is_waited_for_at_its_rung),
        cmocka_unit_test(a_machine_that_a_region_does_not_have_is_never_asked_for_there_again),
        cmocka_unit_test(a_job_out_of_machines_goes_through_the_ladder_so_many_rounds),
        cmocka_unit_test(a_job_that_does_not_start_is_cancelled_and_tried_at_the_next_rung),
        cmocka_unit_test(a_person_who_stops_what_did_not_start_has_the_last_word),
        cmocka_unit_test(a_job_that_ends_well_while_it_is_stopped_has_ended_well),
        cmocka_unit_test(a_launch_whose_time_is_over_fails_wherever_it_is),
        cmocka_unit_test(an_item_that_was_taken_over_looks_for_its_job_before_it_makes_one),
        cmocka_unit_test(an_item_that_was_taken_over_and_is_to_stop_looks_for_its_job_first),
        cmocka_unit_test(a_look_that_the_config_does_not_allow_ends_an_item_that_was_taken_over),
        cmocka_unit_test(a_preempted_job_is_submitted_again_so_many_times),
        cmocka_unit_test(the_waits_keep_growing_over_attempts_of_one_launch),
        cmocka_unit_test(rate_limits_and_refused_tokens_wait_and_wrong_requests_fail),
        cmocka_unit_test(no_answer_an_odd_answer_and_a_peers_failure_may_have_made_a_job),
        cmocka_unit_test(a_resolve_that_failed_for_a_while_is_tried_again),
        cmocka_unit_test(each_vertex_status_ends_a_launch_as_it_should),
        cmocka_unit_test(a_queue_that_no_longer_knows_the_item_ends_the_reporting),
        cmocka_unit_test(phase_names_read_back),
        cmocka_unit_test(back_off_doubles_to_its_top_and_a_hint_wins),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
