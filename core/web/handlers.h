/* web/handlers.h: the handlers of routes.c, by file. */
#ifndef RELEVO_WEB_HANDLERS_H
#define RELEVO_WEB_HANDLERS_H

#include "web/route.h"

route_handler api_status_handle; /* api_status.c */
route_handler health_handle;     /* health.c */

#endif
