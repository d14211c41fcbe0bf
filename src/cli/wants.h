/* cli/wants.h: what the jobs of queue configs want of Google: who they run as, where they write, which
 * secrets and images they take. For `slipway iam` and `slipway doctor`. */
#pragma once

#include "base/problems.h"
#include "cli/launch_config.h"
#include "launch/secret_ref.h"

struct want_place {
    struct str gcp_project, region;
};
struct want_account {
    struct str email;
};
struct want_bucket {
    struct str name, gcp_project, region; /* of a job that writes there */
};
struct want_secret {
    struct str gcp_project;
    struct secret_ref ref;
    struct str name; /* in full */
};
struct want_image {
    struct str uri;
};
/* Each thing once; what only a launch knows (an image, a folder named by a macro) is left out. */
struct wants {
    /* given */
    struct io *io;
    struct arena *a; /* owns the lists and texts */
    const struct launch_config *config;
    struct str gcp_project; /* where a config names none; absent: not known */
    /* gathered */
    struct want_place *places;
    struct want_account *accounts;
    struct want_bucket *buckets;
    struct want_secret *secrets;
    struct want_image *images;
    size_t place_len, account_len, bucket_len, secret_len, image_len;
    size_t place_cap, account_cap, bucket_cap, secret_cap, image_cap;
};
/** wants_add_config() - what jobs of a queue config want; -ERR_INVALID with @p when no job can be made of it.
 * @variables: its template variables, or NULL. */
NODISCARD int wants_add_config(struct wants *w, const struct jval *config, const struct jval *variables,
                               struct problems *p, struct err *e);
/** wants_add_place() - when it is not there yet. */
void wants_add_place(struct wants *w, struct str gcp_project, struct str region);
/** wants_add_secret() - a version by its full name (secret_ref_name()), when it is not there yet. */
void wants_add_secret(struct wants *w, struct str name);
