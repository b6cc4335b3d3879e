/* cli/url_text.h: a URL of the command line as lines of a configuration. */
#ifndef RELEVO_CLI_URL_TEXT_H
#define RELEVO_CLI_URL_TEXT_H

#include "base/buf.h"

/* As a text in libconfig's quotes that reads back as it is: nothing in it
 * begins a variable. */
void url_add_quoted(struct buf *out, const char *text);

/* A name for a check out of host and path, without what may be a password:
 * "app-health" of https://app.example.com/health. */
void url_add_name(struct buf *out, const char *url);

/* `url = "…";` of the check of that name. A URL that may hold a secret stays
 * out: then it is `plugin = "…"; url = { env = "NAME_URL"; };`, and the name of
 * the variable is returned, which the caller frees; else NULL. The scheme is
 * one of those that Relevo knows. */
char *url_add_setting(struct buf *out, const char *url, const char *name);

#endif
