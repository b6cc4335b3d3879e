/* cli/ask.h: a question to the running daemon over its control socket. */
#ifndef RELEVO_CLI_ASK_H
#define RELEVO_CLI_ASK_H

#include <jansson.h>

#include "base/attr.h"
#include "base/err.h"

struct ask;

/* ERR_NOT_FOUND: no daemon runs on that state directory. */
struct ask *ask_open(const char *state_dir, struct err *) MUST_CHECK;
void ask_close(struct ask *); /* NULL is fine */
/* Takes the request over. */
bool ask_send(struct ask *, json_t *request, struct err *) MUST_CHECK;
/* The next line of the answer, a new reference. NULL: it is over, or broken. */
json_t *ask_next(struct ask *, struct err *) MUST_CHECK;

#endif
