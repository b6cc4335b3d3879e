/* cli/cmd_config.c: `relevo config check` and `relevo config show`. */
#include <stdio.h>
#include <string.h>

#include "base/redact.h"
#include "base/human.h"
#include "cli/cli.h"
#include "cli/out.h"
#include "cli/use.h"
#include "conf/conf.h"
#include "report/json.h"

static const char *schedule_text(const struct check_spec *spec)
{
    char text[HUMAN_TEXT];
    static char out[80];
    switch (spec->schedule) {
    case SCHEDULE_INTERVAL:
        snprintf(out, sizeof out, "every %s",
                 human_duration(spec->interval_ns, text));
        break;
    case SCHEDULE_CRON: snprintf(out, sizeof out, "cron %s", spec->cron); break;
    case SCHEDULE_MANUAL: snprintf(out, sizeof out, "manual"); break;
    }
    return out;
}

static void print_check(struct table *t, const struct check_spec *spec)
{
    char least[HUMAN_TEXT], most[HUMAN_TEXT];
    int64_t min_ns, max_ns;
    table_cell(t, "%s", spec->name);
    table_cell(t, "%s", spec->plugin);
    table_cell(t, "%s", schedule_text(spec));
    if (spec->missing != NULL)
        table_cell(t, "not probed: %s has no value", spec->missing);
    else if (conf_outage_window(spec, &min_ns, &max_ns))
        table_cell(t, "an outage is noticed after %s to %s",
                   human_duration(min_ns, least), human_duration(max_ns, most));
    else
        table_cell(t, "%s",
                   spec->schedule == SCHEDULE_CRON
                       ? "an outage is noticed at one of its times"
                       : "probed only when asked");
}

static json_t *check_json(const struct check_spec *spec)
{
    int64_t min_ns = 0, max_ns = 0;
    bool known = conf_outage_window(spec, &min_ns, &max_ns);
    json_t *o = json_pack("{s:s, s:s, s:s}", "name", spec->name, "plugin",
                          spec->plugin, "schedule", schedule_text(spec));
    json_object_set_new(
        o, "missing", spec->missing ? json_string(spec->missing) : json_null());
    json_object_set_new(o, "noticed_after_min_ms",
                        known ? json_real((double)min_ns / 1e6) : json_null());
    json_object_set_new(o, "noticed_after_max_ms",
                        known ? json_real((double)max_ns / 1e6) : json_null());
    return o;
}

static void print_all(const struct conf *conf)
{
    struct table *t = table_new(4);
    static const char *const head[] = {"CHECK", "PLUGIN", "SCHEDULE", "OUTAGE"};
    for (size_t i = 0; i < ARRAY_LEN(head); i++)
        table_cell(t, "%s", head[i]);
    for (size_t i = 0; i < conf->check_count; i++)
        print_check(t, &conf->checks[i]);
    table_print(t);
    printf("\n%s is right: %zu checks, %zu runbooks\n", out_clean(conf->file),
           conf->check_count, conf->runbook_count);
}

int cmd_config_check(const struct args *args)
{
    struct conf *conf = use_conf(args);
    if (conf == NULL)
        return EXIT_USAGE;
    if (args_has(args, "json")) {
        json_t *checks = json_array();
        for (size_t i = 0; i < conf->check_count; i++)
            json_array_append_new(checks, check_json(&conf->checks[i]));
        out_json(json_pack("{s:o, s:o}", "file",
                           report_text(conf->file, strlen(conf->file)),
                           "checks", checks));
    } else {
        print_all(conf);
    }
    conf_unref(conf);
    return EXIT_FINE;
}

/* A value that only contains a secret (a line of `expect`) is one, too. */
static void show(const struct conf *conf, struct buf *out)
{
    struct buf text = {0};
    struct redact *redact = redact_new(conf->secrets, conf->secret_count);
    conf_show(conf, &text);
    redact_text(redact, buf_text(&text), text.len, out);
    redact_free(redact);
    buf_free(&text);
}

int cmd_config_show(const struct args *args)
{
    struct buf text = {0};
    if (args_has(args, "docs")) {
        conf_write_docs(&text);
    } else {
        struct conf *conf = use_conf(args);
        if (conf == NULL)
            return EXIT_USAGE;
        show(conf, &text);
        conf_unref(conf);
    }
    fputs(buf_text(&text), stdout);
    buf_free(&text);
    return EXIT_FINE;
}
