/* base/log.c: one event a line. The sink is the one piece of process-wide state. */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/timefmt.h"

static struct {
    enum log_level min_level;
    enum log_format format;
    int file;
    log_sink_fn sink;
    void *ctx;
    const char *role;
} log_state = { .min_level = LOG_LEVEL_INFO, .file = -1 };

static const char *const level_names[] = { "DEBUG", "INFO", "WARNING", "ERROR", "OFF" };

void log_configure(enum log_level min_level, enum log_format format)
{
    log_state.min_level = min_level;
    log_state.format = format;
}

void log_set_file(int fd)
{
    log_state.file = fd;
}

void log_set_sink(log_sink_fn sink, void *ctx)
{
    log_state.sink = sink;
    log_state.ctx = ctx;
}

void log_set_role(const char *role)
{
    log_state.role = role;
}

bool log_enabled(enum log_level level)
{
    return level >= log_state.min_level;
}

static bool use_json(void)
{
    if (log_state.format == LOG_FORMAT_AUTO)
        return !isatty(STDERR_FILENO);
    return log_state.format == LOG_FORMAT_JSON;
}

static void format_line(struct strbuf *b, enum log_level level, const char *event, const char *pairs)
{
    char when[RFC3339_SIZE];
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    rfc3339_format((int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000, when);
    if (!use_json()) {
        strbuf_addf(b, "%s %-7s %s%s%s %s\n", when, level_names[level], log_state.role ? log_state.role : "",
                    log_state.role ? " " : "", event, pairs);
        return;
    }
    strbuf_addf(b, "{\"time\":\"%s\",\"severity\":\"%s\",\"event\":\"%s\",", when, level_names[level], event);
    if (log_state.role)
        strbuf_addf(b, "\"role\":\"%s\",", log_state.role);
    strbuf_addz(b, "\"message\":");
    strbuf_add_json(b, str_of(pairs));
    strbuf_addz(b, "}\n");
}

static void put(int fd, struct str line)
{
    while (line.len) {
        ssize_t n = write(fd, line.ptr, line.len);

        if (n <= 0)
            return; /* nowhere left to say so */
        line = str_sub(line, (size_t)n, line.len);
    }
}

/* A value may hold anything: keep the line one line, and text. */
static void add_clean(struct strbuf *b, struct strbuf *pairs)
{
    for (size_t i = 0; i < pairs->len; i++)
        if ((unsigned char)pairs->ptr[i] < 0x20 || pairs->ptr[i] == 0x7f)
            pairs->ptr[i] = ' ';
    strbuf_add_utf8(b, strbuf_str(pairs));
}

void log_event(enum log_level level, const char *event, const char *fmt, ...)
{
    AUTO_STRBUF struct strbuf raw = STRBUF(16 * 1024);
    AUTO_STRBUF struct strbuf pairs = STRBUF(64 * 1024);
    AUTO_STRBUF struct strbuf line = STRBUF(512 * 1024);
    va_list ap;

    va_start(ap, fmt);
    strbuf_vaddf(&raw, fmt, ap);
    va_end(ap);
    if (raw.full) {
        strbuf_reset(&raw);
        strbuf_addz(&raw, "(longer than 16 KiB: left out)");
    }
    add_clean(&pairs, &raw);
    if (log_state.sink) {
        log_state.sink(log_state.ctx, level, event, strbuf_cstr(&pairs));
        return;
    }
    format_line(&line, level, event, strbuf_cstr(&pairs));
    put(STDERR_FILENO, strbuf_str(&line));
    if (log_state.file >= 0)
        put(log_state.file, strbuf_str(&line));
}
