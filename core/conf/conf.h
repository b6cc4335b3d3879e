/* conf/conf.h: from configuration files to a generation, in two stages.
 *
 * Plugins are not loaded here: what they know comes in as catalogs, made by the
 * vet role. So conf_read finds out which plugins a configuration uses, the
 * caller has them described, and conf_build checks everything against their
 * tables. What a plugin itself says about its options (validate) comes after
 * that, by the caller, with the places in check_spec.
 *
 *     struct conf_errors *errors = conf_errors_new();
 *     struct conf_draft *draft = conf_read(&source, errors);
 *     … describe conf_draft_plugins(draft) …
 *     struct conf *conf = conf_build(draft, catalogs, n, 1, errors);
 *     conf_draft_free(draft);
 */
#ifndef RELEVO_CONF_CONF_H
#define RELEVO_CONF_CONF_H

#include "conf/errors.h"
#include "model/spec.h"

struct conf_source {
    /* The main file; NULL: ./relevo.cfg, else /etc/relevo/relevo.cfg. Files
     * named conf.d/[*].cfg beside it are read after it, in sorted order. */
    const char *file;
    /* The main file's text instead of its content: `file` is then only its
     * name in messages, and there is no conf.d. */
    const char *text;
    const char *state_dir; /* overrides the configuration; NULL: does not */
    const char *web;       /* likewise web.listen; "off": there is no page */
    /* Where nothing else is said; NULL: /var/lib/relevo for root, else
     * $XDG_STATE_HOME/relevo or ~/.local/state/relevo. */
    const char *default_state_dir;
    /* NULL-ended; searched where the configuration names no folder. */
    const char *const *plugin_dirs, *const *runbook_dirs;
    bool origins; /* remember where each value comes from, for conf_show */
};

struct conf_draft;

/* NULL: files cannot be read or are no configuration. Other mistakes are told
 * in errors and leave a draft, so that conf_build can tell the rest. */
struct conf_draft *conf_read(const struct conf_source *,
                             struct conf_errors *) MUST_CHECK;
void conf_draft_free(struct conf_draft *); /* NULL is fine */

/* The plugins that are used: their names, borrowed from the draft. */
size_t conf_draft_plugins(const struct conf_draft *, const char *const **names);
const struct rlv_list *conf_draft_plugin_dirs(const struct conf_draft *);
const char *conf_draft_state_dir(const struct conf_draft *);
/* Paths that no plugin is to reach: the state directory, the files that were
 * read, conf.d, the files of secrets, also where they are not there. */
struct rlv_list conf_draft_private(const struct conf_draft *, struct arena *);
/* The caller could not describe plugin i: reports that at its first use. */
void conf_draft_blame(const struct conf_draft *, size_t i, struct conf_errors *,
                      const char *fmt, ...) PRINTF(4, 5);
/* There is no plugin i; `known` (NULL-ended) are those there are. */
void conf_draft_unknown(const struct conf_draft *, size_t i,
                        const char *const *known, struct conf_errors *);

/* catalogs[i] belongs to plugin i of the draft; NULL where the caller could not
 * describe it and has said so. On success the generation takes them over and
 * leaves NULLs; on failure they stay the caller's. NULL if errors holds any
 * error, also one from before. A draft builds once.
 *
 * A check whose secret is missing exists with `missing` set and without that
 * setting: it must not be validated or probed. Where that secret is what would
 * have told the plugin, its catalog is NULL and its plugin "". */
struct conf *conf_build(struct conf_draft *, struct catalog **catalogs,
                        size_t n, uint32_t generation,
                        struct conf_errors *) MUST_CHECK;

/* Within what time an outage is noticed. false: no interval says so. */
bool conf_outage_window(const struct check_spec *, int64_t *min_ns,
                        int64_t *max_ns);
/* All checks and runbooks with every value, in libconfig's syntax; secrets as
 * "***"; behind each value its origin, where the source asked for that.
 * environment: only its checks; NULL: all. */
void conf_show(const struct conf *, const char *environment, struct buf *out);
/* docs/config.md, from the tables. */
void conf_write_docs(struct buf *out);

#endif
