/* google/credentials/gcloud.c: what gcloud keeps in its folder, read without running it. */
#include "google/credentials/credential.h"
#include "io/file.h"

enum { MAX_FILE_BYTES = 64 * 1024 };

const char *gcloud_folder(struct io *io, struct arena *a)
{
    const char *folder = io_env_text(io, "CLOUDSDK_CONFIG"), *home = io_env_text(io, "HOME");

    if (folder)
        return folder;
    return home ? arena_printf(a, "%s/.config/gcloud", home) : NULL;
}

/* "project = x" in the section [core]. */
static struct str core_project(struct str text)
{
    struct str line, key, section = { NULL, 0 };

    while (str_cut(&text, '\n', &line)) {
        line = str_trim(line);
        if (str_has_prefix(line, STR("["))) {
            section = line;
        } else if (str_is(section, "[core]") && str_cut(&line, '=', &key) && line.ptr &&
                   str_is(str_trim(key), "project")) {
            return str_trim(line);
        }
    }
    return (struct str){ NULL, 0 };
}

/* A name, not a way out of the folder. */
static bool is_name(struct str s)
{
    return s.len > 0 && s.len < 100 && str_find(s, STR("/")) < 0 && s.ptr[0] != '.';
}

struct str gcloud_project(struct io *io, struct arena *a)
{
    const char *given = io_env_text(io, "CLOUDSDK_CORE_PROJECT"), *folder = gcloud_folder(io, a);
    const char *chosen = io_env_text(io, "CLOUDSDK_ACTIVE_CONFIG_NAME");
    struct str name = str_of(chosen), text = { NULL, 0 };

    if (given || !folder)
        return str_of(given);
    if (!name.len &&
        file_read(io, a, arena_printf(a, "%s/active_config", folder), MAX_FILE_BYTES, &name, NULL))
        name = STR("default");
    name = str_trim(name);
    if (!is_name(name) ||
        file_read(io, a, arena_printf(a, "%s/configurations/config_%.*s", folder, STR_ARG(name)),
                  MAX_FILE_BYTES, &text, NULL))
        return (struct str){ NULL, 0 };
    return core_project(text);
}
