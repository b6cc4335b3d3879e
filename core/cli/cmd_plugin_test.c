/* cli/cmd_plugin_test.c: `relevo plugin test NAME|FILE.so`: does a plugin keep
 * what the interface asks of it? For who writes one. Everything happens in
 * processes of its own: vet reads the tables, workers probe (contracts.h).
 *
 * The settings of --set become a check of a configuration in memory, so they
 * are read, limited and refused as anywhere. Where one holds {target}, or its
 * halves {target.host} and {target.port}, the whole is done twice: with an
 * address where nobody listens, and one that accepts and never answers. */
#include <libgen.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/str.h"
#include "cli/contracts.h"
#include "cli/out.h"
#include "cli/url_text.h"
#include "cli/use.h"
#include "cli/vetted.h"
#include "report/json.h"

#define TARGET_HOST "127.0.0.1"
#define TARGET_TEXT 32 /* "127.0.0.1:65535" */

/* ------------------------------------------------------------- targets --- */

/* A loopback address: listening, or closed at once. -1: there is none. */
static int make_target(bool listens, char out[TARGET_TEXT])
{
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof a) != 0 ||
        (listens && listen(fd, SOMAXCONN) != 0) ||
        getsockname(fd, (struct sockaddr *)&a, &len) != 0) {
        if (fd >= 0)
            close(fd);
        return -1;
    }
    snprintf(out, TARGET_TEXT, TARGET_HOST ":%u", ntohs(a.sin_port));
    return fd; /* bound and not listening: refused, and nobody else's */
}

/* The place at the beginning of text; NULL: there is none. value: what stands
 * for it. */
static const char *place_at(const char *text, const char *target,
                            const char **value)
{
    const char *port = strchr(target, ':');
    const struct {
        const char *place, *value;
    } places[] = {{"{target}", target},
                  {"{target.host}", TARGET_HOST},
                  {"{target.port}", port == NULL ? "" : port + 1}};
    for (size_t i = 0; i < ARRAY_LEN(places); i++)
        if (str_starts(text, places[i].place)) {
            *value = places[i].value;
            return places[i].place;
        }
    return NULL;
}

static bool has_place(const char *text)
{
    const char *value;
    for (; *text != '\0'; text++)
        if (place_at(text, "", &value) != NULL)
            return true;
    return false;
}

static bool uses_target(const struct args *args)
{
    const char *set;
    for (size_t i = 0; (set = args_nth(args, "set", i)) != NULL; i++)
        if (has_place(set))
            return true;
    return false;
}

/* ------------------------------------------------------- configuration --- */

/* Stands without quotes. In quotes what is no number is refused as that. */
static bool is_plain(const struct rlv_option *row, const char *text)
{
    bool by_kind =
        row != NULL && (row->kind == RLV_INT || row->kind == RLV_REAL ||
                        row->kind == RLV_BOOL);
    return by_kind && *text != '\0' && strpbrk(text, ": ;,") == NULL;
}

static void add_value(struct buf *out, const struct catalog *c,
                      const char *name, const char *value, const char *target)
{
    struct buf text = {0};
    const struct rlv_option *row =
        option_find(c->options, c->option_count, name);
    while (*value != '\0') {
        const char *filled;
        const char *place = place_at(value, target, &filled);
        if (place != NULL)
            buf_adds(&text, filled);
        else
            buf_add(&text, value, 1);
        value += place != NULL ? strlen(place) : 1;
    }
    if (is_plain(row, buf_text(&text)) ||
        (text.len > 0 && strchr("[({", text.data[0]) != NULL))
        buf_adds(out, buf_text(&text));
    else
        url_add_quoted(out, buf_text(&text));
    buf_free(&text);
}

/* "tls.ca_file=x" is `tls = { ca_file = "x"; };`. */
static bool add_setting(struct buf *out, const struct catalog *c,
                        const char *set, const char *target)
{
    char name[128];
    const char *is = strchr(set, '=');
    if (is == NULL || is == set || (size_t)(is - set) >= sizeof name) {
        cli_fail(EXIT_USAGE, "--set: \"%s\" is not OPTION=VALUE", set);
        return false;
    }
    snprintf(name, sizeof name, "%.*s", (int)(is - set), set);
    if (option_find(c->options, c->option_count, name) == NULL) {
        const char *near = option_suggest(c->options, c->option_count, name);
        cli_fail(EXIT_USAGE, "--set: %s has no option \"%s\"%s%s%s", c->name,
                 name, near ? "; did you mean \"" : "", near ? near : "",
                 near ? "\"?" : "");
        return false;
    }
    const char *dot = strchr(name, '.');
    if (dot != NULL)
        buf_addf(out, "%.*s = { ", (int)(dot - name), name);
    buf_addf(out, "%s = ", dot == NULL ? name : dot + 1);
    add_value(out, c, name, is + 1, target);
    buf_adds(out, dot != NULL ? "; }; " : "; ");
    return true;
}

/* Only the plugin's own lines: what it observes is not judged. */
static struct conf *configure(const struct args *args, const struct catalog *c,
                              const char *target)
{
    struct buf text = {0};
    char folder[PATH_MAX], stem[PATH_MAX];
    const char *set, *timeout = args_get(args, "timeout");
    snprintf(folder, sizeof folder, "%s", c->path);
    snprintf(stem, sizeof stem, "%s", c->path);
    char *name = basename(stem);
    if (str_ends(name, ".so"))
        name[strlen(name) - 3] = '\0';
    buf_adds(&text, "plugin_dir = [");
    url_add_quoted(&text, dirname(folder));
    buf_adds(&text, "]; checks = { trial = { plugin = ");
    url_add_quoted(&text, name);
    buf_adds(&text, "; interval = \"1h\"; timeout = ");
    url_add_quoted(&text, timeout == NULL ? "1s" : timeout);
    buf_adds(&text, "; ");
    bool ok = true;
    for (size_t i = 0; ok && (set = args_nth(args, "set", i)) != NULL; i++)
        ok = add_setting(&text, c, set, target);
    buf_adds(&text, "}; };\n");
    struct conf *conf =
        ok ? use_conf_text(args, "--set", buf_text(&text)) : NULL;
    if (ok && conf == NULL)
        cli_fail(EXIT_USAGE, "options are given with --set OPTION=VALUE");
    buf_free(&text);
    return conf;
}

/* -------------------------------------------------------------- output --- */

static const char *verdict_text(enum verdict v)
{
    static const char *const texts[] = {"untried", "kept", "broken"};
    return texts[v];
}

static void print(const struct contracts *c, const char *path)
{
    static const enum colour colours[] = {GREY, GREEN, RED};
    size_t broken = 0, untried = 0;
    for (size_t i = 0; i < CONTRACT_COUNT; i++) {
        enum verdict v = c->verdict[i];
        broken += v == BROKEN;
        untried += v == UNTRIED;
        char word[16];
        snprintf(word, sizeof word, "%-8s", verdict_text(v));
        printf("%s %s\n", out_colour(colours[v], word), contract_promises[i]);
        if (c->text[i][0] != '\0') {
            fputs("         ", stdout);
            out_wrapped(out_line(c->text[i]), 9);
            putchar('\n');
        }
    }
    if (broken > 0)
        printf("\n%s breaks %zu of %d contracts%s\n", out_line(path), broken,
               CONTRACT_COUNT, untried > 0 ? "; not all could be tried" : "");
    else
        printf("\n%s keeps its contracts\n", out_line(path));
}

static json_t *to_json(const struct contracts *c, const char *path)
{
    json_t *rows = json_array();
    for (size_t i = 0; i < CONTRACT_COUNT; i++)
        json_array_append_new(
            rows, json_pack("{s:s, s:s, s:s, s:o}", "name", contract_names[i],
                            "promise", contract_promises[i], "verdict",
                            verdict_text(c->verdict[i]), "text",
                            report_text(c->text[i], strlen(c->text[i]))));
    return json_pack("{s:o, s:s, s:o}", "file", report_text(path, strlen(path)),
                     "verdict", contracts_hold(c) ? "kept" : "broken",
                     "contracts", rows);
}

/* ------------------------------------------------------------- command --- */

/* false: the settings are wrong, and that has been said. */
static bool try_with(const struct args *args, const struct catalog *catalog,
                     struct contracts *c, const char *target)
{
    struct conf *conf = configure(args, catalog, target);
    if (conf != NULL)
        contracts_of_probes(c, &conf->checks[0]);
    conf_unref(conf);
    return conf != NULL;
}

static bool try_all(const struct args *args, const struct catalog *catalog,
                    struct contracts *c)
{
    bool ok = true;
    if (!uses_target(args))
        return try_with(args, catalog, c, "");
    for (int listens = 0; ok && listens < 2; listens++) {
        char target[TARGET_TEXT];
        int fd = make_target(listens != 0, target);
        if (fd < 0)
            return cli_fail(EXIT_INTERNAL, "no loopback address is free") == 0;
        ok = try_with(args, catalog, c, target);
        close(fd);
    }
    return ok;
}

int cmd_plugin_test(const struct args *args)
{
    struct contracts c = {0};
    struct vetted plugin;
    if (!vetted_look(args, args->words[0], &plugin))
        return EXIT_USAGE;
    const char *path = plugin.path;
    if (plugin.catalog == NULL) {
        c.verdict[CONTRACT_OPENS] = BROKEN;
        snprintf(c.text[CONTRACT_OPENS], sizeof c.text[0], "%s", plugin.error);
    } else {
        contracts_of_tables(&c, plugin.catalog);
        if (!try_all(args, plugin.catalog, &c)) {
            vetted_free(&plugin, 1);
            return EXIT_USAGE;
        }
    }
    if (args_has(args, "json"))
        out_json(to_json(&c, path));
    else
        print(&c, path);
    vetted_free(&plugin, 1);
    return contracts_hold(&c) ? EXIT_FINE : EXIT_FINDINGS;
}
