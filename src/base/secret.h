/*
 * base/secret.h: values that must not be seen: wiped on free, no %s, no JSON or log encoder, constant-time
 * compare. Unwrapped only where a credential goes onto the wire (google/, wandb/, io's HTTP client,
 * launch/secrets.c, server/sign_in), is hashed (server/auth) or is checked for what it may be
 * (agent/secrets.c, cli/agent_key.c).
 */
#pragma once

#include <stdbool.h>

#include "base/defs.h"
#include "base/str.h"

struct secret;

struct secret *secret_new(struct str value); /* copies; the caller wipes its own copy */
void secret_free(struct secret *s);          /* wipes; NULL is a no-op */
DEFINE_AUTO(secret, secret_free)
struct secret *secret_dup(const struct secret *s);
bool secret_eq(const struct secret *a, const struct secret *b); /* time depends on lengths only */
/** secret_text_eq() - secret_eq() for what arrives as text: signatures, hashes of keys. */
bool secret_text_eq(struct str a, struct str b);
size_t secret_len(const struct secret *s);
/** secret_unwrap() - the bytes, borrowed. Every call site is a place a reviewer looks at. */
struct str secret_unwrap(const struct secret *s);
/** mem_wipe() - overwrite in a way the compiler keeps. */
void mem_wipe(void *p, size_t len);
