/* conf/errors.c: see errors.h. */
#include "conf/errors.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

enum { SHORTEST_HIDDEN = 4, LONGEST_TEXT = 1500 };

struct shelf {
    struct conf_message kept[CONF_ERRORS_KEPT];
    size_t count; /* found; the first CONF_ERRORS_KEPT are kept */
};

struct conf_errors {
    struct arena *arena;
    struct shelf errors, warnings;
    const char **hidden;
    size_t hidden_count, hidden_cap;
};

struct conf_errors *conf_errors_new(void)
{
    struct conf_errors *e = xcalloc(1, sizeof *e);
    e->arena = arena_new();
    return e;
}

void conf_errors_free(struct conf_errors *e)
{
    if (e == NULL)
        return;
    arena_free(e->arena);
    free(e->hidden);
    free(e);
}

void conf_errors_hide(struct conf_errors *e, const char *secret)
{
    if (strlen(secret) < SHORTEST_HIDDEN)
        return;
    e->hidden =
        xgrow(e->hidden, e->hidden_count, &e->hidden_cap, sizeof *e->hidden);
    e->hidden[e->hidden_count++] = arena_strdup(e->arena, secret);
}

static void blot_out(struct buf *text, const char *secret)
{
    struct buf out = {0};
    const char *from = buf_text(text), *at;
    if (strstr(from, secret) == NULL)
        return;
    while ((at = strstr(from, secret)) != NULL) {
        buf_add(&out, from, (size_t)(at - from));
        buf_adds(&out, "***");
        from = at + strlen(secret);
    }
    buf_adds(&out, from);
    buf_free(text);
    *text = out;
}

static bool is_before(const struct place *a, const struct place *b)
{
    return str_eq(a->file, b->file) &&
           (a->line < b->line || (a->line == b->line && a->column < b->column));
}

/* What was found in one file in a row stands in the file's order. */
static void file_away(struct shelf *shelf, struct conf_message message)
{
    size_t i = shelf->count - 1;
    for (; i > 0 && is_before(&message.place, &shelf->kept[i - 1].place); i--)
        shelf->kept[i] = shelf->kept[i - 1];
    shelf->kept[i] = message;
}

static bool is_kept(const struct shelf *shelf, const struct place *place,
                    const char *text)
{
    for (size_t i = 0; i < shelf->count && i < CONF_ERRORS_KEPT; i++) {
        const struct conf_message *m = &shelf->kept[i];
        if (m->place.line == place->line && m->place.column == place->column &&
            str_eq(m->place.file, place->file) && str_eq(m->text, text))
            return true;
    }
    return false;
}

/* A name of 300,000 letters is not shown as a whole. */
static void shorten(struct buf *text)
{
    if (text->len <= LONGEST_TEXT)
        return;
    size_t n = LONGEST_TEXT;
    while (n > 0 && ((unsigned char)text->data[n] & 0xc0) == 0x80)
        n--; /* in the middle of a character */
    text->len = n;
    buf_adds(text, "...");
}

static void keep(struct conf_errors *e, struct shelf *shelf, struct place place,
                 const char *fmt, va_list args)
{
    if (shelf->count >= CONF_ERRORS_KEPT) {
        shelf->count++;
        return;
    }
    struct buf text = {0}, clean = {0};
    buf_addv(&text, fmt, args);
    for (size_t i = 0; i < e->hidden_count; i++)
        blot_out(&text, e->hidden[i]);
    str_clean_buf(&clean, buf_text(&text), text.len, true);
    shorten(&clean);
    if (!is_kept(shelf, &place, buf_text(&clean))) {
        shelf->count++;
        place.file = arena_strdup(e->arena, place.file);
        file_away(shelf, (struct conf_message){
                             place, arena_strdup(e->arena, buf_text(&clean))});
    }
    buf_free(&clean);
    buf_free(&text);
}

void conf_error(struct conf_errors *e, struct place place, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    keep(e, &e->errors, place, fmt, args);
    va_end(args);
}

void conf_warn(struct conf_errors *e, struct place place, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    keep(e, &e->warnings, place, fmt, args);
    va_end(args);
}

size_t conf_errors_count(const struct conf_errors *e)
{
    return e->errors.count;
}

size_t conf_errors_warnings(const struct conf_errors *e)
{
    return e->warnings.count;
}

static const struct conf_message *at(const struct shelf *shelf, size_t i)
{
    return i < shelf->count && i < CONF_ERRORS_KEPT ? &shelf->kept[i] : NULL;
}

const struct conf_message *conf_errors_at(const struct conf_errors *e, size_t i)
{
    return at(&e->errors, i);
}

const struct conf_message *conf_errors_warning(const struct conf_errors *e,
                                               size_t i)
{
    return at(&e->warnings, i);
}

void conf_message_write(const struct conf_message *m, struct buf *out)
{
    if (m->place.file != NULL) {
        buf_adds(out, m->place.file);
        if (m->place.line > 0)
            buf_addf(out, ":%d", m->place.line);
        if (m->place.line > 0 && m->place.column > 0)
            buf_addf(out, ":%d", m->place.column);
        buf_adds(out, ": ");
    }
    buf_adds(out, m->text);
}

static void write_shelf(const struct shelf *shelf, const char *prefix,
                        const char *what, struct buf *out)
{
    for (size_t i = 0; at(shelf, i) != NULL; i++) {
        buf_adds(out, prefix);
        conf_message_write(at(shelf, i), out);
        buf_addc(out, '\n');
    }
    if (shelf->count > CONF_ERRORS_KEPT)
        buf_addf(out, "… and %zu more: %zu %s in all\n",
                 shelf->count - CONF_ERRORS_KEPT, shelf->count, what);
}

void conf_errors_write(const struct conf_errors *e, struct buf *out)
{
    write_shelf(&e->errors, "", "errors", out);
    write_shelf(&e->warnings, "warning: ", "warnings", out);
}
