/* conf/show.c: a generation as a configuration again, every value spelt out.
 * Runbooks are in show_runbook.c. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/human.h"
#include "base/str.h"
#include "base/tz.h"
#include "conf/draft.h"
#include "conf/show.h"

void show_text(const char *text, struct buf *out)
{
    struct rlv_option row = {.name = "", .kind = RLV_STRING};
    option_show(&row, &text, out);
}

void show_pair(const char *indent, const char *name, const char *text,
               struct buf *out)
{
    if (text == NULL)
        return;
    buf_addf(out, "%s%s = ", indent, name);
    show_text(text, out);
    buf_adds(out, ";\n");
}

void show_duration(const char *name, int64_t ns, struct buf *out)
{
    char text[HUMAN_TEXT];
    show_pair("    ", name, human_duration(ns, text), out);
}

static void show_lines(const char *name, const struct line_spec *lines,
                       size_t count, struct buf *out)
{
    if (count == 0)
        return;
    buf_addf(out, "    %s = [", name);
    for (size_t i = 0; i < count; i++) {
        buf_adds(out, i == 0 ? "" : ", ");
        show_text(lines[i].text, out);
    }
    buf_adds(out, "];\n");
}

/* Its schedule and plugin are its source's. */
static bool is_of_source(const char *name)
{
    static const char *const names[] = {"plugin", "timeout", "cron", "timezone",
                                        "schedule"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (str_eq(names[i], name))
            return true;
    return str_ends(name, "interval");
}

/* Rows of the table that say something for this check; those behind its spec
 * are shown as what they came to. */
static bool is_shown(const struct check_spec *c, const struct rlv_option *row)
{
    const void *at = (const char *)c + row->offset;
    bool by_interval = str_ends(row->name, "interval");
    if (row->offset >= sizeof *c ||
        (c->source != NULL && is_of_source(row->name)))
        return false;
    if (row->kind == RLV_LIST)
        return ((const struct rlv_list *)at)->count > 0;
    if (row->kind == RLV_DICT)
        return ((const struct rlv_dict *)at)->count > 0;
    if (by_interval && c->schedule != SCHEDULE_INTERVAL)
        return str_eq(row->name, "retry_interval") &&
               c->schedule == SCHEDULE_CRON;
    if (row->kind == RLV_STRING)
        return *(const char *const *)at != NULL;
    if (c->schedule == SCHEDULE_BEAT)
        return !str_eq(row->name, "timeout");
    return true;
}

/* ------------------------------------------------------ plugin options --- */

static const struct setting *find_setting(const struct check_spec *c,
                                          const char *name)
{
    for (size_t i = c->setting_count; i > 0; i--)
        if (str_eq(c->settings[i - 1].name, name))
            return &c->settings[i - 1];
    return NULL;
}

union slot { /* of any kind of option */
    int64_t i;
    double d;
    const char *s;
    struct rlv_list list;
    struct rlv_dict dict;
    struct rlv_steps steps;
};

static bool is_empty(const struct rlv_option *row, const union slot *slot)
{
    switch (row->kind) {
    case RLV_STRING:
    case RLV_SECRET: return slot->s == NULL;
    case RLV_LIST: return slot->list.count == 0;
    case RLV_DICT: return slot->dict.count == 0;
    case RLV_STEPS: return slot->steps.count == 0;
    /* Where none is the default, zero may be below the least. */
    case RLV_DURATION: return row->fallback == NULL && slot->i == 0;
    default: return false;
    }
}

/* One value among them is secret: which one is not known any more. */
static void show_keys(const struct rlv_dict *dict, const char *indent,
                      const char *name, struct buf *out)
{
    buf_addf(out, "%s%s = { ", indent, name);
    for (size_t i = 0; i < dict->count; i++)
        buf_addf(out, "%s = \"***\"; ", dict->pairs[i].key);
    buf_adds(out, "};\n");
}

static void show_option(const struct check_spec *c,
                        const struct rlv_option *option, const char *indent,
                        const char *name, struct buf *out)
{
    const struct setting *given = find_setting(c, option->name);
    struct arena *arena = arena_new();
    struct rlv_option row = *option;
    union slot slot = {0};
    struct err err = {0};
    row.offset = 0;
    bool ok = option_defaults(&row, 1, &slot, arena, &err);
    if (ok && given != NULL)
        ok = option_set(&row, &given->value, &slot, arena, &err);
    if (given != NULL && given->value.secret && row.kind == RLV_DICT)
        show_keys(&given->value.dict, indent, name, out);
    else if (given != NULL && given->value.secret)
        buf_addf(out, "%s%s = \"***\";\n", indent, name);
    else if (ok && (given != NULL || !is_empty(&row, &slot))) {
        buf_addf(out, "%s%s = ", indent, name);
        option_show(&row, &slot, out);
        buf_adds(out, ";\n");
    }
    arena_free(arena);
}

static size_t group_length(const char *name)
{
    const char *dot = strchr(name, '.');
    return dot == NULL ? 0 : (size_t)(dot + 1 - name);
}

static bool same_group(const char *a, const char *b, size_t n)
{
    return group_length(a) == n && strncmp(a, b, n) == 0;
}

/* All options of the group that row `first` is the first of. */
static void show_group(const struct check_spec *c, size_t first,
                       struct buf *out)
{
    const struct rlv_option *rows = c->catalog->options;
    size_t n = group_length(rows[first].name);
    struct buf inner = {0};
    for (size_t i = 0; i < first; i++)
        if (same_group(rows[i].name, rows[first].name, n))
            return;
    for (size_t i = first; i < c->catalog->option_count; i++)
        if (same_group(rows[i].name, rows[first].name, n))
            show_option(c, &rows[i], "      ", rows[i].name + n, &inner);
    if (inner.len > 0)
        buf_addf(out, "    %.*s = {\n%s    };\n", (int)n - 1, rows[first].name,
                 buf_text(&inner));
    buf_free(&inner);
}

static void show_own(const struct check_spec *c, struct buf *out)
{
    if (c->catalog == NULL || c->source != NULL)
        return;
    for (size_t i = 0; i < c->catalog->option_count; i++) {
        const struct rlv_option *row = &c->catalog->options[i];
        if (group_length(row->name) > 0)
            show_group(c, i, out);
        else
            show_option(c, row, "    ", row->name, out);
    }
}

/* ------------------------------------------------------------- entries --- */

static void show_records(const struct check_spec *c, struct buf *out)
{
    if (c->record_count == 0)
        return;
    buf_adds(out, "    record = {");
    for (size_t i = 0; i < c->record_count; i++) {
        buf_addf(out, " %s = ", c->records[i].name);
        show_text(c->records[i].expression, out);
        buf_addc(out, ';');
    }
    buf_adds(out, " };\n");
}

static void show_parents(const struct need *need, struct buf *out)
{
    for (size_t i = 0; i < need->parent_count; i++) {
        buf_adds(out, i == 0 ? "" : ", ");
        show_text(need->parents[i]->plain_name, out);
    }
}

static void show_needs(const struct check_spec *c, struct buf *out)
{
    if (c->need_count == 0)
        return;
    buf_adds(out, "    depends_on = (");
    for (size_t i = 0; i < c->need_count; i++) {
        buf_adds(out, i == 0 ? "" : ", ");
        buf_adds(out, c->needs[i].any ? "{ any = [" : "");
        show_parents(&c->needs[i], out);
        buf_adds(out, c->needs[i].any ? "]; }" : "");
    }
    buf_adds(out, ");\n");
}

static void show_check(const struct check_spec *c, struct buf *out)
{
    buf_addf(out, "  %s = {", c->name);
    if (c->missing != NULL) {
        buf_adds(out, " # missing: ");
        str_clean_buf(out, c->missing, strlen(c->missing), false);
    }
    buf_adds(out, "\n");
    for (size_t i = 0; i < check_options.count; i++) {
        const struct rlv_option *row = &check_options.rows[i];
        if (!is_shown(c, row))
            continue;
        buf_addf(out, "    %s = ", row->name);
        option_show(row, c, out);
        buf_adds(out, ";\n");
    }
    show_records(c, out);
    show_needs(c, out);
    show_lines("expect", c->expects, c->expect_count, out);
    show_lines("warn_unless", c->warns, c->warn_count, out);
    show_own(c, out);
    buf_adds(out, "  };\n");
}

static void show_globals(const struct conf *c, struct buf *out)
{
    struct global_values g = {.timezone = c->timezone,
                              .automation = automation_name(c->automation),
                              .state_dir = c->state_dir,
                              .runner = c->runner,
                              .user = c->user,
                              .log = c->log_level,
                              .plugin_dir = c->plugin_dir,
                              .runbook_dir = c->runbook_dir,
                              .workers = c->workers,
                              .blocking = c->blocking,
                              .target_probes = c->target_probes};
    for (size_t i = 0; i < global_options.count; i++) {
        const struct rlv_option *row = &global_options.rows[i];
        const void *at = (const char *)&g + row->offset;
        if (row->kind == RLV_STRING && *(const char *const *)at == NULL)
            continue;
        buf_addf(out, "%s = ", row->name);
        option_show(row, &g, out);
        buf_adds(out, ";\n");
    }
}

static void show_history(const struct history_spec *h, struct buf *out)
{
    buf_adds(out, "history = {\n");
    for (size_t i = 0; i < history_options.count; i++) {
        buf_addf(out, "    %s = ", history_options.rows[i].name);
        option_show(&history_options.rows[i], h, out);
        buf_adds(out, ";\n");
    }
    buf_adds(out, "};\n");
}

static void show_web(const struct web_spec *w, struct buf *out)
{
    buf_adds(out, "web = {\n");
    for (size_t i = 0; i < web_options.count; i++) {
        const struct rlv_option *row = &web_options.rows[i];
        if (row->kind == RLV_SECRET && w->token == NULL)
            continue;
        buf_addf(out, "    %s = ", row->name);
        option_show(row, w, out);
        buf_adds(out, ";\n");
    }
    buf_adds(out, "};\n");
}

static void show_list(const char *name, const struct rlv_list *list,
                      struct buf *out)
{
    struct rlv_option row = {.name = name, .kind = RLV_LIST};
    if (list->count == 0)
        return;
    buf_addf(out, "    %s = ", name);
    option_show(&row, list, out);
    buf_adds(out, ";\n");
}

static void show_time(const char *name, int64_t us, struct buf *out)
{
    char text[CLOCK_TEXT];
    show_pair("    ", name, clock_format(us, text), out);
}

static void show_window(const struct maintenance_spec *w, struct buf *out)
{
    buf_addf(out, "  %s = {\n", w->name);
    show_list("checks", &w->checks, out);
    show_list("tags", &w->tags, out);
    show_list("environments", &w->environments, out);
    show_pair("    ", "cron", w->cron, out);
    if (w->cron != NULL) {
        show_pair("    ", "timezone", tz_name(w->zone), out);
        show_duration("duration", w->duration_ns, out);
    } else {
        show_time("from", w->from_us, out);
        show_time("until", w->until_us, out);
    }
    show_pair("    ", "reason", w->reason, out);
    buf_adds(out, "  };\n");
}

static void end_entry(struct buf *entry, const struct origins *o,
                      const char *fallback, struct buf *out)
{
    write_origins(buf_text(entry), o, fallback, out);
    buf_free(entry);
}

/* Their variables stand in the values; what is left is their ceiling. */
static void show_environments(const struct conf *c, struct buf *out)
{
    struct buf entry = {0};
    if (c->environment_count == 0)
        return;
    buf_adds(out, "\nenvironments = {\n");
    for (size_t i = 0; i < c->environment_count; i++) {
        const struct environment_spec *e = &c->environments[i];
        buf_addf(&entry, "  %s = {\n", e->name);
        show_pair("    ", "automation", automation_name(e->automation), &entry);
        buf_adds(&entry, "  };\n");
        end_entry(&entry, &e->origins, "automation of the whole configuration",
                  out);
    }
    buf_adds(out, "};\n");
}

static void show_checks(const struct conf *c, const char *environment,
                        struct buf *out)
{
    struct buf entry = {0};
    buf_adds(out, "\nchecks = {\n");
    for (size_t i = 0; i < c->check_count; i++) {
        const struct check_spec *check = &c->checks[i];
        if (environment != NULL && !str_eq(environment, check->environment))
            continue;
        show_check(check, &entry);
        end_entry(&entry, &check->origins, "built in", out);
    }
    buf_adds(out, "};\n");
}

static void show_runbooks(const struct conf *c, struct buf *out)
{
    struct buf entry = {0};
    buf_adds(out, "\nrunbooks = {\n");
    for (size_t i = 0; i < c->runbook_count; i++) {
        show_runbook(&c->runbooks[i], &entry);
        end_entry(&entry, &c->runbooks[i].origins, "built in, or by its script",
                  out);
    }
    buf_adds(out, "};\n");
}

static void show_maintenance(const struct conf *c, struct buf *out)
{
    struct buf entry = {0};
    if (c->maintenance_count == 0)
        return;
    buf_adds(out, "\nmaintenance = {\n");
    for (size_t i = 0; i < c->maintenance_count; i++) {
        show_window(&c->maintenance[i], &entry);
        end_entry(&entry, &c->maintenance[i].origins,
                  "of the whole configuration", out);
    }
    buf_adds(out, "};\n");
}

void conf_show(const struct conf *c, const char *environment, struct buf *out)
{
    struct buf entry = {0};
    show_globals(c, &entry);
    end_entry(&entry, &c->origins, "built in", out);
    show_history(&c->history, &entry);
    end_entry(&entry, &c->history_origins, "built in", out);
    show_web(&c->web, &entry);
    end_entry(&entry, &c->web.origins, "built in", out);
    show_environments(c, out);
    show_checks(c, environment, out);
    show_runbooks(c, out);
    show_maintenance(c, out);
}
