/* server/store/artifacts_internal.h: what the sources about artifacts share. */
#pragma once

#include "server/store/store_internal.h"

/* 25 columns, for artifact_row_at(); the artifact is a. */
#define ARTIFACT_COLUMNS                                                                                     \
    "a.id, a.uid, a.collection_id, a.project_id, ap.entity_id, a.state, a.version, ac.name, aty.name,"       \
    " ap.name, an.name, a.digest, a.description, a.metadata, a.tags, a.ttl_s, a.history_step, a.run_id,"     \
    " a.user_id, a.size_bytes, a.file_count, a.created_unix_ms, a.updated_unix_ms, af.sha256, af.name"
#define ARTIFACT_JOINS                                                                                       \
    " JOIN collections ac ON ac.id = a.collection_id JOIN artifact_types aty ON aty.id = ac.type_id"         \
    " JOIN projects ap ON ap.id = a.project_id JOIN entities an ON an.id = ap.entity_id"                     \
    " LEFT JOIN artifact_files af ON af.id = a.manifest_id"
#define ARTIFACT_TABLES "artifacts a" ARTIFACT_JOINS
enum { ARTIFACT_COLUMN_COUNT = 25 };
/* 13 columns, for collection_row_at(); the collection is c. */
#define COLLECTION_COLUMNS                                                                                   \
    "c.id, c.uid, c.project_id, p.entity_id, c.name, t.name, p.name, n.name, c.is_portfolio,"                \
    " c.description, c.tags, c.created_unix_ms, c.updated_unix_ms"
#define COLLECTION_JOINS                                                                                     \
    " JOIN artifact_types t ON t.id = c.type_id JOIN projects p ON p.id = c.project_id"                      \
    " JOIN entities n ON n.id = p.entity_id"
enum { COLLECTION_COLUMN_COUNT = 13 };

int artifact_row_at(struct arena *a, struct db_stmt *st, int at, struct store_artifact *ret, struct err *e);
struct store_collection collection_row_at(struct arena *a, struct db_stmt *st, int at);
NODISCARD int tx_collection_by_name(struct db_conn *c, struct arena *a, int64_t project_id, struct str name,
                                    struct store_collection *ret, struct err *e);
/** tx_artifact_type_ensure() - the id of a project's type by name, made when missing. */
NODISCARD int tx_artifact_type_ensure(struct db_conn *c, const struct store_artifact_type *t, int64_t *ret,
                                      struct err *e);
/** tx_aliases_add() - set the aliases of a JSON list (absent: none); those with other versions move. */
NODISCARD int tx_aliases_add(struct db_conn *c, int64_t collection_id, int64_t artifact_id, struct str json,
                             struct err *e);
struct new_collection {
    const char *uid;
    int64_t project_id;
    struct str type, name; /* the type is made when it is not there */
    bool is_portfolio;
    int64_t now_unix_ms;
};
NODISCARD int tx_collection_make(struct db_conn *c, const struct new_collection *n, int64_t *ret_id,
                                 struct err *e);
struct joining {
    int64_t collection_id, artifact_id, version; /* the next one of the collection */
    struct str aliases;                          /* JSON list; absent: none */
    int64_t now_unix_ms;
};
/** tx_collection_join() - the artifact becomes this version: "vN", "latest", and its aliases. */
NODISCARD int tx_collection_join(struct db_conn *c, const struct joining *j, struct err *e);
