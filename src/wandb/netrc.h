/*
 * wandb/netrc.h: reading and changing a .netrc text. Pure.
 *
 * Words are separated by white space; a word may be quoted ("a b", with backslash escapes); '#' where a
 * keyword is due starts a comment; a macro runs to the next empty line. Any of login, account and password
 * may be missing. A machine given twice counts as last written, as in Python's netrc.
 */
#pragma once

#include "base/secret.h"
#include "base/str.h"

enum { NETRC_MAX_BYTES = 256 * 1024 };

/**
 * netrc_find() - the password of @machine (compared as written, port included), else of "default".
 * *ret is the caller's. -ERR_NOT_FOUND: neither has one; -ERR_INVALID: "line N: what is wrong".
 */
NODISCARD int netrc_find(struct str text, struct str machine, struct secret **ret, struct err *e);
/**
 * netrc_replace() - @text with every entry of @machine replaced by one with @login and @password, at the
 * place of the first, or before "default", or at the end. Other bytes stay. @out holds a secret:
 * strbuf_wipe(). Words must not need quotes. -ERR_INVALID as above; -ERR_LIMIT.
 */
NODISCARD int netrc_replace(struct strbuf *out, struct str text, struct str machine, const char *login,
                            const struct secret *password, struct err *e);
