/* expect/type.h: what the three files that type an expression share: type.c
 * (the tree), type_names.c (fields, maps, functions), type_compare.c. */
#ifndef RELEVO_EXPECT_TYPE_H
#define RELEVO_EXPECT_TYPE_H

#include "expect/tree.h"

struct typer {
    struct expect *expect;
    const struct expect_scope *scope;
    struct expect_error *error;
};

/* A piece of the expression, for messages. */
const char *type_source(struct typer *, const struct node *);
/* Its values' types are known only when it is judged. */
bool type_is_open(enum type);
bool type_is_bare_number(const struct node *); /* a literal without a unit */
bool type_is_observed(const struct node *);

/* Each fills in the node, or refuses. */
bool type_node(struct typer *, struct node *);
bool type_name(struct typer *, struct node *);
bool type_call(struct typer *, struct node *);
/* Both sides are typed: do they fit the operator and each other? */
bool type_check_compare(struct typer *, struct node *);

#endif
