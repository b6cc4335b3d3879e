/* cli/incident_page.h: an incident as a person reads it at night. */
#ifndef RELEVO_CLI_INCIDENT_PAGE_H
#define RELEVO_CLI_INCIDENT_PAGE_H

#include "report/story.h"

/* To standard output. What stands first is what is needed first: what is down
 * and since when, why, what the diagnosis found, what to do. */
void incident_page(const struct story *);

#endif
