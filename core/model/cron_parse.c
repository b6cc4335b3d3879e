/* model/cron_parse.c: reads a cron expression; see cron.h. The fields and the
 * nicknames are tables; an error is made from the same rows. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/civil.h"
#include "base/str.h"
#include "model/cron.h"

enum { MINUTE, HOUR, DAY, MONTH, WEEKDAY, FIELDS };

static const char *const month_names[] = {"JAN", "FEB", "MAR", "APR", "MAY",
                                          "JUN", "JUL", "AUG", "SEP", "OCT",
                                          "NOV", "DEC", NULL};
static const char *const weekday_names[] = {"SUN", "MON", "TUE", "WED",
                                            "THU", "FRI", "SAT", NULL};

struct field {
    const char *name;
    int low, high;
    int last; /* where "3/2" ends: Sunday's second number is no day more */
    const char *const *names; /* the first one is `low` */
    const char *allowed;
};

// clang-format off
static const struct field fields[FIELDS] = {
    {"minute",       0, 59, 59, NULL,          "0-59"},
    {"hour",         0, 23, 23, NULL,          "0-23 (midnight is 0)"},
    {"day of month", 1, 31, 31, NULL,          "1-31"},
    {"month",        1, 12, 12, month_names,   "1-12 or JAN-DEC"},
    {"day of week",  0,  7,  6, weekday_names,
     "0-7 or SUN-SAT (Sunday is 0 or 7)"},
};

static const struct {
    const char *name, *text;
} nicknames[] = {
    {"@hourly",   "0 * * * *"},
    {"@daily",    "0 0 * * *"},
    {"@midnight", "0 0 * * *"},
    {"@weekly",   "0 0 * * 0"},
    {"@monthly",  "0 0 1 * *"},
    {"@yearly",   "0 0 1 1 *"},
    {"@annually", "0 0 1 1 *"},
};

/* What other crons understand, and how to say it here. */
static const struct extension {
    char letter;
    const char *instead;
} extensions[] = {
    {'?', "write \"*\""},
    {'#', "\"0 9 1-7 * */7\" is the first Sunday of a month"},
    {'L', "there is no \"last\"; \"28-31\" comes near"},
    {'W', "there is no \"nearest weekday\"; \"MON-FRI\" comes near"},
    {'H', "choose a number"},
    {'~', "choose a number"},
};
// clang-format on

/* A part of the text. */
struct word {
    const char *s;
    size_t n;
};

/* One entry of a list, while it is read. */
struct entry {
    const struct field *field;
    struct word text;
    int low, high, step;
    struct err *err;
};

/* -------------------------------------------------------------- errors --- */

#define SHOWN 48

static const char *show(char out[SHOWN], struct word w)
{
    return str_clean(out, SHOWN, w.s, w.n);
}

/* "WEDNESDAY" begins with a name that we know; "MONL" is an extension. */
static const char *name_within(const struct field *f, struct word w)
{
    for (size_t i = 0; f->names != NULL && f->names[i] != NULL; i++)
        if (w.n > 3 && strncasecmp(w.s, f->names[i], 3) == 0 &&
            isalpha((unsigned char)w.s[3]) && (w.n > 4 || w.s[3] != 'L'))
            return f->names[i];
    return NULL;
}

static bool is_digits(struct word w)
{
    size_t i = 0;
    while (i < w.n && isdigit((unsigned char)w.s[i]))
        i++;
    return w.n > 0 && i == w.n;
}

/* An extension of other crons, or NULL: "?", "1#2", "L", "LW", "5L", "15W". */
static const struct extension *find_extension(struct word w)
{
    for (size_t i = 0; i < ARRAY_LEN(extensions); i++) {
        char letter = extensions[i].letter;
        if (memchr(w.s, letter, w.n) == NULL)
            continue;
        size_t letters = 0;
        for (size_t k = 0; k < w.n; k++)
            letters += isalpha((unsigned char)w.s[k]) != 0;
        if (!isalpha((unsigned char)letter) || letters <= 2 ||
            w.s[w.n - 1] == letter)
            return &extensions[i];
    }
    return NULL;
}

static bool refuse_value(const struct entry *e, struct word w)
{
    const struct field *f = e->field;
    char value[SHOWN];
    show(value, w);
    if (w.n == 0)
        return err_set(e->err, ERR_CONFIG, 0,
                       "%s: a value is missing; allowed are \"*\" and %s",
                       f->name, f->allowed);
    const char *near = name_within(f, w);
    if (near != NULL)
        return err_set(e->err, ERR_CONFIG, 0,
                       "%s: \"%s\" is not a value; did you mean \"%s\"?",
                       f->name, value, near);
    const struct extension *x = find_extension(w);
    if (x != NULL)
        return err_set(e->err, ERR_CONFIG, 0,
                       "%s: \"%s\": '%c' is an extension of other crons that "
                       "is not supported; %s",
                       f->name, value, x->letter, x->instead);
    return err_set(e->err, ERR_CONFIG, 0,
                   is_digits(w) ? "%s: %s is out of range; allowed are %s"
                                : "%s: \"%s\" is not a value; allowed are %s",
                   f->name, value, f->allowed);
}

static bool refuse_step(const struct entry *e, struct word w)
{
    char step[SHOWN], text[SHOWN];
    return err_set(e->err, ERR_CONFIG, 0,
                   "%s: \"%s\" is not a step in \"%s\"; a step is a whole "
                   "number from 1 on, such as \"*/5\"",
                   e->field->name, show(step, w), show(text, e->text));
}

static bool refuse_order(const struct entry *e)
{
    const struct field *f = e->field;
    char text[SHOWN], first[16] = "";
    if (e->low <= f->last)
        snprintf(first, sizeof first, "%d-%d,", e->low, f->last);
    return err_set(e->err, ERR_CONFIG, 0,
                   "%s: \"%s\" runs backwards; did you mean \"%s%d-%d\"?",
                   f->name, show(text, e->text), first, f->low, e->high);
}

/* ------------------------------------------------------------- reading --- */

static bool read_digits(struct word w, int *value)
{
    *value = 0;
    if (!is_digits(w))
        return false;
    for (size_t i = 0; i < w.n; i++)
        if (*value < 100000)
            *value = *value * 10 + (w.s[i] - '0');
    return true;
}

static bool read_value(const struct entry *e, struct word w, int *value)
{
    const struct field *f = e->field;
    if (read_digits(w, value) && *value >= f->low && *value <= f->high)
        return true;
    for (int i = 0; f->names != NULL && f->names[i] != NULL; i++)
        if (w.n == 3 && strncasecmp(w.s, f->names[i], 3) == 0) {
            *value = f->low + i;
            return true;
        }
    return refuse_value(e, w);
}

/* Splits w at the first `c`; true if there is one. */
static bool split(struct word w, char c, struct word *left, struct word *right)
{
    const char *at = w.n > 0 ? memchr(w.s, c, w.n) : NULL;
    *left = w;
    if (at == NULL)
        return false;
    left->n = (size_t)(at - w.s);
    *right = (struct word){at + 1, w.n - left->n - 1};
    return true;
}

/* "*", "7", "1-5"; with a step "7" means from 7 on. */
static bool read_range(struct entry *e, struct word w, bool stepped)
{
    const struct field *f = e->field;
    struct word low, high;
    if (w.n == 1 && *w.s == '*') {
        e->low = f->low;
        e->high = f->high;
        return true;
    }
    if (!split(w, '-', &low, &high)) {
        if (!read_value(e, w, &e->low))
            return false;
        if (stepped && e->low > f->last)
            e->low = f->low; /* Sunday as 7 */
        e->high = stepped ? f->last : e->low;
        return true;
    }
    if (!read_value(e, low, &e->low) || !read_value(e, high, &e->high))
        return false;
    bool named = isalpha((unsigned char)*high.s);
    if (named && e->high == f->low && e->low > f->low && f->high > f->last)
        e->high = f->high; /* the Sunday that ends a week: SAT-SUN */
    return e->low <= e->high || refuse_order(e);
}

static bool read_entry(struct entry *e, uint64_t *mask)
{
    struct word range, step = {0};
    bool stepped = split(e->text, '/', &range, &step);
    e->step = 1;
    if (!read_range(e, range, stepped))
        return false;
    if (stepped && (!read_digits(step, &e->step) || e->step == 0))
        return refuse_step(e, step);
    for (int i = e->low; i <= e->high; i += e->step)
        *mask |= UINT64_C(1) << i;
    return true;
}

static bool read_field(const struct field *f, struct word w, uint64_t *mask,
                       struct err *err)
{
    struct entry e = {.field = f, .err = err};
    *mask = 0;
    for (bool more = true; more;) {
        struct word rest = {0};
        more = split(w, ',', &e.text, &rest);
        if (!read_entry(&e, mask))
            return false;
        w = rest;
    }
    if (f->high > f->last && *mask >> f->high & 1)
        *mask = (*mask | UINT64_C(1) << f->low) & ~(UINT64_C(1) << f->high);
    return true;
}

/* ----------------------------------------------------------- the whole --- */

static bool read_fields(const char *text, struct cron *c, struct err *err);

static bool read_nickname(struct word w, struct cron *c, struct err *err)
{
    char shown[SHOWN];
    const char *names[ARRAY_LEN(nicknames) + 1] = {0};
    for (size_t i = 0; i < ARRAY_LEN(nicknames); i++) {
        names[i] = nicknames[i].name;
        if (strlen(names[i]) == w.n && strncasecmp(names[i], w.s, w.n) == 0)
            return read_fields(nicknames[i].text, c, err);
    }
    const char *near = str_nearest_of(show(shown, w), names);
    if (near != NULL)
        return err_set(err, ERR_CONFIG, 0,
                       "unknown nickname; did you mean \"%s\"?", near);
    struct buf all = {0};
    for (size_t i = 0; i < ARRAY_LEN(nicknames); i++)
        buf_addf(&all, " %s", names[i]);
    err_set(err, ERR_CONFIG, 0, "unknown nickname; there are%s",
            buf_text(&all));
    buf_free(&all);
    return false;
}

/* Seconds come first elsewhere: suggests the rest, when that can be read. */
static bool refuse_seconds(const char *rest, struct err *err)
{
    struct cron unused;
    struct buf text = {0};
    buf_adds(&text, rest);
    for (size_t i = 0; i < text.len; i++)
        if (text.data[i] == '?')
            text.data[i] = '*';
    const char *six = "this has 6 fields; Relevo's cron has 5 (no seconds)";
    if (read_fields(text.data, &unused, NULL))
        err_set(err, ERR_CONFIG, 0, "%s; did you mean \"%s\"?", six, text.data);
    else
        err_set(err, ERR_CONFIG, 0, "%s", six);
    buf_free(&text);
    return false;
}

static bool refuse_count(const struct word *words, size_t n, struct err *err)
{
    if (n > 0 && memchr(words[0].s, '=', words[0].n) != NULL)
        return err_set(err, ERR_CONFIG, 0,
                       "a time zone does not belong here; use the option "
                       "\"timezone\"");
    if (n == 2 && str_starts(words[0].s, "@every"))
        return err_set(err, ERR_CONFIG, 0,
                       "\"@every\" is not supported; use the option "
                       "\"interval\" instead of \"cron\"");
    if (n == FIELDS + 1)
        return refuse_seconds(words[1].s, err);
    return err_set(err, ERR_CONFIG, 0,
                   "this has %zu field%s; cron has 5: minute, hour, day of "
                   "month, month, day of week, such as \"30 2 * * MON-FRI\"",
                   n, n == 1 ? "" : "s");
}

/* Counts all words, keeps the first FIELDS + 1. */
static size_t split_words(const char *text, struct word *words)
{
    const char *space = " \t";
    size_t n = 0;
    for (text += strspn(text, space); *text != '\0';
         text += strspn(text, space), n++) {
        size_t len = strcspn(text, space);
        if (n <= FIELDS)
            words[n] = (struct word){text, len};
        text += len;
    }
    return n;
}

static bool has_date(const struct cron *c)
{
    for (int month = 1; month <= 12; month++)
        for (int day = 1; day <= civil_month_days(2000, month); day++)
            if (c->months >> month & 1 && c->days >> day & 1)
                return true;
    return false;
}

static bool read_fields(const char *text, struct cron *c, struct err *err)
{
    struct word words[FIELDS + 1];
    uint64_t masks[FIELDS];
    size_t n = split_words(text, words);
    if (n == 1 && *words[0].s == '@')
        return read_nickname(words[0], c, err);
    if (n != FIELDS)
        return refuse_count(words, n, err);
    for (size_t i = 0; i < FIELDS; i++)
        if (!read_field(&fields[i], words[i], &masks[i], err))
            return false;
    *c = (struct cron){
        .minutes = masks[MINUTE],
        .hours = (uint32_t)masks[HOUR],
        .days = (uint32_t)masks[DAY],
        .months = (uint16_t)masks[MONTH],
        .weekdays = (uint8_t)masks[WEEKDAY],
        .both_days = *words[DAY].s == '*' || *words[WEEKDAY].s == '*',
        .follows_wall = *words[MINUTE].s == '*' || *words[HOUR].s == '*',
    };
    return true;
}

bool cron_parse(const char *text, struct cron *c, struct err *err)
{
    char shown[128];
    if (read_fields(text, c, err)) {
        if (!c->both_days || has_date(c))
            return true;
        err_set(err, ERR_CONFIG, 0,
                "day of month: no month that is allowed has such a day: this "
                "would never run");
    }
    return err_wrap(err, "cron \"%s\"",
                    str_clean(shown, sizeof shown, text, strlen(text)));
}
