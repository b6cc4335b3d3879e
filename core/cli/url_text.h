/* cli/url_text.h: a URL of the command line as lines of a configuration. */
#ifndef RELEVO_CLI_URL_TEXT_H
#define RELEVO_CLI_URL_TEXT_H

#include <stdbool.h>

#include "base/buf.h"

/* As a text in libconfig's quotes that reads back as it is: nothing in it
 * begins a variable. */
void url_add_quoted(struct buf *out, const char *text);

/* A name for a check out of host and path, without what may be a password:
 * "app-health" of https://app.example.com/health. */
void url_add_name(struct buf *out, const char *url);

/* There is something before an '@' in front of the host: a password, or a
 * token in its place. */
bool url_has_user(const char *url);

#endif
