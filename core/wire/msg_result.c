/* wire/msg_result.c: struct result as bytes. Phases that did not apply and
 * empty arrays cost one byte: a good result is about 120 bytes. */
#include <string.h>

#include "base/err.h"
#include "model/fault.h"
#include "wire/code.h"
#include "wire/msg.h"

static void put_phases(struct buf *b, const int64_t phases[RLV_PH_COUNT])
{
    uint16_t present = 0;
    for (int i = 0; i < RLV_PH_COUNT; i++)
        if (phases[i] != RESULT_NO_PHASE)
            present |= (uint16_t)(1u << i);
    wire_put_u16(b, present);
    for (int i = 0; i < RLV_PH_COUNT; i++)
        if (present & (1u << i))
            wire_put_i64(b, phases[i]);
}

static void get_phases(struct wire_reader *r, int64_t phases[RLV_PH_COUNT])
{
    unsigned present = wire_u16(r);
    if (present >= 1u << RLV_PH_COUNT)
        r->bad = true;
    for (int i = 0; i < RLV_PH_COUNT; i++)
        phases[i] = present & (1u << i) ? wire_i64(r) : RESULT_NO_PHASE;
}

void msg_put_result(struct buf *b, const struct result *m)
{
    wire_put_u64(b, m->probe);
    wire_put_u32(b, m->check);
    wire_put_u32(b, m->generation);
    wire_put_u8(b, (uint8_t)m->purpose);
    wire_put_u8(b, (uint8_t)m->flags);
    wire_put_i64(b, m->started_us);
    wire_put_i64(b, m->started_ns);
    wire_put_i64(b, m->duration_ns);
    wire_put_u8(b, (uint8_t)m->outcome);
    wire_put_u16(b, (uint16_t)m->fault);
    wire_put_text(b, m->code);
    wire_put_u32(b, (uint32_t)m->sys_errno);
    wire_put_text(b, m->message);
    put_phases(b, m->phases_ns);
    wire_put_u32(b, (uint32_t)m->observation_count);
    for (size_t i = 0; i < m->observation_count; i++) {
        const struct observation *o = &m->observations[i];
        wire_put_text(b, o->name);
        wire_put_text(b, o->key);
        wire_put_u8(b, o->recorded);
        wire_put_value(b, &o->value);
    }
    wire_put_u32(b, (uint32_t)m->line_count);
    for (size_t i = 0; i < m->line_count; i++) {
        wire_put_text(b, m->lines[i].text);
        wire_put_text(b, m->lines[i].values);
        wire_put_u8(b, m->lines[i].holds);
        wire_put_u8(b, m->lines[i].warn);
    }
    wire_put_u32(b, (uint32_t)m->evidence_count);
    for (size_t i = 0; i < m->evidence_count; i++) {
        wire_put_text(b, m->evidence[i].label);
        wire_put_bytes(b, m->evidence[i].bytes, m->evidence[i].len);
        wire_put_u64(b, m->evidence[i].dropped);
    }
}

static void get_head(struct wire_reader *r, struct result *m)
{
    m->probe = wire_u64(r);
    m->check = wire_u32(r);
    m->generation = wire_u32(r);
    unsigned purpose = wire_u8(r);
    m->flags = wire_u8(r);
    m->started_us = wire_i64(r);
    m->started_ns = wire_i64(r);
    m->duration_ns = wire_i64(r);
    unsigned outcome = wire_u8(r);
    m->fault = fault_checked(wire_u16(r));
    const char *code = wire_text_or(r, "");
    m->sys_errno = (int)wire_u32(r);
    m->message = wire_text_or(r, "");
    if (purpose >= PURPOSE_COUNT || outcome >= OUTCOME_COUNT ||
        strlen(code) >= sizeof m->code || m->duration_ns < 0)
        r->bad = true;
    else
        memcpy(m->code, code, strlen(code) + 1);
    m->purpose = (enum purpose)purpose;
    m->outcome = (enum outcome)outcome;
}

static void get_observations(struct wire_reader *r, struct result *m)
{
    m->observation_count = wire_count(r, 14);
    m->observations =
        arena_alloc(r->arena, m->observation_count * sizeof *m->observations);
    for (size_t i = 0; i < m->observation_count; i++) {
        struct observation *o = &m->observations[i];
        o->name = wire_text_or(r, "");
        o->key = wire_text(r);
        o->recorded = wire_u8(r) != 0;
        o->value = wire_value(r);
    }
}

static void get_lines(struct wire_reader *r, struct result *m)
{
    m->line_count = wire_count(r, 10);
    m->lines = arena_alloc(r->arena, m->line_count * sizeof *m->lines);
    for (size_t i = 0; i < m->line_count; i++) {
        m->lines[i].text = wire_text_or(r, "");
        m->lines[i].values = wire_text_or(r, "");
        m->lines[i].holds = wire_u8(r) != 0;
        m->lines[i].warn = wire_u8(r) != 0;
    }
}

static void get_evidence(struct wire_reader *r, struct result *m)
{
    m->evidence_count = wire_count(r, 16);
    m->evidence =
        arena_alloc(r->arena, m->evidence_count * sizeof *m->evidence);
    for (size_t i = 0; i < m->evidence_count; i++) {
        m->evidence[i].label = wire_text_or(r, "");
        m->evidence[i].bytes = wire_bytes(r, &m->evidence[i].len);
        m->evidence[i].dropped = wire_u64(r);
    }
}

static bool get_result(const void *p, size_t n, struct arena *arena,
                       struct result *m)
{
    struct wire_reader r = wire_reader(p, n, arena);
    get_head(&r, m);
    get_phases(&r, m->phases_ns);
    get_observations(&r, m);
    get_lines(&r, m);
    get_evidence(&r, m);
    return wire_done(&r);
}

struct result *msg_get_result(const void *p, size_t n)
{
    struct result *m = result_new();
    if (get_result(p, n, m->arena, m))
        return m;
    result_free(m);
    return NULL;
}

struct result *msg_get_result_on(const void *p, size_t n, struct arena *arena)
{
    struct result *m = arena_alloc(arena, sizeof *m);
    return get_result(p, n, arena, m) ? m : NULL;
}
