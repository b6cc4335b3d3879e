/* conf/outline.h: a configuration as a tree of places and values.
 *
 * Made from the words of the files by a parser of our own, which exists for
 * what libconfig cannot tell: columns, which of two keys came first, numbers
 * that do not fit, and why a text is no configuration. libconfig then reads the
 * values (values.c): on what is a configuration it has the last word. */
#ifndef RELEVO_CONF_OUTLINE_H
#define RELEVO_CONF_OUTLINE_H

#include "conf/lex.h"

enum node_type {
    NODE_GROUP = 1, /* { } */
    NODE_LIST,      /* ( ) */
    NODE_ARRAY,     /* [ ] */
    NODE_TEXT,
    NODE_INT,
    NODE_REAL,
    NODE_BOOL
};

struct node {
    const char *name; /* NULL within lists and arrays */
    enum node_type type;
    bool plain;  /* a text without escapes: columns inside are exact */
    bool secret; /* the text holds a secret */
    bool is_secret; /* a group { env = … } or { file = … }: text is its value */
    bool optional;       /* where it is missing, it counts as not given */
    bool expanded;       /* its variables are in place */
    bool bad;            /* told already: ignore it */
    bool warned;         /* told already, go on */
    bool used;           /* of a template: some check uses it */
    struct place key;    /* of the name; of the value where there is none */
    struct place at;     /* of the value */
    const char *text;    /* of a scalar, or of is_secret */
    const char *written; /* text with {{{{ for each literal {{; NULL: as text */
    const char *missing; /* the secret that is not there: `env "X"`; or NULL */
    const char *environment; /* whose own variable it holds; or NULL */
    uint32_t from, to;       /* the whole setting in the words' text */
    struct node *first, *last, *next, *parent;
    size_t count;
    struct node *absent; /* members that count as not given, by next */
};

/* The root group, or NULL: told in errors. Hangs on the arena. */
struct node *outline_parse(const struct words *, struct arena *,
                           struct conf_errors *) MUST_CHECK;
/* Reads all values by libconfig. false: told in errors. */
bool values_read(const struct words *, struct node *root, struct arena *,
                 struct conf_errors *) MUST_CHECK;

struct node *node_find(const struct node *group, const char *name);
/* Item i of a list or array; a scalar is a list of one. NULL past the end. */
struct node *node_item(struct node *list, size_t i);
/* Its text as an option of a plugin takes it, which is filled in only when a
 * probe begins: see model/places.h. */
const char *node_written(const struct node *);
/* "a group", "a whole number": for messages. */
const char *node_kind(const struct node *);
void node_append(struct node *group, struct node *child);
/* Takes a member out of its group; node_find_absent finds it still. */
void node_set_aside(struct node *group, struct node *child);
struct node *node_find_absent(const struct node *group, const char *name);
/* The node and all below it, as a member of that parent's family but not of its
 * list. */
struct node *node_clone(const struct node *, struct node *parent,
                        struct arena *);

#endif
