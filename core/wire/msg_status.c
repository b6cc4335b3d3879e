/* wire/msg_status.c: what `relevo status` shows, as bytes, for the page. The
 * views' last results travel without evidence: it is in the history. */
#include <string.h>

#include "base/attr.h"
#include "model/fault.h"
#include "wire/code.h"
#include "wire/msg.h"

/* -------------------------------------------------------------- checks --- */

static void put_row(struct buf *b, const struct check_row *row)
{
    wire_put_u32(b, row->check);
    wire_put_text(b, row->name);
    wire_put_text(b, row->environment);
    wire_put_text(b, row->plugin);
}

static void get_row(struct wire_reader *r, struct check_row *row)
{
    row->check = wire_u32(r);
    row->name = wire_text_or(r, "");
    row->environment = wire_text_or(r, "");
    row->plugin = wire_text_or(r, "");
}

static void put_state(struct buf *b, const struct state_row *state)
{
    wire_put_u8(b, (uint8_t)state->state);
    wire_put_i64(b, state->since_us);
    wire_put_i64(b, state->until_us);
    wire_put_u64(b, state->incident);
}

static void get_state(struct wire_reader *r, struct state_row *state)
{
    unsigned value = wire_u8(r);
    if (value >= STATE_COUNT)
        r->bad = true;
    state->state = (enum check_state)value;
    state->since_us = wire_i64(r);
    state->until_us = wire_i64(r);
    state->incident = wire_u64(r);
}

static void put_lines(struct buf *b, const struct line_spec *lines, size_t n)
{
    wire_put_u32(b, (uint32_t)n);
    for (size_t i = 0; i < n; i++)
        wire_put_text(b, lines[i].text);
}

static struct line_spec *get_lines(struct wire_reader *r, size_t *n)
{
    *n = wire_count(r, 4);
    struct line_spec *lines = arena_alloc(r->arena, (*n + 1) * sizeof *lines);
    for (size_t i = 0; i < *n; i++)
        lines[i].text = wire_text_or(r, "");
    return lines;
}

static bool is_manual(const struct check_spec *spec)
{
    const struct check_spec *prober =
        spec->source == NULL ? spec : spec->source;
    return prober->schedule == SCHEDULE_MANUAL;
}

static void put_spec(struct buf *b, const struct check_spec *spec)
{
    wire_put_text(b, spec->title);
    wire_put_text(b, spec->owner);
    wire_put_u8(b, spec->disabled);
    wire_put_u8(b, is_manual(spec));
    wire_put_dict(b, &spec->links);
    wire_put_list(b, &spec->tags);
    wire_put_text(b, spec->severity);
    wire_put_i64(b, spec->interval_ns);
    put_lines(b, spec->expects, spec->expect_count);
    put_lines(b, spec->warns, spec->warn_count);
}

static const struct check_spec *get_spec(struct wire_reader *r,
                                         const struct check_row *row)
{
    struct check_spec *spec = arena_alloc(r->arena, sizeof *spec);
    spec->name = row->name;
    spec->environment = row->environment;
    spec->plugin = row->plugin;
    spec->title = wire_text(r);
    spec->owner = wire_text(r);
    spec->disabled = wire_u8(r) != 0;
    spec->schedule = wire_u8(r) != 0 ? SCHEDULE_MANUAL : SCHEDULE_INTERVAL;
    spec->links = wire_dict(r);
    spec->tags = wire_list(r);
    spec->severity = wire_text_or(r, "");
    spec->interval_ns = wire_i64(r);
    spec->expects = get_lines(r, &spec->expect_count);
    spec->warns = get_lines(r, &spec->warn_count);
    return spec;
}

static void put_last(struct buf *b, const struct result *last)
{
    struct buf bytes = {0};
    if (last != NULL) {
        struct result bare = *last;
        bare.evidence_count = 0;
        msg_put_result(&bytes, &bare);
    }
    wire_put_bytes(b, bytes.data, bytes.len);
    buf_free(&bytes);
}

static const struct result *get_last(struct wire_reader *r)
{
    size_t n;
    const char *bytes = wire_bytes(r, &n);
    if (n == 0)
        return NULL;
    const struct result *last = msg_get_result_on(bytes, n, r->arena);
    if (last == NULL)
        r->bad = true;
    return last;
}

static void put_view(struct buf *b, const struct check_view *v)
{
    put_row(b, v->row);
    put_state(b, v->state);
    put_spec(b, v->spec);
    wire_put_text(b, v->count);
    wire_put_text(b, v->waits_for);
    wire_put_text(b, v->maintenance);
    wire_put_u8(b, v->acknowledged);
    put_last(b, v->last);
}

static void get_view(struct wire_reader *r, struct check_view *v)
{
    struct check_row *row = arena_alloc(r->arena, sizeof *row);
    struct state_row *state = arena_alloc(r->arena, sizeof *state);
    get_row(r, row);
    get_state(r, state);
    state->check = row->check;
    v->row = row;
    v->state = state;
    v->spec = get_spec(r, row);
    const char *count = wire_text_or(r, "");
    if (strlen(count) >= sizeof v->count)
        r->bad = true;
    else
        memcpy(v->count, count, strlen(count) + 1);
    v->waits_for = wire_text_or(r, "");
    v->maintenance = wire_text(r);
    v->acknowledged = wire_u8(r) != 0;
    v->last = get_last(r);
}

/* ------------------------------------------------------------ troubles --- */

static void put_trouble(struct buf *b, const struct msg_trouble *t)
{
    put_row(b, &t->row);
    put_state(b, &t->state);
    wire_put_u64(b, t->incident.number);
    wire_put_u16(b, (uint16_t)t->incident.fault);
    wire_put_text(b, t->incident.summary);
}

static void get_trouble(struct wire_reader *r, struct msg_trouble *t)
{
    get_row(r, &t->row);
    get_state(r, &t->state);
    t->state.check = t->incident.check = t->row.check;
    t->incident.number = wire_u64(r);
    t->incident.fault = fault_checked(wire_u16(r));
    t->incident.summary = wire_text_or(r, "");
}

/* --------------------------------------------------------------- whole --- */

void msg_put_from(struct buf *b, uint32_t from) { wire_put_u32(b, from); }

bool msg_get_from(const void *p, size_t n, uint32_t *from)
{
    struct wire_reader r = wire_reader(p, n, NULL);
    *from = wire_u32(&r);
    return wire_done(&r);
}

void msg_put_status(struct buf *b, const struct msg_status *m)
{
    wire_put_u32(b, m->generation);
    wire_put_u32(b, m->next);
    wire_put_u32(b, (uint32_t)m->check_count);
    for (size_t i = 0; i < m->check_count; i++)
        put_view(b, &m->checks[i]);
    wire_put_u32(b, (uint32_t)m->trouble_count);
    for (size_t i = 0; i < m->trouble_count; i++)
        put_trouble(b, &m->troubles[i]);
    wire_put_text(b, m->distrust);
    wire_put_i64(b, m->distrust_ns);
    wire_put_u32(b, (uint32_t)m->letter_count);
    for (size_t i = 0; i < m->letter_count; i++)
        wire_put_u64(b, m->letters[i]);
}

bool msg_get_status(const void *p, size_t n, struct arena *arena,
                    struct msg_status *m)
{
    struct wire_reader r = wire_reader(p, n, arena);
    *m = (struct msg_status){0};
    m->generation = wire_u32(&r);
    m->next = wire_u32(&r);
    m->check_count = wire_count(&r, 60);
    m->checks = arena_alloc(arena, (m->check_count + 1) * sizeof *m->checks);
    for (size_t i = 0; i < m->check_count; i++)
        get_view(&r, &m->checks[i]);
    m->trouble_count = wire_count(&r, 50);
    m->troubles =
        arena_alloc(arena, (m->trouble_count + 1) * sizeof *m->troubles);
    for (size_t i = 0; i < m->trouble_count; i++)
        get_trouble(&r, &m->troubles[i]);
    m->distrust = wire_text(&r);
    m->distrust_ns = wire_i64(&r);
    m->letter_count = wire_count(&r, 8);
    m->letters = arena_alloc(arena, (m->letter_count + 1) * sizeof *m->letters);
    for (size_t i = 0; i < m->letter_count; i++)
        m->letters[i] = wire_u64(&r);
    return wire_done(&r);
}
