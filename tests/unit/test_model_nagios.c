/* test_model_nagios.c: what Nagios plugins print, cut and read: all rows of the
 * suites of naemon (output), icinga2 (performance data) and monitoring-plugins
 * (ranges); shared/vectors/nagios, skipped where absent. And what people's
 * plugins print besides.
 *
 * icinga2 keeps of a threshold only what is one number; so its rows are asked
 * of `plain` ranges here, and another range must have been read as one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/str.h"
#include "lib/vectors.h"
#include "model/nagios.h"
#include "model/perfdata.h"

static json_t *rows_of(const char *file, size_t count)
{
    json_t *rows = vectors_load(file);
    assert_int_equal(json_array_size(rows), count);
    return rows;
}

static const char *text_of(const json_t *row, const char *name)
{
    return json_string_value(json_object_get(row, name));
}

/* -------------------------------------------------------------- output --- */

/* NULL, or a copy; newlines as the two characters that naemon stores. */
static char *taken(const char *text, size_t n, bool escape)
{
    struct buf copy = {0};
    if (text == NULL)
        return NULL;
    for (size_t i = 0; i < n; i++)
        if (text[i] == '\n' && escape)
            buf_adds(&copy, "\\n");
        else
            buf_addc(&copy, text[i]);
    char *all = xstrdup(buf_text(&copy));
    buf_free(&copy);
    return all;
}

static void assert_text(const char *test, const char *what, char *seen,
                        const char *expected)
{
    if (!str_eq(seen, expected))
        fail_msg("%s: %s is \"%s\", not \"%s\"", test, what,
                 seen == NULL ? "(none)" : seen,
                 expected == NULL ? "(none)" : expected);
    free(seen);
}

static void every_row_of_naemon(void **state)
{
    (void)state;
    json_t *rows = rows_of("nagios/naemon_plugin_output.json", 15), *row;
    size_t i;
    json_array_foreach (rows, i, row) {
        struct arena *arena = arena_new();
        struct nagios_output out;
        const char *test = text_of(row, "test"), *input = text_of(row, "input");
        bool escape = json_is_true(json_object_get(row, "escape_newlines"));
        nagios_cut(input, input == NULL ? 0 : strlen(input), arena, &out);
        assert_text(test, "text", taken(out.text, out.text_len, false),
                    text_of(row, "short_output"));
        assert_text(test, "long text",
                    taken(out.long_text, out.long_len, escape),
                    text_of(row, "long_output"));
        assert_text(test, "perfdata",
                    taken(out.perfdata, out.perfdata_len, false),
                    text_of(row, "perf_data"));
        arena_free(arena);
    }
    json_decref(rows);
}

/* ------------------------------------------------------------ perfdata --- */

/* As icinga2 writes numbers. */
static void add_number(struct buf *out, double v)
{
    if (v == floor(v))
        buf_addf(out, "%.0f", v);
    else
        buf_addf(out, "%f", v);
}

static void add_limit(struct buf *out, unsigned *pending, bool has, double v)
{
    ++*pending;
    if (!has)
        return;
    while (*pending > 0) {
        buf_addc(out, ';');
        --*pending;
    }
    add_number(out, v);
}

static void format(const struct perf_item *p, struct buf *out)
{
    unsigned pending = 0;
    bool quoted = strchr(p->label, ' ') != NULL;
    buf_addf(out, quoted ? "'%s'=" : "%s=", p->label);
    add_number(out, p->value);
    buf_adds(out, p->unit);
    add_limit(out, &pending, p->has_warn && p->warn.plain, p->warn.high);
    add_limit(out, &pending, p->has_crit && p->crit.plain, p->crit.high);
    add_limit(out, &pending, p->has_min, p->min);
    add_limit(out, &pending, p->has_max, p->max);
}

struct parsed {
    struct perf_item items[20];
    size_t count, bad;
};

static struct parsed parse(const char *text, struct arena *arena)
{
    struct parsed all = {0};
    struct perfdata p = {.at = text, .left = strlen(text)};
    while (all.count < 20 && perfdata_next(&p, arena, &all.items[all.count]))
        all.count++;
    all.bad = p.bad;
    return all;
}

static const struct {
    const char *name, *unit;
} unit_names[] = {
    {"", "c"},
    {"bytes", "B"},
    {"bits", "b"},
    {"seconds", "s"},
    {"ampere-seconds", "As"},
    {"amperes", "A"},
    {"decibel-milliwatts", "dBm"},
    {"degrees-celsius", "C"},
    {"degrees-fahrenheit", "F"},
    {"degrees-kelvin", "K"},
    {"grams", "g"},
    {"liters", "l"},
    {"lumens", "lm"},
    {"ohms", "O"},
    {"volts", "V"},
    {"watt-hours", "Wh"},
    {"watts", "W"},
};

static const char *unit_of(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(unit_names); i++)
        if (str_eq(unit_names[i].name, name))
            return unit_names[i].unit;
    return name;
}

/* "60 * 1000" */
static double product(const char *text)
{
    double all = 1;
    for (char *end; *text != '\0'; text = end) {
        all *= strtod(text, &end);
        end += strspn(end, " *");
    }
    return all;
}

static bool near(double a, double b)
{
    return fabs(a - b) <= 1e-12 * (fabs(a) + fabs(b));
}

static void assert_number(const char *input, const char *what, bool has,
                          double seen, const char *expected)
{
    bool wanted = strcmp(expected, "Empty") != 0;
    if (has != wanted || (wanted && !near(seen, product(expected))))
        fail_msg("%s: %s is %s%.17g, not %s", input, what,
                 has ? "" : "absent, ", seen, expected);
}

static void assert_one(const char *input, const struct parsed *all,
                       const char *what, const json_t *value)
{
    const struct perf_item *p = &all->items[0];
    const char *text = json_string_value(value);
    struct buf out = {0};
    if (strcmp(what, "GetLength()") == 0) {
        assert_int_equal(all->count, atoi(text));
    } else if (strcmp(what, "GetLabel()") == 0) {
        assert_string_equal(p->label, text);
    } else if (strcmp(what, "GetValue()") == 0) {
        assert_number(input, what, p->known, p->value, text);
    } else if (strcmp(what, "GetCounter()") == 0) {
        assert_int_equal(str_eq(p->unit, "c"), json_is_true(value));
    } else if (strcmp(what, "GetUnit()") == 0) {
        assert_string_equal(p->unit, unit_of(text));
    } else if (strcmp(what, "GetWarn()") == 0) {
        assert_number(input, what, p->has_warn && p->warn.plain, p->warn.high,
                      text);
    } else if (strcmp(what, "GetCrit()") == 0) {
        assert_number(input, what, p->has_crit && p->crit.plain, p->crit.high,
                      text);
    } else if (strcmp(what, "GetMin()") == 0) {
        assert_number(input, what, p->has_min, p->min, text);
    } else if (strcmp(what, "GetMax()") == 0) {
        assert_number(input, what, p->has_max, p->max, text);
    } else if (strcmp(what, "Get(0)") == 0 || strcmp(what, "Get(1)") == 0) {
        format(&all->items[what[4] - '0'], &out);
        assert_string_equal(buf_text(&out), text);
    } else { /* FormatPerfdata(), Format() */
        for (size_t i = 0; i < all->count; i++) {
            buf_adds(&out, i > 0 ? " " : "");
            format(&all->items[i], &out);
        }
        assert_string_equal(buf_text(&out), text);
    }
    buf_free(&out);
}

static void every_row_of_icinga(void **state)
{
    (void)state;
    json_t *rows = rows_of("nagios/icinga_perfdata.json", 52), *row, *value;
    const char *what;
    size_t i;
    json_array_foreach (rows, i, row) {
        struct arena *arena = arena_new();
        const char *input = text_of(row, "input");
        struct parsed all = parse(input, arena);
        if (!json_is_true(json_object_get(row, "valid"))) {
            if (all.count != 0 || all.bad != 1)
                fail_msg("%s: %zu items, %zu bad ones", input, all.count,
                         all.bad);
        } else {
            assert_int_equal(all.bad, 0);
            json_object_foreach (json_object_get(row, "expect"), what, value)
                assert_one(input, &all, what, value);
        }
        arena_free(arena);
    }
    json_decref(rows);
}

/* icinga2 drops what is not one number: we do not. */
static void ranges_of_perfdata_are_kept(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    struct parsed all =
        parse("t=1500ms;1000:2000;@0:500 u=2MB;~:1 w=U;1;2 x=1us", arena);
    assert_int_equal(all.count, 4);
    assert_float_equal(all.items[0].warn.low, 1, 0);
    assert_float_equal(all.items[0].warn.high, 2, 0);
    assert_false(nagios_range_alerts(&all.items[0].warn, 1.5));
    assert_true(all.items[0].crit.inside);
    assert_float_equal(all.items[0].crit.high, 0.5, 0);
    assert_true(isinf(all.items[1].warn.low));
    assert_float_equal(all.items[1].warn.high, 1e6, 0);
    assert_false(all.items[2].known);
    assert_true(all.items[2].has_warn);
    assert_float_equal(all.items[3].value, 1e-6, 1e-18);
    arena_free(arena);
}

static void what_is_no_item_is_skipped(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "a=1 what? b=2", "a=1 'open b=2",  "a=1 =5 b=2",      "a=1 c=1;x b=2",
        "a=1 ''=3 b=2",  "a=1 c=0x10 b=2", "a=1 c=1e999 b=2", "a=1 c=1;5:1 b=2",
        "a=1 c=nan b=2", "a=1 c=--1 b=2"};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct arena *arena = arena_new();
        struct parsed all = parse(texts[i], arena);
        if (all.count != 2 || all.bad != 1 || all.items[1].value != 2)
            fail_msg("%s: %zu items, %zu bad", texts[i], all.count, all.bad);
        arena_free(arena);
    }
}

static void labels_are_unquoted(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    struct parsed all = parse("'it''s = /var'=5% '/'=1 plain'x=2", arena);
    assert_int_equal(all.count, 3);
    assert_string_equal(all.items[0].label, "it's = /var");
    assert_string_equal(all.items[0].unit, "%");
    assert_string_equal(all.items[1].label, "/");
    assert_string_equal(all.items[2].label, "plain'x");
    arena_free(arena);
}

/* -------------------------------------------------------------- ranges --- */

static void every_row_of_monitoring_plugins(void **state)
{
    (void)state;
    json_t *rows = rows_of("nagios/nagios_threshold_ranges.json", 14), *row;
    size_t i;
    json_array_foreach (rows, i, row) {
        const char *text = text_of(row, "range");
        struct nagios_range r;
        bool valid = nagios_range_parse(text, strlen(text), &r);
        assert_int_equal(valid, !json_is_true(json_object_get(row, "invalid")));
        if (!valid)
            continue;
        double value = json_number_value(json_object_get(row, "value"));
        bool alert = json_is_true(json_object_get(row, "alert"));
        if (nagios_range_alerts(&r, value) != alert)
            fail_msg("%s of %g: %d", text, value, !alert);
    }
    json_decref(rows);
}

static void ranges_that_are_none(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",   ":",  "@",  "~",   "x",   "5:x",    "1:2:3", "-5",
        "@~", " 5", "5 ", "~:~", "inf", "1e9999", "@5:1"};
    struct nagios_range r;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        if (nagios_range_parse(texts[i], strlen(texts[i]), &r))
            fail_msg("\"%s\" is taken for a range", texts[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_of_naemon),
        cmocka_unit_test(every_row_of_icinga),
        cmocka_unit_test(every_row_of_monitoring_plugins),
        cmocka_unit_test(ranges_of_perfdata_are_kept),
        cmocka_unit_test(what_is_no_item_is_skipped),
        cmocka_unit_test(labels_are_unquoted),
        cmocka_unit_test(ranges_that_are_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
