/* wandb/files.c: a file of the agent's own run. Source: protocol reference 2.11, 3.3 and 5.6. */
#include "wandb/runs.h"
#include "wandb/wandb_internal.h"

enum { HEADERS_MAX = 16, URL_MAX_BYTES = 4096, PUT_TIMEOUT_MS = 60000 };

/* W&B's pages leave runs of this type out of their lists. */
#define AGENT_JOB_TYPE "sweep-controller"

static int open_run(struct wandb *w, const struct wandb_file *f, struct err *e)
{
    AUTO_PTR(arena) a = arena_new();
    struct jval *vars = jval_new_object(a);
    struct dec d, payload, run;
    int rc;

    vars_set(a, vars, "name", f->agent_name);
    jval_set_cstr(a, vars, "project", WANDB_QUEUE_PROJECT);
    vars_set(a, vars, "entity", f->entity);
    jval_set_cstr(a, vars, "jobType", AGENT_JOB_TYPE);
    rc = call_decoded(w, a, &(struct wandb_request){ wandb_op_agent_run, vars }, &d, e);
    if (rc)
        return rc;
    if (dec_object(&d, "upsertBucket", &payload, DEC_REQUIRED))
        dec_object(&payload, "bucket", &run, DEC_REQUIRED);
    return dec_failed(&d) ? -ERR_PROTO : 0;
}

struct upload {
    struct str url;
    struct http_header headers[HEADERS_MAX];
    size_t header_count;
};

/* Each is a text "Name:Value". */
static void take_headers(struct dec *d, struct upload *u)
{
    const struct jval *list = NULL;

    dec_list(d, "uploadHeaders", &list, DEC_OPTIONAL);
    for (size_t i = 0; i < jval_len(list) && u->header_count < HEADERS_MAX; i++) {
        struct str rest = jval_str(jval_at(list, i)), name;

        if (str_cut(&rest, ':', &name) && name.len)
            u->headers[u->header_count++] = (struct http_header){ name, str_trim(rest) };
    }
}

static int ask_for_upload(struct wandb *w, struct arena *a, const struct wandb_file *f, struct upload *ret,
                          struct err *e)
{
    struct jval *vars = jval_new_object(a), *names = jval_new_array(a);
    const struct jval *files = NULL;
    struct dec d, payload, file;
    int rc;

    vars_set(a, vars, "entity", f->entity);
    jval_set_cstr(a, vars, "project", WANDB_QUEUE_PROJECT);
    vars_set(a, vars, "run", f->agent_name);
    jval_push(a, names, jval_new_str(a, f->path));
    jval_set(a, vars, "files", names);
    rc = call_decoded(w, a, &(struct wandb_request){ wandb_op_file_create, vars }, &d, e);
    if (rc)
        return rc;
    if (dec_object(&d, "createRunFiles", &payload, DEC_REQUIRED)) {
        dec_list(&payload, "files", &files, DEC_REQUIRED);
        take_headers(&payload, ret);
    }
    if (jval_len(files)) {
        dec_item(&payload, "files", files, 0, &file);
        dec_str(&file, "uploadUrl", &ret->url, DEC_REQUIRED);
    }
    if (!dec_failed(&d) && !ret->url.len)
        return err_set(e, ERR_PROTO, "CreateRunFiles: there is no address to send the file to");
    return dec_failed(&d) ? -ERR_PROTO : 0;
}

/* The address is the right to write: no key goes there (protocol reference 1.2). */
static int put(struct wandb *w, const struct wandb_file *f, struct err *e)
{
    AUTO_PTR(arena) a = arena_new();
    struct upload u = { 0 };
    int rc = ask_for_upload(w, a, f, &u, e);
    struct http_request req = { .method = "PUT",
                                .url = arena_str(a, u.url).ptr,
                                .headers = u.headers,
                                .header_count = u.header_count,
                                .body = f->content,
                                .content_type = "", /* those that were given are signed, and no other */
                                .timeout_ms = PUT_TIMEOUT_MS };

    if (rc)
        return rc;
    return wandb_transfer(w, &req, false, e) ? err_wrap(e, "sending %.*s", STR_ARG(f->path)) : 0;
}

static int end_run(struct wandb *w, const struct wandb_file *f, struct err *e)
{
    AUTO_STRBUF struct strbuf url = STRBUF(URL_MAX_BYTES);
    AUTO_PTR(arena) a = arena_new();
    struct jval *body = jval_new_object(a), *sent = jval_new_array(a);
    struct http_request req = { .method = "POST" };

    strbuf_addf(&url, "%s/files/", wandb_base_url(w));
    strbuf_add_url(&url, f->entity);
    strbuf_addz(&url, "/" WANDB_QUEUE_PROJECT "/");
    strbuf_add_url(&url, f->agent_name);
    strbuf_addz(&url, "/file_stream");
    jval_push(a, sent, jval_new_str(a, f->path));
    jval_set(a, body, "uploaded", sent);
    jval_set_bool(a, body, "complete", true);
    jval_set_int(a, body, "exitcode", 0);
    req.url = strbuf_cstr(&url);
    req.body = jval_text(a, body, JVAL_COMPACT);
    return wandb_transfer(w, &req, true, e) ? err_wrap(e, "ending the agent's run") : 0;
}

int wandb_agent_file(struct wandb *w, const struct wandb_file *f, struct err *e)
{
    int rc = open_run(w, f, e), ended;

    if (rc)
        return rc;
    rc = put(w, f, e);
    if (rc == -ERR_CANCELLED)
        return rc;
    ended = end_run(w, f, rc ? NULL : e);
    return rc ? rc : ended;
}
