/* emulator/workload_pools.h: workload identity pools: whose word a project believes beside Google's own. */
#pragma once

#include "emulator/call.h"

/* A caller of another cloud, as the subject token said: before the provider's mapping. */
struct outsider {
    const struct jval *assertion; /* claims of a JWT; {"arn","account","userid"} of Amazon */
};
/** provider_find() - the provider an audience names: "//iam.googleapis.com/projects/N/locations/global/
 * workloadIdentityPools/POOL/providers/P", in @a. False: there is none, or it is disabled. */
bool provider_find(struct emulator *m, struct arena *a, struct str audience, struct jval **ret);
/** provider_map() - who the outsider is to Google: member "principal://...subject/S" and the principalSets of
 * its pool and attributes. -ERR_INVALID with the reason in @e. */
NODISCARD int provider_map(struct arena *a, const struct jval *provider, struct str audience,
                           const struct outsider *o, struct grant *ret, struct err *e);

extern const struct call_row workload_pool_calls[];
