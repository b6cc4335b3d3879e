/* model/perfdata.c: see perfdata.h. */
#include "model/perfdata.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "base/attr.h"
#include "base/str.h"

/* --------------------------------------------------------------- units --- */

/* Which prefixes a unit may have: none; those of the SI; those of sizes, where
 * case says nothing and Ki is 1024. */
enum prefixes { PREFIX_NONE, PREFIX_SI, PREFIX_SIZE };

struct unit {
    const char *text, *base;
    double factor;
    enum prefixes prefixes;
};

/* A longer text before one that it ends with. */
static const struct unit units[] = {
    {"%", "%", 1, PREFIX_NONE},
    {"c", "c", 1, PREFIX_NONE},
    {"m", "s", 60, PREFIX_NONE},
    {"h", "s", 3600, PREFIX_NONE},
    {"d", "s", 86400, PREFIX_NONE},
    {"C", "C", 1, PREFIX_NONE},
    {"F", "F", 1, PREFIX_NONE},
    {"K", "K", 1, PREFIX_NONE},
    {"t", "g", 1e6, PREFIX_NONE},
    {"dBm", "dBm", 1, PREFIX_NONE},
    {"lm", "lm", 1, PREFIX_SI},
    {"Ah", "As", 3600, PREFIX_SI},
    {"Am", "As", 60, PREFIX_SI},
    {"As", "As", 1, PREFIX_SI},
    {"Wh", "Wh", 1, PREFIX_SI},
    {"Wm", "Wh", 1 / 60.0, PREFIX_SI},
    {"Ws", "Wh", 1 / 3600.0, PREFIX_SI},
    {"A", "A", 1, PREFIX_SI},
    {"V", "V", 1, PREFIX_SI},
    {"W", "W", 1, PREFIX_SI},
    {"O", "O", 1, PREFIX_SI},
    {"g", "g", 1, PREFIX_SI},
    {"l", "l", 1, PREFIX_SI},
    {"s", "s", 1, PREFIX_SI},
    {"B", "B", 1, PREFIX_SIZE},
    {"b", "b", 1, PREFIX_SIZE},
};

static const struct {
    const char *text;
    double factor;
} si_prefixes[] = {
    {"n", 1e-9}, {"u", 1e-6}, {"\xc2\xb5", 1e-6}, {"\xce\xbc", 1e-6},
    {"m", 1e-3}, {"c", 1e-2}, {"h", 1e2},         {"k", 1e3},
    {"K", 1e3},  {"M", 1e6},  {"G", 1e9},         {"T", 1e12},
    {"P", 1e15}, {"E", 1e18}, {"Z", 1e21},        {"Y", 1e24},
};

static bool si_factor(const char *text, size_t n, double *factor)
{
    for (size_t i = 0; i < ARRAY_LEN(si_prefixes); i++)
        if (strlen(si_prefixes[i].text) == n &&
            memcmp(si_prefixes[i].text, text, n) == 0) {
            *factor = si_prefixes[i].factor;
            return true;
        }
    return false;
}

/* "k", "M", "gi" */
static bool size_factor(const char *text, size_t n, double *factor)
{
    static const char steps[] = "KMGTPEZY";
    bool binary = n == 2 && (text[1] == 'i' || text[1] == 'I');
    if (n != 1 && !binary)
        return false;
    char upper = text[0] >= 'a' && text[0] <= 'z' ? (char)(text[0] - 'a' + 'A')
                                                  : text[0];
    const char *step = strchr(steps, upper);
    if (upper == '\0' || step == NULL)
        return false;
    *factor = pow(binary ? 1024 : 1000, (double)(step - steps + 1));
    return true;
}

static bool unit_fits(const struct unit *u, const char *text, size_t n,
                      double *factor)
{
    size_t own = strlen(u->text);
    double prefix = 1;
    if (n < own || memcmp(text + n - own, u->text, own) != 0)
        return false;
    n -= own;
    if (n > 0 && !(u->prefixes == PREFIX_SI     ? si_factor(text, n, &prefix)
                   : u->prefixes == PREFIX_SIZE ? size_factor(text, n, &prefix)
                                                : false))
        return false;
    *factor = prefix * u->factor;
    return true;
}

/* A unit that nobody knows is none: the number stands. */
static const char *find_unit(const char *text, size_t n, double *factor)
{
    *factor = 1;
    for (size_t i = 0; n > 0 && i < ARRAY_LEN(units); i++)
        if (unit_fits(&units[i], text, n, factor))
            return units[i].base;
    return "";
}

/* ---------------------------------------------------------------- item --- */

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool is_unit(const char *text, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)text[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!letter && c != '%' && c != '/' && c < 0x80)
            return false;
    }
    return true;
}

struct cut { /* a piece of the text */
    const char *at;
    size_t len;
};

/* Up to the next ';', which is dropped. */
static struct cut next_field(struct cut *rest)
{
    const char *end = rest->len == 0 ? NULL : memchr(rest->at, ';', rest->len);
    struct cut field = {rest->at,
                        end == NULL ? rest->len : (size_t)(end - rest->at)};
    size_t taken = field.len + (end != NULL);
    rest->at += taken;
    rest->len -= taken;
    return field;
}

static bool read_value(struct cut f, struct perf_item *item, double *factor)
{
    if (f.len == 1 && f.at[0] == 'U')
        return true;
    size_t n = nagios_number(f.at, f.len, &item->value);
    if (n == 0 || !is_unit(f.at + n, f.len - n))
        return false;
    item->unit = find_unit(f.at + n, f.len - n, factor);
    item->value *= *factor;
    item->known = isfinite(item->value);
    item->whole =
        item->value == floor(item->value) && memchr(f.at, '.', n) == NULL;
    return item->known;
}

static bool read_range(struct cut f, double factor, struct nagios_range *r,
                       bool *has)
{
    if (f.len == 0)
        return true;
    *has = nagios_range_parse(f.at, f.len, r);
    r->low *= factor;
    r->high *= factor;
    return *has;
}

static bool read_limit(struct cut f, double factor, double *limit, bool *has)
{
    if (f.len == 0 || (f.len == 1 && f.at[0] == 'U'))
        return true;
    *has = nagios_number(f.at, f.len, limit) == f.len;
    *limit *= factor;
    return *has;
}

static bool read_item(struct cut rest, struct perf_item *item)
{
    double factor = 1;
    item->unit = "";
    return read_value(next_field(&rest), item, &factor) &&
           read_range(next_field(&rest), factor, &item->warn,
                      &item->has_warn) &&
           read_range(next_field(&rest), factor, &item->crit,
                      &item->has_crit) &&
           read_limit(next_field(&rest), factor, &item->min, &item->has_min) &&
           read_limit(next_field(&rest), factor, &item->max, &item->has_max);
}

/* --------------------------------------------------------------- label --- */

/* The bytes up to the closing quote, itself included; 0: there is none. */
static size_t quoted_length(const char *text, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        if (text[i] != '\'')
            continue;
        if (i + 1 == n || text[i + 1] != '\'')
            return i + 1;
        i++; /* two of them are one */
    }
    return 0;
}

static const char *unquote(const char *text, size_t n, struct arena *arena)
{
    char *label = arena_alloc(arena, n + 1);
    size_t len = 0;
    for (size_t i = 0; i < n; i++) {
        label[len++] = text[i];
        if (text[i] == '\'')
            i++;
    }
    return label;
}

/* How many bytes up to the '='; 0: no label begins here. */
static size_t label_length(const char *text, size_t n)
{
    size_t i = 0;
    if (text[0] == '\'') {
        i = quoted_length(text, n);
        return i > 2 && i < n && text[i] == '=' ? i : 0;
    }
    while (i < n && text[i] != '=' && !is_space(text[i]))
        i++;
    return i < n && text[i] == '=' ? i : 0;
}

/* "host::time=1 size=2": the first part stands for the labels after it, too. */
static const char *with_prefix(struct perfdata *p, const char *label,
                               struct arena *arena)
{
    const char *colons = strstr(label, "::");
    if (colons == NULL)
        return p->prefix == NULL
                   ? label
                   : arena_printf(arena, "%s::%s", p->prefix, label);
    p->prefix = arena_strndup(arena, label, (size_t)(colons - label));
    return label;
}

static void skip(struct perfdata *p, size_t n)
{
    p->at += n;
    p->left -= n;
}

static size_t word_length(const char *text, size_t n)
{
    size_t i = 0;
    while (i < n && !is_space(text[i]))
        i++;
    return i;
}

bool perfdata_next(struct perfdata *p, struct arena *arena,
                   struct perf_item *item)
{
    for (;;) {
        while (p->left > 0 && is_space(*p->at))
            skip(p, 1);
        if (p->left == 0)
            return false;
        const char *label = p->at;
        size_t n = label_length(label, p->left);
        skip(p, n == 0 ? 0 : n + 1);
        struct cut rest = {p->at, word_length(p->at, p->left)};
        skip(p, rest.len);
        *item = (struct perf_item){0};
        if (n == 0 || !read_item(rest, item)) {
            p->bad++;
            continue;
        }
        const char *bare = label[0] == '\'' ? unquote(label + 1, n - 2, arena)
                                            : arena_strndup(arena, label, n);
        item->label = with_prefix(p, bare, arena);
        return true;
    }
}
