/* Every message with random content: it survives the way, cut anywhere it is
 * refused, and changed anywhere it does no harm. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "lib/wire_again.h"
#include "model/fault.h"
#include "wire/blackbox.h"

static uint64_t seed;
static struct arena *arena;

static uint64_t next_random(void)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return seed >> 17;
}

static size_t below(size_t n) { return (size_t)(next_random() % n); }

static int64_t any_i64(void)
{
    return (int64_t)(next_random() << 30 ^ next_random());
}

static const char *any_text(void)
{
    size_t n = below(8) == 0 ? 300 : below(12);
    char *s = arena_alloc(arena, n + 1);
    for (size_t i = 0; i < n; i++)
        s[i] = (char)(1 + below(255));
    return s;
}

static const char *text_or_null(void)
{
    return below(3) == 0 ? NULL : any_text();
}

static struct rlv_list any_list(void)
{
    size_t n = below(4);
    const char **items = arena_alloc(arena, n * sizeof *items);
    for (size_t i = 0; i < n; i++)
        items[i] = any_text();
    return (struct rlv_list){items, n};
}

static struct rlv_dict any_dict(void)
{
    size_t n = below(4);
    struct rlv_pair *pairs = arena_alloc(arena, n * sizeof *pairs);
    for (size_t i = 0; i < n; i++)
        pairs[i] = (struct rlv_pair){any_text(), any_text()};
    return (struct rlv_dict){pairs, n};
}

static struct raw any_raw(void)
{
    struct raw raw = {.type = (enum raw_type)(1 + below(RAW_STEPS)),
                      .secret = below(2) != 0};
    size_t n = below(3);
    struct rlv_dict *steps = arena_alloc(arena, n * sizeof *steps);
    for (size_t i = 0; i < n; i++)
        steps[i] = any_dict();
    if (raw.type == RAW_LIST)
        raw.list = any_list();
    else if (raw.type == RAW_DICT)
        raw.dict = any_dict();
    else if (raw.type == RAW_STEPS)
        raw.steps = (struct rlv_steps){steps, n};
    else
        raw.text = any_text();
    return raw;
}

static const struct setting *any_settings(size_t *n)
{
    *n = below(5);
    struct setting *s = arena_alloc(arena, *n * sizeof *s);
    for (size_t i = 0; i < *n; i++)
        s[i] = (struct setting){.name = any_text(), .value = any_raw()};
    return s;
}

static struct rlv_value any_value(void)
{
    unsigned type = 1 + (unsigned)below(RLV_T_BODY);
    if (type == RLV_T_REAL || type == RLV_T_PERCENT) {
        struct rlv_value v = rlv_real((double)any_i64());
        v.type = type;
        return v;
    }
    if (type != RLV_T_TEXT && type != RLV_T_BODY)
        return rlv_i64((enum rlv_type)type, any_i64());
    struct rlv_value v = rlv_text(any_text());
    v.type = type;
    return v;
}

/* ------------------------------------------------- one of each message --- */

static void put_vet(struct buf *b)
{
    struct msg_vet m = {any_text(), below(2) != 0, any_list(), NULL, below(3)};
    m.subjects = arena_alloc(arena, m.subject_count * sizeof *m.subjects);
    for (size_t i = 0; i < m.subject_count; i++) {
        m.subjects[i].name = any_text();
        m.subjects[i].settings = any_settings(&m.subjects[i].setting_count);
    }
    msg_put_vet(b, &m);
}

static const char *const *any_lines(void)
{
    size_t n = below(3);
    const char **lines = arena_alloc(arena, (n + 1) * sizeof *lines);
    for (size_t i = 0; i < n; i++)
        lines[i] = any_text();
    return lines;
}

static void put_catalog(struct buf *b)
{
    size_t options = below(5), fields = below(6);
    struct rlv_option *o = arena_alloc(arena, options * sizeof *o);
    struct rlv_field *f = arena_alloc(arena, fields * sizeof *f);
    for (size_t i = 0; i < options; i++)
        o[i] = (struct rlv_option){any_text(),         (uint16_t)below(12),
                                   (uint16_t)below(4), (uint32_t)below(99),
                                   text_or_null(),     text_or_null(),
                                   any_text()};
    for (size_t i = 0; i < fields; i++)
        f[i] = (struct rlv_field){any_text(), (uint16_t)below(12),
                                  (uint16_t)below(9), any_text(), any_text()};
    struct catalog c = {.path = text_or_null(),
                        .name = any_text(),
                        .version = any_text(),
                        .summary = any_text(),
                        .options = o,
                        .option_count = options,
                        .conf_size = (uint32_t)below(1000),
                        .fields = f,
                        .field_count = fields,
                        .own_field_count = below(fields + 1),
                        .expects = any_lines(),
                        .warn_unless = any_lines(),
                        .blocking = below(2) != 0};
    msg_put_catalog(b, &c);
}

static void put_complaint(struct buf *b)
{
    msg_put_complaint(b, &(struct msg_complaint){(uint32_t)next_random(),
                                                 text_or_null(), any_text()});
}

static void put_text(struct buf *b) { msg_put_text(b, any_text()); }

static struct line_spec *any_specs(size_t *n)
{
    *n = below(3);
    struct line_spec *lines = arena_alloc(arena, *n * sizeof *lines);
    for (size_t i = 0; i < *n; i++)
        lines[i] =
            (struct line_spec){.text = any_text(), .is_default = below(2) != 0};
    return lines;
}

static struct record_spec *any_records(size_t *n)
{
    *n = below(3);
    struct record_spec *records = arena_alloc(arena, *n * sizeof *records);
    for (size_t i = 0; i < *n; i++)
        records[i] =
            (struct record_spec){.name = any_text(), .expression = any_text()};
    return records;
}

/* All but the first may be judged from its results. */
static void put_load(struct buf *b)
{
    struct msg_load m = {.plugins = any_list(),
                         .denied = any_list(),
                         .target_probes = (uint32_t)next_random()};
    m.check_count = m.plugins.count == 0 ? 0 : below(4);
    m.checks = arena_alloc(arena, m.check_count * sizeof *m.checks);
    for (size_t i = 0; i < m.check_count; i++) {
        struct msg_check *c = &m.checks[i];
        c->check = (uint32_t)next_random();
        c->plugin = (uint16_t)below(m.plugins.count);
        if (i > 0 && below(2) == 0) {
            c->of = m.checks[0].check;
            c->plugin = m.checks[0].plugin;
        }
        c->name = any_text();
        c->target = any_text();
        c->timeout_ns = any_i64();
        c->evidence_bytes = any_i64();
        c->fingerprint = next_random();
        c->expects = any_specs(&c->expect_count);
        c->warns = any_specs(&c->warn_count);
        c->expect_faults = any_list();
        c->records = any_records(&c->record_count);
        c->settings = any_settings(&c->setting_count);
    }
    msg_put_load(b, &m);
}

static void put_probe(struct buf *b)
{
    msg_put_probe(b, &(struct msg_probe){next_random(), (uint32_t)next_random(),
                                         (enum purpose)below(PURPOSE_COUNT),
                                         (unsigned)below(4), any_i64(),
                                         any_dict()});
}

static void put_trigger(struct buf *b)
{
    msg_put_trigger(b,
                    &(struct msg_trigger){next_random(), next_random(),
                                          any_text(), any_i64(), any_dict()});
}

static void put_triggered(struct buf *b)
{
    static const enum rlv_fault faults[] = {RLV_F_NONE, RLV_F_REFUSED,
                                            RLV_F_CANCELLED};
    msg_put_triggered(
        b, &(struct msg_triggered){next_random(), next_random(),
                                   faults[below(ARRAY_LEN(faults))], any_i64(),
                                   any_i64(), any_text()});
}

static void fill_result(struct result *r)
{
    r->observation_count = below(5);
    r->observations =
        arena_alloc(arena, r->observation_count * sizeof *r->observations);
    for (size_t i = 0; i < r->observation_count; i++)
        r->observations[i] = (struct observation){any_text(), text_or_null(),
                                                  any_value(), below(2) != 0};
    r->line_count = below(4);
    r->lines = arena_alloc(arena, r->line_count * sizeof *r->lines);
    for (size_t i = 0; i < r->line_count; i++)
        r->lines[i] = (struct judged_line){any_text(), any_text(),
                                           below(2) != 0, below(2) != 0};
    r->evidence_count = below(3);
    r->evidence = arena_alloc(arena, r->evidence_count * sizeof *r->evidence);
    for (size_t i = 0; i < r->evidence_count; i++)
        r->evidence[i] = (struct evidence){any_text(), "a\0b", 3, below(9999)};
}

static void put_result(struct buf *b)
{
    struct result *r = result_new();
    r->probe = next_random();
    r->check = (uint32_t)next_random();
    r->generation = (uint32_t)next_random();
    r->purpose = (enum purpose)below(PURPOSE_COUNT);
    r->flags = (unsigned)below(16);
    r->started_us = any_i64();
    r->started_ns = any_i64();
    r->duration_ns = (int64_t)next_random();
    r->outcome = (enum outcome)below(OUTCOME_COUNT);
    r->fault = fault_table[below(fault_count)].number;
    snprintf(r->code, sizeof r->code, "%s", any_text());
    r->sys_errno = (int)below(130);
    r->message = any_text();
    for (int i = 0; i < RLV_PH_COUNT; i++)
        if (below(2) != 0)
            r->phases_ns[i] = (int64_t)next_random();
    fill_result(r);
    msg_put_result(b, r);
    result_free(r);
}

static void put_log(struct buf *b)
{
    msg_put_log(b, &(struct msg_log){(unsigned)below(4),
                                     (uint32_t)next_random(), any_text()});
}

static void put_allow(struct buf *b)
{
    msg_put_allow(b, &(struct msg_allow){any_list()});
}

static struct msg_pair *any_pairs(size_t *n)
{
    *n = below(4);
    struct msg_pair *pairs = arena_alloc(arena, *n * sizeof *pairs);
    for (size_t i = 0; i < *n; i++)
        pairs[i] = (struct msg_pair){any_text(), any_text()};
    return pairs;
}

static void put_run(struct buf *b)
{
    struct msg_run m = {.run = next_random(),
                        .dir = arena_printf(arena, "/%s", any_text()),
                        .script = arena_printf(arena, "/%s", any_text()),
                        .user = text_or_null(),
                        .timeout_ns = 1 + (int64_t)next_random(),
                        .grace_ns = (int64_t)next_random(),
                        .output_bytes = (int64_t)next_random(),
                        .input = "a\0b",
                        .input_len = 3,
                        .redact = any_list()};
    m.environment = any_pairs(&m.environment_count);
    m.secrets = any_pairs(&m.secret_count);
    msg_put_run(b, &m);
}

static void put_stop_run(struct buf *b) { msg_put_stop_run(b, next_random()); }

static void put_run_started(struct buf *b)
{
    msg_put_run_started(b, &(struct msg_run_started){next_random(),
                                                     1 + (int32_t)below(99999),
                                                     any_i64()});
}

static void put_run_exited(struct buf *b)
{
    msg_put_run_exited(b, &(struct msg_run_exited){next_random(), below(2) != 0,
                                                   below(2) != 0, any_text()});
}

static void put_ask_command(struct buf *b)
{
    msg_put_ask_command(b, &(struct msg_ask_command){next_random(), any_i64()});
}

static void put_command(struct buf *b)
{
    const char *argv[] = {any_text(), any_text()};
    struct msg_command m = {.order = next_random(),
                            .deadline_ns = any_i64(),
                            .output_bytes = (int64_t)below(99999),
                            .user = text_or_null(),
                            .argv = {argv, 1 + below(2)}};
    m.environment = any_pairs(&m.environment_count);
    msg_put_command(b, &m);
}

static void put_command_ended(struct buf *b)
{
    msg_put_command_ended(
        b, &(struct msg_command_ended){.number = next_random(),
                                       .how = (enum command_end)below(5),
                                       .status = (int32_t)below(99999) - 5,
                                       .spent_ns = any_i64(),
                                       .text = any_text(),
                                       .output = {"a\0b", 3, next_random()},
                                       .errors = {"", 0, below(2)}});
}

enum { RESULTS = 5 };
static struct result *results[RESULTS]; /* of the views */
static size_t result_count;

static void put_web(struct buf *b)
{
    msg_put_web(b, &(struct msg_web){any_text(), any_list(), text_or_null(),
                                     any_text()});
}

static void put_pulse(struct buf *b)
{
    msg_put_pulse(b, &(struct msg_pulse){(int64_t)below(1 << 30),
                                         (int64_t)below(1 << 30), next_random(),
                                         (uint32_t)next_random()});
}

static void put_question(struct buf *b)
{
    const char *content = any_text();
    msg_put_question(b, &(struct msg_question){next_random(), QUESTION_STATUS,
                                               content, strlen(content)});
}

static void put_beat(struct buf *b)
{
    msg_put_beat(b, &(struct msg_beat){any_text(),
                                       (enum beat_kind)below(BEAT_OVERDUE),
                                       any_i64(), any_text(), any_text()});
}

static void put_heard(struct buf *b)
{
    msg_put_heard(b, (enum heard)below(HEARD_LATER + 1));
}

static void fill_view(struct check_view *v)
{
    struct check_row *row = arena_alloc(arena, sizeof *row);
    struct state_row *state = arena_alloc(arena, sizeof *state);
    struct check_spec *spec = arena_alloc(arena, sizeof *spec);
    struct result *last = result_new();
    fill_result(last);
    *row = (struct check_row){(uint32_t)next_random(), any_text(), any_text(),
                              any_text(), 0};
    *state = (struct state_row){.check = row->check,
                                .state = (enum check_state)below(STATE_COUNT),
                                .since_us = any_i64(),
                                .until_us = any_i64(),
                                .incident = next_random()};
    spec->title = text_or_null();
    spec->owner = text_or_null();
    spec->disabled = below(2) != 0;
    spec->tags = any_list();
    spec->severity = any_text();
    spec->interval_ns = any_i64();
    spec->expects = arena_alloc(arena, 2 * sizeof *spec->expects);
    spec->expects[0].text = spec->expects[1].text = any_text();
    spec->expect_count = below(3);
    *v = (struct check_view){.spec = spec,
                             .row = row,
                             .state = state,
                             .count = "2/3",
                             .waits_for = any_text(),
                             .maintenance = text_or_null(),
                             .acknowledged = below(2) != 0,
                             .last = below(2) != 0 ? last : NULL};
    results[result_count++] = last;
}

static void put_status(struct buf *b)
{
    struct check_view views[RESULTS];
    struct msg_trouble trouble = {
        .row = {(uint32_t)next_random(), any_text(), any_text(), any_text(), 0},
        .incident = {.number = next_random(), .summary = any_text()}};
    uint64_t letters[2] = {next_random(), next_random()};
    struct msg_status m = {.generation = (uint32_t)next_random(),
                           .next = (uint32_t)next_random(),
                           .checks = views,
                           .check_count = below(RESULTS),
                           .troubles = &trouble,
                           .trouble_count = below(2),
                           .distrust = text_or_null(),
                           .distrust_ns = any_i64(),
                           .letters = letters,
                           .letter_count = below(3)};
    result_count = 0;
    for (size_t i = 0; i < m.check_count; i++)
        fill_view(&views[i]);
    msg_put_status(b, &m);
    while (result_count > 0)
        result_free(results[--result_count]);
}

static const struct {
    const char *name;
    void (*put)(struct buf *);
    wire_again_fn *again;
} messages[] = {
#define X(name) {#name, put_##name, again_##name},
    AGAIN_MAP(X)
#undef X
};

/* --------------------------------------------------------------- tests --- */

static int set_up(void **state)
{
    (void)state;
    seed = 42;
    arena = arena_new();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

static void test_round_trips(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(messages); i++)
        for (int round = 0; round < 100; round++) {
            struct buf one = {0}, two = {0};
            messages[i].put(&one);
            if (!messages[i].again(buf_text(&one), one.len, arena, &two))
                fail_msg("%s was not understood", messages[i].name);
            assert_int_equal(one.len, two.len);
            assert_memory_equal(buf_text(&one), buf_text(&two), one.len);
            buf_free(&one);
            buf_free(&two);
        }
}

/* The bytes stand at the very end of a block, so that reading on is seen. */
static bool accepts(wire_again_fn *again, const char *bytes, size_t n)
{
    struct arena *own = arena_new();
    struct buf out = {0};
    char *exact = xmalloc(n);
    if (n > 0)
        memcpy(exact, bytes, n);
    bool ok = again(exact, n, own, &out);
    free(exact);
    buf_free(&out);
    arena_free(own);
    return ok;
}

static void test_cut_anywhere(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(messages); i++)
        for (int round = 0; round < 3; round++) {
            struct buf one = {0};
            messages[i].put(&one);
            for (size_t n = 0; n < one.len; n++)
                if (accepts(messages[i].again, buf_text(&one), n))
                    fail_msg("%s: %zu of %zu bytes were enough",
                             messages[i].name, n, one.len);
            buf_addc(&one, 'x');
            if (accepts(messages[i].again, buf_text(&one), one.len))
                fail_msg("%s: a byte too many was accepted", messages[i].name);
            buf_free(&one);
        }
}

static void test_changed_anywhere(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(messages); i++)
        for (int round = 0; round < 200; round++) {
            struct buf one = {0};
            messages[i].put(&one);
            for (size_t k = 0; k < 1 + below(4) && one.len > 0; k++)
                one.data[below(one.len)] = (char)below(256);
            (void)accepts(messages[i].again, buf_text(&one), one.len);
            buf_free(&one);
        }
}

/* A derived check's source is in the same message, of the same plugin, and no
 * derived check itself. */
static void test_sources(void **state)
{
    (void)state;
    static const struct {
        uint32_t numbers[3], of[3];
        uint16_t plugins[3];
        bool accepted;
    } rows[] = {
        {{1, 2, 3}, {0, 0, 0}, {0, 1, 0}, true},
        {{1, 2, 3}, {3, 3, 0}, {1, 1, 1}, true},
        {{7, 2, 5}, {0, 7, 7}, {0, 0, 0}, true},
        {{1, 2, 3}, {0, 4, 0}, {0, 0, 0}, false},
        {{1, 2, 3}, {0, 1, 2}, {0, 0, 0}, false},
        {{1, 2, 3}, {1, 0, 0}, {0, 0, 0}, false},
        {{1, 2, 3}, {2, 1, 0}, {0, 0, 0}, false},
        {{1, 2, 3}, {0, 1, 0}, {0, 1, 0}, false},
        {{1, 1, 3}, {0, 0, 1}, {0, 0, 0}, false},
    };
    const char *paths[] = {"/a.so", "/b.so"};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buf b = {0};
        struct record_spec record = {.name = "db", .expression = "json('.db')"};
        struct msg_check checks[3] = {{.records = &record, .record_count = 1}};
        struct msg_load m = {
            .plugins = {paths, 2}, .checks = checks, .check_count = 3};
        for (size_t k = 0; k < 3; k++) {
            checks[k].check = rows[i].numbers[k];
            checks[k].of = rows[i].of[k];
            checks[k].plugin = rows[i].plugins[k];
        }
        msg_put_load(&b, &m);
        struct msg_load got;
        bool accepted = msg_get_load(b.data, b.len, arena, &got);
        print_message("row %zu: %d\n", i, accepted);
        assert_int_equal(accepted, rows[i].accepted);
        buf_free(&b);
        if (!accepted)
            continue;
        assert_int_equal(got.checks[1].of, rows[i].of[1]);
        assert_int_equal(got.checks[0].record_count, 1);
        assert_string_equal(got.checks[0].records[0].name, "db");
        assert_string_equal(got.checks[0].records[0].expression, "json('.db')");
        assert_int_equal(got.checks[1].record_count, 0);
    }
}

static void test_result_fields(void **state)
{
    (void)state;
    struct buf b = {0};
    struct result *r = result_new();
    struct observation o = {"header", "etag", rlv_text("x"), true};
    r->fault = RLV_F_REFUSED;
    r->outcome = OUTCOME_FAIL;
    r->sys_errno = 111;
    snprintf(r->code, sizeof r->code, "ECONNREFUSED");
    r->message = "no";
    r->phases_ns[RLV_PH_DELIVER] = 0;
    r->observations = &o;
    r->observation_count = 1;
    msg_put_result(&b, r);
    result_free(r);
    r = msg_get_result(b.data, b.len);
    assert_non_null(r);
    assert_int_equal(r->fault, RLV_F_REFUSED);
    assert_int_equal(r->sys_errno, 111);
    assert_string_equal(r->code, "ECONNREFUSED");
    assert_int_equal(r->phases_ns[RLV_PH_DELIVER], 0);
    assert_int_equal(r->phases_ns[RLV_PH_DNS], RESULT_NO_PHASE);
    assert_string_equal(result_observation(r, "header", "etag")->as.s, "x");
    result_free(r);
    buf_free(&b);
}

static void test_names(void **state)
{
    (void)state;
    assert_string_equal(msg_name(MSG_RESULT), "RESULT");
    assert_string_equal(msg_name(9999), "?");
    assert_string_equal(blackbox_callback_text(BLACKBOX_TIMER),
                        "a timer callback");
    assert_string_equal(blackbox_callback_text(9999), "?");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trips),
        cmocka_unit_test(test_cut_anywhere),
        cmocka_unit_test(test_changed_anywhere),
        cmocka_unit_test(test_sources),
        cmocka_unit_test(test_result_fields),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
