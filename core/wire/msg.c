/* wire/msg.c: see msg.h. Vet and worker messages; msg_run.c has the runner's.
 */
#include "wire/msg.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "model/fault.h"
#include "wire/blackbox.h"
#include "wire/code.h"

const char *msg_name(unsigned type)
{
    switch (type) {
#define X(n, NAME, from, to, text) \
    case n: return #NAME;
        MSG_MAP(X)
#undef X
    default: return "?";
    }
}

const char *blackbox_callback_text(unsigned callback)
{
    static const char *const texts[] = {
#define X(NAME, text) text,
        BLACKBOX_CALLBACK_MAP(X)
#undef X
    };
    return callback < ARRAY_LEN(texts) ? texts[callback] : "?";
}

/* ------------------------------------------------------------ settings --- */

static void put_raw(struct buf *b, const struct raw *raw)
{
    wire_put_u8(b, (uint8_t)raw->type);
    wire_put_u8(b, raw->secret);
    switch (raw->type) {
    case RAW_LIST: wire_put_list(b, &raw->list); break;
    case RAW_DICT: wire_put_dict(b, &raw->dict); break;
    case RAW_STEPS:
        wire_put_u32(b, (uint32_t)raw->steps.count);
        for (size_t i = 0; i < raw->steps.count; i++)
            wire_put_dict(b, &raw->steps.steps[i]);
        break;
    default: wire_put_text(b, raw->text); break;
    }
}

static struct rlv_steps get_steps(struct wire_reader *r)
{
    uint32_t n = wire_count(r, 4);
    struct rlv_dict *steps = arena_alloc(r->arena, n * sizeof *steps);
    for (uint32_t i = 0; i < n; i++)
        steps[i] = wire_dict(r);
    return (struct rlv_steps){steps, n};
}

static struct raw get_raw(struct wire_reader *r)
{
    struct raw raw = {0};
    unsigned type = wire_u8(r);
    raw.secret = wire_u8(r) != 0;
    if (type < RAW_TEXT || type > RAW_STEPS)
        r->bad = true;
    raw.type = (enum raw_type)type;
    switch (raw.type) {
    case RAW_LIST: raw.list = wire_list(r); break;
    case RAW_DICT: raw.dict = wire_dict(r); break;
    case RAW_STEPS: raw.steps = get_steps(r); break;
    default: raw.text = wire_text_or(r, ""); break;
    }
    return raw;
}

static void put_settings(struct buf *b, const struct setting *s, size_t n)
{
    wire_put_u32(b, (uint32_t)n);
    for (size_t i = 0; i < n; i++) {
        wire_put_text(b, s[i].name);
        put_raw(b, &s[i].value);
    }
}

static const struct setting *get_settings(struct wire_reader *r, size_t *count)
{
    uint32_t n = wire_count(r, 6);
    struct setting *s = arena_alloc(r->arena, n * sizeof *s);
    for (uint32_t i = 0; i < n; i++) {
        s[i].name = wire_text_or(r, "");
        s[i].value = get_raw(r);
    }
    *count = n;
    return s;
}

/* ----------------------------------------------------------------- vet --- */

void msg_put_vet(struct buf *b, const struct msg_vet *m)
{
    wire_put_text(b, m->path);
    wire_put_u8(b, m->describe);
    wire_put_list(b, &m->denied);
    wire_put_u32(b, (uint32_t)m->subject_count);
    for (size_t i = 0; i < m->subject_count; i++) {
        const struct msg_subject *s = &m->subjects[i];
        wire_put_text(b, s->name);
        put_settings(b, s->settings, s->setting_count);
    }
}

bool msg_get_vet(const void *p, size_t n, struct arena *a, struct msg_vet *m)
{
    struct wire_reader r = wire_reader(p, n, a);
    m->path = wire_text_or(&r, "");
    m->describe = wire_u8(&r) != 0;
    m->denied = wire_list(&r);
    m->subject_count = wire_count(&r, 8);
    m->subjects = arena_alloc(a, m->subject_count * sizeof *m->subjects);
    for (size_t i = 0; i < m->subject_count; i++) {
        struct msg_subject *s = &m->subjects[i];
        s->name = wire_text_or(&r, "");
        s->settings = get_settings(&r, &s->setting_count);
    }
    return wire_done(&r);
}

static void put_texts(struct buf *b, const char *const *texts)
{
    size_t n = 0;
    while (texts[n] != NULL)
        n++;
    struct rlv_list list = {texts, n};
    wire_put_list(b, &list);
}

/* A list as a NULL-ended array. */
static const char *const *get_texts(struct wire_reader *r)
{
    struct rlv_list list = wire_list(r);
    const char **texts =
        arena_alloc(r->arena, (list.count + 1) * sizeof *texts);
    for (size_t i = 0; i < list.count; i++)
        texts[i] = list.items[i];
    return texts;
}

void msg_put_catalog(struct buf *b, const struct catalog *c)
{
    wire_put_text(b, c->path);
    wire_put_text(b, c->name);
    wire_put_text(b, c->version);
    wire_put_text(b, c->summary);
    wire_put_u32(b, c->conf_size);
    wire_put_u8(b, c->blocking);
    put_texts(b, c->expects);
    put_texts(b, c->warn_unless);
    wire_put_u32(b, (uint32_t)c->option_count);
    for (size_t i = 0; i < c->option_count; i++) {
        const struct rlv_option *o = &c->options[i];
        wire_put_text(b, o->name);
        wire_put_u16(b, o->kind);
        wire_put_u16(b, o->flags);
        wire_put_u32(b, o->offset);
        wire_put_text(b, o->fallback);
        wire_put_text(b, o->limits);
        wire_put_text(b, o->help);
    }
    wire_put_u32(b, (uint32_t)c->own_field_count);
    wire_put_u32(b, (uint32_t)c->field_count);
    for (size_t i = 0; i < c->field_count; i++) {
        const struct rlv_field *f = &c->fields[i];
        wire_put_text(b, f->name);
        wire_put_u16(b, f->type);
        wire_put_u16(b, f->flags);
        wire_put_text(b, f->unit);
        wire_put_text(b, f->help);
    }
}

static void get_options(struct wire_reader *r, struct catalog *c)
{
    c->option_count = wire_count(r, 24);
    struct rlv_option *rows =
        arena_alloc(r->arena, c->option_count * sizeof *rows);
    for (size_t i = 0; i < c->option_count; i++) {
        rows[i].name = wire_text_or(r, "");
        rows[i].kind = wire_u16(r);
        rows[i].flags = wire_u16(r);
        rows[i].offset = wire_u32(r);
        rows[i].fallback = wire_text(r);
        rows[i].limits = wire_text(r);
        rows[i].help = wire_text_or(r, "");
    }
    c->options = rows;
}

static void get_fields(struct wire_reader *r, struct catalog *c)
{
    c->own_field_count = wire_u32(r);
    c->field_count = wire_count(r, 16);
    if (c->own_field_count > c->field_count)
        r->bad = true;
    struct rlv_field *rows =
        arena_alloc(r->arena, c->field_count * sizeof *rows);
    for (size_t i = 0; i < c->field_count; i++) {
        rows[i].name = wire_text_or(r, "");
        rows[i].type = wire_u16(r);
        rows[i].flags = wire_u16(r);
        rows[i].unit = wire_text_or(r, "");
        rows[i].help = wire_text_or(r, "");
    }
    c->fields = rows;
}

struct catalog *msg_get_catalog(const void *p, size_t n)
{
    struct arena *arena = arena_new();
    struct catalog *c = arena_alloc(arena, sizeof *c);
    struct wire_reader r = wire_reader(p, n, arena);
    c->arena = arena;
    c->path = wire_text(&r);
    c->name = wire_text_or(&r, "");
    c->version = wire_text_or(&r, "");
    c->summary = wire_text_or(&r, "");
    c->conf_size = wire_u32(&r);
    c->blocking = wire_u8(&r) != 0;
    c->expects = get_texts(&r);
    c->warn_unless = get_texts(&r);
    get_options(&r, c);
    get_fields(&r, c);
    if (wire_done(&r))
        return c;
    catalog_free(c);
    return NULL;
}

void msg_put_complaint(struct buf *b, const struct msg_complaint *m)
{
    wire_put_u32(b, m->subject);
    wire_put_text(b, m->option);
    wire_put_text(b, m->text);
}

bool msg_get_complaint(const void *p, size_t n, struct arena *a,
                       struct msg_complaint *m)
{
    struct wire_reader r = wire_reader(p, n, a);
    m->subject = wire_u32(&r);
    m->option = wire_text(&r);
    m->text = wire_text_or(&r, "");
    return wire_done(&r);
}

void msg_put_text(struct buf *b, const char *text) { wire_put_text(b, text); }

bool msg_get_text(const void *p, size_t n, struct arena *a, const char **text)
{
    struct wire_reader r = wire_reader(p, n, a);
    *text = wire_text_or(&r, "");
    return wire_done(&r);
}

/* -------------------------------------------------------------- worker --- */

static void put_lines(struct buf *b, const struct line_spec *lines, size_t n)
{
    wire_put_u32(b, (uint32_t)n);
    for (size_t i = 0; i < n; i++) {
        wire_put_text(b, lines[i].text);
        wire_put_u8(b, lines[i].is_default);
    }
}

static struct line_spec *get_lines(struct wire_reader *r, size_t *count)
{
    uint32_t n = wire_count(r, 5);
    struct line_spec *lines = arena_alloc(r->arena, n * sizeof *lines);
    for (uint32_t i = 0; i < n; i++) {
        lines[i].text = wire_text_or(r, "");
        lines[i].is_default = wire_u8(r) != 0;
    }
    *count = n;
    return lines;
}

static void put_records(struct buf *b, const struct record_spec *records,
                        size_t n)
{
    wire_put_u32(b, (uint32_t)n);
    for (size_t i = 0; i < n; i++) {
        wire_put_text(b, records[i].name);
        wire_put_text(b, records[i].expression);
    }
}

static struct record_spec *get_records(struct wire_reader *r, size_t *count)
{
    uint32_t n = wire_count(r, 8);
    struct record_spec *records = arena_alloc(r->arena, n * sizeof *records);
    for (uint32_t i = 0; i < n; i++) {
        records[i].name = wire_text_or(r, "");
        records[i].expression = wire_text_or(r, "");
    }
    *count = n;
    return records;
}

void msg_put_load(struct buf *b, const struct msg_load *m)
{
    wire_put_list(b, &m->plugins);
    wire_put_list(b, &m->denied);
    wire_put_u32(b, m->target_probes);
    wire_put_u32(b, (uint32_t)m->check_count);
    for (size_t i = 0; i < m->check_count; i++) {
        const struct msg_check *c = &m->checks[i];
        wire_put_u32(b, c->check);
        wire_put_u32(b, c->of);
        wire_put_u16(b, c->plugin);
        wire_put_text(b, c->name);
        wire_put_text(b, c->target);
        wire_put_i64(b, c->timeout_ns);
        wire_put_i64(b, c->evidence_bytes);
        wire_put_u64(b, c->fingerprint);
        put_lines(b, c->expects, c->expect_count);
        put_lines(b, c->warns, c->warn_count);
        wire_put_list(b, &c->expect_faults);
        put_records(b, c->records, c->record_count);
        put_settings(b, c->settings, c->setting_count);
    }
}

static void get_check(struct wire_reader *r, struct msg_check *c)
{
    c->check = wire_u32(r);
    c->of = wire_u32(r);
    c->plugin = wire_u16(r);
    c->name = wire_text_or(r, "");
    c->target = wire_text_or(r, "");
    c->timeout_ns = wire_i64(r);
    c->evidence_bytes = wire_i64(r);
    c->fingerprint = wire_u64(r);
    c->expects = get_lines(r, &c->expect_count);
    c->warns = get_lines(r, &c->warn_count);
    c->expect_faults = wire_list(r);
    c->records = get_records(r, &c->record_count);
    c->settings = get_settings(r, &c->setting_count);
}

static int by_number(const void *a, const void *b)
{
    const struct msg_check *x = *(const struct msg_check *const *)a;
    const struct msg_check *y = *(const struct msg_check *const *)b;
    return x->check < y->check ? -1 : x->check > y->check;
}

static const struct msg_check *find_check(const struct msg_check **sorted,
                                          size_t n, uint32_t number)
{
    const struct msg_check key = {.check = number}, *wanted = &key;
    const struct msg_check **found =
        bsearch((const void *)&wanted, (const void *)sorted, n, sizeof *sorted,
                by_number);
    return found == NULL ? NULL : *found;
}

/* A derived check's source is here, of the same plugin, and not derived. */
static bool sources_are_here(const struct msg_load *m, struct arena *a)
{
    size_t derived = 0;
    for (size_t i = 0; i < m->check_count; i++)
        derived += m->checks[i].of != 0;
    if (derived == 0)
        return true;
    const struct msg_check **sorted =
        arena_alloc(a, m->check_count * sizeof *sorted);
    for (size_t i = 0; i < m->check_count; i++)
        sorted[i] = &m->checks[i];
    qsort((void *)sorted, m->check_count, sizeof *sorted, by_number);
    for (size_t i = 1; i < m->check_count; i++)
        if (sorted[i - 1]->check == sorted[i]->check)
            return false;
    for (size_t i = 0; i < m->check_count; i++) {
        const struct msg_check *c = &m->checks[i], *source;
        if (c->of == 0)
            continue;
        source = find_check(sorted, m->check_count, c->of);
        if (source == NULL || source->of != 0 || source->plugin != c->plugin)
            return false;
    }
    return true;
}

bool msg_get_load(const void *p, size_t n, struct arena *a, struct msg_load *m)
{
    struct wire_reader r = wire_reader(p, n, a);
    m->plugins = wire_list(&r);
    m->denied = wire_list(&r);
    m->target_probes = wire_u32(&r);
    m->check_count = wire_count(&r, 58);
    m->checks = arena_alloc(a, m->check_count * sizeof *m->checks);
    for (size_t i = 0; i < m->check_count; i++) {
        get_check(&r, &m->checks[i]);
        if (m->checks[i].plugin >= m->plugins.count)
            return false;
    }
    return wire_done(&r) && sources_are_here(m, a);
}

void msg_put_probe(struct buf *b, const struct msg_probe *m)
{
    wire_put_u64(b, m->probe);
    wire_put_u32(b, m->check);
    wire_put_u8(b, (uint8_t)m->purpose);
    wire_put_u8(b, (uint8_t)m->flags);
    wire_put_i64(b, m->due_ns);
    wire_put_dict(b, &m->values);
}

bool msg_get_probe(const void *p, size_t n, struct arena *a,
                   struct msg_probe *m)
{
    struct wire_reader r = wire_reader(p, n, a);
    m->probe = wire_u64(&r);
    m->check = wire_u32(&r);
    unsigned purpose = wire_u8(&r);
    m->flags = wire_u8(&r);
    m->due_ns = wire_i64(&r);
    m->values = wire_dict(&r);
    m->purpose = (enum purpose)purpose;
    return wire_done(&r) && purpose < PURPOSE_COUNT;
}

/* ------------------------------------------------------------- triggers --- */

void msg_put_trigger(struct buf *b, const struct msg_trigger *m)
{
    wire_put_u64(b, m->probe);
    wire_put_u64(b, m->ticket);
    wire_put_text(b, m->check);
    wire_put_i64(b, m->deadline_ns);
    wire_put_dict(b, &m->values);
}

static bool values_are_sane(const struct rlv_dict *values)
{
    for (size_t i = 0; i < values->count; i++)
        if (strlen(values->pairs[i].value) > TRIGGER_VALUE_BYTES)
            return false;
    return values->count <= TRIGGER_VALUES;
}

bool msg_get_trigger(const void *p, size_t n, struct arena *a,
                     struct msg_trigger *m)
{
    struct wire_reader r = wire_reader(p, n, a);
    m->probe = wire_u64(&r);
    m->ticket = wire_u64(&r);
    m->check = wire_text_or(&r, "");
    m->deadline_ns = wire_i64(&r);
    m->values = wire_dict(&r);
    return wire_done(&r) && values_are_sane(&m->values);
}

void msg_put_triggered(struct buf *b, const struct msg_triggered *m)
{
    wire_put_u64(b, m->probe);
    wire_put_u64(b, m->ticket);
    wire_put_u16(b, (uint16_t)m->fault);
    wire_put_i64(b, m->started_ns);
    wire_put_i64(b, m->ended_ns);
    wire_put_text(b, m->text);
}

bool msg_get_triggered(const void *p, size_t n, struct arena *a,
                       struct msg_triggered *m)
{
    struct wire_reader r = wire_reader(p, n, a);
    m->probe = wire_u64(&r);
    m->ticket = wire_u64(&r);
    unsigned fault = wire_u16(&r);
    m->started_ns = wire_i64(&r);
    m->ended_ns = wire_i64(&r);
    m->text = wire_text_or(&r, "");
    m->fault = (enum rlv_fault)fault;
    return wire_done(&r) && fault_info(m->fault)->number == m->fault;
}

void msg_put_log(struct buf *b, const struct msg_log *m)
{
    wire_put_u8(b, (uint8_t)m->level);
    wire_put_u32(b, m->check);
    wire_put_text(b, m->text);
}

bool msg_get_log(const void *p, size_t n, struct arena *a, struct msg_log *m)
{
    struct wire_reader r = wire_reader(p, n, a);
    m->level = wire_u8(&r);
    m->check = wire_u32(&r);
    m->text = wire_text_or(&r, "");
    return wire_done(&r) && m->level <= 3;
}
