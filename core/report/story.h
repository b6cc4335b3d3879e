/* report/story.h: everything about one incident, and the pieces of sentences
 * that its pages share. Filled in by the command from the history; rendered as
 * a page for a terminal (cli/incident_page.c) and as a post-mortem.
 *
 * Pure: no clock, no files. Names, messages, findings and evidence are
 * untrusted: each renderer makes them safe for its own format. */
#ifndef RELEVO_REPORT_STORY_H
#define RELEVO_REPORT_STORY_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "model/record.h"
#include "model/result.h"

struct story_impact { /* a check that is down because of it */
    const char *check;
    int64_t since_us, until_us; /* until 0: it still is */
};

struct story_link { /* what the configuration names to look at */
    const char *name, *url;
};

struct story { /* borrowed texts and rows */
    struct incident_row row;
    const char *check;
    const char *title, *owner; /* NULL: none */
    struct story_link *links;
    size_t link_count;
    struct event_row *events; /* oldest first */
    size_t event_count;
    struct run_row *runs; /* oldest first */
    size_t run_count;
    struct story_impact *impacts; /* oldest first */
    size_t impact_count;
    struct result *first; /* the first failing result; NULL: not kept */
    struct result
        *again; /* of one that was reopened: the newest one; or NULL */
    int64_t now_us;
};

bool story_is_open(const struct story *);
/* From the first failing result to the recovery, or to now: "10m 5s". */
void story_put_lasted(struct buf *, const struct story *);
/* " on and off" of one that was reopened: its time has good times in it. */
const char *story_on_and_off(const struct story *);
/* "acknowledged; confirmed after 10.0s; reopened 1 time" */
void story_put_state(struct buf *, const struct story *);
/* "refused ECONNREFUSED: connection refused (blames the target)" */
void story_put_fault(struct buf *, const struct story *);
/* By the diagnosis; where there is none, why. */
void story_put_cause(struct buf *, const struct story *);
/* The newest that was asked for; NULL: none. */
const struct run_row *story_diagnosis(const struct story *);
/* Its findings are about the target, and no later run of the same runbook has
 * found others. */
bool story_run_tells(const struct story *, size_t run);
/* "done", "held", …: what the run came to. */
const char *story_run_result(const struct run_row *);
/* What else than a finding a runbook may say: "verdict dependency:db (95 %)";
 * nothing for what is no news to a reader. */
void story_put_remark(struct buf *, const json_t *said);
/* What its time was spent on: "connect 1ms, publish 3ms"; nothing where it has
 * no phases. */
void story_put_phases(struct buf *, const struct result *);
/* How long from one time to another; never below zero. */
void story_put_elapsed(struct buf *, int64_t from_us, int64_t to_us);

/* INCIDENT, with impact, timeline, runs and results. New references. */
json_t *story_json(const struct story *);
json_t *story_impacts_json(const struct story_impact *, size_t count);

/* `incident show --format markdown`: a post-mortem to fill in. */
void story_markdown(const struct story *, struct buf *);

#endif
