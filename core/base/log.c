/* base/log.c: see log.h. */
#include "base/log.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/redact.h"
#include "base/str.h"

static char role[32] = "relevo";
static enum log_level least_level = LOG_LEVEL_INFO;
static void (*sink)(enum log_level, const char *);
static const struct redact *redact;
static pthread_mutex_t redact_lock = PTHREAD_MUTEX_INITIALIZER;

static const struct {
    const char *name;
    int priority; /* syslog(3) */
} levels[] = {
    [LOG_LEVEL_DEBUG] = {"debug", 7},
    [LOG_LEVEL_INFO] = {"info", 6},
    [LOG_LEVEL_WARN] = {"warning", 4},
    [LOG_LEVEL_ERROR] = {"error", 3},
};

void log_init(const char *name) { snprintf(role, sizeof role, "%s", name); }

void log_set_level(enum log_level least) { least_level = least; }

bool log_level_parse(const char *word, enum log_level *level)
{
    for (size_t i = 0; i < ARRAY_LEN(levels); i++)
        if (str_starts(levels[i].name, word) && strlen(word) >= 4) {
            *level = (enum log_level)i;
            return true;
        }
    return false;
}

void log_set_redact(const struct redact *r)
{
    pthread_mutex_lock(&redact_lock);
    redact = r;
    pthread_mutex_unlock(&redact_lock);
}

static void add_redacted(struct buf *out, const char *line, bool is_cut)
{
    size_t n = strlen(line);
    pthread_mutex_lock(&redact_lock);
    if (redact != NULL)
        redact_text(redact, line, is_cut ? redact_cut(redact, line, n) : n,
                    out);
    else
        buf_add(out, line, n);
    pthread_mutex_unlock(&redact_lock);
}

void log_set_sink(void (*fn)(enum log_level, const char *)) { sink = fn; }

static void write_line(enum log_level level, const char *line)
{
    char out[2200], when[CLOCK_TEXT];
    int n;
    if (getenv("JOURNAL_STREAM") != NULL)
        n = snprintf(out, sizeof out, "<%d>%s: %s\n", levels[level].priority,
                     role, line);
    else
        n = snprintf(out, sizeof out, "%s %s %s: %s\n",
                     clock_format(clock_wall_us(), when), levels[level].name,
                     role, line);
    if (n > (int)sizeof out - 1)
        n = (int)sizeof out - 1;
    if (write(STDERR_FILENO, out, (size_t)n) < 0)
        return; /* nobody reads; there is no one else to tell */
}

void log_last_words(const char *text) { write_line(LOG_LEVEL_ERROR, text); }

void log_atv(enum log_level level, const char *fmt, va_list ap)
{
    if (level < least_level)
        return;
    int saved = errno;
    char raw[2000], clean[2100];
    int n = vsnprintf(raw, sizeof raw, fmt, ap);
    struct buf safe = {0};
    add_redacted(&safe, raw, n >= (int)sizeof raw);
    str_clean(clean, sizeof clean, buf_text(&safe), safe.len);
    buf_free(&safe);
    if (sink != NULL)
        sink(level, clean);
    else
        write_line(level, clean);
    errno = saved;
}

void log_at(enum log_level level, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    log_atv(level, fmt, ap);
    va_end(ap);
}
