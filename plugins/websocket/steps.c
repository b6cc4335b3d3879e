/* websocket/steps.c: the option `steps`, read and checked.
 *
 * A step is a group of texts with exactly one verb among them; the rest says
 * more about it. One table says which key may stand beside which verb. Pure;
 * called when the configuration is loaded, and by each probe. */
#include "websocket/websocket.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What may stand beside a verb. */
enum {
    B_WITHIN = 1,
    B_ON = 2,
    B_OTHERS = 4,
    B_CAPTURE = 8,
    B_EQUALS = 16,
    B_BINARY = 32,
    B_CLOSE = 64,
    B_REASON = 128
};

#define RECEIVES (B_WITHIN | B_ON | B_OTHERS | B_CAPTURE)

// clang-format off
static const struct {
    const char *name;
    unsigned beside;
} verbs[] = {
    [VERB_SEND]             = {"send",             B_ON | B_BINARY},
    [VERB_SEND_JSON]        = {"send_json",        B_ON},
    [VERB_SEND_HEX]         = {"send_hex",         B_ON},
    [VERB_RECEIVE]          = {"receive",          RECEIVES},
    [VERB_RECEIVE_CONTAINS] = {"receive_contains", RECEIVES},
    [VERB_RECEIVE_REGEX]    = {"receive_regex",    RECEIVES},
    [VERB_RECEIVE_JSON]     = {"receive_json",     RECEIVES | B_EQUALS},
    [VERB_RECEIVE_HEX]      = {"receive_hex",      RECEIVES},
    [VERB_RECEIVE_ANY]      = {"receive_any",      RECEIVES & ~B_OTHERS},
    [VERB_RECEIVE_NONE]     = {"receive_none",     B_ON},
    [VERB_PING]             = {"ping",             B_WITHIN | B_ON},
    [VERB_WAIT]             = {"wait",             0},
    [VERB_CLOSE]            = {"close",            B_WITHIN | B_ON | B_CLOSE | B_REASON},
    [VERB_EXPECT_CLOSE]     = {"expect_close",     B_WITHIN | B_ON},
};
static const struct {
    const char *name;
    unsigned bit;
} modifiers[] = {
    {"within", B_WITHIN},   {"on", B_ON},             {"ignore_others", B_OTHERS},
    {"equals", B_EQUALS},   {"capture", B_CAPTURE},   {"binary", B_BINARY},
    {"reason", B_REASON},   {"expect_close", B_CLOSE},
};
// clang-format on
#define B_COUNT (sizeof modifiers / sizeof *modifiers)

struct reading {
    struct step *step;
    unsigned beside;
    char *why;
    size_t size;
};

static bool wrong(struct reading *r, const char *key, const char *value,
                  const char *wanted)
{
    snprintf(r->why, r->size, "%s = \"%.100s\" is not %s", key, value, wanted);
    return false;
}

bool verb_sends(enum verb verb) { return verb <= VERB_SEND_HEX; }

bool verb_receives(enum verb verb)
{
    return verb >= VERB_RECEIVE && verb <= VERB_RECEIVE_ANY;
}

const char *verb_name(enum verb verb) { return verbs[verb].name; }

/* "send, send_json, …": each verb, and with `all` what may stand beside one. */
static void list_keys(char *out, size_t size, bool all)
{
    size_t n = 0;
    for (size_t i = 0; i < VERB_COUNT && n < size; i++)
        n += (size_t)snprintf(out + n, size - n, i ? ", %s" : "%s",
                              verbs[i].name);
    for (size_t i = 0; all && i < B_COUNT && n < size; i++)
        n += (size_t)snprintf(out + n, size - n, i ? ", %s" : "; beside it %s",
                              modifiers[i].name);
}

/* --------------------------------------------------------------- values -- */

static bool read_flag(struct reading *r, const char *key, const char *value,
                      bool *flag)
{
    *flag = strcmp(value, "true") == 0;
    return *flag || strcmp(value, "false") == 0 ||
           wrong(r, key, value, "true or false");
}

static bool read_on(struct reading *r, const char *value)
{
    static const char *const names[] = {
        [ON_ALL] = "all", [ON_FIRST] = "first", [ON_OTHERS] = "others"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(value, names[i]) == 0) {
            r->step->on = (enum on)i;
            return true;
        }
    }
    return wrong(r, "on", value, "all, first or others");
}

/* A code that may be sent (RFC 6455 section 7.4). */
static bool read_code(const char *text, char **end, uint16_t *code)
{
    unsigned long number = strtoul(text, end, 10);
    *code = (uint16_t)number;
    return *text >= '0' && *text <= '9' && number >= 1000 && number <= 4999;
}

/* One code or several: "1000, 1001"; "true" is any. */
static bool read_codes(struct reading *r, const char *value)
{
    size_t n = 0;
    char *end = NULL;
    if (strcmp(value, "true") == 0)
        return true;
    for (const char *at = value; *at; at = end + strspn(end, ", ")) {
        if (n == CLOSE_CODES || !read_code(at, &end, &r->step->expect[n++]))
            return wrong(r, "expect_close", value,
                         "a close code from 1000 to 4999, or up to eight of "
                         "them with commas between");
    }
    return n > 0 || wrong(r, "expect_close", value, "a close code");
}

static bool read_name(struct reading *r, const char *value)
{
    const char *wanted = kit_capture_flaw(value);
    if (wanted)
        return wrong(r, "capture", value, wanted);
    if (strcmp(value, "nonce") == 0)
        return wrong(r, "capture", value, "free: it is the probe's own");
    r->step->capture = value;
    return true;
}

static bool read_modifier(struct reading *r, unsigned bit, const char *key,
                          const char *value)
{
    switch (bit) {
    case B_WITHIN:
        return kit_read_time(value, &r->step->time_ns) ||
               wrong(r, key, value, "a duration such as 2s or 500ms");
    case B_ON: return read_on(r, value);
    case B_OTHERS: return read_flag(r, key, value, &r->step->ignore_others);
    case B_CAPTURE: return read_name(r, value);
    case B_EQUALS: r->step->equals = value; return true;
    case B_BINARY: return read_flag(r, key, value, &r->step->binary);
    case B_REASON:
        r->step->reason = value;
        return strlen(value) <= WS_REASON_MAX ||
               wrong(r, key, value, "at most 123 bytes long");
    default: return read_codes(r, value);
    }
}

/* --------------------------------------------------------------- a step -- */

static bool check_json(struct reading *r, const char *key, const char *value)
{
    json_error_t error;
    if (strstr(value, "{{"))
        return true;
    json_t *json = json_loads(value, JSON_DECODE_ANY, &error);
    if (!json) {
        snprintf(r->why, r->size, "%s is not JSON: %.120s, at byte %d", key,
                 error.text, error.position);
        return false;
    }
    json_decref(json);
    return true;
}

static bool check_hex(struct reading *r, const char *key, const char *value)
{
    size_t size = strlen(value);
    uint8_t *bytes = kit_malloc(size + 1);
    bool ok = strstr(value, "{{") || kit_unhex(value, bytes, size) >= 0;
    free(bytes);
    return ok || wrong(r, key, value, "pairs of hex digits such as 00ff");
}

static bool check_regex(struct reading *r, const char *value)
{
    struct pattern pattern = {0};
    struct step step = {.verb = VERB_RECEIVE_REGEX, .text = value};
    if (strstr(value, "{{"))
        return true;
    bool ok = pattern_prepare(&pattern, &step, &(struct kit_values){0}, r->why,
                              r->size);
    pattern_fini(&pattern);
    return ok;
}

static bool check_close(struct reading *r, const char *value)
{
    char *end = NULL;
    r->step->close_code = 1000;
    if (strcmp(value, "true") == 0)
        return true;
    return (read_code(value, &end, &r->step->close_code) && !*end) ||
           wrong(r, "close", value, "true or a close code from 1000 to 4999");
}

static bool read_verb(struct reading *r, enum verb verb, const char *value)
{
    const char *name = verbs[verb].name;
    bool flag;
    r->step->verb = verb;
    r->step->text = value;
    r->beside = verbs[verb].beside;
    switch (verb) {
    case VERB_SEND_JSON: return check_json(r, name, value);
    case VERB_SEND_HEX:
    case VERB_RECEIVE_HEX: return check_hex(r, name, value);
    case VERB_RECEIVE_REGEX: return check_regex(r, value);
    case VERB_RECEIVE_JSON:
        return path_is_valid(value) ||
               wrong(r, name, value, "a path such as .type or .list[0].id");
    case VERB_RECEIVE_ANY:
    case VERB_PING:
        return (read_flag(r, name, value, &flag) && flag) ||
               wrong(r, name, value, "true");
    case VERB_RECEIVE_NONE:
    case VERB_WAIT:
        return kit_read_time(value, &r->step->time_ns) ||
               wrong(r, name, value, "a duration such as 2s or 500ms");
    case VERB_CLOSE: return check_close(r, value);
    case VERB_EXPECT_CLOSE: return read_codes(r, value);
    default: return true;
    }
}

static bool has_key(const struct rlv_dict *group, const char *key)
{
    for (size_t i = 0; i < group->count; i++)
        if (strcmp(group->pairs[i].key, key) == 0)
            return true;
    return false;
}

static enum verb find_verb(const struct rlv_dict *group, const char *key)
{
    for (size_t v = 0; v < VERB_COUNT; v++)
        if (strcmp(verbs[v].name, key) == 0)
            return v == VERB_EXPECT_CLOSE && has_key(group, "close")
                       ? VERB_COUNT
                       : (enum verb)v;
    return VERB_COUNT;
}

static bool read_the_verb(struct reading *r, const struct rlv_dict *group)
{
    const char *found = NULL;
    for (size_t i = 0; i < group->count; i++) {
        const struct rlv_pair *pair = &group->pairs[i];
        enum verb verb = find_verb(group, pair->key);
        if (verb == VERB_COUNT)
            continue;
        if (found) {
            snprintf(r->why, r->size,
                     "%s and %s exclude each other: a step does one thing",
                     found, pair->key);
            return false;
        }
        found = pair->key;
        if (!read_verb(r, verb, pair->value))
            return false;
    }
    if (!found) {
        char keys[256];
        list_keys(keys, sizeof keys, false);
        snprintf(r->why, r->size, "it says not what to do: one of %s", keys);
    }
    return found != NULL;
}

static bool read_beside(struct reading *r, const struct rlv_pair *pair)
{
    for (size_t m = 0; m < B_COUNT; m++) {
        if (strcmp(modifiers[m].name, pair->key) != 0)
            continue;
        if (r->beside & modifiers[m].bit)
            return read_modifier(r, modifiers[m].bit, pair->key, pair->value);
        snprintf(r->why, r->size, "%s has no meaning beside %s", pair->key,
                 verbs[r->step->verb].name);
        return false;
    }
    char keys[320];
    list_keys(keys, sizeof keys, true);
    snprintf(r->why, r->size, "\"%.60s\" is unknown; a step is one of %s",
             pair->key, keys);
    return false;
}

bool step_read(struct step *step, const struct rlv_dict *group, char *why,
               size_t size)
{
    struct reading r = {.step = step, .why = why, .size = size};
    *step = (struct step){.time_ns = -1, .ignore_others = true};
    if (!read_the_verb(&r, group))
        return false;
    for (size_t i = 0; i < group->count; i++)
        if (find_verb(group, group->pairs[i].key) == VERB_COUNT &&
            !read_beside(&r, &group->pairs[i]))
            return false;
    return true;
}

/* -------------------------------------------------------- all together --- */

static bool check_names(const struct rlv_steps *steps, size_t n, char *why,
                        size_t size)
{
    size_t len;
    const char *name = kit_script_unknown(steps, n, "nonce", &len);
    if (name)
        snprintf(why, size,
                 "step %zu: no step before it captures {{%.*s}}; {{nonce}} is "
                 "always there",
                 n + 1, (int)len, name);
    return !name;
}

bool steps_check(const struct websocket_conf *conf, char *why, size_t size)
{
    for (size_t i = 0; i < conf->steps.count; i++) {
        struct step step;
        char flaw[360];
        if (!step_read(&step, &conf->steps.steps[i], flaw, sizeof flaw)) {
            snprintf(why, size, "step %zu: %s", i + 1, flaw);
            return false;
        }
        if (!check_names(&conf->steps, i, why, size))
            return false;
        if (step.on == ON_OTHERS && conf->connections < 2) {
            snprintf(why, size,
                     "step %zu: on = \"others\" with one connection; say "
                     "connections = 2",
                     i + 1);
            return false;
        }
        bool closes = step.verb == VERB_CLOSE || step.verb == VERB_EXPECT_CLOSE;
        if (closes && step.on == ON_ALL &&
            (i + 1 < conf->steps.count || conf->trigger || conf->hold_ns)) {
            snprintf(why, size,
                     "step %zu: nothing can follow once all connections are "
                     "closed",
                     i + 1);
            return false;
        }
    }
    return true;
}
