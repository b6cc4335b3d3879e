/* base/url.h: where a URL may hold a secret (RFC 3986, 3.2), and how it is
 * shown without it. Pure.
 *
 * A URL is cut as it stands, right or wrong: a password in which nobody encoded
 * a "/" is found all the same. */
#ifndef RELEVO_BASE_URL_H
#define RELEVO_BASE_URL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

struct span { /* of a text; at is NULL where there is none */
    const char *at;
    size_t len;
};

struct url {
    struct span user;     /* all that stands before the '@' */
    struct span password; /* what follows its first colon */
    struct span host;     /* with the port */
    const char *rest;     /* path and query */
};

/* Borrows the text. One without "://" begins with the host. */
void url_cut(const char *text, struct url *);

enum url_secret {
    URL_PASSWORD,
    URL_USER,     /* a user without password: perhaps a token in its place */
    URL_PARAMETER /* of the query, such as "token=…" */
};
typedef void url_secret_fn(void *arg, enum url_secret, struct span);

/* Each part that may be a secret, from left to right. */
void url_each_secret(const char *text, url_secret_fn *, void *arg);
bool url_holds_secret(const char *text);
/* Appends the URL with "***" in the place of each of them. */
void url_add_blotted(struct buf *out, const char *text);
/* Appends the part with its %XX decoded; what is none stays. */
void url_add_decoded(struct buf *out, struct span);

#endif
