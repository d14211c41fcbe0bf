/*
 * emulator/store_resource.h: all that the Google services beside Vertex remember, as named JSON documents:
 * projects, accounts, keys, roles, policies, services, secrets, buckets. One table, so that a new kind of
 * resource needs no migration.
 */
#pragma once

#include "base/jval.h"
#include "io/db.h"

struct resource_row {
    const char *kind; /* "secret", "policy": a word of the service it belongs to */
    struct str name;  /* "projects/p/secrets/s"; projects by id, never by number */
    const struct jval *body;
};
/** store_put_resource() - add or replace. Yields until it is durable. */
NODISCARD int store_put_resource(struct db *d, const struct resource_row *row, struct err *e);
/** store_put_resources() - several in one step: all or none. Yields. */
NODISCARD int store_put_resources(struct db *d, const struct resource_row *rows, size_t count, struct err *e);
/** store_add_resource() - -ERR_CONFLICT when it is there already. Yields. */
NODISCARD int store_add_resource(struct db *d, const struct resource_row *row, struct err *e);
/** store_get_resource() - the document into @a, free to change. -ERR_NOT_FOUND. */
NODISCARD int store_get_resource(struct db *d, struct arena *a, const char *kind, struct str name,
                                 struct jval **ret, struct err *e);
/** store_has_resource() - false also when the store cannot be read. */
bool store_has_resource(struct db *d, const char *kind, struct str name);
/** store_delete_resource() - it, and every resource of any kind whose name begins with "NAME/".
 * -ERR_NOT_FOUND when it was not there. Yields. */
NODISCARD int store_delete_resource(struct db *d, const char *kind, struct str name, struct err *e);

struct resource_list { /* by name; in the arena */
    struct str *names;
    struct jval **bodies;
    size_t len;
};
struct resource_scan {
    const char *kind;
    struct str prefix; /* "projects/p/secrets/" */
    struct str after;  /* only names behind this one; absent: from the first */
    size_t max;        /* 0: 10,000 */
};
NODISCARD int store_list_resources(struct db *d, struct arena *a, const struct resource_scan *scan,
                                   struct resource_list *ret, struct err *e);
