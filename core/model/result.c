/* model/result.c: see result.h. */
#include "model/result.h"

#include "base/str.h"
#include "model/fault.h"

/* A good result with a few observations; main keeps one of every check. */
enum { USUAL_BYTES = 480 };

struct result *result_new(void) { return result_new_sized(USUAL_BYTES); }

struct result *result_new_sized(size_t bytes)
{
    struct arena *arena = arena_new_sized(bytes);
    struct result *r = arena_alloc(arena, sizeof *r);
    r->arena = arena;
    r->message = "";
    for (int i = 0; i < RLV_PH_COUNT; i++)
        r->phases_ns[i] = RESULT_NO_PHASE;
    return r;
}

void result_free(struct result *r)
{
    if (r != NULL)
        arena_free(r->arena);
}

static struct rlv_value copy_value(struct arena *arena, struct rlv_value v)
{
    if (v.type == RLV_T_TEXT || v.type == RLV_T_BODY)
        v.as.s = arena_strndup(arena, v.as.s, v.len);
    return v;
}

struct result *result_copy(const struct result *from)
{
    struct result *r = result_new();
    struct arena *arena = r->arena;
    *r = *from;
    r->arena = arena;
    r->message = arena_strdup(arena, from->message);
    r->observations =
        arena_memdup(arena, from->observations,
                     from->observation_count * sizeof *r->observations);
    for (size_t i = 0; i < r->observation_count; i++) {
        struct observation *o = &r->observations[i];
        o->name = arena_strdup(arena, o->name);
        o->key = arena_strdup(arena, o->key);
        o->value = copy_value(arena, o->value);
    }
    r->lines =
        arena_memdup(arena, from->lines, from->line_count * sizeof *r->lines);
    for (size_t i = 0; i < r->line_count; i++) {
        r->lines[i].text = arena_strdup(arena, r->lines[i].text);
        r->lines[i].values = arena_strdup(arena, r->lines[i].values);
    }
    r->evidence = arena_memdup(arena, from->evidence,
                               from->evidence_count * sizeof *r->evidence);
    for (size_t i = 0; i < r->evidence_count; i++) {
        struct evidence *e = &r->evidence[i];
        e->label = arena_strdup(arena, e->label);
        e->bytes = arena_strndup(arena, e->bytes, e->len);
    }
    return r;
}

const struct rlv_value *result_observation(const struct result *r,
                                           const char *name, const char *key)
{
    for (size_t i = 0; i < r->observation_count; i++)
        if (str_eq(r->observations[i].name, name) &&
            str_eq(r->observations[i].key, key))
            return &r->observations[i].value;
    return NULL;
}

const char *result_told(const struct result *r, struct arena *arena)
{
    return arena_printf(arena, "%s%s%s: %s", fault_name(r->fault),
                        r->code[0] ? " " : "", r->code, r->message);
}

const char *outcome_name(enum outcome outcome)
{
    static const char *const names[] = {
        [OUTCOME_OK] = "ok",
        [OUTCOME_WARN] = "warn",
        [OUTCOME_FAIL] = "fail",
        [OUTCOME_UNKNOWN] = "unknown",
    };
    return names[outcome];
}

const char *purpose_name(enum purpose purpose)
{
    static const char *const names[] = {
        [PURPOSE_SCHEDULE] = "schedule",
        [PURPOSE_CONFIRM] = "confirm",
        [PURPOSE_PARENT] = "parent",
        [PURPOSE_VERIFY] = "verify",
        [PURPOSE_LOOK_AGAIN] = "look_again",
        [PURPOSE_MANUAL] = "manual",
        [PURPOSE_TRIGGER] = "trigger",
        [PURPOSE_SUITE] = "suite",
        [PURPOSE_TEST] = "test",
    };
    return names[purpose];
}

bool purpose_counts(enum purpose purpose) { return purpose <= PURPOSE_PARENT; }
