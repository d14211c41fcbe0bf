/* emulator/route.h: request paths of Google's services in parts. Pure. */
#pragma once

#include <stdbool.h>

#include "base/str.h"

enum { ROUTE_PARTS = 12 };
/* "/v1/projects/p/secrets/s:addVersion" is v1, projects, p, secrets, s and the verb addVersion. */
struct route {
    struct str part[ROUTE_PARTS];
    size_t count;    /* 0: more parts than anybody serves, or an empty one */
    struct str verb; /* behind the last colon of the last part; absent without one */
};
/** route_split() - @path is borrowed and begins with '/'. */
struct route route_split(struct str path);
/** route_is() - does the whole path fit @pattern, where "*" is any one part? The
 * verb is not looked at. */
bool route_is(const struct route *r, const char *pattern);
/** route_tail() - the path from part @from on, without the verb: "s" of the example from 4 on. Borrowed. */
struct str route_tail(const struct route *r, size_t from);
