/* store/audit.c: see audit.h. */
#include "store/audit.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"

static void add_text(struct buf *b, const char *s)
{
    if (s == NULL)
        buf_adds(b, "-\n");
    else
        buf_addf(b, "%zu:%s\n", strlen(s), s);
}

static void add_number(struct buf *b, int64_t n)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRId64, n);
    add_text(b, text);
}

void audit_hash(const char *previous, uint16_t node, uint64_t id,
                const struct audit_row *row, char out[SHA256_TEXT])
{
    struct buf b = {0};
    buf_addf(&b, "%s\n", previous);
    add_number(&b, node);
    add_number(&b, (int64_t)id);
    add_number(&b, row->at_us);
    add_text(&b, row->actor);
    add_text(&b, row->action);
    add_text(&b, row->object);
    add_text(&b, row->detail);
    sha256_hex(b.data, b.len, out);
    buf_free(&b);
}
