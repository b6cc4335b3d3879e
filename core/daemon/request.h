/* daemon/request.h: one line from the control socket, understood or refused.
 * Knows nothing of sockets or of the daemon; used by control.c. */
#ifndef RELEVO_DAEMON_REQUEST_H
#define RELEVO_DAEMON_REQUEST_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* X(NAME, name, changes something or makes traffic). A beat is no change: the
 * jobs of others than the daemon's user send it, members of its group. */
#define REQUEST_MAP(X)                              \
    X(STATUS, "status", false)                      \
    X(VERSION, "version", false)                    \
    X(BEAT, "beat", false)                          \
    X(CHECK, "check", true)                         \
    X(RELOAD, "reload", true)                       \
    X(RUNBOOK_RUN, "runbook.run", true)             \
    X(PAUSE, "pause", true)                         \
    X(RESUME, "resume", true)                       \
    X(ACKNOWLEDGE, "acknowledge", true)             \
    X(MARK, "mark", true)                           \
    X(MAINTENANCE_START, "maintenance.start", true) \
    X(MAINTENANCE_END, "maintenance.end", true)     \
    X(MAINTENANCE_LIST, "maintenance.list", false)

enum request_kind {
#define X(NAME, name, changes) REQUEST_##NAME,
    REQUEST_MAP(X)
#undef X
        REQUEST_COUNT
};

struct request {
    enum request_kind kind;
    json_t *object; /* owned */
};

/* A line without its newline. NULL: *out is filled, request_fini must follow;
 * else the sentence that refuses it. */
const char *request_parse(const char *line, size_t n, bool may_change,
                          struct request *out);
void request_fini(struct request *);
/* A text of the request; NULL: it has none of that name. Lives as long. */
const char *request_text(const struct request *, const char *name);
/* The same, "" for none; false: it is no text, or longer than REQUEST_SAYING
 * bytes: *refusal is the sentence. */
enum { REQUEST_SAYING = 500 };
bool request_saying(const struct request *, const char *name, const char **text,
                    const char **refusal);
/* A list of texts, at most REQUEST_WORDS, each not empty and without a space;
 * absent is none. The words live as long as the request. */
enum { REQUEST_WORDS = 64 };
struct request_words {
    const char *items[REQUEST_WORDS];
    size_t count;
};
bool request_words(const struct request *, const char *name,
                   struct request_words *, const char **refusal);
/* `for_ms`, as microseconds; 0: absent. Above 0 and at most ten years. */
bool request_for(const struct request *, int64_t *us, const char **refusal);

#endif
