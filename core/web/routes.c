/* web/routes.c: every path that is answered. */
#include "base/attr.h"
#include "web/handlers.h"
#include "web/route.h"

// clang-format off
static const struct route routes[] = {
    {GET, "/", WEB_HTML, NEEDS_STATUS | HIDDEN, board_handle, "the overview"},
    {GET, "/check/{check...}", WEB_HTML, NEEDS_STATUS | HIDDEN,
        check_page_handle, "one check"},
    {GET, "/incidents", WEB_HTML, NEEDS_STATUS | HIDDEN, incidents_handle,
        "all incidents, newest first"},
    {GET, "/incident/{incident}", WEB_HTML, NEEDS_STATUS | HIDDEN,
        incident_page_handle, "one incident"},
    {GET, "/page.css", WEB_CSS, HIDDEN, page_css_handle, "the style sheet"},
    {GET, "/favicon.svg", WEB_SVG, HIDDEN, favicon_handle, "the icon"},
    {GET, "/api/v1/status", WEB_JSON, NEEDS_STATUS, api_status_handle,
        "The state of every check.", NULL, "Status"},
    {GET, "/api/v1/history/{check...}", WEB_JSON, 0, api_history_handle,
        "Results of a check, newest first: `limit` of them (20, at most 1000), `since` and `before` times.",
        "limit since before", "Result[]"},
    {GET, "/api/v1/incidents", WEB_JSON, 0, api_incidents_handle,
        "Incidents, newest first: `limit` of them (20, at most 200), `before` an incident.",
        "limit before", "Incident[]"},
    {GET, "/api/v1/incidents/{id}", WEB_JSON, NEEDS_STATUS, api_incident_handle,
        "An incident with its timeline and runs.", NULL, "Incident"},
    {GET, "/api/v1/openapi.json", WEB_JSON, 0, openapi_handle,
        "This document."},
    {GET, "/metrics", WEB_METRICS, NEEDS_STATUS, metrics_handle,
        "For Prometheus."},
    {GET, "/badge/{check...}", WEB_SVG, NEEDS_STATUS, badge_handle,
        "CHECK.svg: the state of a check as an image."},
    {GET | POST, "/beat/{token}", WEB_TEXT, OPEN_TO_ALL, beat_handle,
        "The job whose heartbeat has that token is done; `rid` names the run, a body is kept.",
        "rid"},
    {GET | POST, "/beat/{token}/{what}", WEB_TEXT, OPEN_TO_ALL, beat_handle,
        "It says `start`, `fail`, `log`, or an exit status.", "rid"},
    {GET, "/healthz", WEB_TEXT, OPEN_TO_ALL, health_handle,
        "200 while the watch goes on; 503, and why, when it does not."},
};
// clang-format on

const struct route *route_at(size_t i)
{
    return i < ARRAY_LEN(routes) ? &routes[i] : NULL;
}
