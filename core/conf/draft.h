/* conf/draft.h: what passes between the two stages of conf.h. Private. */
#ifndef RELEVO_CONF_DRAFT_H
#define RELEVO_CONF_DRAFT_H

#include "conf/conf.h"
#include "conf/tables.h"
#include "conf/vars.h"

enum { NO_PLUGIN = -1 };

/* One world that the checks are expanded for, with variables in place. Without
 * the block `environments` there is one, without a name. */
struct draft_environment {
    const char *name;                           /* "" */
    struct node *node;                          /* NULL */
    struct node *vars, *own_vars;               /* of all; its own; or NULL */
    struct node *checks, *defaults, *templates; /* or NULL */
};

struct draft_check {
    struct node *node;
    const struct draft_environment *environment;
    struct node **templates; /* of `use`, in order */
    size_t template_count;
    int plugin; /* index into draft.plugins, or NO_PLUGIN: told, or missing */
    const char *missing; /* the secret that hides which plugin it is */
    const struct draft_check *source; /* of a derived one; NULL: it is probed */
};

struct conf_draft {
    struct arena *arena;
    const char *file;              /* absolute, or NULL */
    const char *dir;               /* of the main file */
    bool origins, given_state_dir; /* of the source */
    const char *given_web;         /* likewise; or NULL */
    char sha256[65];
    const char **files; /* that were read, and conf.d; absolute */
    size_t file_count, file_cap;
    struct node *root; /* of all files together */
    struct node *checks, *runbooks, *defaults, *templates, *environments,
        *maintenance, *history, *web; /* or NULL */
    struct draft_environment *worlds; /* at least one */
    size_t world_count;
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
/* globals.c: a group of variables holds nothing else. */
void draft_check_vars(const struct conf_draft *, const struct node *group,
                      struct conf_errors *);

/* environment.c */
/* The group differs between environments: its texts are put in place for each.
 */
bool draft_is_of_environments(const struct conf_draft *, const struct node *);
/* Fills draft.worlds. */
void draft_environments(struct conf_draft *, struct conf_errors *);
/* The variables of that environment are those at hand. */
void draft_enter(struct conf_draft *, const struct draft_environment *);
/* Fills draft.all, but for plugins: what each environment has, the source of
 * what is derived. */
void draft_find_checks(struct conf_draft *, struct conf_errors *);
/* What the check says, else the last of its templates that does, else the
 * defaults; NULL: none of them. */
struct node *draft_layered(const struct draft_check *, const char *name);

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

/* The word is one of the table's. */
enum automation automation_of(const char *word);

/* check.c */
void build_checks(struct builder *);
struct check_spec *spec_of(const struct builder *, const struct draft_check *);

/* beats.c: checks of the kind `heartbeat`. */
struct settings;
bool is_heartbeat(const struct check_spec *);
/* One beat that is missed, or fails, is an outage. */
void default_thresholds(const struct settings *, struct check_spec *);
/* After the settings are kept. */
void finish_beats(struct builder *, struct settings *,
                  const struct draft_check *);
void check_tokens(struct builder *); /* of all checks */

/* settings.c: the options of one check, laid over each other. */
bool is_plugin_block(const struct node *member_of_defaults);
enum { MOST_OPTIONS = 40 }; /* rows of check_options */
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
/* The same of a derived check: nothing but common options. */
void settings_add_derived(struct builder *, struct settings *,
                          struct node *group);
/* `defaults` itself: options of every check only; its groups are others'. */
void settings_add_common(struct builder *, struct settings *,
                         struct node *defaults);
/* Everybody sees what that member says: it may hold no secret. true: it does;
 * told. */
bool refuse_secret(struct builder *, struct node *);
struct node *settings_given(const struct settings *, const char *name);
const struct item *settings_item(const struct settings *, const char *name);

/* lines.c: expectations. Own lines, then the defaults that stay. */
struct lines {
    struct line_spec *items;
    size_t count;
    const char *missing;
};
struct lines build_lines(struct builder *, const struct check_spec *,
                         struct node *own, const char *const *defaults);
/* `expect_fault`: the names are right, and no line stands beside it. */
void finish_expect_fault(struct builder *, struct settings *);
/* Where the character that the error means stands. */
struct place line_error_place(const struct node *, int column);

/* derive.c: what a check records, and the names that its lines may use. */
void build_fields(struct builder *, struct check_spec *,
                  const struct draft_check *);
/* A derived check has its source's schedule and target. */
void finish_derived(struct builder *, struct check_spec *,
                    const struct draft_check *);

/* needs.c: `depends_on` of all checks. */
void build_needs(struct builder *);

/* triggers.c: options that name other checks, of all checks. */
void build_triggers(struct builder *);

/* cycles.c: an error for each way from a check to itself. The i-th check that
 * another leads to; NULL past them. */
typedef const struct check_spec *nth_check_fn(const struct check_spec *,
                                              size_t i);
void tell_cycles(struct builder *, nth_check_fn *, const char *what);

/* target.c */
const char *check_target(const struct settings *, const struct catalog *,
                         const char *name, struct arena *);
uint64_t check_fingerprint(const struct check_spec *);

/* origin.c: where each value comes from, into the specs. */
void find_origins(struct builder *);
/* Writes lines `name = value;`, each with its origin, if they are known. */
void write_origins(const char *entry, const struct origins *,
                   const char *fallback, struct buf *out);

/* runbook.c */
void build_runbooks(struct builder *);

/* match.c */
/* Into values->match. false: it is no group; told. */
bool read_match(struct builder *, struct node *group, struct runbook_values *,
                const char **missing);
void check_match(struct builder *, struct node *group, struct runbook_match *);
/* Each word fits something, or is told; `given` is the list as written. */
void check_list_of_checks(struct builder *, const struct rlv_list *,
                          struct node *given);
void check_list_of_environments(struct builder *, const struct rlv_list *,
                                struct node *given);
void check_list_of_tags(struct builder *, const struct rlv_list *,
                        struct node *given); /* only warns */

/* A list of what is meant that is empty, where leaving it out means all: a slip
 * would widen what it was to narrow. NULL: not given. */
void refuse_empty_list(struct builder *, struct node *);

/* active.c */
bool active_parse(const char *text, struct active_span *, struct err *);
bool budget_parse(const char *text, int64_t *count, int64_t *ns, struct err *);

/* maintenance.c */
/* Every member of the group by its row. *missing as take_option has it. */
void take_group_members(struct builder *, enum scope,
                        const struct option_table *, struct node *group,
                        void *values, const char **missing);
void build_maintenance(struct builder *);
void build_history(struct builder *);
/* web.c */
void build_web(struct builder *);
/* script.c: the file that `script` names, or NULL: told. */
const char *find_script(struct builder *, struct node *script);

#endif
