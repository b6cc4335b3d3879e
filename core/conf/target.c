/* conf/target.c: what a check looks at, and whether that changed. */
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "base/url.h"
#include "conf/draft.h"

/* host:port of a URL, without what may be a password. */
static const char *of_url(const char *url, struct arena *arena)
{
    int port = 0;
    struct url parts;
    url_cut(url, &parts);
    table_scheme(url, &port);
    const char *start = parts.host.at;
    size_t len = parts.host.len;
    if (len == 0 || strstr(url, "://") == NULL)
        return NULL;
    const char *bracket = start[0] == '[' ? memchr(start, ']', len) : start;
    const char *colon =
        bracket == NULL ? NULL
                        : memchr(bracket, ':', (size_t)(start + len - bracket));
    if (colon != NULL || port == 0)
        return arena_strndup(arena, start, len);
    return arena_printf(arena, "%.*s:%d", (int)len, start, port);
}

static const char *plain_text(const struct settings *s, const char *name)
{
    const struct item *item = settings_item(s, name);
    bool shown =
        item != NULL && item->missing == NULL && !item->setting.value.secret;
    return shown ? item->setting.value.text : NULL;
}

static const char *default_port(const struct catalog *catalog,
                                struct arena *arena)
{
    const struct rlv_option *row =
        option_find(catalog->options, catalog->option_count, "port");
    const char *plugin;
    int port;
    if (row != NULL && row->fallback != NULL)
        return row->fallback;
    for (size_t i = 0; table_scheme_nth(i, &plugin, &port) != NULL; i++)
        if (str_eq(plugin, catalog->name))
            return arena_printf(arena, "%d", port);
    return NULL;
}

/* A whole URL may be a secret, and a target is shown: then it is the name. */
const char *check_target(const struct settings *s,
                         const struct catalog *catalog, const char *name,
                         struct arena *arena)
{
    const char *url = plain_text(s, "url"), *host = plain_text(s, "host");
    const char *target = url == NULL ? NULL : of_url(url, arena);
    if (target != NULL)
        return target;
    if (host == NULL || *host == '\0' || catalog == NULL)
        return name;
    const char *port = plain_text(s, "port");
    if (port == NULL)
        port = default_port(catalog, arena);
    if (host[0] == '/' || port == NULL)
        return arena_strdup(arena, host);
    bool bare = strchr(host, ':') != NULL && host[0] != '[';
    return arena_printf(arena, bare ? "[%s]:%s" : "%s:%s", host, port);
}

/* --------------------------------------------------------- fingerprint --- */

static void add_text(struct buf *all, const char *text)
{
    buf_adds(all, text == NULL ? "" : text);
    buf_addc(all, text == NULL ? '\1' : '\0');
}

static void add_number(struct buf *all, int64_t number)
{
    buf_add(all, &number, sizeof number);
}

static void add_list(struct buf *all, const struct rlv_list *list)
{
    add_number(all, (int64_t)list->count);
    for (size_t i = 0; i < list->count; i++)
        add_text(all, list->items[i]);
}

static void add_dict(struct buf *all, const struct rlv_dict *dict)
{
    add_number(all, (int64_t)dict->count);
    for (size_t i = 0; i < dict->count; i++) {
        add_text(all, dict->pairs[i].key);
        add_text(all, dict->pairs[i].value);
    }
}

static void add_lines(struct buf *all, const struct line_spec *lines,
                      size_t count)
{
    add_number(all, (int64_t)count);
    for (size_t i = 0; i < count; i++)
        add_text(all, lines[i].text);
}

static void add_settings(struct buf *all, const struct check_spec *c)
{
    for (size_t i = 0; i < c->setting_count; i++) {
        const struct raw *raw = &c->settings[i].value;
        add_text(all, c->settings[i].name);
        add_number(all, raw->type);
        add_text(all, raw->text);
        add_list(all, &raw->list);
        add_dict(all, &raw->dict);
        for (size_t k = 0; k < raw->steps.count; k++)
            add_dict(all, &raw->steps.steps[k]);
    }
}

static void add_records(struct buf *all, const struct check_spec *c)
{
    add_number(all, (int64_t)c->record_count);
    for (size_t i = 0; i < c->record_count; i++) {
        add_text(all, c->records[i].name);
        add_text(all, c->records[i].expression);
    }
}

/* What people call it, whom they ask and what it needs is no part of it: its
 * results mean the same. */
uint64_t check_fingerprint(const struct check_spec *c)
{
    const int64_t numbers[] = {
        c->interval_ns,       c->retry_interval_ns, c->down_interval_ns,
        c->timeout_ns,        c->schedule,          c->failure_threshold,
        c->success_threshold, c->window_fails,      c->window_size,
        c->enabled,           c->evidence_bytes};
    const char *const texts[] = {c->name,
                                 c->plugin,
                                 c->cron,
                                 c->timezone,
                                 c->target,
                                 c->missing,
                                 c->of,
                                 c->catalog == NULL ? NULL : c->catalog->path,
                                 c->catalog == NULL ? NULL
                                                    : c->catalog->version};
    struct buf all = {0};
    buf_add(&all, numbers, sizeof numbers);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        add_text(&all, texts[i]);
    add_list(&all, &c->tags);
    add_lines(&all, c->expects, c->expect_count);
    add_lines(&all, c->warns, c->warn_count);
    add_list(&all, &c->expect_faults);
    add_settings(&all, c);
    add_records(&all, c);
    if (c->source != NULL)
        add_number(&all, (int64_t)c->source->fingerprint);
    uint64_t hash = str_hash(all.data, all.len);
    explicit_bzero(all.data, all.len);
    buf_free(&all);
    return hash;
}
