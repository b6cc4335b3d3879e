/* web/assets.c: see assets.h. */
#include "web/assets.h"

#include <stdio.h>

const char *asset_tag(const struct asset *a)
{
    static char tag[13];
    snprintf(tag, sizeof tag, "%s", a->hash);
    return tag;
}
