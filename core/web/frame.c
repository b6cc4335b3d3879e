/* web/frame.c: what is around every page: head, navigation, how old it is, and
 * the page that only says what went wrong. See page.h. */
#include "web/page.h"

#include <string.h>

#include "base/clock.h"
#include "base/str.h"
#include "web/assets.h"

const char *page_query(const struct page *p, const char *name)
{
    const char *value = p->query == NULL ? NULL : p->query(p->arg, name);
    return value == NULL ? "" : value;
}

struct story_source page_source(const struct page *p)
{
    return (struct story_source){p->reader, p->arena, p->rows, p->row_count};
}

/* ----------------------------------------------------------------- links ---
 */

void page_handed_on(struct page *p, bool first)
{
    if (p->language_asked) {
        if (first)
            html_markup(p->html, "?lang=");
        else
            html_markup(p->html, "&amp;lang=");
        html_url_query(p->html, language_tag(p->language));
        first = false;
    }
    if (p->still && first)
        html_markup(p->html, "?refresh=0");
    else if (p->still)
        html_markup(p->html, "&amp;refresh=0");
}

/* What the filter of the overview has; a link back to this very page keeps it.
 */
static const char *const kept[] = {"env", "tag", "show", "span", "before"};

static void put_parameter(struct page *p, const char *name, const char *value,
                          bool *first)
{
    if (value[0] == '\0')
        return;
    if (*first)
        html_markup(p->html, "?");
    else
        html_markup(p->html, "&amp;");
    html_url_query(p->html, name);
    html_markup(p->html, "=");
    html_url_query(p->html, value);
    *first = false;
}

/* This page again, in that language, refreshing itself or not. */
static void put_self(struct page *p, const char *language, bool still)
{
    bool first = true;
    html_markup(p->html, " href=\"");
    html_url_path(p->html, p->path);
    for (size_t i = 0; i < ARRAY_LEN(kept); i++)
        put_parameter(p, kept[i], page_query(p, kept[i]), &first);
    put_parameter(p, "lang", language, &first);
    put_parameter(p, "refresh", still ? "0" : "", &first);
    html_markup(p->html, "\"");
}

/* ------------------------------------------------------------------ head ---
 */

static void put_head(struct page *p, const char *title)
{
    struct html *h = p->html;
    html_markup(h, "<!DOCTYPE html>\n<html");
    html_attr(h, "lang", language_tag(p->language));
    html_markup(h, ">\n<head>\n<meta charset=\"utf-8\">\n<title>");
    html_text(h, title);
    html_markup(h, " · Relevo</title>\n"
                   "<meta name=\"viewport\" content=\"width=device-width,"
                   " initial-scale=1\">\n"
                   "<meta name=\"color-scheme\" content=\"light dark\">\n"
                   "<link rel=\"icon\" href=\"/favicon.svg\">\n"
                   "<link rel=\"stylesheet\" href=\"/page.css?v=");
    html_url_query(h, asset_tag(&page_css));
    html_markup(h, "\">\n</head>\n<body>\n<a class=\"skip\""
                   " href=\"#content\">");
    put_word(p, W_SKIP);
    html_markup(h, "</a>\n");
}

static void put_nav_item(struct page *p, const char *path, enum word word)
{
    struct html *h = p->html;
    bool here = str_eq(p->path, path);
    html_markup(h, "<li><a");
    page_href(p, "", path);
    if (here)
        html_markup(h, " aria-current=\"page\"");
    html_markup(h, ">");
    put_word(p, word);
    html_markup(h, "</a></li>");
}

static void put_languages(struct page *p)
{
    struct html *h = p->html;
    static const char *const own[LANGUAGE_COUNT] = {"English", "Español"};
    html_markup(h, "<nav class=\"languages\"");
    html_attr(h, "aria-label", say(p, W_LANGUAGE));
    html_markup(h, "><ul>");
    for (unsigned i = 0; i < LANGUAGE_COUNT; i++) {
        const char *tag = language_tag((enum language)i);
        html_markup(h, "<li><a");
        put_self(p, tag, p->still);
        html_attr(h, "lang", tag);
        html_attr(h, "hreflang", tag);
        if (i == (unsigned)p->language)
            html_markup(h, " aria-current=\"true\"");
        html_markup(h, ">");
        html_text(h, own[i]);
        html_markup(h, "</a></li>");
    }
    html_markup(h, "</ul></nav>");
}

static void put_refresh(struct page *p)
{
    struct html *h = p->html;
    const char *language = p->language_asked ? language_tag(p->language) : "";
    if (!p->refreshes)
        return;
    html_markup(h, " <span class=\"refresh\">");
    if (!p->still) {
        PUT_WORDS(p, W_REFRESHES, text_number(p, PAGE_REFRESH_S));
        html_markup(h, " ");
    }
    html_markup(h, "<a");
    put_self(p, language, !p->still);
    if (!p->still)
        html_attr(h, "aria-label", say(p, W_REFRESH_STOP_LONG));
    html_markup(h, ">");
    put_word(p, p->still ? W_REFRESH_START : W_REFRESH_STOP);
    html_markup(h, "</a></span>");
}

static void put_header(struct page *p)
{
    struct html *h = p->html;
    html_markup(h, "<header class=\"top\">\n<a class=\"brand\"");
    page_href(p, "/", "");
    html_markup(h, ">Relevo</a>\n<nav");
    html_attr(h, "aria-label", say(p, W_MAIN_NAVIGATION));
    html_markup(h, "><ul>");
    put_nav_item(p, "/", W_OVERVIEW);
    put_nav_item(p, "/incidents", W_INCIDENTS);
    html_markup(h, "</ul></nav>\n<p class=\"asof\">");
    put_word(p, W_AS_OF);
    html_markup(h, " ");
    put_time_long(p, p->now_us);
    put_refresh(p);
    html_markup(h, "</p>\n</header>\n");
}

/* ------------------------------------------------------------ how old it is
 */

/* So old that one wonders. */
#define OLD_NS (5 * 60 * NS_PER_S)

/* Main answers, but nothing has been heard for longer than should be. */
static bool is_old(const struct page *p)
{
    const struct facts *f = &p->facts;
    int64_t age_ns = (p->now_us - f->newest_us) * NS_PER_US;
    return f->newest_us != 0 && f->least_ns != 0 && age_ns > OLD_NS &&
           age_ns / 3 > f->least_ns;
}

static void put_no_daemon(struct page *p)
{
    struct html *h = p->html;
    html_markup(h, "<div class=\"notice bad\" role=\"alert\"><p><strong>");
    put_word(p, W_NO_DAEMON);
    html_markup(h, "</strong> ");
    if (p->facts.at_us == 0) {
        put_word(p, W_NO_DAEMON_EMPTY);
    } else {
        put_word(p, W_NO_DAEMON_SEEN);
        html_markup(h, " ");
        put_time_long(p, p->facts.at_us);
        html_markup(h, " (");
        PUT_WORDS(p, W_NO_DAEMON_AGO,
                  text_elapsed_us(p, p->facts.at_us, p->now_us));
        html_markup(h, ").");
    }
    html_markup(h, "</p></div>\n");
}

static void put_notice(struct page *p, const char *text)
{
    html_markup(p->html, "<div class=\"notice bad\" role=\"alert\"><p>");
    html_text(p->html, text);
    html_markup(p->html, "</p></div>\n");
}

static void put_age(struct page *p)
{
    if (!p->facts.live)
        put_no_daemon(p);
    else if (is_old(p))
        put_notice(p, FILL(p, W_OLD_DATA,
                           text_elapsed_us(p, p->facts.newest_us, p->now_us)));
    if (p->no_reader != NULL)
        put_notice(p, FILL(p, W_NO_HISTORY, p->no_reader));
}

/* ------------------------------------------------------------------ page ---
 */

void page_begin(struct page *p, const char *title)
{
    put_head(p, title);
    put_header(p);
    html_markup(p->html, "<main id=\"content\">\n");
    put_age(p);
}

void page_end(struct page *p)
{
    struct html *h = p->html;
    char offset[TZ_TEXT];
    html_markup(h, "</main>\n<footer>\n<p>");
    tz_format(p->zone, p->now_us / US_PER_S, offset, sizeof offset);
    PUT_WORDS(p, W_TIMES_IN,
              arena_printf(p->arena, "%s (UTC%s)",
                           p->zone == NULL ? "UTC" : tz_name(p->zone),
                           offset[strlen(offset) - 1] == 'Z'
                               ? "±00:00"
                               : offset + strlen(offset) - 6));
    html_markup(h, "</p>\n<p>");
    PUT_WORDS(p, W_VERSION, RELEVO_VERSION);
    html_markup(h, "</p>\n");
    put_languages(p);
    html_markup(h, "\n</footer>\n</body>\n</html>\n");
}

void page_error(struct page *p, unsigned status, const char *text)
{
    struct html *h = p->html;
    const char *what = say(p, word_of_error(status));
    p->refreshes = false;
    put_head(p, what);
    put_header(p);
    html_markup(h, "<main id=\"content\" class=\"error\">\n<h1>");
    html_text(h, what);
    html_markup(h, "</h1>\n<p class=\"code\">");
    html_textf(h, "%u", status);
    if (text != NULL && text[0] != '\0' && !str_eq(text, what))
        html_textf(h, ": %s", text);
    html_markup(h, "</p>\n<p><a");
    page_href(p, "/", "");
    html_markup(h, ">");
    put_word(p, W_BACK);
    html_markup(h, "</a></p>\n");
    page_end(p);
}
