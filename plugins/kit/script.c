/* kit/script.c: see script.h. Owns nothing that its callers do not free; called
 * by plugins with steps, when the configuration is loaded and by each probe. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "kit/script.h"

#include <pcre2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define S_NS        1000000000ll
#define MATCH_LIMIT 1000000u /* steps of the regex engine */

/* --------------------------------------------------------------- values -- */

static char *copy_of(const char *text, size_t len)
{
    char *copy = kit_malloc(len + 1);
    memcpy(copy, text, len);
    copy[len] = '\0';
    return copy;
}

void kit_values_set(struct kit_values *values, const char *name,
                    const char *value, size_t len)
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

void kit_values_fini(struct kit_values *values)
{
    for (size_t i = 0; i < values->count; i++) {
        free((char *)values->pairs[i].key);
        free((char *)values->pairs[i].value);
    }
    free(values->pairs);
    *values = (struct kit_values){0};
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

static void put(struct filled *out, const char *value, enum kit_quoting quoting)
{
    if (quoting == KIT_QUOTE_JSON)
        put_json(out, value);
    else if (quoting == KIT_QUOTE_REGEX)
        put_regex(out, value);
    else
        put_bytes(out, value, strlen(value));
}

static const char *find(const struct kit_values *values, const char *name,
                        size_t len)
{
    for (size_t i = 0; i < values->count; i++)
        if (strlen(values->pairs[i].key) == len &&
            memcmp(values->pairs[i].key, name, len) == 0)
            return values->pairs[i].value;
    return NULL;
}

char *kit_values_fill(const struct kit_values *values, const char *text,
                      enum kit_quoting quoting, const char **missing)
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

/* --------------------------------------------------------------- captures */

static const char letters[] = "abcdefghijklmnopqrstuvwxyz"
                              "ABCDEFGHIJKLMNOPQRSTUVWXYZ";

const char *kit_capture_flaw(const char *name)
{
    if (!*name || !strchr(letters, *name) || strlen(name) > 63)
        return "a name";
    for (const char *c = name; *c; c++)
        if (!strchr(letters, *c) && !strchr("0123456789-_", *c))
            return "a name: a letter, then letters, digits, - and _";
    return NULL;
}

static bool captures(const struct rlv_dict *group, const char *name, size_t len)
{
    for (size_t i = 0; i < group->count; i++)
        if (strcmp(group->pairs[i].key, "capture") == 0 &&
            strlen(group->pairs[i].value) == len &&
            memcmp(group->pairs[i].value, name, len) == 0)
            return true;
    return false;
}

static const char *unknown_in(const struct rlv_steps *steps, size_t before,
                              const char *text, const char *always, size_t *len)
{
    for (const char *at = text; (at = strstr(at, "{{")); at += 2) {
        if (!strncmp(at, "{{{{", 4)) {
            at += 2;
            continue;
        }
        const char *end = strstr(at, "}}");
        if (!end)
            return NULL;
        const char *name = at + 2;
        *len = (size_t)(end - name);
        bool known = strlen(always) == *len && !memcmp(name, always, *len);
        for (size_t i = 0; i < before && !known; i++)
            known = captures(&steps->steps[i], name, *len);
        if (!known)
            return name;
    }
    return NULL;
}

const char *kit_script_unknown(const struct rlv_steps *steps, size_t n,
                               const char *always, size_t *len)
{
    const struct rlv_dict *group = &steps->steps[n];
    const char *name = NULL;
    for (size_t i = 0; i < group->count && !name; i++)
        name = unknown_in(steps, n, group->pairs[i].value, always, len);
    return name;
}

/* ------------------------------------------------------------------ regex - */

struct kit_regex {
    pcre2_general_context *memory;
    pcre2_match_context *limits;
    pcre2_match_data *data;
    pcre2_code *code;
};

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

struct kit_regex *kit_regex_new(const char *text, char *why, size_t size)
{
    struct kit_regex *regex = kit_calloc(1, sizeof *regex);
    int code;
    PCRE2_SIZE at;
    regex->memory =
        pcre2_general_context_create(regex_malloc, regex_free, NULL);
    pcre2_compile_context *context =
        pcre2_compile_context_create(regex->memory);
    regex->code =
        pcre2_compile((PCRE2_SPTR)text, PCRE2_ZERO_TERMINATED,
                      PCRE2_UTF | PCRE2_MATCH_INVALID_UTF, &code, &at, context);
    pcre2_compile_context_free(context);
    if (!regex->code) {
        char flaw[128];
        pcre2_get_error_message(code, (PCRE2_UCHAR *)flaw, sizeof flaw);
        snprintf(why, size, "%s, at byte %zu", flaw, (size_t)at);
        kit_regex_free(regex);
        return NULL;
    }
    regex->data =
        pcre2_match_data_create_from_pattern(regex->code, regex->memory);
    regex->limits = pcre2_match_context_create(regex->memory);
    pcre2_set_match_limit(regex->limits, MATCH_LIMIT);
    return regex;
}

bool kit_regex_find(const struct kit_regex *regex, const char *bytes,
                    size_t len, size_t from, struct kit_match *match)
{
    int groups = pcre2_match(regex->code, (PCRE2_SPTR)bytes, len, from, 0,
                             regex->data, regex->limits);
    const PCRE2_SIZE *at = pcre2_get_ovector_pointer(regex->data);
    int group = groups > 1 && at[2] != PCRE2_UNSET ? 1 : 0;
    if (groups <= 0)
        return false;
    match->start = at[0];
    match->end = at[1];
    match->group = at[2 * group];
    match->group_len = at[2 * group + 1] - at[2 * group];
    return true;
}

void kit_regex_free(struct kit_regex *regex)
{
    if (!regex)
        return;
    pcre2_match_context_free(regex->limits);
    pcre2_match_data_free(regex->data);
    pcre2_code_free(regex->code);
    pcre2_general_context_free(regex->memory);
    free(regex);
}

/* ------------------------------------------------------------------ texts - */

bool kit_read_time(const char *text, int64_t *ns)
{
    static const struct {
        const char *unit;
        int64_t ns;
    } units[] = {{"ns", 1},   {"us", 1000},     {"ms", 1000000},
                 {"s", S_NS}, {"m", 60 * S_NS}, {"h", 3600 * S_NS}};
    char *unit;
    if (*text < '0' || *text > '9')
        return false;
    double number = strtod(text, &unit);
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        if (strcmp(unit, units[i].unit) == 0 && number <= 86400) {
            *ns = (int64_t)(number * (double)units[i].ns);
            return true;
        }
    }
    return false;
}

ptrdiff_t kit_unhex(const char *text, uint8_t *out, size_t size)
{
    size_t n = 0;
    int high = -1;
    for (; *text; text++) {
        static const char digits[] = "0123456789abcdef";
        if (*text == ' ')
            continue;
        const char *at = strchr(digits, *text | 0x20);
        if (!at || n == size)
            return -1;
        int value = (int)(at - digits);
        if (high < 0) {
            high = value;
        } else {
            out[n++] = (uint8_t)(high * 16 + value);
            high = -1;
        }
    }
    return high < 0 ? (ptrdiff_t)n : -1;
}
