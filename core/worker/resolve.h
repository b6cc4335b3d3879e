/* worker/resolve.h: names to addresses, by getaddrinfo on threads of our own:
 * at most 16, so that lookups that hang stop nobody but other lookups. */
#ifndef RELEVO_WORKER_RESOLVE_H
#define RELEVO_WORKER_RESOLVE_H

#include "relevo/plugin.h"

void resolve_open(void);
void resolve_close(void); /* threads in a lookup are left to the exit */
/* fn is called once, in a later turn, unless the probe is over by then. */
void resolve_ask(struct rlv_probe *, const char *name, uint16_t port,
                 int family, rlv_addr_fn *, void *arg);
void resolve_forget(struct rlv_probe *); /* its probe is over */

#endif
