/*
 * server/store/collections.h: collections of artifacts: their types, versions and aliases.
 *
 * Every committed artifact is a version of the collection it was logged into, and of portfolios that it was
 * linked into.
 */
#pragma once

#include "server/store/artifacts.h"

struct store_artifact_type {
    int64_t id, project_id;
    struct str name;
    int64_t created_unix_ms;
};
struct store_collection {
    int64_t id, project_id, entity_id;
    struct str uid, name, type;
    struct str project_name, entity_name;
    bool is_portfolio;
    struct str description;
    struct str tags; /* JSON list text; absent: none */
    int64_t created_unix_ms, updated_unix_ms;
};
/* An artifact in a collection. */
struct store_member {
    int64_t id;
    int64_t version, created_unix_ms;
    struct store_artifact artifact;
    struct store_collection collection;
};

/* --- aliases --- */
struct store_alias {
    int64_t collection_id, artifact_id;
    struct str alias;
};
/** store_alias_set() - all or none; an alias that another version has moves. -ERR_NOT_FOUND: the artifact is
 * not in the collection. */
NODISCARD int store_alias_set(struct store *s, const struct store_alias *list, size_t len, struct err *e);
/** store_alias_remove() - those that are with another version, or nowhere, are left alone. */
NODISCARD int store_alias_remove(struct store *s, const struct store_alias *list, size_t len, struct err *e);
/* --- links --- */
struct store_link {
    int64_t artifact_id, project_id; /* of the portfolio */
    struct str portfolio;            /* its name; it is made when it is not there, of the artifact's type */
    struct str aliases;              /* JSON list text; absent: none */
    int64_t now_unix_ms;
};
struct store_linked {
    int64_t collection_id, version;
};
/** store_artifact_link() - the artifact becomes the portfolio's next version, "latest" with it; one that is
 * linked already gets the aliases. -ERR_CONFLICT: not committed; a collection that runs log into has the
 * name, or one of another type. */
NODISCARD int store_artifact_link(struct store *s, const struct store_link *in, struct store_linked *ret,
                                  struct err *e);
/** store_artifact_unlink() - it leaves a portfolio. -ERR_NOT_FOUND: it is not in it, or it is none. */
NODISCARD int store_artifact_unlink(struct store *s, int64_t artifact_id, int64_t collection_id,
                                    struct err *e);

/* --- changing --- */
struct store_collection_change {
    int64_t id, project_id;
    struct str name, description, type; /* absent: it stays */
    struct str tags;                    /* JSON list text; absent: they stay */
};
/** store_collection_update() - a type that the project has not is made. A new name or type is logged.
 * -ERR_CONFLICT: the name is taken. */
NODISCARD int store_collection_update(struct store *s, const struct store_collection_change *g,
                                      const struct store_by *by, struct err *e);
/** store_collection_has_of_others() - is an artifact that was logged into it somebody else's than @user_id's?
 */
NODISCARD int store_collection_has_of_others(struct store *s, int64_t id, int64_t user_id, bool *ret,
                                             struct err *e);
/** store_collection_delete() - with all that was logged into it, wherever it is linked; what is only linked
 * into it stays. The bytes go later. */
NODISCARD int store_collection_delete(struct store *s, int64_t id, const struct store_by *by, struct err *e);
/* --- reading --- */
NODISCARD int store_artifact_type_by_name(struct store *s, struct arena *a, int64_t project_id,
                                          struct str name, struct store_artifact_type *ret, struct err *e);
NODISCARD int store_artifact_type_list(struct store *s, struct arena *a, int64_t project_id,
                                       struct store_artifact_type **ret, size_t *ret_len, struct err *e);
NODISCARD int store_collection_by_name(struct store *s, struct arena *a, int64_t project_id, struct str name,
                                       struct store_collection *ret, struct err *e);
NODISCARD int store_collection_by_uid(struct store *s, struct arena *a, struct str uid,
                                      struct store_collection *ret, struct err *e);
NODISCARD int store_collection_by_id(struct store *s, struct arena *a, int64_t id,
                                     struct store_collection *ret, struct err *e);
struct store_collection_query {
    int64_t project_id;
    struct str type;        /* absent: any */
    struct store_page page; /* positions are ids */
};
/** store_collection_list() - oldest first. */
NODISCARD int store_collection_list(struct store *s, struct arena *a, const struct store_collection_query *q,
                                    struct store_collection **ret, size_t *ret_len, struct err *e);
NODISCARD int store_collection_count(struct store *s, const struct store_collection_query *q, int64_t *ret,
                                     struct err *e);
/** store_member_by_alias() - by an alias, or by "vN". */
NODISCARD int store_member_by_alias(struct store *s, struct arena *a, int64_t collection_id, struct str alias,
                                    struct store_member *ret, struct err *e);
struct store_member_query { /* one of the ids */
    int64_t collection_id, artifact_id, logged_by_run_id, used_by_run_id;
    int64_t seen_by;        /* only of collections in entities that this user is in; 0: of all */
    struct store_page page; /* positions are ids */
};
/** store_member_list() - newest first, or as the page says. For runs: the artifacts in their own
 * collections. */
NODISCARD int store_member_list(struct store *s, struct arena *a, const struct store_member_query *q,
                                struct store_member **ret, size_t *ret_len, struct err *e);
/** store_member_count() - of all pages. */
NODISCARD int store_member_count(struct store *s, const struct store_member_query *q, int64_t *ret,
                                 struct err *e);
struct store_alias_row {
    int64_t id;
    struct str alias;
    struct store_collection collection;
};
/** store_alias_list() - of a collection, an artifact, or an artifact in one collection (ids of @which; 0:
 * any). */
NODISCARD int store_alias_list(struct store *s, struct arena *a, const struct store_alias *which,
                               struct store_alias_row **ret, size_t *ret_len, struct err *e);
