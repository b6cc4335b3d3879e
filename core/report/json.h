/* report/json.h: results, incidents and runs as the JSON shapes that tools may
 * rely on (documented in docs/commands.md). Used by the daemon for the control
 * socket and the runbooks' input, and by the commands' --json.
 *
 * Times are RFC 3339 UTC; durations numbers of milliseconds. Every function
 * returns a new reference. Untrusted bytes become valid UTF-8. */
#ifndef RELEVO_REPORT_JSON_H
#define RELEVO_REPORT_JSON_H

#include <jansson.h>

#include "model/model.h"

/* A text member; "" where there is none. */
const char *report_member(const json_t *, const char *name);
json_t *report_text(const char *s, size_t n);
/* Words with spaces between them, as a list. */
json_t *report_words(const char *words);
json_t *report_time(int64_t wall_us); /* 0: null */
json_t *report_pause_end(const struct state_row *);
json_t *report_ms(int64_t ns);

/* RESULT; check is the name. */
json_t *report_result(const struct result *, const char *check);
/* One line of status: {"name","environment","plugin","state","count",…}. */
/* name → URL */
json_t *report_links(const struct rlv_dict *);
json_t *report_check(const struct check_view *);
/* RUN. */
json_t *report_run(const struct run_row *, const char *check);
/* INCIDENT without timeline and runs: callers add arrays of report_event and
 * report_run under these names. */
json_t *report_incident(const struct incident_row *, const char *check);
json_t *report_event(const struct event_row *);
/* Of the monitor itself; its incident, or NULL. */
json_t *report_trouble(const struct check_row *, const struct state_row *,
                       const struct incident_row *);

#endif
