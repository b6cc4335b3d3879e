/* model/naming.h: which check a word means: its whole name ("staging/api"), or
 * its plain name ("api") where one environment has it or one is given.
 *
 * Pure, over whatever holds the names: a configuration, the history, a running
 * model. Used by commands and by the control socket. */
#ifndef RELEVO_MODEL_NAMING_H
#define RELEVO_MODEL_NAMING_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/err.h"
#include "model/spec.h"

struct named {
    const char *name, *environment; /* "staging/api", "staging"; or "api", "" */
};

struct naming {
    const void *arg;
    /* The i-th check; false past them. */
    bool (*at)(const void *arg, size_t i, struct named *);
    const char *where; /* "in the history": ends the error; or "" */
};

struct naming naming_of_conf(const struct conf *);

/* The name without its environment; points into it. */
const char *naming_plain(const struct named *);
/* It has wildcards: it may mean several checks. */
bool naming_is_glob(const char *word);
/* A word of a list that selects: a glob, over name and plain name. */
bool naming_fits(const struct named *, const char *word);

/* A NULL environment is any. The error (ERR_NOT_FOUND, with a suggestion, or
 * ERR_USAGE, which lists those that it may mean) is a whole sentence. */
bool naming_find(const struct naming *, const char *word,
                 const char *environment, size_t *index,
                 struct err *) MUST_CHECK;
/* Sets chosen[i] for all that a word of a list means. One that fits none is an
 * error as above. */
bool naming_choose(const struct naming *, const char *word,
                   const char *environment, bool *chosen,
                   struct err *) MUST_CHECK;
/* Checks of that environment are there; NULL is fine. */
bool naming_environment(const struct naming *, const char *environment,
                        struct err *) MUST_CHECK;

#endif
