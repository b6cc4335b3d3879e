/* cli/out.h: what commands print: colour only on a terminal (and not with
 * NO_COLOR), columns, JSON, and untrusted text made safe. */
#ifndef RELEVO_CLI_OUT_H
#define RELEVO_CLI_OUT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"

enum colour { PLAIN, RED, GREEN, YELLOW, BLUE, GREY, BOLD };

/* Standard output takes colour. */
bool out_is_coloured(void);
/* The text in colour, when standard output takes it. One of eight buffers. */
const char *out_colour(enum colour, const char *text);
enum colour out_state_colour(const char *state);

/* Untrusted text for a terminal: control characters escaped. Lives as long as
 * the process. */
const char *out_clean(const char *text);
/* The same for one line: newlines are escaped, too. */
const char *out_line(const char *text);
/* Characters that fit on a line of standard output; 0: as many as there are,
 * it is no terminal. */
int out_columns(void);
/* Characters, not bytes: continuation bytes of UTF-8 take no place. */
int out_width(const char *text);
/* The text, its words on further lines behind `indent` spaces where it would
 * leave that many columns; the first line stands at `indent` already. 0
 * columns: as it is. */
void out_put_wrapped(struct buf *, const char *text, int indent, int columns);
/* That, at the width of standard output, printed there. */
void out_wrapped(const char *text, int indent);
/* To standard error: the text, and a caret below its byte `column` (from 1). */
void out_point(const char *text, int column);
/* Rows of cells, aligned and cleaned; begin with the header. */
struct table;
struct table *table_new(size_t columns);
/* With that header. */
struct table *table_begin(const char *const *head, size_t columns);
void table_cell(struct table *, const char *fmt, ...) PRINTF(2, 3);
void table_print(struct table *); /* and frees it */

/* Prints the object on one line, or indented on a terminal; takes it over. */
void out_json(json_t *);

/* "2026-11-25 00:12:09" in the local zone; "" for 0. One of four buffers. */
const char *out_time(int64_t wall_us);
/* To the minute: "14:30" today, else "2026-11-25 14:30"; "" for 0. One of four
 * buffers. */
const char *out_clock(int64_t wall_us);
/* "3m 5s" since then. One of four buffers. */
const char *out_since(int64_t wall_us);

#endif
