/* plug/check.h: shared by the files of this folder. */
#ifndef RELEVO_PLUG_CHECK_H
#define RELEVO_PLUG_CHECK_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/err.h"
#include "model/catalog.h"
#include "relevo/plugin.h"

/* The file is one that nobody but root and this user could have written. real
 * is its path without symbolic links. */
bool plug_trust(const char *real, struct err *) MUST_CHECK;

/* What must hold before any row of a table may be read. */
bool check_header(const struct rlv_plugin *, struct err *) MUST_CHECK;
/* Every row makes sense. */
bool check_tables(const struct catalog *, struct err *) MUST_CHECK;

#endif
