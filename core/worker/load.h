/* worker/load.h: the plugins and checks that this worker has.
 *
 * Plugins stay until the worker ends. A check is replaced when its fingerprint
 * changes; the old one lives on until its last probe is over. */
#ifndef RELEVO_WORKER_LOAD_H
#define RELEVO_WORKER_LOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "base/map.h"
#include "base/mem.h"
#include "expect/expect.h"
#include "model/fault.h"
#include "plug/plug.h"
#include "wire/msg.h"
#include "worker/names.h"
#include "worker/scope.h"

struct plugin {
    struct plugin *next;
    char *path;       /* of a built-in kind: its name */
    char *broken;     /* why it cannot be used; NULL: it can */
    int64_t tried_ns; /* when it was last opened in vain */
    struct stat file; /* what was opened */
    const struct plug *plug;
    const struct rlv_plugin *table;
    const struct catalog *catalog;
    struct rlv_scope scope; /* the worker's, for this plugin */
    struct map *names;      /* key → struct names */
    /* The core's own fields, numbered after the plugin's; latency and duration
     * are -1 where the plugin, or the built-in kind, has its own. */
    int latency, duration, phase;
    bool inited;
};

struct target;

struct check_line {
    struct line *line;
    bool is_default;
};

struct check {
    struct check *next_retired;
    unsigned refs; /* the table's, its source's, and one for each probe */
    uint32_t id;
    uint64_t fingerprint;
    struct plugin *plugin;
    struct target *target;    /* referenced */
    struct arena *arena;      /* owns what follows */
    const void *conf;         /* NULL: broken, or made for each probe */
    struct setting *settings; /* they have {{name}} places; else NULL */
    size_t setting_count;
    const char *broken;  /* the settings or a line cannot be used: why */
    struct names *names; /* referenced; NULL: broken */
    struct check_line *expects, *warns;
    size_t expect_count, warn_count;
    const char *must_fail; /* "refused or timeout": it must fail with one of
                              wanted_faults; NULL: it need not */
    struct fault_set wanted_faults;
    bool *wanted; /* by field: something reads it; NULL when derived */
    /* Judged from this one's results; NULL: it is probed. Compared only: it may
     * be gone before its last derived check is. */
    const struct check *source;
    const char *source_name; /* for messages */
    struct check **derived;  /* referenced; free()d; as main ordered them */
    size_t derived_count;
    int64_t timeout_ns, evidence_bytes;
    struct rlv_scope scope;
    void *kept; /* keep() */
    size_t kept_bytes;
};

/* Takes over a generation. false: the message is nonsense. */
bool load_generation(const void *payload, size_t n);
struct check *load_check(uint32_t id); /* NULL: not here. Not referenced. */
/* What its plugin is given, with these values in its places. NULL: *why, on the
 * arena. */
const void *load_conf(const struct check *, const struct rlv_dict *values,
                      struct arena *, const char **why);
/* The last one retires it; load_bury, between two turns, releases it: a
 * callback that ends a probe may stand on what the check's scope owns. */
void check_unref(struct check *);
void load_bury(void);
/* Ends every scope, calls fini(). */
void load_close(void);

/* Where it could not be opened: tries it again, if the last time is long ago.
 */
void load_look_again(struct plugin *);
/* NULL, or that such a plugin can be opened now, or that another file is there
 * than the one that was opened: a worker that begins anew can use it. */
const char *load_reopened(void);

/* Its file's name until it is loaded. */
const char *plugin_name(const struct plugin *);

#endif
