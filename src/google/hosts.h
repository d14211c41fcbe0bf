/*
 * google/hosts.h: where a service of Google is, and where a credential file may send us.
 *
 * A service's address, first that is given: SLIPWAY_GOOGLE_ENDPOINT_<SERVICE> in the environment
 * ("aiplatform" is AIPLATFORM, a dash is an underscore), google_options.endpoints, google_options.endpoint,
 * https://SERVICE.<universe domain>.
 */
#pragma once

#include "google/google.h"

struct google_hosts {
    struct io *io;
    const char *endpoint;                    /* NULL: Google's hosts */
    const struct google_endpoint *endpoints; /* ended by one without a service; NULL none */
    const char *const *allow;                /* host names, or "*.suffix"; NULL-ended; NULL none */
    struct str universe;                     /* "googleapis.com" unless the credential names another */
};
#define UNIVERSE_DEFAULT "googleapis.com"

/** hosts_init() - copies what it needs of @o into @a. */
void hosts_init(struct google_hosts *h, struct io *io, struct arena *a, const struct google_options *o);
/** hosts_override() - the address given for @service, or NULL: Google's own. -ERR_CONFIG: it is given, and
 * not a URL, or plain http to a host that is not loopback. */
NODISCARD int hosts_override(const struct google_hosts *h, struct arena *a, struct str service,
                             const char **ret, struct err *e);
/** hosts_base() - append scheme and host of a service. @region: "aiplatform" has a host per region; for
 * others, when not absent, their regional endpoint (SERVICE.REGION.rep). Errors as hosts_override(). */
NODISCARD int hosts_base(const struct google_hosts *h, const char *service, struct str region,
                         struct strbuf *url, struct err *e);

/* What a URL of a credential file is for: each has its own known hosts. Loopback and google.allow_hosts are
 * good for all. */
enum host_use {
    HOST_TOKEN,   /* token_uri, token_url, service_account_impersonation_url: Google's, over https */
    HOST_SUBJECT, /* credential_source.url: metadata services on link-local addresses, GitHub Actions */
    HOST_AWS      /* regional_cred_verification_url: Amazon's, over https */
};
struct host_url {
    const char
        *url;   /* where to send, in the caller's arena: the endpoint given for the service, when one is */
    bool plain; /* plain http is right there (link-local): http_request.allow_plain */
};
struct file_url { /* a URL in a credential file */
    enum host_use use;
    const char *member; /* how the file calls it */
    struct str url;
};
/** hosts_check() - may a credential file send us (and secrets) to @f? -ERR_CONFIG names host, member and the
 * setting that would allow it. */
NODISCARD int hosts_check(const struct google_hosts *h, struct arena *a, const struct file_url *f,
                          struct host_url *ret, struct err *e);
/** hosts_use_universe() - from now on hosts end in @universe. -ERR_CONFIG when neither google.allow_hosts
 * ("*.UNIVERSE") nor GOOGLE_CLOUD_UNIVERSE_DOMAIN names it: a file alone cannot move Google. */
NODISCARD int hosts_use_universe(struct google_hosts *h, struct str universe, struct err *e);
/** hosts_endpoint_check() - is @url fit to replace a service's host? https, or http to loopback; no path. */
NODISCARD int hosts_endpoint_check(const char *setting, struct str url, struct err *e);

/* A URL in parts, all borrowed. */
struct url_parts {
    bool tls;
    struct str authority; /* host and port as written */
    struct str host;      /* without port; "[::1]" keeps its brackets */
    struct str target;    /* path and query; may be empty */
};
/** url_split() - false for anything but http(s)://host[:port][/path][?query] of plain characters: no user
 * name, no fragment, no backslash, so that no two readers can disagree about the host. */
bool url_split(struct str url, struct url_parts *ret);
