/* cli/verbs.h: the commands, one file each, and the table that main, help and completion walk. */
#pragma once

#include "cli/option.h"

extern const struct verb verb_up, verb_server, verb_emulator, verb_agent, verb_launch_agent,
    verb_agent_status, verb_agent_pause, verb_agent_resume, verb_agent_drain, verb_queue_create,
    verb_queue_list, verb_queue_show, verb_queue_delete, verb_queue_history, verb_queue_rollback,
    verb_queue_parse, verb_queue_validate, verb_queue_render, verb_queue_diff, verb_queue_schema, verb_launch,
    verb_items, verb_item_show, verb_why, verb_logs, verb_stop, verb_admin_user_create,
    verb_admin_team_create, verb_admin_team_role, verb_admin_team_list, verb_admin_user_list,
    verb_admin_user_role, verb_admin_user_disable, verb_admin_user_enable, verb_admin_service_create,
    verb_admin_key_create, verb_admin_key_list, verb_admin_key_revoke, verb_admin_session_list,
    verb_admin_session_revoke, verb_admin_user_link, verb_admin_user_unlink, verb_admin_user_links,
    verb_admin_audit_list, verb_admin_audit_verify, verb_admin_backup, verb_admin_restore, verb_admin_copy,
    verb_admin_export, verb_admin_prune, verb_admin_retention_set, verb_admin_retention_show,
    verb_admin_retention_clear, verb_login, verb_version, verb_completion, verb_auth_whoami,
    verb_auth_print_access_token, verb_auth_test, verb_doctor;

extern const struct verb verb_emulator_account_create, verb_emulator_account_list, verb_emulator_account_key,
    verb_emulator_account_delete, verb_emulator_token, verb_emulator_user_login, verb_emulator_grant,
    verb_emulator_revoke, verb_emulator_policy_show, verb_emulator_policy_set, verb_emulator_role_apply,
    verb_emulator_service_enable, verb_emulator_service_disable, verb_emulator_project_create,
    verb_emulator_bucket_create, verb_emulator_bucket_list, verb_emulator_capacity_show,
    verb_emulator_capacity_set, verb_emulator_capacity_clear;
extern const struct verb verb_iam_role, verb_iam_policy, verb_iam_commands, verb_iam_wif, verb_iam_audit;

extern const struct verb verb_emulator_secret_create, verb_emulator_secret_add, verb_emulator_secret_list,
    verb_emulator_secret_versions, verb_emulator_secret_access, verb_emulator_secret_enable,
    verb_emulator_secret_disable, verb_emulator_secret_destroy, verb_emulator_secret_alias,
    verb_emulator_secret_delete;

/** verb_table() - all verbs in the order of help; NULL-ended. */
const struct verb *const *verb_table(void);
