/* cli/incident_page.h: an incident as a person reads it at night. */
#ifndef RELEVO_CLI_INCIDENT_PAGE_H
#define RELEVO_CLI_INCIDENT_PAGE_H

#include <stddef.h>
#include <stdint.h>

#include "model/record.h"

struct story { /* everything about one incident */
    struct incident_row row;
    const char *check;
    struct event_row *events; /* oldest first */
    size_t event_count;
    struct run_row *runs; /* oldest first */
    size_t run_count;
    struct result *first; /* the first failing result; NULL: not kept */
    int64_t now_us;
};

/* To standard output. What stands first is what is needed first: what is down
 * and since when, why, what the diagnosis found, what to do. */
void incident_page(const struct story *);

#endif
