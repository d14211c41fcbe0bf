/* google/credentials/subject_executable.c: a subject token that a program prints (reference 4.10). Run
 * directly, never by a shell. */
#include <signal.h>
#include <string.h>

#include "google/credentials/external.h"
#include "io/file.h"
#include "io/proc.h"

enum { TIMEOUT_MS = 30000, MIN_TIMEOUT_MS = 5000, MAX_TIMEOUT_MS = 120000, MAX_OUTPUT = 256 * 1024 };
enum { MAX_WORDS = 256, MAX_ADDED = 8 };

struct own {
    const char **argv;
    const char *output_file; /* NULL: none */
    int64_t timeout_ms;
};

/* --- the answer --- */

static bool is_id_token(struct str type)
{
    return str_is(type, "urn:ietf:params:oauth:token-type:jwt") ||
           str_is(type, "urn:ietf:params:oauth:token-type:id_token");
}

static int answer_missing(const char *field, struct err *e)
{
    return err_set(e, ERR_PROTO, "The executable response is missing the %s field.", field);
}

static int answer_head(const struct jval *v, struct err *e)
{
    const struct jval *version = jval_get(v, "version");

    if (!version)
        return answer_missing("version", e);
    if (jval_int(version) != 1)
        return err_set(e, ERR_PROTO, "Executable returned unsupported version %lld.",
                       (long long)jval_int(version));
    if (!jval_is(jval_get(v, "success"), JVAL_BOOL))
        return answer_missing("success", e);
    if (!jval_bool(jval_get(v, "success")))
        return err_set(e, ERR_AUTH, "Executable returned unsuccessful response: code: %.*s, message: %.*s.",
                       STR_ARG(jval_str(jval_get(v, "code"))), STR_ARG(jval_str(jval_get(v, "message"))));
    return 0;
}

int executable_answer_read(struct str text, struct str token_type, int64_t now_s,
                           struct executable_answer *ret, struct err *e)
{
    AUTO_PTR(arena) a = arena_new();
    struct jval *v = NULL;
    struct executable_answer found = { 0 };
    struct str type = { NULL, 0 };
    const char *field;

    if (jval_from_json(a, text, "output", NULL, &v, NULL) || !jval_is(v, JVAL_OBJECT))
        return err_set(e, ERR_PROTO, "The executable's output is not a JSON object");
    if (answer_head(v, e))
        return e ? -(int)e->code : -ERR_PROTO;
    type = jval_str(jval_get(v, "token_type"));
    if (!type.len)
        return answer_missing("token_type", e);
    field = is_id_token(type) ? "id_token" : "saml_response";
    if ((!is_id_token(type) && !str_is(type, "urn:ietf:params:oauth:token-type:saml2")) ||
        (token_type.len && !str_eq(type, token_type)))
        return err_set(e, ERR_PROTO, "Executable returned unsupported token type.");
    found.expires_at_s = (int64_t)jval_int(jval_get(v, "expiration_time"));
    if (jval_get(v, "expiration_time") && found.expires_at_s < now_s)
        return err_set(e, ERR_AUTH, "The token returned by the executable is expired.");
    found.token = file_secret(v, field);
    if (!found.token)
        return answer_missing(field, e);
    *ret = found;
    return 0;
}

/* --- the command --- */

struct splitter {
    struct str rest;
    struct strbuf word;
    bool in_word;
};

/* The text up to the closing @quote; inside double quotes a backslash keeps " and \. */
static bool take_quoted(struct splitter *s, char quote)
{
    while (s->rest.len) {
        char c = s->rest.ptr[0];

        s->rest = str_sub(s->rest, 1, s->rest.len);
        if (c == quote)
            return true;
        if (c == '\\' && quote == '"' && s->rest.len && (s->rest.ptr[0] == '"' || s->rest.ptr[0] == '\\')) {
            c = s->rest.ptr[0];
            s->rest = str_sub(s->rest, 1, s->rest.len);
        }
        strbuf_addc(&s->word, c);
    }
    return false;
}

/* One word; false at the end, *ret_ok false for an open quote. */
static bool take_word(struct splitter *s, bool *ret_ok)
{
    strbuf_reset(&s->word);
    s->in_word = false;
    while (s->rest.len) {
        char c = s->rest.ptr[0];
        bool blank = c == ' ' || c == '\t' || c == '\n' || c == '\r';

        if (blank && s->in_word)
            return true;
        s->rest = str_sub(s->rest, 1, s->rest.len);
        if (blank)
            continue;
        s->in_word = true;
        if (c == '\'' || c == '"') {
            *ret_ok = take_quoted(s, c);
            if (!*ret_ok)
                return false;
        } else if (c == '\\') {
            *ret_ok = s->rest.len > 0;
            if (!*ret_ok)
                return false;
            strbuf_addc(&s->word, s->rest.ptr[0]);
            s->rest = str_sub(s->rest, 1, s->rest.len);
        } else {
            strbuf_addc(&s->word, c);
        }
    }
    return s->in_word;
}

int command_split(struct arena *a, struct str line, const char ***ret, struct err *e)
{
    struct splitter s = { .rest = line, .word = STRBUF(64 * 1024) };
    const char **words = arena_array(a, MAX_WORDS + 1, sizeof(*words));
    size_t len = 0;
    bool ok = true;

    while (len < MAX_WORDS && take_word(&s, &ok))
        words[len++] = arena_strdup(a, strbuf_cstr(&s.word));
    strbuf_done(&s.word);
    if (!ok || len == 0 || len == MAX_WORDS)
        return err_set(e, ERR_CONFIG, "credential_source.executable.command: %s",
                       !ok   ? "a quote or backslash is left open"
                       : len ? "too many words"
                             : "is empty");
    *ret = words;
    return 0;
}

static int load(struct credential *c, struct external *x, const struct jval *source, struct err *e)
{
    const struct jval *executable = jval_get(source, "executable");
    const struct jval *timeout = jval_get(executable, "timeout_millis");
    struct own *own = arena_alloc(c->a, sizeof(*own));

    x->own = own;
    if (!jval_str(jval_get(executable, "command")).len)
        return err_set(e, ERR_CONFIG,
                       "Missing command field. Executable command must be provided in the credential_source");
    own->output_file = arena_cstr(c->a, jval_str(jval_get(executable, "output_file")));
    own->timeout_ms = timeout ? jval_int(timeout) : TIMEOUT_MS;
    if (own->timeout_ms < MIN_TIMEOUT_MS || own->timeout_ms > MAX_TIMEOUT_MS)
        return err_set(e, ERR_CONFIG, "Timeout must be between 5 and 120 seconds.");
    return command_split(c->a, jval_str(jval_get(executable, "command")), &own->argv, e);
}

/* --- running it --- */

/* The environment of this process but for W&B's key, which is none of the program's business, and what the
 * agreement with such programs adds. */
static const char *const *environment(struct credential *c, struct external *x, struct arena *a)
{
    const struct own *own = x->own;
    const char *const *mine = io_env_all(c->io, a);
    size_t count = 0, n = 0;
    const char **env;

    while (mine[count])
        count++;
    env = arena_array(a, count + MAX_ADDED + 1, sizeof(*env));
    for (size_t i = 0; i < count; i++)
        if (strncmp(mine[i], "WANDB_API_KEY=", 14) != 0 &&
            strncmp(mine[i], "GOOGLE_EXTERNAL_ACCOUNT_", 24) != 0)
            env[n++] = mine[i];
    env[n++] = arena_printf(a, "GOOGLE_EXTERNAL_ACCOUNT_AUDIENCE=%.*s", STR_ARG(x->audience));
    env[n++] = arena_printf(a, "GOOGLE_EXTERNAL_ACCOUNT_TOKEN_TYPE=%.*s", STR_ARG(x->subject_token_type));
    env[n++] = arena_printf(a, "GOOGLE_EXTERNAL_ACCOUNT_ID=%.*s", STR_ARG(c->target.principal));
    env[n++] = "GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES=1";
    env[n++] = "GOOGLE_EXTERNAL_ACCOUNT_INTERACTIVE=0";
    env[n++] = "GOOGLE_EXTERNAL_ACCOUNT_REVOKE=0";
    if (c->target.url)
        env[n++] =
            arena_printf(a, "GOOGLE_EXTERNAL_ACCOUNT_IMPERSONATED_EMAIL=%.*s", STR_ARG(c->target.principal));
    if (own->output_file)
        env[n++] = arena_printf(a, "GOOGLE_EXTERNAL_ACCOUNT_OUTPUT_FILE=%s", own->output_file);
    return env;
}

struct run {
    struct io *io;
    struct proc *proc;
    int64_t timeout_ms;
    bool timed_out;
    struct strbuf out, err; /* hold a token: wiped */
    int status;
};

static void end_in_time(void *arg)
{
    struct run *r = arg;

    if (io_sleep(r->io, r->timeout_ms, NULL))
        return;
    r->timed_out = true;
    proc_signal_group(r->proc, SIGKILL);
}

static int read_output(struct run *r, struct err *e)
{
    struct strbuf line = STRBUF(MAX_OUTPUT + 1);
    enum proc_stream stream = PROC_STDOUT;
    struct err why = { 0 };
    int rc;

    while ((rc = proc_read_line(r->proc, &line, &stream, &why)) == 0) {
        struct strbuf *to = stream == PROC_STDOUT ? &r->out : &r->err;

        strbuf_add(to, strbuf_str(&line));
        strbuf_addc(to, '\n');
        if (r->out.full)
            break;
    }
    strbuf_wipe(&line);
    if (rc == -ERR_CANCELLED)
        return err_set(e, ERR_CANCELLED, "asked to stop");
    if (r->out.full)
        return err_set(e, ERR_LIMIT, "the executable's output is longer than %d bytes", MAX_OUTPUT);
    return proc_wait(r->proc, &r->status, e);
}

static int run_outcome(const struct run *r, struct err *e)
{
    struct str said = str_trim(strbuf_str(&r->err));

    if (r->timed_out)
        return err_set(e, ERR_TIMEOUT, "the executable did not end within %lld s",
                       (long long)(r->timeout_ms / 1000));
    if (r->status)
        return err_set(e, ERR_AUTH, "Executable exited with non-zero return code %d. Error: %.*s", r->status,
                       STR_ARG(str_sub(said, 0, 300)));
    return 0;
}

static int answer_of_run(struct credential *c, struct external *x, const struct run *r,
                         struct executable_answer *ret, struct err *e)
{
    AUTO_PTR(secret) text = NULL;
    const struct own *own = x->own;
    int64_t now_s = io_now_unix_ms(c->io) / 1000;
    struct str out = str_trim(strbuf_str(&r->out));

    if (!out.len && own->output_file) {
        if (file_read_secret(c->io, own->output_file, MAX_OUTPUT, &text, e))
            return err_wrap(e, "the executable's output file");
        out = secret_unwrap(text);
    }
    if (!out.len) /* google-auth reads both streams as one */
        out = str_trim(strbuf_str(&r->err));
    return executable_answer_read(out, x->subject_token_type, now_s, ret, e);
}

static int run(struct credential *c, struct external *x, struct executable_answer *ret, struct err *e)
{
    AUTO_PTR(arena) a = arena_new();
    const struct own *own = x->own;
    const struct proc_options o = { .argv = own->argv,
                                    .env = environment(c, x, a),
                                    .max_line_bytes = MAX_OUTPUT };
    struct run r = {
        .io = c->io, .timeout_ms = own->timeout_ms, .out = STRBUF(MAX_OUTPUT), .err = STRBUF(MAX_OUTPUT)
    };
    struct group *clock;
    int rc = proc_spawn(c->io, &o, &r.proc, e);

    if (rc)
        return rc == -ERR_NOT_FOUND ? err_set(e, ERR_CONFIG, "executable %s was not found", own->argv[0])
                                    : rc;
    clock = group_new(c->io);
    group_spawn(clock, "executable-clock", end_in_time, &r);
    rc = read_output(&r, e);
    group_end(clock);
    proc_free(r.proc);
    if (!rc)
        rc = run_outcome(&r, e);
    if (!rc)
        rc = answer_of_run(c, x, &r, ret, e);
    strbuf_wipe(&r.out);
    strbuf_wipe(&r.err);
    return rc;
}

/* A token that the program left for later runs, unless it is missing, unreadable or over. */
static bool is_kept(struct credential *c, struct external *x, struct executable_answer *ret)
{
    AUTO_PTR(secret) text = NULL;
    const struct own *own = x->own;
    struct executable_answer found = { 0 };
    int64_t now_s = io_now_unix_ms(c->io) / 1000;

    if (!own->output_file || file_read_secret(c->io, own->output_file, MAX_OUTPUT, &text, NULL) ||
        executable_answer_read(secret_unwrap(text), x->subject_token_type, now_s, &found, NULL))
        return false;
    if (!found.expires_at_s) { /* nobody knows how old it is */
        secret_free(found.token);
        return false;
    }
    *ret = found;
    return true;
}

static int fetch(struct credential *c, struct external *x, struct secret **ret, struct err *e)
{
    const char *allowed = io_env_text(c->io, "GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES");
    struct executable_answer answer = { 0 };
    int r;

    if (!allowed || strcmp(allowed, "1") != 0)
        return err_set(e, ERR_CONFIG,
                       "Executables need to be explicitly allowed (set "
                       "GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES to '1') to run.");
    if (!is_kept(c, x, &answer)) {
        r = run(c, x, &answer, e);
        if (r)
            return r;
    }
    *ret = answer.token;
    return 0;
}

const struct subject_source subject_executable = { "executable", load, fetch, NULL };
