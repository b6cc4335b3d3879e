/* web/facts.h: what the pages show of the checks as they are now: told by main,
 * or, where it does not answer, as the history last knew it. */
#ifndef RELEVO_WEB_FACTS_H
#define RELEVO_WEB_FACTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/record.h"
#include "model/result.h"
#include "store/reader.h"

struct fact_link {
    const char *name, *url;
};

struct fact_line { /* an expectation as written */
    const char *text;
    bool warn;
};

struct fact {       /* a check; no text is NULL */
    uint32_t check; /* its number in the history; 0: not known */
    const char *name, *plain_name, *environment, *plugin;
    enum check_state state;
    const char *count; /* "2/3" */
    int64_t since_us, until_us;
    uint64_t incident;
    bool disabled, manual, acknowledged;
    const char *maintenance, *waits_for; /* "" for none */
    const char *title, *owner;
    const char *const *tags;
    size_t tag_count;
    const struct fact_link *links;
    size_t link_count;
    const struct fact_line *lines;
    size_t line_count;
    int64_t interval_ns;       /* 0: none, or not known */
    const struct result *last; /* whole, but for evidence; NULL: not known */
    const char *fault, *code, *message; /* of it, where it is not good */
};

struct fact_trouble { /* of the monitor itself */
    uint64_t incident;
    const char *name, *message;
};

struct fact_letter { /* a notice that was given up */
    const char *run, *runbook, *reason;
    uint32_t check;
};

struct status;

struct facts {
    bool live;           /* main told it just now */
    int64_t at_us;       /* of when this is; 0: not known */
    int64_t newest_us;   /* the latest result; 0: none, or not known */
    int64_t least_ns;    /* the shortest interval that is kept; 0: none is */
    struct fact *checks; /* as configured; else by number */
    size_t count;
    const char *const *environments; /* in that order; "" for none */
    size_t environment_count;
    const struct fact_trouble *troubles;
    size_t trouble_count;
    const struct fact_letter *letters;
    size_t letter_count;
    const char *distrust; /* NULL: it does not distrust itself */
    int64_t distrust_ns;
};

/* What the history knows; nothing of what only the configuration says. */
bool facts_from_store(struct reader *, struct arena *, struct facts *,
                      struct err *) MUST_CHECK;
/* What main told. reader, which may be NULL, has what it says by number. */
void facts_from_status(const struct status *, struct reader *, struct arena *,
                       struct facts *);
/* Sets each check's number, by name; the newest of those that had it. */
void facts_number(struct facts *, const struct check_row *, size_t count);
/* The environments of the checks, as they come; called last. */
void facts_environments(struct facts *, struct arena *);
const struct fact *facts_find(const struct facts *, const char *name);
/* Neither up nor paused nor waiting to be probed the first time. */
bool fact_is_problem(const struct fact *);

#endif
