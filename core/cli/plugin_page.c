/* cli/plugin_page.c: see plugin_page.h. */
#include "cli/plugin_page.h"

#include <stdio.h>
#include <string.h>

#include "base/attr.h"
#include "base/str.h"
#include "conf/tables.h"
#include "model/option.h"
#include "report/json.h"

enum { WIDTH = 78, INDENT = 6 };

const char *plugin_type_name(unsigned type)
{
    static const char *const names[] = {[RLV_T_BOOL] = "true or false",
                                        [RLV_T_INT] = "whole number",
                                        [RLV_T_REAL] = "number",
                                        [RLV_T_DURATION] = "duration",
                                        [RLV_T_SIZE] = "size",
                                        [RLV_T_PERCENT] = "percentage",
                                        [RLV_T_TIME] = "time",
                                        [RLV_T_TEXT] = "text",
                                        [RLV_T_BODY] = "body",
                                        [RLV_T_MAP] = "map",
                                        [RLV_T_ANY] = "value of any type"};
    return type > 0 && type < ARRAY_LEN(names) ? names[type] : "unknown";
}

/* ---------------------------------------------------------------- text --- */

/* Words of the text in lines of WIDTH, each behind INDENT spaces. */
static void add_wrapped(struct buf *out, const char *text)
{
    size_t column = 0;
    while (*text != '\0') {
        size_t n = strcspn(text, " ");
        if (column == 0 || column + 1 + n > WIDTH) {
            buf_addf(out, "%s%*s", column == 0 ? "" : "\n", INDENT, "");
            column = INDENT;
        } else {
            buf_addc(out, ' ');
            column++;
        }
        buf_add(out, text, n);
        column += n;
        text += n + strspn(text + n, " ");
    }
    if (column > 0)
        buf_addc(out, '\n');
}

/* "url    text, required"; "timeout   a duration, 1ms..60s, default 5s" */
static void add_option(struct buf *out, const struct rlv_option *o)
{
    bool one_of = o->kind == RLV_ENUM;
    buf_addf(out, "  %s: %s", o->name,
             one_of ? "one of " : option_kind_text(o->kind));
    if (o->limits != NULL && o->limits[0] != '\0')
        buf_addf(out, "%s%s", one_of ? "" : ", ", o->limits);
    if (o->flags & RLV_REQUIRED)
        buf_adds(out, ", required");
    else if (o->fallback != NULL && o->fallback[0] != '\0')
        buf_addf(out, ", default %s", o->fallback);
    buf_addc(out, '\n');
    add_wrapped(out, o->help);
}

static void add_field(struct buf *out, const struct rlv_field *f)
{
    buf_addf(out, "  %s%s: %s", f->name, f->type == RLV_T_MAP ? "('KEY')" : "",
             plugin_type_name(f->type));
    if (f->unit != NULL && f->unit[0] != '\0')
        buf_addf(out, ", in %s", f->unit);
    if (f->flags & RLV_RECORDED)
        buf_adds(out, ", recorded");
    if (f->flags & RLV_COUNTER)
        buf_adds(out, ", a counter");
    buf_addc(out, '\n');
    add_wrapped(out, f->help);
}

static void add_lines(struct buf *out, const char *word,
                      const char *const *lines)
{
    for (size_t i = 0; lines != NULL && lines[i] != NULL; i++)
        buf_addf(out, "  %-11s %s\n", word, lines[i]);
}

/* ------------------------------------------------------------- example --- */

/* A URL that this plugin takes, else the kind's sample. */
static void add_url(struct buf *out, const char *plugin)
{
    const char *scheme, *its_plugin;
    int port;
    for (size_t i = 0;
         (scheme = table_scheme_nth(i, &its_plugin, &port)) != NULL; i++)
        if (str_eq(its_plugin, plugin)) {
            buf_addf(out, "\"%s://HOST:%d/\"", scheme, port);
            return;
        }
    buf_addf(out, "\"%s://HOST/\"", plugin);
}

/* The first of "a|b", the least of "1..9". */
static int first_of(const char *limits)
{
    const char *dots = strstr(limits, "..");
    return dots != NULL ? (int)(dots - limits) : (int)strcspn(limits, "|");
}

static void add_sample(struct buf *out, const struct rlv_option *o)
{
    const char *limits = o->limits == NULL ? "" : o->limits;
    bool quoted = o->kind != RLV_INT && o->kind != RLV_REAL;
    if (limits[0] != '\0' && o->kind != RLV_STRING)
        buf_addf(out, quoted ? "\"%.*s\"" : "%.*s", first_of(limits), limits);
    else
        switch (o->kind) {
        case RLV_SECRET: buf_adds(out, "{ env = \"NAME\"; }"); break;
        case RLV_INT: buf_adds(out, "1"); break;
        case RLV_REAL: buf_adds(out, "1.0"); break;
        case RLV_BOOL: buf_adds(out, "true"); break;
        case RLV_DURATION: buf_adds(out, "\"10s\""); break;
        case RLV_SIZE: buf_adds(out, "\"4KiB\""); break;
        case RLV_LIST: buf_adds(out, "[\"TEXT\"]"); break;
        case RLV_DICT: buf_adds(out, "{ NAME = \"TEXT\"; }"); break;
        case RLV_STEPS: buf_adds(out, "({ NAME = \"TEXT\"; })"); break;
        default: buf_adds(out, "\"TEXT\""); break;
        }
}

/* "tls.ca_file" stands in a group. */
static void add_setting(struct buf *out, const struct catalog *c,
                        const struct rlv_option *o)
{
    const char *dot = strchr(o->name, '.');
    buf_adds(out, "      ");
    if (dot != NULL)
        buf_addf(out, "%.*s = { ", (int)(dot - o->name), o->name);
    buf_addf(out, "%s = ", dot != NULL ? dot + 1 : o->name);
    if (str_eq(o->name, "url"))
        add_url(out, c->name);
    else
        add_sample(out, o);
    buf_adds(out, dot != NULL ? "; };\n" : ";\n");
}

static void add_example(struct buf *out, const struct catalog *c)
{
    buf_addf(out, "  checks = {\n    my-%s = {\n      plugin = \"%s\";\n",
             c->name, c->name);
    for (size_t i = 0; i < c->option_count; i++)
        if ((c->options[i].flags & RLV_REQUIRED) ||
            str_eq(c->options[i].name, "url"))
            add_setting(out, c, &c->options[i]);
    buf_adds(out, "      expect = [\"latency < 500ms\"];\n    };\n  };\n");
}

/* ---------------------------------------------------------------- page --- */

static void add_page(struct buf *out, const struct catalog *c)
{
    buf_addf(out, "%s %s: %s\n", c->name, c->version, c->summary);
    if (c->path != NULL)
        buf_addf(out, "%s\n", c->path);
    buf_adds(out, "\nOptions, beside those that every check has:\n");
    for (size_t i = 0; i < c->option_count; i++)
        add_option(out, &c->options[i]);
    if (c->option_count == 0)
        buf_adds(out, "  none\n");
    buf_adds(out, "\nFields, for expect and warn_unless:\n");
    for (size_t i = 0; i < c->field_count; i++)
        add_field(out, &c->fields[i]);
    buf_adds(out, "\nExpectations that hold unless a line of the check reads "
                  "the same field:\n");
    size_t before = out->len;
    add_lines(out, "expect", c->expects);
    add_lines(out, "warn_unless", c->warn_unless);
    if (out->len == before)
        buf_adds(out, "  none\n");
    if (c->path == NULL) /* built in */
        return;
    buf_adds(out, "\nExample:\n");
    add_example(out, c);
}

void plugin_page(const struct catalog *c, struct buf *out)
{
    struct buf raw = {0};
    add_page(&raw, c);
    str_clean_buf(out, buf_text(&raw), raw.len, true);
    buf_free(&raw);
}

/* ---------------------------------------------------------------- JSON --- */

static json_t *text_of(const char *s)
{
    return s == NULL ? json_null() : report_text(s, strlen(s));
}

static json_t *options_json(const struct catalog *c)
{
    json_t *all = json_array();
    for (size_t i = 0; i < c->option_count; i++) {
        const struct rlv_option *o = &c->options[i];
        json_array_append_new(
            all, json_pack("{s:o, s:s, s:b, s:o, s:o, s:o}", "name",
                           text_of(o->name), "type", option_kind_text(o->kind),
                           "required", (o->flags & RLV_REQUIRED) != 0,
                           "default", text_of(o->fallback), "limits",
                           text_of(o->limits), "help", text_of(o->help)));
    }
    return all;
}

static json_t *fields_json(const struct catalog *c)
{
    json_t *all = json_array();
    for (size_t i = 0; i < c->field_count; i++) {
        const struct rlv_field *f = &c->fields[i];
        json_array_append_new(all, json_pack("{s:o, s:s, s:o, s:b, s:o}",
                                             "name", text_of(f->name), "type",
                                             plugin_type_name(f->type), "unit",
                                             text_of(f->unit), "recorded",
                                             (f->flags & RLV_RECORDED) != 0,
                                             "help", text_of(f->help)));
    }
    return all;
}

static json_t *lines_json(const char *const *lines)
{
    json_t *all = json_array();
    for (size_t i = 0; lines != NULL && lines[i] != NULL; i++)
        json_array_append_new(all, text_of(lines[i]));
    return all;
}

json_t *plugin_page_json(const struct catalog *c)
{
    return json_pack("{s:o, s:o, s:o, s:o, s:b, s:o, s:o, s:o, s:o}", "name",
                     text_of(c->name), "version", text_of(c->version),
                     "summary", text_of(c->summary), "path", text_of(c->path),
                     "blocking", c->blocking, "options", options_json(c),
                     "fields", fields_json(c), "expect", lines_json(c->expects),
                     "warn_unless", lines_json(c->warn_unless));
}
