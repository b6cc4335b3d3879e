/* conf/vars.c: see vars.h. */
#include "conf/vars.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/str.h"
#include "conf/tables.h"

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

/* A group of exactly `env` or `file`, perhaps with a word of later. */
static struct node *secret_source(const struct node *n)
{
    struct node *env = node_find(n, "env"), *file = node_find(n, "file");
    size_t extra = 0;
    if (n->type != NODE_GROUP || (env == NULL) == (file == NULL))
        return NULL;
    struct node *source = env == NULL ? file : env;
    for (const struct node *c = n->first; c != NULL; c = c->next)
        extra += c != source && !table_is_later(SCOPE_SECRET, c->name);
    return source->type == NODE_TEXT && extra == 0 ? source : NULL;
}

static void resolve_secret(struct vars *v, struct node *n, struct node *source)
{
    n->is_secret = n->secret = true;
    for (const struct node *c = n->first; c != NULL; c = c->next)
        if (c != source)
            conf_error(v->errors, c->key, "%s\"%s\" is not in this version",
                       node_path(n, v->arena), c->name);
    if (str_eq(source->name, "env"))
        read_env(v, n, source->text);
    else
        read_secret_file(v, n, source->text);
    vars_note_secret(v, n->text);
}

/* ----------------------------------------------------------- variables --- */

static const char *nth_var(const void *arg, size_t i)
{
    const struct node *n = ((const struct node *)arg)->first;
    while (n != NULL && i-- > 0)
        n = n->next;
    return n == NULL ? NULL : n->name;
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
    struct node *var = node_find(v->group, name);
    if (var == NULL) {
        const char *near =
            v->group == NULL ? NULL : str_nearest(name, nth_var, v->group);
        conf_error(v->errors, inside(n, offset),
                   "%sthere is no variable \"%s\"%s%s%s",
                   node_path(n, v->arena), name,
                   near == NULL ? "" : "; did you mean \"",
                   near == NULL ? "" : near, near == NULL ? "" : "\"?");
        return false;
    }
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
    if (n->missing == NULL)
        n->missing = var->missing;
    buf_adds(out, var->text == NULL ? "" : var->text);
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
    if (n->text == NULL || n->expanded || strchr(n->text, '$') == NULL)
        return;
    n->bad = !expand_into(v, n, depth, &out);
    if (!n->bad) {
        n->expanded = true;
        n->plain = false;
        n->text = arena_strdup(v->arena, buf_text(&out));
    }
    if (n->secret && !n->bad && n->missing == NULL)
        vars_note_secret(v, n->text);
    buf_free(&out);
}

void vars_expand(struct vars *v, struct node *n)
{
    resolve(v, n, 0);
    if (n->type <= NODE_ARRAY)
        for (struct node *c = n->first; c != NULL; c = c->next)
            vars_expand(v, c);
}

void vars_fini(struct vars *v) { free(v->secrets); }
