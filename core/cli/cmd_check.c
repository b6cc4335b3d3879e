/* cli/cmd_check.c: `relevo check NAME|URL`: one probe, everything told.
 *
 * A running daemon is asked when it knows the check (then the result is stored
 * there too); else, or with --local or --expect, this process starts vet and
 * one worker itself and stores nothing. A URL needs no configuration. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/human.h"
#include "base/log.h"
#include "base/str.h"
#include "base/url.h"
#include "cli/ask.h"
#include "cli/cli.h"
#include "cli/out.h"
#include "cli/probing.h"
#include "cli/result_text.h"
#include "cli/url_text.h"
#include "cli/use.h"
#include "expect/expect.h"
#include "model/naming.h"
#include "report/json.h"
#include "wire/msg.h"

/* ---------------------------------------------------------- own worker --- */

/* The result of conf->checks[index], without secrets. */
static struct result *probe_local(struct conf *conf, size_t index)
{
    size_t n = conf->check_count;
    bool *asked = xcalloc(n, sizeof *asked);
    struct result **results = xcalloc(n, sizeof(struct result *));
    struct probing_options options = {
        .asked = asked, .purpose = PURPOSE_MANUAL, .flags = PROBE_TRACE};
    asked[index] = true;
    probing_run(conf, &options, results);
    struct result *result = results[index];
    free(results);
    free(asked);
    return result;
}

/* ------------------------------------------------------------ --expect --- */

/* The line is right, or said what is not. */
static struct expect *parse_line(const struct check_spec *spec,
                                 const char *text)
{
    struct expect_scope scope = {spec->fields, spec->field_count};
    struct expect_error error;
    struct expect *e = expect_parse(text, &scope, &error);
    if (e == NULL) {
        cli_fail(EXIT_USAGE, "--expect: %s", error.text);
        out_point(text, error.column);
    }
    return e;
}

static bool same_field(const struct check_spec *spec, const struct expect *a,
                       const char *other)
{
    struct expect_scope scope = {spec->fields, spec->field_count};
    struct expect_error error;
    struct expect *b = expect_parse(other, &scope, &error);
    bool same = false;
    for (unsigned f = 0; b != NULL && f < spec->field_count; f++)
        same = same || (expect_reads(a, f) && expect_reads(b, f));
    expect_free(b);
    return same;
}

/* Adds the lines of --expect; default lines that read the same field go. */
static bool add_lines(const struct args *args, struct conf *conf,
                      struct check_spec *spec)
{
    const char *text;
    if (args_has(args, "expect") && spec->expect_faults.count > 0) {
        cli_fail(EXIT_USAGE,
                 "--expect: %s must fail (expect_fault): there is no answer "
                 "to judge",
                 spec->name);
        return false;
    }
    for (size_t i = 0; (text = args_nth(args, "expect", i)) != NULL; i++) {
        struct expect *e = parse_line(spec, text);
        if (e == NULL)
            return false;
        struct line_spec *lines =
            arena_alloc(conf->arena, (spec->expect_count + 1) * sizeof *lines);
        size_t n = 0;
        for (size_t k = 0; k < spec->expect_count; k++)
            if (!spec->expects[k].is_default ||
                !same_field(spec, e, spec->expects[k].text))
                lines[n++] = spec->expects[k];
        lines[n++] = (struct line_spec){.text = text};
        spec->expects = lines;
        spec->expect_count = n;
        expect_free(e);
    }
    return true;
}

/* ------------------------------------------------------------- sources --- */

static bool is_url(const char *word) { return strstr(word, "://") != NULL; }

/* The configuration that a URL stands for. */
static struct conf *conf_of_url(const struct args *args, const char *url)
{
    struct buf text = {0};
    buf_adds(&text, "checks = { check = { url = ");
    url_add_quoted(&text, url);
    buf_adds(&text, "; }; };\n");
    struct conf *conf = use_conf_text(args, "command line", text.data);
    buf_free(&text);
    return conf;
}

/* The check that the word means, beside --env; NULL: it was said why not. */
static const struct check_spec *
find_check(const struct args *args, const struct conf *conf, const char *word)
{
    struct naming names = naming_of_conf(conf);
    struct err err;
    size_t index;
    char where[300];
    snprintf(where, sizeof where, "in %s", conf->file);
    names.where = where;
    if (naming_find(&names, word, args_get(args, "env"), &index, &err))
        return &conf->checks[index];
    cli_fail(EXIT_USAGE, "%s", err.text);
    return NULL;
}

/* The daemon's answer; NULL: it does not run, or does not know the check. */
static json_t *probe_by_daemon(const struct args *args, const char *name)
{
    struct err err;
    struct ask *ask = ask_open(cli_state_dir(args), &err);
    json_t *answer = NULL, *request = ask_request("check", args);
    ask_add_word(request, "name", name);
    json_object_set_new(request, "trace", json_true());
    if (ask != NULL)
        answer = ask_one(ask, request, &err);
    else
        json_decref(request);
    ask_close(ask);
    return answer;
}

static int show(const struct args *args, json_t *result, const char *url)
{
    const char *outcome = json_string_value(json_object_get(result, "outcome"));
    bool well = str_eq(outcome, "ok") || str_eq(outcome, "warn");
    if (args_has(args, "json")) {
        out_json(result);
    } else {
        result_print(result, args_has(args, "trace"));
        if (url != NULL)
            result_print_config(url, args);
        json_decref(result);
    }
    return well ? EXIT_FINE : EXIT_FINDINGS;
}

/* A check of a URL is named as that, without what may be a secret. */
static int probe_and_show(const struct args *args, struct conf *conf,
                          size_t index, const char *url)
{
    struct check_spec *spec = &conf->checks[index];
    if (spec->catalog != NULL && !add_lines(args, conf, spec))
        return EXIT_USAGE;
    struct buf name = {0};
    if (url == NULL)
        buf_adds(&name, spec->name);
    else
        url_add_blotted(&name, url);
    struct result *r = probe_local(conf, index);
    int status = show(args, report_result(r, buf_text(&name)), url);
    result_free(r);
    buf_free(&name);
    return status;
}

static bool is_heartbeat(const struct check_spec *spec)
{
    const struct check_spec *prober = spec->source ? spec->source : spec;
    if (prober->schedule != SCHEDULE_BEAT)
        return false;
    cli_fail(EXIT_USAGE,
             "%s: a heartbeat is not probed, its job reports it; relevo status "
             "shows what it said last",
             prober->name);
    return true;
}

static int check_locally(const struct args *args, const char *word)
{
    const char *url = is_url(word) ? word : NULL;
    struct conf *conf = url != NULL ? conf_of_url(args, url) : use_conf(args);
    if (conf == NULL)
        return EXIT_USAGE;
    const struct check_spec *found =
        url != NULL ? &conf->checks[0] : find_check(args, conf, word);
    int status =
        found == NULL || is_heartbeat(found)
            ? EXIT_USAGE
            : probe_and_show(args, conf, (size_t)(found - conf->checks), url);
    conf_unref(conf);
    return status;
}

int cmd_check(const struct args *args)
{
    const char *word = args->words[0];
    log_init("check");
    log_set_level(args_has(args, "trace") ? LOG_LEVEL_DEBUG : LOG_LEVEL_ERROR);
    bool local =
        is_url(word) || args_has(args, "local") || args_has(args, "expect");
    json_t *answer = local ? NULL : probe_by_daemon(args, word);
    return answer != NULL ? show(args, answer, NULL)
                          : check_locally(args, word);
}
