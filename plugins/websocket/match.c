/* websocket/match.c: whether a message is the one that a step awaits, and what
 * is captured of it; texts with {{name}} in them.
 *
 * Pure. Whatever comes from the peer and is filled in again is quoted for
 * where it goes: within JSON, within a regular expression. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "websocket/websocket.h"

#include <pcre2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MATCH_LIMIT 1000000u /* steps of the regex engine */

/* --------------------------------------------------------------- values -- */

bool values_set(struct values *values, const char *name, const char *value,
                size_t len)
{
    char *copy = strndup(value, len);
    if (!copy)
        return false;
    for (size_t i = 0; i < values->count; i++) {
        if (strcmp(values->pairs[i].key, name) == 0) {
            free((char *)values->pairs[i].value);
            values->pairs[i].value = copy;
            return true;
        }
    }
    struct rlv_pair *grown =
        realloc(values->pairs, (values->count + 1) * sizeof *values->pairs);
    char *key = strdup(name);
    if (grown)
        values->pairs = grown;
    if (!grown || !key) {
        free(copy);
        free(key);
        return false;
    }
    values->pairs[values->count++] = (struct rlv_pair){key, copy};
    return true;
}

void values_fini(struct values *values)
{
    for (size_t i = 0; i < values->count; i++) {
        free((char *)values->pairs[i].key);
        free((char *)values->pairs[i].value);
    }
    free(values->pairs);
    *values = (struct values){0};
}

static void put_json(FILE *out, const char *value)
{
    for (const unsigned char *c = (const unsigned char *)value; *c; c++) {
        if (*c == '"' || *c == '\\')
            fprintf(out, "\\%c", *c);
        else if (*c < 0x20)
            fprintf(out, "\\u%04x", *c);
        else
            fputc(*c, out);
    }
}

static void put_regex(FILE *out, const char *value)
{
    for (const char *c = value; *c; c++) {
        if (strchr("\\^$.[]|()?*+{}", *c))
            fputc('\\', out);
        fputc(*c, out);
    }
}

static void put(FILE *out, const char *value, enum quoting quoting)
{
    if (quoting == QUOTE_JSON)
        put_json(out, value);
    else if (quoting == QUOTE_REGEX)
        put_regex(out, value);
    else
        fputs(value, out);
}

static const char *find(const struct values *values, const char *name,
                        size_t len)
{
    for (size_t i = 0; i < values->count; i++)
        if (strlen(values->pairs[i].key) == len &&
            memcmp(values->pairs[i].key, name, len) == 0)
            return values->pairs[i].value;
    return NULL;
}

char *values_fill(const struct values *values, const char *text,
                  enum quoting quoting, const char **missing)
{
    char *filled = NULL;
    size_t size = 0;
    *missing = NULL;
    FILE *out = open_memstream(&filled, &size);
    if (!out)
        return NULL;
    for (const char *at; (at = strstr(text, "{{")) && !*missing;) {
        if (!strncmp(at, "{{{{", 4)) { /* a literal one */
            fwrite(text, 1, (size_t)(at + 2 - text), out);
            text = at + 4;
            continue;
        }
        const char *end = strstr(at, "}}");
        if (!end)
            break;
        const char *value = find(values, at + 2, (size_t)(end - at - 2));
        fwrite(text, 1, (size_t)(at - text), out);
        if (value)
            put(out, value, quoting);
        else
            *missing = at + 2;
        text = end + 2;
    }
    fputs(text, out);
    if (fclose(out) || *missing) {
        free(filled);
        return NULL;
    }
    return filled;
}

/* -------------------------------------------------------------- prepare -- */

static bool compile(struct pattern *pattern, char *why, size_t size)
{
    int code;
    PCRE2_SIZE at;
    pattern->regex =
        pcre2_compile((PCRE2_SPTR)pattern->text, PCRE2_ZERO_TERMINATED,
                      PCRE2_UTF | PCRE2_MATCH_INVALID_UTF, &code, &at, NULL);
    if (pattern->regex)
        return true;
    char text[128];
    pcre2_get_error_message(code, (PCRE2_UCHAR *)text, sizeof text);
    snprintf(why, size, "receive_regex: %s, at byte %zu", text, (size_t)at);
    return false;
}

static bool take_hex(struct pattern *pattern, char *why, size_t size)
{
    size_t room = strlen(pattern->text) / 2 + 1;
    pattern->bytes = malloc(room);
    ptrdiff_t n =
        pattern->bytes ? steps_unhex(pattern->text, pattern->bytes, room) : -1;
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
    if (missing)
        snprintf(why, size, "{{%.*s}} has no value", (int)strcspn(missing, "}"),
                 missing);
    else
        snprintf(why, size, "out of memory");
    return false;
}

bool pattern_prepare(struct pattern *pattern, const struct step *step,
                     const struct values *values, char *why, size_t size)
{
    const char *missing;
    *pattern = (struct pattern){.step = step};
    pattern->text = values_fill(
        values, step->text,
        step->verb == VERB_RECEIVE_REGEX ? QUOTE_REGEX : QUOTE_NONE, &missing);
    if (!pattern->text)
        return no_value(missing, why, size);
    if (step->equals) {
        pattern->equals =
            values_fill(values, step->equals, QUOTE_NONE, &missing);
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
    pcre2_code_free(pattern->regex);
    *pattern = (struct pattern){0};
}

/* ---------------------------------------------------------------- match -- */

static bool capture(const struct pattern *pattern, struct values *values,
                    const char *value, size_t len)
{
    return !pattern->step->capture ||
           values_set(values, pattern->step->capture, value, len);
}

/* The first group, if there is one, is what is captured. */
static bool matches_regex(const struct pattern *pattern,
                          const struct message *message, struct values *values)
{
    pcre2_match_data *data =
        pcre2_match_data_create_from_pattern(pattern->regex, NULL);
    pcre2_match_context *limits = pcre2_match_context_create(NULL);
    bool hit = false;
    if (data && limits) {
        pcre2_set_match_limit(limits, MATCH_LIMIT);
        int groups = pcre2_match(pattern->regex, (PCRE2_SPTR)message->bytes,
                                 message->len, 0, 0, data, limits);
        const PCRE2_SIZE *at = pcre2_get_ovector_pointer(data);
        int group = groups > 1 && at[2] != PCRE2_UNSET ? 1 : 0;
        hit = groups > 0 &&
              capture(pattern, values, message->bytes + at[2 * group],
                      at[2 * group + 1] - at[2 * group]);
    }
    pcre2_match_data_free(data);
    pcre2_match_context_free(limits);
    return hit;
}

static bool matches_json(const struct pattern *pattern,
                         const struct message *message, struct values *values)
{
    json_t *root = json_loadb(message->bytes, message->len,
                              JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    const json_t *value = root ? path_get(pattern->text, root) : NULL;
    char *text = value ? path_text(value) : NULL;
    bool hit = text && (!pattern->equals || !strcmp(text, pattern->equals)) &&
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
                     const struct message *message, struct values *values)
{
    if (pattern->step->verb == VERB_RECEIVE_REGEX)
        return matches_regex(pattern, message, values);
    if (pattern->step->verb == VERB_RECEIVE_JSON)
        return matches_json(pattern, message, values);
    return matches_bytes(pattern, message) &&
           capture(pattern, values, message->bytes, message->len);
}
