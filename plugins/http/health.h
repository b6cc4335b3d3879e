/* http/health.h: the usual bodies of health pages, read alike.
 *
 * Frameworks agree on what a health page says and on nothing about how: Spring
 * Boot's actuator, ASP.NET Core, MicroProfile, the IETF draft
 * application/health+json, NestJS terminus, the Go libraries, Consul, Laravel,
 * Kubernetes' readyz?verbose, and whatever says {"status":"ok","db":"ok"}. What
 * each calls its words becomes one of `ok degraded fail unknown`; a text that
 * is no such word, such as an error in its place, stays as it is. */
#ifndef HTTP_HEALTH_H
#define HTTP_HEALTH_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#define HEALTH_MOST 64          /* components */
#define HEALTH_BODY (256 << 10) /* larger bodies are not read */

struct component {
    char name[128];    /* "db"; within another one "db.primary" */
    const char *state; /* "ok", …, or the text that stood there */
    const char *error; /* what the page says is wrong; NULL: nothing */
};

/* The texts are its own, until health_end(). */
struct health {
    const char *state; /* of the whole: what the page says, else the worst of
                          the components; NULL: it says nothing */
    struct component components[HEALTH_MOST];
    size_t count;
    json_t *page;
    char *text; /* of a page that is no JSON */
};

/* False: it is no health page of any of those sorts; nothing to end. */
bool health_read(struct health *, const char *body, size_t len);
void health_end(struct health *);

/* The worst component, the first of several; NULL: all are ok. */
const struct component *health_cause(const struct health *);
/* It, or a component, is neither ok nor merely degraded. */
bool health_is_bad(const struct health *);

#endif
