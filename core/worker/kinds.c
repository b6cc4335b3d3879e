/* worker/kinds.c: see kinds.h. */
#include "worker/kinds.h"

#include "base/attr.h"
#include "base/str.h"
#include "model/kind.h"

static const struct {
    const struct rlv_plugin *kind;
    void (*start)(struct rlv_probe *, const void *conf);
} rows[] = {
    {&kind_exec, exec_start},
    {&kind_heartbeat, heartbeat_start},
};

struct plug *kinds_open(const char *name, struct err *err)
{
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (str_eq(rows[i].kind->name, name)) {
            struct rlv_plugin table = *rows[i].kind;
            table.start = rows[i].start;
            return plug_builtin(&table);
        }
    err_set(err, ERR_PROTOCOL, 0, "%s: this worker has no such kind", name);
    return NULL;
}
