/* web/response.h: what a handler answers. server.c adds the headers that every
 * answer has (docs/web.md, security). */
#ifndef RELEVO_WEB_RESPONSE_H
#define RELEVO_WEB_RESPONSE_H

#include <jansson.h>
#include <stdbool.h>

#include "base/attr.h"
#include "base/buf.h"

#define WEB_JSON    "application/json"
#define WEB_HTML    "text/html; charset=utf-8"
#define WEB_TEXT    "text/plain; charset=utf-8"
#define WEB_CSS     "text/css; charset=utf-8"
#define WEB_METRICS "text/plain; version=0.0.4; charset=utf-8"
#define WEB_SVG     "image/svg+xml"

struct web_response {
    unsigned status;      /* 0: 200 */
    const char *type;     /* one of the above; NULL: the route's own */
    const char *language; /* Content-Language; NULL: none */
    const char *allow;    /* of a 405; NULL: none */
    unsigned refresh_s;   /* the browser asks again by itself; 0: not */
    bool may_cache;       /* an asset: kept by browsers for an hour */
    bool challenge;       /* of a 401: asks for a password */
    struct buf body;      /* taken over */
};

/* An error as the route's own type has it: {"error": …} or a line of text. Any
 * body so far is dropped. */
void response_error(struct web_response *, unsigned status, const char *fmt,
                    ...) PRINTF(3, 4);
/* The object as the body; takes the reference over. */
void response_json(struct web_response *, json_t *);

#endif
