/* server/api/artifact_links.c: artifacts as versions of portfolios, collections that no run logs into. */
#include "server/api/artifacts.h"

/* By its id, or by what its client calls it. */
static int linked_artifact(struct gql_call *c, struct store_artifact *ret, struct err *e)
{
    struct str client_id = gql_arg_str(c, "input.clientID");
    struct store_artifact found = { 0 };
    int rc;

    if (gql_arg_str(c, "input.artifactID").len > 0 || client_id.len == 0)
        return find_artifact_to(c, "read", gql_arg_str(c, "input.artifactID"), ret, e);
    rc = store_artifact_by_client_id(store_of(c), c->a, client_id, &found, e);
    if (rc < 0 && rc != -ERR_NOT_FOUND)
        return rc;
    return find_artifact_to(c, "read", found.uid, ret, e);
}

/* By its id. One that is not there is asked for as one of nobody's, which the caller is not in. */
static int find_portfolio(struct gql_call *c, struct store_collection *ret, struct err *e)
{
    const struct access q = access_of(c);
    int rc = store_collection_by_uid(store_of(c), c->a, gql_arg_str(c, "input.artifactPortfolioID"), ret, e);

    return rc < 0 && rc != -ERR_NOT_FOUND ? rc : access_entity_id(&q, ret->entity_id, "this collection", e);
}

/* Where: the portfolio's id, or its entity, project and name. */
static int link_target(struct gql_call *c, struct store_link *l, int64_t *ret_entity_id, struct err *e)
{
    struct store_collection portfolio = { 0 };
    struct store_project project = { 0 };
    int rc;

    if (gql_arg_str(c, "input.artifactPortfolioID").len > 0) {
        rc = find_portfolio(c, &portfolio, e);
        project = (struct store_project){ .id = portfolio.project_id, .entity_id = portfolio.entity_id };
    } else {
        portfolio.name = gql_arg_str(c, "input.artifactPortfolioName");
        rc = artifact_name_check(portfolio.name, "a portfolio's name", e);
        rc = rc < 0 ? rc : find_project_args(c, "input.entityName", "input.projectName", &project, e);
    }
    l->project_id = project.id;
    l->portfolio = portfolio.name;
    *ret_entity_id = project.entity_id;
    return rc;
}

static int link_payload(struct gql_call *c, const struct store_linked *made, const struct jval **ret,
                        struct err *e)
{
    struct jval *o = jval_new_object(c->a);
    struct store_member member = { 0 };
    struct str version = str_of(arena_printf(c->a, "v%lld", (long long)made->version));
    int rc = store_member_by_alias(store_of(c), c->a, made->collection_id, version, &member, e);

    if (rc < 0)
        return rc;
    jval_set_int(c->a, o, "versionIndex", made->version);
    jval_set(c->a, o, "artifactMembership", member_object(c->a, &member));
    set_text(c->a, o, "clientMutationId", gql_arg_str(c, "input.clientMutationId"));
    *ret = o;
    return 0;
}

int resolve_link_artifact(struct gql_call *c, const struct jval **ret, struct err *e)
{
    struct store_link l = { .now_unix_ms = now_of(c) };
    struct store_artifact artifact = { 0 };
    struct store_linked made = { 0 };
    int64_t entity_id = 0;
    int rc = link_target(c, &l, &entity_id, e);

    rc = rc < 0 ? rc : linked_artifact(c, &artifact, e);
    /* who may read the portfolio could not read the artifact */
    if (rc == 0 && artifact.entity_id != entity_id)
        return err_set(e, ERR_INVALID, "artifacts of '%.*s' are linked into portfolios of '%.*s' only",
                       STR_ARG(artifact.entity_name), STR_ARG(artifact.entity_name));
    rc = rc < 0 ? rc : artifact_aliases_arg(c, &l.aliases, e);
    l.artifact_id = artifact.id;
    rc = rc < 0 ? rc : store_artifact_link(store_of(c), &l, &made, e);
    return rc < 0 ? rc : link_payload(c, &made, ret, e);
}

int resolve_unlink_artifact(struct gql_call *c, const struct jval **ret, struct err *e)
{
    struct store_collection portfolio = { 0 };
    struct store_artifact artifact = { 0 };
    int rc = find_portfolio(c, &portfolio, e);

    rc = rc < 0 ? rc : find_artifact_to(c, "read", gql_arg_str(c, "input.artifactID"), &artifact, e);
    rc = rc < 0 ? rc : store_artifact_unlink(store_of(c), artifact.id, portfolio.id, e);
    if (rc == 0)
        *ret = success_object(c, true);
    return rc;
}
