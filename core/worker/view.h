/* worker/view.h: which files the plugins of this worker reach.
 *
 * The first generation says what they are to be kept from; from then on the
 * view can only become narrower, so a file that comes later into a folder which
 * had to be taken apart (base/enclose.h) is not seen. Where that matters, the
 * worker has itself replaced: names cannot be looked up any more, because
 * /etc/resolv.conf or /etc/hosts is a new file; an option of a new check names
 * a file. Used by load.c and resolve.c; worker.c asks view_outdated. */
#ifndef RELEVO_WORKER_VIEW_H
#define RELEVO_WORKER_VIEW_H

#include <relevo/plugin.h>

#include "model/option.h"

/* Before any plugin is opened or a thread started. Only the first call counts.
 */
void view_take(const struct rlv_list *denied, const struct rlv_list *plugins);
/* Of a check that is made now. */
void view_look_at_settings(const struct setting *, size_t n);
void view_look_at_file(const char *path);
/* Before a name is looked up. */
void view_look_at_resolver(void);
/* Why this worker must be replaced; NULL: it need not. */
const char *view_outdated(void);

#endif
