/* conf/vars.c: see vars.h. */
#include "conf/vars.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/fs.h"
#include "base/str.h"
#include "model/places.h"

enum { LONGEST = 65536, DEEPEST_VAR = 20, LARGEST_SECRET = 65536 };

/* ---------------------------------------------------------------- path --- */

static bool is_collection(const char *name, const char **one)
{
    *one = str_eq(name, "checks")     ? "check"
           : str_eq(name, "runbooks") ? "runbook"
                                      : NULL;
    return *one != NULL;
}

static void add_path(const struct node *n, struct buf *out)
{
    const char *one;
    const struct node *parent = n->parent;
    if (parent == NULL)
        return;
    add_path(parent, out);
    bool top = parent->parent == NULL;
    if (n->name == NULL || (top && is_collection(n->name, &one)))
        return;
    bool member = !top && parent->parent->parent == NULL &&
                  is_collection(parent->name, &one);
    bool inner = out->len > 2 && !str_ends(out->data, "\": ");
    if (member)
        buf_addf(out, "%s \"%s\": ", one, n->name);
    else if (inner) {
        out->len -= 2;
        buf_addf(out, ".%s: ", n->name);
    } else
        buf_addf(out, "%s: ", n->name);
}

const char *node_path(const struct node *n, struct arena *arena)
{
    struct buf out = {0};
    add_path(n, &out);
    if (n->environment != NULL && out.len > 2) {
        out.len -= 2;
        buf_addf(&out, " (environment %s): ", n->environment);
    }
    const char *path = arena_strdup(arena, buf_text(&out));
    buf_free(&out);
    return path;
}

/* ------------------------------------------------------------- secrets --- */

void vars_note_secret(struct vars *v, const char *value)
{
    if (*value == '\0')
        return;
    v->secrets =
        xgrow(v->secrets, v->secret_count, &v->secret_cap, sizeof *v->secrets);
    v->secrets[v->secret_count++] = value;
    conf_errors_hide(v->errors, value);
}

static void read_env(struct vars *v, struct node *n, const char *name)
{
    const char *value = getenv(name);
    n->text = arena_strdup(v->arena, value == NULL ? "" : value);
    if (*n->text == '\0')
        n->missing = arena_printf(v->arena, "env \"%s\"", name);
}

static void read_secret_file(struct vars *v, struct node *n, const char *name)
{
    struct buf text = {0};
    struct err err = {0};
    const char *path =
        name[0] == '/' ? name : arena_printf(v->arena, "%s/%s", v->dir, name);
    n->text = "";
    v->files = xgrow(v->files, v->file_count, &v->file_cap, sizeof *v->files);
    v->files[v->file_count++] = path;
    bool ok = fs_read(path, LARGEST_SECRET, &text, &err);
    if (ok && text.len > 0 && text.data[text.len - 1] == '\n')
        text.len--;
    if (!ok)
        n->missing = arena_printf(v->arena, "file \"%s\" (%s)", name,
                                  err.sys != 0 ? strerror(err.sys) : err.text);
    else if (text.len == 0)
        n->missing = arena_printf(v->arena, "file \"%s\" (empty)", name);
    else if (memchr(text.data, '\0', text.len) != NULL)
        n->missing = arena_printf(v->arena, "file \"%s\" (not text)", name);
    else
        n->text = arena_strndup(v->arena, text.data, text.len);
    if (text.data != NULL)
        explicit_bzero(text.data, text.cap);
    buf_free(&text);
}

/* A group of exactly `env` or `file`, perhaps with `optional`. */
static struct node *secret_source(const struct node *n)
{
    struct node *env = node_find(n, "env"), *file = node_find(n, "file");
    struct node *optional = node_find(n, "optional");
    if (n->type != NODE_GROUP || (env == NULL) == (file == NULL))
        return NULL;
    struct node *source = env == NULL ? file : env;
    bool extra = n->count != (optional == NULL ? 1u : 2u);
    return source->type == NODE_TEXT && !extra ? source : NULL;
}

static void resolve_secret(struct vars *v, struct node *n, struct node *source)
{
    const struct node *optional = node_find(n, "optional");
    n->is_secret = n->secret = true;
    n->optional = optional != NULL && optional->type == NODE_BOOL &&
                  strcasecmp(optional->text, "true") == 0;
    if (optional != NULL && optional->type != NODE_BOOL)
        conf_error(v->errors, optional->at,
                   "%soptional is true or false, not %s",
                   node_path(n, v->arena), node_kind(optional));
    if (str_eq(source->name, "env"))
        read_env(v, n, source->text);
    else
        read_secret_file(v, n, source->text);
    n->written = places_escape(n->text, v->arena);
    vars_note_secret(v, n->text);
}

/* ----------------------------------------------------------- variables --- */

struct node *vars_find(const struct vars *v, const char *name)
{
    struct node *own = node_find(v->own, name);
    return own != NULL ? own : node_find(v->group, name);
}

bool vars_is_elsewhere(const struct vars *v, const char *name)
{
    const struct node *e = v->environments ? v->environments->first : NULL;
    while (e != NULL && node_find(node_find(e, "vars"), name) == NULL)
        e = e->next;
    return e != NULL;
}

static const char *nth_var(const void *arg, size_t i)
{
    const struct vars *v = arg;
    const struct node *n = v->own != NULL ? v->own->first : NULL;
    for (; n != NULL && i > 0; i--)
        n = n->next;
    if (n != NULL)
        return n->name;
    for (n = v->group != NULL ? v->group->first : NULL; n != NULL && i > 0; i--)
        n = n->next;
    return n == NULL ? NULL : n->name;
}

const char *vars_suggest(const struct vars *v, const char *name)
{
    return str_nearest(name, nth_var, v);
}

/* Where in the file the character at `offset` of the text stands. */
static struct place inside(const struct node *n, size_t offset)
{
    struct place place = n->at;
    if (n->plain && memchr(n->text, '\n', offset) == NULL)
        for (size_t i = 0; i <= offset; i++)
            place.column +=
                i == 0 || ((unsigned char)n->text[i] & 0xc0) != 0x80;
    return place;
}

/* No such variable. true: it has no value in this environment only. */
static bool miss_var(struct vars *v, struct node *n, const char *name,
                     size_t offset)
{
    const char *near = vars_suggest(v, name);
    bool elsewhere = vars_is_elsewhere(v, name);
    if (elsewhere && v->environment != NULL) {
        n->environment = v->environment;
        if (n->missing == NULL)
            n->missing = arena_printf(v->arena, "variable \"%s\"", name);
        return true;
    }
    if (elsewhere)
        conf_error(v->errors, inside(n, offset),
                   "%sthe variable \"%s\" is one of environments: what stands "
                   "here is the same in all of them",
                   node_path(n, v->arena), name);
    else
        conf_error(v->errors, inside(n, offset),
                   "%sthere is no variable \"%s\"%s%s%s",
                   node_path(n, v->arena), name,
                   near == NULL ? "" : "; did you mean \"",
                   near == NULL ? "" : near, near == NULL ? "" : "\"?");
    return false;
}

static void expand_text(struct vars *, struct node *, int depth);

static void resolve(struct vars *v, struct node *n, int depth)
{
    struct node *source = secret_source(n);
    if (source != NULL && !n->is_secret)
        resolve_secret(v, n, source);
    else if (n->type == NODE_TEXT)
        expand_text(v, n, depth);
}

/* Appends the value of a variable. */
static bool add_var(struct vars *v, struct node *n, const char *name,
                    size_t offset, int depth, struct buf *out)
{
    struct node *var = vars_find(v, name);
    if (var == NULL)
        return miss_var(v, n, name, offset);
    if (depth >= DEEPEST_VAR) {
        conf_error(v->errors, var->at, "%sthis variable needs itself",
                   node_path(var, v->arena));
        var->bad = true;
    }
    if (var->bad)
        return false;
    resolve(v, var, depth + 1);
    if (var->bad)
        return false;
    if (var->secret)
        n->secret = true;
    if (str_eq(n->text, arena_printf(v->arena, "${%s}", name)))
        n->optional = var->optional; /* it is only this */
    if (n->missing == NULL)
        n->missing = var->missing;
    if (var->environment != NULL || (v->own != NULL && var->parent == v->own))
        n->environment = v->environment;
    buf_adds(out, var->text == NULL ? "" : node_written(var));
    return true;
}

static size_t name_length(const char *s)
{
    size_t n = 0;
    if (!isalpha((unsigned char)*s))
        return 0;
    while (isalnum((unsigned char)s[n]) || s[n] == '-' || s[n] == '_')
        n++;
    return n;
}

static bool add_reference(struct vars *v, struct node *n, const char **at,
                          int depth, struct buf *out)
{
    size_t len = name_length(*at + 2), offset = (size_t)(*at - n->text);
    if (len == 0 || (*at)[2 + len] != '}') {
        conf_error(v->errors, inside(n, offset),
                   "%s\"${\" begins a variable, as in \"${name}\"; a literal "
                   "one is written \"$${\"",
                   node_path(n, v->arena));
        return false;
    }
    char *name = arena_strndup(v->arena, *at + 2, len);
    *at += len + 3;
    return add_var(v, n, name, offset, depth, out);
}

static bool expand_into(struct vars *v, struct node *n, int depth,
                        struct buf *out)
{
    for (const char *s = n->text; *s != '\0';) {
        if (str_starts(s, "$${")) {
            buf_adds(out, "${");
            s += 3;
        } else if (!str_starts(s, "${"))
            buf_addc(out, *s++);
        else if (!add_reference(v, n, &s, depth, out))
            return false;
        if (out->len > LONGEST) {
            conf_error(v->errors, n->at, "%sthe text grows beyond 64 KiB",
                       node_path(n, v->arena));
            return false;
        }
    }
    return true;
}

static void expand_text(struct vars *v, struct node *n, int depth)
{
    struct buf out = {0};
    if (n->text == NULL || n->expanded ||
        (strstr(n->text, "${") == NULL && strstr(n->text, "{{{{") == NULL))
        return;
    n->bad = !expand_into(v, n, depth, &out);
    if (!n->bad) {
        n->expanded = true;
        n->plain = false;
        n->written = arena_strdup(v->arena, buf_text(&out));
        n->text = places_fill_text(n->written, NULL, v->arena, NULL);
    }
    if (n->secret && !n->bad && n->missing == NULL)
        vars_note_secret(v, n->text);
    buf_free(&out);
}

void vars_expand(struct vars *v, struct node *n)
{
    resolve(v, n, 0);
    if (n->type > NODE_ARRAY || n->is_secret)
        return;
    for (struct node *c = n->first, *next; c != NULL; c = next) {
        next = c->next;
        vars_expand(v, c);
        if (n->type != NODE_GROUP && c->environment != NULL)
            n->environment = c->environment;
        if (c->missing != NULL && c->optional && n != v->group && n != v->own)
            node_set_aside(n, c);
    }
}

void vars_fini(struct vars *v)
{
    free(v->secrets);
    free(v->files);
}
