/* model/fault.h: the closed list of faults by name, number and blame. The
 * table itself is RLV_FAULT_MAP of relevo/plugin.h; numbers are stored. */
#ifndef RELEVO_MODEL_FAULT_H
#define RELEVO_MODEL_FAULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "relevo/plugin.h"

struct fault_info {
    enum rlv_fault number;
    const char *name;
    enum rlv_blame blame;
    bool core_only; /* a plugin may not set it */
    const char *text;
};

extern const struct fault_info fault_table[];
extern const size_t fault_count;

/* An unknown number reads as "plugin". */
const struct fault_info *fault_info(enum rlv_fault);
const struct fault_info *fault_by_name(const char *name); /* NULL: unknown */
const char *fault_name(enum rlv_fault);
const char *fault_suggest(const char *name); /* NULL: nothing near */
const char *blame_name(enum rlv_blame);
/* The number when it is in the table, else RLV_F_PLUGIN. */
enum rlv_fault fault_checked(unsigned number);

/* Some of them. Zeroed is none. */
struct fault_set {
    uint64_t bits[2];
};
void fault_set_add(struct fault_set *, enum rlv_fault);
bool fault_set_has(const struct fault_set *, enum rlv_fault);

extern const char *const phase_names[RLV_PH_COUNT]; /* "dns", "connect", … */

#endif
