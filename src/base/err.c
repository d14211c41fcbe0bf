/* base/err.c: errors that gather context; one table says everything about a code. */
#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"

static const struct {
    const char *name;
    int exit_status;
    bool transient;
} codes[ERR_COUNT_] = {
    [ERR_NONE] = { "none", 0, false },
    [ERR_USAGE] = { "usage", 2, false },
    [ERR_CONFIG] = { "config", 3, false },
    [ERR_AUTH] = { "auth", 4, false },
    [ERR_DENIED] = { "denied", 5, false },
    [ERR_NOT_FOUND] = { "not_found", 6, false },
    [ERR_CONFLICT] = { "conflict", 7, false },
    [ERR_INVALID] = { "invalid", 8, false },
    [ERR_PROTO] = { "proto", 9, false },
    [ERR_NET] = { "net", 10, true },
    [ERR_TIMEOUT] = { "timeout", 11, true },
    [ERR_THROTTLED] = { "throttled", 12, true },
    [ERR_REMOTE] = { "remote", 13, true },
    [ERR_STORE] = { "store", 14, false },
    [ERR_OS] = { "os", 15, false },
    [ERR_CANCELLED] = { "cancelled", 16, false },
    [ERR_LIMIT] = { "limit", 17, false },
    [ERR_FOUND] = { "found", 1, false },
};

/* Length of the UTF-8 sequence at @p, 0 when there is none. */
static size_t character(const char *p)
{
    size_t left = strnlen(p, 4);

    for (size_t n = 1; n <= left; n++)
        if (str_is_utf8((struct str){ p, n }))
            return n;
    return 0;
}

/* One line, and no half of a UTF-8 sequence at the cut. */
static void tidy(char *msg)
{
    size_t len = strlen(msg);
    size_t tail = len;

    for (size_t i = 0; i < len; i++)
        if ((unsigned char)msg[i] < 0x20 || msg[i] == 0x7f)
            msg[i] = ' ';
    while (tail > 0 && len - tail < 3 && ((unsigned char)msg[tail - 1] & 0xc0) == 0x80)
        tail--;
    if (tail > 0 && ((unsigned char)msg[tail - 1] & 0xc0) == 0xc0) {
        unsigned char lead = (unsigned char)msg[tail - 1];
        size_t want = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;

        if (len - tail + 1 < want)
            msg[tail - 1] = '\0';
    }
    for (size_t i = 0; msg[i];) {
        size_t n = character(msg + i);

        if (n == 0)
            msg[i] = '?'; /* a library may quote bytes of the input */
        i += n ? n : 1;
    }
}

static void fill(struct err *e, enum err_code code, const char *fmt, va_list ap)
    __attribute__((format(printf, 3, 0)));

static void fill(struct err *e, enum err_code code, const char *fmt, va_list ap)
{
    char msg[sizeof(e->msg)]; /* an argument may be the old message */

    vsnprintf(msg, sizeof(msg), fmt, ap);
    tidy(msg);
    *e = (struct err){ .code = code };
    memcpy(e->msg, msg, sizeof(msg));
}

int err_set(struct err *e, enum err_code code, const char *fmt, ...)
{
    va_list ap;

    if (e) {
        va_start(ap, fmt);
        fill(e, code, fmt, ap);
        va_end(ap);
    }
    return -(int)code;
}

int err_set_os(struct err *e, int os_errno, const char *fmt, ...)
{
    enum err_code code = os_errno == ENOENT ? ERR_NOT_FOUND : ERR_OS;
    va_list ap;

    if (e) {
        size_t len = 0;
        char text[128];

        va_start(ap, fmt);
        fill(e, code, fmt, ap);
        va_end(ap);
        e->os_errno = os_errno;
        len = strlen(e->msg);
        snprintf(e->msg + len, sizeof(e->msg) - len, ": %s", strerror_r(os_errno, text, sizeof(text)));
    }
    return -(int)code;
}

static enum err_code code_of_http(int status)
{
    switch (status) {
    case 400:
    case 422:
        return ERR_INVALID;
    case 401:
        return ERR_AUTH;
    case 403:
        return ERR_DENIED;
    case 404:
    case 410:
        return ERR_NOT_FOUND;
    case 408:
        return ERR_TIMEOUT;
    case 409:
        return ERR_CONFLICT;
    case 413:
        return ERR_LIMIT;
    case 429:
        return ERR_THROTTLED;
    default:
        return status >= 500 && status <= 599 ? ERR_REMOTE : ERR_PROTO;
    }
}

int err_set_http(struct err *e, int http_status, const char *fmt, ...)
{
    enum err_code code = code_of_http(http_status);
    va_list ap;

    if (e) {
        va_start(ap, fmt);
        fill(e, code, fmt, ap);
        va_end(ap);
        e->http_status = http_status;
    }
    return -(int)code;
}

int err_set_http_foreign(struct err *e, int http_status, const char *fmt, ...)
{
    enum err_code code = code_of_http(http_status);
    va_list ap;

    if (code == ERR_DENIED || code == ERR_NOT_FOUND || code == ERR_CONFLICT)
        code = ERR_REMOTE;
    if (e) {
        va_start(ap, fmt);
        fill(e, code, fmt, ap);
        va_end(ap);
        e->http_status = http_status;
    }
    return -(int)code;
}

int err_wrap(struct err *e, const char *fmt, ...)
{
    char context[sizeof(e->msg)];
    char inner[sizeof(e->msg)];
    size_t len = 0;
    va_list ap;

    if (!e)
        return -(int)ERR_PROTO;
    va_start(ap, fmt);
    vsnprintf(context, sizeof(context), fmt, ap);
    va_end(ap);
    memcpy(inner, e->msg, sizeof(inner));
    snprintf(e->msg, sizeof(e->msg), "%s", context);
    len = strlen(e->msg);
    snprintf(e->msg + len, sizeof(e->msg) - len, ": %s", inner);
    tidy(e->msg);
    return -(int)e->code;
}

bool err_is_transient(const struct err *e)
{
    return codes[e->code].transient;
}

const char *err_name(enum err_code code)
{
    return (unsigned)code < ERR_COUNT_ ? codes[code].name : "unknown";
}

int err_exit_status(enum err_code code)
{
    return (unsigned)code < ERR_COUNT_ ? codes[code].exit_status : 1;
}
