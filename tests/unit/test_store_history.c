/* Results: written to hot, packed into chunk, read newest first out of both;
 * nothing is lost, doubled or changed on the way. */
#include "test_store_fixture.h"

#define BASE INT64_C(1700000000000000)

/* Packs when that many rows are in hot; the next commit triggers it. */
static void pack_at(struct fixture *f, size_t rows)
{
    f->options.hot_rows = rows;
}

static int64_t rows_of(struct fixture *f, const char *table)
{
    char sql[80];
    snprintf(sql, sizeof sql, "SELECT count(*) FROM %s", table);
    return fixture_number(f, sql);
}

static void wait_packed(struct fixture *f)
{
    fixture_sync(f);
    for (int i = 0; i < 5000 && rows_of(f, "hot") > 0; i++)
        fixture_sleep_ms(2);
    assert_int_equal(rows_of(f, "hot"), 0);
}

static struct result **history(struct fixture *f, struct reader_window w,
                               size_t *n)
{
    struct err err = {0};
    struct result **results;
    struct reader *r = fixture_reader(f);
    if (!reader_history(r, f->arena, &w, &results, n, &err))
        fail_msg("%s", err.text);
    reader_close(r);
    return results;
}

static void assert_times(struct fixture *f, struct reader_window w,
                         const int64_t *want, size_t n)
{
    size_t got;
    struct result **results = history(f, w, &got);
    assert_int_equal(got, n);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(results[i]->started_us - BASE, want[i]);
}

static void append_at(struct fixture *f, uint32_t check, int64_t offset_us)
{
    fixture_append_result(f, check, BASE + offset_us, OUTCOME_OK);
}

static void test_newest_first_over_hot_and_chunk(void **state)
{
    struct fixture *f = *state;
    pack_at(f, 6);
    fixture_open(f);
    for (int i = 0; i < 6; i++)
        append_at(f, 1 + (uint32_t)i % 2, i * 10); /* 1: 0 20 40, 2: 10 30 50 */
    wait_packed(f);
    append_at(f, 1, 60);
    append_at(f, 1, 30); /* the clock was set back */
    append_at(f, 2, 70);
    fixture_sync(f);
    assert_int_equal(rows_of(f, "hot"), 3);
    assert_int_equal(rows_of(f, "chunk"), 2);
    assert_times(f, (struct reader_window){.check = 1},
                 (const int64_t[]){60, 40, 30, 20, 0}, 5);
    assert_times(f, (struct reader_window){.check = 1, .limit = 3},
                 (const int64_t[]){60, 40, 30}, 3);
    assert_times(f, (struct reader_window){.check = 1, .before_us = BASE + 40},
                 (const int64_t[]){30, 20, 0}, 3);
    assert_times(f,
                 (struct reader_window){
                     .check = 1, .since_us = BASE + 20, .before_us = BASE + 60},
                 (const int64_t[]){40, 30, 20}, 3);
    assert_times(f, (struct reader_window){.check = 3}, NULL, 0);
    for (int i = 0; i < 3; i++) /* and packed again, into what is there */
        append_at(f, 2, 80 + i);
    wait_packed(f);
    assert_times(f, (struct reader_window){.check = 1},
                 (const int64_t[]){60, 40, 30, 20, 0}, 5);
    assert_times(f, (struct reader_window){.check = 2},
                 (const int64_t[]){82, 81, 80, 70, 50, 30, 10}, 7);
}

/* Chunks of more than 128 are not joined; a clock set back must still find the
 * ones it overlaps. */
static void test_clock_set_back_over_large_chunks(void **state)
{
    struct fixture *f = *state;
    pack_at(f, 300);
    fixture_open(f);
    int64_t want[900];
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 300; i++)
            append_at(f, 1,
                      (round == 2 ? 1000 : round * 3000) + i * 10 + round);
        wait_packed(f);
    }
    size_t n = 0;
    for (int64_t at = 9000; at >= 0; at--)
        if ((at < 3000 && at % 10 == 0) ||
            (at >= 3000 && at < 6000 && at % 10 == 1) ||
            (at >= 1000 && at < 4000 && at % 10 == 2))
            want[n++] = at;
    assert_int_equal(n, 900);
    assert_times(f, (struct reader_window){.check = 1}, want, 900);
    assert_int_equal(fixture_number(f, "SELECT sum(n) FROM chunk"), 900);
}

static void test_equal_times_are_all_kept(void **state)
{
    struct fixture *f = *state;
    pack_at(f, 1500);
    fixture_open(f);
    for (int i = 0; i < 1500; i++)
        append_at(f, 1, 5);
    wait_packed(f);
    for (int i = 0; i < 1500; i++)
        append_at(f, 1, 5);
    wait_packed(f);
    assert_int_equal(fixture_number(f, "SELECT sum(n) FROM chunk"), 3000);
}

static struct result *bad_result(uint32_t check, int64_t at_us)
{
    struct result *r = fixture_result(check, at_us, OUTCOME_FAIL);
    struct arena *a = r->arena;
    r->probe = UINT64_MAX;
    r->generation = UINT32_MAX;
    r->purpose = PURPOSE_LOOK_AGAIN;
    r->flags = RESULT_LATE | RESULT_TRUNCATED;
    r->started_ns = INT64_MIN;
    r->duration_ns = -5;
    r->fault = RLV_F_ERROR_RESPONSE;
    strcpy(r->code, "503");
    r->sys_errno = 111;
    r->message = "answered 503\ndegraded";
    r->phases_ns[RLV_PH_CONNECT] = 17;
    r->observations = arena_alloc(a, 3 * sizeof *r->observations);
    r->observation_count = 3;
    r->observations[0] =
        (struct observation){"status", NULL, rlv_int(503), true};
    r->observations[1] =
        (struct observation){"header", "etag", rlv_text_n("a\0b", 3), false};
    r->observations[2] =
        (struct observation){"load", NULL, rlv_real(0.25), true};
    r->lines = arena_alloc(a, sizeof *r->lines);
    r->line_count = 1;
    r->lines[0] = (struct judged_line){"status == 200", "503", false, true};
    r->evidence = arena_alloc(a, sizeof *r->evidence);
    r->evidence_count = 1;
    r->evidence[0] = (struct evidence){"body", "\0\xff{}", 4, 12};
    return r;
}

static void assert_bad_result(const struct result *got,
                              const struct result *want)
{
    assert_int_equal(got->probe, want->probe);
    assert_int_equal(got->check, want->check);
    assert_int_equal(got->generation, want->generation);
    assert_int_equal(got->node, want->node);
    assert_int_equal(got->purpose, want->purpose);
    assert_int_equal(got->flags, want->flags);
    assert_int_equal(got->started_us, want->started_us);
    assert_int_equal(got->started_ns, want->started_ns);
    assert_int_equal(got->duration_ns, want->duration_ns);
    assert_int_equal(got->outcome, want->outcome);
    assert_int_equal(got->fault, want->fault);
    assert_string_equal(got->code, want->code);
    assert_int_equal(got->sys_errno, want->sys_errno);
    assert_string_equal(got->message, want->message);
    assert_memory_equal(got->phases_ns, want->phases_ns,
                        sizeof want->phases_ns);
    assert_int_equal(got->observation_count, 3);
    assert_int_equal(got->observations[0].value.as.i, 503);
    assert_memory_equal(got->observations[1].value.as.s, "a\0b", 3);
    assert_string_equal(got->observations[1].key, "etag");
    assert_true(got->observations[2].value.as.d == 0.25);
    assert_int_equal(got->line_count, 1);
    assert_string_equal(got->lines[0].text, "status == 200");
    assert_true(got->lines[0].warn);
    assert_int_equal(got->evidence_count, 1);
    assert_int_equal(got->evidence[0].len, 4);
    assert_memory_equal(got->evidence[0].bytes, "\0\xff{}", 4);
    assert_int_equal(got->evidence[0].dropped, 12);
}

static void test_a_bad_result_is_kept_whole(void **state)
{
    struct fixture *f = *state;
    struct result *want = bad_result(4, BASE + 1);
    struct record record = {.kind = RECORD_RESULT, .as.result = want};
    pack_at(f, 2);
    fixture_open(f);
    fixture_append(f, record);
    fixture_sync(f);
    for (int packed = 0; packed < 2; packed++) {
        struct err err = {0};
        struct result *got = NULL;
        struct reader *r = fixture_reader(f);
        assert_true(reader_result(r, f->arena, 4, BASE + 1, &got, &err));
        assert_non_null(got);
        assert_bad_result(got, want);
        assert_true(reader_result(r, f->arena, 4, BASE + 2, &got, &err));
        assert_null(got);
        reader_close(r);
        if (packed)
            break;
        append_at(f, 9, 2);
        wait_packed(f);
    }
    result_free(want);
}

static void test_a_good_result_keeps_what_is_recorded(void **state)
{
    struct fixture *f = *state;
    struct result *r = fixture_result(1, BASE, OUTCOME_OK);
    struct observation o[] = {
        {"latency", NULL, rlv_duration(-7), true},
        {"body_size", NULL, rlv_size(12), false},
        {"role", NULL, rlv_text("primary"), true},
    };
    r->observations = o;
    r->observation_count = 3;
    r->phases_ns[RLV_PH_WAIT] = 5;
    fixture_open(f);
    fixture_append(f, (struct record){.kind = RECORD_RESULT, .as.result = r});
    fixture_sync(f);
    result_free(r);
    size_t n;
    struct result **got = history(f, (struct reader_window){.check = 1}, &n);
    assert_int_equal(n, 1);
    assert_int_equal(got[0]->observation_count, 2);
    assert_int_equal(result_observation(got[0], "latency", NULL)->as.i, -7);
    assert_string_equal(result_observation(got[0], "role", NULL)->as.s,
                        "primary");
    assert_int_equal(got[0]->phases_ns[RLV_PH_WAIT], RESULT_NO_PHASE);
    assert_int_equal(rows_of(f, "detail"), 0);
}

/* -------------------------------------------------------------- volume --- */

#if defined(RELEVO_SANITIZED) /* everything is several times slower */
enum { CHECKS = 20, EACH = 1000 };
#else
enum { CHECKS = 100, EACH = 1000 };
#endif

static uint64_t mix(uint64_t v)
{
    v ^= v >> 33;
    v *= UINT64_C(0xff51afd7ed558ccd);
    v ^= v >> 33;
    v *= UINT64_C(0xc4ceb9fe1a85ec53);
    return v ^ v >> 33;
}

static int64_t latency_of(uint32_t check, int i)
{
    uint64_t v = mix((uint64_t)check * 1000003 + (uint64_t)i);
    return v % 997 == 0 ? (int64_t)v : 1000000 + (int64_t)(v % 800000);
}

static int64_t time_of(uint32_t check, int i)
{
    return BASE + i * INT64_C(30000000) + (int64_t)check * 1000 +
           (int64_t)(mix(check + (uint64_t)i * 77) % 400);
}

static void append_volume(struct fixture *f, uint32_t check, int i)
{
    struct result *r = fixture_result(check, time_of(check, i), OUTCOME_OK);
    struct observation o[] = {
        {"status", NULL, rlv_int(200), true},
        {"latency", NULL, rlv_duration(latency_of(check, i)), true},
    };
    r->probe = (uint64_t)i * CHECKS + check;
    r->duration_ns = latency_of(check, i) + 50000;
    r->observations = o;
    r->observation_count = latency_of(check, i) % 50 == 0 ? 1 : 2;
    fixture_append(f, (struct record){.kind = RECORD_RESULT, .as.result = r});
    result_free(r);
}

static void assert_volume(struct fixture *f, uint32_t check)
{
    size_t n;
    struct result **got =
        history(f, (struct reader_window){.check = check}, &n);
    assert_int_equal(n, EACH);
    for (int i = 0; i < EACH; i++) {
        const struct result *r = got[EACH - 1 - i];
        const struct rlv_value *v = result_observation(r, "latency", NULL);
        assert_int_equal(r->started_us, time_of(check, i));
        assert_int_equal(r->probe, (uint64_t)i * CHECKS + check);
        assert_int_equal(r->duration_ns, latency_of(check, i) + 50000);
        if (latency_of(check, i) % 50 == 0)
            assert_null(v);
        else
            assert_int_equal(v->as.i, latency_of(check, i));
    }
}

static void test_volume_keeps_every_value(void **state)
{
    struct fixture *f = *state;
    pack_at(f, CHECKS * EACH);
    fixture_open(f);
    for (int i = 0; i < EACH; i++)
        for (uint32_t check = 0; check < CHECKS; check++)
            append_volume(f, check, i);
    wait_packed(f);
    assert_int_equal(store_lost(f->store), 0);
    for (uint32_t check = 0; check < CHECKS; check += 9)
        assert_volume(f, check);
    fixture_sql(f, "VACUUM");
    int64_t bytes = fixture_number(
        f, "SELECT sum(pgsize) FROM dbstat WHERE name = 'chunk'");
    print_message("%.1f bytes a good result after packing\n",
                  (double)bytes / (CHECKS * EACH));
    assert_in_range(bytes / (CHECKS * EACH), 1, 48);
}

static void test_a_deadline_ends_a_long_read(void **state)
{
    struct fixture *f = *state;
    struct err err = {0};
    struct result **results;
    size_t n;
    fixture_open(f);
    for (int i = 0; i < 30000; i++)
        append_at(f, 1, i);
    fixture_sync(f);
    struct reader *r = fixture_reader(f);
    reader_set_deadline(r, 1);
    assert_false(reader_history(
        r, f->arena, &(struct reader_window){.check = 1}, &results, &n, &err));
    assert_int_equal(err.code, ERR_LIMIT);
    assert_non_null(strstr(err.text, "not read within 1 ms"));
    reader_set_deadline(r, 0);
    assert_true(reader_history(r, f->arena,
                               &(struct reader_window){.check = 1, .limit = 1},
                               &results, &n, &err));
    reader_close(r);
}

/* One dated ten years ahead does not lie in the chunk that grows. */
static void test_a_wrong_clock_spoils_no_chunk(void **state)
{
    const int64_t far_us = 3650 * INT64_C(86400000000);
    struct fixture *f = *state;
    pack_at(f, 4);
    fixture_open(f);
    append_at(f, 1, 0);
    append_at(f, 1, far_us);
    append_at(f, 1, -far_us);
    append_at(f, 1, 10);
    wait_packed(f);
    assert_int_equal(rows_of(f, "chunk"), 3);
    for (int i = 2; i < 6; i++)
        append_at(f, 1, i * 10);
    wait_packed(f);
    assert_int_equal(rows_of(f, "chunk"), 3);
    assert_int_equal(
        fixture_number(f, "SELECT n FROM chunk ORDER BY t0 DESC LIMIT 1"), 1);
    assert_times(f, (struct reader_window){.check = 1},
                 (const int64_t[]){far_us, 50, 40, 30, 20, 10, 0, -far_us}, 8);
}

int main(void)
{
#define TEST(name) \
    cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_wrong_clock_spoils_no_chunk,
                                        fixture_setup, fixture_teardown),
        TEST(test_newest_first_over_hot_and_chunk),
        TEST(test_clock_set_back_over_large_chunks),
        TEST(test_equal_times_are_all_kept),
        TEST(test_a_bad_result_is_kept_whole),
        TEST(test_a_good_result_keeps_what_is_recorded),
        TEST(test_volume_keeps_every_value),
        TEST(test_a_deadline_ends_a_long_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
