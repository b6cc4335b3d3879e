/* report/md.h: untrusted text in Markdown (GitHub's dialect: CommonMark with
 * tables), for every report in it.
 *
 * Escaped character by character in prose and in the cells of tables; in code
 * spans only outside of tables, since a pipe in a cell's code span cannot be
 * written safely after a backslash. */
#ifndef RELEVO_REPORT_MD_H
#define RELEVO_REPORT_MD_H

#include "base/buf.h"

/* Prose on one line: nothing in it has a meaning. */
void md_text(struct buf *, const char *text);
/* A code span; its fence is longer than any run of backticks within. Not for
 * tables. */
void md_code(struct buf *, const char *text);
/* A link that can be followed where it is safe to write one, else a code span.
 * Not for tables. */
void md_url(struct buf *, const char *url);
/* A fenced block, line by line; ends with a newline. */
void md_block(struct buf *, const char *text, size_t n);

#endif
