/* store/mirror.h: what a new file needs when the old one turns out damaged
 * while the daemon runs: the known checks, their states, incidents that are
 * open and runs that guard against a second start. Owned by the writer
 * thread. */
#ifndef RELEVO_STORE_MIRROR_H
#define RELEVO_STORE_MIRROR_H

#include <stdbool.h>
#include <stddef.h>

#include "model/record.h"
#include "store/store.h"

struct mirror_check {
    char *texts; /* holds the row's names */
    struct check_row row;
    struct state_row state;
    bool known, has_state;
};

struct mirror_list {
    struct record **items;
    size_t count, cap;
};

struct mirror {
    struct mirror_check *checks; /* by number */
    size_t check_count;
    struct mirror_list incidents, runs;
};

void mirror_free(struct mirror *);
void mirror_load(struct mirror *, const struct store_snapshot *);
/* Notes a committed record. May take it over: *record is NULL then. */
void mirror_note(struct mirror *, struct record **record);
/* Calls fn with each record that rebuilds what is known, until it returns
 * something else than 0; returns that. */
int mirror_each(const struct mirror *,
                int (*fn)(void *arg, const struct record *), void *arg);

#endif
