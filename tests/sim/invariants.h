/* tests/sim/invariants.h: what has to hold in a world, beside what its client and its jobs see. */
#pragma once

#include "world.h"

/**
 * invariants_step() - after each step: slots that are kept are somebody's, and are as many as are counted; in
 * calm weather an agent knows that a job has ended a poll later.
 */
void invariants_step(struct world *w);
/** invariants_job() - a job that lives, as Vertex lists it: in calm weather, once silent agents' items had
 * the time to be taken over, or with a W&B server the jobs of a lost journal to be adopted, an agent has it
 * in its journal. */
void invariants_job(struct world *w, struct str name);
/** invariants_has_jobs() - does this agent, which is up, make one just now, or watch one? */
bool invariants_has_jobs(const struct world_machine *m);
/** invariants_has_items() - has this agent, which is up, an item whose end it has not reported? */
bool invariants_has_items(const struct world_machine *m);
/** invariants_lose() - with its disk, the journal of this agent is lost. */
void invariants_lose(struct world *w, size_t agent);
/** invariants_is_held() - does a journal have it, as far as is known? One whose agent is down counts. */
bool invariants_is_held(const struct world *w, const struct world_item *item);
/** invariants_has_secret() - the value of the world's secret or API key, in text that is no sink of theirs.
 */
bool invariants_has_secret(struct str text);
/** invariants_end() - when all items have ended: no job lives, and nobody wrote a secret down. */
void invariants_end(struct world *w);
