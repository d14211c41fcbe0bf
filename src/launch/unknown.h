/* launch/unknown.h: what to say of a name that does not belong where it stands. Internal to src/launch. */
#pragma once

#include "launch/convert.h"

/** unknown_member() - member @here->index of @v is no field of @m. */
void unknown_member(struct converter *c, const struct message *m, const struct jval *v,
                    const struct path *here);
/** unknown_in_place() - member @here->index of @v may not stand in @place (enum place). */
void unknown_in_place(struct converter *c, unsigned place, const struct jval *v, const struct path *here);
/** unknown_meant() - was @name, in either spelling, given as what an unknown key means? Then that @name is
 * missing needs no word of its own. */
bool unknown_meant(const struct problems *p, const char *name);
