/* cli/listing.h: a list of numbered rows out of the history, newest first: what
 * `relevo incident list` and `relevo runbook log` share. */
#ifndef RELEVO_CLI_LISTING_H
#define RELEVO_CLI_LISTING_H

#include "cli/ledger.h"
#include "cli/out.h"

struct listing {
    const char *none; /* "no incidents so far" */
    const char *const *head;
    size_t columns, row_size;
    /* *rows on the ledger's arena; before 0: from the newest on. */
    bool (*read)(struct ledger *, uint64_t before, size_t limit,
                 const void **rows, size_t *count, struct err *);
    uint64_t (*number)(const void *row);
    uint32_t (*check)(const void *row);
    void (*add)(struct table *, const struct ledger *, const void *row);
    json_t *(*json)(const struct ledger *, const void *row);
};

/* The command: --limit, --env, --json. Returns its exit status. */
int listing_run(const struct listing *, const struct args *);

/* The newest rows of checks of that environment (NULL: any), at most limit;
 * *rows is the caller's to free, what it points to hangs on the ledger. */
bool listing_read(const struct listing *, struct ledger *,
                  const char *environment, size_t limit, const void ***rows,
                  size_t *count, struct err *) MUST_CHECK;

#endif
