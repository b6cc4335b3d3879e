/* model/record.c: see record.h. */
#include "model/record.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/str.h"

/* The record and its arena are one: the arena is stored behind the record. */
struct owned {
    struct record record;
    struct arena *arena;
};

void record_keep_texts(struct record *r, struct arena *a)
{
#define OWN(field) field = arena_strdup(a, field)
    switch (r->kind) {
    case RECORD_RESULT: break;
    case RECORD_CHECK:
        OWN(r->as.check.name);
        OWN(r->as.check.environment);
        OWN(r->as.check.plugin);
        break;
    case RECORD_STATE: break;
    case RECORD_TRANSITION:
        OWN(r->as.transition.code);
        OWN(r->as.transition.reason);
        break;
    case RECORD_INCIDENT:
        OWN(r->as.incident.code);
        OWN(r->as.incident.summary);
        OWN(r->as.incident.cause);
        OWN(r->as.incident.acknowledged_by);
        OWN(r->as.incident.note);
        break;
    case RECORD_EVENT:
        OWN(r->as.event.event);
        OWN(r->as.event.text);
        break;
    case RECORD_RUN:
        OWN(r->as.run.runbook);
        OWN(r->as.run.held_by);
        OWN(r->as.run.reason);
        OWN(r->as.run.sha256);
        OWN(r->as.run.boot_id);
        OWN(r->as.run.findings);
        OWN(r->as.run.output);
        break;
    case RECORD_AUDIT:
        OWN(r->as.audit.actor);
        OWN(r->as.audit.action);
        OWN(r->as.audit.object);
        OWN(r->as.audit.detail);
        break;
    case RECORD_IMPACT: break;
    case RECORD_MARK:
        OWN(r->as.mark.actor);
        OWN(r->as.mark.text);
        OWN(r->as.mark.environment);
        break;
    case RECORD_WINDOW:
        OWN(r->as.window.checks);
        OWN(r->as.window.tags);
        OWN(r->as.window.environments);
        OWN(r->as.window.actor);
        OWN(r->as.window.reason);
        break;
    case RECORD_BEAT: OWN(r->as.beat.runs); break;
    }
#undef OWN
}

struct record *record_copy(const struct record *from)
{
    struct arena *arena = arena_new_sized(sizeof(struct owned));
    struct owned *o = arena_alloc(arena, sizeof *o);
    o->record = *from;
    o->arena = arena;
    record_keep_texts(&o->record, arena);
    if (from->kind == RECORD_RESULT)
        o->record.as.result = result_copy(from->as.result);
    return &o->record;
}

void record_free(struct record *r)
{
    if (r == NULL)
        return;
    if (r->kind == RECORD_RESULT)
        result_free(r->as.result);
    arena_free(((struct owned *)(void *)r)->arena);
}

static const char *const state_names[STATE_COUNT] = {
    "pending", "up",       "degraded", "suspect",
    "down",    "impacted", "unknown",  "paused",
};

const char *state_name(enum check_state state) { return state_names[state]; }

bool state_parse(const char *text, enum check_state *state)
{
    for (size_t i = 0; i < STATE_COUNT; i++)
        if (str_eq(text, state_names[i])) {
            *state = (enum check_state)i;
            return true;
        }
    return false;
}

const char *incident_state_name(enum incident_state state)
{
    static const char *const names[] = {"open", "acknowledged", "resolved"};
    return names[state];
}

const char *run_state_name(enum run_state state)
{
    static const char *const names[] = {"intended", "started", "ended", "held",
                                        "would have run"};
    return names[state];
}

const char *verdict_name(enum run_verdict verdict)
{
    static const char *const names[VERDICT_COUNT] = {
        "",          "done",       "failed", "unknown", "fixed",
        "not_fixed", "made_worse", "moot",   "skipped", "denied"};
    return names[verdict];
}

const char *id_text(char letter, uint64_t number, char out[ID_TEXT])
{
    if (number == 0)
        out[0] = '\0';
    else
        snprintf(out, ID_TEXT, "%c-%llu", letter, (unsigned long long)number);
    return out;
}

bool id_parse(char letter, const char *text, uint64_t *number)
{
    if (toupper((unsigned char)text[0]) == letter && text[1] == '-')
        text += 2;
    int64_t n;
    if (!isdigit((unsigned char)*text) || !str_to_i64(text, &n) || n <= 0)
        return false;
    *number = (uint64_t)n;
    return true;
}
