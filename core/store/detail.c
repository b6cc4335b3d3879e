/* store/detail.c: results taken apart: what is kept of each, and what only of
 * those that are not good. See sample.h. */
#include <string.h>

#include "store/code.h"
#include "store/sample.h"

enum { DETAIL_VERSION = 1 };
enum { BIT_RECORDED = 1, BIT_HOLDS = 1, BIT_WARN = 2 };

static bool is_plain(const struct result *r)
{
    return r->outcome == OUTCOME_OK && r->fault == RLV_F_NONE &&
           r->code[0] == '\0' && r->sys_errno == 0 &&
           (r->message == NULL || r->message[0] == '\0') &&
           r->line_count == 0 && r->evidence_count == 0;
}

struct sample sample_of(const struct result *r)
{
    return (struct sample){
        .started_us = r->started_us,
        .started_ns = r->started_ns,
        .duration_ns = r->duration_ns,
        .probe = r->probe,
        .generation = r->generation,
        .flags = r->flags,
        .outcome = r->outcome,
        .purpose = r->purpose,
        .has_detail = !is_plain(r),
        .observations = r->observations,
        .observation_count = r->observation_count,
    };
}

static bool is_kept(const struct observation *o, bool only_recorded)
{
    return o->value.type != RLV_T_BODY && (o->recorded || !only_recorded);
}

static void put_observations(struct buf *b, const struct result *r,
                             bool only_recorded)
{
    size_t n = 0;
    for (size_t i = 0; i < r->observation_count; i++)
        n += is_kept(&r->observations[i], only_recorded);
    if (n == 0 && only_recorded)
        return;
    code_put_uint(b, n);
    for (size_t i = 0; i < r->observation_count; i++) {
        const struct observation *o = &r->observations[i];
        if (!is_kept(o, only_recorded))
            continue;
        code_put_text(b, o->name);
        code_put_text(b, o->key);
        code_put_uint(b, o->recorded ? BIT_RECORDED : 0);
        code_put_value(b, &o->value);
    }
}

static struct observation *get_observations(struct code_reader *r,
                                            size_t *count)
{
    size_t n = code_count(r);
    struct observation *o = arena_alloc(r->arena, n * sizeof *o);
    for (size_t i = 0; i < n && !r->bad; i++) {
        o[i].name = code_text_or_empty(r);
        o[i].key = code_text(r);
        o[i].recorded = (code_uint(r) & BIT_RECORDED) != 0;
        o[i].value = code_value(r);
    }
    *count = r->bad ? 0 : n;
    return o;
}

void sample_put_observations(struct buf *b, const struct result *r)
{
    put_observations(b, r, true);
}

bool sample_get_observations(struct sample *s, const void *bytes, size_t n,
                             struct arena *a)
{
    struct code_reader r = code_reader(bytes, n, a);
    s->observations = NULL;
    s->observation_count = 0;
    if (n > 0)
        s->observations = get_observations(&r, &s->observation_count);
    return !r.bad && r.left == 0;
}

struct result *sample_result(const struct sample *s, uint16_t node,
                             uint32_t check, struct arena *a)
{
    struct result *r = arena_alloc(a, sizeof *r);
    r->probe = s->probe;
    r->check = check;
    r->generation = s->generation;
    r->node = node;
    r->purpose = s->purpose;
    r->flags = s->flags;
    r->started_us = s->started_us;
    r->started_ns = s->started_ns;
    r->duration_ns = s->duration_ns;
    r->outcome = s->outcome;
    r->message = "";
    for (size_t i = 0; i < RLV_PH_COUNT; i++)
        r->phases_ns[i] = RESULT_NO_PHASE;
    r->observations = s->observations;
    r->observation_count = s->observation_count;
    return r;
}

static void put_phases(struct buf *b, const struct result *r)
{
    uint64_t present = 0;
    for (int i = 0; i < RLV_PH_COUNT; i++)
        if (r->phases_ns[i] != RESULT_NO_PHASE)
            present |= 1u << i;
    code_put_uint(b, present);
    for (int i = 0; i < RLV_PH_COUNT; i++)
        if (present & (1u << i))
            code_put_int(b, r->phases_ns[i]);
}

static void get_phases(struct code_reader *in, struct result *r)
{
    uint64_t present = code_uint(in);
    if (present >> RLV_PH_COUNT != 0)
        in->bad = true;
    for (int i = 0; i < RLV_PH_COUNT; i++)
        r->phases_ns[i] = present & (1u << i) ? code_int(in) : RESULT_NO_PHASE;
}

void detail_put(struct buf *b, const struct result *r)
{
    code_put_uint(b, DETAIL_VERSION);
    put_phases(b, r);
    put_observations(b, r, false);
    code_put_uint(b, r->line_count);
    for (size_t i = 0; i < r->line_count; i++) {
        const struct judged_line *l = &r->lines[i];
        code_put_text(b, l->text);
        code_put_text(b, l->values);
        code_put_uint(b,
                      (l->holds ? BIT_HOLDS : 0u) | (l->warn ? BIT_WARN : 0u));
    }
}

bool detail_get(struct result *r, const void *bytes, size_t n, struct arena *a)
{
    struct code_reader in = code_reader(bytes, n, a);
    if (code_uint(&in) != DETAIL_VERSION)
        return false;
    get_phases(&in, r);
    r->observations = get_observations(&in, &r->observation_count);
    size_t lines = code_count(&in);
    r->lines = arena_alloc(a, lines * sizeof *r->lines);
    for (size_t i = 0; i < lines && !in.bad; i++) {
        r->lines[i].text = code_text_or_empty(&in);
        r->lines[i].values = code_text_or_empty(&in);
        uint64_t bits = code_uint(&in);
        r->lines[i].holds = (bits & BIT_HOLDS) != 0;
        r->lines[i].warn = (bits & BIT_WARN) != 0;
        r->line_count = i + 1;
    }
    return !in.bad && in.left == 0;
}

void detail_put_evidence(struct buf *b, const struct result *r)
{
    if (r->evidence_count == 0)
        return;
    code_put_uint(b, r->evidence_count);
    for (size_t i = 0; i < r->evidence_count; i++) {
        const struct evidence *e = &r->evidence[i];
        code_put_text(b, e->label);
        code_put_bytes(b, e->bytes, e->len);
        code_put_uint(b, e->dropped);
    }
}

bool detail_get_evidence(struct result *r, const void *bytes, size_t n,
                         struct arena *a)
{
    if (n == 0)
        return true;
    struct code_reader in = code_reader(bytes, n, a);
    size_t count = code_count(&in);
    r->evidence = arena_alloc(a, count * sizeof *r->evidence);
    for (size_t i = 0; i < count && !in.bad; i++) {
        r->evidence[i].label = code_text_or_empty(&in);
        r->evidence[i].bytes = code_bytes(&in, &r->evidence[i].len);
        r->evidence[i].dropped = code_uint(&in);
        r->evidence_count = i + 1;
    }
    return !in.bad && in.left == 0;
}
