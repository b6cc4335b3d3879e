/* daemon/places.h: where this very program finds what belongs to it.
 *
 * From a build folder everything runs in place: plugins beside the program,
 * runbooks in the source tree, state in build/run. Installed, by the usual
 * folders relative to the program: ../lib/relevo/plugins,
 * ../share/relevo/runbooks. */
#ifndef RELEVO_DAEMON_PLACES_H
#define RELEVO_DAEMON_PLACES_H

#include "conf/conf.h"

/* A source with the default folders filled in; file and state_dir as given.
 * What it points to lives as long as the process. */
struct conf_source places_source(const char *file, const char *state_dir);

/* Folders with plugins where no configuration says so; NULL-ended. */
const char *const *places_plugin_dirs(void);
/* In a build folder; else NULL. */
const char *places_state_dir(void);

#endif
