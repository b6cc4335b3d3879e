/* cli/ledger.h: the stored history as commands read it, without a daemon. */
#ifndef RELEVO_CLI_LEDGER_H
#define RELEVO_CLI_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/cli.h"
#include "report/story_read.h"
#include "store/reader.h"

struct ledger {
    struct reader *reader;
    struct arena *arena; /* what is read hangs on it */
    struct check_row *checks;
    size_t check_count;
};

/* NULL, and told in err as a sentence for people: there is none yet, … */
struct reader *ledger_reader(const char *state_dir, struct err *) MUST_CHECK;
/* Opens the history of the state directory that the arguments mean. An exit
 * status: EXIT_FINE, or what to return after it has said why. */
int ledger_open(struct ledger *, const struct args *) MUST_CHECK;
void ledger_close(struct ledger *);

/* The same for what reads stories of it. */
struct story_source ledger_source(const struct ledger *);

/* Of a check that once was configured too; "" for none. */
const char *ledger_name(const struct ledger *, uint32_t check);
/* The check that a word means, beside --env. NULL: it was said why not. */
const struct check_row *ledger_check(const struct ledger *, const struct args *,
                                     const char *word);
/* Checks of that environment are in it; NULL is fine. */
bool ledger_environment(const struct ledger *, const char *environment,
                        struct err *) MUST_CHECK;
/* The check is of that environment; NULL: of any. */
bool ledger_is_of(const struct ledger *, uint32_t check,
                  const char *environment);

/* As reader_runs. The number under which an incident would have been opened,
 * had the failure been confirmed, is not shown: `incident show` knows none. */
bool ledger_runs(struct ledger *, uint64_t before, size_t limit,
                 struct run_row **, size_t *count, struct err *) MUST_CHECK;

/* --limit; *limit keeps its value where it is not given. An exit status. */
int ledger_limit(const struct args *, size_t *limit) MUST_CHECK;

#endif
