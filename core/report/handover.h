/* report/handover.h: what one person on call hands over to the next, for
 * `relevo report handover`. Filled in by the command from the history; rendered
 * as text, Markdown and JSON over the same struct.
 *
 * Pure: no clock, no files. Texts are borrowed and untrusted: each renderer
 * makes them safe for its own format. */
#ifndef RELEVO_REPORT_HANDOVER_H
#define RELEVO_REPORT_HANDOVER_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "model/record.h"

struct handover_incident {
    const struct incident_row *row;
    const char *check;
};

struct handover_run {
    const struct run_row *row;
    const char *check;
};

struct handover_pause {
    const char *check;
    int64_t since_us, until_us; /* until 0: until somebody says so */
    const char *why;            /* "by root: …"; "" */
};

struct handover_window {
    const char *id, *what, *by, *reason;
    int64_t from_us, until_us;
    bool open; /* else it is to come, or is over */
};

struct handover_flap {
    const char *check;
    size_t times; /* suspect, and up again before it was confirmed */
};

/* A list of one sort and its length. */
#define HANDOVER_LIST(type, name) \
    struct handover_##type *name; \
    size_t name##_count

struct handover {
    int64_t since_us, now_us;
    const char *environment;           /* NULL: all of them */
    HANDOVER_LIST(incident, open);     /* however old; newest first */
    HANDOVER_LIST(incident, resolved); /* in that time; newest first */
    HANDOVER_LIST(pause, paused);
    HANDOVER_LIST(window, windows);
    const struct mark_row *marks; /* newest first */
    size_t mark_count;
    HANDOVER_LIST(run, would); /* newest first */
    HANDOVER_LIST(run, held);
    HANDOVER_LIST(run, dead); /* notices that were given up */
    HANDOVER_LIST(flap, flaps);
    /* How times are written for people; its text lives for a few calls. */
    const char *(*clock)(int64_t wall_us);
};

void handover_text(const struct handover *, struct buf *);
void handover_markdown(const struct handover *, struct buf *);
json_t *handover_json(const struct handover *);

#endif
