/* model/spec.h: what a configuration asks for, after all checking.
 *
 * conf/ makes one `struct conf` (a generation) out of files; it is counted by
 * reference and never changed afterwards. Strings and arrays hang on its arena.
 * The option tables that fill these structs are in conf/tables.c. */
#ifndef RELEVO_MODEL_SPEC_H
#define RELEVO_MODEL_SPEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/mem.h"
#include "model/catalog.h"
#include "model/kind_heartbeat.h"
#include "model/option.h"

struct tz;
struct check_spec;

enum schedule_kind {
    SCHEDULE_INTERVAL,
    SCHEDULE_CRON,
    SCHEDULE_MANUAL,
    SCHEDULE_BEAT /* a heartbeat: it is not probed, its job reports it */
};

/* What automation may do; the lowest of global, environment and runbook wins.
 */
enum automation {
    AUTOMATION_OBSERVE,
    AUTOMATION_DIAGNOSE,
    AUTOMATION_APPROVE,
    AUTOMATION_AUTO
};

/* Where values come from, for `config show`; kept only when asked for. */
struct origin {
    const char *option; /* interval; tls.ca_file */
    const char *text;   /* relevo.cfg:12 (template uat) */
};

struct origins {
    struct origin *items; /* NULL: not asked for */
    size_t count;
};

struct environment_spec { /* one world that the same checks are expanded for */
    const char *name;
    struct place place;
    enum automation automation; /* its own ceiling; the global one where not
                                   said */
    struct origins origins;
};

struct record_spec { /* a named value that a check takes out of its answer */
    const char *name;
    const char *expression; /* json('.db') */
    struct place place;
};

/* One term of `depends_on`. */
struct need {
    const char *text; /* for messages: db; any of redis-a, redis-b */
    const struct check_spec **parents;
    size_t parent_count;
    bool any; /* one of them is enough; else each of them is needed */
};

/* "Mon-Fri 09:00-18:00", in the zone of the configuration. */
struct active_span {
    uint8_t days;     /* bit 0 is Monday (ISO 8601) */
    int16_t from, to; /* minutes of the day; to may be 24:00 */
};

struct line_spec {
    const char *text;
    struct place place;
    bool is_default; /* the plugin's own: skipped where its field is absent */
};

struct check_spec {
    const char *name;        /* "staging/api", or "api" without environments */
    const char *plain_name;  /* "api" */
    const char *environment; /* "staging", or "" */
    struct place place;
    const struct catalog *catalog; /* borrowed from the conf; a derived check
                                      has its source's */

    /* The names that its expressions may use: the catalog's fields, for a
     * derived check those that its source records, then its own recorded. */
    const struct rlv_field *fields;
    size_t field_count;

    /* common options (conf/tables.c) */
    const char *plugin;
    int64_t interval_ns, retry_interval_ns, down_interval_ns, timeout_ns;
    const char *cron;      /* NULL: none */
    const char *timezone;  /* IANA name; the global one where none is given */
    const struct tz *zone; /* rules of timezone; owned by the conf */
    const char *schedule_word; /* "manual" or NULL */
    int64_t failure_threshold, success_threshold;
    const char *failure_window;        /* "3 of 5" or NULL */
    int64_t window_fails, window_size; /* from failure_window; 0: none */
    struct rlv_list tags;
    int64_t enabled;
    int64_t evidence_bytes;
    const char *title, *owner;  /* NULL: none */
    struct rlv_dict links;      /* what to look at: name → URL */
    const char *severity;       /* "major" or "minor" */
    const char *skip;           /* `relevo test` skips it: why; or NULL */
    struct rlv_list needs_vars; /* `requires`: variables that need a value */
    const char *of;             /* `of`, as written; NULL: it is probed */

    enum schedule_kind schedule;
    struct line_spec *expects,
        *warns; /* own lines, then the defaults that stay */
    size_t expect_count, warn_count;
    struct rlv_list expect_faults; /* names: it must fail with one of them, and
                                      has no lines; empty: it need not */

    struct heartbeat_conf heartbeat; /* of SCHEDULE_BEAT: its own options */

    const struct setting *settings; /* the plugin's own options, as given */
    size_t setting_count;

    /* NULL: probed itself; else judged from every result of this one, which is
     * not derived itself. Its schedule is its source's. */
    const struct check_spec *source;
    bool disabled; /* `enabled` is false, of it or of its source */
    struct record_spec *records;
    size_t record_count;
    struct need *needs; /* depends_on */
    size_t need_count;

    const struct check_spec **triggers; /* that its options name: it may have
                                           them probed */
    size_t trigger_count;

    const char *target;  /* "host:port", for limits and locks; or the name */
    const char *missing; /* the secret that is not there, as written; or NULL */
    uint64_t fingerprint; /* equal when nothing of the check changed */
    struct origins origins;
};

enum runbook_kind { RUNBOOK_DIAGNOSE, RUNBOOK_REMEDIATE, RUNBOOK_NOTIFY };

/* Bits of runbook_spec.on. */
enum runbook_on {
    ON_SUSPECT = 1,
    ON_DEGRADED = 2,
    ON_DOWN = 4,
    ON_RECOVERED = 8,
    ON_UNKNOWN = 16,
    ON_ASKED = 32,     /* by hand; no configuration can say so */
    ON_STILL_DOWN = 64 /* `repeat`; no configuration can say so */
};

struct runbook_match {
    struct rlv_list checks; /* globs over name and plain name; empty: all */
    struct rlv_list plugins, tags, faults, codes, states; /* empty: any */
    struct rlv_list environments;                         /* empty: all */
    const char *when; /* an expression over the failing result; NULL: none */
};

struct param_spec {
    const char *name, *value; /* value of a secret: never shown */
    bool secret;
};

struct runbook_spec {
    const char *name;
    struct place place;
    const char *script; /* as written */
    const char *path;   /* absolute */
    enum runbook_kind kind;
    const char *title; /* of the header, one line */
    unsigned on;
    struct runbook_match match;
    int64_t timeout_ns, grace_ns, cooldown_ns;
    enum automation mode;
    int64_t repeat_ns; /* a notice again while the incident is open; 0: never */
    struct active_span *active; /* when it may run; none: always */
    size_t active_count;
    int64_t budget,
        budget_ns; /* at most so many runs in so long; 0: no limit */
    int64_t settle_ns, verify_within_ns; /* of a remediation */
    const char *user;                    /* NULL: the daemon's */
    struct param_spec *params;
    size_t param_count;
    const char *missing; /* the secret that is not there; or NULL */
    struct origins origins;
};

struct maintenance_spec { /* a window, recurring or once */
    const char *name;
    struct place place;
    struct rlv_list checks, tags, environments; /* empty: any */
    const char *cron;                           /* when it begins; NULL: once */
    const struct tz *zone;                      /* of cron */
    int64_t duration_ns;                        /* of each that cron begins */
    int64_t from_us, until_us;                  /* of the one without cron */
    const char *reason;                         /* "" where none is given */
    struct origins origins;
};

struct history_spec { /* how long what is kept; 0: for ever */
    int64_t raw_ns, minute_ns, hour_ns, day_ns;
    int64_t outputs_ns;               /* of runbooks, and evidence */
    int64_t max_bytes, outputs_bytes; /* of the whole file; of outputs */
};

#define WEB_LISTEN "127.0.0.1:8970"

enum { WEB_LISTEN_MOST = 4 };

struct web_spec { /* the page */
    int64_t enabled;
    struct rlv_list listen; /* addresses that base/listen.h understands */
    struct rlv_list hosts;  /* in small letters */
    const char *token;      /* NULL: none is asked for */
    const char *missing;    /* the secret that is not there; or NULL */
    struct origins origins;
};

struct conf {
    unsigned refs;
    struct arena *arena;
    uint32_t generation;
    const char *file; /* the main file, absolute; NULL: none */
    char sha256[65];  /* of all files read, in order */

    /* global options (conf/tables.c) */
    const char *timezone, *state_dir, *runner, *user, *log_level;
    struct rlv_list plugin_dir, runbook_dir;
    enum automation automation;
    int64_t workers; /* 0: min(cores, 4) */
    int64_t blocking;
    int64_t target_probes;

    const struct tz *zone; /* of timezone; one of zones */
    struct history_spec history;
    struct web_spec web;

    struct environment_spec *environments; /* none: names are plain */
    size_t environment_count;
    struct maintenance_spec *maintenance;
    size_t maintenance_count;
    struct check_spec *checks; /* as in the files, environment by environment */
    size_t check_count;
    struct runbook_spec *runbooks;
    size_t runbook_count;
    struct catalog **catalogs;
    size_t catalog_count;
    struct tz **zones; /* every zone that a check names */
    size_t zone_count;
    const char **secrets; /* every secret value, for redaction */
    size_t secret_count;
    struct rlv_list private_paths;           /* that no plugin is to reach */
    struct origins origins, history_origins; /* of the global options */
};

/* It is probed by itself. */
static inline bool spec_is_timed(const struct check_spec *s)
{
    return s->schedule == SCHEDULE_INTERVAL || s->schedule == SCHEDULE_CRON;
}

struct conf *conf_ref(struct conf *);
void conf_unref(struct conf *); /* NULL is fine */

const char *automation_name(enum automation);
const char *runbook_kind_name(enum runbook_kind);
bool runbook_kind_parse(const char *text, enum runbook_kind *);
const char *runbook_on_name(enum runbook_on one_bit);
/* 0: unknown word. *later: a word of the design that this version lacks. */
unsigned runbook_on_parse(const char *text, bool *later);
/* Bit i of the table, for listing; NULL past the end. */
const char *runbook_on_nth(size_t i);

/* The names select this check: each list that is given has one that fits;
 * checks are globs over its name and its plain name. */
bool check_is_selected(const struct check_spec *, const struct rlv_list *checks,
                       const struct rlv_list *tags,
                       const struct rlv_list *environments);
/* NULL: no such environment. */
const struct environment_spec *conf_environment(const struct conf *,
                                                const char *name);
/* NULL: no such name. */
const struct check_spec *conf_check(const struct conf *, const char *name);
bool conf_has_tag(const struct conf *, const char *tag); /* a check has it */
/* What there is of each sort, for suggestions (str_nearest): NULL past the end.
 * Names of checks are followed by their plain names. */
const char *conf_nth_name(const void *conf, size_t i);
const char *conf_nth_tag(const void *conf, size_t i);
const char *conf_nth_environment(const void *conf, size_t i);
const struct runbook_spec *conf_runbook(const struct conf *, const char *name);

#endif
