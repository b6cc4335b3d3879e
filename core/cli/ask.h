/* cli/ask.h: a question to the running daemon over its control socket. */
#ifndef RELEVO_CLI_ASK_H
#define RELEVO_CLI_ASK_H

#include <jansson.h>

#include "base/attr.h"
#include "base/err.h"
#include "cli/cli.h"

struct ask;

/* ERR_NOT_FOUND: no daemon runs on that state directory. */
struct ask *ask_open(const char *state_dir, struct err *) MUST_CHECK;
/* The same for one who does not wait longer than that for anything. */
struct ask *ask_open_within(const char *state_dir, int silence_s,
                            struct err *) MUST_CHECK;
void ask_close(struct ask *); /* NULL is fine */
/* Takes the request over. */
bool ask_send(struct ask *, json_t *request, struct err *) MUST_CHECK;
/* The next line of the answer, a new reference. NULL: it is over, or broken. */
json_t *ask_next(struct ask *, struct err *) MUST_CHECK;

/* A request of that command, with "environment" where --env is given. */
json_t *ask_request(const char *command, const struct args *);
/* A text under that name. */
void ask_add_word(json_t *request, const char *member, const char *text);
/* Options go into it under their own names: a text, the texts of one that
 * repeats and may be a list with commas ("tag" becomes "tags"), a duration
 * ("for" becomes "for_ms"; an exit status). Those not given are left out. */
void ask_add_text(json_t *request, const struct args *, const char *option);
void ask_add_tags(json_t *request, const struct args *);
int ask_add_for(json_t *request, const struct args *) MUST_CHECK;
/* "checks": the words up to that one. */
void ask_add_checks(json_t *request, const struct args *, size_t words);

/* Asks and takes one answer; takes the request over. NULL: ERR_DENIED, the
 * daemon refuses and says why, or another error. */
json_t *ask_one(struct ask *, json_t *request, struct err *) MUST_CHECK;
/* The same over a connection of its own. An exit status: EXIT_FINE with
 * *answer, or what to return after it has said why. */
int ask_daemon(const struct args *, json_t *request,
               json_t **answer) MUST_CHECK;
/* The whole of a command that asks once: prints the answer as it is with
 * --json, else through print. Returns the exit status. */
int ask_and_print(const struct args *, json_t *request,
                  void (*print)(const json_t *answer)) MUST_CHECK;
/* The items of an answer that is a list. NULL: as for ask_one; also
 * ERR_NOT_FOUND, no daemon. */
json_t *ask_list(const char *state_dir, json_t *request,
                 struct err *) MUST_CHECK;

#endif
