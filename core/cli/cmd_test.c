/* cli/cmd_test.c: `relevo test`: every check once, without a daemon, nothing
 * stored: the gate of a delivery.
 *
 * test_select.c says which checks, probing.c probes them, report/ tells what
 * became of it, test_output.c puts that where it belongs. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/redact.h"
#include "base/str.h"
#include "cli/cli.h"
#include "cli/out.h"
#include "cli/probing.h"
#include "cli/test_output.h"
#include "cli/test_select.h"
#include "cli/use.h"

/* ------------------------------------------------------------- options --- */

static bool min_pass_of(const struct args *args, double *percent)
{
    const char *text = args_get(args, "min-pass");
    *percent = -1;
    if (text == NULL)
        return true;
    char number[40];
    size_t n = strlen(text);
    n -= n > 0 && text[n - 1] == '%';
    n -= n > 0 && text[n - 1] == ' ';
    snprintf(number, sizeof number, "%.*s", (int)n, text);
    if (str_to_double(number, percent) && *percent >= 0 && *percent <= 100)
        return true;
    cli_fail(EXIT_USAGE, "--min-pass: \"%s\" is not a percentage such as 90%%",
             text);
    return false;
}

static bool fail_on_of(const struct args *args, bool *degraded)
{
    const char *word = args_get(args, "fail-on");
    *degraded = word != NULL;
    if (word == NULL || str_eq(word, "degraded"))
        return true;
    cli_fail(EXIT_USAGE, "--fail-on: \"%s\"; only \"degraded\" can be said",
             word);
    return false;
}

/* ------------------------------------------------------------ progress --- */

static int columns(void)
{
    struct winsize size;
    return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 20
               ? size.ws_col
               : 80;
}

/* "\r 3/11  staging/api, staging/docs", cut to the terminal. Names are ASCII
 * (letters, digits, -, _, /). */
static void show_progress(void *arg, const struct probing *p)
{
    (void)arg;
    struct buf line = {0};
    const struct check_spec *c;
    buf_addf(&line, "%zu/%zu  ", probing_done(p), probing_total(p));
    for (size_t i = 0; (c = probing_running(p, i)) != NULL; i++)
        buf_addf(&line, "%s%s", i > 0 ? ", " : "", c->name);
    if (probing_done(p) == probing_total(p))
        fputs("\r\033[K", stderr);
    else
        fprintf(stderr, "\r\033[K%.*s", columns() - 1, line.data);
    buf_free(&line);
}

/* --------------------------------------------------------------- suite --- */

struct test {
    struct conf *conf;
    struct arena *arena;
    struct redact *redact;
    bool *selected, *asked; /* of conf->checks[i] */
    struct result **results;
    struct suite suite;
};

/* Without secrets; NULL stays NULL. */
static const char *shown(struct test *t, const char *text)
{
    struct buf out = {0};
    if (text == NULL)
        return NULL;
    redact_text(t->redact, text, strlen(text), &out);
    const char *copy = arena_strdup(t->arena, buf_text(&out));
    buf_free(&out);
    return copy;
}

/* The host of a URL that is secret as a whole is not told. */
static const char *shown_target(struct test *t, const char *target)
{
    for (size_t i = 0; i < t->conf->secret_count; i++)
        if (strstr(t->conf->secrets[i], target) != NULL)
            return "";
    return shown(t, target);
}

static void add_check(struct test *t, size_t i)
{
    const struct check_spec *spec = &t->conf->checks[i];
    struct suite_check *c = &t->suite.checks[t->suite.check_count++];
    *c = (struct suite_check){
        .name = spec->name,
        .plain_name = spec->plain_name,
        .environment = spec->environment,
        .title = shown(t, spec->title),
        .owner = shown(t, spec->owner),
        .plugin = spec->plugin,
        .target = shown_target(t, spec->target),
        .of = spec->source == NULL ? NULL : spec->source->name,
        .minor = str_eq(spec->severity, "minor"),
        .skip = shown(t, test_skip_reason(spec, t->arena)),
        .result = t->results[i],
    };
}

/* Probes what is to be probed, and puts all together. */
static void run_suite(struct test *t)
{
    const struct conf *conf = t->conf;
    struct suite *s = &t->suite;
    struct probing_options options = {
        .asked = t->asked,
        .purpose = PURPOSE_TEST,
        .progress = isatty(STDERR_FILENO) ? show_progress : NULL};
    for (size_t i = 0; i < conf->check_count; i++)
        t->asked[i] = t->selected[i] && conf->checks[i].enabled &&
                      test_skip_reason(&conf->checks[i], t->arena) == NULL;
    struct now began = clock_now();
    probing_run(t->conf, &options, t->results);
    s->started_us = began.wall_us;
    s->duration_ns = clock_mono_ns() - began.mono_ns;
    s->checks =
        arena_alloc(t->arena, (conf->check_count + 1) * sizeof *s->checks);
    for (size_t i = 0; i < conf->check_count; i++) {
        if (t->selected[i] && conf->checks[i].enabled)
            add_check(t, i);
        else if (t->selected[i])
            s->disabled++;
    }
    suite_judge(s);
}

/* Where only files were written, one line still says how it went. */
static void summarize(const struct suite *s, const struct test_output *outputs,
                      size_t count)
{
    struct buf line = {0};
    for (size_t i = 0; i < count; i++)
        if (outputs[i].file == NULL)
            return;
    suite_put_counts(&line, s);
    if (s->totals.run > 0 && !s->passed) {
        buf_adds(&line, "\n");
        suite_put_verdict(&line, s);
    }
    puts(line.data);
    buf_free(&line);
}

static int verdict(const struct suite *s)
{
    if (s->totals.run > 0)
        return s->passed ? EXIT_FINE : EXIT_FINDINGS;
    if (s->totals.skipped > 0)
        return cli_fail(EXIT_INTERNAL,
                        "nothing was run: every check that was selected is "
                        "skipped");
    return cli_fail(EXIT_INTERNAL, "nothing was run: no %scheck is selected",
                    s->disabled > 0 ? "enabled " : "");
}

static int test(const struct args *args, struct test *t,
                const struct test_output *outputs, size_t count)
{
    size_t n = t->conf->check_count + 1;
    t->selected = arena_alloc(t->arena, n * sizeof *t->selected);
    t->asked = arena_alloc(t->arena, n * sizeof *t->asked);
    t->results = arena_alloc(t->arena, n * sizeof(struct result *));
    t->redact = redact_new(t->conf->secrets, t->conf->secret_count);
    int status = EXIT_USAGE;
    if (test_select(args, t->conf, t->selected)) {
        run_suite(t);
        bool written = test_output_write(outputs, count, &t->suite);
        summarize(&t->suite, outputs, count);
        status = verdict(&t->suite);
        status = written ? status : EXIT_INTERNAL;
    }
    for (size_t i = 0; i < t->conf->check_count; i++)
        result_free(t->results[i]);
    redact_free(t->redact);
    return status;
}

int cmd_test(const struct args *args)
{
    struct test t = {0};
    struct test_output *outputs = NULL;
    size_t count = 0;
    log_init("test");
    log_set_level(LOG_LEVEL_ERROR);
    if (!test_outputs(args, &outputs, &count) ||
        !min_pass_of(args, &t.suite.min_pass) ||
        !fail_on_of(args, &t.suite.fail_on_degraded) ||
        (t.conf = use_conf(args)) == NULL) {
        free(outputs);
        return EXIT_USAGE;
    }
    t.arena = arena_new();
    int status = test(args, &t, outputs, count);
    arena_free(t.arena);
    conf_unref(t.conf);
    free(outputs);
    return status;
}
