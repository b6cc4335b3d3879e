/* A plugin with one option of every kind, for tests of core/plug and core/vet.
 * It refuses port 13, crashes on 14 and never returns on 15. */
#include <relevo/plugin.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct conf {
    const char *host, *token;
    int64_t port, wait, limit, strict, method;
    double ratio;
    struct rlv_list words;
    struct rlv_dict labels;
    struct rlv_steps steps;
};

#define OPT(kind, name, field, fallback, limits)                       \
    {                                                                  \
        name, kind, 0, offsetof(struct conf, field), fallback, limits, \
            "a value"                                                  \
    }
static const struct rlv_option options[] = {
    {"host", RLV_STRING, RLV_REQUIRED, offsetof(struct conf, host), NULL, NULL,
     "the host"},
    OPT(RLV_SECRET, "token", token, NULL, NULL),
    OPT(RLV_INT, "port", port, "80", "1..65535"),
    OPT(RLV_DURATION, "wait", wait, "1s", "1ms..1m"),
    OPT(RLV_SIZE, "limit", limit, "4KiB", NULL),
    OPT(RLV_BOOL, "strict", strict, "true", NULL),
    OPT(RLV_ENUM, "method", method, "put", "get|put"),
    OPT(RLV_REAL, "ratio", ratio, "0.5", NULL),
    OPT(RLV_LIST, "words", words, "a, b", NULL),
    OPT(RLV_DICT, "labels", labels, NULL, NULL),
    OPT(RLV_STEPS, "tls.steps", steps, NULL, NULL),
};

static const struct rlv_field fields[] = {
    {"status", RLV_T_INT, RLV_RECORDED, "", "a status"},
    {"latency", RLV_T_DURATION, RLV_RECORDED, "", "a latency"},
    {"header", RLV_T_MAP, RLV_NOCASE, "", "a header"},
};

static const char *const expects[] = {"status == 200", NULL};
static const char *const warn_unless[] = {"latency < 1s", NULL};

static bool validate(const void *conf, const char **option, char *why,
                     size_t size)
{
    const struct conf *c = conf;
    if (c->port == 14)
        abort();
    while (c->port == 15)
        pause();
    if (c->port != 13)
        return true;
    *option = "port";
    snprintf(why, size, "port 13 brings bad luck to %s", c->host);
    printf("this must not get into an answer\n");
    return false;
}

static void start(struct rlv_probe *p, const void *conf)
{
    (void)p;
    (void)conf;
}

RLV_PLUGIN(.name = "good", .version = "1.2", .summary = "a good one",
           RLV_OPTIONS(struct conf, options), RLV_FIELDS(fields),
           .expects = expects, .warn_unless = warn_unless, .validate = validate,
           .start = start);
