/* server: API keys: drawn and chosen, their end, and what older versions kept. */
#include "server/keys.h"

#include "api.h"
#include "base/crypto.h"
#include "base/password.h"
#include "base/secret.h"
#include "server/store/store_internal.h"

#define CHOSEN "chosen-by-a-person-0123456789-0123456789"

static struct secret *more(struct api *t, const struct admin_key_options *o, int64_t *ret_id)
{
    struct secret *key = NULL;
    struct err e = { 0 };

    must(server_key_create(t->server, o, &key, ret_id, &e), &e);
    return key;
}

static int status_of(struct api *t, const struct secret *key)
{
    int status = 0;

    (void)ask(t, key, &status, "{viewer{username}}");
    return status;
}

static void life_test(struct world *w)
{
    struct api t;
    struct admin_key_options o = { .username = "ann", .name = "laptop", .lasts_ms = 60000 };
    AUTO_PTR(secret) chosen = secret_new(STR(CHOSEN));
    struct jval *gone = NULL;
    int64_t drawn_id = 0, chosen_id = 0;
    struct err e = { 0 };

    api_open(&t, w);
    t.keys[0] = more(&t, &o, &drawn_id);
    o = (struct admin_key_options){ .username = "ann", .name = "old", .api_key = chosen };
    t.keys[1] = more(&t, &o, &chosen_id);
    for (int i = 0; i < 2; i++) { /* the second time it is remembered */
        is_text(data(&t, t.keys[0], "{viewer{username}}", "viewer.username"), "ann");
        is_text(data(&t, chosen, "{viewer{username}}", "viewer.username"), "ann");
    }
    must(io_sleep(w->io, 61000, &e), &e);
    assert_int_equal(status_of(&t, t.keys[0]), 401); /* expired */
    assert_int_equal(status_of(&t, chosen), 200);
    must(io_sleep(w->io, 10 * 60 * 1000, &e), &e); /* no longer remembered */
    assert_int_equal(status_of(&t, chosen), 200);
    must(server_key_revoke(t.server, w->a, chosen_id, &gone, &e), &e);
    assert_int_equal(status_of(&t, chosen), 401); /* remembered, but of no use */
    assert_int_equal(status_of(&t, t.ann), 200);
    api_close(&t);
}

static void each_key_has_an_end_of_its_own(void **state)
{
    world_run(life_test);
}

static void shown_test(struct world *w)
{
    const char *look = "{project(name:\"p\"){run(name:\"r\"){user{username apiKeys{edges{node{name}}}}}}"
                       "viewer{apiKeys{edges{node{name description expiresAt lastUsedAt}}}}}";
    const char *others =
        "{project(entityName:\"ann\",name:\"p\"){run(name:\"r\"){user{username apiKeys{edges{"
        "node{name}}}}}}}";
    const struct admin_key_options o = { .username = "ann", .name = "ci", .lasts_ms = 60000 };
    struct api t;
    const struct jval *edges;
    int64_t id = 0;

    api_open(&t, w);
    t.keys[0] = more(&t, &o, &id);
    (void)data(&t, t.ann, "mutation{upsertBucket(input:{name:\"r\",modelName:\"p\"}){inserted}}", "");
    edges = data(&t, t.ann, look, "viewer.apiKeys.edges");
    assert_int_equal(jval_len(edges), 2);
    is_text(jval_path(edges, "1.node.description"), "ci");
    assert_non_null(jval_str(jval_path(edges, "1.node.expiresAt")).ptr);
    assert_non_null(jval_str(jval_path(edges, "0.node.lastUsedAt")).ptr);
    assert_int_equal(jval_str(jval_path(edges, "1.node.name")).len, KEY_PREFIX_LEN);
    /* Even an admin of the server reads nobody else's keys here. */
    assert_int_equal(jval_len(data(&t, t.admin, others, "project.run.user.apiKeys.edges")), 0);
    api_close(&t);
}

static void one_sees_the_first_characters_of_ones_own_keys(void **state)
{
    world_run(shown_test);
}

static void kept_test(struct world *w)
{
    AUTO_PTR(secret) key = secret_new(STR(CHOSEN));
    AUTO_PTR(secret) weak = secret_new(STR("short"));
    const struct store_options o = place(w, "slipway");
    AUTO_PTR(store) store = NULL;
    struct keys *k = NULL;
    struct store_new_key drawn = { 0 }, chosen = { 0 };
    struct err e = { 0 };

    must(store_open(w->io, &o, &store, &e), &e);
    must(keys_new(&(struct keys_options){ .io = w->io, .store = store }, &k, &e), &e);
    assert_int_equal(keys_check(weak, &e), -ERR_INVALID);
    must(keys_keep(k, w->a, key, false, &drawn, &e), &e);
    must(keys_keep(k, w->a, key, true, &chosen, &e), &e);
    assert_int_equal(drawn.hash.len, 64);
    assert_true(str_has_prefix(chosen.hash, STR("$argon2id$v=19$m=19456,t=2,p=1$")));
    assert_true(str_is(chosen.lookup, "chosen")); /* nothing that is quick to compute from a guess */
    assert_true(str_find(chosen.hash, drawn.hash) < 0);
    assert_true(password_matches(STR(CHOSEN), arena_cstr(w->a, chosen.hash)));
    assert_false(
        password_matches(STR("chosen-by-another-0123456789-0123456789"), arena_cstr(w->a, chosen.hash)));
    keys_free(k);
}

static void a_chosen_key_is_kept_as_argon2id_and_a_drawn_one_as_a_keyed_digest(void **state)
{
    world_run(kept_test);
}

static int old_user(struct db_conn *c, void *arg, struct err *e)
{
    int rc = db_run(
        c, NULL, e,
        "INSERT INTO users (id, entity_id, username, admin, created_unix_ms) VALUES (7, 7, 'old', 0, 1)", "");

    return rc < 0 ? rc
                  : db_run(c, NULL, e,
                           "INSERT INTO api_keys (user_id, lookup, hash, prefix, created_unix_ms)"
                           " VALUES (7, ?, ?, '012345', 1)",
                           "sz", (struct str){ arg, 8 }, arg);
}

/* As the first version kept them: SHA-256, which opening the store makes a keyed digest. */
static void upgrade_test(struct world *w)
{
    const struct store_options so = place(w, "slipway");
    AUTO_PTR(secret) key = secret_new(STR("0123456789abcdefghijklmnopqrstuvwxyz0123"));
    struct store_key_found found = { 0 };
    struct store *store = NULL;
    struct keys *k = NULL;
    uint8_t sum[32];
    char hex[65];
    struct err e = { 0 };

    must(store_open(w->io, &so, &store, &e), &e);
    sha256(secret_unwrap(key), sum);
    hex_encode(sum, sizeof(sum), hex);
    must(db_write(store->db, old_user, hex, &e), &e);
    store_close(store);

    must(store_open(w->io, &so, &store, &e), &e);
    must(keys_new(&(struct keys_options){ .io = w->io, .store = store, .cheap = true }, &k, &e), &e);
    must(keys_find(k, w->a, key, &found, &e), &e);
    assert_true(str_is(found.user.username, "old"));
    assert_false(str_eq(found.key.hash, str_of(hex)));
    keys_free(k);
    store_close(store);
}

static void a_key_of_the_first_version_still_opens(void **state)
{
    world_run(upgrade_test);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_key_has_an_end_of_its_own),
        cmocka_unit_test(one_sees_the_first_characters_of_ones_own_keys),
        cmocka_unit_test(a_chosen_key_is_kept_as_argon2id_and_a_drawn_one_as_a_keyed_digest),
        cmocka_unit_test(a_key_of_the_first_version_still_opens),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
