/* conf/vars.h: variables and secrets, put in place once at load.
 *
 * `${name}` in a text is replaced; a group `{ env = "X"; }` or `{ file = "…";
 * }` is a secret. A text that holds one is secret as a whole. A secret that is
 * not there is no error: the node remembers which (node.missing), and so it is
 * with a variable that only other environments define. */
#ifndef RELEVO_CONF_VARS_H
#define RELEVO_CONF_VARS_H

#include "base/map.h"
#include "conf/outline.h"

struct vars {
    struct arena *arena;
    struct conf_errors *errors;
    const char *dir;    /* relative secret files are in here */
    struct node *group; /* `vars`, or NULL */
    /* Of the environment at hand: its own `vars`, which come first, and its
     * name. NULL: what is read is the same in all of them. */
    struct node *own;
    const char *environment;
    const struct node *environments; /* the block with all of them, or NULL */
    const char **secrets;            /* every value seen; freed by vars_fini */
    size_t secret_count, secret_cap;
    const char **files; /* they came from, absolute; freed by vars_fini */
    size_t file_count, file_cap;
};

/* Resolves everything below a node, except members named in `vars` itself. */
void vars_expand(struct vars *, struct node *);
/* NULL: neither the environment nor the whole configuration has it. */
struct node *vars_find(const struct vars *, const char *name);
/* Another environment has it: here it has no value. */
bool vars_is_elsewhere(const struct vars *, const char *name);
const char *vars_suggest(const struct vars *, const char *name); /* or NULL */
/* A value that is a secret by its use, not by how it is written. */
void vars_note_secret(struct vars *, const char *value);
void vars_fini(struct vars *);

/* `check "api": headers.Accept: ` for messages; with the environment where its
 * own variable is in the value. Hangs on the arena. */
const char *node_path(const struct node *, struct arena *);

#endif
