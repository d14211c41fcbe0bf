/*
 * emulator/role_table.c: which permissions a role has: Google's predefined roles as far as launching jobs
 * needs them, and the custom roles of a project (kind "role" in the store).
 */
#include "emulator/access.h"

/* Words separated by spaces; "aiplatform.*" is all that begin so; "-word" takes away what a word before gave.
 */
struct role_row {
    const char *role, *permissions;
};
static const struct role_row roles[] = {
    { "roles/owner", "*" },
    { "roles/editor",
      "aiplatform.* artifactregistry.* cloudbuild.* logging.* serviceusage.* secretmanager.secrets.* "
      "secretmanager.versions.add secretmanager.versions.get secretmanager.versions.list "
      "iam.serviceAccounts.actAs iam.serviceAccounts.create iam.serviceAccounts.delete "
      "iam.serviceAccounts.get iam.serviceAccounts.list iam.serviceAccountKeys.* iam.roles.get "
      "iam.roles.list "
      "resourcemanager.projects.get storage.buckets.create storage.buckets.delete storage.buckets.list "
      "-secretmanager.secrets.setIamPolicy -artifactregistry.repositories.setIamPolicy "
      "-logging.privateLogEntries.list" },
    { "roles/viewer",
      "aiplatform.customJobs.get aiplatform.customJobs.list aiplatform.locations.get "
      "aiplatform.locations.list artifactregistry.repositories.get artifactregistry.repositories.list "
      "artifactregistry.repositories.downloadArtifacts artifactregistry.dockerimages.list "
      "artifactregistry.tags.get artifactregistry.tags.list cloudbuild.builds.get iam.serviceAccounts.get "
      "iam.serviceAccounts.list iam.roles.get iam.roles.list logging.logEntries.list "
      "resourcemanager.projects.get secretmanager.secrets.get secretmanager.secrets.list "
      "secretmanager.versions.get secretmanager.versions.list serviceusage.services.get "
      "serviceusage.services.list serviceusage.services.use storage.buckets.list" },
    { "roles/browser", "resourcemanager.projects.get resourcemanager.projects.getIamPolicy" },
    { "roles/resourcemanager.projectIamAdmin", "resourcemanager.projects.*" },
    { "roles/aiplatform.admin", "aiplatform.* resourcemanager.projects.get" },
    { "roles/aiplatform.user", "aiplatform.* resourcemanager.projects.get" },
    { "roles/aiplatform.viewer",
      "aiplatform.customJobs.get aiplatform.customJobs.list aiplatform.locations.get "
      "aiplatform.locations.list resourcemanager.projects.get" },
    { "roles/iam.serviceAccountUser", "iam.serviceAccounts.actAs iam.serviceAccounts.get "
                                      "iam.serviceAccounts.list resourcemanager.projects.get" },
    { "roles/iam.serviceAccountTokenCreator",
      "iam.serviceAccounts.getAccessToken iam.serviceAccounts.getOpenIdToken "
      "iam.serviceAccounts.implicitDelegation iam.serviceAccounts.signBlob iam.serviceAccounts.signJwt "
      "iam.serviceAccounts.get iam.serviceAccounts.list resourcemanager.projects.get" },
    { "roles/iam.workloadIdentityUser",
      "iam.serviceAccounts.getAccessToken iam.serviceAccounts.getOpenIdToken iam.serviceAccounts.get "
      "iam.serviceAccounts.list" },
    { "roles/iam.serviceAccountAdmin",
      "iam.serviceAccounts.create iam.serviceAccounts.delete iam.serviceAccounts.disable "
      "iam.serviceAccounts.enable iam.serviceAccounts.get iam.serviceAccounts.list "
      "iam.serviceAccounts.getIamPolicy iam.serviceAccounts.setIamPolicy resourcemanager.projects.get" },
    { "roles/iam.serviceAccountKeyAdmin", "iam.serviceAccountKeys.* iam.serviceAccounts.get" },
    { "roles/iam.roleAdmin", "iam.roles.* resourcemanager.projects.get" },
    { "roles/secretmanager.admin", "secretmanager.* resourcemanager.projects.get" },
    { "roles/secretmanager.secretAccessor", "secretmanager.versions.access resourcemanager.projects.get" },
    { "roles/secretmanager.secretVersionAdder", "secretmanager.versions.add resourcemanager.projects.get" },
    { "roles/secretmanager.viewer",
      "secretmanager.secrets.get secretmanager.secrets.getIamPolicy secretmanager.secrets.list "
      "secretmanager.versions.get secretmanager.versions.list resourcemanager.projects.get" },
    { "roles/storage.admin", "storage.*" },
    { "roles/storage.objectAdmin", "storage.objects.* resourcemanager.projects.get" },
    { "roles/storage.objectUser",
      "storage.objects.create storage.objects.delete storage.objects.get storage.objects.list "
      "storage.objects.update storage.multipartUploads.* resourcemanager.projects.get" },
    { "roles/storage.objectCreator",
      "storage.objects.create storage.multipartUploads.create resourcemanager.projects.get" },
    { "roles/storage.objectViewer", "storage.objects.get storage.objects.list resourcemanager.projects.get" },
    { "roles/storage.legacyBucketReader", "storage.buckets.get storage.objects.list" },
    { "roles/storage.legacyBucketWriter",
      "storage.buckets.get storage.objects.create storage.objects.delete storage.objects.list" },
    { "roles/artifactregistry.admin", "artifactregistry.*" },
    { "roles/artifactregistry.writer",
      "artifactregistry.repositories.get artifactregistry.repositories.list "
      "artifactregistry.repositories.downloadArtifacts artifactregistry.repositories.uploadArtifacts "
      "artifactregistry.dockerimages.list artifactregistry.tags.*" },
    { "roles/artifactregistry.reader",
      "artifactregistry.repositories.get artifactregistry.repositories.list "
      "artifactregistry.repositories.downloadArtifacts artifactregistry.dockerimages.list "
      "artifactregistry.tags.get artifactregistry.tags.list" },
    { "roles/cloudbuild.builds.editor", "cloudbuild.builds.* resourcemanager.projects.get" },
    { "roles/logging.viewer", "logging.logEntries.list resourcemanager.projects.get" },
    { "roles/logging.privateLogViewer",
      "logging.logEntries.list logging.privateLogEntries.list resourcemanager.projects.get" },
    { "roles/logging.logWriter", "logging.logEntries.create" },
    { "roles/serviceusage.serviceUsageAdmin", "serviceusage.*" },
    { "roles/serviceusage.serviceUsageViewer", "serviceusage.services.get serviceusage.services.list" },
    { "roles/serviceusage.serviceUsageConsumer",
      "serviceusage.services.get serviceusage.services.list serviceusage.services.use" },
};

static const char *const permissions[] = {
    "aiplatform.contexts.get",
    "aiplatform.customJobs.cancel",
    "aiplatform.customJobs.create",
    "aiplatform.customJobs.delete",
    "aiplatform.customJobs.get",
    "aiplatform.customJobs.list",
    "aiplatform.locations.get",
    "aiplatform.locations.list",
    "aiplatform.metadataStores.get",
    "aiplatform.persistentResources.get",
    "artifactregistry.dockerimages.list",
    "artifactregistry.repositories.create",
    "artifactregistry.repositories.delete",
    "artifactregistry.repositories.downloadArtifacts",
    "artifactregistry.repositories.get",
    "artifactregistry.repositories.getIamPolicy",
    "artifactregistry.repositories.list",
    "artifactregistry.repositories.setIamPolicy",
    "artifactregistry.repositories.uploadArtifacts",
    "artifactregistry.tags.create",
    "artifactregistry.tags.get",
    "artifactregistry.tags.list",
    "cloudbuild.builds.create",
    "cloudbuild.builds.get",
    "cloudbuild.builds.update",
    "iam.roles.create",
    "iam.roles.delete",
    "iam.roles.get",
    "iam.roles.list",
    "iam.roles.update",
    "iam.serviceAccountKeys.create",
    "iam.serviceAccountKeys.delete",
    "iam.serviceAccountKeys.list",
    "iam.serviceAccounts.actAs",
    "iam.serviceAccounts.create",
    "iam.serviceAccounts.delete",
    "iam.serviceAccounts.disable",
    "iam.serviceAccounts.enable",
    "iam.serviceAccounts.get",
    "iam.serviceAccounts.getAccessToken",
    "iam.serviceAccounts.getIamPolicy",
    "iam.serviceAccounts.getOpenIdToken",
    "iam.serviceAccounts.implicitDelegation",
    "iam.serviceAccounts.list",
    "iam.serviceAccounts.setIamPolicy",
    "iam.serviceAccounts.signBlob",
    "iam.serviceAccounts.signJwt",
    "logging.logEntries.create",
    "logging.logEntries.list",
    "logging.privateLogEntries.list",
    "resourcemanager.projects.get",
    "resourcemanager.projects.getIamPolicy",
    "resourcemanager.projects.setIamPolicy",
    "secretmanager.secrets.create",
    "secretmanager.secrets.delete",
    "secretmanager.secrets.get",
    "secretmanager.secrets.getIamPolicy",
    "secretmanager.secrets.list",
    "secretmanager.secrets.setIamPolicy",
    "secretmanager.secrets.update",
    "secretmanager.versions.access",
    "secretmanager.versions.add",
    "secretmanager.versions.destroy",
    "secretmanager.versions.disable",
    "secretmanager.versions.enable",
    "secretmanager.versions.get",
    "secretmanager.versions.list",
    "serviceusage.services.disable",
    "serviceusage.services.enable",
    "serviceusage.services.get",
    "serviceusage.services.list",
    "serviceusage.services.use",
    "storage.buckets.create",
    "storage.buckets.delete",
    "storage.buckets.get",
    "storage.buckets.getIamPolicy",
    "storage.buckets.list",
    "storage.buckets.setIamPolicy",
    "storage.buckets.update",
    "storage.multipartUploads.abort",
    "storage.multipartUploads.create",
    "storage.multipartUploads.list",
    "storage.multipartUploads.listParts",
    "storage.objects.create",
    "storage.objects.delete",
    "storage.objects.get",
    "storage.objects.list",
    "storage.objects.update",
};

bool permission_is_known(struct str permission)
{
    for (size_t i = 0; i < ARRAY_LEN(permissions); i++)
        if (str_is(permission, permissions[i]))
            return true;
    return false;
}

static bool word_covers(struct str word, struct str permission)
{
    if (str_has_suffix(word, STR("*")))
        return str_has_prefix(permission, str_sub(word, 0, word.len - 1));
    return str_eq(word, permission);
}

static bool row_permits(const struct role_row *row, struct str permission)
{
    struct str rest = str_of(row->permissions), word = { NULL, 0 };
    bool has = false;

    while (str_cut(&rest, ' ', &word)) {
        if (str_take(&word, '-'))
            has = has && !word_covers(word, permission);
        else
            has = has || word_covers(word, permission);
    }
    return has;
}

static bool custom_permits(struct emulator *m, struct str role, struct str permission)
{
    AUTO_PTR(arena) a = arena_new();
    struct jval *v = NULL;

    if (store_get_resource(m->db, a, "role", role, &v, NULL) || jval_bool(jval_get(v, "deleted")))
        return false;
    return jval_has_text(jval_get(v, "includedPermissions"), permission);
}

bool role_permits(struct emulator *m, struct str role, const char *permission)
{
    for (size_t i = 0; i < ARRAY_LEN(roles); i++)
        if (str_is(role, roles[i].role))
            return row_permits(&roles[i], str_of(permission));
    return custom_permits(m, role, str_of(permission));
}

bool role_is_known(struct emulator *m, struct str role)
{
    for (size_t i = 0; i < ARRAY_LEN(roles); i++)
        if (str_is(role, roles[i].role))
            return true;
    return store_has_resource(m->db, "role", role);
}
