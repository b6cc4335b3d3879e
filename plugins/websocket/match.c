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

static char *copy_of(const char *text, size_t len)
{
    char *copy = kit_malloc(len + 1);
    memcpy(copy, text, len);
    copy[len] = '\0';
    return copy;
}

void values_set(struct values *values, const char *name, const char *value,
                size_t len)
{
    size_t i = 0;
    while (i < values->count && strcmp(values->pairs[i].key, name) != 0)
        i++;
    if (i < values->count) {
        free((char *)values->pairs[i].value);
    } else {
        values->pairs =
            kit_realloc(values->pairs, (i + 1) * sizeof *values->pairs);
        values->pairs[i].key = kit_strdup(name);
        values->count++;
    }
    values->pairs[i].value = copy_of(value, len);
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

/* A text that grows. */
struct filled {
    char *at;
    size_t len, size;
};

static void put_bytes(struct filled *out, const char *bytes, size_t n)
{
    if (out->len + n + 1 > out->size) {
        out->size = (out->len + n + 1) * 2;
        out->at = kit_realloc(out->at, out->size);
    }
    memcpy(out->at + out->len, bytes, n);
    out->len += n;
    out->at[out->len] = '\0';
}

static void put_json(struct filled *out, const char *value)
{
    char code[8];
    for (const char *c = value; *c; c++) {
        unsigned char byte = (unsigned char)*c;
        int n = byte == '"' || byte == '\\'
                    ? snprintf(code, sizeof code, "\\%c", byte)
                : byte < 0x20 ? snprintf(code, sizeof code, "\\u%04x", byte)
                              : snprintf(code, sizeof code, "%c", byte);
        put_bytes(out, code, (size_t)n);
    }
}

static void put_regex(struct filled *out, const char *value)
{
    for (const char *c = value; *c; c++) {
        if (strchr("\\^$.[]|()?*+{}", *c))
            put_bytes(out, "\\", 1);
        put_bytes(out, c, 1);
    }
}

static void put(struct filled *out, const char *value, enum quoting quoting)
{
    if (quoting == QUOTE_JSON)
        put_json(out, value);
    else if (quoting == QUOTE_REGEX)
        put_regex(out, value);
    else
        put_bytes(out, value, strlen(value));
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
    struct filled out = {0};
    *missing = NULL;
    for (const char *at; (at = strstr(text, "{{"));) {
        if (!strncmp(at, "{{{{", 4)) { /* a literal one */
            put_bytes(&out, text, (size_t)(at + 2 - text));
            text = at + 4;
            continue;
        }
        const char *end = strstr(at, "}}");
        if (!end)
            break;
        const char *value = find(values, at + 2, (size_t)(end - at - 2));
        if (!value) {
            *missing = at + 2;
            free(out.at);
            return NULL;
        }
        put_bytes(&out, text, (size_t)(at - text));
        put(&out, value, quoting);
        text = end + 2;
    }
    put_bytes(&out, text, strlen(text));
    return out.at;
}

/* -------------------------------------------------------------- prepare -- */

static void *regex_malloc(size_t size, void *arg)
{
    (void)arg;
    return kit_malloc(size);
}

static void regex_free(void *at, void *arg)
{
    (void)arg;
    free(at);
}

static bool compile(struct pattern *pattern, char *why, size_t size)
{
    int code;
    PCRE2_SIZE at;
    pcre2_general_context *memory =
        pcre2_general_context_create(regex_malloc, regex_free, NULL);
    pcre2_compile_context *context = pcre2_compile_context_create(memory);
    pattern->regex =
        pcre2_compile((PCRE2_SPTR)pattern->text, PCRE2_ZERO_TERMINATED,
                      PCRE2_UTF | PCRE2_MATCH_INVALID_UTF, &code, &at, context);
    pcre2_compile_context_free(context);
    pcre2_general_context_free(memory);
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
    pattern->bytes = kit_malloc(room);
    ptrdiff_t n = steps_unhex(pattern->text, pattern->bytes, room);
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

static void capture(const struct pattern *pattern, struct values *values,
                    const char *value, size_t len)
{
    if (pattern->step->capture)
        values_set(values, pattern->step->capture, value, len);
}

/* The first group, if there is one, is what is captured. */
static bool matches_regex(const struct pattern *pattern,
                          const struct message *message, struct values *values)
{
    pcre2_general_context *memory =
        pcre2_general_context_create(regex_malloc, regex_free, NULL);
    pcre2_match_data *data =
        pcre2_match_data_create_from_pattern(pattern->regex, memory);
    pcre2_match_context *limits = pcre2_match_context_create(memory);
    pcre2_set_match_limit(limits, MATCH_LIMIT);
    int groups = pcre2_match(pattern->regex, (PCRE2_SPTR)message->bytes,
                             message->len, 0, 0, data, limits);
    const PCRE2_SIZE *at = pcre2_get_ovector_pointer(data);
    int group = groups > 1 && at[2] != PCRE2_UNSET ? 1 : 0;
    if (groups > 0)
        capture(pattern, values, message->bytes + at[2 * group],
                at[2 * group + 1] - at[2 * group]);
    pcre2_match_data_free(data);
    pcre2_match_context_free(limits);
    pcre2_general_context_free(memory);
    return groups > 0;
}

static bool matches_json(const struct pattern *pattern,
                         const struct message *message, struct values *values)
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
                     const struct message *message, struct values *values)
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
