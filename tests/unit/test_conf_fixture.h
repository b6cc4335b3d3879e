/* tests/unit/test_conf_fixture.h: a configuration from text, with the tables of
 * two made-up plugins, for the tests of core/conf. */
#ifndef RELEVO_TEST_CONF_FIXTURE_H
#define RELEVO_TEST_CONF_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/str.h"
#include "conf/conf.h"
#include "model/kind.h"

struct fixture_conf {
    const char *url, *method, *ca_file, *password, *trigger;
    struct rlv_dict headers;
    struct rlv_list resolve;
    struct rlv_steps steps;
    int64_t max_body, follow, port;
};

#define FIXTURE_OPTION(kind, name, flags, field, fallback, limits)         \
    {                                                                      \
        name, kind, flags, (uint32_t)offsetof(struct fixture_conf, field), \
            fallback, limits, "About " name "."                            \
    }

static const struct rlv_option fixture_http[] = {
    FIXTURE_OPTION(RLV_STRING, "url", RLV_REQUIRED | RLV_SECRET_PARTS, url,
                   NULL, NULL),
    FIXTURE_OPTION(RLV_ENUM, "method", 0, method, "GET", "GET|HEAD|POST"),
    FIXTURE_OPTION(RLV_DICT, "headers", 0, headers, NULL, NULL),
    FIXTURE_OPTION(RLV_STRING, "tls.ca_file", 0, ca_file, NULL, NULL),
    FIXTURE_OPTION(RLV_SIZE, "max_body", 0, max_body, "1MiB", "0..64MiB"),
    FIXTURE_OPTION(RLV_BOOL, "follow", 0, follow, "true", NULL),
    FIXTURE_OPTION(RLV_LIST, "resolve", 0, resolve, NULL, NULL),
    FIXTURE_OPTION(RLV_STEPS, "steps", 0, steps, NULL, NULL),
    FIXTURE_OPTION(RLV_STRING, "trigger", RLV_CHECK_REF, trigger, NULL, NULL),
};
static const struct rlv_option fixture_redis[] = {
    FIXTURE_OPTION(RLV_STRING, "url", 0, url, NULL, NULL),
    FIXTURE_OPTION(RLV_STRING, "host", 0, ca_file, NULL, NULL),
    FIXTURE_OPTION(RLV_INT, "port", 0, port, "6379", "1..65535"),
    FIXTURE_OPTION(RLV_SECRET, "password", 0, password, NULL, NULL),
};
static const struct rlv_field fixture_fields[] = {
    {"status", RLV_T_INT, RLV_RECORDED, "", "the status"},
    {"latency", RLV_T_DURATION, RLV_RECORDED, "", "the wait"},
    {"cert_expiry", RLV_T_DURATION, RLV_RECORDED, "", "the certificate"},
    {"body", RLV_T_BODY, 0, "", "the body"},
};
static const char *const fixture_expects[] = {"status in 200..299", NULL};
static const char *const fixture_warns[] = {"cert_expiry > 14d", NULL};

/* A plugin whose option has the name of one that every check has. */
static inline struct catalog *fixture_greedy(void)
{
    static const struct rlv_option options[] = {
        {.name = "timeout", .kind = RLV_DURATION, .help = ""}};
    struct rlv_plugin plugin = {.name = "greedy",
                                .option_size = sizeof(struct rlv_option),
                                .option_count = 1,
                                .options = options,
                                .conf_size = sizeof(int64_t)};
    return catalog_of(&plugin, "/p/greedy.so");
}

static inline struct catalog *fixture_catalog(const char *name)
{
    bool http = strcmp(name, "http") == 0;
    if (kind_find(name) != NULL)
        return kind_catalog(kind_find(name));
    if (strcmp(name, "greedy") == 0)
        return fixture_greedy();
    if (!http && strcmp(name, "redis") != 0)
        return NULL;
    struct rlv_plugin plugin = {
        .name = name,
        .version = "1",
        .summary = "",
        .option_size = sizeof(struct rlv_option),
        .option_count = (uint32_t)(http ? ARRAY_LEN(fixture_http)
                                        : ARRAY_LEN(fixture_redis)),
        .options = http ? fixture_http : fixture_redis,
        .field_size = sizeof(struct rlv_field),
        .field_count = ARRAY_LEN(fixture_fields),
        .fields = fixture_fields,
        .conf_size = sizeof(struct fixture_conf),
        .expects = http ? fixture_expects : NULL,
        .warn_unless = http ? fixture_warns : NULL,
    };
    return catalog_of(&plugin, http ? "/p/http.so" : "/p/redis.so");
}

/* Both stages. NULL: the errors tell. */
static inline struct conf *fixture_load_source(const struct conf_source *source,
                                               struct conf_errors *errors)
{
    static const char *const known[] = {"http", "redis", "websocket",
                                        "postgres", NULL};
    const char *const *names;
    struct conf_draft *draft = conf_read(source, errors);
    if (draft == NULL)
        return NULL;
    size_t n = conf_draft_plugins(draft, &names);
    struct catalog **catalogs = calloc(n + 1, sizeof(struct catalog *));
    for (size_t i = 0; i < n; i++) {
        catalogs[i] = fixture_catalog(names[i]);
        if (catalogs[i] == NULL)
            conf_draft_unknown(draft, i, known, errors);
    }
    struct conf *conf = conf_build(draft, catalogs, n, 1, errors);
    for (size_t i = 0; i < n; i++)
        catalog_free(catalogs[i]);
    free(catalogs);
    conf_draft_free(draft);
    return conf;
}

static inline struct conf *fixture_load(const char *text,
                                        struct conf_errors *errors)
{
    struct conf_source source = {.file = "x.cfg", .text = text};
    return fixture_load_source(&source, errors);
}

/* The configuration is good: fails the test with the errors if not. */
static inline struct conf *fixture_good(const char *text)
{
    struct conf_errors *errors = conf_errors_new();
    struct buf told = {0};
    struct conf *conf = fixture_load(text, errors);
    if (conf_errors_count(errors) > 0)
        conf_errors_write(errors, &told);
    assert_string_equal(buf_text(&told), "");
    assert_non_null(conf);
    buf_free(&told);
    conf_errors_free(errors);
    return conf;
}

/* Everything that is told about it, warnings last. */
static inline char *fixture_told(const char *text)
{
    struct conf_errors *errors = conf_errors_new();
    struct buf told = {0};
    conf_unref(fixture_load(text, errors));
    conf_errors_write(errors, &told);
    conf_errors_free(errors);
    char *copy = strdup(buf_text(&told));
    buf_free(&told);
    return copy;
}

#endif
