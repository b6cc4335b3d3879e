/* vet/vet.h: the role that opens a plugin for the first time, describes it and
 * checks settings against it, so that whatever it does there costs nobody
 * anything. One request, one answer, then it ends. */
#ifndef RELEVO_VET_VET_H
#define RELEVO_VET_VET_H

/* Returns the exit status. */
int vet_main(void);

#endif
