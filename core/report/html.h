/* report/html.h: HTML and SVG into which observed text gets only escaped for
 * the place where it stands. Used by the web role's pages.
 *
 * A document is a type of its own without a way to append a string as it is:
 * markup must be a string literal (html_markup does not compile with anything
 * else), all other text goes through the function that is named for its place.
 * So the markup around a value, attributes' quotes included, is always ours.
 *
 * What cannot be shown (control characters, bytes that are no UTF-8, marks that
 * reorder or hide the text around them) is spelt \xNN or \uNNNN, as on a
 * terminal. */
#ifndef RELEVO_REPORT_HTML_H
#define RELEVO_REPORT_HTML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"

struct html;

struct html *html_new(void) MUST_CHECK;
void html_free(struct html *); /* NULL is fine */
/* The document's bytes; it is empty then. The caller frees the buf. */
struct buf html_take(struct html *);
size_t html_length(const struct html *);

/* The one way in for markup. */
#define html_markup(h, literal) \
    html_literal_((h), "" literal "", sizeof(literal) - 1)
void html_literal_(struct html *, const char *, size_t); /* by the macro only */

/* ------------------------------------------------------------ text nodes ---
 */

/* On one line. NULL is nothing. */
void html_text(struct html *, const char *);
void html_text_n(struct html *, const char *, size_t);
void html_textf(struct html *, const char *fmt, ...) PRINTF(2, 3);
/* For <pre>: line by line, at most so many lines (then "…"); line breaks and
 * tabs stay, empty lines at the end do not. */
void html_lines(struct html *, const char *, size_t, size_t most);

/* ------------------------------------------------------------- attributes ---
 */

/* ` name="value"`: the name is a literal too. */
#define html_attr(h, name, value)         \
    do {                                  \
        html_markup((h), " " name "=\""); \
        html_attr_value((h), (value));    \
        html_markup((h), "\"");           \
    } while (0)
/* Between double quotes that the markup around it opens and closes. */
void html_attr_value(struct html *, const char *);
void html_attr_valuef(struct html *, const char *fmt, ...) PRINTF(2, 3);

/* A part of a URL, percent-encoded (RFC 3986): whole bytes, whatever they are.
 * A path keeps its slashes. */
void html_url_path(struct html *, const char *);
void html_url_query(struct html *, const char *);

/* Where a browser may follow it: http or https, and nothing in it that is not
 * plain (RFC 3986 characters). Anything else is to be shown as text. */
bool html_url_is_safe(const char *url);

#endif
