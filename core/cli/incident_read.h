/* cli/incident_read.h: gathers the story of an incident from the history, for
 * `relevo incident show`. */
#ifndef RELEVO_CLI_INCIDENT_READ_H
#define RELEVO_CLI_INCIDENT_READ_H

#include "cli/ledger.h"
#include "report/story.h"

/* Everything about s->row, on the ledger's arena. */
bool incident_read(struct ledger *, struct story *, struct err *) MUST_CHECK;
/* The checks that the incident's cause impacts, or impacted; oldest first. */
bool incident_impacts(const struct ledger *, uint64_t incident,
                      struct story_impact **, size_t *count,
                      struct err *) MUST_CHECK;
json_t *incident_impact_json(const struct story_impact *, size_t count);
/* Title, owner and links are not in the history: the running daemon has them.
 * Its answer must live as long as the story; NULL: it does not run. */
json_t *incident_about(const struct args *, struct arena *,
                       struct story *) MUST_CHECK;

#endif
