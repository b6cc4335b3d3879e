/* web/pages.c: the handlers of the pages: from a request to a struct page, and
 * from what it has written to an answer. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/str.h"
#include "web/assets.h"
#include "web/handlers.h"
#include "web/link.h"
#include "web/page.h"

/* The zone of the configuration; loaded again when that names another. */
static const struct tz *zone_now(void)
{
    static struct tz *zone;
    static char name[128];
    const struct msg_web *settings = link_settings();
    const char *wanted = settings == NULL ? "UTC" : settings->timezone;
    struct err err;
    if (!str_eq(wanted, name)) {
        tz_free(zone);
        zone = tz_load(wanted, &err); /* NULL is UTC */
        snprintf(name, sizeof name, "%s", wanted);
    }
    return zone;
}

/* As it was asked for, but for what encodes differently and means the same. */
static const char *path_of(const struct web_request *q)
{
    struct buf b = {0};
    for (size_t i = 0; i < q->uri.segment_count; i++)
        buf_addf(&b, "/%s", q->uri.segments[i]);
    const char *path = b.len == 0 ? "/" : arena_strdup(q->arena, b.data);
    buf_free(&b);
    return path;
}

static const char *query(const void *arg, const char *name)
{
    return web_query(arg, name);
}

static void choose_language(struct page *p, const struct web_request *q)
{
    const char *asked = web_query(q, "lang");
    p->language = language_for(asked, web_header(q, "Accept-Language"));
    p->language_asked = language_parse(asked, &p->language);
}

/* What cannot be read is said on the page, which then shows what it can. */
static void read_store(struct page *p, struct web_response *r)
{
    struct err err;
    p->reader = web_reader(r);
    if (p->reader == NULL) {
        p->no_reader = arena_strndup(p->arena, buf_text(&r->body),
                                     strcspn(buf_text(&r->body), "\n"));
        buf_clear(&r->body);
        r->status = 0;
        r->type = WEB_HTML;
    } else if (!reader_checks(p->reader, p->arena,
                              (struct check_row **)&p->rows, &p->row_count,
                              &err)) {
        p->no_reader = arena_strdup(p->arena, err.text);
        p->reader = NULL;
    }
}

static void learn(struct page *p, const struct status *status)
{
    struct err err;
    if (status != NULL)
        facts_from_status(status, p->reader, p->arena, &p->facts);
    else if (p->reader != NULL &&
             !facts_from_store(p->reader, p->arena, &p->facts, &err))
        p->no_reader = arena_strdup(p->arena, err.text);
    facts_number(&p->facts, p->rows, p->row_count);
    facts_environments(&p->facts, p->arena);
}

static struct page page_of(const struct web_request *q)
{
    struct page p = {.html = html_new(),
                     .arena = q->arena,
                     .still = str_eq(web_query(q, "refresh"), "0"),
                     .zone = zone_now(),
                     .now_us = q->now_us,
                     .path = path_of(q),
                     .query = query,
                     .arg = q};
    choose_language(&p, q);
    return p;
}

static struct page page_open(const struct web_request *q,
                             struct web_response *r)
{
    struct page p = page_of(q);
    p.refreshes = true;
    read_store(&p, r);
    learn(&p, q->status);
    return p;
}

static void page_close(struct page *p, struct web_response *r)
{
    buf_free(&r->body);
    r->body = html_take(p->html);
    r->type = WEB_HTML;
    r->language = language_tag(p->language);
    r->refresh_s = p->refreshes && !p->still ? PAGE_REFRESH_S : 0;
    html_free(p->html);
}

/* --------------------------------------------------------------- handlers ---
 */

void board_handle(const struct web_request *q, struct web_response *r)
{
    struct page p = page_open(q, r);
    page_of_board(&p);
    page_close(&p, r);
}

void check_page_handle(const struct web_request *q, struct web_response *r)
{
    struct page p = page_open(q, r);
    if (!page_of_check(&p, web_param(q, "check"))) {
        r->status = 404;
        page_error(&p, 404, say(&p, W_NO_SUCH_CHECK));
    }
    page_close(&p, r);
}

void incidents_handle(const struct web_request *q, struct web_response *r)
{
    struct page p = page_open(q, r);
    page_of_incidents(&p);
    page_close(&p, r);
}

void incident_page_handle(const struct web_request *q, struct web_response *r)
{
    struct page p = page_open(q, r);
    uint64_t number = 0;
    if (!id_parse('I', web_param(q, "incident"), &number) ||
        !page_of_incident(&p, number)) {
        r->status = 404;
        page_error(&p, 404, say(&p, W_NO_SUCH_INCIDENT));
    }
    page_close(&p, r);
}

void page_error_handle(const struct web_request *q, struct web_response *r,
                       const char *text)
{
    struct page p = page_of(q);
    page_error(&p, r->status, text);
    page_close(&p, r);
}

static void asset_handle(struct web_response *r, const struct asset *a)
{
    buf_add(&r->body, a->bytes, a->len);
    r->may_cache = true;
}

void page_css_handle(const struct web_request *q, struct web_response *r)
{
    (void)q;
    asset_handle(r, &page_css);
}

void favicon_handle(const struct web_request *q, struct web_response *r)
{
    (void)q;
    asset_handle(r, &favicon_svg);
}
