/* cli/login.c: `slipway login`: check a key and keep it where W&B's tools look. */
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "cli/session.h"
#include "cli/verbs.h"

enum { MAX_KEY_BYTES = 4096 };

/* From the operand, standard input, or a prompt that does not echo. */
static int read_key(const struct args *a, struct secret **ret, struct err *e)
{
    struct termios shown;
    struct termios hidden;
    char line[MAX_KEY_BYTES];
    bool terminal = isatty(STDIN_FILENO) && tcgetattr(STDIN_FILENO, &shown) == 0;
    bool got = false;

    if (args_operand(a, 0)) {
        *ret = secret_new(str_of(args_operand(a, 0)));
        return 0;
    }
    if (terminal) {
        fputs("API key: ", stderr);
        hidden = shown;
        hidden.c_lflag &= ~(tcflag_t)ECHO;
        (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden);
    }
    got = fgets(line, sizeof(line), stdin) != NULL;
    if (terminal) {
        (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &shown);
        fputc('\n', stderr);
    }
    if (!got || str_trim(str_of(line)).len == 0)
        return err_set(e, ERR_USAGE, "no key was given; 'slipway login KEY', or the key on standard input");
    *ret = secret_new(str_trim(str_of(line)));
    mem_wipe(line, sizeof(line));
    return 0;
}

static int login(struct io *io, struct arena *arena, const struct args *a, const struct secret *key,
                 struct err *e)
{
    struct wandb_settings settings = { 0 };
    AUTO_PTR(wandb) w = NULL;
    struct wandb_viewer viewer = { 0 };
    const char *path = NULL;

    if (wandb_settings_load(io, arena, args_text(a, "url"), &settings, e))
        return -e->code;
    secret_free(settings.api_key);
    w = wandb_new(io, &(struct wandb_options){ .base_url = settings.base_url,
                                               .api_key = key,
                                               .user_agent_version = SLIPWAY_VERSION });
    if (wandb_viewer(w, arena, &viewer, e))
        return session_explain(settings.base_url, e);
    if (wandb_login_save(io, arena, settings.base_url, key, &path, e))
        return -e->code;
    if (args_json(a))
        printf("{\"username\": \"%.*s\", \"url\": \"%s\", \"saved\": \"%s\"}\n", STR_ARG(viewer.username),
               settings.base_url, path);
    else
        printf("Logged in to %s as %.*s. The key is in %s.\n", settings.base_url, STR_ARG(viewer.username),
               path);
    return 0;
}

static int login_run(struct io *io, const struct args *a, struct err *e)
{
    AUTO_PTR(arena) arena = arena_new();
    AUTO_PTR(secret) key = NULL;

    if (read_key(a, &key, e))
        return -e->code;
    return login(io, arena, a, key, e);
}

static const struct option_row login_rows[] = { OPTION_URL, OPTION_OUTPUT, OPTION_END };

const struct verb verb_login = {
    .name = "login",
    .operands = "[KEY]",
    .max_operands = 1,
    .summary = "check an API key and keep it in .netrc",
    .details = "Without KEY it is read from standard input, or asked for. `wandb login` reads and writes the "
               "same files.",
    .examples = "  slipway login --url http://127.0.0.1:8080\n  slipway login --url "
                "https://wandb.example.com < key.txt",
    .rows = login_rows,
    .run = login_run,
};
