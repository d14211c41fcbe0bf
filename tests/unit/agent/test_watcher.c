/* How many reads it takes to see how jobs go on: the watcher alone, in the simulator, over a table of
 * launches and a Vertex AI in memory. */
#include "../test.h"

#include <stdio.h>

#include "agent/agent_internal.h"
#include "fake_google.h"
#include "io/sim.h"
#include "launch/render.h"

enum { OTHERS = 500 };

static struct test {
    char dir[FOLDER_SIZE];
    void (*story)(struct agent *a);
    size_t jobs;
    /* as it was when the story was over */
    size_t ended;
    int gets, lists, calm_lists;
    bool ran;
} t;

static void add_launch(struct agent *a, int64_t now_ms)
{
    AUTO_PTR(arena) arena = arena_new();
    const char *request = arena_printf(arena, "{\"labels\":{\"" LABEL_AGENT "\":\"%.*s\"}}",
                                       STR_ARG(journal_agent_label(a->journal)));
    const struct vertex_place where = { STR("p"), STR("us-central1"), false };
    struct vertex_job job = { 0 };
    struct launch *l;
    struct launch_row row = { .item = str_of(arena_printf(arena, "item%zu", a->launches.len)),
                              .queue = STR("q"),
                              .run_id = STR("r"),
                              .gcp_project = where.gcp_project,
                              .region = where.region,
                              .phase = LAUNCH_ACTIVE,
                              .submitted_at_ms = now_ms };

    must(vertex_create(NULL, arena, &where, str_of(request), &job, NULL), NULL);
    row.vertex_job = job.name;
    row.vertex_status = STR("JOB_STATE_PENDING");
    l = launch_new(a, &row);
    l->parked = true;
    agent_start_launch(a, l);
    l->parked = false; /* nobody reads its mail */
}

static bool has_mail(const struct launch *l)
{
    return l->seen_fresh && l->seen == VERTEX_SUCCEEDED;
}

static void run_watcher(struct io *io, void *arg)
{
    struct agent *a = NULL;
    struct group *g = group_new(io);
    struct err e = { 0 };

    cloud.io = io;
    must(agent_new(io,
                   &(struct agent_options){ .state_dir = t.dir, .max_jobs = -1, .fast_and_unsafe_db = true },
                   &a, &e),
         &e);
    for (size_t i = 0; i < t.jobs; i++)
        add_launch(a, io_now_unix_ms(io));
    (void)!io_sleep(io, 1000, NULL);
    group_spawn(g, "watcher", watcher_run, a);
    t.story(a);
    for (size_t i = 0; i < a->launches.len; i++)
        t.ended += has_mail(a->launches.items[i]);
    t.gets = cloud.gets;
    t.lists = cloud.lists;
    group_end(g);
    agent_free(a);
    t.ran = true;
}

static void tell(size_t jobs, void (*story)(struct agent *a))
{
    struct sim *s = sim_new(5);

    t = (struct test){ .jobs = jobs, .story = story };
    memset(&cloud, 0, sizeof(cloud));
    folder_make(t.dir);
    sim_node_start(sim_node_new(s, "agent"), run_watcher, NULL);
    for (int steps = 0; !t.ran && steps < 1000000 && sim_step(s); steps++)
        continue;
    sim_free(s);
    folder_remove(t.dir);
    assert_true(t.ran);
}

static void end_jobs(int from, int count)
{
    for (int i = from; i < from + count; i++)
        cloud_set_state(i, "SUCCEEDED", NULL);
}

/* --- ends ----------------------------------------------------------------------------------------------- */

static void three_end(struct agent *a)
{
    end_jobs(2, 3);
    (void)!io_sleep(a->io, 900, NULL);
}

static void a_few_ends_are_asked_for_one_by_one(void **state)
{
    tell(30, three_end);
    assert_int_equal(t.ended, 3);
    assert_int_equal(t.lists, 1);
    assert_int_equal(t.gets, 3);
}

static void all_end(struct agent *a)
{
    end_jobs(0, (int)t.jobs);
    (void)!io_sleep(a->io, 900, NULL);
}

static void many_ends_are_told_by_a_list(void **state)
{
    tell(400, all_end);
    assert_int_equal(t.ended, 400);
    assert_int_equal(t.lists, 2);
    assert_int_equal(t.gets, 0);
}

/* The jobs of launches that are over, which such a list has to go through as well. */
static void history_ends_too(struct agent *a)
{
    for (int i = 0; i < OTHERS; i++) {
        struct launch *l = a->launches.items[0];

        launch_index_job(l, false);
        vec_remove(&a->launches, 0);
        map_remove(a->by_item, l->row.item);
        launch_free(l);
    }
    all_end(a);
    (void)!io_sleep(a->io, 3000, NULL);
}

static void a_list_that_takes_more_reads_than_it_saves_is_given_up(void **state)
{
    tell(OTHERS + 25, history_ends_too);
    assert_int_equal(t.ended, 25);
    assert_int_equal(t.gets, 25);
    assert_int_equal(cloud.told_max, 400);
}

/* --- when ----------------------------------------------------------------------------------------------- */

static void nothing_happens(struct agent *a)
{
    (void)!io_sleep(a->io, 300000, NULL);
    t.calm_lists = cloud.lists;
    (void)!io_sleep(a->io, 60000, NULL);
    t.calm_lists = cloud.lists - t.calm_lists;
}

static void a_quiet_place_is_looked_at_six_times_a_minute(void **state)
{
    tell(30, nothing_happens);
    assert_int_equal(t.calm_lists, 6);
    assert_int_equal(t.gets, 0);
}

static void something_is_about_to_happen(struct agent *a)
{
    nothing_happens(a);
    watcher_look(a->launches.items[0]);
    end_jobs(0, 1);
    (void)!io_sleep(a->io, 1200, NULL);
}

static void it_is_looked_at_within_a_second_when_something_is_about_to_happen(void **state)
{
    tell(30, something_is_about_to_happen);
    assert_int_equal(t.ended, 1);
}

/* The lists may take half of the 600 reads a minute: 14 pages, and no sweep more often than each 2.8 s. */
static void something_happens_all_the_time(struct agent *a)
{
    for (int i = 0; i < 600; i++) {
        watcher_look(a->launches.items[0]);
        (void)!io_sleep(a->io, 100, NULL);
    }
}

static void many_jobs_are_looked_at_less_often(void **state)
{
    tell(1300, something_happens_all_the_time);
    assert_in_range(t.lists, 20, 22);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_few_ends_are_asked_for_one_by_one),
        cmocka_unit_test(many_ends_are_told_by_a_list),
        cmocka_unit_test(a_list_that_takes_more_reads_than_it_saves_is_given_up),
        cmocka_unit_test(a_quiet_place_is_looked_at_six_times_a_minute),
        cmocka_unit_test(it_is_looked_at_within_a_second_when_something_is_about_to_happen),
        cmocka_unit_test(many_jobs_are_looked_at_less_often),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
