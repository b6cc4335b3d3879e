/* daemon/describe.h: descriptions of plugins kept in the state directory, by
 * path, inode, size and time of change, so that a start need not load them. */
#ifndef RELEVO_DAEMON_DESCRIBE_H
#define RELEVO_DAEMON_DESCRIBE_H

#include "model/catalog.h"

/* NULL: not there, or of another file or version. The caller frees. */
struct catalog *describe_get(const char *state_dir, const char *plugin_path);
/* Best effort: a description that cannot be kept is made anew next time. */
void describe_put(const char *state_dir, const struct catalog *);

#endif
