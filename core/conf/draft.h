/* conf/draft.h: what passes between the two stages of conf.h. Private. */
#ifndef RELEVO_CONF_DRAFT_H
#define RELEVO_CONF_DRAFT_H

#include "conf/conf.h"
#include "conf/tables.h"
#include "conf/vars.h"

enum { NO_PLUGIN = -1 };

struct draft_check {
    struct node *node;
    int plugin; /* index into draft.plugins, or NO_PLUGIN: told, or missing */
    const char *missing; /* the secret that hides which plugin it is */
};

struct conf_draft {
    struct arena *arena;
    const char *file; /* absolute, or NULL */
    const char *dir;  /* of the main file */
    char sha256[65];
    struct node *root;                         /* of all files together */
    struct node *checks, *runbooks, *defaults; /* or NULL */
    struct vars vars;
    struct global_values globals;
    const char **plugins;            /* by name, in the order of their use */
    const struct node **plugin_uses; /* where each was first asked for */
    size_t plugin_count;
    struct draft_check *all;
    size_t check_count;
};

/* read.c: every file as one tree, or NULL. */
struct node *draft_read_files(struct conf_draft *, const struct conf_source *,
                              struct conf_errors *);
/* globals.c: fills draft.globals; tells unknown top-level keys. */
void draft_globals(struct conf_draft *, const struct conf_source *,
                   struct conf_errors *);
const char *draft_absolute(struct conf_draft *, const char *path);

/* globals.c. The node's value as a row of that kind takes it. *missing: a
 * secret that is not there; the value is then not to be used. */
bool raw_of(const struct node *, unsigned kind, struct arena *, struct raw *,
            const char **missing, struct err *);
/* Reads one member of a group by its row into values. false: told. */
bool take_option(const struct rlv_option *row, struct node *, void *values,
                 struct arena *, const char **missing, struct conf_errors *);
/* "unknown" or "not in this version". other: a suggestion, or NULL. */
void tell_unknown(enum scope, const struct node *, const char *suggestion,
                  struct arena *, struct conf_errors *);

/* check.c, runbook.c and their helpers share this. */
struct builder {
    struct conf_draft *draft;
    struct conf *conf;
    struct catalog **catalogs;
    struct conf_errors *errors;
    struct map *zones;                 /* name → struct tz * */
    const char *file_from, *file_kept; /* the last one that keep_place copied */
};

/* build.c */
struct place keep_place(struct builder *, struct place); /* in conf's arena */
/* NULL: told, at that node. */
const struct tz *find_zone(struct builder *, const char *name, struct node *);
void tell(struct builder *, struct node *, const char *fmt, ...)
    PRINTF(3, 4); /* marks the node bad */

/* check.c */
void build_checks(struct builder *);

/* settings.c: the options of one check, laid over each other. */
enum { MOST_OPTIONS = 24 }; /* rows of check_options */
struct item {
    struct setting setting;
    const char *missing; /* the setting's value is not to be used */
};
struct settings {
    struct check_values values;
    struct node *given[MOST_OPTIONS]; /* what set each row; NULL: the default */
    unsigned schedule; /* rows that decide it, of the innermost that has any */
    struct item *items;
    size_t count, cap;
    const char *missing; /* of the common options */
};
/* The built-in values. */
void settings_begin(struct builder *, struct settings *);
/* Copies, so that `to` may change. settings_end frees. */
void settings_copy(struct settings *to, const struct settings *from);
void settings_end(struct settings *);
/* One layer. catalog NULL: the plugin's options are not looked at. */
void settings_add(struct builder *, struct settings *, const struct catalog *,
                  struct node *group);
/* `defaults` itself: options of every check only; its groups are others'. */
void settings_add_common(struct builder *, struct settings *,
                         struct node *defaults);
struct node *settings_given(const struct settings *, const char *name);
const struct item *settings_item(const struct settings *, const char *name);

/* lines.c: expectations. Own lines, then the defaults that stay. */
struct lines {
    struct line_spec *items;
    size_t count;
    const char *missing;
};
struct lines build_lines(struct builder *, const struct catalog *,
                         struct node *own, const char *const *defaults);

/* target.c */
const char *check_target(const struct settings *, const struct catalog *,
                         const char *name, struct arena *);
uint64_t check_fingerprint(const struct check_spec *);

/* runbook.c */
void build_runbooks(struct builder *);
/* script.c: the file that `script` names, or NULL: told. */
const char *find_script(struct builder *, struct node *script);

#endif
