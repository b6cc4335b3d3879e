/* What it costs to expand and check a configuration: reading the text, the
 * checks of three environments with variables, templates, secrets,
 * expectations, recorded values, derived checks and dependencies. Two sizes, so
 * that more than proportional growth shows. Plugins are not asked: that is
 * another process.
 *
 *     bench_expansion        one JSON line a figure: the median of 5 rounds */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/buf.h"
#include "conf/conf.h"

enum { ROUNDS = 5, ENVIRONMENTS = 3 };

static const struct rlv_option options[] = {
    {"url", RLV_STRING, RLV_REQUIRED | RLV_SECRET_PARTS, 0, NULL, NULL, ""},
    {"method", RLV_ENUM, 0, 8, "GET", "GET|HEAD|POST", ""},
    {"headers", RLV_DICT, 0, 16, NULL, NULL, ""},
};
static const struct rlv_field fields[] = {
    {"status", RLV_T_INT, RLV_RECORDED, "", ""},
    {"latency", RLV_T_DURATION, RLV_RECORDED, "", ""},
    {"cert_expiry", RLV_T_DURATION, RLV_RECORDED, "", ""},
    {"body", RLV_T_BODY, 0, "", ""},
};

static struct catalog *http(void)
{
    static const char *const expects[] = {"status in 200..299", NULL};
    static const char *const warns[] = {"cert_expiry > 14d", NULL};
    struct rlv_plugin plugin = {.name = "http",
                                .version = "1",
                                .summary = "",
                                .option_size = sizeof *options,
                                .option_count = 3,
                                .options = options,
                                .field_size = sizeof *fields,
                                .field_count = 4,
                                .fields = fields,
                                .conf_size = 64,
                                .expects = expects,
                                .warn_unless = warns};
    return catalog_of(&plugin, "/p/http.so");
}

static const char head[] =
    "environments = {\n"
    "  staging    = { vars = { base = \"staging.example.com\"; token = { env = "
    "\"BENCH_TOKEN\"; }; }; };\n"
    "  canary     = { vars = { base = \"canary.example.com\"; token = { env = "
    "\"BENCH_TOKEN\"; }; }; };\n"
    "  production = { vars = { base = \"app.example.com\"; token = { env = "
    "\"BENCH_TOKEN\"; }; }; };\n"
    "};\n"
    "vars = { api = \"https://${base}/api\"; };\n"
    "defaults = { interval = \"30s\"; http = { timeout = \"5s\"; }; };\n"
    "templates = { login = { headers = { Authorization = \"Bearer ${token}\"; "
    "}; tags = [\"login\"]; }; };\n"
    "checks = {\n";

/* Of ten checks one is derived and one needs a pattern, too; each but the first
 * needs one before it. */
static void write_check(struct buf *text, size_t i)
{
    if (i % 10 == 9) {
        buf_addf(text,
                 "  c%zu = { of = \"c%zu\"; tags = [\"part\"]; expect = "
                 "[\"db == 'ok'\"]; };\n",
                 i, i - 1);
        return;
    }
    buf_addf(text,
             "  c%zu = { use = [\"login\"]; url = \"${api}/v1/item-%zu\"; "
             "record = { db = \"json('.db')\"; };\n"
             "    expect = [\"status == 200\", \"latency < 500ms\"];",
             i, i);
    if (i % 10 == 1 && i > 1)
        buf_addf(text, " depends_on = (\"c%zu\", \"c%zu[0]\");", i - 1, i / 10);
    else if (i > 0)
        buf_addf(text, " depends_on = [\"c%zu\"];", i / 2);
    buf_adds(text, " };\n");
}

static char *text_of(size_t checks)
{
    struct buf text = {0};
    buf_adds(&text, head);
    for (size_t i = 0; i < checks; i++)
        write_check(&text, i);
    buf_adds(&text, "};\n");
    char *copy = xstrdup(buf_text(&text));
    buf_free(&text);
    return copy;
}

static struct conf *load(const char *text)
{
    struct conf_source source = {.file = "bench.cfg", .text = text};
    struct conf_errors *errors = conf_errors_new();
    struct conf_draft *draft = conf_read(&source, errors);
    struct catalog *catalogs[] = {http()};
    struct conf *conf =
        draft == NULL ? NULL : conf_build(draft, catalogs, 1, 1, errors);
    if (conf == NULL) {
        struct buf told = {0};
        conf_errors_write(errors, &told);
        fputs(buf_text(&told), stderr);
        exit(3);
    }
    catalog_free(catalogs[0]);
    conf_draft_free(draft);
    conf_errors_free(errors);
    return conf;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void measure(size_t checks)
{
    double rounds[ROUNDS];
    char *text = text_of(checks);
    for (int i = 0; i < ROUNDS; i++) {
        clock_t from = clock();
        struct conf *conf = load(text);
        rounds[i] = (double)(clock() - from) / CLOCKS_PER_SEC * 1e3;
        must(conf->check_count == checks * ENVIRONMENTS);
        conf_unref(conf);
    }
    free(text);
    qsort(rounds, ROUNDS, sizeof *rounds, compare);
    printf("{\"figure\": \"expansion.%zu_checks_x_%d\", \"value\": %.1f, "
           "\"low\": %.1f, \"high\": %.1f, \"unit\": \"ms\", \"rounds\": %d}\n",
           checks, ENVIRONMENTS, rounds[ROUNDS / 2], rounds[0],
           rounds[ROUNDS - 1], ROUNDS);
    fflush(stdout);
}

int main(void)
{
    setenv("BENCH_TOKEN", "a-token-of-some-length", 1);
    measure(1000);
    measure(10000);
    return 0;
}
