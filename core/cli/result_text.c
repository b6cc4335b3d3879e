/* cli/result_text.c: see result_text.h. */
#include "cli/result_text.h"

#include <stdlib.h>
#include <stdio.h>
#include <string.h>

#include "base/human.h"
#include "base/str.h"
#include "cli/out.h"
#include "cli/url_text.h"

#define MAP_SHOWN 40

static const char *text(const json_t *o, const char *key)
{
    const char *s = json_string_value(json_object_get(o, key));
    return s == NULL ? "" : out_line(s);
}

/* The values stand below each other, but for names that are very long. */
static int label_width(const json_t *r)
{
    enum { LEAST = 14, MOST = 32 };
    const char *name;
    json_t *value;
    size_t width = LEAST;
    json_object_foreach (json_object_get(r, "observations"), name, value)
        if (strlen(name) >= width && strlen(name) < MOST)
            width = strlen(name) + 1;
    return (int)width;
}

static void label(int width, const char *name)
{
    int pad = width - (int)strlen(name);
    printf("  %s%*s", out_colour(GREY, name), pad > 1 ? pad : 1, "");
}

/* A number in the unit that the result names: "1.5s", "12 KiB". */
static bool print_measured(const json_t *value, const char *unit)
{
    char out[HUMAN_TEXT];
    double n = json_number_value(value);
    if (unit == NULL || !json_is_number(value))
        return false;
    if (str_eq(unit, "ms"))
        printf("%s", human_duration((int64_t)(n * 1e6), out));
    else if (str_eq(unit, "B"))
        printf("%s", human_size((int64_t)n, out));
    else
        printf("%.4g%s", n, unit);
    return true;
}

static void print_value(const json_t *value, const char *unit)
{
    char *s;
    if (print_measured(value, unit))
        return;
    if (json_is_string(value))
        printf("%s", out_line(json_string_value(value)));
    else if (json_is_real(value))
        printf("%.6g", json_real_value(value));
    else if ((s = json_dumps(value, JSON_ENCODE_ANY)) != NULL) {
        printf("%s", out_line(s));
        free(s);
    }
}

static void print_head(const json_t *r)
{
    const char *outcome = text(r, "outcome"), *fault = text(r, "fault");
    const char *code = text(r, "code");
    bool faulty = !str_eq(fault, "none") && fault[0];
    printf("%s  %s", out_colour(BOLD, text(r, "check")),
           out_colour(out_state_colour(outcome), outcome));
    if (faulty)
        printf("  %s%s%s", fault, code[0] ? " " : "", code);
    printf("  ");
    print_value(json_object_get(r, "duration_ms"), "ms");
    putchar('\n');
    if (text(r, "message")[0])
        printf("  %s\n", text(r, "message"));
}

static void print_phases(const json_t *r, int width)
{
    const char *name;
    json_t *ms, *phases = json_object_get(r, "phases");
    if (json_object_size(phases) == 0)
        return;
    label(width, "phases");
    json_object_foreach (phases, name, ms) {
        printf("%.*s ", (int)strcspn(name, "_"), name);
        print_value(ms, "ms");
        printf("  ");
    }
    putchar('\n');
}

/* All that a server says of itself may be pages. */
static void print_map(const char *name, const json_t *map, int width,
                      bool trace)
{
    const char *key;
    json_t *value;
    if (json_object_size(map) > MAP_SHOWN && !trace) {
        label(width, out_line(name));
        printf("%zu values; --trace shows them\n", json_object_size(map));
        return;
    }
    json_object_foreach ((json_t *)(uintptr_t)map, key, value) {
        label(width, out_line(name));
        printf("%s: ", out_line(key));
        print_value(value, NULL);
        putchar('\n');
    }
}

static void print_observations(const json_t *r, int width, bool trace)
{
    const char *name;
    json_t *value, *units = json_object_get(r, "units");
    json_object_foreach (json_object_get(r, "observations"), name, value) {
        if (json_is_object(value)) {
            print_map(name, value, width, trace);
            continue;
        }
        label(width, out_line(name));
        print_value(value, json_string_value(json_object_get(units, name)));
        putchar('\n');
    }
}

static void print_lines(const json_t *r)
{
    size_t i;
    json_t *line;
    json_array_foreach (json_object_get(r, "expectations"), i, line) {
        bool holds = json_is_true(json_object_get(line, "true"));
        bool warn = json_is_true(json_object_get(line, "warn"));
        const char *values = text(line, "values");
        printf("  %s %s%s",
               out_colour(holds  ? GREEN
                          : warn ? YELLOW
                                 : RED,
                          holds ? "true " : "FALSE"),
               warn ? "warn_unless " : "", text(line, "line"));
        if (values[0])
            printf(values[0] == '(' ? " %s" : " (%s)", values);
        putchar('\n');
    }
}

static void print_evidence(const json_t *r)
{
    size_t i;
    json_t *one;
    json_array_foreach (json_object_get(r, "evidence"), i, one) {
        printf("  %s\n", out_colour(GREY, text(one, "label")));
        const char *s =
            out_clean(json_string_value(json_object_get(one, "text")));
        while (*s != '\0') {
            size_t n = strcspn(s, "\n");
            printf("    %.*s\n", (int)n, s);
            s += n + (s[n] == '\n');
        }
    }
}

void result_print(const json_t *r, bool trace)
{
    int width = label_width(r);
    print_head(r);
    print_phases(r, width);
    print_observations(r, width, trace);
    print_lines(r);
    if (trace)
        print_evidence(r);
}

static void add_quoted(struct buf *out, const char *s)
{
    url_add_quoted(out, out_line(s));
}

void result_print_config(const char *url, const struct args *args)
{
    const char *line;
    struct buf name = {0}, out = {0};
    url_add_name(&name, url);
    buf_addf(&out, "%s = { ", buf_text(&name));
    char *variable = url_add_setting(&out, out_line(url), buf_text(&name));
    buf_adds(&out, " interval = \"30s\";");
    if (args_has(args, "expect")) {
        buf_adds(&out, " expect = [");
        for (size_t i = 0; (line = args_nth(args, "expect", i)) != NULL; i++) {
            buf_adds(&out, i ? ", " : "");
            add_quoted(&out, line);
        }
        buf_adds(&out, "];");
    }
    printf("\n  %s\n    checks = {\n      %s };\n    };\n",
           out_colour(GREY, "as a check, in relevo.cfg:"), buf_text(&out));
    if (variable != NULL)
        printf("  with this URL, which may hold a secret, as the value of %s\n",
               variable);
    free(variable);
    buf_free(&name);
    buf_free(&out);
}
