/* The packed histogram: its relative error, merging, the bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "model/sketch.h"

static struct arena *arena;

static int setup(void **state)
{
    (void)state;
    arena = arena_new();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

static uint64_t seed = 4711;

static uint64_t next_random(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

static void assert_near(int64_t value, int64_t read)
{
    int64_t off = value > read ? value - read : read - value;
    if ((double)off > (double)value * SKETCH_ERROR)
        fail_msg("%lld reads as %lld", (long long)value, (long long)read);
}

/* Every octave: its first and last values, and some between. */
static void any_value_reads_within_the_error(void **state)
{
    (void)state;
    for (int bit = 0; bit < 63; bit++)
        for (int k = 0; k < 300; k++) {
            uint64_t span = UINT64_C(1) << bit;
            uint64_t off = k == 0 ? 0 : k == 1 ? span - 1 : next_random();
            int64_t value = (int64_t)(span + off % span);
            struct sketch s = {.arena = arena};
            sketch_add(&s, value, 1);
            assert_near(value, sketch_percentile(&s, 50));
            if (value < 64)
                assert_int_equal(value, sketch_percentile(&s, 50));
        }
    struct sketch zero = {.arena = arena};
    sketch_add(&zero, 0, 1);
    sketch_add(&zero, -5, 1);
    assert_int_equal(sketch_percentile(&zero, 99), 0);
    assert_int_equal(sketch_count(&zero), 2);
}

static int compare(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static void percentiles_are_the_ranks(void **state)
{
    enum { N = 1237 };
    static int64_t values[N];
    static const unsigned percents[] = {0, 1, 25, 50, 90, 95, 99, 100};
    struct sketch s = {.arena = arena};
    (void)state;
    for (size_t i = 0; i < N; i++) {
        values[i] = (int64_t)(next_random() % 1000000 * (next_random() % 3000));
        sketch_add(&s, values[i], 1);
    }
    qsort(values, N, sizeof *values, compare);
    for (size_t i = 0; i < sizeof percents / sizeof *percents; i++) {
        size_t rank = (N * percents[i] + 99) / 100;
        assert_near(values[rank > 0 ? rank - 1 : 0],
                    sketch_percentile(&s, percents[i]));
    }
    struct sketch empty = {.arena = arena};
    assert_int_equal(sketch_percentile(&empty, 50), 0);
    assert_int_equal(sketch_count(&empty), 0);
}

static void assert_same(const struct sketch *a, const struct sketch *b)
{
    assert_int_equal(a->count, b->count);
    for (size_t i = 0; i < a->count; i++) {
        assert_int_equal(a->buckets[i].index, b->buckets[i].index);
        assert_int_equal(a->buckets[i].count, b->buckets[i].count);
    }
}

/* Added one by one or merged in parts, in any order: the same. */
static void merging_is_adding(void **state)
{
    (void)state;
    for (int round = 0; round < 200; round++) {
        struct sketch all = {.arena = arena}, merged = {.arena = arena};
        for (int part = 0; part < 4; part++) {
            struct sketch s = {.arena = arena};
            for (uint64_t i = next_random() % 20; i > 0; i--) {
                int64_t value = (int64_t)(next_random() % 3000);
                uint64_t times = next_random() % 3;
                sketch_add(&s, value, times);
                sketch_add(&all, value, times);
            }
            sketch_merge(&merged, &s);
        }
        assert_same(&all, &merged);
    }
}

static void packed_and_back(void **state)
{
    (void)state;
    for (int round = 0; round < 200; round++) {
        struct sketch s = {.arena = arena}, back = {.arena = arena};
        struct buf b = {0};
        for (int i = 0; i < round; i++)
            sketch_add(&s, (int64_t)(next_random() >> (1 + i % 60)),
                       1 + next_random() % (1u << (unsigned)(i % 20)));
        sketch_put(&b, &s);
        const unsigned char *at = (const unsigned char *)b.data;
        assert_true(sketch_get(&back, &at, b.len));
        assert_ptr_equal(at, (const unsigned char *)b.data + b.len);
        assert_same(&s, &back);
        buf_free(&b);
    }
}

/* Six results of a minute around 2 ms: what the size of a rollup rests on. */
static void a_few_values_take_few_bytes(void **state)
{
    struct sketch s = {.arena = arena};
    struct buf b = {0};
    (void)state;
    for (int64_t i = 0; i < 6; i++)
        sketch_add(&s, 2000000 + i * 130000, 1);
    sketch_put(&b, &s);
    if (b.len > 9)
        fail_msg("%zu bytes", b.len);
    buf_free(&b);
}

static void damaged_bytes_are_refused(void **state)
{
    struct sketch s = {.arena = arena};
    struct buf b = {0};
    (void)state;
    for (int64_t i = 0; i < 50; i++)
        sketch_add(&s, i * i * 1000, 1 + (uint64_t)i % 3);
    sketch_put(&b, &s);
    for (size_t n = 0; n < b.len; n++) {
        struct sketch cut = {.arena = arena};
        const unsigned char *at = (const unsigned char *)b.data;
        assert_false(sketch_get(&cut, &at, n));
    }
    for (int round = 0; round < 20000; round++) {
        unsigned char bytes[40];
        size_t n = 1 + next_random() % sizeof bytes;
        for (size_t i = 0; i < n; i++)
            bytes[i] = (unsigned char)(next_random() >> 20);
        struct sketch any = {.arena = arena};
        const unsigned char *at = bytes;
        if (sketch_get(&any, &at, n)) {
            assert_true(at <= bytes + n);
            for (size_t i = 1; i < any.count; i++)
                assert_true(any.buckets[i - 1].index < any.buckets[i].index);
        }
    }
    buf_free(&b);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(any_value_reads_within_the_error),
        TEST(percentiles_are_the_ranks),
        TEST(merging_is_adding),
        TEST(packed_and_back),
        TEST(a_few_values_take_few_bytes),
        TEST(damaged_bytes_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
