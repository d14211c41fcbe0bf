/* server/access.c: which role which act needs, and who has it. */
#include "server/access.h"

#include <string.h>

static const struct {
    const char *act;
    enum store_role least;
} acts[] = {
    { "read", ROLE_VIEWER },
    { "stream", ROLE_MEMBER },

    { "upsertModel", ROLE_MEMBER },
    { "upsertBucket", ROLE_MEMBER },
    { "createRunFiles", ROLE_MEMBER },
    { "markRunFilesUploaded", ROLE_MEMBER },
    { "updateRunState", ROLE_MEMBER },
    { "rewindRun", ROLE_MEMBER }, /* as whoever may log to a run may log other lines over its lines */
    { "stopRun", ROLE_MEMBER },
    { "deleteRun", ROLE_MEMBER },
    { "deleteRun.of others", ROLE_ADMIN },

    { "deleteFiles", ROLE_MEMBER },
    { "deleteFiles.of others", ROLE_ADMIN },

    { "upsertSweep", ROLE_MEMBER }, /* and of the queue of its scheduler */
    { "createAgent", ROLE_MEMBER },
    { "agentHeartbeat", ROLE_MEMBER },

    { "createArtifact", ROLE_MEMBER },
    { "createArtifactManifest", ROLE_MEMBER },
    { "updateArtifactManifest", ROLE_MEMBER },
    { "createArtifactFiles", ROLE_MEMBER },
    { "completeMultipartUploadArtifact", ROLE_MEMBER },
    { "commitArtifact", ROLE_MEMBER },
    { "useArtifact", ROLE_MEMBER }, /* of the run's entity; the artifact is read */
    { "linkArtifact", ROLE_MEMBER },
    { "unlinkArtifact", ROLE_MEMBER },
    { "updateArtifact", ROLE_MEMBER },
    { "addAliases", ROLE_MEMBER },
    { "deleteAliases", ROLE_MEMBER },
    { "deleteArtifact", ROLE_MEMBER },
    { "deleteArtifact.of others", ROLE_ADMIN },

    { "updateArtifactSequence", ROLE_MEMBER },
    { "updateArtifactPortfolio", ROLE_MEMBER },
    { "moveArtifactSequence", ROLE_MEMBER },
    { "createArtifactCollectionTagAssignments", ROLE_MEMBER },
    { "deleteArtifactCollectionTagAssignments", ROLE_MEMBER },
    { "deleteArtifactSequence", ROLE_MEMBER },
    { "deleteArtifactSequence.of others", ROLE_ADMIN }, /* some version in it */
    { "deleteArtifactPortfolio", ROLE_MEMBER },         /* its links only */

    { "createDefaultResourceConfig", ROLE_MEMBER }, /* alone it does nothing: it takes a queue to use it */
    { "createRunQueue", ROLE_MEMBER },              /* with access USER */
    { "createRunQueue.for all", ROLE_ADMIN },
    { "upsertRunQueue", ROLE_ADMIN },
    { "deleteRunQueues", ROLE_ADMIN },
    { "rollbackRunQueue", ROLE_ADMIN },

    { "pushToRunQueue", ROLE_MEMBER },
    { "pushToRunQueue.resources", ROLE_ADMIN }, /* past the queue's template variables */
    { "pushToRunQueueByName", ROLE_MEMBER },
    { "stopRunQueueItem", ROLE_MEMBER },
    { "deleteFromRunQueue", ROLE_MEMBER },
    { "deleteFromRunQueue.of others", ROLE_ADMIN },

    /* what an agent does: give it a service account with the role member */
    { "createLaunchAgent", ROLE_MEMBER },
    { "updateLaunchAgent", ROLE_MEMBER },
    { "popFromRunQueue", ROLE_MEMBER },
    { "ackRunQueueItem", ROLE_MEMBER },
    { "failRunQueueItem", ROLE_MEMBER },
    { "updateRunQueueItemWarning", ROLE_MEMBER },
    { "finishRunQueueItem", ROLE_MEMBER },
    { "noteRunQueueItem", ROLE_MEMBER },
    { "keepRunQueueItem", ROLE_MEMBER },
};

bool access_least(const char *act, enum store_role *ret)
{
    for (size_t i = 0; i < ARRAY_LEN(acts); i++) {
        if (strcmp(acts[i].act, act) != 0)
            continue;
        *ret = acts[i].least;
        return true;
    }
    return false;
}

/* The role is not ROLE_NONE: the caller may know that the object is there. */
static int permit(const struct access *q, enum store_role role, const char *where, struct err *e)
{
    enum store_role least = ROLE_ADMIN;

    if (!access_least(q->act, &least))
        return err_set(e, ERR_DENIED, "'%s' is open to nobody", q->act);
    if (role >= least)
        return 0;
    return err_set(e, ERR_DENIED, "%.*s is a %s %s, and '%s' needs the role %s", STR_ARG(q->user->username),
                   store_role_name(role), where, q->act, store_role_name(least));
}

int access_entity(const struct access *q, struct str name, struct store_entity *ret, struct err *e)
{
    struct store_entity_role found = { 0 };
    int rc;

    if (name.len == 0)
        name = q->user->home;
    rc = store_entity_role(q->store, q->a, q->user->id, name, &found, e);
    if (rc < 0 && rc != -ERR_NOT_FOUND)
        return rc;
    if (rc == 0 && q->user->admin)
        found.role = ROLE_ADMIN;
    if (found.role == ROLE_NONE)
        return err_set(e, ERR_NOT_FOUND, "entity '%.*s' does not exist, or %.*s is not a member of it",
                       STR_ARG(str_sub(name, 0, 100)), STR_ARG(q->user->username));
    rc = permit(q, found.role, arena_printf(q->a, "of '%.*s'", STR_ARG(found.entity.name)), e);
    if (rc == 0)
        *ret = found.entity;
    return rc;
}

static int role_in(const struct access *q, int64_t entity_id, enum store_role *ret, struct err *e)
{
    if (!q->user->admin)
        return store_role_in(q->store, q->user->id, entity_id, ret, e);
    *ret = ROLE_ADMIN;
    return 0;
}

int access_entity_id(const struct access *q, int64_t entity_id, const char *what, struct err *e)
{
    enum store_role role = ROLE_NONE;
    int rc = role_in(q, entity_id, &role, e);

    if (rc < 0)
        return rc;
    if (role == ROLE_NONE)
        return err_set(e, ERR_NOT_FOUND, "%s does not exist, or you are not a member of its entity", what);
    return permit(q, role, "of its entity", e);
}

int access_project(const struct access *q, const struct project_ref *ref, struct store_project *ret,
                   struct err *e)
{
    struct store_entity owner = { 0 };
    int rc = access_entity(q, ref->entity, &owner, e);

    if (rc < 0)
        return rc;
    rc = store_project_by_name(q->store, q->a, owner.id, ref->name, ret, e);
    if (rc == -ERR_NOT_FOUND)
        return err_set(e, ERR_NOT_FOUND, "project '%.*s' does not exist in entity '%.*s'",
                       STR_ARG(str_sub(ref->name, 0, 100)), STR_ARG(owner.name));
    return rc;
}

static int role_on_queue(const struct access *q, const struct store_queue *queue, enum store_role *ret,
                         struct err *e)
{
    enum store_role role = ROLE_NONE, given = ROLE_NONE;
    bool is_given = false;
    int rc = role_in(q, queue->entity_id, &role, e);

    if (rc == 0 && role != ROLE_ADMIN)
        rc = store_queue_role(q->store, q->user->id, queue->id, &is_given, &given, e);
    if (rc < 0)
        return rc;
    if (role == ROLE_VIEWER || role == ROLE_MEMBER) {
        if (is_given)
            role = given;
        else if (str_is(queue->access, "USER"))
            role = str_eq(queue->created_by, q->user->username) ? ROLE_ADMIN : ROLE_NONE;
    }
    *ret = role;
    return 0;
}

int access_queue(const struct access *q, const struct store_queue *queue, const char *what, struct err *e)
{
    enum store_role role = ROLE_NONE;
    int rc = role_on_queue(q, queue, &role, e);

    if (rc < 0)
        return rc;
    if (role == ROLE_NONE)
        return err_set(e, ERR_NOT_FOUND, "%s does not exist, or you are not a member of its entity", what);
    return permit(q, role, arena_printf(q->a, "on queue '%.*s'", STR_ARG(queue->name)), e);
}
