/* web/web.h: the role that serves the page, the JSON API, /metrics and beats.
 *
 * It reads the history (read-only) and asks main for what only main knows; it
 * changes nothing. Started by crew/web.c, which gives it listening sockets from
 * ROLE_FD_LISTEN on, and watched by it over ROLE_FD_CHAN.
 *
 *   web.c      the process: its one loop over the channel and the sockets
 *   mhd.c      libmicrohttpd, loaded
 *   server.c   connections: accepted, bounded, given to libmicrohttpd
 *   head.c     whether a request means one thing only
 *   calls.c    requests: refused, or handled; main is asked meanwhile
 *   guard.c    who may ask what
 *   uri.c      path and query of a request
 *   route.c    which handler a path has; routes.c is the table
 *   response.c what a handler answers
 *   link.c     the channel to main: settings, pulses, questions
 *   status.c   what main knows of the checks
 *   storage.c  the history
 *
 * The answers: api_*.c openapi.c metrics.c badge.c health.c, and the pages. */
#ifndef RELEVO_WEB_WEB_H
#define RELEVO_WEB_WEB_H

/* Returns the exit status: 0 when main closed the channel. */
int web_main(void);

#endif
