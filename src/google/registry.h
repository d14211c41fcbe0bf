/* google/registry.h: is a container image in Google's Artifact Registry? (reference 9.3: the registry's own
 * API)
 */
#pragma once

#include "google/google.h"

struct image_name {
    struct str host;      /* "us-central1-docker.pkg.dev", "gcr.io" */
    struct str path;      /* "project/repository/image", "project/image" */
    struct str reference; /* a tag, or "sha256:..." */
};
/** image_name_parse() - HOST/PATH[:TAG][@DIGEST]; no tag is "latest". False when it is not one. */
bool image_name_parse(struct str uri, struct image_name *ret);
/** image_is_google() - does Artifact Registry serve @n's host (LOCATION-docker.pkg.dev, [LOCATION.]gcr.io)?
 */
bool image_is_google(const struct image_name *n);

/**
 * registry_find() - ask for the image's manifest; *ret_digest is "sha256:..." in @a, absent when the registry
 * does not say. Yields. Service "registry" in google/hosts.h. -ERR_NOT_FOUND with the registry's words
 * (NAME_UNKNOWN: no repository; MANIFEST_UNKNOWN: no such tag), -ERR_DENIED: no downloadArtifacts, -ERR_AUTH,
 * -ERR_PROTO: no registry answers, and those of http_send().
 */
NODISCARD int registry_find(struct google *g, struct io *io, struct arena *a, const struct image_name *n,
                            struct str *ret_digest, struct err *e);
