/* conf/vars.h: variables and secrets, put in place once at load.
 *
 * `${name}` in a text is replaced; a group `{ env = "X"; }` or `{ file = "…";
 * }` is a secret. A text that holds one is secret as a whole. A secret that is
 * not there is no error: the node remembers which (node.missing). */
#ifndef RELEVO_CONF_VARS_H
#define RELEVO_CONF_VARS_H

#include "base/map.h"
#include "conf/outline.h"

struct vars {
    struct arena *arena;
    struct conf_errors *errors;
    const char *dir;      /* relative secret files are in here */
    struct node *group;   /* `vars`, or NULL */
    const char **secrets; /* every value seen; freed by vars_fini */
    size_t secret_count, secret_cap;
};

/* Resolves everything below a node, except members named in `vars` itself. */
void vars_expand(struct vars *, struct node *);
/* A value that is a secret by its use, not by how it is written. */
void vars_note_secret(struct vars *, const char *value);
void vars_fini(struct vars *);

/* `check "api": headers.Accept: ` for messages; hangs on the arena. */
const char *node_path(const struct node *, struct arena *);

#endif
