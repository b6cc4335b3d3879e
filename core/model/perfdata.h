/* model/perfdata.h: the performance data of a Nagios plugin:
 *
 *     'disk /'=2643MB;5948;5958;0;5968 time=0.002s;;;0
 *
 * Pure, and for text that anybody may have written: what is no item is counted
 * and skipped. Values, thresholds and limits come in the base unit of what they
 * measure: milliseconds as seconds, MB as bytes. Used by the worker's side of
 * the kind `exec`. */
#ifndef RELEVO_MODEL_PERFDATA_H
#define RELEVO_MODEL_PERFDATA_H

#include <stdbool.h>
#include <stddef.h>

#include "base/mem.h"
#include "expect/range.h"

struct perf_item {
    const char *label; /* without quotes; with check_multi's "PREFIX::" */
    const char *unit; /* "s" "B" "b" "%" "c" (a counter) "A" "As" "V" … or "" */
    double value;
    bool known; /* false: the plugin says "U", it could not be had */
    bool whole; /* written, and still, without a fraction */
    bool has_warn, has_crit, has_min, has_max;
    struct nagios_range warn, crit;
    double min, max;
};

struct perfdata { /* begin with {.at = text, .left = n} */
    const char *at;
    size_t left;
    size_t bad; /* items that were skipped */
    /* private: of the label before, in the same arena */
    const char *prefix;
};

/* The next item, its texts on the arena. false: there is none. */
bool perfdata_next(struct perfdata *, struct arena *, struct perf_item *);

#endif
