/* base/timefmt.h: RFC 3339 points in time and durations as text. Pure: nobody here asks what time it is. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

enum { RFC3339_SIZE = 32 };
/** rfc3339_format() - "2026-01-02T03:04:05.678Z" (milliseconds always given). @ret has RFC3339_SIZE bytes.
 * Returns ret. */
const char *rfc3339_format(int64_t unix_ms, char *ret);
/** rfc3339_parse() - with Z or an offset, 0 to 9 fraction digits (cut to ms). false on anything else. */
bool rfc3339_parse(struct str s, int64_t *ret_unix_ms);
/** duration_parse_proto() - protobuf JSON: "3600s", "1.5s". Milliseconds. false on anything else. */
bool duration_parse_proto(struct str s, int64_t *ret_ms);
/** duration_parse_human() - for people: "90s" "15m" "2h30m" "500ms"; a bare number is seconds. */
bool duration_parse_human(struct str s, int64_t *ret_ms);
/** duration_human() - "450 ms" "12.3 s" "4 min 10 s" "2 h 5 min". @ret has 32 bytes. Returns ret. */
const char *duration_human(int64_t ms, char *ret);
