/* server/store: what goes after which time, and what never goes; every implementation passes this. */
#include "store.h"

enum { LATER = 1000, LATE = 10000 };

struct place {
    struct store *s;
    struct world *w;
    int64_t user, entity;
};

static struct place place_open(struct world *w)
{
    struct place p = { .s = open_store(w), .w = w };
    struct store_entity entity = { 0 };
    struct err e = { 0 };

    p.user = add_user(p.s, w, "ann");
    must(store_entity_by_name(p.s, w->a, STR("ann"), &entity, &e), &e);
    p.entity = entity.id;
    return p;
}

static int64_t project(const struct place *p, const char *name)
{
    const struct store_new_project n = { .entity_id = p->entity, .name = str_of(name), .now_unix_ms = T0 };
    struct store_project found = { 0 };
    struct err e = { 0 };
    bool made = false;

    must(store_project_ensure(p->s, p->w->a, &n, &found, &made, &e), &e);
    return found.id;
}

/* With three lines and a file; its last sign of life is at T0. */
static int64_t run(const struct place *p, int64_t project_id, const char *name, bool ended)
{
    const struct store_run_upsert u = {
        .project_id = project_id, .name = str_of(name), .user_id = p->user, .now_unix_ms = T0
    };
    const struct str lines[] = { STR("{}"), STR("{}"), STR("{}") };
    const struct store_post_lines part = { RUN_HISTORY, 0, lines, 3 };
    const struct store_file file = { STR("f"), 10, T0 };
    struct store_post post = { .parts = &part, .part_count = 1, .complete = ended, .now_unix_ms = T0 };
    struct store_run r = { 0 };
    struct err e = { 0 };
    bool made = false, stop = false;

    must(store_run_upsert(p->s, p->w->a, &u, &r, &made, &e), &e);
    post.run_id = r.id;
    must(store_run_post(p->s, &post, &stop, &e), &e);
    must(store_file_put(p->s, r.id, &file, &e), &e);
    return r.id;
}

static int say(const struct place *p, const char *project_name, struct keep keep)
{
    const struct store_policy policy = { STR("ann"), str_of(project_name), keep };
    const struct store_by by = { STR("tests"), T0 };

    return store_policy_change(p->s, &policy, &by, NULL);
}

static struct store_keep keep_at(int64_t now)
{
    return (struct store_keep){ .now_unix_ms = now };
}

/* Lines that go at @now, all of them. */
static int64_t lines_gone(const struct place *p, int64_t now, int64_t by_default)
{
    struct store_keep k = keep_at(now);
    struct err e = { 0 };
    int64_t lines = 1, runs = 1, sum = 0;

    k.keep.history_ms = by_default;
    while (lines + runs > 0) {
        must(store_prune_lines(p->s, &k, &lines, &runs, &e), &e);
        sum += lines;
    }
    return sum;
}

static size_t files_due(const struct place *p, int64_t now)
{
    const struct store_keep k = keep_at(now);
    struct store_run_file *list = NULL;
    struct err e = { 0 };
    size_t len = 0;

    must(store_prune_file_list(p->s, p->w->a, &k, &list, &len, &e), &e);
    return len;
}

static size_t policies(const struct place *p, const char *project_name, struct store_policy **ret)
{
    const struct store_policy of = { .project = str_of(project_name) };
    struct err e = { 0 };
    size_t len = 0;

    must(store_policy_list(p->s, p->w->a, &of, ret, &len, &e), &e);
    return len;
}

/* --- policies --- */

static void policies_test(struct world *w)
{
    struct place p = place_open(w);
    AUTO_PTR(store) s = p.s;
    struct store_policy *list = NULL;
    struct store_audit_row *rows = NULL;
    char text[32];
    struct err e = { 0 };
    size_t len = 0, before;

    (void)project(&p, "demo");
    assert_int_equal(say(&p, "nowhere", (struct keep){ 1, 1, 1 }), -ERR_NOT_FOUND);
    assert_int_equal(say(&p, "demo", (struct keep){ -3, 1, 1 }), -ERR_INVALID);
    assert_int_equal(policies(&p, NULL, &list), 0);
    assert_int_equal(say(&p, NULL, (struct keep){ 86400000, KEEP_AS_IT_IS, KEEP_UNSAID }), 0);
    assert_int_equal(say(&p, "demo", (struct keep){ KEEP_FOR_EVER, 7200000, 1500 }), 0);
    assert_int_equal(say(&p, "demo", (struct keep){ KEEP_AS_IT_IS, KEEP_UNSAID, KEEP_AS_IT_IS }), 0);
    assert_int_equal(policies(&p, NULL, &list), 2);
    assert_true(!list[0].project.ptr && list[0].keep.history_ms == 86400000 &&
                list[0].keep.files_ms == KEEP_UNSAID);
    assert_true(str_is(list[1].project, "demo") && str_is(list[1].entity, "ann"));
    assert_string_equal(keep_text(list[1].keep.history_ms, text), "forever");
    assert_string_equal(keep_text(list[1].keep.files_ms, text), "-");
    assert_string_equal(keep_text(list[1].keep.artifacts_ms, text), "1500ms");
    assert_string_equal(keep_text(list[0].keep.history_ms, text), "1d");
    assert_int_equal(policies(&p, "demo", &list), 1);
    must(store_audit_list(p.s, w->a, (struct store_audit_query){ 1, 100 }, &rows, &len, &e), &e);
    assert_string_equal(rows[len - 1].what.ptr, "retention.set");
    assert_string_equal(rows[len - 1].object.ptr, "project ann/demo");
    assert_string_equal(rows[len - 1].detail.ptr,
                        "history forever, files 2h, artifacts 1500ms -> history forever, files -, artifacts "
                        "1500ms");
    before = len;
    assert_int_equal(say(&p, "demo", (struct keep){ KEEP_AS_IT_IS, KEEP_UNSAID, 1500 }), 0);
    must(store_audit_list(p.s, w->a, (struct store_audit_query){ 1, 100 }, &rows, &len, &e), &e);
    assert_int_equal(len, before); /* nothing was changed */
    assert_int_equal(say(&p, "demo", (struct keep){ KEEP_UNSAID, KEEP_UNSAID, KEEP_UNSAID }), 0);
    assert_int_equal(policies(&p, NULL, &list), 1);
}

static void a_policy_is_said_of_a_project_or_an_entity_and_taken_back(void **state)
{
    world_run(policies_test);
}

/* --- runs --- */

static void counted(const struct place *p, int64_t now, int64_t by_default)
{
    struct store_keep k = keep_at(now);
    struct store_prunable n = { 0 };
    const struct store_prunable_by *by;
    struct err e = { 0 };

    k.keep.history_ms = by_default;
    must(store_prunable(p->s, p->w->a, &k, &n, &e), &e);
    by = n.by[KEPT_HISTORY].items;
    assert_int_equal(n.by[KEPT_HISTORY].len, 2);
    assert_true(str_is(by[0].entity, "ann") && str_is(by[1].entity, "ann")); /* NULL is last, or first */
    assert_true(str_is(by[0].project, "short") != str_is(by[1].project, "short"));
    assert_int_equal(by[0].runs + by[1].runs, 3);
    assert_int_equal(by[0].things + by[1].things, 9);
    assert_int_equal(n.by[KEPT_FILES].len, 1);
    assert_int_equal(n.by[KEPT_FILES].items->bytes, 10);
    assert_int_equal(n.by[KEPT_FILES].items->keep_ms, 5);
}

static void runs_test(struct world *w)
{
    struct place p = place_open(w);
    AUTO_PTR(store) s = p.s;
    int64_t quick = project(&p, "short"), plain = project(&p, "plain"), kept = project(&p, "kept");

    (void)run(&p, quick, "r1", true);
    (void)run(&p, quick, "r2", false);
    (void)run(&p, plain, "r3", true);
    (void)run(&p, plain, "r4", true);
    (void)run(&p, kept, "r5", true);
    assert_int_equal(lines_gone(&p, T0 + LATE, 0), 0);
    assert_int_equal(say(&p, NULL, (struct keep){ LATER, KEEP_UNSAID, KEEP_UNSAID }), 0);
    assert_int_equal(say(&p, "short", (struct keep){ 10, 5, KEEP_UNSAID }), 0);
    assert_int_equal(say(&p, "kept", (struct keep){ KEEP_FOR_EVER, KEEP_FOR_EVER, KEEP_UNSAID }), 0);

    assert_int_equal(files_due(&p, T0 + 5), 0);
    assert_int_equal(files_due(&p, T0 + 6), 1);
    counted(&p, T0 + LATE, 1);
    assert_int_equal(lines_gone(&p, T0 + 10, 1), 0); /* not older yet */
    assert_int_equal(lines_gone(&p, T0 + 11, 1), 3); /* the project's time, and not the default */
    assert_int_equal(lines_gone(&p, T0 + LATER, 1), 0);
    assert_int_equal(lines_gone(&p, T0 + LATE, 1), 6); /* the entity's */
    assert_int_equal(lines_gone(&p, T0 + LATE, 1), 0); /* r2 lives, and of r5 all is kept */
    assert_int_equal(say(&p, "kept", (struct keep){ KEEP_UNSAID, KEEP_UNSAID, KEEP_UNSAID }), 0);
    assert_int_equal(say(&p, NULL, (struct keep){ KEEP_UNSAID, KEEP_UNSAID, KEEP_UNSAID }), 0);
    assert_int_equal(lines_gone(&p, T0 + LATE, 0), 0);
    assert_int_equal(lines_gone(&p, T0 + LATE, 1), 3); /* the default */
}

static void runs_lose_what_their_project_or_entity_does_not_keep(void **state)
{
    world_run(runs_test);
}

/* --- items and artifacts --- */

static struct store_queue queue(const struct place *p)
{
    const struct store_new_queue n = {
        .name = STR("q"), .access = STR("PROJECT"), .created_by = p->user, .entity_id = p->entity
    };
    struct store_queue q = { 0 };
    struct str uid = { 0 };
    struct err e = { 0 };

    must(store_queue_add(p->s, p->w->a, &n, &uid, &e), &e);
    must(store_queue_by_uid(p->s, p->w->a, uid, &q, &e), &e);
    return q;
}

static struct str item(const struct place *p, const struct store_queue *q, const char *spec)
{
    const struct store_new_item n = { .queue_id = q->id,
                                      .spec = str_of(spec),
                                      .pushed_by = STR("ann"),
                                      .target_entity = STR("ann"),
                                      .target_project = STR("demo"),
                                      .now_unix_ms = T0 };
    struct str uid = { 0 };
    struct err e = { 0 };

    must(store_item_push(p->s, p->w->a, &n, &uid, &e), &e);
    return uid;
}

static void item_ends(const struct place *p, struct str uid)
{
    const struct store_item_word word = {
        .uid = uid, .ev = ITEM_EV_STOP_ASKED, .who = STR("user ann"), .now_unix_ms = T0
    };
    struct err e = { 0 };

    must(store_item_tell(p->s, &word, &e), &e);
}

static int64_t version(const struct place *p, int64_t project_id, const char *type, const char *name,
                       int64_t run_id)
{
    const struct store_new_artifact n = { .project_id = project_id,
                                          .type = str_of(type),
                                          .collection = str_of(name),
                                          .digest = STR("d"),
                                          .ttl_s = -1,
                                          .run_id = run_id,
                                          .user_id = p->user,
                                          .now_unix_ms = T0 };
    struct store_artifact made = { 0 };
    struct store_commit m = { .now_unix_ms = T0 + 1 };
    struct str latest = { 0 };
    struct err e = { 0 };

    must(store_artifact_create(p->s, p->w->a, &n, &made, &latest, &e), &e);
    m.artifact_id = made.id;
    must(store_artifact_commit(p->s, &m, &e), &e);
    return made.id;
}

static size_t versions_due(const struct place *p, int64_t **ret)
{
    const struct store_keep k = keep_at(T0 + LATE);
    struct err e = { 0 };
    size_t len = 0;

    must(store_prune_version_list(p->s, p->w->a, &k, ret, &len, &e), &e);
    return len;
}

static bool version_goes(const struct place *p, int64_t id)
{
    const struct store_keep k = keep_at(T0 + LATE);
    const struct store_by by = { STR("server"), T0 + LATE };
    struct err e = { 0 };
    bool went = false;

    must(store_prune_version(p->s, id, &k, &by, &went, &e), &e);
    return went;
}

static void versions_test(struct world *w)
{
    struct place p = place_open(w);
    AUTO_PTR(store) s = p.s;
    int64_t demo = project(&p, "demo"), live = run(&p, demo, "live", false), ended = run(&p, demo, "r", true);
    int64_t first = version(&p, demo, "dataset", "things", ended);
    int64_t made = version(&p, demo, "dataset", "things", live), *list = NULL;
    int64_t used = version(&p, demo, "dataset", "things", ended);
    const struct store_use use = { .run_id = live, .artifact_id = used, .now_unix_ms = T0 };
    struct err e = { 0 };

    (void)version(&p, demo, "dataset", "things", ended); /* the latest */
    must(store_run_use(s, &use, &e), &e);
    assert_int_equal(versions_due(&p, &list), 0);
    assert_int_equal(say(&p, NULL, (struct keep){ KEEP_UNSAID, KEEP_UNSAID, LATER }), 0);
    assert_true(versions_due(&p, &list) == 1 && list[0] == first);
    assert_false(version_goes(&p, used));
    assert_true(version_goes(&p, first));
    assert_false(version_goes(&p, first));
    must(store_run_set_state(s, live, RUN_FINISHED, T0, &e), &e);
    assert_int_equal(versions_due(&p, &list), 2);
    assert_true(version_goes(&p, used) && version_goes(&p, made));
    assert_int_equal(versions_due(&p, &list), 0);
}

static void versions_go_but_for_those_that_an_alias_or_a_live_run_holds(void **state)
{
    world_run(versions_test);
}

static void jobs_test(struct world *w)
{
    struct place p = place_open(w);
    AUTO_PTR(store) s = p.s;
    struct store_queue q = queue(&p);
    int64_t demo = project(&p, "demo"), maker = run(&p, demo, "maker", true), *list = NULL;
    int64_t code = version(&p, demo, "code", "source", maker),
            job = version(&p, demo, "job", "my_job", maker);
    struct store_artifact found = { 0 };
    struct str by_name, by_uid;
    struct err e = { 0 };

    (void)version(&p, demo, "code", "source", 0);
    (void)version(&p, demo, "job", "my_job", 0);
    must(store_artifact_by_id(s, w->a, job, &found, &e), &e);
    by_name = item(&p, &q, "{\"job\":\"ann/demo/my_job:v0\"}");
    by_uid = item(&p, &q, arena_printf(w->a, "{\"job\":\"wandb-artifact://_id/%.*s\"}", STR_ARG(found.uid)));
    assert_int_equal(say(&p, "demo", (struct keep){ KEEP_UNSAID, KEEP_UNSAID, LATER }), 0);

    assert_int_equal(versions_due(&p, &list), 0);
    item_ends(&p, by_name);
    assert_int_equal(versions_due(&p, &list), 0);
    item_ends(&p, by_uid);
    assert_true(versions_due(&p, &list) == 1 &&
                list[0] == job); /* its code is needed as long as it is there */
    assert_true(version_goes(&p, job));
    assert_true(versions_due(&p, &list) == 1 && list[0] == code);
}

static void a_job_that_a_waiting_item_names_stays_and_so_does_its_code(void **state)
{
    world_run(jobs_test);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_policy_is_said_of_a_project_or_an_entity_and_taken_back),
        cmocka_unit_test(runs_lose_what_their_project_or_entity_does_not_keep),
        cmocka_unit_test(versions_go_but_for_those_that_an_alias_or_a_live_run_holds),
        cmocka_unit_test(a_job_that_a_waiting_item_names_stays_and_so_does_its_code),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
