/* The phases as a machine: which moves there are, that every event has an answer, and how long waits are. */
#include "launch/phase.h"

#include "../test.h"

#include <stdio.h>

/* Rows: from; columns: to, in the order of enum launch_phase. x: may move, and no other may. */
static const char *const moves[LAUNCH_PHASE_COUNT] = {
    /*              LRBSWASFFSPR */
    /* leased     */ "xxxx.xx.xx..",
    /* resolved   */ ".xxx.xx.xx..",
    /* building   */ "..xx.xx.xx..",
    /* submitting */ "...xxxx.xx..",
    /* waiting    */ "...xxxx.xx..",
    /* active     */ "....xxxxxxx.",
    /* stopping   */ "....x.xxxxx.",
    /* finished   */ ".......x...x",
    /* failed     */ "........x..x",
    /* stopped    */ ".........x.x",
    /* preempted  */ "..........xx",
    /* reported   */ "...........x",
};

static void the_moves_are_those_of_the_table(void **state)
{
    for (int from = 0; from < LAUNCH_PHASE_COUNT; from++)
        for (int to = 0; to < LAUNCH_PHASE_COUNT; to++)
            if (launch_phase_may_move(from, to) != (moves[from][to] == 'x'))
                fail_msg("%s -> %s", launch_phase_name(from), launch_phase_name(to));
}

static void an_ended_launch_is_reported_and_nothing_else(void **state)
{
    for (int from = LAUNCH_FINISHED; from < LAUNCH_PHASE_COUNT; from++) {
        assert_true(launch_phase_is_ended(from));
        for (int to = 0; to < LAUNCH_PHASE_COUNT; to++)
            if (to != from)
                assert_int_equal(launch_phase_may_move(from, to),
                                 to == LAUNCH_REPORTED && from != LAUNCH_REPORTED);
    }
}

/* --- every event in every phase ---------------------------------------------------------------------------
 */

/* A small generator: the same views in every run. */
static uint32_t draw(uint64_t *seed, uint32_t below)
{
    *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)((*seed >> 33) % below);
}

static struct launch_view any_view(uint64_t *seed, enum launch_phase ph)
{
    return (struct launch_view){
        .phase = ph,
        .attempt = draw(seed, 3),
        .retries = draw(seed, 40),
        .probes = draw(seed, 3),
        .stop = draw(seed, LAUNCH_STOP_USER + 1),
        .has_vertex_job = draw(seed, 2),
        .probe_needed = draw(seed, 2),
        .taken_over = draw(seed, 2),
        .at = { .rung = draw(seed, 4),
                .round = draw(seed, 3),
                .resumes = draw(seed, 3),
                .out = draw(seed, 8) },
        .limits = { .rungs = draw(seed, 5), .rounds = draw(seed, 3), .max_resumes = draw(seed, 3) }
    };
}

static void check_step(const struct launch_view *v, const struct launch_event *ev,
                       const struct launch_step *s)
{
    if (!launch_phase_may_move(v->phase, s->phase))
        fail_msg("%s -> %s on event %d", launch_phase_name(v->phase), launch_phase_name(s->phase), ev->kind);
    assert_in_range(s->act, LAUNCH_ACT_NONE, LAUNCH_ACT_REPORT);
    assert_true(s->cause < CAUSE_COUNT);
    if (s->phase != v->phase && s->phase != LAUNCH_REPORTED) /* a move is never without something to do */
        assert_int_not_equal(s->act, LAUNCH_ACT_NONE);
    if (s->act != LAUNCH_ACT_WAIT && s->act != LAUNCH_ACT_CANCEL)
        assert_int_equal(s->wait_ms, 0);
    if (s->phase != v->phase || s->act != LAUNCH_ACT_NONE)
        return;
    assert_int_equal(s->at.rung, v->at.rung); /* nothing new: nothing is forgotten */
    assert_int_equal(s->at.round, v->at.round);
    assert_int_equal(s->at.resumes, v->at.resumes);
    assert_int_equal(s->at.out, v->at.out);
    assert_int_equal(s->retries, v->retries);
    assert_int_equal(s->probes, v->probes);
    assert_int_equal(s->probe_needed, v->probe_needed);
    assert_true(s->stop >= v->stop);
}

static void every_event_has_an_answer_in_every_phase(void **state)
{
    uint64_t seed = 1;

    for (int ph = 0; ph < LAUNCH_PHASE_COUNT; ph++) {
        for (int kind = 0; kind < LAUNCH_EV_COUNT; kind++) {
            for (int i = 0; i < 500; i++) {
                const struct err e = { .code = draw(&seed, ERR_COUNT_), .retry_after_ms = draw(&seed, 2000) };
                const struct launch_view v = any_view(&seed, ph);
                const struct launch_event ev = { .kind = kind,
                                                 .status = draw(&seed, VERTEX_PARTIALLY_SUCCEEDED + 1),
                                                 .cause = draw(&seed, CAUSE_COUNT),
                                                 .stop = draw(&seed, LAUNCH_STOP_USER + 1),
                                                 .err = e.code ? &e : NULL,
                                                 .answer_lost = draw(&seed, 2) };
                const struct launch_step s = launch_next(&v, &ev, draw(&seed, 1000) / 1000.0);

                check_step(&v, &ev, &s);
            }
        }
    }
}

static void an_event_that_nobody_knows_changes_nothing(void **state)
{
    for (int ph = 0; ph < LAUNCH_PHASE_COUNT; ph++) {
        for (int kind = LAUNCH_EV_COUNT; kind < LAUNCH_EV_COUNT + 2; kind++) {
            const struct launch_view v = { .phase = ph, .retries = 3, .at.rung = 1 };
            const struct launch_event ev = { .kind = kind };
            struct launch_step s = launch_next(&v, &ev, 0.5);

            assert_int_equal(s.phase, ph);
            assert_int_equal(s.act, LAUNCH_ACT_NONE);
            assert_int_equal(s.retries, 3);
            assert_int_equal(s.at.rung, 1);
        }
    }
}

/* --- waits ------------------------------------------------------------------------------------------------
 */

static void waits_double_from_their_least_to_their_most(void **state)
{
    static const struct {
        int64_t (*delay_ms)(uint32_t attempt, const struct err *e, double random_unit);
        int64_t min, max;
    } rows[] = { { retry_delay_ms, 1000, 60000 }, { capacity_delay_ms, 30000, 600000 } };
    static const struct err no_hint = { .code = ERR_REMOTE };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int64_t want = rows[i].min;

        for (uint32_t attempt = 0; attempt < 70; attempt++) {
            assert_int_equal(rows[i].delay_ms(attempt, NULL, 0), want / 2);
            assert_int_equal(rows[i].delay_ms(attempt, &no_hint, 0.5), want / 2 + want / 4);
            assert_int_equal(rows[i].delay_ms(attempt, NULL, 1), want);
            want = want * 2 < rows[i].max ? want * 2 : rows[i].max;
        }
        assert_int_equal(rows[i].delay_ms(UINT32_MAX, NULL, 1), rows[i].max);
    }
}

static void a_time_to_come_again_is_kept_to_the_millisecond(void **state)
{
    static const uint32_t hints[] = { 1, 999, 13500, 3600 * 1000 };

    for (size_t i = 0; i < ARRAY_LEN(hints); i++) {
        const struct err e = { .code = ERR_THROTTLED, .retry_after_ms = hints[i] };

        for (uint32_t attempt = 0; attempt < 12; attempt++) {
            for (int rnd = 0; rnd < 3; rnd++) {
                assert_int_equal(retry_delay_ms(attempt, &e, rnd / 2.0), hints[i]);
                assert_int_equal(capacity_delay_ms(attempt, &e, rnd / 2.0), hints[i]);
            }
        }
    }
}

static void the_hint_decides_how_long_each_failed_act_waits(void **state)
{
    static const struct {
        enum launch_phase phase;
        enum launch_event_kind kind;
        enum err_code code;
        const char *text;
        enum launch_phase waits_in;
    } rows[] = {
        { LAUNCH_LEASED, LAUNCH_EV_REFUSED, ERR_THROTTLED, "", LAUNCH_LEASED },
        { LAUNCH_RESOLVED, LAUNCH_EV_REFUSED, ERR_REMOTE, "", LAUNCH_RESOLVED },
        { LAUNCH_SUBMITTING, LAUNCH_EV_SUBMIT_ERR, ERR_THROTTLED, "RATE_LIMIT_EXCEEDED", LAUNCH_WAITING },
        { LAUNCH_SUBMITTING, LAUNCH_EV_SUBMIT_ERR, ERR_THROTTLED, "exceed quota limits: x", LAUNCH_WAITING },
        { LAUNCH_SUBMITTING, LAUNCH_EV_SUBMIT_ERR, ERR_CONFLICT, "ABORTED", LAUNCH_WAITING },
        { LAUNCH_SUBMITTING, LAUNCH_EV_SUBMIT_ERR, ERR_AUTH, "token", LAUNCH_WAITING },
        { LAUNCH_SUBMITTING, LAUNCH_EV_SUBMIT_ERR, ERR_REMOTE, "503", LAUNCH_WAITING },
        { LAUNCH_SUBMITTING, LAUNCH_EV_PROBE_ERR, ERR_THROTTLED, "", LAUNCH_SUBMITTING },
        { LAUNCH_STOPPING, LAUNCH_EV_CANCEL_ERR, ERR_THROTTLED, "", LAUNCH_STOPPING },
        { LAUNCH_FINISHED, LAUNCH_EV_REPORT_ERR, ERR_THROTTLED, "", LAUNCH_FINISHED },
        { LAUNCH_PREEMPTED, LAUNCH_EV_REPORT_ERR, ERR_REMOTE, "", LAUNCH_PREEMPTED },
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct err e = { .code = rows[i].code, .retry_after_ms = 98765 };
        const struct launch_view v = {
            .phase = rows[i].phase, .attempt = 1, .probe_needed = true, .retries = i
        };
        const struct launch_event ev = { .kind = rows[i].kind, .err = &e };
        struct launch_step s;

        snprintf(e.msg, sizeof(e.msg), "%s", rows[i].text);
        s = launch_next(&v, &ev, 0.1);
        assert_int_equal(s.phase, rows[i].waits_in);
        assert_int_equal(s.act, LAUNCH_ACT_WAIT);
        assert_int_equal(s.wait_ms, 98765);
        assert_int_equal(s.retries, i + 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_moves_are_those_of_the_table),
        cmocka_unit_test(an_ended_launch_is_reported_and_nothing_else),
        cmocka_unit_test(every_event_has_an_answer_in_every_phase),
        cmocka_unit_test(an_event_that_nobody_knows_changes_nothing),
        cmocka_unit_test(waits_double_from_their_least_to_their_most),
        cmocka_unit_test(a_time_to_come_again_is_kept_to_the_millisecond),
        cmocka_unit_test(the_hint_decides_how_long_each_failed_act_waits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
