/* cli/use.h: a checked configuration for a command that needs one. */
#ifndef RELEVO_CLI_USE_H
#define RELEVO_CLI_USE_H

#include "cli/cli.h"
#include "conf/conf.h"

/* Reads, builds and vets it; mistakes go to standard error. NULL: refused. */
struct conf *use_conf(const struct args *);
/* The same, and it knows where each value comes from. */
struct conf *use_conf_explained(const struct args *);
/* The same from a text instead of a file. */
struct conf *use_conf_text(const struct args *, const char *name,
                           const char *text);

#endif
