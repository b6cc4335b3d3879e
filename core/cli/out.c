/* cli/out.c: see out.h. */
#include "cli/out.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/clock.h"
#include "base/human.h"
#include "base/mem.h"
#include "base/str.h"

bool out_is_coloured(void)
{
    static int known = -1;
    if (known < 0) {
        const char *no = getenv("NO_COLOR"), *term = getenv("TERM");
        known = isatty(STDOUT_FILENO) && (no == NULL || no[0] == '\0') &&
                !str_eq(term, "dumb");
    }
    return known == 1;
}

const char *out_colour(enum colour colour, const char *text)
{
    static const char *const codes[] = {"", "31", "32", "33", "34", "90", "1"};
    static char ring[8][160];
    static unsigned next;
    if (colour == PLAIN || !out_is_coloured())
        return text;
    char *s = ring[next++ % 8];
    snprintf(s, 160, "\033[%sm%s\033[0m", codes[colour], text);
    return s;
}

enum colour out_state_colour(const char *state)
{
    static const struct {
        const char *state;
        enum colour colour;
    } colours[] = {{"up", GREEN},        {"ok", GREEN},     {"resolved", GREEN},
                   {"degraded", YELLOW}, {"warn", YELLOW},  {"suspect", YELLOW},
                   {"down", RED},        {"fail", RED},     {"open", RED},
                   {"impacted", YELLOW}, {"unknown", BLUE}, {"pending", GREY},
                   {"paused", GREY}};
    for (size_t i = 0; i < ARRAY_LEN(colours); i++)
        if (str_eq(colours[i].state, state))
            return colours[i].colour;
    return PLAIN;
}

static const char *cleaned(const char *text, bool keep_newlines)
{
    static struct arena *kept;
    if (kept == NULL)
        kept = arena_new();
    struct buf clean = {0};
    str_clean_buf(&clean, text, strlen(text), keep_newlines);
    const char *copy = arena_strdup(kept, buf_text(&clean));
    buf_free(&clean);
    return copy;
}

const char *out_clean(const char *text) { return cleaned(text, true); }

const char *out_line(const char *text) { return cleaned(text, false); }

int out_columns(void)
{
    struct winsize size;
    return isatty(STDOUT_FILENO) && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0
               ? size.ws_col
               : 0;
}

int out_width(const char *s)
{
    int n = 0;
    for (; *s != '\0'; s++)
        n += ((unsigned char)*s & 0xc0) != 0x80;
    return n;
}

/* Bytes up to the last blank at which the text may be broken so that it takes
 * at most `room` characters; the whole first word where none fits. */
static size_t line_end(const char *text, int room)
{
    size_t end = 0;
    for (size_t i = 0;; i++) {
        bool blank = text[i] == ' ' || text[i] == '\0';
        if (((unsigned char)text[i] & 0xc0) != 0x80 && room-- < 0 && end > 0)
            return end;
        if (blank)
            end = i;
        if (text[i] == '\0' || (blank && room < 0))
            return end;
    }
}

void out_put_wrapped(struct buf *b, const char *text, int indent, int columns)
{
    while (columns > 0 && out_width(text) > columns - indent) {
        size_t n = line_end(text, columns - indent);
        buf_add(b, text, n);
        text += n + strspn(text + n, " ");
        if (*text == '\0')
            return;
        buf_addf(b, "\n%*s", indent, "");
    }
    buf_adds(b, text);
}

void out_wrapped(const char *text, int indent)
{
    struct buf wrapped = {0};
    out_put_wrapped(&wrapped, text, indent, out_columns());
    fputs(buf_text(&wrapped), stdout);
    buf_free(&wrapped);
}

void out_point(const char *text, int column)
{
    struct buf before = {0};
    size_t n = column < 1 ? 0 : (size_t)column - 1;
    if (n > strlen(text))
        n = strlen(text);
    str_clean_buf(&before, text, n, false);
    fprintf(stderr, "  %s\n  %*s^\n", out_clean(text),
            out_width(buf_text(&before)), "");
    buf_free(&before);
}

/* --------------------------------------------------------------- table --- */

struct table {
    size_t columns, count, cap;
    char **cells;
};

struct table *table_new(size_t columns)
{
    struct table *t = xcalloc(1, sizeof *t);
    t->columns = columns;
    return t;
}

struct table *table_begin(const char *const *head, size_t columns)
{
    struct table *t = table_new(columns);
    for (size_t i = 0; i < columns; i++)
        table_cell(t, "%s", head[i]);
    return t;
}

void table_cell(struct table *t, const char *fmt, ...)
{
    struct buf raw = {0}, clean = {0};
    va_list ap;
    va_start(ap, fmt);
    buf_addv(&raw, fmt, ap);
    va_end(ap);
    str_clean_buf(&clean, buf_text(&raw), raw.len, false);
    t->cells = xgrow(t->cells, t->count, &t->cap, sizeof *t->cells);
    t->cells[t->count++] = buf_take(&clean);
    buf_free(&raw);
}

enum { LEAST_ROOM = 30, BELOW = 6 };

/* The last column, wrapped where it would leave the terminal; where it has
 * hardly any room beside the others it stands below them. */
static void print_last_cell(const char *cell, int indent)
{
    int columns = out_columns();
    if (columns > 0 && indent > BELOW && columns - indent < LEAST_ROOM &&
        out_width(cell) > columns - indent) {
        printf("\n%*s", BELOW, "");
        indent = BELOW;
    }
    out_wrapped(cell, indent);
}

struct layout { /* of each column */
    int *widths, *at;
};

/* A column that would leave the terminal begins a further line, as does the
 * last one where not even its head has room. */
static void lay_out(const struct table *t, struct layout *l)
{
    int columns = out_columns(), next = 0;
    for (size_t c = 0; c < t->columns; c++) {
        bool last = c + 1 == t->columns;
        int width = last ? out_width(t->cells[c]) : l->widths[c];
        if (c > 0 && columns > 0 && next + width > columns)
            next = BELOW;
        l->at[c] = next;
        next += l->widths[c] + 2;
    }
}

static void go_to_column(const struct table *t, size_t row, size_t c,
                         const struct layout *l)
{
    if (c == 0)
        return;
    if (l->at[c] != l->at[c - 1] + l->widths[c - 1] + 2)
        printf("\n%*s", l->at[c], "");
    else
        printf("%*s", l->widths[c - 1] + 2 - out_width(t->cells[row + c - 1]),
               "");
}

/* No blanks behind the last cell that says something. */
static void print_row(const struct table *t, size_t row, const struct layout *l)
{
    size_t used = t->columns;
    while (used > 0 && t->cells[row + used - 1][0] == '\0')
        used--;
    for (size_t c = 0; c < used; c++) {
        const char *cell = t->cells[row + c];
        enum colour colour = row == 0 ? GREY : out_state_colour(cell);
        go_to_column(t, row, c, l);
        if (c + 1 == t->columns && colour == PLAIN)
            print_last_cell(cell, l->at[c]);
        else
            fputs(out_colour(colour, cell), stdout);
    }
    putchar('\n');
}

void table_print(struct table *t)
{
    struct layout l = {xcalloc(t->columns, sizeof *l.widths),
                       xcalloc(t->columns, sizeof *l.at)};
    for (size_t i = 0; i < t->count; i++)
        if (out_width(t->cells[i]) > l.widths[i % t->columns])
            l.widths[i % t->columns] = out_width(t->cells[i]);
    if (t->count >= t->columns)
        lay_out(t, &l);
    for (size_t row = 0; row < t->count; row += t->columns)
        print_row(t, row, &l);
    for (size_t i = 0; i < t->count; i++)
        free(t->cells[i]);
    free(t->cells);
    free(l.at);
    free(l.widths);
    free(t);
}

void out_json(json_t *o)
{
    size_t flags = isatty(STDOUT_FILENO) ? JSON_INDENT(2) : JSON_COMPACT;
    char *text = json_dumps(o, flags | JSON_ENCODE_ANY);
    must(text != NULL);
    struct buf clean = {0};
    str_clean_json(&clean, text);
    puts(buf_text(&clean));
    buf_free(&clean);
    free(text);
    json_decref(o);
}

/* ---------------------------------------------------------------- time --- */

const char *out_time(int64_t wall_us)
{
    static char ring[4][32];
    static unsigned next;
    char *s = ring[next++ % 4];
    time_t t = (time_t)(wall_us / US_PER_S);
    struct tm tm;
    s[0] = '\0';
    if (wall_us != 0 && localtime_r(&t, &tm) != NULL)
        strftime(s, 32, "%Y-%m-%d %H:%M:%S", &tm);
    return s;
}

const char *out_clock(int64_t wall_us)
{
    static char ring[4][32];
    static unsigned next;
    char *s = ring[next++ % 4];
    time_t t = (time_t)(wall_us / US_PER_S);
    time_t now = (time_t)(clock_wall_us() / US_PER_S);
    struct tm tm, today;
    s[0] = '\0';
    if (wall_us == 0 || localtime_r(&t, &tm) == NULL ||
        localtime_r(&now, &today) == NULL)
        return s;
    bool same = tm.tm_year == today.tm_year && tm.tm_yday == today.tm_yday;
    strftime(s, 32, same ? "%H:%M" : "%Y-%m-%d %H:%M", &tm);
    return s;
}

const char *out_since(int64_t wall_us)
{
    static char ring[4][HUMAN_TEXT];
    static unsigned next;
    char *s = ring[next++ % 4];
    int64_t us = clock_wall_us() - wall_us;
    s[0] = '\0';
    if (wall_us != 0)
        human_elapsed((us < 0 ? 0 : us) * NS_PER_US, s);
    return s;
}
