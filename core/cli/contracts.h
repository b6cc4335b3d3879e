/* cli/contracts.h: what a plugin promises by being one, and whether it keeps
 * it: the rows of `relevo plugin test`. Tried with trial.h. */
#ifndef RELEVO_CLI_CONTRACTS_H
#define RELEVO_CLI_CONTRACTS_H

#include <stddef.h>

#include "model/catalog.h"
#include "model/spec.h"

/* X(NAME, promise) */
#define CONTRACT_MAP(X)                                                       \
    X(OPENS, "opens, shows the right interface, and its tables are in order") \
    X(SAYS, "says what it is, and what each option and field is")             \
    X(COMES_UP, "comes up in a worker")                                       \
    X(ANSWERS, "ends each probe once, without breaking a rule of results")    \
    X(DEADLINE, "ends its probes by their deadline itself")                   \
    X(CROWD, "bears many probes at once")                                     \
    X(TURNS, "gives control back within 50 ms")                               \
    X(CALLS, "calls the host as it may")                                      \
    X(KEEPS, "keeps no descriptors, threads or memory of probes")             \
    X(LEAVES, "leaves folder, umask, signals and locale as they are")         \
    X(LETS_GO, "lets go when it is told to, with probes under way")

enum contract_number {
#define X(NAME, promise) CONTRACT_##NAME,
    CONTRACT_MAP(X)
#undef X
        CONTRACT_COUNT
};

enum verdict { UNTRIED, KEPT, BROKEN };

struct contracts {
    enum verdict verdict[CONTRACT_COUNT];
    char text[CONTRACT_COUNT][500]; /* what was seen */
};

extern const char *const contract_names[CONTRACT_COUNT]; /* "opens", … */
extern const char *const contract_promises[CONTRACT_COUNT];

/* Of the tables alone. */
void contracts_of_tables(struct contracts *, const struct catalog *);
/* In workers of their own; a second check of the same plugin with another
 * target adds what breaks there. */
void contracts_of_probes(struct contracts *, const struct check_spec *);
bool contracts_hold(const struct contracts *); /* none is broken */

#endif
