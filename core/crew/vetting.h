/* crew/vetting.h: asks a throw-away process what a plugin is, and whether it
 * accepts some settings. A crash or VET_SECONDS of silence names the plugin. */
#ifndef RELEVO_CREW_VETTING_H
#define RELEVO_CREW_VETTING_H

#include <uv.h>

#include "base/redact.h"
#include "model/catalog.h"
#include "wire/msg.h"

enum { VET_SECONDS = 5 };

struct vet_answer {
    struct catalog *catalog; /* taken over by the callback; NULL: not asked, or
                                error */
    const struct msg_complaint *complaints;
    size_t complaint_count;
    const char *error; /* "": the plugin could be opened */
};

/* Calls done exactly once, from the loop (also when nothing could start). The
 * request is copied; the redactor of its secrets (or NULL) is borrowed until
 * then. */
void vet_plugin(uv_loop_t *, const struct msg_vet *, const struct redact *,
                void (*done)(void *arg, struct vet_answer *), void *arg);

#endif
