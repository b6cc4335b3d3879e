/* web/guard.c: what is refused before a handler is asked. */
#ifndef RELEVO_WEB_GUARD_H
#define RELEVO_WEB_GUARD_H

#include <stdbool.h>

#include "web/route.h"

enum { BODY_MOST = 100 * 1024 };

struct guard_facts { /* of a request, once its head is there */
    const char *method, *version;
    bool over_path; /* it came in over a socket with a path: no browser did */
    bool has_uri;   /* uri_parse took it */
};

/* False: answered. Sets q->method and q->route. */
bool guard_admits(struct web_request *, const struct guard_facts *,
                  struct web_response *);

#endif
