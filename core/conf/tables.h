/* conf/tables.h: every key of a configuration, as rows of options.
 *
 * Validation, docs/config.md and `config show` are made from these. Rows point
 * into the structs below, which check.c, runbook.c and globals.c turn into the
 * model's. */
#ifndef RELEVO_CONF_TABLES_H
#define RELEVO_CONF_TABLES_H

#include "conf/outline.h"
#include "model/spec.h"

struct global_values {
    const char *timezone, *automation, *state_dir, *runner, *user, *log;
    struct rlv_list plugin_dir, runbook_dir;
    int64_t workers, blocking, target_probes;
};

struct check_values {
    struct check_spec spec;
    struct rlv_list expect, warn_unless;
    struct rlv_list use, environments; /* read before: environment.c */
    struct rlv_list depends_on;        /* for the table: needs.c reads it */
    struct rlv_dict record;            /* likewise: derive.c */
};

struct runbook_values {
    const char *script, *user, *automation;
    const char *budget; /* "2 per 24h" */
    struct rlv_list on, environments, active;
    int64_t timeout_ns, grace_ns, cooldown_ns, repeat_ns, settle_ns,
        verify_within_ns;
    struct runbook_match match;
};

struct maintenance_values {
    const char *cron, *timezone, *from, *until, *reason;
    int64_t duration_ns;
    struct rlv_list checks, tags, environments;
};

struct option_table {
    const struct rlv_option *rows;
    size_t count;
};

extern const struct option_table global_options, check_options, runbook_options,
    match_options, maintenance_options, history_options, web_options;

enum scope {
    SCOPE_TOP = 1,
    SCOPE_CHECK = 2, /* and defaults */
    SCOPE_RUNBOOK = 4,
    SCOPE_MATCH = 8,
    SCOPE_PLUGIN = 16, /* values of `plugin` */
    SCOPE_SECRET = 32, /* beside env and file */
    SCOPE_ENVIRONMENT = 64,
    SCOPE_MAINTENANCE = 128,
    SCOPE_HISTORY = 256,
    SCOPE_WEB = 512
};

/* A word of the design that this version does not have: never "unknown". */
bool table_is_later(enum scope, const char *word);

/* Which plugin the scheme of a URL names, and its default port; NULL: none. */
const char *table_scheme(const char *url, int *port);
/* Row i of the schemes; NULL past the end. */
const char *table_scheme_nth(size_t i, const char **plugin, int *port);

#endif
