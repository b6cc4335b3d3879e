/* tcp/steps.c: the option `steps`, read, checked, and held against what was
 * received.
 *
 * A step is a group of texts with exactly one verb among them. A stream has no
 * messages: a step that receives looks through what came and was not yet gone
 * past, and goes past what it found. Pure; called when the configuration is
 * loaded, and by each probe. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tcp/tcp.h"

/* What may stand beside a verb. */
enum { B_WITHIN = 1, B_CAPTURE = 2 };

// clang-format off
static const struct {
    const char *name;
    unsigned beside;
} verbs[] = {
    [VERB_SEND]          = {"send",          0},
    [VERB_SEND_HEX]      = {"send_hex",      0},
    [VERB_RECEIVE]       = {"receive",       B_WITHIN},
    [VERB_RECEIVE_REGEX] = {"receive_regex", B_WITHIN | B_CAPTURE},
    [VERB_RECEIVE_HEX]   = {"receive_hex",   B_WITHIN},
    [VERB_EXPECT_CLOSE]  = {"expect_close",  B_WITHIN},
};
// clang-format on

#define VERBS \
    "send, send_hex, receive, receive_regex, receive_hex, expect_close"

const char *verb_name(enum verb verb) { return verbs[verb].name; }

bool verb_receives(enum verb verb)
{
    return verb >= VERB_RECEIVE && verb <= VERB_RECEIVE_HEX;
}

struct reading {
    struct step *step;
    char *why;
    size_t size;
};

static bool wrong(struct reading *r, const char *key, const char *value,
                  const char *wanted)
{
    snprintf(r->why, r->size, "%s = \"%.100s\" is not %s", key, value, wanted);
    return false;
}

static enum verb find_verb(const char *key)
{
    size_t verb = 0;
    while (verb < VERB_COUNT && strcmp(verbs[verb].name, key) != 0)
        verb++;
    return (enum verb)verb;
}

/* ----------------------------------------------------------------- values */

/* A value with a {{name}} in it is complete only at run time. */
static bool check_value(struct reading *r, enum verb verb, const char *value)
{
    const char *name = verbs[verb].name;
    struct step step = {.verb = verb, .text = value};
    struct pattern pattern;
    if (verb == VERB_EXPECT_CLOSE)
        return strcmp(value, "true") == 0 || wrong(r, name, value, "true");
    if (!*value)
        return wrong(r, name, value, "a text with something in it");
    if (strstr(value, "{{"))
        return true;
    bool fine = pattern_prepare(&pattern, &step, &(struct kit_values){0},
                                r->why, r->size);
    pattern_fini(&pattern);
    return fine;
}

static bool read_verb(struct reading *r, const struct rlv_dict *group)
{
    const char *found = NULL;
    for (size_t i = 0; i < group->count; i++) {
        const struct rlv_pair *pair = &group->pairs[i];
        enum verb verb = find_verb(pair->key);
        if (verb == VERB_COUNT)
            continue;
        if (found) {
            snprintf(r->why, r->size,
                     "%s and %s exclude each other: a step does one thing",
                     found, pair->key);
            return false;
        }
        found = pair->key;
        r->step->verb = verb;
        r->step->text = pair->value;
        if (!check_value(r, verb, pair->value))
            return false;
    }
    if (!found)
        snprintf(r->why, r->size, "it says not what to do: one of " VERBS);
    return found != NULL;
}

static bool unknown(struct reading *r, const char *key)
{
    snprintf(r->why, r->size,
             "\"%.60s\" is unknown; a step is one of " VERBS
             "; beside it within, capture",
             key);
    return false;
}

static bool read_beside(struct reading *r, const char *key, const char *value)
{
    unsigned bit = !strcmp(key, "within")    ? B_WITHIN
                   : !strcmp(key, "capture") ? B_CAPTURE
                                             : 0;
    if (!bit)
        return unknown(r, key);
    if (!(verbs[r->step->verb].beside & bit)) {
        snprintf(r->why, r->size, "%s has no meaning beside %s", key,
                 verbs[r->step->verb].name);
        return false;
    }
    if (bit == B_WITHIN)
        return kit_read_time(value, &r->step->within_ns) ||
               wrong(r, key, value, "a duration such as 2s or 500ms");
    const char *wanted = kit_capture_flaw(value);
    r->step->capture = value;
    return !wanted || wrong(r, key, value, wanted);
}

bool step_read(struct step *step, const struct rlv_dict *group, char *why,
               size_t size)
{
    *step = (struct step){.within_ns = -1};
    struct reading r = {step, why, size};
    if (!read_verb(&r, group))
        return false;
    for (size_t i = 0; i < group->count; i++)
        if (find_verb(group->pairs[i].key) == VERB_COUNT &&
            !read_beside(&r, group->pairs[i].key, group->pairs[i].value))
            return false;
    return true;
}

bool steps_check(const struct rlv_steps *steps, char *why, size_t size)
{
    for (size_t i = 0; i < steps->count; i++) {
        struct step step;
        char flaw[360];
        size_t len;
        const char *name = kit_script_unknown(steps, i, "", &len);
        if (!step_read(&step, &steps->steps[i], flaw, sizeof flaw)) {
            snprintf(why, size, "step %zu: %s", i + 1, flaw);
            return false;
        }
        if (name) {
            snprintf(why, size, "step %zu: no step before it captures {{%.*s}}",
                     i + 1, (int)len, name);
            return false;
        }
        if (step.verb == VERB_EXPECT_CLOSE && i + 1 < steps->count) {
            snprintf(why, size, "step %zu: nothing can follow expect_close",
                     i + 1);
            return false;
        }
    }
    return true;
}

/* ---------------------------------------------------------------- patterns */

static bool take_hex(struct pattern *pattern, const char *name, char *why,
                     size_t size)
{
    ptrdiff_t n =
        kit_unhex(pattern->bytes, (uint8_t *)pattern->bytes, pattern->len);
    pattern->len = n < 0 ? 0 : (size_t)n;
    if (n <= 0)
        snprintf(why, size, "%s is not pairs of hex digits such as 00ff", name);
    return n > 0;
}

bool pattern_prepare(struct pattern *pattern, const struct step *step,
                     const struct kit_values *values, char *why, size_t size)
{
    const char *missing;
    char flaw[160];
    bool regex = step->verb == VERB_RECEIVE_REGEX;
    *pattern = (struct pattern){0};
    pattern->bytes = kit_values_fill(
        values, step->text, regex ? KIT_QUOTE_REGEX : KIT_QUOTE_NONE, &missing);
    if (!pattern->bytes) {
        snprintf(why, size, "{{%.*s}} has no value", (int)strcspn(missing, "}"),
                 missing);
        return false;
    }
    pattern->len = strlen(pattern->bytes);
    if (step->verb == VERB_SEND_HEX || step->verb == VERB_RECEIVE_HEX)
        return take_hex(pattern, verbs[step->verb].name, why, size);
    if (!regex)
        return true;
    pattern->regex = kit_regex_new(pattern->bytes, flaw, sizeof flaw);
    if (!pattern->regex)
        snprintf(why, size, "receive_regex: %s", flaw);
    return pattern->regex != NULL;
}

void pattern_fini(struct pattern *pattern)
{
    free(pattern->bytes);
    kit_regex_free(pattern->regex);
    *pattern = (struct pattern){0};
}

bool pattern_find(const struct pattern *pattern, const char *bytes, size_t len,
                  size_t from, struct kit_match *match)
{
    if (pattern->regex)
        return kit_regex_find(pattern->regex, bytes + from, len - from, 0,
                              match);
    const char *at = len > from ? memmem(bytes + from, len - from,
                                         pattern->bytes, pattern->len)
                                : NULL;
    if (!at)
        return false;
    *match = (struct kit_match){.start = (size_t)(at - bytes) - from};
    match->end = match->start + pattern->len;
    return true;
}
