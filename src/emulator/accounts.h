/* emulator/accounts.h: service accounts, for those who check whose word it is. */
#pragma once

#include "emulator/emulator_internal.h"

/** account_name() - "projects/P/serviceAccounts/EMAIL", in @a. */
struct str account_name(struct emulator *m, struct arena *a, struct str email);
/** account_is_there() - made, and not disabled; the metadata server's own always is. @a is scratch. */
bool account_is_there(struct emulator *m, struct arena *a, struct str email);
struct call; /* emulator/call.h */
struct account_signature {
    struct str email, key_id; /* @key_id absent: any key */
    struct str data, signature;
};
/** account_signed() - did one of the account's keys make this signature? @a is scratch. */
bool account_signed(struct emulator *m, struct arena *a, const struct account_signature *s);
/** account_sign() - @data signed with the key that Google keeps for the account of the path's part 4, which
 * is made when it is first needed: the signature and the key's id in @c->a. Yields. */
NODISCARD int account_sign(struct call *c, struct str data, struct str *ret, struct str *ret_key_id);
