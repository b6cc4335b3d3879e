/* web/handlers.h: the handlers of routes.c, by file. */
#ifndef RELEVO_WEB_HANDLERS_H
#define RELEVO_WEB_HANDLERS_H

#include "web/route.h"

route_handler api_status_handle;    /* api_status.c */
route_handler api_history_handle;   /* api_history.c */
route_handler api_incidents_handle; /* api_incidents.c */
route_handler api_incident_handle;
route_handler openapi_handle; /* openapi.c */
route_handler metrics_handle; /* metrics.c */
route_handler badge_handle;   /* badge.c */
route_handler health_handle;  /* health.c */

/* pages.c */
route_handler board_handle, check_page_handle, incidents_handle,
    incident_page_handle, page_css_handle, favicon_handle;
/* The answer's status as a page, with that text. */
void page_error_handle(const struct web_request *, struct web_response *,
                       const char *text);

route_handler beat_handle; /* beat.c */

#endif
