/* base/log.h: one event a line, on standard error, in every role.
 *
 * "key=value" tails; transitions, not repetitions. Under systemd
 * ($JOURNAL_STREAM) a line carries the journal's "<N>" priority; elsewhere the
 * time. Control characters never reach the terminal raw. errno is preserved.
 * Secrets that log_set_redact knows are blotted out. */
#ifndef RELEVO_BASE_LOG_H
#define RELEVO_BASE_LOG_H

#include <stdarg.h>
#include <stdbool.h>

#include "base/attr.h"

enum log_level {
    LOG_LEVEL_DEBUG,
    LOG_LEVEL_INFO,
    LOG_LEVEL_WARN,
    LOG_LEVEL_ERROR
};

/* The role's name stands in each line: "main", "worker 2". Copied. */
void log_init(const char *role);
void log_set_level(enum log_level least);
/* "debug", "info", "warn" or "warning", "error". */
bool log_level_parse(const char *word, enum log_level *);
/* Sends lines elsewhere than to standard error: fn gets a complete, cleaned
 * line without newline. NULL restores standard error. */
void log_set_sink(void (*fn)(enum log_level, const char *line));

/* An error line, straight to standard error: nothing is allocated, nothing
 * locked, nothing blotted out. */
void log_last_words(const char *text);

struct redact;
/* Lines of any thread pass it from now on; borrowed until the next call.
 * NULL: none. */
void log_set_redact(const struct redact *);

void log_at(enum log_level, const char *fmt, ...) PRINTF(2, 3);
void log_atv(enum log_level, const char *fmt, va_list);

#define log_debug(...) log_at(LOG_LEVEL_DEBUG, __VA_ARGS__)
#define log_info(...)  log_at(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_warn(...)  log_at(LOG_LEVEL_WARN, __VA_ARGS__)
#define log_error(...) log_at(LOG_LEVEL_ERROR, __VA_ARGS__)

#endif
