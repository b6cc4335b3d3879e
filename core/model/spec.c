/* model/spec.c: see spec.h. */
#include "model/spec.h"

#include "base/attr.h"
#include "base/err.h"
#include "base/str.h"
#include "base/tz.h"

struct conf *conf_ref(struct conf *conf)
{
    conf->refs++;
    return conf;
}

void conf_unref(struct conf *conf)
{
    if (conf == NULL)
        return;
    must(conf->refs > 0);
    if (--conf->refs > 0)
        return;
    for (size_t i = 0; i < conf->catalog_count; i++)
        catalog_free(conf->catalogs[i]);
    for (size_t i = 0; i < conf->zone_count; i++)
        tz_free(conf->zones[i]);
    arena_free(conf->arena);
}

const char *automation_name(enum automation mode)
{
    static const char *const names[] = {"observe", "diagnose", "approve",
                                        "auto"};
    return names[mode];
}

static const char *const kind_names[] = {"diagnose", "remediate", "notify"};

const char *runbook_kind_name(enum runbook_kind kind)
{
    return kind_names[kind];
}

bool runbook_kind_parse(const char *text, enum runbook_kind *kind)
{
    for (size_t i = 0; i < ARRAY_LEN(kind_names); i++)
        if (str_eq(text, kind_names[i])) {
            *kind = (enum runbook_kind)i;
            return true;
        }
    return false;
}

static const struct {
    const char *name;
    enum runbook_on bit;
} on_table[] = {
    {"suspect", ON_SUSPECT},     {"degraded", ON_DEGRADED}, {"down", ON_DOWN},
    {"recovered", ON_RECOVERED}, {"unknown", ON_UNKNOWN},
};

const char *runbook_on_name(enum runbook_on bit)
{
    for (size_t i = 0; i < ARRAY_LEN(on_table); i++)
        if (on_table[i].bit == bit)
            return on_table[i].name;
    return bit == ON_ASKED        ? "asked"
           : bit == ON_STILL_DOWN ? "still_down"
                                  : "none";
}

unsigned runbook_on_parse(const char *text, bool *later)
{
    *later = str_eq(text, "still_down") || str_eq(text, "flapping");
    for (size_t i = 0; i < ARRAY_LEN(on_table); i++)
        if (str_eq(on_table[i].name, text))
            return on_table[i].bit;
    return 0;
}

const char *runbook_on_nth(size_t i)
{
    return i < ARRAY_LEN(on_table) ? on_table[i].name : NULL;
}

static bool any_glob(const struct rlv_list *patterns, const char *text)
{
    for (size_t i = 0; i < patterns->count; i++)
        if (str_glob(patterns->items[i], text))
            return true;
    return false;
}

static bool any_tag(const struct rlv_list *wanted, const struct rlv_list *tags)
{
    for (size_t i = 0; i < tags->count; i++)
        for (size_t k = 0; k < wanted->count; k++)
            if (str_eq(wanted->items[k], tags->items[i]))
                return true;
    return false;
}

bool check_is_selected(const struct check_spec *c,
                       const struct rlv_list *checks,
                       const struct rlv_list *tags,
                       const struct rlv_list *environments)
{
    return (checks->count == 0 || any_glob(checks, c->name) ||
            any_glob(checks, c->plain_name)) &&
           (tags->count == 0 || any_tag(tags, &c->tags)) &&
           (environments->count == 0 || any_glob(environments, c->environment));
}

const struct environment_spec *conf_environment(const struct conf *conf,
                                                const char *name)
{
    for (size_t i = 0; i < conf->environment_count; i++)
        if (str_eq(conf->environments[i].name, name))
            return &conf->environments[i];
    return NULL;
}

const struct check_spec *conf_check(const struct conf *conf, const char *name)
{
    for (size_t i = 0; i < conf->check_count; i++)
        if (str_eq(conf->checks[i].name, name))
            return &conf->checks[i];
    return NULL;
}

bool conf_has_tag(const struct conf *conf, const char *tag)
{
    for (size_t i = 0; i < conf->check_count; i++)
        for (size_t t = 0; t < conf->checks[i].tags.count; t++)
            if (str_eq(conf->checks[i].tags.items[t], tag))
                return true;
    return false;
}

const char *conf_nth_name(const void *arg, size_t i)
{
    const struct conf *conf = arg;
    size_t n = conf->check_count;
    return i < n       ? conf->checks[i].name
           : i < 2 * n ? conf->checks[i - n].plain_name
                       : NULL;
}

const char *conf_nth_tag(const void *arg, size_t i)
{
    const struct conf *conf = arg;
    for (size_t k = 0; k < conf->check_count; k++) {
        const struct rlv_list *tags = &conf->checks[k].tags;
        if (i < tags->count)
            return tags->items[i];
        i -= tags->count;
    }
    return NULL;
}

const char *conf_nth_environment(const void *arg, size_t i)
{
    const struct conf *conf = arg;
    return i < conf->environment_count ? conf->environments[i].name : NULL;
}

const struct runbook_spec *conf_runbook(const struct conf *conf,
                                        const char *name)
{
    for (size_t i = 0; i < conf->runbook_count; i++)
        if (str_eq(conf->runbooks[i].name, name))
            return &conf->runbooks[i];
    return NULL;
}
