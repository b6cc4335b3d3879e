/* daemon/scrub.h: blots secrets out of everything a result carries. */
#ifndef RELEVO_DAEMON_SCRUB_H
#define RELEVO_DAEMON_SCRUB_H

#include "base/redact.h"
#include "model/result.h"

void scrub_result(const struct redact *, struct result *);

#endif
