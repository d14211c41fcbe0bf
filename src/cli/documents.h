/* cli/documents.h: the GraphQL documents of operations/, embedded. */
#pragma once

#include "base/embed.h"

EMBEDDED(document_queue_list);
EMBEDDED(document_queue_show);
EMBEDDED(document_queue_config);
EMBEDDED(document_project_create);
EMBEDDED(document_queue_upsert);
EMBEDDED(document_queue_delete);
EMBEDDED(document_queue_versions);
EMBEDDED(document_queue_rollback);
EMBEDDED(document_push);
EMBEDDED(document_items);
EMBEDDED(document_item);
EMBEDDED(document_stop);
EMBEDDED(document_why);
EMBEDDED(document_why_queue);
