/* cli/cmd_config.c: `relevo config check` and `relevo config show`. */
#include <stdio.h>
#include <string.h>

#include "base/human.h"
#include "base/redact.h"
#include "base/str.h"
#include "cli/cli.h"
#include "cli/out.h"
#include "cli/use.h"
#include "conf/conf.h"
#include "report/json.h"

/* ---------------------------------------------------------- environment --- */

/* --env names one, or is not given. */
static bool env_is_known(const struct conf *conf, const char *env)
{
    if (env == NULL || conf_environment(conf, env) != NULL)
        return true;
    const char *near = str_nearest(env, conf_nth_environment, conf);
    cli_fail(EXIT_USAGE, "there is no environment \"%s\"%s%s%s", out_clean(env),
             near == NULL ? "" : "; did you mean \"", near == NULL ? "" : near,
             near == NULL ? "" : "\"?");
    return false;
}

static bool is_chosen(const struct check_spec *spec, const char *env)
{
    return env == NULL || str_eq(spec->environment, env);
}

/* Refused, or without that environment: told. */
static struct conf *open_conf(const struct args *args, bool explained)
{
    struct conf *conf = explained ? use_conf_explained(args) : use_conf(args);
    if (conf != NULL && !env_is_known(conf, args_get(args, "env"))) {
        conf_unref(conf);
        conf = NULL;
    }
    return conf;
}

/* ---------------------------------------------------------------- check --- */

static const char *schedule_text(const struct check_spec *spec, char out[80])
{
    char text[HUMAN_TEXT];
    switch (spec->schedule) {
    case SCHEDULE_INTERVAL:
        snprintf(out, 80, "every %s", human_duration(spec->interval_ns, text));
        break;
    case SCHEDULE_CRON: snprintf(out, 80, "cron %s", spec->cron); break;
    case SCHEDULE_MANUAL: snprintf(out, 80, "manual"); break;
    case SCHEDULE_BEAT:
        snprintf(out, 80, "beat %s",
                 spec->cron != NULL
                     ? spec->cron
                     : human_duration(spec->heartbeat.period_ns, text));
        break;
    }
    return out;
}

static void outage_cell(struct table *t, const struct check_spec *spec)
{
    char least[HUMAN_TEXT], most[HUMAN_TEXT];
    int64_t min_ns, max_ns;
    if (spec->missing != NULL)
        table_cell(t, "not probed: %s has no value", spec->missing);
    else if (conf_outage_window(spec, &min_ns, &max_ns))
        table_cell(t, "an outage is noticed after %s to %s",
                   human_duration(min_ns, least), human_duration(max_ns, most));
    else if (spec->schedule == SCHEDULE_BEAT && !spec->disabled)
        table_cell(t, "a beat is missed %s after its time",
                   human_duration(spec->heartbeat.grace_ns, most));
    else
        table_cell(t, "%s",
                   spec->disabled ? "not probed: enabled = false"
                   : spec->schedule == SCHEDULE_CRON
                       ? "an outage is noticed at one of its times"
                       : "probed only when asked");
}

static void print_check(struct table *t, const struct check_spec *spec)
{
    char schedule[80];
    table_cell(t, "%s", spec->name);
    table_cell(t, "%s", spec->plugin);
    if (spec->source != NULL)
        table_cell(t, "with %s", spec->source->name);
    else
        table_cell(t, "%s", schedule_text(spec, schedule));
    outage_cell(t, spec);
}

static json_t *text_or_null(const char *text)
{
    return text == NULL ? json_null() : report_text(text, strlen(text));
}

static json_t *check_json(const struct check_spec *spec)
{
    int64_t min_ns = 0, max_ns = 0;
    char schedule[80];
    bool known = conf_outage_window(spec, &min_ns, &max_ns);
    json_t *o =
        json_pack("{s:s, s:s, s:s}", "name", spec->name, "plugin", spec->plugin,
                  "schedule", schedule_text(spec, schedule));
    json_object_set_new(o, "missing", text_or_null(spec->missing));
    json_object_set_new(o, "noticed_after_min_ms",
                        known ? json_real((double)min_ns / 1e6) : json_null());
    json_object_set_new(o, "noticed_after_max_ms",
                        known ? json_real((double)max_ns / 1e6) : json_null());
    return o;
}

static void print_json(const struct conf *conf, const char *env)
{
    json_t *checks = json_array(), *books = json_array();
    for (size_t i = 0; i < conf->check_count; i++)
        if (is_chosen(&conf->checks[i], env))
            json_array_append_new(checks, check_json(&conf->checks[i]));
    for (size_t i = 0; i < conf->runbook_count; i++) {
        const struct runbook_spec *r = &conf->runbooks[i];
        json_array_append_new(books,
                              json_pack("{s:s, s:s, s:o}", "name", r->name,
                                        "kind", runbook_kind_name(r->kind),
                                        "missing", text_or_null(r->missing)));
    }
    out_json(json_pack("{s:o, s:o, s:o}", "file",
                       report_text(conf->file, strlen(conf->file)), "checks",
                       checks, "runbooks", books));
}

/* Those that can never run as things are. */
static void print_held(const struct conf *conf)
{
    for (size_t i = 0; i < conf->runbook_count; i++)
        if (conf->runbooks[i].missing != NULL)
            printf("runbook %s is held: %s has no value\n",
                   conf->runbooks[i].name,
                   out_clean(conf->runbooks[i].missing));
}

static void print_all(const struct conf *conf, const char *env)
{
    static const char *const head[] = {"CHECK", "PLUGIN", "SCHEDULE", "OUTAGE"};
    char checks[HUMAN_TEXT], runbooks[HUMAN_TEXT];
    struct table *t = table_begin(head, ARRAY_LEN(head));
    for (size_t i = 0; i < conf->check_count; i++)
        if (is_chosen(&conf->checks[i], env))
            print_check(t, &conf->checks[i]);
    table_print(t);
    printf("\n");
    print_held(conf);
    printf("%s is right: %s, %s\n", out_clean(conf->file),
           human_count(conf->check_count, "check", checks),
           human_count(conf->runbook_count, "runbook", runbooks));
}

static bool tell_missing(struct place place, const char *what, const char *name,
                         const char *missing)
{
    if (missing == NULL)
        return false;
    fprintf(stderr, "%s:%d:%d: %s \"%s\": %s has no value\n",
            out_clean(place.file), place.line, place.column, what, name,
            out_clean(missing));
    return true;
}

/* --strict: everything has its value. */
static bool is_complete(const struct conf *conf, const char *env)
{
    bool lacks = false;
    for (size_t i = 0; i < conf->check_count; i++) {
        const struct check_spec *c = &conf->checks[i];
        if (is_chosen(c, env))
            lacks |= tell_missing(c->place, "check", c->name, c->missing);
    }
    for (size_t i = 0; i < conf->runbook_count; i++) {
        const struct runbook_spec *r = &conf->runbooks[i];
        lacks |= tell_missing(r->place, "runbook", r->name, r->missing);
    }
    return !lacks;
}

int cmd_config_check(const struct args *args)
{
    const char *env = args_get(args, "env");
    struct conf *conf = open_conf(args, false);
    if (conf == NULL)
        return EXIT_USAGE;
    bool ok = !args_has(args, "strict") || is_complete(conf, env);
    if (ok && args_has(args, "json"))
        print_json(conf, env);
    else if (ok)
        print_all(conf, env);
    conf_unref(conf);
    return ok ? EXIT_FINE : EXIT_USAGE;
}

/* --------------------------------------------------------------- timing --- */

static void duration_cell(struct table *t, int64_t ns)
{
    char text[HUMAN_TEXT];
    table_cell(t, "%s", human_duration(ns, text));
}

static void print_timing_of(struct table *t, const struct check_spec *c)
{
    bool steady = c->schedule == SCHEDULE_INTERVAL;
    char schedule[80];
    table_cell(t, "%s", c->name);
    table_cell(t, "%s%s%s", schedule_text(c, schedule),
               c->source == NULL ? "" : ", with ",
               c->source == NULL ? "" : c->source->name);
    if (c->schedule == SCHEDULE_BEAT)
        table_cell(t, "-");
    else
        duration_cell(t, c->timeout_ns);
    if (c->schedule == SCHEDULE_MANUAL || c->schedule == SCHEDULE_BEAT)
        table_cell(t, "-");
    else
        duration_cell(t, c->retry_interval_ns);
    if (steady)
        duration_cell(t, c->down_interval_ns);
    else
        table_cell(t, "-");
    if (c->window_size > 0)
        table_cell(t, "%lld, or %s", (long long)c->failure_threshold,
                   c->failure_window);
    else
        table_cell(t, "%lld", (long long)c->failure_threshold);
    table_cell(t, "%lld", (long long)c->success_threshold);
    outage_cell(t, c);
}

static void print_timing(const struct conf *conf, const char *env)
{
    static const char *const head[] = {"CHECK",    "SCHEDULE",   "TIMEOUT",
                                       "RETRY",    "WHILE DOWN", "DOWN AFTER",
                                       "UP AFTER", "OUTAGE"};
    struct table *t = table_begin(head, ARRAY_LEN(head));
    for (size_t i = 0; i < conf->check_count; i++)
        if (is_chosen(&conf->checks[i], env))
            print_timing_of(t, &conf->checks[i]);
    table_print(t);
    printf("\nRETRY is the time between probes while a check is suspect; DOWN "
           "AFTER so many\nfailing results, UP AFTER so many good ones.\n");
}

/* ----------------------------------------------------------------- show --- */

/* A value that only contains a secret (a line of `expect`) is one, too. */
static void print_values(const struct conf *conf, const char *env)
{
    struct buf text = {0}, out = {0};
    struct redact *redact = redact_new(conf->secrets, conf->secret_count);
    conf_show(conf, env, &text);
    redact_text(redact, buf_text(&text), text.len, &out);
    redact_free(redact);
    fputs(buf_text(&out), stdout);
    buf_free(&text);
    buf_free(&out);
}

static int print_docs(void)
{
    struct buf text = {0};
    conf_write_docs(&text);
    fputs(buf_text(&text), stdout);
    buf_free(&text);
    return EXIT_FINE;
}

int cmd_config_show(const struct args *args)
{
    if (args_has(args, "docs"))
        return print_docs();
    struct conf *conf = open_conf(args, !args_has(args, "timing"));
    if (conf == NULL)
        return EXIT_USAGE;
    if (args_has(args, "timing"))
        print_timing(conf, args_get(args, "env"));
    else
        print_values(conf, args_get(args, "env"));
    conf_unref(conf);
    return EXIT_FINE;
}
