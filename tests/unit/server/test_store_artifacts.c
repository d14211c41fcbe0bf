/* server/store: artifacts; every implementation passes this. */
#include "store.h"

static struct store_new_artifact new_artifact(struct store *s, struct world *w, const char *digest)
{
    struct store_entity entity = { 0 };
    struct store_new_project n = { .name = STR("demo"), .now_unix_ms = T0 };
    struct store_project project = { 0 };
    struct err e = { 0 };
    bool made = false;

    must(store_entity_by_name(s, w->a, STR("ann"), &entity, &e), &e);
    n.entity_id = entity.id;
    must(store_project_ensure(s, w->a, &n, &project, &made, &e), &e);
    return (struct store_new_artifact){ .project_id = project.id,
                                        .type = STR("dataset"),
                                        .collection = STR("things"),
                                        .digest = str_of(digest),
                                        .client_id = str_of(arena_printf(w->a, "client %s", digest)),
                                        .aliases = STR("[\"best\"]"),
                                        .tags = STR("[\"red\"]"),
                                        .ttl_s = -1,
                                        .history_step = 7,
                                        .has_history_step = true,
                                        .dedup = true,
                                        .user_id = 1,
                                        .now_unix_ms = T0 };
}

static struct store_artifact artifact_made(struct store *s, struct world *w,
                                           const struct store_new_artifact *n)
{
    struct store_artifact made = { 0 };
    struct str latest = { 0 };
    struct err e = { 0 };

    must(store_artifact_create(s, w->a, n, &made, &latest, &e), &e);
    return made;
}

#define MD5 "900150983cd24fb0d6963f7d28e17f72"
#define SHA "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

/* One file, and the manifest that names it, promised, arrived and committed. */
static void artifact_filled(struct store *s, struct world *w, const struct store_artifact *t)
{
    const struct store_new_file files[] = { { .name = STR("a/f"), .md5 = STR(MD5) },
                                            { .is_manifest = true, .name = STR("m"), .md5 = STR("") } };
    const struct store_declare d = { .artifact_id = t->id, .files = files, .len = 2, .now_unix_ms = T0 };
    const struct store_blob blob = { STR(SHA), 3 };
    const struct store_entry entry = {
        .path = STR("a/f"), .digest = STR("x"), .size_bytes = 3, .sha256 = STR(SHA), .birth_uid = t->uid
    };
    const struct store_commit m = {
        .artifact_id = t->id, .entries = &entry, .len = 1, .now_unix_ms = T0 + 1
    };
    struct store_artifact_file *made = NULL, file = { 0 };
    struct err e = { 0 };

    must(store_artifact_declare(s, w->a, &d, &made, &e), &e);
    must(store_artifact_file_by_id(s, w->a, made[0].id, &file, &e), &e);
    assert_true(str_is(file.name, "a/f") && str_is(file.md5, MD5) && file.is_here == made[0].is_here);
    must(store_artifact_file_arrived(s, made[0].id, STR(MD5), &blob, &e), &e);
    assert_int_equal(store_artifact_file_arrived(s, made[0].id, STR(SHA), &blob, NULL), -ERR_CONFLICT);
    must(store_artifact_declare(s, w->a, &d, &made, &e), &e);
    assert_true(made[0].is_here && !made[1].is_here); /* once in the project is enough */
    must(store_artifact_commit(s, &m, &e), &e);
    must(store_artifact_commit(s, &m, &e), &e); /* repeated */
    assert_int_equal(store_artifact_declare(s, w->a, &d, &made, NULL), -ERR_CONFLICT);
}

static void artifacts_test(struct world *w)
{
    AUTO_PTR(store) s = open_store(w);
    struct store_new_artifact n;
    struct store_artifact first, second, found = { 0 };
    struct store_collection things = { 0 };
    struct store_member member = { 0 }, *members = NULL;
    struct store_entry *entries = NULL;
    struct str latest = { 0 }, path = STR("a/f");
    struct err e = { 0 };
    size_t len = 0;
    int64_t count = 0;

    (void)add_user(s, w, "ann");
    n = new_artifact(s, w, "d1");
    first = artifact_made(s, w, &n);
    assert_int_equal(first.state, ARTIFACT_PENDING);
    assert_int_equal(artifact_made(s, w, &n).id, first.id); /* the same client asks twice */
    assert_true(first.has_history_step && first.history_step == 7 && first.ttl_s == -1 &&
                first.version == -1);
    artifact_filled(s, w, &first);
    n.client_id = STR("another");
    must(store_artifact_create(s, w->a, &n, &found, &latest, &e), &e);
    assert_true(found.id == first.id && found.state == ARTIFACT_COMMITTED && str_eq(latest, first.uid));
    n.dedup = false;
    assert_int_not_equal(artifact_made(s, w, &n).id, first.id);
    n.type = STR("model");
    assert_int_equal(store_artifact_create(s, w->a, &n, &found, &latest, NULL), -ERR_CONFLICT);

    n = new_artifact(s, w, "d2");
    n.ttl_s = 60;
    second = artifact_made(s, w, &n);
    assert_int_equal(second.ttl_s, 60);
    artifact_filled(s, w, &second);
    must(store_collection_by_name(s, w->a, n.project_id, STR("things"), &things, &e), &e);
    assert_true(str_is(things.type, "dataset") && str_is(things.entity_name, "ann"));
    must(store_member_by_alias(s, w->a, things.id, STR("best"), &member, &e), &e); /* it moved */
    assert_int_equal(member.version, 1);
    must(store_member_by_alias(s, w->a, things.id, STR("v0"), &member, &e), &e);
    assert_int_equal(member.artifact.id, first.id);
    assert_int_equal(member.artifact.size_bytes, 3);
    must(store_member_list(s, w->a,
                           &(struct store_member_query){ .collection_id = things.id, .page = { .first = 9 } },
                           &members, &len, &e),
         &e);
    assert_int_equal(len, 2);
    assert_int_equal(members[0].artifact.id, second.id);
    must(
        store_collection_count(s, &(struct store_collection_query){ .project_id = n.project_id }, &count, &e),
        &e);
    assert_int_equal(count, 1);
    must(store_entry_list(
             s, w->a, &(struct store_entry_query){ .artifact_id = first.id, .paths = &path, .path_count = 1 },
             &entries, &len, &e),
         &e);
    assert_true(len == 1 && str_is(entries[0].sha256, SHA) && str_eq(entries[0].birth_uid, first.uid));
    must(store_artifact_by_client_id(s, w->a, STR("client d2"), &found, &e), &e);
    assert_int_equal(found.id, second.id);
}

static void an_artifact_is_made_filled_and_committed_once(void **state)
{
    world_run(artifacts_test);
}

static void artifact_changes_test(struct world *w)
{
    AUTO_PTR(store) s = open_store(w);
    const struct store_by by = { STR("tests"), T0 + 9 };
    struct store_new_artifact n;
    struct store_artifact t, found = { 0 };
    struct store_alias alias = { .alias = STR("good") };
    struct store_alias_row *rows = NULL;
    struct store_member_query used = { .used_by_run_id = 5, .page = { .first = 9 } };
    struct store_member *members = NULL;
    struct err e = { 0 };
    int64_t *runs = NULL, count = 0;
    size_t len = 0;

    (void)add_user(s, w, "ann");
    n = new_artifact(s, w, "d1");
    t = artifact_made(s, w, &n);
    artifact_filled(s, w, &t);
    must(store_artifact_update(s,
                               &(struct store_artifact_change){ .artifact_id = t.id,
                                                                .description = STR("words"),
                                                                .metadata = STR("{\"a\":1}"),
                                                                .ttl_s = 5,
                                                                .now_unix_ms = T0 + 2 },
                               &e),
         &e);
    must(store_artifact_by_uid(s, w->a, t.uid, &found, &e), &e);
    assert_true(str_is(found.description, "words") && str_is(found.tags, "[\"red\"]") && found.ttl_s == 5);
    alias.artifact_id = t.id;
    alias.collection_id = t.collection_id;
    must(store_alias_set(s, &alias, 1, &e), &e);
    must(store_alias_list(s, w->a, &alias, &rows, &len, &e), &e);
    assert_int_equal(len, 4); /* v0 latest best good */
    must(store_alias_remove(s, &alias, 1, &e), &e);
    alias.collection_id = 999;
    assert_int_equal(store_alias_set(s, &alias, 1, NULL), -ERR_NOT_FOUND);
    must(store_run_use(s, &(struct store_use){ .run_id = 5, .artifact_id = t.id, .now_unix_ms = T0 }, &e),
         &e);
    must(store_run_use(s, &(struct store_use){ .run_id = 5, .artifact_id = t.id, .now_unix_ms = T0 }, &e),
         &e);
    must(store_artifact_users(s, w->a, t.id, &runs, &len, &e), &e);
    assert_true(len == 1 && runs[0] == 5);
    must(store_member_list(s, w->a, &used, &members, &len, &e), &e);
    must(store_member_count(s, &used, &count, &e), &e);
    assert_true(len == 1 && count == 1);
    used.seen_by = add_user(s, w, "bob"); /* who is not in its entity */
    must(store_member_list(s, w->a, &used, &members, &len, &e), &e);
    must(store_member_count(s, &used, &count, &e), &e);
    assert_true(len == 0 && count == 0);
    assert_int_equal(store_artifact_delete(s, t.id, false, &by, NULL), -ERR_CONFLICT);
    must(store_artifact_delete(s, t.id, true, &by, &e), &e);
    must(store_artifact_by_uid(s, w->a, t.uid, &found, &e), &e);
    assert_int_equal(found.state, ARTIFACT_DELETED);
    t = artifact_made(s, w, &n);
    assert_int_equal(t.state, ARTIFACT_PENDING);
    artifact_filled(s, w, &t);
    must(store_artifact_by_uid(s, w->a, t.uid, &found, &e), &e);
    assert_int_equal(found.version, 1); /* a number is not used twice */
}

static size_t dropped(struct store *s, struct world *w, int64_t now_unix_ms)
{
    struct str *list = NULL;
    size_t len = 0;
    struct err e = { 0 };

    must(store_dropped_list(s, w->a, &(struct store_dropped_query){ STR(""), now_unix_ms }, &list, &len, &e),
         &e);
    return len;
}

static void expected_bytes(struct world *w)
{
    AUTO_PTR(store) s = open_store(w);
    const struct str key = STR("5feceb66ffc86f38d952786c6d696c79c2dbc239dd4e91b46729d73a27fb57e9");
    struct store_new_artifact n;
    struct store_artifact t;
    struct store_artifact_file *files = NULL;
    const struct store_new_file file = { .name = STR("f"), .md5 = STR("m1") };
    const struct store_blob blob = { .sha256 = key, .size_bytes = 1 };
    struct store_declare d = { .files = &file, .len = 1, .now_unix_ms = T0 };
    bool good = false, doomed = false;
    struct err e = { 0 };

    (void)add_user(s, w, "ann");
    n = new_artifact(s, w, "d1");
    t = artifact_made(s, w, &n);
    d.artifact_id = t.id;
    must(store_artifact_declare(s, w->a, &d, &files, &e), &e);
    must(store_blob_expect(s, key, T0 + 100, &good, &e), &e);
    assert_true(good && dropped(s, w, T0 + 99) == 0 && dropped(s, w, T0 + 100) == 1);

    must(store_blob_doom(s, key, &doomed, &e), &e);
    must(store_blob_expect(s, key, T0 + 200, &good, &e), &e);
    assert_true(doomed && !good);
    assert_int_equal(store_artifact_file_arrived(s, files[0].id, file.md5, &blob, NULL), -ERR_STORE);

    must(store_dropped_forget(s, key, &e), &e);
    must(store_artifact_file_arrived(s, files[0].id, file.md5, &blob, &e), &e);
    must(store_blob_doom(s, key, &doomed, &e), &e);
    assert_false(doomed);
}

static void bytes_that_are_removed_take_no_name_and_expected_ones_have_their_time(void **state)
{
    world_run(expected_bytes);
}

static void an_artifact_is_changed_used_and_deleted(void **state)
{
    world_run(artifact_changes_test);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_artifact_is_made_filled_and_committed_once),
        cmocka_unit_test(bytes_that_are_removed_take_no_name_and_expected_ones_have_their_time),
        cmocka_unit_test(an_artifact_is_changed_used_and_deleted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
