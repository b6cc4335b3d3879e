/* cli/matrix.c: see matrix.h.
 *
 * Rows and columns stand in the order of the configuration. Where the terminal
 * is too narrow long cells are cut, then the environments go on in a block
 * below. */
#include "cli/matrix.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "base/mem.h"
#include "base/str.h"
#include "cli/out.h"
#include "model/naming.h"
#include "report/json.h"

enum { GAP = 2, CELL_LEAST = 5, CELL_MOST = 30 };

struct matrix {
    struct map *components, *environments; /* name to its number */
    size_t *numbers; /* what the maps point into: half of it each */
    size_t component_count, environment_count;
    const json_t **cells; /* component by component; NULL: it is not there */
};

static const char *component_of(const json_t *check)
{
    struct named named = {report_member(check, "name"),
                          report_member(check, "environment")};
    return naming_plain(&named);
}

/* A name's value is its number: what map_at would find, the other way round. */
static void number(struct map *names, const char *name, size_t *numbers)
{
    size_t next = map_count(names);
    if (map_has(names, name))
        return;
    numbers[next] = next;
    map_set(names, name, &numbers[next]);
}

static size_t number_of(const struct map *names, const char *name)
{
    return *(const size_t *)map_get(names, name);
}

static struct matrix matrix_new(const json_t *checks)
{
    size_t i, n = json_array_size(checks);
    struct matrix m = {map_new(), map_new(), NULL, 0, 0, NULL};
    json_t *check;
    m.numbers = xcalloc(2 * n + 1, sizeof *m.numbers);
    json_array_foreach (checks, i, check) {
        number(m.components, component_of(check), m.numbers);
        number(m.environments, report_member(check, "environment"),
               m.numbers + n);
    }
    m.component_count = map_count(m.components);
    m.environment_count = map_count(m.environments);
    m.cells = xcalloc(m.component_count * m.environment_count + 1,
                      sizeof(const json_t *));
    json_array_foreach (checks, i, check) {
        size_t row = number_of(m.components, component_of(check));
        size_t column =
            number_of(m.environments, report_member(check, "environment"));
        m.cells[row * m.environment_count + column] = check;
    }
    return m;
}

static void matrix_free(struct matrix *m)
{
    map_free(m->components);
    map_free(m->environments);
    free(m->numbers);
    free(m->cells);
}

static const json_t *cell(const struct matrix *m, size_t row, size_t column)
{
    return m->cells[row * m->environment_count + column];
}

/* ---------------------------------------------------------------- JSON --- */

static json_t *cell_json(const json_t *check)
{
    static const char *const members[] = {
        "name", "state", "count", "waits_for", "maintenance", "acknowledged"};
    json_t *o = json_object();
    for (size_t i = 0; i < ARRAY_LEN(members); i++) {
        json_t *value = json_object_get(check, members[i]);
        json_object_set(o, members[i], value == NULL ? json_null() : value);
    }
    return o;
}

json_t *matrix_json(const json_t *checks)
{
    struct matrix m = matrix_new(checks);
    json_t *environments = json_array(), *components = json_array();
    for (size_t e = 0; e < m.environment_count; e++)
        json_array_append_new(environments,
                              json_string(map_key(m.environments, e)));
    for (size_t c = 0; c < m.component_count; c++) {
        json_t *states = json_array();
        for (size_t e = 0; e < m.environment_count; e++)
            json_array_append_new(states, cell(&m, c, e) == NULL
                                              ? json_null()
                                              : cell_json(cell(&m, c, e)));
        json_array_append_new(components, json_pack("{s:s, s:o}", "name",
                                                    map_key(m.components, c),
                                                    "states", states));
    }
    matrix_free(&m);
    return json_pack("{s:o, s:o}", "environments", environments, "components",
                     components);
}

/* ---------------------------------------------------------------- text --- */

void matrix_put_waits(struct buf *out, const json_t *check)
{
    const char *at = report_member(check, "waits_for");
    const char *environment = report_member(check, "environment");
    if (*at != '\0')
        buf_adds(out, "waits for ");
    while (*at != '\0') { /* "staging/db, any of …": word by word */
        size_t n = strcspn(at, " "), gap = strspn(at + n, " ");
        size_t own = strlen(environment);
        bool is_own = own > 0 && own < n && at[own] == '/' &&
                      strncmp(at, environment, own) == 0;
        size_t skipped = is_own ? own + 1 : 0;
        buf_add(out, at + skipped, n + gap - skipped);
        at += n + gap;
    }
}

/* "suspect 2/3", "waits for db", "up, maintenance"; "-": not there. */
static void put_cell(struct buf *out, const json_t *check)
{
    const char *count = report_member(check, "count");
    size_t before = out->len;
    if (check == NULL) {
        buf_adds(out, "-");
        return;
    }
    matrix_put_waits(out, check);
    if (out->len == before)
        buf_addf(out, "%s%s%s", report_member(check, "state"),
                 count[0] ? " " : "", count);
    if (report_member(check, "maintenance")[0] != '\0')
        buf_adds(out, ", maintenance");
    if (json_is_true(json_object_get(check, "acknowledged")))
        buf_adds(out, ", acknowledged");
}

/* Whole characters, at most that many; "…" stands for what was cut. */
static void cut(struct buf *text, int most)
{
    int n = 0;
    size_t keep = 0;
    if (most < 1 || out_width(buf_text(text)) <= most)
        return;
    for (size_t i = 0; i < text->len && n < most; i++)
        if (((unsigned char)text->data[i] & 0xc0) != 0x80 && n++ < most)
            keep = i;
    text->len = keep;
    buf_adds(text, "…");
}

/* A cell, and the room up to the next one where there is one. */
static void print_cell(struct buf *text, int width, bool last,
                       enum colour colour)
{
    cut(text, width);
    const char *clean = out_line(buf_text(text));
    fputs(out_colour(colour, clean), stdout);
    if (last)
        putchar('\n');
    else
        printf("%*s", width - out_width(clean) + GAP, "");
    buf_clear(text);
}

static const char *head_of(const struct matrix *m, size_t e)
{
    const char *name = map_key(m->environments, e);
    return name[0] != '\0' ? name : "STATE";
}

static int width_of(const struct matrix *m, size_t e, int most)
{
    struct buf text = {0};
    int width = out_width(head_of(m, e));
    for (size_t c = 0; c < m->component_count; c++) {
        buf_clear(&text);
        put_cell(&text, cell(m, c, e));
        int own = out_width(buf_text(&text));
        if (own > width)
            width = own;
    }
    buf_free(&text);
    return most > 0 && width > most ? most : width;
}

/* The environments from..to, with the names of the components before them. */
static void print_block(const struct matrix *m, size_t from, size_t to,
                        int names, const int *widths)
{
    struct buf text = {0};
    buf_adds(&text, "COMPONENT");
    print_cell(&text, names, false, GREY);
    for (size_t e = from; e < to; e++) {
        buf_adds(&text, head_of(m, e));
        print_cell(&text, widths[e], e + 1 == to, GREY);
    }
    for (size_t c = 0; c < m->component_count; c++) {
        buf_adds(&text, map_key(m->components, c));
        print_cell(&text, names, false, PLAIN);
        for (size_t e = from; e < to; e++) {
            const char *state = report_member(cell(m, c, e), "state");
            put_cell(&text, cell(m, c, e));
            print_cell(&text, widths[e], e + 1 == to, out_state_colour(state));
        }
    }
    buf_free(&text);
}

static int width_of_names(const struct matrix *m, int most)
{
    int width = out_width("COMPONENT");
    for (size_t c = 0; c < m->component_count; c++)
        if (out_width(map_key(m->components, c)) > width)
            width = out_width(map_key(m->components, c));
    return most > 0 && width > most ? most : width;
}

void matrix_print(const json_t *checks, int columns)
{
    struct matrix m = matrix_new(checks);
    int half = columns / 2 - GAP;
    int most = columns == 0        ? 0
               : half < CELL_LEAST ? CELL_LEAST
               : half < CELL_MOST  ? half
                                   : CELL_MOST;
    int names = width_of_names(&m, most);
    int *widths = xcalloc(m.environment_count + 1, sizeof *widths);
    for (size_t e = 0; e < m.environment_count; e++)
        widths[e] = width_of(&m, e, most);
    for (size_t from = 0, to; from < m.environment_count; from = to) {
        int used = names + GAP + widths[from];
        for (to = from + 1; to < m.environment_count; to++) {
            used += GAP + widths[to];
            if (columns > 0 && used > columns)
                break;
        }
        if (from > 0)
            putchar('\n');
        print_block(&m, from, to, names, widths);
    }
    free(widths);
    matrix_free(&m);
}
