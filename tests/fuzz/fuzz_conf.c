/* Reads any text as a configuration, builds it against the tables of a made-up
 * plugin and shows it. A text is either a generation or has an error; what our
 * own parser takes, libconfig takes too and reads alike; what is shown of a
 * generation with no secret can be read again. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "conf/conf.h"
#include "conf/header.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct rlv_option options[] = {
    {"url", RLV_STRING, RLV_REQUIRED, 0, NULL, NULL, "u"},
    {"method", RLV_ENUM, 0, 8, "GET", "GET|HEAD", "m"},
    {"headers", RLV_DICT, 0, 16, NULL, NULL, "h"},
    {"tls.ca", RLV_STRING, 0, 32, NULL, NULL, "t"},
    {"size", RLV_SIZE, 0, 40, "1KiB", "0..1MiB", "s"},
    {"steps", RLV_STEPS, 0, 48, NULL, NULL, "s"},
    {"key", RLV_SECRET, 0, 64, NULL, NULL, "k"},
    {"list", RLV_LIST, 0, 72, "a,b", NULL, "l"},
    {"ratio", RLV_REAL, 0, 88, "0.5", "0..1", "r"},
};
static const struct rlv_field fields[] = {{"status", RLV_T_INT, 0, "", "s"},
                                          {"body", RLV_T_BODY, 0, "", "b"}};
static const char *const expects[] = {"status == 200", NULL};

static struct catalog *make_catalog(const char *name)
{
    struct rlv_plugin plugin = {.name = name,
                                .version = "1",
                                .conf_size = 96,
                                .option_size = sizeof *options,
                                .option_count = ARRAY_LEN(options),
                                .options = options,
                                .field_size = sizeof *fields,
                                .field_count = ARRAY_LEN(fields),
                                .fields = fields,
                                .expects = expects};
    return catalog_of(&plugin, "/p");
}

static struct conf *load(const char *text, struct conf_errors *errors)
{
    struct conf_source source = {.file = "f", .text = text};
    struct conf_draft *draft = conf_read(&source, errors);
    const char *const *names;
    if (draft == NULL)
        return NULL;
    size_t n = conf_draft_plugins(draft, &names);
    struct catalog **catalogs = xcalloc(n + 1, sizeof(struct catalog *));
    for (size_t i = 0; i < n; i++)
        if (names[i][0] != 'x')
            catalogs[i] = make_catalog(names[i]);
        else
            conf_draft_blame(draft, i, errors, "no such plugin");
    struct conf *conf = conf_build(draft, catalogs, n, 1, errors);
    for (size_t i = 0; i < n; i++)
        catalog_free(catalogs[i]);
    free(catalogs);
    conf_draft_free(draft);
    return conf;
}

static void check_agreement(const struct conf_errors *errors)
{
    const struct conf_message *m;
    for (size_t i = 0; (m = conf_errors_at(errors, i)) != NULL; i++) {
        must(!str_eq(m->text, "syntax error"));
        must(!str_eq(m->text, "this value cannot be read"));
        must(!str_starts(m->text, "mismatched element"));
        must(!str_starts(m->text, "duplicate setting"));
    }
}

/* "${" in a value is shown as it is, and would be read as a variable. */
static bool can_be_read_again(const struct conf *c, const char *shown)
{
    for (size_t i = 0; i < c->check_count; i++)
        if (c->checks[i].missing != NULL)
            return false;
    return c->secret_count == 0 && c->runbook_count == 0 &&
           strstr(shown, "${") == NULL;
}

static void check_show(const struct conf *c)
{
    struct buf shown = {0};
    conf_show(c, NULL, &shown);
    if (can_be_read_again(c, buf_text(&shown))) {
        struct conf_errors *errors = conf_errors_new();
        struct buf told = {0};
        struct conf *again = load(buf_text(&shown), errors);
        conf_errors_write(errors, &told);
        if (again == NULL)
            die("%s\n---\n%s", buf_text(&shown), buf_text(&told));
        conf_unref(again);
        buf_free(&told);
        conf_errors_free(errors);
    }
    buf_free(&shown);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = xmalloc(size + 1);
    struct conf_errors *errors = conf_errors_new();
    struct buf told = {0};
    memcpy(text, data, size);
    text[size] = '\0';
    struct conf *conf = load(text, errors);
    must((conf == NULL) == (conf_errors_count(errors) > 0));
    check_agreement(errors);
    conf_errors_write(errors, &told);
    if (conf != NULL)
        check_show(conf);
    struct arena *arena = arena_new();
    struct script_header header;
    struct err err;
    (void)!header_parse(text, arena, &header, &err);
    arena_free(arena);
    buf_free(&told);
    conf_unref(conf);
    conf_errors_free(errors);
    free(text);
    return 0;
}
