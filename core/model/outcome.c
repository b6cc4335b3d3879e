/* model/outcome.c: see outcome.h. */
#include "model/outcome.h"

#include <jansson.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/str.h"

enum { LARGEST_FILE = 64 * 1024 * 1024 };

struct reader {
    const json_t *object;
    struct arena *arena;
    struct err *err;
    bool bad;
};

static const json_t *member(struct reader *r, const char *name, bool right,
                            const char *expected)
{
    const json_t *value = json_object_get(r->object, name);
    if (right)
        return value;
    if (!r->bad)
        err_set(r->err, ERR_PROTOCOL, 0, "\"%s\" is %s, %s expected", name,
                value == NULL ? "missing" : "of another type", expected);
    r->bad = true;
    return NULL;
}

static int64_t read_number(struct reader *r, const char *name, int64_t least,
                           int64_t most)
{
    const json_t *value = json_object_get(r->object, name);
    value = member(r, name, json_is_integer(value), "a whole number");
    int64_t n = json_integer_value(value);
    if (value != NULL && (n < least || n > most)) {
        if (!r->bad)
            err_set(r->err, ERR_PROTOCOL, 0, "\"%s\" is out of range", name);
        r->bad = true;
    }
    return n;
}

static bool read_bool(struct reader *r, const char *name)
{
    const json_t *value = json_object_get(r->object, name);
    return json_is_true(
        member(r, name, json_is_boolean(value), "true or false"));
}

static const char *read_text(struct reader *r, const char *name)
{
    const json_t *value = json_object_get(r->object, name);
    value = member(r, name, json_is_string(value), "a string");
    return value == NULL ? ""
                         : arena_strdup(r->arena, json_string_value(value));
}

static const json_t *read_array(struct reader *r, const char *name)
{
    const json_t *value = json_object_get(r->object, name);
    return member(r, name, json_is_array(value), "an array");
}

static const char *read_findings(struct reader *r)
{
    const json_t *array = read_array(r, "findings");
    char *text = array != NULL ? json_dumps(array, JSON_COMPACT) : NULL;
    const char *copy = text != NULL ? arena_strdup(r->arena, text) : "[]";
    free(text);
    return copy;
}

static const char *join_output(struct arena *arena, const char *out,
                               const char *errors)
{
    if (errors[0] == '\0')
        return out;
    const char *newline = out[0] == '\0' || str_ends(out, "\n") ? "" : "\n";
    return arena_printf(arena, "%s%s--- standard error ---\n%s", out, newline,
                        errors);
}

static void read_members(struct reader *r, struct run_outcome *o)
{
    o->run = (uint64_t)read_number(r, "run", 0, INT64_MAX);
    o->exit = (int)read_number(r, "exit", -1, 255);
    o->signal = (int)read_number(r, "signal", 0, 64);
    o->timed_out = read_bool(r, "timed_out");
    o->stopped = read_bool(r, "stopped");
    o->survivors_killed = read_number(r, "survivors_killed", 0, INT_MAX);
    o->left_behind = (int64_t)json_array_size(read_array(r, "left_behind"));
    o->started_us = read_number(r, "started_us", 0, INT64_MAX);
    o->ended_us = read_number(r, "ended_us", 0, INT64_MAX);
    o->error = read_text(r, "error");
    o->sha256 = read_text(r, "sha256");
    o->findings = read_findings(r);
    const char *out = read_text(r, "stdout");
    o->output = join_output(r->arena, out, read_text(r, "stderr"));
    o->stdout_dropped = read_number(r, "stdout_dropped", 0, INT64_MAX);
    o->stderr_dropped = read_number(r, "stderr_dropped", 0, INT64_MAX);
}

bool outcome_parse(const char *text, size_t n, struct run_outcome *o,
                   struct arena *arena, struct err *err)
{
    json_error_t wrong;
    *o = (struct run_outcome){0};
    json_t *value = json_loadb(text, n, 0, &wrong);
    if (value == NULL)
        return err_set(err, ERR_PROTOCOL, 0, "line %d, column %d: %s",
                       wrong.line, wrong.column, wrong.text);
    struct reader r = {value, arena, err, false};
    if (json_is_object(value))
        read_members(&r, o);
    else
        r.bad = !err_set(err, ERR_PROTOCOL, 0, "not a JSON object");
    json_decref(value);
    return !r.bad;
}

bool outcome_read(const char *dir, struct run_outcome *o, struct arena *arena,
                  struct err *err)
{
    struct buf text = {0};
    char *path = xasprintf("%s/%s", dir, OUTCOME_FILE);
    bool ok = fs_read_own(path, LARGEST_FILE, &text, err);
    if (ok && !(ok = outcome_parse(buf_text(&text), text.len, o, arena, err)))
        err_wrap(err, "%s", path);
    buf_free(&text);
    free(path);
    return ok;
}
