/* web/page.h: what the pages share: the frame around each, and the parts that
 * several show. Private to the pages (board.c, check_page.c, incident_page.c,
 * incident_list.c).
 *
 * A page is made in one go on the web role's only thread; everything it reads
 * hangs on the request's arena. Observed text gets into it through
 * report/html.h alone. */
#ifndef RELEVO_WEB_PAGE_H
#define RELEVO_WEB_PAGE_H

#include "base/tz.h"
#include "report/html.h"
#include "report/story_read.h"
#include "web/facts.h"
#include "web/words.h"

enum { PAGE_REFRESH_S = 30 };

struct page {
    struct html *html;
    struct arena *arena;
    enum language language;
    bool language_asked; /* by ?lang=: links hand it on */
    bool still;          /* by ?refresh=0: it does not refresh itself */
    bool refreshes;      /* there is something to refresh */
    const struct tz *zone;
    int64_t now_us;
    const char *path; /* of this page, for links to itself: "/check/db" */
    /* Of the request; NULL where it is not given. */
    const char *(*query)(const void *arg, const char *name);
    const void *arg;
    struct reader *reader;        /* NULL: there is no history */
    const char *no_reader;        /* why; or NULL */
    const struct check_row *rows; /* all that the history knows */
    size_t row_count;
    struct facts facts;
};

/* Each makes the whole page. Those of one thing say by their return value
 * whether there is such a thing; if not they have made nothing. */
void page_of_board(struct page *);
bool page_of_check(struct page *, const char *name);
void page_of_incidents(struct page *);
bool page_of_incident(struct page *, uint64_t number);

const char *page_query(const struct page *, const char *name); /* "" for none */
struct story_source page_source(const struct page *);

/* --------------------------------------------------------------- frame.c ---
 */

/* Everything up to the page's own content; title is untrusted. */
void page_begin(struct page *, const char *title);
void page_end(struct page *);
/* href="PATH?…" with what links hand on; `literal` is the path so far, name the
 * rest of it (may be ""). */
#define page_href(p, literal, name)                 \
    do {                                            \
        html_markup((p)->html, " href=\"" literal); \
        html_url_path((p)->html, (name));           \
        page_handed_on((p), true);                  \
        html_markup((p)->html, "\"");               \
    } while (0)
/* "?lang=es&amp;refresh=0", or nothing. */
void page_handed_on(struct page *, bool first);
/* A whole page that says what went wrong. */
void page_error(struct page *, unsigned status, const char *text);

/* --------------------------------------------------------------- parts.c ---
 */

const char *say(const struct page *, enum word);
void put_word(struct page *, enum word);
/* The word's {} filled in with the texts, all of it escaped. */
#define PUT_WORDS(p, word, ...) \
    put_words((p), (word), (const char *const[]){__VA_ARGS__, NULL})
void put_words(struct page *, enum word, const char *const *texts);
/* The same as a string on the arena, to be escaped by whoever shows it. */
#define FILL(p, word, ...) \
    fill_words((p), (word), (const char *const[]){__VA_ARGS__, NULL})
const char *fill_words(const struct page *, enum word,
                       const char *const *texts);

/* <time>: "14:30" of today, "11-28 14:30" else; all of it as its title. */
void put_time(struct page *, int64_t at_us);
/* "2026-11-28 14:30:07", for lists. */
void put_time_long(struct page *, int64_t at_us);
const char *text_elapsed(const struct page *, int64_t ns);
const char *text_elapsed_us(const struct page *, int64_t from_us,
                            int64_t to_us);
const char *text_duration(const struct page *, int64_t ns);
const char *text_number(const struct page *, uint64_t n);
const char *text_id(const struct page *, char letter, uint64_t number);

/* Coloured, with a sign of its own beside the word. */
void put_state(struct page *, enum check_state, const char *count);
void put_outcome(struct page *, enum outcome);
void put_incident_state(struct page *, enum incident_state);
void put_check_link(struct page *, const char *name, const char *shown);
void put_incident_link(struct page *, uint64_t number);
/* Maintenance, acknowledged, …: what stands beside the state. */
void put_flags(struct page *, const struct fact *);
/* "error_response 503", or nothing. */
void put_fault(struct page *, const char *fault, const char *code);
/* What the runs of an incident found, each run under its runbook's name; at
 * most so many of each, the weightiest first. */
void put_findings(struct page *, const struct story *, size_t most);

/* A box that a wide table scrolls in, by keyboard too. */
void page_scroll_begin(struct page *, enum word label);
void page_scroll_end(struct page *);
/* <td> that says on a narrow screen which column it is of; close it by hand. */
void page_cell(struct page *, const char *kind, const char *label);
/* <th> of each, the end of <thead> and the beginning of <tbody>. */
void page_columns(struct page *, const enum word *, size_t count);

/* -------------------------------------------------------------- result.c ---
 */

/* The check's own lines are shown where it is given; NULL: the false ones. */
void put_result(struct page *, const struct fact *, const struct result *);
void put_last_result(struct page *, const struct fact *, const struct result *);

/* ------------------------------------------------------- check_history.c ---
 */

/* With the check's incidents, newest first. */
void put_check_history(struct page *, const struct fact *,
                       const struct incident_row *, size_t count);

/* ------------------------------------------------------- incident_list.c ---
 */

/* With the name of the check, or for one check. */
void put_incident_table(struct page *, const struct incident_row *,
                        size_t count, bool checks);

/* ------------------------------------------------------ open_incidents.c ---
 */

/* Those of the checks that are shown; nothing where there is none. */
void put_open_incidents(struct page *,
                        bool (*is_shown)(const void *, const struct fact *),
                        const void *arg);

/* ----------------------------------------------------------------- bar.c ---
 */

/* A bar of equal slots from since_us on, each as bad as the worst of its
 * periods; those of `by` that the slot holds are put together. */
struct bar {
    const struct rollup *items; /* oldest first */
    size_t count;
    int64_t since_us, slot_us;
    size_t slots;
    enum word span; /* W_LAST_24H, … */
};

void put_bar(struct page *, const struct bar *);
void put_bar_legend(struct page *);

/* --------------------------------------------------------------- chart.c ---
 */

/* p50 and p95 over the slots of a bar, with what failed below. */
void put_chart(struct page *, const struct bar *);

#endif
