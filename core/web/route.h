/* web/route.h: which handler answers a path.
 *
 * A new page is one row in routes.c and one function:
 *
 *     {GET, "/badge/{check...}", WEB_SVG, NEEDS_STATUS, badge_handle, "…"},
 *
 *     void badge_handle(const struct web_request *q, struct web_response *r)
 *
 * {name} is one segment of the path, {name...} the rest of it, slashes and all:
 * both come decoded, by web_param. HEAD is answered wherever GET is, OPTIONS
 * everywhere; another method is refused with 405. The handler runs to its end
 * on the only thread: it reads the history through web_reader and what main
 * knows through q->status, and waits for nothing. */
#ifndef RELEVO_WEB_ROUTE_H
#define RELEVO_WEB_ROUTE_H

#include "store/reader.h"
#include "wire/msg.h"
#include "web/response.h"
#include "web/uri.h"

enum web_method { GET = 1, POST = 2 }; /* bits */

enum web_need {
    NEEDS_STATUS = 1, /* q->status is at most a second old; older, or NULL,
                         only where main does not answer */
    OPEN_TO_ALL = 2,  /* no token is asked for */
    HIDDEN = 4        /* not in /api/v1/openapi.json */
};

struct status;

struct web_request {
    enum web_method method; /* GET for HEAD, too */
    const struct route *route;
    struct uri uri;
    const char *rest; /* what {name...} stands for */
    const char *body; /* of a POST; "" */
    size_t body_len;
    const struct status *status; /* NULL without NEEDS_STATUS */
    struct arena *arena;         /* lasts until the answer is made */
    int64_t now_us;
    void *connection; /* server.c's */
};

typedef void route_handler(const struct web_request *, struct web_response *);

struct route {
    unsigned methods; /* of enum web_method */
    const char *path;
    const char *type; /* of the answer */
    unsigned needs;   /* of enum web_need */
    route_handler *handle;
    /* For /api/v1/openapi.json: one sentence; names of query members, with
     * spaces between them; a schema of openapi.c, "Result[]" a list of them. */
    const char *summary, *query, *schema;
};

/* routes.c. NULL past the end. */
const struct route *route_at(size_t i);
/* NULL: no such path. Sets rest. */
const struct route *route_find(const struct uri *, struct arena *,
                               const char **rest);
/* What {name} of the route stands for; name without its dots. */
const char *web_param(const struct web_request *, const char *name);
const char *web_query(const struct web_request *, const char *name); /* NULL */
/* A header of the request; NULL: it has none of that name. server.c */
const char *web_header(const struct web_request *, const char *name);
/* ?limit=: between 1 and most, else `fallback` where it is not given. False:
 * answered with 400. */
bool web_limit(const struct web_request *, struct web_response *,
               size_t fallback, size_t most, size_t *limit) MUST_CHECK;

/* A question that only main can answer, such as a beat. The handler returns,
 * and is called again when the answer is there; where none comes within two
 * seconds, the server answers with 503. */
void web_ask(const struct web_request *, enum question_kind,
             const struct buf *content);
/* Main's answer to it; NULL: it has not been asked yet. */
const void *web_answer(const struct web_request *, size_t *len);

/* The history; NULL: there is none so far, or it cannot be read, and it was
 * answered. storage.c */
struct reader *web_reader(struct web_response *);
/* Answers for a call of the reader that failed: 404 with that text where it
 * found nothing, else 503. Returns false. */
bool web_not_read(struct web_response *, const struct err *,
                  const char *nothing);

#endif
