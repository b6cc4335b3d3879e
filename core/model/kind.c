/* model/kind.c: see kind.h. */
#include "model/kind.h"

#include "base/attr.h"
#include "base/str.h"

static const struct rlv_plugin *const kinds[] = {&kind_exec, &kind_heartbeat};

const struct rlv_plugin *kind_find(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        if (str_eq(kinds[i]->name, name))
            return kinds[i];
    return NULL;
}

const struct rlv_plugin *kind_nth(size_t i)
{
    return i < ARRAY_LEN(kinds) ? kinds[i] : NULL;
}

struct catalog *kind_catalog(const struct rlv_plugin *kind)
{
    return catalog_of(kind, NULL);
}
