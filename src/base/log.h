/*
 * base/log.h: one event a line, to stderr: text on a terminal, JSON ("severity", "message") elsewhere.
 *
 * LOG_INFO("launch.submitted", "item=%s vertex_job=%s", item, job); the format is a list of key=value pairs;
 * a value with spaces is written key="...". Only agent/, server/, emulator/ and cli/ log above DEBUG; a
 * function that returns an error stays silent. ERROR someone must act; WARNING we coped; INFO life-cycle
 * change; DEBUG wire detail, no bodies.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/defs.h"
#include "base/str.h"

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARNING, LOG_LEVEL_ERROR, LOG_LEVEL_OFF };
enum log_format { LOG_FORMAT_AUTO, LOG_FORMAT_TEXT, LOG_FORMAT_JSON };

/* Where finished lines go; ctx as given. Replaced in tests and in the simulator (which has its own clock). */
typedef void (*log_sink_fn)(void *ctx, enum log_level level, const char *event, const char *pairs);

void log_configure(enum log_level min_level, enum log_format format);
/** log_set_file() - also append lines to @fd ("--log-file"); -1 ends that. The descriptor stays the caller's.
 */
void log_set_file(int fd);
void log_set_sink(log_sink_fn sink, void *ctx); /* NULL: back to stderr */
void log_set_role(
    const char *role); /* a prefix for `slipway up`, where roles share a terminal; borrowed, NULL none */
bool log_enabled(enum log_level level);
void log_event(enum log_level level, const char *event, const char *fmt, ...) PRINTF(3, 4);

#define LOG_AT(level, ...)                                                                                   \
    do {                                                                                                     \
        if (log_enabled(level))                                                                              \
            log_event(level, __VA_ARGS__);                                                                   \
    } while (0)
#define LOG_DEBUG(...)   LOG_AT(LOG_LEVEL_DEBUG, __VA_ARGS__)
#define LOG_INFO(...)    LOG_AT(LOG_LEVEL_INFO, __VA_ARGS__)
#define LOG_WARNING(...) LOG_AT(LOG_LEVEL_WARNING, __VA_ARGS__)
#define LOG_ERROR(...)   LOG_AT(LOG_LEVEL_ERROR, __VA_ARGS__)
