/* conf/show.h: parts of conf_show (conf.h), which writes a generation as a
 * configuration again. Each appends to out. Private. */
#ifndef RELEVO_CONF_SHOW_H
#define RELEVO_CONF_SHOW_H

#include "base/buf.h"
#include "model/spec.h"

/* A text as it is written: in quotes, with escapes. */
void show_text(const char *text, struct buf *out);
/* `name = "text";`, one line; nothing where text is NULL. */
void show_pair(const char *indent, const char *name, const char *text,
               struct buf *out);
void show_duration(const char *name, int64_t ns, struct buf *out);

/* show_runbook.c: the whole entry; secret parameters as "***". */
void show_runbook(const struct runbook_spec *, struct buf *out);

#endif
