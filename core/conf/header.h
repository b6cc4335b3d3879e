/* conf/header.h: what a runbook's script says about itself.
 *
 * Comment lines at its beginning, in any language whose comments begin with
 * "#" (or with "//" or "--"):
 *
 *     # kind: notify
 *     # title: post a notice to a URL
 *     # on: down, recovered
 *     # timeout: 30s
 *     # param: url secret required "where to post"
 *     # param: format default=json "json or slack"
 *
 * So a configuration cannot call a remediation a diagnosis. Other "# word:"
 * lines are the script's own affair. Read by runbook.c and `runbook list`. */
#ifndef RELEVO_CONF_HEADER_H
#define RELEVO_CONF_HEADER_H

#include "base/err.h"
#include "base/mem.h"
#include "model/spec.h"

struct header_param {
    const char *name;
    const char *fallback; /* NULL: none */
    const char *help;     /* "" where there is none */
    bool secret, required;
};

struct script_header {
    enum runbook_kind kind;
    const char *title;  /* "" where there is none */
    unsigned on;        /* bits of enum runbook_on; the kind's where not said */
    int64_t timeout_ns; /* likewise */
    struct header_param *params;
    size_t param_count;
};

/* Strings hang on the arena. The error names the line of the script. */
bool header_parse(const char *text, struct arena *, struct script_header *,
                  struct err *) MUST_CHECK;
/* Of a file: its first 16 KiB. */
bool header_read(const char *path, struct arena *, struct script_header *,
                 struct err *) MUST_CHECK;
const struct header_param *header_param(const struct script_header *,
                                        const char *name);

/* What a kind has where nobody says otherwise. */
int64_t runbook_default_cooldown_ns(enum runbook_kind);

#endif
