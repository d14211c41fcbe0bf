/* Every act of the server, and who may do it at least: the rows of test_access.c. */
#pragma once

#include "server/store/people.h"

/* --- the acts ---
 * <...> in a document is the name or id of an object that is made for the one request. A query that is
 * refused has null at @path. */
static const struct act {
    const char *name;
    enum store_role least;
    const char *document, *path;
} acts[] = {
    { "entity", ROLE_VIEWER, "{entity(name:\"<entity>\"){id name isTeam launchAgents{id name hostname}}}",
      "entity" },
    { "project", ROLE_VIEWER, "{project(entityName:\"<entity>\",name:\"p\"){id runs{edges{node{id}}}}}",
      "project" },
    { "model", ROLE_VIEWER, "{model(entityName:\"<entity>\",name:\"model-registry\"){id runQueues{id name}}}",
      "model" },
    { "models", ROLE_VIEWER, "{models(entityName:\"<entity>\"){edges{node{id name}}}}", "models" },
    { "launchAgent", ROLE_VIEWER, "{launchAgent(id:\"<agent>\"){name hostname}}", "launchAgent" },
    { "runQueueItem", ROLE_VIEWER,
      "{runQueueItem(id:\"<item>\"){state runSpec createdBy queue{id name} history{by}}}", "runQueueItem" },

    { "upsertModel", ROLE_MEMBER,
      "mutation{upsertModel(input:{entityName:\"<entity>\",name:\"new\"}){inserted}}", "" },
    { "upsertBucket", ROLE_MEMBER,
      "mutation{upsertBucket(input:{entityName:\"<entity>\",modelName:\"p\",name:\"new\"}){inserted}}", "" },
    { "upsertBucket", ROLE_MEMBER, "mutation{upsertBucket(input:{id:\"<runid>\",notes:\"x\"}){inserted}}",
      "" },
    { "createRunFiles", ROLE_MEMBER,
      "mutation{createRunFiles(input:{entityName:\"<entity>\",projectName:\"p\",runName:\"<run>\",files:["
      "\"f\"]"
      "}){files{uploadUrl}}}",
      "" },
    { "markRunFilesUploaded", ROLE_MEMBER,
      "mutation{markRunFilesUploaded(input:{entityName:\"<entity>\",projectName:\"p\",runName:\"<run>\","
      "files:[\"f\"]}){success}}",
      "" },
    { "updateRunState", ROLE_MEMBER,
      "mutation{updateRunState(input:{id:\"<runid>\",state:\"failed\"}){success}}", "" },
    { "rewindRun", ROLE_MEMBER,
      "mutation{rewindRun(input:{entityName:\"<entity>\",projectName:\"p\",runName:\"<logged run>\","
      "metricName:\"_step\",metricValue:0}){rewoundRun{historyLineCount}}}",
      "" },
    { "stopRun", ROLE_MEMBER, "mutation{stopRun(input:{id:\"<runid>\"}){success}}", "" },
    { "deleteRun", ROLE_MEMBER, "mutation{deleteRun(input:{id:\"<own runid>\"}){success}}", "" },
    { "deleteRun.of others", ROLE_ADMIN, "mutation{deleteRun(input:{id:\"<runid>\"}){success}}", "" },

    { "deleteFiles", ROLE_MEMBER, "mutation{deleteFiles(input:{files:[\"<own file>\"]}){success}}", "" },
    { "deleteFiles.of others", ROLE_ADMIN, "mutation{deleteFiles(input:{files:[\"<file>\"]}){success}}", "" },

    { "artifact", ROLE_VIEWER,
      "{artifact(id:\"<artifact>\"){state digest aliases{alias} usedBy{edges{node{id}}}}}", "artifact" },
    { "artifactCollection", ROLE_VIEWER, "{artifactCollection(id:\"<collection>\"){name state project{id}}}",
      "artifactCollection" },
    { "clientIDMapping", ROLE_VIEWER, "{clientIDMapping(clientID:\"<client>\"){serverID}}",
      "clientIDMapping" },
    { "upsertSweep", ROLE_MEMBER,
      "mutation{upsertSweep(input:{entityName:\"<entity>\",projectName:\"p\",config:\"{method: random, "
      "parameters: {x: {value: 1}}}\"}){inserted}}",
      "" },
    { "upsertSweep", ROLE_MEMBER,
      "mutation{upsertSweep(input:{id:\"<sweepid>\",state:\"CANCELED\"}){inserted}}", "" },
    { "createAgent", ROLE_MEMBER,
      "mutation{createAgent(input:{host:\"h\",entityName:\"<entity>\",projectName:\"p\",sweep:\"<sweep>\"}){"
      "agent{id}}}",
      "" },
    { "agentHeartbeat", ROLE_MEMBER, "mutation{agentHeartbeat(input:{id:\"<sweep agent>\"}){commands}}", "" },

#include "access_acts_artifacts.h"

    { "createDefaultResourceConfig", ROLE_MEMBER,
      "mutation{createDefaultResourceConfig(input:{entityName:\"<entity>\",resource:\"vertex\","
      "config:\"{\\\"resource_args\\\":{}}\"}){success}}",
      "" },
    { "createRunQueue", ROLE_MEMBER,
      "mutation{createRunQueue(input:{entityName:\"<entity>\",projectName:\"model-registry\","
      "queueName:\"new <queue>\",access:USER}){success}}",
      "" },
    { "createRunQueue.for all", ROLE_ADMIN,
      "mutation{createRunQueue(input:{entityName:\"<entity>\",projectName:\"model-registry\","
      "queueName:\"new <queue>\",access:PROJECT}){success}}",
      "" },
    { "upsertRunQueue", ROLE_ADMIN,
      "mutation{upsertRunQueue(input:{entityName:\"<entity>\",projectName:\"model-registry\","
      "queueName:\"new <queue>\",resourceType:\"vertex\",resourceConfig:\"{\\\"resource_args\\\":{}}\"})"
      "{success}}",
      "" },
    { "upsertRunQueue", ROLE_ADMIN,
      "mutation{upsertRunQueue(input:{entityName:\"<entity>\",projectName:\"model-registry\","
      "queueName:\"<queue>\",resourceType:\"vertex\",resourceConfig:\"{\\\"resource_args\\\":{}}\"}){success}"
      "}",
      "" },
    { "rollbackRunQueue", ROLE_ADMIN,
      "mutation{rollbackRunQueue(input:{queueID:\"<queueid>\",version:1}){version}}", "" },
    { "deleteRunQueues", ROLE_ADMIN, "mutation{deleteRunQueues(input:{queueIDs:[\"<queueid>\"]}){success}}",
      "" },

    { "pushToRunQueue", ROLE_MEMBER,
      "mutation{pushToRunQueue(input:{queueID:\"<queueid>\",runSpec:\"{}\"}){runQueueItemId}}", "" },
    { "pushToRunQueue.resources", ROLE_ADMIN,
      "mutation{pushToRunQueue(input:{queueID:\"<queueid>\","
      "runSpec:\"{\\\"resource_args\\\":{\\\"vertex\\\":{\\\"x\\\":1}}}\"}){runQueueItemId}}",
      "" },
    { "pushToRunQueueByName", ROLE_MEMBER,
      "mutation{pushToRunQueueByName(input:{entityName:\"<entity>\",projectName:\"model-registry\","
      "queueName:\"<queue>\",runSpec:\"{\\\"entity\\\":\\\"<entity>\\\",\\\"project\\\":\\\"p\\\"}\"})"
      "{runQueueItemId}}",
      "" },
    { "stopRunQueueItem", ROLE_MEMBER,
      "mutation{stopRunQueueItem(input:{runQueueItemId:\"<item>\"}){item{state}}}", "" },
    { "deleteFromRunQueue", ROLE_MEMBER,
      "mutation{deleteFromRunQueue(input:{queueID:\"<queueid>\",runQueueItemId:\"<own item>\"}){success}}",
      "" },
    { "deleteFromRunQueue.of others", ROLE_ADMIN,
      "mutation{deleteFromRunQueue(input:{queueID:\"<queueid>\",runQueueItemId:\"<item>\"}){success}}", "" },

    { "createLaunchAgent", ROLE_MEMBER,
      "mutation{createLaunchAgent(input:{entityName:\"<entity>\",projectName:\"model-registry\","
      "runQueues:[\"<queueid>\"],hostname:\"h\"}){launchAgentId}}",
      "" },
    { "updateLaunchAgent", ROLE_MEMBER,
      "mutation{updateLaunchAgent(input:{launchAgentId:\"<agent>\",agentStatus:\"POLLING\"}){success}}", "" },
    { "popFromRunQueue", ROLE_MEMBER,
      "mutation{popFromRunQueue(input:{entityName:\"<entity>\",projectName:\"model-registry\","
      "queueName:\"<queue>\",launchAgentId:\"<agent>\"}){runSpec}}",
      "" },
    { "ackRunQueueItem", ROLE_MEMBER,
      "mutation{ackRunQueueItem(input:{runQueueItemId:\"<item>\",runName:\"r\"}){success}}", "" },
    { "failRunQueueItem", ROLE_MEMBER,
      "mutation{failRunQueueItem(input:{runQueueItemId:\"<item>\",message:\"m\",stage:\"agent\"}){success}}",
      "" },
    { "updateRunQueueItemWarning", ROLE_MEMBER,
      "mutation{updateRunQueueItemWarning(input:{runQueueItemId:\"<item>\",message:\"m\",stage:\"agent\"})"
      "{success}}",
      "" },
    { "finishRunQueueItem", ROLE_MEMBER,
      "mutation{finishRunQueueItem(input:{runQueueItemId:\"<item>\",outcome:FINISHED}){success}}", "" },
    { "noteRunQueueItem", ROLE_MEMBER,
      "mutation{noteRunQueueItem(input:{runQueueItemId:\"<item>\",message:\"m\"}){success}}", "" },
    { "keepRunQueueItem", ROLE_MEMBER,
      "mutation{keepRunQueueItem(input:{runQueueItemId:\"<item>\",launchAgentId:\"<agent>\",fence:1}){"
      "success}}",
      "" },
};

static const struct {
    const char *method, *path;
    enum store_role least;
} routes[] = {
    { "POST", "/files/<entity>/p/<run>/file_stream", ROLE_MEMBER },
    { "GET", "/files/<entity>/p/<run>/f", ROLE_VIEWER },
    { "GET", "/artifacts/<entity>/<md5>", ROLE_VIEWER },
    { "GET", "/artifactsV2/default/<entity>/p/c/<whole>/<md5>/f", ROLE_VIEWER },
    { "GET", "/artifactsV2/default/<entity>/p/c/<whole>/<whole>/<md5>/f", ROLE_VIEWER },
};
