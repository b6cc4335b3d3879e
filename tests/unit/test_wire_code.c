/* Values as bytes: what goes in comes out, and nothing is read past the end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "wire/code.h"

static void put_all(struct buf *b)
{
    const char *items[] = {"one", "", "three"};
    struct rlv_list list = {items, 3};
    struct rlv_value text = rlv_text_n("a\0b", 3), real = rlv_real(-0.5);
    wire_put_u8(b, 0xfe);
    wire_put_u16(b, 0xfedc);
    wire_put_u32(b, 0xfedcba98u);
    wire_put_u64(b, 0xfedcba9876543210u);
    wire_put_i64(b, INT64_MIN);
    wire_put_f64(b, 1e-300);
    wire_put_bytes(b, "x\0y", 3);
    wire_put_text(b, "text");
    wire_put_text(b, NULL);
    wire_put_text(b, "");
    wire_put_value(b, &text);
    wire_put_value(b, &real);
    wire_put_list(b, &list);
}

/* The last field is right, the reader knows whether all of them were. */
static void get_all(struct wire_reader *r, bool check)
{
    size_t n = 0;
    uint64_t numbers[] = {wire_u8(r), wire_u16(r), wire_u32(r), wire_u64(r)};
    int64_t i = wire_i64(r);
    double d = wire_f64(r);
    const char *bytes = wire_bytes(r, &n);
    const char *text = wire_text(r), *null = wire_text(r);
    const char *empty = wire_text_or(r, "fallback");
    struct rlv_value v = wire_value(r), real = wire_value(r);
    struct rlv_list list = wire_list(r);
    if (!check)
        return;
    assert_int_equal(numbers[0], 0xfe);
    assert_int_equal(numbers[1], 0xfedc);
    assert_int_equal(numbers[2], 0xfedcba98u);
    assert_true(numbers[3] == 0xfedcba9876543210u);
    assert_true(i == INT64_MIN);
    assert_true(d == 1e-300);
    assert_int_equal(n, 3);
    assert_memory_equal(bytes, "x\0y", 4);
    assert_string_equal(text, "text");
    assert_null(null);
    assert_string_equal(empty, "");
    assert_int_equal(v.type, RLV_T_TEXT);
    assert_int_equal(v.len, 3);
    assert_memory_equal(v.as.s, "a\0b", 4);
    assert_true(real.as.d == -0.5);
    assert_int_equal(list.count, 3);
    assert_string_equal(list.items[2], "three");
}

static void test_round_trip(void **state)
{
    (void)state;
    struct buf b = {0};
    struct arena *arena = arena_new();
    put_all(&b);
    struct wire_reader r = wire_reader(b.data, b.len, arena);
    get_all(&r, true);
    assert_true(wire_done(&r));
    arena_free(arena);
    buf_free(&b);
}

static void test_cut_anywhere(void **state)
{
    (void)state;
    struct buf b = {0};
    put_all(&b);
    for (size_t n = 0; n < b.len; n++) {
        struct arena *arena = arena_new();
        char *exact = xmalloc(n); /* so that a byte too far is seen */
        memcpy(exact, b.data, n);
        struct wire_reader r = wire_reader(exact, n, arena);
        get_all(&r, false);
        if (wire_done(&r))
            fail_msg("%zu of %zu bytes were enough", n, b.len);
        free(exact);
        arena_free(arena);
    }
    buf_free(&b);
}

static void test_too_much(void **state)
{
    (void)state;
    struct wire_reader r = wire_reader("ab", 2, NULL);
    assert_int_equal(wire_u8(&r), 'a');
    assert_false(wire_done(&r));
    assert_int_equal(wire_u8(&r), 'b');
    assert_true(wire_done(&r));
    assert_int_equal(wire_u8(&r), 0);
    assert_false(wire_done(&r));
}

static void test_bad_once_is_bad(void **state)
{
    (void)state;
    struct wire_reader r = wire_reader("abc", 3, NULL);
    assert_int_equal(wire_u32(&r), 0);
    assert_int_equal(wire_u8(&r), 0); /* although there would be one */
    assert_true(r.bad);
}

/* A count is believed only if so many elements can be there. */
static void test_counts(void **state)
{
    (void)state;
    struct buf b = {0};
    wire_put_u32(&b, 3);
    wire_put_u64(&b, 0);
    struct wire_reader r = wire_reader(b.data, b.len, NULL);
    assert_int_equal(wire_count(&r, 3), 0);
    assert_true(r.bad);
    r = wire_reader(b.data, b.len, NULL);
    assert_int_equal(wire_count(&r, 2), 3);
    buf_clear(&b);
    wire_put_u32(&b, UINT32_MAX);
    r = wire_reader(b.data, b.len, NULL);
    assert_int_equal(wire_count(&r, 1), 0);
    buf_free(&b);
}

static void test_texts_have_no_zero(void **state)
{
    (void)state;
    struct buf b = {0};
    struct arena *arena = arena_new();
    wire_put_bytes(&b, "a\0b", 3);
    struct wire_reader r = wire_reader(b.data, b.len, arena);
    wire_text(&r);
    assert_true(r.bad);
    buf_clear(&b);
    wire_put_u8(&b, RLV_T_MAP); /* no value has that type */
    wire_put_u64(&b, 0);
    r = wire_reader(b.data, b.len, arena);
    wire_value(&r);
    assert_true(r.bad);
    buf_free(&b);
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_cut_anywhere),
        cmocka_unit_test(test_too_much),
        cmocka_unit_test(test_bad_once_is_bad),
        cmocka_unit_test(test_counts),
        cmocka_unit_test(test_texts_have_no_zero),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
