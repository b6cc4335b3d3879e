/* report/story_read.h: gathers the story of an incident from the history, for
 * whoever shows one: `relevo incident show`, the page and the API. */
#ifndef RELEVO_REPORT_STORY_READ_H
#define RELEVO_REPORT_STORY_READ_H

#include "report/story.h"
#include "store/reader.h"

/* Borrowed; what is read hangs on the arena. */
struct story_source {
    struct reader *reader;
    struct arena *arena;
    const struct check_row *checks; /* all that the history knows */
    size_t check_count;
};

/* Of a check that once was configured too; "" for none. */
const char *story_check_name(const struct story_source *, uint32_t check);
/* Everything about s->row that the history knows. */
bool story_read(const struct story_source *, struct story *,
                struct err *) MUST_CHECK;
/* The checks that the incident's cause impacts, or impacted; oldest first. */
bool story_impacts(const struct story_source *, uint64_t incident,
                   struct story_impact **, size_t *count,
                   struct err *) MUST_CHECK;
/* Title, owner and links are not in the history: the running daemon has them.
 * `check` is its answer about the check (report_check), which must live as long
 * as the story; NULL: it does not run. */
void story_about(const json_t *check, struct arena *, struct story *);

#endif
