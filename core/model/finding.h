/* model/finding.h: what a runbook reports on descriptor 3: one JSON object a
 * line, each with "t", its type. Parsed by the keeper of a run; read again by
 * main for the incident's cause. */
#ifndef RELEVO_MODEL_FINDING_H
#define RELEVO_MODEL_FINDING_H

#include <jansson.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/mem.h"

enum {
    FINDING_LINE = 8 * 1024,    /* bytes of one line */
    FINDINGS_MOST = 500,        /* of one run */
    FINDINGS_BYTES = 256 * 1024 /* all their lines */
};

/* X(t, member that it must have, of which sort, meaning). A type that is not
 * here is kept as it came. */
#define FINDING_MAP(X)                                                       \
    X("finding", "title", TEXT, "something observed; with sev, one of them") \
    X("verdict", "class", TEXT, "what is wrong, in one word")                \
    X("metric", "name", TEXT, "a number worth keeping")                      \
    X("metric", "value", NUMBER, "the number")                               \
    X("progress", "pct", NUMBER, "how far the run is, in percent")           \
    X("set", "key", TEXT, "a value for later steps")                         \
    X("recommend", "runbook", TEXT, "a runbook that would help")             \
    X("artifact", "path", TEXT, "a file that the run left")

/* Severities, lightest first. */
#define FINDING_SEVERITIES "info", "warn", "crit"

/* A new reference, or NULL with what is wrong: not an object, longer than
 * FINDING_LINE, without "t", or a known type without its member. Bytes that
 * are not UTF-8 become U+FFFD. */
json_t *finding_parse(const char *line, size_t n, struct err *) MUST_CHECK;

/* The warning that stands for a line that could not be used, with the start
 * of that line as its detail. A new reference. */
json_t *finding_malformed(const char *why, const char *line,
                          size_t n) MUST_CHECK;
/* The warning about `count` findings beyond FINDINGS_MOST or _BYTES. */
json_t *finding_too_many(size_t count) MUST_CHECK;
/* The warning about a run that was ended since it had more processes. */
json_t *finding_crowded(size_t most) MUST_CHECK;

/* Title of the most severe finding of a JSON array, the first among equals;
 * "" when there is none. What a runbook says about itself (code "runbook.…")
 * is no cause of anything and does not count. On the arena. */
const char *finding_weightiest(const char *findings, struct arena *);

#endif
