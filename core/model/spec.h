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
#include "model/option.h"

struct tz;

enum schedule_kind { SCHEDULE_INTERVAL, SCHEDULE_CRON, SCHEDULE_MANUAL };

/* What automation may do; the lowest of global and runbook wins. */
enum automation {
    AUTOMATION_OBSERVE,
    AUTOMATION_DIAGNOSE,
    AUTOMATION_APPROVE,
    AUTOMATION_AUTO
};

struct line_spec {
    const char *text;
    struct place place;
    bool is_default; /* the plugin's own: skipped where its field is absent */
};

struct check_spec {
    const char *name;
    struct place place;
    const struct catalog *catalog; /* borrowed from the conf */

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
    int64_t
        keep_all_lines; /* internal: report every line, not only false ones */

    enum schedule_kind schedule;
    struct line_spec *expects,
        *warns; /* own lines, then the defaults that stay */
    size_t expect_count, warn_count;

    const struct setting *settings; /* the plugin's own options, as given */
    size_t setting_count;

    const char *target;  /* "host:port", for limits and locks; or the name */
    const char *missing; /* the secret that is not there, as written; or NULL */
    uint64_t fingerprint; /* equal when nothing of the check changed */
};

enum runbook_kind { RUNBOOK_DIAGNOSE, RUNBOOK_REMEDIATE, RUNBOOK_NOTIFY };

/* Bits of runbook_spec.on. */
enum runbook_on {
    ON_SUSPECT = 1,
    ON_DEGRADED = 2,
    ON_DOWN = 4,
    ON_RECOVERED = 8,
    ON_UNKNOWN = 16,
    ON_ASKED = 32 /* by hand; no configuration can say so */
};

struct runbook_match {
    struct rlv_list checks; /* globs; empty: all */
    struct rlv_list plugins, tags, faults, codes, states; /* empty: any */
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
    const char *user; /* NULL: the daemon's */
    struct param_spec *params;
    size_t param_count;
    const char *missing; /* the secret that is not there; or NULL */
};

struct conf {
    unsigned refs;
    struct arena *arena;
    uint32_t generation;
    const char *file; /* the main file, absolute; NULL: none */
    char sha256[65];  /* of all files read, in order */

    /* global options (conf/tables.c) */
    const char *timezone, *state_dir, *user, *log_level;
    struct rlv_list plugin_dir, runbook_dir;
    enum automation automation;
    int64_t workers; /* 0: min(cores, 4) */
    int64_t blocking;
    int64_t target_probes;

    struct check_spec *checks;
    size_t check_count;
    struct runbook_spec *runbooks;
    size_t runbook_count;
    struct catalog **catalogs;
    size_t catalog_count;
    struct tz **zones; /* every zone that a check names */
    size_t zone_count;
    const char **secrets; /* every secret value, for redaction */
    size_t secret_count;
};

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

/* NULL: no such name. */
const struct check_spec *conf_check(const struct conf *, const char *name);
const struct runbook_spec *conf_runbook(const struct conf *, const char *name);

#endif
