/* The bytes of hot, chunk and detail: every value comes back exactly, damaged
 * bytes never do more than be refused, and a good result is small. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "store/code.h"
#include "store/column.h"
#include "store/sample.h"

static uint64_t seed = 88172645463325252ULL;

static uint64_t noise(void) /* xorshift64 */
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

static uint64_t any_number(void)
{
    static const uint64_t extremes[] = {
        0, 1, UINT64_MAX, INT64_MAX, (uint64_t)INT64_MIN, 127, 128};
    uint64_t r = noise();
    return r % 4 == 0 ? extremes[r / 4 % 7] : noise() >> (r / 4 % 64);
}

static void assert_column(const uint64_t *v, size_t n)
{
    struct buf b = {0};
    column_put(&b, v, n);
    struct arena *a = arena_new();
    struct code_reader r = code_reader(b.data, b.len, a);
    uint64_t *got = column_get(&r, n);
    assert_false(r.bad);
    assert_int_equal(r.left, 0);
    assert_memory_equal(got, v, n * sizeof *v);
    arena_free(a);
    buf_free(&b);
}

static void test_columns_keep_every_number(void **state)
{
    (void)state;
    uint64_t v[300] = {0};
    assert_column(v, 0);
    for (int round = 0; round < 400; round++) {
        size_t n = 1 + noise() % 300;
        uint64_t style = noise() % 5, slope = any_number();
        for (size_t i = 0; i < n; i++)
            v[i] = style == 0   ? any_number()
                   : style == 1 ? slope * i
                   : style == 2 ? slope
                   : style == 3 ? slope - i * 1000 + noise() % 50
                                : (uint64_t)(noise() % 3 == 0);
        assert_column(v, n);
    }
}

static void test_steady_columns_are_tiny(void **state)
{
    (void)state;
    struct buf b = {0};
    uint64_t v[1000];
    for (size_t i = 0; i < 1000; i++)
        v[i] = 1700000000000000 + i * 30000000;
    column_put(&b, v, 1000);
    assert_in_range(b.len, 1, 20);
    buf_free(&b);
}

/* ------------------------------------------------------------- samples --- */

static struct rlv_value any_value(struct arena *a)
{
    char text[200];
    size_t n = noise() % sizeof text;
    for (size_t i = 0; i < n; i++)
        text[i] = (char)(noise() % 3 == 0 ? 0 : noise());
    switch (noise() % 5) {
    case 0: return rlv_text_n(arena_strndup(a, text, n), n);
    case 1: return rlv_text(noise() % 2 ? "primary" : "");
    case 2: return rlv_real((double)(int64_t)any_number() / 7);
    case 3: return rlv_bool(noise() % 2);
    default: return rlv_duration((int64_t)any_number());
    }
}

static void fill_sample(struct sample *s, struct arena *a)
{
    static const char *const names[] = {"latency", "status", "role", "value"};
    s->started_us = (int64_t)any_number();
    s->started_ns = (int64_t)any_number();
    s->duration_ns = (int64_t)any_number();
    s->probe = any_number();
    s->generation = (uint32_t)any_number();
    s->flags = (uint32_t)any_number();
    s->outcome = (enum outcome)(noise() % OUTCOME_COUNT);
    s->purpose = (enum purpose)(noise() % PURPOSE_COUNT);
    s->has_detail = noise() % 2;
    s->observation_count = noise() % 5;
    s->observations = arena_alloc(a, 5 * sizeof *s->observations);
    for (size_t i = 0; i < s->observation_count; i++)
        s->observations[i] =
            (struct observation){.name = names[noise() % 4],
                                 .key = noise() % 4 ? NULL : "db",
                                 .value = any_value(a),
                                 .recorded = true};
}

static void assert_value(struct rlv_value got, struct rlv_value want)
{
    assert_int_equal(got.type, want.type);
    assert_int_equal(got.len, want.len);
    if (code_is_text(want.type))
        assert_memory_equal(got.as.s, want.as.s, want.len);
    else
        assert_int_equal(code_value_bits(&got), code_value_bits(&want));
}

static void assert_sample(const struct sample *got, const struct sample *want)
{
    assert_int_equal(got->started_us, want->started_us);
    assert_int_equal(got->started_ns, want->started_ns);
    assert_int_equal(got->duration_ns, want->duration_ns);
    assert_int_equal(got->probe, want->probe);
    assert_int_equal(got->generation, want->generation);
    assert_int_equal(got->flags, want->flags);
    assert_int_equal(got->outcome, want->outcome);
    assert_int_equal(got->purpose, want->purpose);
    assert_int_equal(got->has_detail, want->has_detail);
    assert_int_equal(got->observation_count, want->observation_count);
    for (size_t i = 0; i < want->observation_count; i++) {
        const struct observation *g = &got->observations[i];
        const struct observation *w = &want->observations[i];
        assert_string_equal(g->name, w->name);
        assert_int_equal(g->key == NULL, w->key == NULL);
        if (w->key != NULL)
            assert_string_equal(g->key, w->key);
        assert_true(g->recorded);
        assert_value(g->value, w->value);
    }
}

static void test_chunks_keep_every_value(void **state)
{
    (void)state;
    for (int round = 0; round < 60; round++) {
        struct arena *a = arena_new();
        size_t n = 1 + noise() % 120;
        struct sample *s = arena_alloc(a, n * sizeof *s), *got;
        for (size_t i = 0; i < n; i++)
            fill_sample(&s[i], a);
        struct buf b = {0};
        int64_t last = 0;
        chunk_put(&b, s, n);
        assert_true(chunk_end(b.data, b.len, s[0].started_us, &last));
        assert_int_equal(last, s[n - 1].started_us);
        assert_true(chunk_get(b.data, b.len, n, a, &got));
        for (size_t i = 0; i < n; i++)
            assert_sample(&got[i], &s[i]);
        buf_free(&b);
        arena_free(a);
    }
}

static void test_damaged_chunks_are_refused(void **state)
{
    (void)state;
    struct arena *a = arena_new();
    struct sample s[40], *got;
    for (size_t i = 0; i < 40; i++)
        fill_sample(&s[i], a);
    struct buf b = {0};
    chunk_put(&b, s, 40);
    for (size_t n = 0; n < b.len; n++) /* cut anywhere */
        assert_false(chunk_get(b.data, n, 40, a, &got));
    assert_false(chunk_get(b.data, b.len, 0, a, &got));
    assert_false(chunk_get(b.data, b.len, CHUNK_MOST + 1, a, &got));
    for (int i = 0; i < 3000; i++) { /* any byte changed: no crash */
        struct arena *scratch = arena_new();
        char *copy = arena_memdup(scratch, b.data, b.len);
        copy[noise() % b.len] ^= (char)(1 + noise() % 255);
        (void)!chunk_get(copy, b.len, 40, scratch, &got);
        arena_free(scratch);
    }
    buf_free(&b);
    arena_free(a);
}

static void test_a_good_result_is_small(void **state)
{
    (void)state;
    enum { COUNT = 128 };
    struct sample s[COUNT];
    struct observation o[COUNT][2];
    memset(s, 0, sizeof s);
    memset(o, 0, sizeof o);
    for (size_t i = 0; i < COUNT; i++) {
        int64_t late_us = (int64_t)(noise() % 300);
        int64_t latency_ns = 2000000 + (int64_t)(noise() % 1000000);
        s[i].started_us = 1700000000000000 + (int64_t)i * 60000000 + late_us;
        s[i].started_ns = s[i].started_us * 1000 + (int64_t)(noise() % 1000);
        s[i].duration_ns = latency_ns + 90000 + (int64_t)(noise() % 30000);
        s[i].probe = i * 10000 + noise() % 20;
        s[i].generation = 1;
        o[i][0] = (struct observation){"status", NULL, rlv_int(200), true};
        o[i][1] = (struct observation){"latency", NULL,
                                       rlv_duration(latency_ns), true};
        s[i].observations = o[i];
        s[i].observation_count = 2;
    }
    for (size_t n = 8; n <= COUNT; n *= 2) {
        struct buf b = {0};
        chunk_put(&b, s, n);
        print_message("%zu good results in a chunk: %.1f bytes each\n", n,
                      (double)b.len / (double)n);
        if (n >= 16)
            assert_in_range(b.len / n, 1, 20);
        buf_free(&b);
    }
}

static void test_detail_keeps_all_of_a_bad_result(void **state)
{
    (void)state;
    struct result *r = result_new(), *got = result_new();
    r->phases_ns[RLV_PH_DNS] = 0;
    r->phases_ns[RLV_PH_WAIT] = INT64_MIN;
    struct judged_line lines[] = {{"status == 200", "503", false, false},
                                  {"latency < 1s", "", true, true}};
    struct evidence evidence[] = {{"body", "a\0b", 3, 77}, {"", "", 0, 0}};
    struct observation observations[] = {
        {"body", NULL, rlv_body("never", 5), false},
        {"header", "etag", rlv_text_n("x\0y", 3), false},
        {"status", NULL, rlv_int(503), true}};
    r->lines = lines;
    r->line_count = 2;
    r->evidence = evidence;
    r->evidence_count = 2;
    r->observations = observations;
    r->observation_count = 3;
    struct buf detail = {0}, more = {0};
    detail_put(&detail, r);
    detail_put_evidence(&more, r);
    assert_true(detail_get(got, detail.data, detail.len, got->arena));
    assert_true(detail_get_evidence(got, more.data, more.len, got->arena));
    assert_memory_equal(got->phases_ns, r->phases_ns, sizeof r->phases_ns);
    assert_int_equal(got->observation_count, 2); /* bodies are not kept */
    assert_string_equal(got->observations[0].key, "etag");
    assert_false(got->observations[0].recorded);
    assert_value(got->observations[0].value, observations[1].value);
    assert_true(got->observations[1].recorded);
    assert_int_equal(got->line_count, 2);
    assert_string_equal(got->lines[0].values, "503");
    assert_true(got->lines[1].warn && got->lines[1].holds);
    assert_int_equal(got->evidence_count, 2);
    assert_memory_equal(got->evidence[0].bytes, "a\0b", 3);
    assert_int_equal(got->evidence[0].dropped, 77);
    for (size_t n = 0; n < detail.len; n++)
        assert_false(detail_get(got, detail.data, n, got->arena));
    buf_free(&detail);
    buf_free(&more);
    result_free(r);
    result_free(got);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_columns_keep_every_number),
        cmocka_unit_test(test_steady_columns_are_tiny),
        cmocka_unit_test(test_chunks_keep_every_value),
        cmocka_unit_test(test_damaged_chunks_are_refused),
        cmocka_unit_test(test_a_good_result_is_small),
        cmocka_unit_test(test_detail_keeps_all_of_a_bad_result),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
