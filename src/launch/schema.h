/* launch/schema.h: the queue-config language as a JSON Schema, made from the field table. */
#pragma once

#include "base/jval.h"

/**
 * queue_config_schema() - draft 2020-12, in the arena. Every field in both spellings, wherever it may stand.
 * Any value may be a text with a template variable or macro in it. What crosses fields (exclusive ones,
 * regions that must agree) is beyond it: `queue validate` says that.
 */
struct jval *queue_config_schema(struct arena *a);
