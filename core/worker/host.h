/* worker/host.h: the table of functions that plugins get. */
#ifndef RELEVO_WORKER_HOST_H
#define RELEVO_WORKER_HOST_H

#include "relevo/plugin.h"

extern const struct rlv_host worker_host;

#endif
