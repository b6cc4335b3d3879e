/* cli/cmd_init.c: `relevo init [URL…]`: a first configuration, with comments.
 *
 * What is written has passed the check of `relevo config check`. Prose stands
 * behind "# "; options that one may want stand behind "//", ready to be used.
 * A URL that may hold a secret is not written: the file only names the variable
 * of the environment that shall hold it. */
#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/str.h"
#include "cli/cli.h"
#include "cli/out.h"
#include "cli/url_text.h"
#include "cli/use.h"
#include "conf/tables.h"
#include "daemon/places.h"
#include "plug/plug.h"

// clang-format off
static const char head[] =
    "# The configuration of Relevo. `relevo config check` tells whether it is right,\n"
    "# `relevo config show` every value, docs/config.md every option. What stands\n"
    "# behind // is not in force.\n"
    "\n"
    "# The zone of `cron` lines.\n"
    "//timezone = \"Europe/Madrid\";\n"
    "\n"
    "# What may happen by itself, at most: \"observe\" or \"diagnose\". Remediations are\n"
    "# only recorded as what would have run.\n"
    "automation = \"diagnose\";\n"
    "\n"
    "# For all checks; a check may say otherwise.\n"
    "defaults = { interval = \"30s\"; timeout = \"10s\"; };\n"
    "\n"
    "# A check without `expect` has its plugin's own lines: an http check wants a\n"
    "# status of 200 to 299, and warns 14 days before a certificate ends.\n"
    "checks = {\n";

static const char sample[] =
    "//  api = { url = \"http://127.0.0.1:8080/health\"; interval = \"10s\"; tags = [\"smoke\"];\n"
    "//          expect = [\"status == 200\", \"latency < 500ms\"]; };\n";

static const char middle[] =
    "};\n"
    "\n"
    "runbooks = {\n"
    "  # Look for the cause as soon as a check fails.\n";

static const char tail[] =
    "\n"
    "  # Tells somebody. Where to post is a secret: it comes from the environment, or\n"
    "  # with { file = \"/etc/relevo/oncall\"; } from a file.\n"
    "//  oncall = { script = \"notify/webhook\"; on = [\"down\", \"recovered\"];\n"
    "//             params = { url = { env = \"ONCALL_URL\"; }; format = \"slack\"; }; };\n"
    "//  mail = { script = \"notify/email\"; on = [\"down\", \"recovered\"];\n"
    "//           params = { server = \"smtp://mail.example.com:587\"; from = \"relevo@example.com\";\n"
    "//                      to = \"oncall@example.com\"; user = \"relevo\";\n"
    "//                      password = { env = \"SMTP_PASSWORD\"; }; }; };\n"
    "\n"
    "  # In this version recorded as what would have run, and not run.\n"
    "//  app-restart = { script = \"service/restart\"; match = { fault = \"refused\"; };\n"
    "//                  params = { service = \"app.service\"; }; };\n"
    "};\n"
    "\n"
    "# When nobody is called, though measuring goes on.\n"
    "//maintenance = { weekly = { cron = \"0 3 * * 0\"; duration = \"1h\"; }; };\n";
// clang-format on

/* The diagnoses that there are: PLUGIN/diagnose. What a check gets as a secret
 * is not in what its diagnosis is told. */
static const struct {
    const char *plugin;
    bool takes_url; /* as a secret of its own */
} diagnoses[] = {
    {"http", false}, {"postgres", true}, {"redis", true}, {"websocket", true}};

struct planned { /* a check */
    char *name;
    const char *plugin;
    char *variable; /* that holds its URL; NULL: it stands in the file */
};

struct plan { /* of the file */
    struct buf text;
    struct map *names; /* of checks so far */
    struct planned *checks;
    size_t check_count, check_cap;
    struct buf exports; /* what is to be told of secrets */
};

/* ---------------------------------------------------------------- URLs --- */

static bool has_plugin(const char *name)
{
    const char *const *dirs = places_plugin_dirs();
    struct rlv_list list = {dirs, 0};
    struct err err;
    char path[PATH_MAX];
    while (dirs[list.count] != NULL)
        list.count++;
    return plug_find(&list, name, path, sizeof path, &err);
}

/* "http, https": those whose plugin is there. */
static void add_schemes(struct buf *out)
{
    const char *scheme, *plugin;
    int port;
    for (size_t i = 0; (scheme = table_scheme_nth(i, &plugin, &port)) != NULL;
         i++)
        if (has_plugin(plugin))
            buf_addf(out, "%s%s", out->len > 0 ? ", " : "", scheme);
}

/* A message never shows more of a URL than its scheme: it may hold a
 * password. */
static int refuse_scheme(size_t i, const char *url)
{
    struct buf known = {0};
    const char *end = strstr(url, "://");
    add_schemes(&known);
    if (end == NULL)
        cli_fail(EXIT_USAGE,
                 "URL %zu has no scheme; expected one such as "
                 "https://app.example.com/health",
                 i + 1);
    else
        cli_fail(EXIT_USAGE,
                 "URL %zu: there is no plugin for \"%.*s://\" in this version; "
                 "there are plugins for %s",
                 i + 1, (int)(end - url < 20 ? end - url : 20), out_line(url),
                 buf_text(&known));
    buf_free(&known);
    return EXIT_USAGE;
}

static int check_url(size_t i, const char *url)
{
    int port;
    for (const char *s = url; *s != '\0'; s++)
        if (iscntrl((unsigned char)*s) || isspace((unsigned char)*s))
            return cli_fail(EXIT_USAGE,
                            "URL %zu has a space or a control character in it; "
                            "a space is written %%20",
                            i + 1);
    const char *plugin = table_scheme(url, &port);
    return plugin != NULL && has_plugin(plugin) ? EXIT_FINE
                                                : refuse_scheme(i, url);
}

/* -------------------------------------------------------------- checks --- */

/* "api", and "api-2" for the second one of that name. The caller frees. */
static char *new_name(struct plan *p, const char *url)
{
    struct buf name = {0};
    url_add_name(&name, url);
    size_t len = name.len;
    for (int i = 2; map_get(p->names, buf_text(&name)) != NULL; i++) {
        name.len = len;
        buf_addf(&name, "-%d", i);
    }
    map_set(p->names, buf_text(&name), p);
    return buf_take(&name);
}

static void add_check(struct plan *p, const char *url)
{
    char *name = new_name(p, url);
    buf_addf(&p->text, "  %s = { ", name);
    char *variable = url_add_setting(&p->text, url, name);
    if (variable != NULL)
        buf_addf(&p->exports,
                 "The URL of %s may hold a secret (a user, a password, a "
                 "token). It is not in the file:\nset the variable %s to it.\n",
                 name, variable);
    buf_adds(&p->text, " };\n");
    int port;
    p->checks =
        xgrow(p->checks, p->check_count, &p->check_cap, sizeof *p->checks);
    p->checks[p->check_count++] =
        (struct planned){name, table_scheme(url, &port), variable};
}

/* ------------------------------------------------------------ diagnoses --- */

/* One for each check of the plugin, since each has a URL of its own. */
static void add_own_diagnoses(struct plan *p, const char *plugin)
{
    for (size_t i = 0; i < p->check_count; i++) {
        const struct planned *c = &p->checks[i];
        if (!str_eq(c->plugin, plugin))
            continue;
        buf_addf(
            &p->text,
            "  diagnose-%s = { script = \"%s/diagnose\"; match = { check = "
            "\"%s\"; };",
            c->name, plugin, c->name);
        if (c->variable != NULL)
            buf_addf(&p->text, "\n    params = { url = { env = \"%s\"; }; };",
                     c->variable);
        buf_adds(&p->text, " };\n");
    }
}

static void add_diagnosis(struct plan *p, const char *plugin, bool takes_url)
{
    bool used = false, secret = false;
    for (size_t i = 0; i < p->check_count; i++)
        if (str_eq(p->checks[i].plugin, plugin)) {
            used = true;
            secret = secret || p->checks[i].variable != NULL;
        }
    if (secret && takes_url) {
        add_own_diagnoses(p, plugin);
        return;
    }
    if (!used) /* its `match` would fit none */
        buf_adds(&p->text, "//");
    buf_addf(&p->text,
             "  %s-diagnose = { script = \"%s/diagnose\"; match = { plugin = "
             "\"%s\"; }; };\n",
             plugin, plugin, plugin);
}

static void write_plan(struct plan *p, const struct args *args)
{
    buf_adds(&p->text, head);
    for (size_t i = 0; i < args->word_count; i++)
        add_check(p, args->words[i]);
    if (args->word_count == 0)
        buf_adds(&p->text, sample);
    buf_adds(&p->text, middle);
    for (size_t i = 0; i < ARRAY_LEN(diagnoses); i++)
        if (has_plugin(diagnoses[i].plugin))
            add_diagnosis(p, diagnoses[i].plugin, diagnoses[i].takes_url);
    buf_adds(&p->text, tail);
}

/* ---------------------------------------------------------------- file --- */

static int refuse_existing(const char *path)
{
    return cli_fail(EXIT_USAGE,
                    "%s is there already and stays as it is; -c FILE names "
                    "another",
                    out_line(path));
}

static int create(const struct args *args, const char *path,
                  const struct plan *p)
{
    struct err err;
    struct conf *conf = use_conf_text(args, path, buf_text(&p->text));
    if (conf == NULL)
        return cli_fail(EXIT_USAGE, "%s is not written", out_line(path));
    conf_unref(conf);
    if (fs_create(path, buf_text(&p->text), p->text.len, &err))
        return EXIT_FINE;
    return err.code == ERR_USAGE ? refuse_existing(path)
                                 : cli_fail(EXIT_USAGE, "%s", err.text);
}

static void free_plan(struct plan *p)
{
    for (size_t i = 0; i < p->check_count; i++) {
        free(p->checks[i].name);
        free(p->checks[i].variable);
    }
    free(p->checks);
    map_free(p->names);
    buf_free(&p->text);
    buf_free(&p->exports);
}

static void tell(const struct args *args, const char *path,
                 const struct plan *p)
{
    printf("%s is written, with %zu check%s.\n%s", out_line(path),
           args->word_count, args->word_count == 1 ? "" : "s",
           buf_text(&p->exports));
    puts("Next: relevo config check, then relevo run.");
}

int cmd_init(const struct args *args)
{
    const char *named = cli_config(args);
    const char *path = named != NULL ? named : "relevo.cfg";
    struct stat st;
    struct plan p = {.names = map_new()};
    int status = lstat(path, &st) == 0 ? refuse_existing(path) : EXIT_FINE;
    for (size_t i = 0; status == EXIT_FINE && i < args->word_count; i++)
        status = check_url(i, args->words[i]);
    if (status == EXIT_FINE) {
        write_plan(&p, args);
        status = create(args, path, &p);
    }
    if (status == EXIT_FINE)
        tell(args, path, &p);
    free_plan(&p);
    return status;
}
