/* model/trouble.h: what is wrong with the monitor itself: a plugin that is held
 * back, a history that cannot be written. Never a target's fault.
 *
 * A trouble has a kind and an object and is either on or over. It stands under
 * a name of its own, "relevo:KIND:OBJECT", which no check can have: the
 * language of the configuration knows no colon in a name. Under that name it is
 * an incident like any other; see trouble.c for what it is not.
 *
 * A new kind: a row in the table of trouble.c, and who finds it calls
 * daemon_trouble. */
#ifndef RELEVO_MODEL_TROUBLE_H
#define RELEVO_MODEL_TROUBLE_H

#include <stdbool.h>

#include "model/record.h"

/* What stands in its rows for a plugin; no plugin may have that name. */
#define TROUBLE_PLUGIN "relevo"
/* How all their names begin. */
#define TROUBLE_PREFIX "relevo:"

enum trouble_kind {
    TROUBLE_OF_PLUGIN,    /* a whole plugin is held back; object: its name */
    TROUBLE_OF_PROBES,    /* the probes of one check are; object: its name */
    TROUBLE_OF_HISTORY,   /* it is not written, or lost; object: which of it */
    TROUBLE_OF_RESOURCES, /* the system refuses some; object: which */
    TROUBLE_OF_TIME /* clocks jump, or we stand still, again and again; object:
                       "self"; found by distrust.c itself */
};
enum { TROUBLE_KINDS = TROUBLE_OF_TIME + 1 };

struct trouble {
    enum trouble_kind kind;
    const char *object;
    bool over;
    const char *text; /* one sentence: what is wrong, or why it is over */
};

const char *trouble_kind_name(enum trouble_kind);
/* Whether the row, of a model or of the store, is not a check's at all. */
bool trouble_is(const struct check_row *);
/* The kind of such a row, and where its object begins. */
bool trouble_parse(const struct check_row *, enum trouble_kind *,
                   const char **object);

#endif
