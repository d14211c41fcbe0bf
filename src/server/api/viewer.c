/* server/api/viewer.c: who asks, and what the server is. */
#include "server/api/api.h"

int resolve_viewer(struct gql_call *c, const struct jval **ret, struct err *e)
{
    *ret = user_object(c->a, &caller_of(c)->user);
    return 0;
}

/* What newer clients may ask for when the server says so. */
static const char *const features[] = {
    "LARGE_FILENAMES",
    "ARTIFACT_TAGS",
    "CLIENT_IDS",
    "ARTIFACT_COLLECTION_MEMBERSHIP_FILES",
    "ARTIFACT_COLLECTION_MEMBERSHIP_FILE_DOWNLOAD_HANDLER",
    "ARTIFACT_MEMBERSHIP_IN_LINK_ARTIFACT_RESPONSE",
    "USE_ARTIFACT_WITH_ENTITY_AND_PROJECT_INFORMATION",
    "PROJECT_ARTIFACT_COLLECTION_MEMBERSHIP",
    "TOTAL_COUNT_IN_FILE_CONNECTION",
    "ARTIFACT_V2_DOWNLOAD_HANDLER_SUPPORTS_ARTIFACT_ID",
};

static struct jval *feature_list(struct arena *a)
{
    struct jval *list = jval_new_array(a);

    for (size_t i = 0; i < ARRAY_LEN(features); i++) {
        struct jval *o = jval_new_object(a);

        jval_set_cstr(a, o, "name", features[i]);
        jval_set_bool(a, o, "isEnabled", true);
        jval_push(a, list, o);
    }
    return list;
}

int resolve_server_info(struct gql_call *c, const struct jval **ret, struct err *e)
{
    struct jval *o = jval_new_object(c->a), *cli = jval_new_object(c->a);

    /* The highest client release that this server was tried with; clients only warn about it. */
    jval_set_cstr(c->a, cli, "max_cli_version", "0.31.0");
    jval_set(c->a, o, "cliVersionInfo", cli);
    jval_set(c->a, o, "features", feature_list(c->a));
    jval_set_cstr(c->a, o, "slipwayVersion", SLIPWAY_VERSION);
    *ret = o;
    return 0;
}

int resolve_entity(struct gql_call *c, const struct jval **ret, struct err *e)
{
    struct store_entity entity = { 0 };
    int rc = find_entity_arg(c, "name", &entity, e);

    if (rc == 0)
        *ret = entity_object(c->a, &entity);
    return rc == -ERR_NOT_FOUND ? 0 : rc; /* null: clients have their own words for it */
}

int resolve_user_api_keys(struct gql_call *c, const struct jval **ret, struct err *e)
{
    struct str name = jval_str(jval_get(c->parent, "username"));
    struct connection list = connection_begin(c->a);
    struct store_key *keys = NULL;
    size_t len = 0;
    int rc = 0;

    if (parent_int(c, "$id") == caller_of(c)->user.id) /* only one's own */
        rc = store_key_list(store_of(c), c->a, name, &keys, &len, e);

    if (rc < 0)
        return rc;
    for (size_t i = 0; i < len; i++) {
        struct jval *o = jval_new_object(c->a);

        if (keys[i].revoked_unix_ms > 0)
            continue;
        set_text(c->a, o, "id", global_id(c->a, arena_printf(c->a, "ApiKey:%lld", (long long)keys[i].id)));
        set_text(c->a, o, "name", keys[i].prefix);
        set_text(c->a, o, "description", keys[i].name);
        jval_set(c->a, o, "createdAt", time_value(c->a, keys[i].created_unix_ms));
        jval_set(c->a, o, "lastUsedAt", time_value(c->a, keys[i].last_used_unix_ms));
        jval_set(c->a, o, "expiresAt", time_value(c->a, keys[i].expires_unix_ms));
        connection_add(&list, o, keys[i].id);
    }
    *ret = connection_end(&list, false);
    return 0;
}

/* Of another user those teams that the caller may see. */
static int may_see(struct gql_call *c, int64_t entity_id, bool *ret, struct err *e)
{
    const struct store_user *me = &caller_of(c)->user;
    enum store_role role = ROLE_ADMIN;
    int rc = 0;

    if (!me->admin && parent_int(c, "$id") != me->id)
        rc = store_role_in(store_of(c), me->id, entity_id, &role, e);
    *ret = role != ROLE_NONE;
    return rc;
}

int resolve_user_teams(struct gql_call *c, const struct jval **ret, struct err *e)
{
    struct connection list = connection_begin(c->a);
    struct store_entity *teams = NULL;
    size_t len = 0;
    bool seen = false;
    int rc = store_user_teams(store_of(c), c->a, parent_int(c, "$id"), &teams, &len, e);

    for (size_t i = 0; rc == 0 && i < len; i++) {
        rc = may_see(c, teams[i].id, &seen, e);
        if (rc == 0 && seen)
            connection_add(&list, entity_object(c->a, &teams[i]), teams[i].id);
    }
    if (rc < 0)
        return rc;
    *ret = connection_end(&list, false);
    return 0;
}
