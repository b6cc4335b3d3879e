/* model/option.c: see option.h. */
#include "model/option.h"

#include <stdio.h>
#include <string.h>

#include "base/attr.h"
#include "base/human.h"
#include "base/str.h"

/* What a row's kind is called, and what stands in a configuration for it. */
// clang-format off
static const struct {
    const char *text;    /* "…, not a list" */
    const char *example; /* shown where something of another sort was given */
} kinds[] = {
    [RLV_STRING]   = {"text",               "\"text\""},
    [RLV_SECRET]   = {"a secret",           "{ env = \"NAME\"; }"},
    [RLV_INT]      = {"a whole number",     "5"},
    [RLV_DURATION] = {"a duration",         "\"30s\""},
    [RLV_SIZE]     = {"a size",             "\"4KiB\""},
    [RLV_REAL]     = {"a number",           "0.5"},
    [RLV_BOOL]     = {"true or false",      "true"},
    [RLV_ENUM]     = {"one of some words",  "\"word\""},
    [RLV_LIST]     = {"a list of texts",    "[\"a\", \"b\"]"},
    [RLV_DICT]     = {"a group of texts",   "{ name = \"text\"; }"},
    [RLV_STEPS]    = {"a list of groups",   "({ name = \"text\"; })"},
};
// clang-format on

static const char *const raw_names[] = {
    [RAW_TEXT] = "text",
    [RAW_INT] = "a whole number",
    [RAW_REAL] = "a number",
    [RAW_BOOL] = "true or false",
    [RAW_LIST] = "a list",
    [RAW_DICT] = "a group",
    [RAW_STEPS] = "a list of groups",
};

const struct rlv_option *option_find(const struct rlv_option *table,
                                     size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (str_eq(table[i].name, name))
            return &table[i];
    return NULL;
}

struct names {
    const struct rlv_option *table;
    size_t count;
};

static const char *nth_name(const void *arg, size_t i)
{
    const struct names *n = arg;
    return i < n->count ? n->table[i].name : NULL;
}

const char *option_suggest(const struct rlv_option *table, size_t count,
                           const char *name)
{
    return str_nearest(name, nth_name, &(struct names){table, count});
}

const char *option_kind_text(unsigned kind)
{
    return kind >= RLV_STRING && kind <= RLV_STEPS ? kinds[kind].text
                                                   : "of an unknown kind";
}

/* -------------------------------------------------------------- limits --- */

static bool parse_number(unsigned kind, const char *text, int64_t *i,
                         struct err *err)
{
    if (kind == RLV_DURATION)
        return human_parse_duration(text, i, err);
    if (kind == RLV_SIZE)
        return human_parse_size(text, i, err);
    return str_to_i64(text, i) ||
           err_set(err, ERR_CONFIG, 0, "\"%s\" is not a whole number", text);
}

/* Cuts "1ms..60s" in two. false: there is no range in the limits. */
static bool split_range(const char *limits, char low[HUMAN_TEXT],
                        const char **high)
{
    const char *dots = limits == NULL ? NULL : strstr(limits, "..");
    if (dots == NULL || dots - limits >= HUMAN_TEXT)
        return false;
    snprintf(low, HUMAN_TEXT, "%.*s", (int)(dots - limits), limits);
    *high = dots + 2;
    return true;
}

static bool bad_table(const struct rlv_option *row, struct err *err)
{
    return err_set(err, ERR_INTERNAL, 0,
                   "option \"%s\" has limits that cannot be read: \"%s\"",
                   row->name, row->limits);
}

static bool out_of_range(const struct rlv_option *row, const char *text,
                         struct err *err)
{
    return err_set(err, ERR_CONFIG, 0, "%s is not within %s", text,
                   row->limits);
}

static bool within(const struct rlv_option *row, int64_t value,
                   const char *text, struct err *err)
{
    char low[HUMAN_TEXT];
    const char *high;
    int64_t least, most = INT64_MAX;
    if (!split_range(row->limits, low, &high))
        return true;
    if (!parse_number(row->kind, low, &least, err) ||
        (*high != '\0' && !parse_number(row->kind, high, &most, err)))
        return bad_table(row, err);
    return (value >= least && value <= most) || out_of_range(row, text, err);
}

static bool within_real(const struct rlv_option *row, double value,
                        const char *text, struct err *err)
{
    char low[HUMAN_TEXT];
    const char *high;
    double least, most;
    if (!split_range(row->limits, low, &high))
        return true;
    if (!str_to_double(low, &least) || !str_to_double(high, &most))
        return bad_table(row, err);
    return (value >= least && value <= most) || out_of_range(row, text, err);
}

/* The words of "GET|HEAD|POST" as a NULL-ended array on the arena. */
static const char *const *words_of(const char *limits, struct arena *arena)
{
    size_t n = 1;
    for (const char *s = limits; *s != '\0'; s++)
        n += *s == '|';
    const char **words = arena_alloc(arena, (n + 1) * sizeof *words);
    for (size_t i = 0; i < n; i++) {
        size_t len = strcspn(limits, "|");
        words[i] = arena_strndup(arena, limits, len);
        limits += len + 1;
    }
    return words;
}

static bool choose(const struct rlv_option *row, const char *text,
                   struct arena *arena, int64_t *index, struct err *err)
{
    const char *const *words = words_of(row->limits, arena);
    struct buf all = {0};
    for (size_t i = 0; words[i] != NULL; i++) {
        if (str_eq(words[i], text)) {
            *index = (int64_t)i;
            buf_free(&all);
            return true;
        }
        buf_addf(&all, "%s\"%s\"",
                 i == 0                 ? ""
                 : words[i + 1] == NULL ? " or "
                                        : ", ",
                 words[i]);
    }
    const char *near = str_nearest_of(text, words);
    if (near != NULL)
        err_set(err, ERR_CONFIG, 0, "\"%s\" is not %s; did you mean \"%s\"?",
                text, buf_text(&all), near);
    else
        err_set(err, ERR_CONFIG, 0, "\"%s\" is not %s", text, buf_text(&all));
    buf_free(&all);
    return false;
}

/* ------------------------------------------------------------- setting --- */

static void *slot(const struct rlv_option *row, void *conf)
{
    return (char *)conf + row->offset;
}

static bool wrong_sort(const struct rlv_option *row, const struct raw *value,
                       struct err *err)
{
    return err_set(err, ERR_CONFIG, 0, "%s is expected%s%s, not %s",
                   option_kind_text(row->kind),
                   row->kind == RLV_BOOL ? "" : ", such as ",
                   row->kind == RLV_BOOL ? "" : kinds[row->kind].example,
                   raw_names[value->type]);
}

static bool is_scalar(const struct raw *value)
{
    return value->type <= RAW_BOOL;
}

static bool set_text(const struct rlv_option *row, const struct raw *value,
                     void *conf, struct arena *arena, struct err *err)
{
    int64_t index;
    if (value->type != RAW_TEXT)
        return wrong_sort(row, value, err);
    if (row->limits != NULL && !choose(row, value->text, arena, &index, err))
        return false;
    *(const char **)slot(row, conf) = arena_strdup(arena, value->text);
    return true;
}

static bool set_enum(const struct rlv_option *row, const struct raw *value,
                     void *conf, struct arena *arena, struct err *err)
{
    if (!is_scalar(value))
        return wrong_sort(row, value, err);
    return choose(row, value->text, arena, slot(row, conf), err);
}

/* A text is taken too: variables have no other form. */
static bool set_number(const struct rlv_option *row, const struct raw *value,
                       void *conf, struct err *err)
{
    int64_t *to = slot(row, conf), i;
    if (value->type != RAW_TEXT && value->type != RAW_INT &&
        !(value->type == RAW_REAL && row->kind != RLV_INT))
        return wrong_sort(row, value, err);
    if (!parse_number(row->kind, value->text, &i, err) ||
        !within(row, i, value->text, err))
        return false;
    *to = i;
    return true;
}

static bool set_real(const struct rlv_option *row, const struct raw *value,
                     void *conf, struct err *err)
{
    double *to = slot(row, conf), d;
    if (!is_scalar(value) || value->type == RAW_BOOL)
        return wrong_sort(row, value, err);
    if (!str_to_double(value->text, &d))
        return err_set(err, ERR_CONFIG, 0, "\"%s\" is not a number",
                       value->text);
    if (!within_real(row, d, value->text, err))
        return false;
    *to = d;
    return true;
}

static bool set_bool(const struct rlv_option *row, const struct raw *value,
                     void *conf, struct err *err)
{
    bool is_true = is_scalar(value) && str_eq(value->text, "true");
    bool is_false = is_scalar(value) && str_eq(value->text, "false");
    if (!is_true && !is_false)
        return wrong_sort(row, value, err);
    *(int64_t *)slot(row, conf) = is_true;
    return true;
}

struct rlv_list option_copy_list(const struct rlv_list *from,
                                 struct arena *arena)
{
    const char **items = arena_alloc(arena, (from->count + 1) * sizeof *items);
    for (size_t i = 0; i < from->count; i++)
        items[i] = arena_strdup(arena, from->items[i]);
    return (struct rlv_list){items, from->count};
}

struct rlv_dict option_copy_dict(const struct rlv_dict *from,
                                 struct arena *arena)
{
    struct rlv_pair *pairs =
        arena_alloc(arena, (from->count + 1) * sizeof *pairs);
    for (size_t i = 0; i < from->count; i++) {
        pairs[i].key = arena_strdup(arena, from->pairs[i].key);
        pairs[i].value = arena_strdup(arena, from->pairs[i].value);
    }
    return (struct rlv_dict){pairs, from->count};
}

struct rlv_steps option_copy_steps(const struct rlv_steps *from,
                                   struct arena *arena)
{
    struct rlv_dict *steps =
        arena_alloc(arena, (from->count + 1) * sizeof *steps);
    for (size_t i = 0; i < from->count; i++)
        steps[i] = option_copy_dict(&from->steps[i], arena);
    return (struct rlv_steps){steps, from->count};
}

struct raw option_copy_raw(const struct raw *from, struct arena *arena)
{
    struct raw to = *from;
    to.text = arena_strdup(arena, from->text);
    if (from->type == RAW_LIST)
        to.list = option_copy_list(&from->list, arena);
    else if (from->type == RAW_DICT)
        to.dict = option_copy_dict(&from->dict, arena);
    else if (from->type == RAW_STEPS)
        to.steps = option_copy_steps(&from->steps, arena);
    return to;
}

struct setting *option_copy_settings(const struct setting *from, size_t count,
                                     struct arena *arena)
{
    struct setting *to = arena_alloc(arena, (count + 1) * sizeof *to);
    for (size_t i = 0; i < count; i++)
        to[i] =
            (struct setting){.name = arena_strdup(arena, from[i].name),
                             .value = option_copy_raw(&from[i].value, arena)};
    return to;
}

/* One text is a list of one; every word of it must be allowed. */
static bool set_list(const struct rlv_option *row, const struct raw *value,
                     void *conf, struct arena *arena, struct err *err)
{
    struct rlv_list one = {&value->text, 1};
    const struct rlv_list *from = value->type == RAW_LIST ? &value->list : &one;
    int64_t index;
    if (value->type != RAW_LIST && value->type != RAW_TEXT)
        return wrong_sort(row, value, err);
    if (row->limits != NULL)
        for (size_t i = 0; i < from->count; i++)
            if (!choose(row, from->items[i], arena, &index, err))
                return false;
    *(struct rlv_list *)slot(row, conf) = option_copy_list(from, arena);
    return true;
}

static bool set_groups(const struct rlv_option *row, const struct raw *value,
                       void *conf, struct arena *arena, struct err *err)
{
    bool empty = value->type == RAW_LIST && value->list.count == 0;
    if (row->kind == RLV_DICT && value->type == RAW_DICT)
        *(struct rlv_dict *)slot(row, conf) =
            option_copy_dict(&value->dict, arena);
    else if (row->kind == RLV_STEPS && (value->type == RAW_STEPS || empty))
        *(struct rlv_steps *)slot(row, conf) =
            option_copy_steps(&value->steps, arena);
    else
        return wrong_sort(row, value, err);
    return true;
}

static bool set_any(const struct rlv_option *row, const struct raw *value,
                    void *conf, struct arena *arena, struct err *err)
{
    switch (row->kind) {
    case RLV_STRING:
    case RLV_SECRET: return set_text(row, value, conf, arena, err);
    case RLV_INT:
    case RLV_DURATION:
    case RLV_SIZE: return set_number(row, value, conf, err);
    case RLV_REAL: return set_real(row, value, conf, err);
    case RLV_BOOL: return set_bool(row, value, conf, err);
    case RLV_ENUM: return set_enum(row, value, conf, arena, err);
    case RLV_LIST: return set_list(row, value, conf, arena, err);
    case RLV_DICT:
    case RLV_STEPS: return set_groups(row, value, conf, arena, err);
    default:
        return err_set(err, ERR_INTERNAL, 0, "option \"%s\" has no known kind",
                       row->name);
    }
}

bool option_set(const struct rlv_option *row, const struct raw *value,
                void *conf, struct arena *arena, struct err *err)
{
    if (set_any(row, value, conf, arena, err))
        return true;
    /* An error quotes the value; of a secret it says only what was expected. */
    if (value->secret || row->kind == RLV_SECRET)
        return err_set(err, ERR_CONFIG, 0, "the secret value is not %s%s%s",
                       option_kind_text(row->kind),
                       row->limits == NULL ? "" : " within ",
                       row->limits == NULL ? "" : row->limits);
    return false;
}

/* ------------------------------------------------------------ defaults --- */

/* A default of a list is its words with commas between. */
static struct raw raw_of_fallback(const struct rlv_option *row,
                                  struct arena *arena)
{
    struct raw value = {.type = RAW_TEXT, .text = row->fallback};
    if (row->kind != RLV_LIST)
        return value;
    size_t n = *row->fallback == '\0' ? 0 : 1;
    for (const char *s = row->fallback; *s != '\0'; s++)
        n += *s == ',';
    const char **items = arena_alloc(arena, (n + 1) * sizeof *items);
    const char *s = row->fallback;
    for (size_t i = 0; i < n; i++) {
        s += strspn(s, " ");
        size_t len = strcspn(s, ",");
        items[i] = arena_strndup(arena, s, len);
        s += len + (s[len] == ',');
    }
    value.type = RAW_LIST;
    value.list = (struct rlv_list){items, n};
    return value;
}

static void set_zero(const struct rlv_option *row, void *conf)
{
    static const size_t sizes[] = {[RLV_STRING] = sizeof(char *),
                                   [RLV_SECRET] = sizeof(char *),
                                   [RLV_INT] = sizeof(int64_t),
                                   [RLV_DURATION] = sizeof(int64_t),
                                   [RLV_SIZE] = sizeof(int64_t),
                                   [RLV_REAL] = sizeof(double),
                                   [RLV_BOOL] = sizeof(int64_t),
                                   [RLV_ENUM] = sizeof(int64_t),
                                   [RLV_LIST] = sizeof(struct rlv_list),
                                   [RLV_DICT] = sizeof(struct rlv_dict),
                                   [RLV_STEPS] = sizeof(struct rlv_steps)};
    if (row->kind < ARRAY_LEN(sizes))
        memset(slot(row, conf), 0, sizes[row->kind]);
}

bool option_defaults(const struct rlv_option *table, size_t count, void *conf,
                     struct arena *arena, struct err *err)
{
    for (size_t i = 0; i < count; i++) {
        const struct rlv_option *row = &table[i];
        set_zero(row, conf);
        if (row->fallback == NULL)
            continue;
        struct raw value = raw_of_fallback(row, arena);
        if (!set_any(row, &value, conf, arena, err))
            return err_wrap(err, "default of option \"%s\"", row->name);
    }
    return true;
}

static bool is_given(const char *name, const struct setting *settings,
                     size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (str_eq(settings[i].name, name))
            return true;
    return false;
}

bool option_fill(const struct rlv_option *table, size_t count,
                 const struct setting *settings, size_t setting_count,
                 void *conf, struct arena *arena,
                 const struct setting **culprit, struct err *err)
{
    const struct setting *none;
    if (culprit == NULL)
        culprit = &none;
    *culprit = NULL;
    if (!option_defaults(table, count, conf, arena, err))
        return false;
    for (size_t i = 0; i < setting_count; i++) {
        const struct rlv_option *row =
            option_find(table, count, settings[i].name);
        *culprit = &settings[i];
        if (row != NULL &&
            !option_set(row, &settings[i].value, conf, arena, err))
            return false;
    }
    *culprit = NULL;
    for (size_t i = 0; i < count; i++)
        if ((table[i].flags & RLV_REQUIRED) != 0 &&
            !is_given(table[i].name, settings, setting_count))
            return err_set(err, ERR_CONFIG, 0, "\"%s\" is missing: %s",
                           table[i].name, table[i].help);
    return true;
}
