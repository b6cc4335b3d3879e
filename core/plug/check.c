/* plug/check.c: whether a plugin's tables make sense. Whoever wrote a plugin
 * reads these messages: each names the row and says what is wrong with it. */
#include "plug/check.h"

#include <string.h>

#include "base/str.h"
#include "expect/expect.h"
#include "model/option.h"
#include "model/trouble.h"
#include "plug/plug.h"

enum {
    MOST_ROWS = 1024,
    MOST_CONF_BYTES = 1 << 20,
    LONGEST_NAME = 31 /* of a plugin: the black box has room for that */
};

/* ------------------------------------------------------------- version --- */

/* The struct as version 1.0 had it: a plugin cannot have less. */
#define FIRST_SIZE \
    (offsetof(struct rlv_plugin, blocking) + sizeof(void (*)(void)))
#define FIRST_OPTION_SIZE (offsetof(struct rlv_option, help) + sizeof(char *))
#define FIRST_FIELD_SIZE  (offsetof(struct rlv_field, help) + sizeof(char *))

static bool check_version(const struct rlv_plugin *p, struct err *err)
{
    if (p->magic != RLV_MAGIC)
        return err_set(err, ERR_PROTOCOL, 0,
                       "relevo_plugin_v1 begins with %08x instead of %08x: it "
                       "was not made by RLV_PLUGIN()",
                       p->magic, RLV_MAGIC);
    if (p->major != RLV_ABI_MAJOR || p->minor > RLV_ABI_MINOR)
        return err_set(err, ERR_PROTOCOL, 0,
                       "built for version %u.%u of the plugin interface, this "
                       "Relevo has %u.%u: %s",
                       p->major, p->minor, RLV_ABI_MAJOR, RLV_ABI_MINOR,
                       p->major < RLV_ABI_MAJOR ? "build the plugin again"
                                                : "a newer Relevo is needed");
    if (p->size < FIRST_SIZE)
        return err_set(err, ERR_PROTOCOL, 0,
                       "relevo_plugin_v1 has %u bytes, at least %zu are needed",
                       p->size, FIRST_SIZE);
    return true;
}

static bool check_sizes(const char *what, const void *rows, size_t count,
                        size_t size, size_t least, struct err *err)
{
    if (count == 0)
        return true;
    if (rows == NULL)
        return err_set(err, ERR_PROTOCOL, 0, "%zu %s, but no table of them",
                       count, what);
    if (count > MOST_ROWS)
        return err_set(err, ERR_LIMIT, 0, "%zu %s, at most %d are possible",
                       count, what, MOST_ROWS);
    if (size < least || size % _Alignof(void *) != 0)
        return err_set(err, ERR_PROTOCOL, 0,
                       "rows of %zu bytes in the table of %s, at least %zu "
                       "are needed",
                       size, what, least);
    return true;
}

bool check_header(const struct rlv_plugin *p, struct err *err)
{
    if (!check_version(p, err) ||
        !check_sizes("options", p->options, p->option_count, p->option_size,
                     FIRST_OPTION_SIZE, err) ||
        !check_sizes("fields", p->fields, p->field_count, p->field_size,
                     FIRST_FIELD_SIZE, err))
        return false;
    if ((p->start == NULL) == (p->blocking == NULL))
        return err_set(err, ERR_PROTOCOL, 0,
                       "%s: exactly one of them is needed",
                       p->start == NULL ? "neither start nor blocking is given"
                                        : "both start and blocking are given");
    if (p->conf_size > MOST_CONF_BYTES)
        return err_set(err, ERR_LIMIT, 0,
                       "a conf struct of %u bytes, at most %d are possible",
                       p->conf_size, MOST_CONF_BYTES);
    return true;
}

/* --------------------------------------------------------------- names --- */

static bool is_lower(char c) { return c >= 'a' && c <= 'z'; }

/* A letter, then letters, digits and what is in `also`. */
static bool is_word(const char *s, const char *also)
{
    if (!is_lower(*s))
        return false;
    while (is_lower(*s) || (*s >= '0' && *s <= '9') ||
           (*s != '\0' && strchr(also, *s) != NULL))
        s++;
    return *s == '\0';
}

static bool check_name(const struct catalog *c, struct err *err)
{
    if (!is_word(c->name, "_-") || strlen(c->name) > LONGEST_NAME)
        return err_set(err, ERR_PROTOCOL, 0,
                       "the plugin's name \"%s\" is not a lower-case word of "
                       "at most %d letters",
                       c->name, LONGEST_NAME);
    if (str_eq(c->name, TROUBLE_PLUGIN))
        return err_set(err, ERR_PROTOCOL, 0,
                       "the name \"%s\" is the monitor's own", c->name);
    return true;
}

/* ------------------------------------------------------------- options --- */

// clang-format off
static const struct {
    size_t size, align;
} kinds[] = {
    [RLV_STRING]   = {sizeof(char *),           _Alignof(char *)},
    [RLV_SECRET]   = {sizeof(char *),           _Alignof(char *)},
    [RLV_INT]      = {sizeof(int64_t),          _Alignof(int64_t)},
    [RLV_DURATION] = {sizeof(int64_t),          _Alignof(int64_t)},
    [RLV_SIZE]     = {sizeof(int64_t),          _Alignof(int64_t)},
    [RLV_REAL]     = {sizeof(double),           _Alignof(double)},
    [RLV_BOOL]     = {sizeof(int64_t),          _Alignof(int64_t)},
    [RLV_ENUM]     = {sizeof(int64_t),          _Alignof(int64_t)},
    [RLV_LIST]     = {sizeof(struct rlv_list),  _Alignof(struct rlv_list)},
    [RLV_DICT]     = {sizeof(struct rlv_dict),  _Alignof(struct rlv_dict)},
    [RLV_STEPS]    = {sizeof(struct rlv_steps), _Alignof(struct rlv_steps)},
};
// clang-format on

static bool check_place(const struct catalog *c, size_t i, struct err *err)
{
    const struct rlv_option *o = &c->options[i];
    size_t end = (size_t)o->offset + kinds[o->kind].size;
    if (end > c->conf_size || o->offset % kinds[o->kind].align != 0)
        return err_set(err, ERR_PROTOCOL, 0,
                       "%zu bytes at offset %u do not fit a conf struct of %u "
                       "bytes",
                       kinds[o->kind].size, o->offset, c->conf_size);
    for (size_t j = 0; j < i; j++) {
        const struct rlv_option *p = &c->options[j];
        if (o->offset < p->offset + kinds[p->kind].size && p->offset < end)
            return err_set(err, ERR_PROTOCOL, 0,
                           "stored where option \"%s\" is stored", p->name);
        if (str_eq(o->name, p->name))
            return err_set(err, ERR_PROTOCOL, 0, "declared twice");
    }
    return true;
}

static bool check_option(const struct catalog *c, size_t i, struct err *err)
{
    const struct rlv_option *o = &c->options[i];
    if (!is_word(o->name, "_."))
        return err_set(err, ERR_PROTOCOL, 0, "not a lower-case word");
    if (o->kind < RLV_STRING || o->kind > RLV_STEPS)
        return err_set(err, ERR_PROTOCOL, 0, "no kind has the number %u",
                       o->kind);
    if (o->kind == RLV_ENUM && (o->limits == NULL || *o->limits == '\0'))
        return err_set(err, ERR_PROTOCOL, 0,
                       "an ENUM needs its words as limits: \"one|two\"");
    if ((o->flags & RLV_REQUIRED) != 0 && o->fallback != NULL)
        return err_set(err, ERR_PROTOCOL, 0,
                       "REQUIRED, and has a default all the same");
    if ((o->flags & RLV_CHECK_REF) != 0 && o->kind != RLV_STRING)
        return err_set(err, ERR_PROTOCOL, 0,
                       "CHECK_REF is for a STRING: the name of a check");
    return check_place(c, i, err);
}

static bool check_defaults(const struct catalog *c, struct err *err)
{
    struct arena *arena = arena_new();
    void *conf = arena_alloc(arena, c->conf_size);
    bool ok = option_defaults(c->options, c->option_count, conf, arena, err);
    arena_free(arena);
    return ok;
}

/* -------------------------------------------------------------- fields --- */

static bool check_field(const struct catalog *c, size_t i, struct err *err)
{
    const struct rlv_field *f = &c->fields[i];
    if (!is_word(f->name, "_"))
        return err_set(err, ERR_PROTOCOL, 0, "not a lower-case word");
    bool builtin = c->path == NULL; /* it may say how long a job took */
    if ((str_eq(f->name, "duration") && !builtin) || str_eq(f->name, "phase") ||
        expect_is_reserved(f->name))
        return err_set(err, ERR_PROTOCOL, 0,
                       "the name has a meaning in every check");
    if (f->type < RLV_T_BOOL || f->type > RLV_T_ANY)
        return err_set(err, ERR_PROTOCOL, 0, "no type has the number %u",
                       f->type);
    if (str_eq(f->name, "latency") && f->type != RLV_T_DURATION)
        return err_set(err, ERR_PROTOCOL, 0, "must be a DURATION");
    for (size_t j = 0; j < i; j++)
        if (str_eq(f->name, c->fields[j].name))
            return err_set(err, ERR_PROTOCOL, 0, "declared twice");
    return true;
}

static bool check_lines(const struct catalog *c, const char *const *lines,
                        const char *what, struct err *err)
{
    struct expect_scope scope = {c->fields, c->field_count};
    for (size_t i = 0; lines != NULL && lines[i] != NULL; i++) {
        struct expect_error error;
        struct expect *e = expect_parse(lines[i], &scope, &error);
        if (e == NULL)
            return err_set(err, ERR_PROTOCOL, 0,
                           "its default %s \"%s\", column %d: %s", what,
                           lines[i], error.column, error.text);
        expect_free(e);
    }
    return true;
}

bool check_tables(const struct catalog *c, struct err *err)
{
    if (!check_name(c, err))
        return false;
    for (size_t i = 0; i < c->option_count; i++)
        if (!check_option(c, i, err))
            return err_wrap(err, "option \"%s\"", c->options[i].name);
    for (size_t i = 0; i < c->own_field_count; i++)
        if (!check_field(c, i, err))
            return err_wrap(err, "field \"%s\"", c->fields[i].name);
    return check_defaults(c, err) &&
           check_lines(c, c->expects, "expect", err) &&
           check_lines(c, c->warn_unless, "warn_unless", err);
}
