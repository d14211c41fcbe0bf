/* server/api/artifacts.h: what the resolvers about artifacts share. */
#pragma once

#include "server/api/api.h"

/* --- artifact_objects.c: rows as objects --- */
struct jval *artifact_object(struct arena *a, const struct store_artifact *t);
struct jval *collection_object(struct arena *a, const struct store_collection *n);
struct jval *member_object(struct arena *a, const struct store_member *m);
struct jval *artifact_type_object(struct arena *a, const struct store_artifact_type *t);
struct jval *alias_object(struct arena *a, const struct store_alias_row *x);
/** tags_list() - a stored list of names as Tag objects; @owner makes their ids unique. */
struct jval *tags_list(struct arena *a, struct str json, struct str owner);

/* --- artifacts.c --- */
/** find_artifact() - by its id, for what this call does to it; find_artifact_to() for another act. */
NODISCARD int find_artifact(struct gql_call *c, struct str uid, struct store_artifact *ret, struct err *e);
NODISCARD int find_artifact_to(struct gql_call *c, const char *act, struct str uid,
                               struct store_artifact *ret, struct err *e);
/** find_artifact_member() - by "COLLECTION:ALIAS" in a project; without ":ALIAS" the newest. */
NODISCARD int find_artifact_member(struct gql_call *c, int64_t project_id, struct str name,
                                   struct store_member *ret, struct err *e);

/* --- artifact_create.c, artifact_files.c: what a client may say --- */
/** artifact_md5_hex() - of a base64 text. */
NODISCARD int artifact_md5_hex(struct arena *a, struct str base64, struct str *ret, struct err *e);
NODISCARD int artifact_name_check(struct str name, const char *what, struct err *e);
bool alias_is_version(struct str alias); /* "v" and digits */
NODISCARD int alias_check(struct str alias, struct err *e);
/** artifact_aliases_arg() - input.aliases, a list of {"alias": NAME}, as JSON text of a list of names.
 * -ERR_INVALID: a name; -ERR_LIMIT: over a hundred. */
NODISCARD int artifact_aliases_arg(struct gql_call *c, struct str *ret_json, struct err *e);
/** artifact_metadata_arg() - input.metadata: JSON text, or absent. */
NODISCARD int artifact_metadata_arg(struct gql_call *c, struct str *ret, struct err *e);

/* What a manifest is called in the store that says only what is new, with the uid of the artifact it is over
 * behind it; no name of a client's has a colon. */
#define ARTIFACT_INCREMENTAL "incremental:"
/* --- artifact_changes.c --- */
struct artifact_tag_change {
    struct str stored;             /* JSON list text; absent: none */
    const struct jval *add, *drop; /* lists of TagInput; NULL: none */
};
/** artifact_tags_changed() - the stored list without @drop and with @add; *ret is left alone when both are
 * empty. -ERR_INVALID: a name; -ERR_LIMIT: too many. */
NODISCARD int artifact_tags_changed(struct arena *a, const struct artifact_tag_change *change,
                                    struct str *ret, struct err *e);

/* --- resolvers --- */
/* artifacts.c */
int resolve_artifact(struct gql_call *c, const struct jval **ret, struct err *e);
int resolve_collection(struct gql_call *c, const struct jval **ret, struct err *e);
int resolve_client_id(struct gql_call *c, const struct jval **ret, struct err *e);
int resolve_project_artifact(struct gql_call *c, const struct jval **ret, struct err *e);
int resolve_project_member(struct gql_call *c, const struct jval **ret, struct err *e);
int resolve_project_collection(struct gql_call *c, const struct jval **ret, struct err *e);
int resolve_project_type(struct gql_call *c, const struct jval **ret, struct err *e);
int resolve_type_of(struct gql_call *c, const struct jval **ret, struct err *e);
int resolve_type_artifact(struct gql_call *c, const struct jval **ret, struct err *e);
int resolve_type_collection(struct gql_call *c, const struct jval **ret, struct err *e);
int resolve_collection_member(struct gql_call *c, const struct jval **ret, struct err *e);
int resolve_collection_latest(struct gql_call *c, const struct jval **ret, struct err *e);
int resolve_artifact_sequence(struct gql_call *c, const struct jval **ret, struct err *e);
int resolve_artifact_manifest(struct gql_call *c, const struct jval **ret, struct err *e);
int resolve_artifact_creator(struct gql_call *c, const struct jval **ret, struct err *e);
/* artifact_lists.c */
int resolve_project_types(struct gql_call *c, const struct jval **ret, struct err *e);
int resolve_collections(struct gql_call *c, const struct jval **ret, struct err *e);
int resolve_collection_aliases(struct gql_call *c, const struct jval **ret, struct err *e);
int resolve_collection_artifacts(struct gql_call *c, const struct jval **ret, struct err *e);
int resolve_artifact_aliases(struct gql_call *c, const struct jval **ret, struct err *e);
int resolve_artifact_members(struct gql_call *c, const struct jval **ret, struct err *e);
int resolve_artifact_files(struct gql_call *c, const struct jval **ret, struct err *e);
int resolve_artifact_users(struct gql_call *c, const struct jval **ret, struct err *e);
int resolve_run_artifacts(struct gql_call *c, const struct jval **ret, struct err *e);
/* artifact_create.c, artifact_files.c, artifact_commit.c */
int resolve_create_artifact(struct gql_call *c, const struct jval **ret, struct err *e);
int resolve_create_manifest(struct gql_call *c, const struct jval **ret, struct err *e);
int resolve_update_manifest(struct gql_call *c, const struct jval **ret, struct err *e);
int resolve_create_artifact_files(struct gql_call *c, const struct jval **ret, struct err *e);
int resolve_complete_upload(struct gql_call *c, const struct jval **ret, struct err *e);
int resolve_commit_artifact(struct gql_call *c, const struct jval **ret, struct err *e);
/* artifact_links.c */
int resolve_link_artifact(struct gql_call *c, const struct jval **ret, struct err *e);
int resolve_unlink_artifact(struct gql_call *c, const struct jval **ret, struct err *e);
/* artifact_changes.c */
int resolve_use_artifact(struct gql_call *c, const struct jval **ret, struct err *e);
int resolve_update_artifact(struct gql_call *c, const struct jval **ret, struct err *e);
int resolve_delete_artifact(struct gql_call *c, const struct jval **ret, struct err *e);
int resolve_add_aliases(struct gql_call *c, const struct jval **ret, struct err *e);
int resolve_delete_aliases(struct gql_call *c, const struct jval **ret, struct err *e);
/* collections.c */
int resolve_update_collection(struct gql_call *c, const struct jval **ret, struct err *e);
int resolve_tag_collection(struct gql_call *c, const struct jval **ret, struct err *e);
int resolve_untag_collection(struct gql_call *c, const struct jval **ret, struct err *e);
int resolve_delete_collection(struct gql_call *c, const struct jval **ret, struct err *e);
