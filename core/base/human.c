/* base/human.c: see human.h. */
#include "base/human.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

struct unit {
    const char *name;
    int64_t factor;
};

static const struct unit durations[] = {
    {"ns", 1},
    {"us", NS_PER_US},
    {"ms", NS_PER_MS},
    {"s", NS_PER_S},
    {"m", 60 * NS_PER_S},
    {"h", 3600 * NS_PER_S},
    {"d", 86400 * NS_PER_S},
    {"w", 7 * 86400 * NS_PER_S},
    {NULL, 0},
};

static const struct unit sizes[] = {
    {"B", 1},           {"KB", 1000},          {"MB", 1000000},
    {"GB", 1000000000}, {"TB", 1000000000000}, {"KiB", 1 << 10},
    {"MiB", 1 << 20},   {"GiB", 1 << 30},      {"TiB", 1LL << 40},
    {NULL, 0},
};

static bool find_unit(const struct unit *units, const char *name, size_t n,
                      int64_t *factor)
{
    for (; units->name != NULL; units++)
        if (strlen(units->name) == n && memcmp(units->name, name, n) == 0) {
            *factor = units->factor;
            return true;
        }
    return false;
}

bool human_duration_unit(const char *unit, size_t n, int64_t *ns)
{
    return find_unit(durations, unit, n, ns);
}

bool human_size_unit(const char *unit, size_t n, int64_t *bytes)
{
    return find_unit(sizes, unit, n, bytes);
}

/* Adds "1.5h" at *s to *sum; moves *s on. */
static bool add_term(const char **s, const struct unit *units, int64_t *sum)
{
    if (!isdigit((unsigned char)**s) && **s != '.')
        return false;
    char *end;
    double number = strtod(*s, &end);
    if (end != *s + strspn(*s, "0123456789."))
        return false; /* no exponents, no hexadecimal */
    size_t n = 0;
    while (isalpha((unsigned char)end[n]))
        n++;
    int64_t factor;
    if (end == *s || !find_unit(units, end, n, &factor))
        return false;
    double value = number * (double)factor + (double)*sum;
    if (!(value >= 0) || value > 9.2e18)
        return false;
    *sum += (int64_t)llround(number * (double)factor);
    *s = end + n;
    return true;
}

static bool parse_terms(const char *text, const struct unit *units,
                        int64_t *value)
{
    int64_t sum = 0;
    if (*text == '\0')
        return false;
    while (*text != '\0')
        if (!add_term(&text, units, &sum))
            return false;
    *value = sum;
    return true;
}

/* "30" lacks a unit, "5x" and "10 seconds" have a wrong one. */
static bool refuse(const char *text, const char *what, const char *unit,
                   const struct unit *units, const char *examples,
                   struct err *err)
{
    size_t digits = strspn(text, "0123456789.");
    char meant[HUMAN_TEXT];
    int64_t unused;
    snprintf(meant, sizeof meant, "%.*s%s", (int)(digits < 20 ? digits : 0),
             text, unit);
    if (strcmp(meant, text) != 0 && parse_terms(meant, units, &unused))
        return err_set(err, ERR_CONFIG, 0,
                       "\"%s\" is not a %s; did you mean \"%s\"?", text, what,
                       meant);
    return err_set(err, ERR_CONFIG, 0, "\"%s\" is not a %s such as %s", text,
                   what, examples);
}

/* The first letter of what was meant decides: "10 seconds", "5min", "2 hrs". */
static const char *guess_unit(const char *text)
{
    const char *word = text + strspn(text, "0123456789. ");
    static const struct {
        const char *prefix, *unit;
    } guesses[] = {{"mil", "ms"}, {"ms", "ms"}, {"mi", "m"}, {"m", "m"},
                   {"M", "m"},    {"h", "h"},   {"H", "h"},  {"d", "d"},
                   {"D", "d"},    {"w", "w"},   {"us", "us"}};
    for (size_t i = 0; i < ARRAY_LEN(guesses); i++)
        if (strncmp(word, guesses[i].prefix, strlen(guesses[i].prefix)) == 0)
            return guesses[i].unit;
    return "s";
}

/* "10k", "4 kib", "2G" by the first letter. */
static const char *guess_size_unit(const char *text)
{
    switch (tolower((unsigned char)text[strspn(text, "0123456789. ")])) {
    case 'b': return "B";
    case 'k': return "KiB";
    case 'g': return "GiB";
    case 't': return "TiB";
    default: return "MiB";
    }
}

bool human_parse_duration(const char *text, int64_t *ns, struct err *err)
{
    if (strcmp(text, "0") == 0) {
        *ns = 0;
        return true;
    }
    if (parse_terms(text, durations, ns))
        return true;
    return refuse(text, "duration", guess_unit(text), durations,
                  "\"30s\" or \"5m\"", err);
}

bool human_parse_size(const char *text, int64_t *bytes, struct err *err)
{
    char *end;
    if (isdigit((unsigned char)*text) &&
        text[strspn(text, "0123456789.")] == '\0') {
        double plain = strtod(text, &end);
        if (*end == '\0' && plain == floor(plain) && plain < 9e18) {
            *bytes = (int64_t)plain;
            return true;
        }
    }
    if (parse_terms(text, sizes, bytes))
        return true;
    return refuse(text, "size", guess_size_unit(text), sizes,
                  "\"64KiB\" or \"1MiB\"", err);
}

/* Three significant digits, without trailing zeros. */
static const char *rounded(double value, const char *unit, char *out)
{
    int decimals = value < 10 ? 2 : value < 100 ? 1 : 0;
    int n = snprintf(out, HUMAN_TEXT - 8, "%.*f", decimals, value);
    if (decimals > 0) {
        while (n > 0 && out[n - 1] == '0')
            n--;
        if (n > 0 && out[n - 1] == '.')
            n--;
    }
    snprintf(out + n, (size_t)(HUMAN_TEXT - n), "%s", unit);
    return out;
}

const char *human_duration(int64_t ns, char out[HUMAN_TEXT])
{
    static const struct unit big[] = {{"d", 86400 * NS_PER_S},
                                      {"h", 3600 * NS_PER_S},
                                      {"m", 60 * NS_PER_S},
                                      {"s", NS_PER_S}};
    if (ns < 0) {
        out[0] = '-';
        char rest[HUMAN_TEXT];
        snprintf(out + 1, HUMAN_TEXT - 1, "%.38s",
                 human_duration(ns == INT64_MIN ? INT64_MAX : -ns, rest));
        return out;
    }
    if (ns == 0)
        return strcpy(out, "0s");
    if (ns < NS_PER_US)
        return rounded((double)ns, "ns", out);
    if (ns < NS_PER_MS)
        return rounded((double)ns / 1e3, "us", out);
    if (ns < NS_PER_S)
        return rounded((double)ns / 1e6, "ms", out);
    if (ns < 60 * NS_PER_S)
        return rounded((double)ns / 1e9, "s", out);
    size_t used = 0;
    for (size_t i = 0; i < ARRAY_LEN(big); i++) {
        int64_t count = ns / big[i].factor;
        ns %= big[i].factor;
        if (count > 0)
            used += (size_t)snprintf(out + used, HUMAN_TEXT - used, "%lld%s",
                                     (long long)count, big[i].name);
    }
    return out;
}

const char *human_elapsed(int64_t ns, char out[HUMAN_TEXT])
{
    int64_t s = ns / NS_PER_S;
    if (ns < 60 * NS_PER_S)
        snprintf(out, HUMAN_TEXT, "%.1fs", (double)ns / 1e9);
    else if (s < 3600)
        snprintf(out, HUMAN_TEXT, "%lldm %llds", (long long)(s / 60),
                 (long long)(s % 60));
    else if (s < 86400)
        snprintf(out, HUMAN_TEXT, "%lldh %lldm", (long long)(s / 3600),
                 (long long)(s % 3600 / 60));
    else
        snprintf(out, HUMAN_TEXT, "%lldd %lldh", (long long)(s / 86400),
                 (long long)(s % 86400 / 3600));
    return out;
}

const char *human_size(int64_t bytes, char out[HUMAN_TEXT])
{
    static const char *const names[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    double value = (double)bytes;
    size_t i = 0;
    while (value >= 1024 && i + 1 < ARRAY_LEN(names)) {
        value /= 1024;
        i++;
    }
    return rounded(value, names[i], out);
}

const char *human_count(uint64_t n, const char *what, char out[HUMAN_TEXT])
{
    snprintf(out, HUMAN_TEXT, "%llu %s%s", (unsigned long long)n, what,
             n == 1 ? "" : "s");
    return out;
}
