/* model/nagios.h: what a Nagios plugin prints, cut into what its guidelines
 * call text, long text and performance data:
 *
 *     TEXT | PERFDATA
 *     LONG TEXT, any number of lines
 *     the last of them | PERFDATA
 *     PERFDATA, to the end
 *
 * Pure, and for text that anybody may have written. Used by the worker's side
 * of the kind `exec`. */
#ifndef RELEVO_MODEL_NAGIOS_H
#define RELEVO_MODEL_NAGIOS_H

#include <stddef.h>

#include "base/mem.h"

struct nagios_output {
    const char *text; /* the first line, without blanks at its end; NULL: no
                         output at all */
    size_t text_len;
    const char *long_text; /* as printed, with newlines; NULL: none */
    size_t long_len;
    const char *perfdata; /* of all lines, on the arena; NULL: none */
    size_t perfdata_len;
};

/* Points into the output, which must outlive it. */
void nagios_cut(const char *output, size_t n, struct arena *,
                struct nagios_output *);

#endif
