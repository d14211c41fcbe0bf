/* server/store/people.h: entities (a user's own, and teams), users, memberships, API keys, projects. */
#pragma once

#include "io/io.h"
#include "server/store/audit.h"
#include "server/store/page.h"

struct store;

/* What a user may do in an entity: each may what the one before may. */
enum store_role { ROLE_NONE, ROLE_VIEWER, ROLE_MEMBER, ROLE_ADMIN };
const char *store_role_name(enum store_role role); /* "none", "viewer", "member", "admin" */
/** store_role_parse() - false: no such role. */
bool store_role_parse(struct str name, enum store_role *ret);

struct store_entity {
    int64_t id;
    struct str name;
    bool is_team;
};
struct store_user {
    int64_t id;
    int64_t entity_id; /* the user's own entity, named as the user */
    struct str username, email;
    struct str home; /* the entity meant where none is named: the user's own; a service account's team */
    bool is_service;
    bool admin; /* of the server */
    int64_t created_unix_ms;
    int64_t disabled_unix_ms; /* 0: no */
};
/* How a key is kept: made by server/auth.c. */
struct store_new_key {
    struct str name, prefix; /* for people; the prefix is the key's first characters */
    struct str lookup, hash; /* what it is found by, and what it is compared with */
    bool is_slow;            /* the hash is argon2id */
    int64_t expires_unix_ms; /* 0: never */
    struct store_by by;
};
struct store_new_user {
    const char *username, *email; /* email may be NULL */
    bool admin;
    const char *team; /* NULL: a person; else a service account of this team with the role below */
    enum store_role role;
    const struct store_new_key *key; /* the first; NULL: none yet */
    struct store_by by;
};
struct store_project {
    int64_t id, entity_id;
    struct str name, entity_name;
    int64_t created_unix_ms;
};

NODISCARD int store_has_users(struct store *s, bool *ret, struct err *e);
/** store_user_add() - a user, its entity with the project `model-registry`, and its first key. -ERR_CONFLICT:
 * name taken. -ERR_NOT_FOUND: no such team. */
NODISCARD int store_user_add(struct store *s, const struct store_new_user *u, struct err *e);
struct store_new_team {
    const char *name;
    const char *const *admins, *const *members, *const *viewers; /* user names, each NULL-ended or NULL */
    struct store_by by;
};
/** store_team_add() - a team with its project and members. -ERR_NOT_FOUND names a user that is not there;
 * then nothing was made. */
NODISCARD int store_team_add(struct store *s, const struct store_new_team *t, struct err *e);
/** store_user_list() - all users, by name. */
NODISCARD int store_user_list(struct store *s, struct arena *a, struct store_user **ret, size_t *ret_len,
                              struct err *e);
struct store_user_look {
    int64_t user_id; /* who looks */
    bool all;        /* and may see everybody */
};
/** store_user_seen() - the looker and those in a team with it, by name; none that is disabled, and 1,000 at
 * most. */
NODISCARD int store_user_seen(struct store *s, struct arena *a, struct store_user_look look,
                              struct store_user **ret, size_t *ret_len, struct err *e);
/** store_user_set_admin() - of the server. -ERR_CONFLICT: nobody would be left. */
NODISCARD int store_user_set_admin(struct store *s, struct str username, bool admin,
                                   const struct store_by *by, struct err *e);
/** store_user_set_disabled() - none of its keys is found while it is, and its sessions end. -ERR_CONFLICT: no
 * admin of the server would be left. */
NODISCARD int store_user_set_disabled(struct store *s, struct str username, bool disabled,
                                      const struct store_by *by, struct err *e);
/** store_user_teams() - the teams of a user, by name. */
NODISCARD int store_user_teams(struct store *s, struct arena *a, int64_t user_id, struct store_entity **ret,
                               size_t *ret_len, struct err *e);
NODISCARD int store_user_by_id(struct store *s, struct arena *a, int64_t user_id, struct store_user *ret,
                               struct err *e);
NODISCARD int store_entity_by_name(struct store *s, struct arena *a, struct str name,
                                   struct store_entity *ret, struct err *e);
NODISCARD int store_entity_by_id(struct store *s, struct arena *a, int64_t id, struct store_entity *ret,
                                 struct err *e);

/* --- roles --- */
/** store_role_in() - a user's role in an entity; ROLE_NONE where it is no member. */
NODISCARD int store_role_in(struct store *s, int64_t user_id, int64_t entity_id, enum store_role *ret,
                            struct err *e);
struct store_entity_role {
    struct store_entity entity;
    enum store_role role;
};
/** store_entity_role() - an entity by name with the user's role in it, in one look: one that is there and one
 * that is not take the same time. */
NODISCARD int store_entity_role(struct store *s, struct arena *a, int64_t user_id, struct str name,
                                struct store_entity_role *ret, struct err *e);
/** store_queue_role() - the role a user was given on a queue; false in *ret_given: none was. */
NODISCARD int store_queue_role(struct store *s, int64_t user_id, int64_t queue_id, bool *ret_given,
                               enum store_role *ret, struct err *e);
/** store_member_find() - the id of the member of an entity with this user name, or else this address; 0 in
 * *ret: there is none. Both may be absent. */
NODISCARD int store_member_find(struct store *s, int64_t entity_id, struct str username, struct str email,
                                int64_t *ret, struct err *e);
struct store_team_member {
    struct str team, username;
    enum store_role role;
};
/** store_team_list() - who is in which team, by team and name; a team without people once, without a name.
 */
NODISCARD int store_team_list(struct store *s, struct arena *a, struct store_team_member **ret,
                              size_t *ret_len, struct err *e);
struct store_entity_member {
    struct store_user user;
    enum store_role role;
};
/** store_entity_members() - of one entity, by name; 1,000 at most. */
NODISCARD int store_entity_members(struct store *s, struct arena *a, int64_t entity_id,
                                   struct store_entity_member **ret, size_t *ret_len, struct err *e);
/** store_entity_bytes() - what files of its runs and its committed artifacts are long, together. */
NODISCARD int store_entity_bytes(struct store *s, int64_t entity_id, int64_t *ret, struct err *e);
struct store_role_change {
    struct str user, team, queue; /* names; queue absent: the role in the team */
    enum store_role role;
    bool clear; /* of a queue: take the role away that was given on it */
    struct store_by by;
};
/** store_role_set() - a user's role in a team (ROLE_NONE: no longer a member, nor on its queues) or on one of
 * its queues (for members only; ROLE_NONE hides the queue). -ERR_NOT_FOUND says what is not there;
 * -ERR_INVALID: a service account of another team. */
NODISCARD int store_role_set(struct store *s, const struct store_role_change *change, struct err *e);

NODISCARD int store_project_by_name(struct store *s, struct arena *a, int64_t entity_id, struct str name,
                                    struct store_project *ret, struct err *e);
struct store_project_query {
    int64_t entity_id;
    struct store_page page; /* positions are ids */
};
/** store_project_list() - newest first. */
NODISCARD int store_project_list(struct store *s, struct arena *a, const struct store_project_query *q,
                                 struct store_project **ret, size_t *ret_len, struct err *e);
struct store_new_project {
    int64_t entity_id;
    struct str name;
    int64_t now_unix_ms;
};
/** store_project_ensure() - find or make. */
NODISCARD int store_project_ensure(struct store *s, struct arena *a, const struct store_new_project *n,
                                   struct store_project *ret, bool *ret_made, struct err *e);
