/* web/head.h: whether bytes are the head of a request that every reader of HTTP
 * takes for the same (RFC 9112, no leniency). Pure.
 *
 * libmicrohttpd is lenient: it takes a bare LF for the end of a line, folded
 * lines, a length beside an encoding. So each head is judged here before it is
 * given on, and each connection carries one request only: no second head ever
 * reaches libmicrohttpd unjudged. */
#ifndef RELEVO_WEB_HEAD_H
#define RELEVO_WEB_HEAD_H

#include <stddef.h>

enum head { HEAD_MORE, HEAD_FINE, HEAD_BAD, HEAD_LONG, HEAD_CODED };

enum { HEAD_MOST = 8192 };

/* MORE: it is fine so far, and not all of it. BAD: it is none. LONG: it has
 * more than HEAD_MOST bytes, or too many lines. CODED: its body is chunked or
 * compressed, which no request here needs. */
enum head head_judge(const char *bytes, size_t n);

#endif
