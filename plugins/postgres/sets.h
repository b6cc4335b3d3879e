/* postgres/sets.h: sets of observations: what a server tells of itself, asked
 * for as a whole by the option `sets`, or by a line that reads one of their
 * fields. The sets themselves stand in sets_table.h. */
#ifndef POSTGRES_SETS_H
#define POSTGRES_SETS_H

#include <relevo/plugin.h>

struct run;

enum set {
#define SETS_SET(set, help) SET_##set,
#include "postgres/sets_table.h"
    SET_COUNT
};

/* What a probe knows of its sets. */
struct sets_run {
    uint32_t asked;    /* a bit for each set */
    size_t at;         /* the statement that is next */
    bool failed;       /* the present one, at the server */
    int64_t cap_ns;    /* what it may take */
    char refused[400]; /* what the server did not show, and why */
};

#define SETS_CHANGED 100 /* AS: whether a text is another than before */
#define SETS_KEPT    4   /* how many columns are such */

/* What a check keeps of them between probes: the texts of those columns. */
struct sets_kept {
    struct {
        unsigned field;
        char text[40]; /* "": not seen yet */
    } last[SETS_KEPT];
};

/* The last step of a probe; ends in run_next(). */
void sets_begin(struct run *);
bool sets_validate(const struct rlv_list *sets, char *why, size_t size);

#endif
