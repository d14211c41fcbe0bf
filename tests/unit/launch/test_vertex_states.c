/* What Vertex may say of a job, as a name or as a number, known or new, in every phase of a launch. */
#include "launch/phase.h"

#include "../test.h"

#include <stdio.h>

/* What follows where the job is known: "=" is nothing new; ACTIVE, and STOPPING for a person. */
static const struct state {
    const char *name, *number;
    enum vertex_status status;
    const char *active, *stopping;
} states[] = {
    { "JOB_STATE_UNSPECIFIED", "0", VERTEX_UNKNOWN, "active watch", "=" },
    { "JOB_STATE_QUEUED", "1", VERTEX_QUEUED, "active watch", "=" },
    { "JOB_STATE_PENDING", "2", VERTEX_PENDING, "active watch", "=" },
    { "JOB_STATE_RUNNING", "3", VERTEX_RUNNING, "active watch", "=" },
    { "JOB_STATE_SUCCEEDED", "4", VERTEX_SUCCEEDED, "finished report", "finished report" },
    { "JOB_STATE_FAILED", "5", VERTEX_FAILED, "failed report", "failed report" },
    { "JOB_STATE_CANCELLING", "6", VERTEX_CANCELLING, "active watch", "=" },
    { "JOB_STATE_CANCELLED", "7", VERTEX_CANCELLED, "stopped report", "stopped report" },
    { "JOB_STATE_PAUSED", "8", VERTEX_PAUSED, "active watch", "=" },
    { "JOB_STATE_EXPIRED", "9", VERTEX_EXPIRED, "failed report", "failed report" },
    { "JOB_STATE_UPDATING", "10", VERTEX_UPDATING, "active watch", "=" },
    { "JOB_STATE_PARTIALLY_SUCCEEDED", "11", VERTEX_PARTIALLY_SUCCEEDED, "finished report",
      "finished report" },
    /* what a later Vertex may say, and what no Vertex says: the job is watched on */
    { "JOB_STATE_OF_2031", "12", VERTEX_UNKNOWN, "active watch", "=" },
    { "JOB_STATE_RUNNING_LATE", "42", VERTEX_UNKNOWN, "active watch", "=" },
    { "job_state_succeeded", "-1", VERTEX_UNKNOWN, "active watch", "=" },
    { "JOB_STATE_FAILED ", "4294967300", VERTEX_UNKNOWN, "active watch", "=" },
    { "", "99999999999999999999", VERTEX_UNKNOWN, "active watch", "=" },
    { "SUCCEEDED", "4.0", VERTEX_UNKNOWN, "active watch", "=" },
};
enum { KNOWN_STATES = 12 };

static const char *const act_names[] = { "none", "resolve", "submit", "probe",
                                         "wait", "watch",   "cancel", "report" };

static struct launch_step say(const struct launch_view *v, const char *text)
{
    const struct launch_event ev = { .kind = LAUNCH_EV_STATUS,
                                     .status = vertex_status_parse(str_of(text)),
                                     .cause = CAUSE_PROGRAM };

    return launch_next(v, &ev, 0.5);
}

static void each_state_is_read_by_name_and_by_number(void **state)
{
    for (size_t i = 0; i < ARRAY_LEN(states); i++) {
        assert_int_equal(vertex_status_parse(str_of(states[i].name)), states[i].status);
        assert_int_equal(vertex_status_parse(str_of(states[i].number)), states[i].status);
        if (i < KNOWN_STATES)
            assert_string_equal(vertex_status_name(states[i].status), states[i].name);
    }
}

static const char *expected(const struct state *s, enum launch_phase ph)
{
    return ph == LAUNCH_ACTIVE ? s->active : ph == LAUNCH_STOPPING ? s->stopping : "=";
}

static void check_state(const struct state *s, const char *text, enum launch_phase ph)
{
    const struct launch_view v = { .phase = ph,
                                   .attempt = 1,
                                   .stop = ph == LAUNCH_STOPPING ? LAUNCH_STOP_USER : LAUNCH_STOP_NONE };
    struct launch_step step = say(&v, text);
    const char *want = expected(s, ph);
    char got[80];

    snprintf(got, sizeof(got), "%s %s", launch_phase_name(step.phase), act_names[step.act]);
    if (step.phase == ph && step.act == LAUNCH_ACT_NONE)
        snprintf(got, sizeof(got), "=");
    if (strcmp(got, want) != 0)
        fail_msg("%s + \"%s\": %s, not %s", launch_phase_name(ph), text, got, want);
}

static void each_state_means_the_same_by_name_and_number_in_every_phase(void **state)
{
    for (size_t i = 0; i < ARRAY_LEN(states); i++) {
        for (int ph = 0; ph < LAUNCH_PHASE_COUNT; ph++) {
            check_state(&states[i], states[i].name, ph);
            check_state(&states[i], states[i].number, ph);
        }
    }
}

static void what_has_ended_holds_no_slot_from_that_moment_on(void **state)
{
    for (size_t i = 0; i < ARRAY_LEN(states); i++) {
        bool ends = strcmp(states[i].active, "active watch") != 0;

        assert_int_equal(vertex_status_is_ended(states[i].status), ends);
        for (int stop = LAUNCH_STOP_NONE; stop <= LAUNCH_STOP_USER; stop++) {
            for (int cause = 0; ends && cause < CAUSE_COUNT; cause++) {
                const struct launch_view v = { .phase = stop ? LAUNCH_STOPPING : LAUNCH_ACTIVE,
                                               .attempt = 1,
                                               .stop = stop,
                                               .limits = { .rungs = 2, .max_resumes = 1 } };
                const struct launch_event ev = { .kind = LAUNCH_EV_STATUS,
                                                 .status = states[i].status,
                                                 .cause = cause };
                struct launch_step s = launch_next(&v, &ev, 0.5);

                if (launch_phase_holds_slot(s.phase, s.cause))
                    fail_msg("%s for %s with stop %d keeps its slot in %s", states[i].name,
                             launch_cause_name(cause), stop, launch_phase_name(s.phase));
            }
        }
    }
}

/* --- a job that is in one state for ever ---------------------------------------------------------------- */

enum { PATIENCE = 3, STEPS_MAX = 60 };

/* A world in which the job says @status whenever asked. It is waited for @PATIENCE times, then its time is
 * over, and after as many cancels it is deleted by hand. */
struct world {
    enum vertex_status status;
    int watched, cancelled, probed;
};

static struct launch_event answer(struct world *w, const struct launch_step *s)
{
    struct launch_event ev = { .status = w->status, .cause = CAUSE_PROGRAM };

    switch (s->act) {
    case LAUNCH_ACT_RESOLVE:
        ev.kind = LAUNCH_EV_RESOLVED;
        break;
    case LAUNCH_ACT_SUBMIT:
        ev.kind = LAUNCH_EV_SUBMIT_OK;
        break;
    case LAUNCH_ACT_PROBE:
        ev.kind = ++w->probed > 1 ? LAUNCH_EV_PROBE_FOUND : LAUNCH_EV_PROBE_NONE;
        break;
    case LAUNCH_ACT_WATCH:
        ev.kind = ++w->watched > PATIENCE ? LAUNCH_EV_STOP_ASKED : LAUNCH_EV_STATUS;
        ev.stop = LAUNCH_STOP_DEADLINE;
        break;
    case LAUNCH_ACT_CANCEL:
        ev.kind = ++w->cancelled > PATIENCE ? LAUNCH_EV_GONE : LAUNCH_EV_STATUS;
        break;
    case LAUNCH_ACT_REPORT:
        ev.kind = LAUNCH_EV_REPORT_OK;
        break;
    case LAUNCH_ACT_WAIT:
    case LAUNCH_ACT_NONE: /* of a cancel under way: its time is over */
        ev.kind = LAUNCH_EV_WAIT_OVER;
        break;
    }
    return ev;
}

/* Steps from @ph to REPORTED; -1: it does not get there. */
static int steps_to_the_end(enum launch_phase ph, enum vertex_status status)
{
    struct launch_view v = { .phase = ph, .attempt = 1, .has_vertex_job = ph >= LAUNCH_ACTIVE };
    struct world w = { .status = status };
    struct launch_event ev = { .kind = LAUNCH_EV_RECOVERED };

    if (ph == LAUNCH_STOPPING)
        v.stop = LAUNCH_STOP_USER;
    for (int i = 0; i < STEPS_MAX; i++) {
        struct launch_step s;

        if (v.phase == LAUNCH_REPORTED)
            return i;
        s = launch_next(&v, &ev, 0.5);
        assert_true(launch_phase_may_move(v.phase, s.phase));
        assert_true(s.wait_ms >= 0);
        if (s.act == LAUNCH_ACT_WAIT || s.act == LAUNCH_ACT_CANCEL)
            assert_true(s.wait_ms < 3600 * 1000);
        v = (struct launch_view){ .phase = s.phase,
                                  .attempt = v.attempt + s.new_attempt,
                                  .retries = s.retries,
                                  .probes = s.probes,
                                  .stop = s.stop,
                                  .probe_needed = s.probe_needed,
                                  .at = s.at };
        ev = answer(&w, &s);
    }
    return -1;
}

static void no_state_holds_a_slot_for_ever_wherever_the_launch_is(void **state)
{
    for (size_t i = 0; i < ARRAY_LEN(states); i++)
        for (int ph = 0; ph < LAUNCH_PHASE_COUNT; ph++)
            if (steps_to_the_end(ph, states[i].status) < 0)
                fail_msg("%s with a job in %s for ever does not end", launch_phase_name(ph), states[i].name);
}

static void each_reason_to_stop_ends_a_job_in_each_state(void **state)
{
    for (size_t i = 0; i < ARRAY_LEN(states); i++) {
        for (int stop = LAUNCH_STOP_NOT_STARTED; stop <= LAUNCH_STOP_USER; stop++) {
            struct launch_view v = { .phase = LAUNCH_ACTIVE, .attempt = 1 };
            const struct launch_event asked = { .kind = LAUNCH_EV_STOP_ASKED, .stop = stop };
            const struct launch_event over = { .kind = LAUNCH_EV_WAIT_OVER };
            struct launch_step s = launch_next(&v, &asked, 0.5);

            assert_int_equal(s.act, LAUNCH_ACT_CANCEL);
            assert_int_equal(s.phase, LAUNCH_STOPPING);
            assert_int_equal(s.stop, stop);
            if (vertex_status_is_ended(states[i].status))
                continue;
            v.phase = s.phase;
            v.stop = s.stop;
            assert_int_equal(say(&v, states[i].number).act, LAUNCH_ACT_NONE);
            assert_int_equal(launch_next(&v, &over, 0.5).act, LAUNCH_ACT_CANCEL); /* until it obeys */
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_state_is_read_by_name_and_by_number),
        cmocka_unit_test(each_state_means_the_same_by_name_and_number_in_every_phase),
        cmocka_unit_test(what_has_ended_holds_no_slot_from_that_moment_on),
        cmocka_unit_test(no_state_holds_a_slot_for_ever_wherever_the_launch_is),
        cmocka_unit_test(each_reason_to_stop_ends_a_job_in_each_state),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
