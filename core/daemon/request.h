/* daemon/request.h: one line from the control socket, understood or refused.
 * Knows nothing of sockets or of the daemon; used by control.c. */
#ifndef RELEVO_DAEMON_REQUEST_H
#define RELEVO_DAEMON_REQUEST_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

/* X(NAME, name, changes something or makes traffic) */
#define REQUEST_MAP(X)           \
    X(STATUS, "status", false)   \
    X(VERSION, "version", false) \
    X(CHECK, "check", true)      \
    X(RELOAD, "reload", true)    \
    X(RUNBOOK_RUN, "runbook.run", true)

enum request_kind {
#define X(NAME, name, changes) REQUEST_##NAME,
    REQUEST_MAP(X)
#undef X
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

#endif
