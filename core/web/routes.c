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
        "the state of every check"},
    {GET, "/healthz", WEB_TEXT, OPEN_TO_ALL, health_handle,
        "200 while the watch goes on; 503, and why, when it does not"},
};
// clang-format on

const struct route *route_at(size_t i)
{
    return i < ARRAY_LEN(routes) ? &routes[i] : NULL;
}
