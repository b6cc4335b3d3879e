/* websocket/match.c: whether a message is the one that a step awaits, and what
 * is captured of it.
 *
 * Pure. Whatever comes from the peer and is filled in again is quoted for
 * where it goes (kit/script.h): within JSON, within a regular expression. */
#include "websocket/websocket.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* -------------------------------------------------------------- prepare -- */

static bool compile(struct pattern *pattern, char *why, size_t size)
{
    char flaw[160];
    pattern->regex = kit_regex_new(pattern->text, flaw, sizeof flaw);
    if (!pattern->regex)
        snprintf(why, size, "receive_regex: %s", flaw);
    return pattern->regex != NULL;
}

static bool take_hex(struct pattern *pattern, char *why, size_t size)
{
    size_t room = strlen(pattern->text) / 2 + 1;
    pattern->bytes = kit_malloc(room);
    ptrdiff_t n = kit_unhex(pattern->text, pattern->bytes, room);
    pattern->len = n < 0 ? 0 : (size_t)n;
    if (n < 0)
        snprintf(why, size,
                 "receive_hex: \"%.100s\" is not pairs of hex "
                 "digits",
                 pattern->text);
    return n >= 0;
}

static bool no_value(const char *missing, char *why, size_t size)
{
    snprintf(why, size, "{{%.*s}} has no value", (int)strcspn(missing, "}"),
             missing);
    return false;
}

bool pattern_prepare(struct pattern *pattern, const struct step *step,
                     const struct kit_values *values, char *why, size_t size)
{
    const char *missing;
    *pattern = (struct pattern){.step = step};
    pattern->text = kit_values_fill(
        values, step->text,
        step->verb == VERB_RECEIVE_REGEX ? KIT_QUOTE_REGEX : KIT_QUOTE_NONE,
        &missing);
    if (!pattern->text)
        return no_value(missing, why, size);
    if (step->equals) {
        pattern->equals =
            kit_values_fill(values, step->equals, KIT_QUOTE_NONE, &missing);
        if (!pattern->equals)
            return no_value(missing, why, size);
    }
    if (step->verb == VERB_RECEIVE_REGEX)
        return compile(pattern, why, size);
    return step->verb != VERB_RECEIVE_HEX || take_hex(pattern, why, size);
}

void pattern_fini(struct pattern *pattern)
{
    free(pattern->text);
    free(pattern->equals);
    free(pattern->bytes);
    kit_regex_free(pattern->regex);
    *pattern = (struct pattern){0};
}

/* ---------------------------------------------------------------- match -- */

static void capture(const struct pattern *pattern, struct kit_values *values,
                    const char *value, size_t len)
{
    if (pattern->step->capture)
        kit_values_set(values, pattern->step->capture, value, len);
}

/* The first group, if there is one, is what is captured. */
static bool matches_regex(const struct pattern *pattern,
                          const struct message *message,
                          struct kit_values *values)
{
    struct kit_match found;
    if (!kit_regex_find(pattern->regex, message->bytes, message->len, 0,
                        &found))
        return false;
    capture(pattern, values, message->bytes + found.group, found.group_len);
    return true;
}

static bool matches_json(const struct pattern *pattern,
                         const struct message *message,
                         struct kit_values *values)
{
    json_t *root = json_loadb(message->bytes, message->len,
                              JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    const json_t *value = root ? path_get(pattern->text, root) : NULL;
    char *text = value ? path_text(value) : NULL;
    bool hit = text && (!pattern->equals || !strcmp(text, pattern->equals));
    if (hit)
        capture(pattern, values, text, strlen(text));
    free(text);
    json_decref(root);
    return hit;
}

static bool is(const struct message *message, const void *bytes, size_t len)
{
    return message->len == len && memcmp(message->bytes, bytes, len) == 0;
}

static bool matches_bytes(const struct pattern *pattern,
                          const struct message *message)
{
    size_t len = strlen(pattern->text);
    switch (pattern->step->verb) {
    case VERB_RECEIVE: return is(message, pattern->text, len);
    case VERB_RECEIVE_CONTAINS:
        return memmem(message->bytes, message->len, pattern->text, len);
    case VERB_RECEIVE_HEX:
        return message->binary && is(message, pattern->bytes, pattern->len);
    default: return true;
    }
}

bool pattern_matches(const struct pattern *pattern,
                     const struct message *message, struct kit_values *values)
{
    if (pattern->step->verb == VERB_RECEIVE_REGEX)
        return matches_regex(pattern, message, values);
    if (pattern->step->verb == VERB_RECEIVE_JSON)
        return matches_json(pattern, message, values);
    if (!matches_bytes(pattern, message))
        return false;
    capture(pattern, values, message->bytes, message->len);
    return true;
}
