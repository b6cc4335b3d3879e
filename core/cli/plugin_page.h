/* cli/plugin_page.h: a plugin's manual, made of its tables. */
#ifndef RELEVO_CLI_PLUGIN_PAGE_H
#define RELEVO_CLI_PLUGIN_PAGE_H

#include <jansson.h>

#include "base/buf.h"
#include "model/catalog.h"

/* Appends text that is safe for a terminal. */
void plugin_page(const struct catalog *, struct buf *out);
json_t *plugin_page_json(const struct catalog *);

/* "duration", "text": as the manual names the type of a field. */
const char *plugin_type_name(unsigned rlv_type);

#endif
