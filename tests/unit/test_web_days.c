/* The day of every check as the overview shows it: what of it is as the history
 * says, and how old it may be. */
#include "test_store_fixture.h"

#include "web/days.h"

#define HOUR   (3600 * US_PER_S)
#define T0     (INT64_C(472222) * HOUR) /* a whole hour */
#define NOW    (T0 + 30 * 60 * US_PER_S)
#define LATENT (10 * NS_PER_MS)

static void append(struct fixture *f, uint32_t check, int64_t at_us,
                   int64_t latency_ns)
{
    struct result *r = fixture_result(check, at_us, OUTCOME_OK);
    struct observation o = {"latency", NULL, rlv_duration(latency_ns), true};
    r->observations = arena_memdup(r->arena, &o, sizeof o);
    r->observation_count = 1;
    fixture_append(f, (struct record){.kind = RECORD_RESULT, .as.result = r});
    result_free(r);
}

static void append_check(struct fixture *f, uint32_t check)
{
    struct record r = {.kind = RECORD_CHECK};
    r.as.check = (struct check_row){check, "c", "", "http", check};
    fixture_append(f, r);
}

static uint64_t total(const struct day *d)
{
    uint64_t n = 0;
    for (size_t i = 0; i < d->count; i++)
        n += rollup_total(&d->items[i]);
    return n;
}

static const struct day *day_at(struct reader *r, int64_t now_us,
                                uint32_t check)
{
    struct err err = {0};
    int64_t since_us;
    assert_true(days_read(r, now_us, &since_us, &err));
    assert_int_equal(since_us, T0 - 23 * HOUR);
    return days_find(check);
}

static void test_all_hours_of_all_checks(void **state)
{
    struct fixture *f = *state;
    fixture_open(f);
    for (uint32_t check = 2; check <= 4; check++) {
        append_check(f, check);
        for (int k = -23; k <= 0 && check != 3; k++)
            for (int i = 0; i < 3; i++)
                append(f, check, T0 + k * HOUR + i, check * LATENT * (1 + i));
        append(f, check, T0 - 24 * HOUR, LATENT); /* of the day before */
    }
    fixture_sync(f);
    struct reader *r = fixture_reader(f);
    assert_null(days_find(2));
    for (uint32_t check = 2; check <= 4; check += 2) {
        const struct day *d = day_at(r, NOW, check);
        assert_int_equal(d->count, DAY_HOURS);
        for (size_t i = 0; i < d->count; i++) {
            assert_int_equal(d->items[i].from_us,
                             T0 + ((int64_t)i - 23) * HOUR);
            assert_int_equal(rollup_total(&d->items[i]), 3);
        }
        int64_t off_ns = d->p50_ns - check * LATENT * 2;
        assert_in_range(off_ns < 0 ? -off_ns : off_ns, 0, LATENT / 4);
        assert_int_equal(d->p95_ns, check * LATENT * 3);
    }
    assert_int_equal(day_at(r, NOW, 3)->count, 0);
    assert_false(day_at(r, NOW, 3)->timed);
    assert_null(days_find(1));
    assert_null(days_find(5));
    days_forget();
    assert_null(days_find(2));
    reader_close(r);
}

static void test_how_old_it_may_be(void **state)
{
    struct fixture *f = *state;
    fixture_open(f);
    append_check(f, 1);
    append(f, 1, T0, LATENT);
    fixture_sync(f);
    struct reader *r = fixture_reader(f);
    assert_int_equal(total(day_at(r, NOW, 1)), 1);
    append(f, 1, T0 + 1, LATENT);
    append(f, 1, T0 - HOUR, LATENT);
    append(f, 1, T0 - 2 * HOUR, LATENT); /* settled: by a clock set back */
    append_check(f, 2);
    append(f, 2, T0, LATENT);
    fixture_sync(f);
    assert_int_equal(total(day_at(r, NOW + 9 * US_PER_S, 1)), 1);
    assert_int_equal(total(day_at(r, NOW + 10 * US_PER_S, 1)), 3);
    assert_int_equal(total(day_at(r, NOW + 10 * US_PER_S, 2)), 1);
    assert_int_equal(total(day_at(r, NOW + 59 * US_PER_S, 1)), 3);
    assert_int_equal(total(day_at(r, NOW + 70 * US_PER_S, 1)), 4);
    append(f, 1, T0 - 3 * HOUR, LATENT);
    fixture_sync(f);
    assert_int_equal(total(day_at(r, NOW, 1)), 5); /* the clock was set back */
    append(f, 1, T0 - 3 * HOUR, LATENT);
    fixture_sync(f);
    days_forget();
    assert_int_equal(total(day_at(r, NOW, 1)), 6);
    days_forget();
    reader_close(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_all_hours_of_all_checks,
                                        fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_how_old_it_may_be, fixture_setup,
                                        fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
