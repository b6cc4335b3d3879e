/* model/places.c: see places.h. */
#include "model/places.h"

#include <ctype.h>
#include <string.h>

#include "base/buf.h"
#include "base/str.h"

#define LITERAL "{{{{"

/* The length of the name, where "{{name}}" begins; 0: it does not. A name is a
 * letter, then letters, digits, - and _, as in ${name}. */
static size_t name_at(const char *s)
{
    size_t n = 0;
    if (!str_starts(s, "{{") || !isalpha((unsigned char)s[2]))
        return 0;
    s += 2;
    while (isalnum((unsigned char)s[n]) || s[n] == '-' || s[n] == '_')
        n++;
    return str_starts(s + n, "}}") ? n : 0;
}

static const char *value_of(const struct rlv_dict *values, const char *name,
                            size_t len)
{
    for (size_t i = 0; i < values->count; i++)
        if (strlen(values->pairs[i].key) == len &&
            memcmp(values->pairs[i].key, name, len) == 0)
            return values->pairs[i].value;
    return NULL;
}

static bool text_has(const char *s)
{
    while (s != NULL && (s = strstr(s, "{{")) != NULL) {
        if (name_at(s) > 0)
            return true;
        s += str_starts(s, LITERAL) ? strlen(LITERAL) : 1;
    }
    return false;
}

const char *places_fill_text(const char *text, const struct rlv_dict *values,
                             struct arena *arena, const char **unfilled)
{
    if (text == NULL || strstr(text, "{{") == NULL)
        return arena_strdup(arena, text);
    struct buf out = {0};
    while (*text != '\0') {
        size_t len = name_at(text);
        const char *value = NULL;
        if (len > 0 && values != NULL) {
            value = value_of(values, text + 2, len);
            if (value == NULL) {
                *unfilled = arena_strndup(arena, text + 2, len);
                buf_free(&out);
                return NULL;
            }
            buf_adds(&out, value);
            text += len + 4;
        } else if (str_starts(text, LITERAL)) {
            buf_adds(&out, "{{");
            text += strlen(LITERAL);
        } else {
            buf_addc(&out, *text++);
        }
    }
    const char *filled = arena_strdup(arena, buf_text(&out));
    buf_free(&out);
    return filled;
}

const char *places_escape(const char *text, struct arena *arena)
{
    struct buf out = {0};
    if (text == NULL || strstr(text, "{{") == NULL)
        return arena_strdup(arena, text);
    while (*text != '\0') {
        bool pair = str_starts(text, "{{");
        if (pair)
            buf_adds(&out, LITERAL);
        else
            buf_addc(&out, *text);
        text += pair ? 2 : 1;
    }
    const char *escaped = arena_strdup(arena, buf_text(&out));
    buf_free(&out);
    return escaped;
}

/* ---------------------------------------------------------- whole values ---
 */

static bool dict_has(const struct rlv_dict *d)
{
    for (size_t i = 0; i < d->count; i++)
        if (text_has(d->pairs[i].value))
            return true;
    return false;
}

bool places_are_in(const struct raw *raw)
{
    switch (raw->type) {
    case RAW_LIST:
        for (size_t i = 0; i < raw->list.count; i++)
            if (text_has(raw->list.items[i]))
                return true;
        return false;
    case RAW_DICT: return dict_has(&raw->dict);
    case RAW_STEPS:
        for (size_t i = 0; i < raw->steps.count; i++)
            if (dict_has(&raw->steps.steps[i]))
                return true;
        return false;
    default: return text_has(raw->text);
    }
}

bool places_are_filled(const struct catalog *c, const char *option)
{
    const struct rlv_option *row =
        option_find(c->options, c->option_count, option);
    return row != NULL && (row->flags & RLV_OWN_PLACES) == 0;
}

bool places_are_in_any(const struct catalog *c, const struct setting *settings,
                       size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (places_are_filled(c, settings[i].name) &&
            places_are_in(&settings[i].value))
            return true;
    return false;
}

struct filling {
    const struct rlv_dict *values;
    struct arena *arena;
    const char **unfilled;
    bool ok;
};

static const char *fill(struct filling *f, const char *text)
{
    const char *filled =
        places_fill_text(text, f->values, f->arena, f->unfilled);
    if (filled == NULL && text != NULL)
        f->ok = false;
    return filled;
}

static struct rlv_list fill_list(struct filling *f, const struct rlv_list *from)
{
    const char **items =
        arena_alloc(f->arena, (from->count + 1) * sizeof *items);
    for (size_t i = 0; i < from->count && f->ok; i++)
        items[i] = fill(f, from->items[i]);
    return (struct rlv_list){items, from->count};
}

/* Keys are names of headers, of steps: they have no places. */
static struct rlv_dict fill_dict(struct filling *f, const struct rlv_dict *from)
{
    struct rlv_pair *pairs =
        arena_alloc(f->arena, (from->count + 1) * sizeof *pairs);
    for (size_t i = 0; i < from->count && f->ok; i++) {
        pairs[i].key = arena_strdup(f->arena, from->pairs[i].key);
        pairs[i].value = fill(f, from->pairs[i].value);
    }
    return (struct rlv_dict){pairs, from->count};
}

static struct rlv_steps fill_steps(struct filling *f,
                                   const struct rlv_steps *from)
{
    struct rlv_dict *steps =
        arena_alloc(f->arena, (from->count + 1) * sizeof *steps);
    for (size_t i = 0; i < from->count && f->ok; i++)
        steps[i] = fill_dict(f, &from->steps[i]);
    return (struct rlv_steps){steps, from->count};
}

bool places_fill(const struct raw *from, const struct rlv_dict *values,
                 struct arena *arena, struct raw *to, const char **unfilled)
{
    struct filling f = {values, arena, unfilled, true};
    *to = *from;
    switch (from->type) {
    case RAW_LIST: to->list = fill_list(&f, &from->list); break;
    case RAW_DICT: to->dict = fill_dict(&f, &from->dict); break;
    case RAW_STEPS: to->steps = fill_steps(&f, &from->steps); break;
    default: to->text = fill(&f, from->text); break;
    }
    return f.ok;
}
