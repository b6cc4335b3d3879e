/* cli/incident_read.h: what only the running daemon knows of an incident's
 * check, for `relevo incident show`. */
#ifndef RELEVO_CLI_INCIDENT_READ_H
#define RELEVO_CLI_INCIDENT_READ_H

#include "cli/cli.h"
#include "report/story.h"

/* Title, owner and links. The daemon's answer must live as long as the story;
 * NULL: it does not run. */
json_t *incident_about(const struct args *, struct arena *,
                       struct story *) MUST_CHECK;

#endif
