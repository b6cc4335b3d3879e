/* The life of a probe in a worker: when it starts, how it ends, what it leaves
 * behind, and what a plugin may do to it. */
#include "lib/worker_rig.h"

#include <netdb.h>

static void test_starts_when_due_and_never_early(void **state)
{
    (void)state;
    enum { N = 200 };
    struct rig *r = rig_start();
    int64_t due[N];
    uint64_t first = 0, total_us = 0;
    rig_check(r, "actor", "act=at-once");
    rig_load(r);
    int64_t now = clock_mono_ns();
    for (int i = 0; i < N; i++) { /* not in order */
        due[i] = now + (i * 37 % N) * (50 * NS_PER_MS / N);
        uint64_t probe = rig_ask_at(r, 1, 0, due[i]);
        first = i == 0 ? probe : first;
    }
    for (unsigned i = 0; i < N; i++) {
        const struct result *x = rig_result(r, first + i);
        int64_t after = x->started_ns - due[i];
        if (after < 0 || after > 2 * NS_PER_S)
            fail_msg("started %lld ns after it was due", (long long)after);
        total_us += (uint64_t)(after / NS_PER_US);
    }
    print_message("mean delay %llu us\n", (unsigned long long)total_us / N);
    for (size_t i = 1; i < r->result_count; i++)
        assert_true(r->results[i]->started_ns >= r->results[i - 1]->started_ns);
    assert_int_equal(rig_end(r), 0);
}

static void test_late_is_marked(void **state)
{
    (void)state;
    struct rig *r = rig_start();
    rig_check(r, "actor", "");
    rig_load(r);
    uint64_t late = rig_ask_at(r, 1, 0, clock_mono_ns() - 150 * NS_PER_MS);
    assert_true(rig_result(r, late)->flags & RESULT_LATE);
    assert_false(rig_run(r, 1, 0)->flags & RESULT_LATE);
    uint64_t whenever = rig_ask_at(r, 1, 0, 0);
    assert_false(rig_result(r, whenever)->flags & RESULT_LATE);
    assert_int_equal(rig_end(r), 0);
}

static void test_timer_and_duration(void **state)
{
    (void)state;
    struct rig *r = rig_start();
    rig_check(r, "actor", "after=30ms");
    rig_load(r);
    const struct result *x = rig_run(r, 1, 0);
    assert_int_equal(x->outcome, OUTCOME_OK);
    if (x->duration_ns < 30 * NS_PER_MS || x->duration_ns > 3 * NS_PER_S)
        fail_msg("duration %lld ns", (long long)x->duration_ns);
    assert_int_equal(rig_end(r), 0);
}

/* 50 ms after the deadline the host ends what the plugin does not. */
static void test_host_ends_it(void **state)
{
    (void)state;
    struct rig *r = rig_start();
    rig_check(r, "actor", "act=hang")->timeout_ns = 50 * NS_PER_MS;
    rig_check(r, "actor", "");
    rig_load(r);
    uint64_t hung = rig_ask_at(r, 1, 0, clock_mono_ns());
    for (int i = 0; i < 20; i++) /* others go on */
        assert_int_equal(rig_run(r, 2, 0)->outcome, OUTCOME_OK);
    const struct result *x = rig_result(r, hung);
    assert_string_equal(fault_name(x->fault), "timeout");
    assert_int_equal(x->outcome, OUTCOME_FAIL);
    assert_string_equal(x->message, "no answer within 50ms; the plugin did not "
                                    "end the probe itself");
    if (x->duration_ns < 100 * NS_PER_MS || x->duration_ns > 3 * NS_PER_S)
        fail_msg("duration %lld ns", (long long)x->duration_ns);
    assert_int_equal(rig_end(r), 0);
}

static void test_scope(void **state)
{
    (void)state;
    struct rig *r = rig_start();
    rig_check(r, "actor", "act=scope");
    rig_check(r, "actor", "act=hangup");
    rig_check(r, "actor", "act=bad-watch");
    rig_check(r, "actor", "act=turns");
    rig_load(r);
    for (int i = 0; i < 5; i++) {
        const struct result *x = rig_run(r, 1, 0);
        assert_string_equal(x->message, "");
        assert_int_equal(result_observation(x, "status", NULL)->as.i, RLV_READ);
        x = rig_run(r, 2, 0);
        assert_int_equal(result_observation(x, "status", NULL)->as.i,
                         RLV_ERROR);
        x = rig_run(r, 3, 0);
        assert_int_equal(result_observation(x, "status", NULL)->as.i,
                         RLV_ERROR);
        x = rig_run(r, 4, 0);
        assert_int_equal(result_observation(x, "status", NULL)->as.i, 50);
    }
    assert_non_null(strstr(buf_text(&r->logs), "1 1 plugin actor: released"));
    assert_non_null(strstr(buf_text(&r->logs), "cannot be watched"));
    assert_int_equal(rig_end(r), 0);
}

/* A probe that is over is named again: seen, logged, ignored. */
static void test_ended_twice(void **state)
{
    (void)state;
    struct rig *r = rig_start();
    rig_check(r, "actor", "act=twice");
    rig_load(r);
    for (int i = 0; i < 300; i++)
        assert_int_equal(rig_run(r, 1, 0)->outcome, OUTCOME_OK);
    assert_int_equal(r->result_count, 300);
    assert_non_null(strstr(buf_text(&r->logs),
                           "plugin actor: done() for a probe that is over"));
    assert_int_equal(rig_end(r), 0);
}

/* keep(): one block a check; its scope ends when the check changes. */
static void test_check_scope(void **state)
{
    (void)state;
    struct rig *r = rig_start();
    struct msg_check *c = rig_check(r, "actor", "act=keep");
    struct msg_check *d = rig_check(r, "actor", "act=keep");
    rig_load(r);
    for (int i = 1; i <= 3; i++)
        assert_int_equal(
            result_observation(rig_run(r, 1, PROBE_TRACE), "anything", NULL)
                ->as.i,
            i);
    rig_load(r); /* unchanged */
    const struct result *x = rig_run(r, 1, PROBE_TRACE);
    assert_int_equal(x->generation, 2);
    assert_int_equal(result_observation(x, "anything", NULL)->as.i, 4);
    assert_int_equal(result_observation(x, "big", NULL)->as.i, 0);
    c->fingerprint = 99;
    rig_load(r); /* changed: the old scope was released */
    x = rig_run(r, 1, PROBE_TRACE);
    assert_int_equal(result_observation(x, "anything", NULL)->as.i, 1);
    assert_int_equal(result_observation(x, "big", NULL)->as.i, 1);
    x = rig_run(r, d->check, PROBE_TRACE); /* it had one of its own */
    assert_int_equal(result_observation(x, "anything", NULL)->as.i, 1);
    assert_int_equal(rig_end(r), 0);
}

/* A check that is gone from the generation still ends what it began. */
static void test_reload_under_a_probe(void **state)
{
    (void)state;
    struct rig *r = rig_start();
    rig_check(r, "actor", "after=100ms");
    rig_load(r);
    uint64_t slow = rig_ask_at(r, 1, 0, clock_mono_ns());
    rig_turn(r, 20);
    r->load.check_count = 0;
    rig_load(r);
    const struct result *x = rig_result(r, slow);
    assert_int_equal(x->outcome, OUTCOME_OK);
    assert_int_equal(x->generation, 1);
    x = rig_run(r, 1, 0);
    assert_string_equal(fault_name(x->fault), "cancelled");
    assert_int_equal(rig_end(r), 0);
}

/* A callback that stands on the check's scope ends the last probe of a check
 * that is gone: the scope outlives the callback. */
static void test_scope_outlives_its_callback(void **state)
{
    (void)state;
    struct rig *r = rig_start();
    rig_check(r, "actor", "act=cache;after=100ms");
    rig_load(r);
    uint64_t probe = rig_ask_at(r, 1, 0, clock_mono_ns());
    rig_turn(r, 20);
    r->load.check_count = 0;
    rig_load(r);
    assert_int_equal(
        result_observation(rig_result(r, probe), "status", NULL)->as.i, 1);
    assert_int_equal(rig_end(r), 0);
}

static void test_broken_plugins_and_settings(void **state)
{
    (void)state;
    struct rig *r = rig_start();
    rig_check(r, "bad-magic", "");
    rig_check(r, "bad-init", "");
    rig_check(r, "actor", "after=soon");
    rig_expect(r, rig_check(r, "actor", ""), "statu == 200");
    rig_check(r, "actor", "");
    rig_load(r);
    const struct result *x = rig_run(r, 1, 0);
    assert_string_equal(fault_name(x->fault), "plugin");
    assert_non_null(strstr(x->message, "RLV_PLUGIN()"));
    x = rig_run(r, 2, 0);
    assert_string_equal(x->message, "plugin bad: its init() refused with 7");
    x = rig_run(r, 3, 0);
    assert_string_equal(fault_name(x->fault), "config");
    assert_int_equal(x->outcome, OUTCOME_UNKNOWN);
    assert_non_null(strstr(x->message, "after: \"soon\""));
    x = rig_run(r, 4, 0);
    assert_string_equal(fault_name(x->fault), "config");
    assert_non_null(strstr(x->message, "did you mean"));
    assert_int_equal(rig_run(r, 5, 0)->outcome, OUTCOME_OK);
    assert_int_equal(rig_end(r), 0);
}

/* While one callback keeps the loop, the timings of others are no good. */
static void test_disturbed(void **state)
{
    (void)state;
    struct rig *r = rig_start();
    rig_check(r, "actor", "act=spin;spent=60ms;after=20ms");
    rig_check(r, "actor", "after=40ms");
    rig_load(r);
    int64_t due = clock_mono_ns() + 5 * NS_PER_MS;
    uint64_t spinner = rig_ask_at(r, 1, 0, due);
    uint64_t victim = rig_ask_at(r, 2, 0, due);
    assert_true(rig_result(r, victim)->flags & RESULT_DISTURBED);
    assert_false(rig_result(r, spinner)->flags & RESULT_DISTURBED);
    assert_false(rig_run(r, 2, 0)->flags & RESULT_DISTURBED);
    assert_int_equal(rig_end(r), 0);
}

static void test_resolve(void **state)
{
    (void)state;
    struct rig *r = rig_start();
    rig_check(r, "actor", "act=resolve;text=127.0.0.1");
    rig_check(r, "actor", "act=resolve;text=::1");
    rig_check(r, "actor", "act=resolve;text=localhost");
    rig_check(r, "actor", "act=resolve;text=name.invalid")->timeout_ns =
        NS_PER_MS; /* over before the answer, or just after */
    rig_load(r);
    uint64_t gone = rig_ask_at(r, 4, 0, clock_mono_ns());
    const struct result *x = rig_run(r, 1, PROBE_TRACE);
    assert_int_equal(result_observation(x, "status", NULL)->as.i, 0);
    assert_int_equal(result_observation(x, "anything", NULL)->as.i, 1);
    assert_int_equal(result_observation(x, "big", NULL)->as.i, 8080);
    x = rig_run(r, 2, PROBE_TRACE);
    assert_int_equal(result_observation(x, "status", NULL)->as.i,
                     EAI_ADDRFAMILY);
    uint64_t shared = rig_ask_at(r, 3, PROBE_TRACE, clock_mono_ns());
    for (int i = 0; i < 20; i++)
        rig_ask_at(r, 3, PROBE_TRACE, clock_mono_ns());
    for (uint64_t i = 0; i <= 20; i++) {
        x = rig_result(r, shared + i);
        assert_int_equal(result_observation(x, "status", NULL)->as.i, 0);
        assert_int_equal(result_observation(x, "big", NULL)->as.i, 8080);
    }
    rig_result(r, gone);
    assert_int_equal(rig_end(r), 0);
}

static void test_log_is_clean_and_limited(void **state)
{
    (void)state;
    struct rig *r = rig_start();
    rig_check(r, "actor", "act=log");
    rig_load(r);
    rig_run(r, 1, 0);
    size_t lines = 0;
    for (const char *s = buf_text(&r->logs); *s != '\0'; s++)
        lines += *s == '\n';
    assert_in_range(lines, 50, 101);
    assert_null(strchr(buf_text(&r->logs), '\x1b'));
    assert_non_null(strstr(buf_text(&r->logs), "2 1 plugin actor: line 0"));
    assert_int_equal(rig_end(r), 0);
}

/* ------------------------------------------------------------ blocking --- */

static void test_blocking(void **state)
{
    (void)state;
    struct rig *r = rig_start();
    struct msg_check *c = rig_check(r, "blocker", "sleep=30ms");
    rig_warn(r, c, "latency < 10ms");
    rig_check(r, "blocker", "wrong=true");
    rig_load(r);
    for (int i = 1; i <= 2; i++) {
        const struct result *x = rig_run(r, 1, 0);
        assert_int_equal(x->outcome, OUTCOME_WARN);
        assert_string_equal(fault_name(x->fault), "slow");
        assert_int_equal(result_observation(x, "count", NULL)->as.i, i);
        assert_int_equal(result_observation(x, "latency", NULL)->as.i,
                         x->duration_ns);
        assert_true(x->duration_ns >= 30 * NS_PER_MS);
        assert_int_equal(x->flags & RESULT_DISTURBED, 0);
    }
    const struct result *x = rig_run(r, 2, 0);
    assert_string_equal(fault_name(x->fault), "plugin");
    assert_non_null(
        strstr(buf_text(&r->logs), "must not be called in blocking()"));
    assert_int_equal(rig_end(r), 0);
}

/* ------------------------------------------------------- the black box --- */

static void test_black_box(void **state)
{
    (void)state;
    struct rig *r = rig_start();
    rig_check(r, "actor", "");
    rig_check(r, "actor", "act=effects");
    rig_load(r);
    rig_run(r, 1, 0);
    assert_int_equal(atomic_load(&r->box->entered_ns), 0);
    assert_int_equal(atomic_load(&r->box->callback), BLACKBOX_NONE);
    uint64_t fatal = rig_ask_at(r, 2, 0, clock_mono_ns());
    while (!r->closed)
        rig_turn(r, 100);
    assert_int_equal(atomic_load(&r->box->probe), fatal);
    assert_int_equal(atomic_load(&r->box->callback), BLACKBOX_TIMER);
    assert_int_not_equal(atomic_load(&r->box->entered_ns), 0);
    assert_string_equal(r->box->plugin, "actor");
    assert_int_equal(atomic_load(&r->box->effects[fatal % BLACKBOX_EFFECTS]),
                     fatal);
    int status = rig_end(r);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGABRT);
}

/* --------------------------------------------------------- the channel --- */

static void test_nonsense_ends_it(void **state)
{
    (void)state;
    static const uint16_t types[] = {MSG_PROBE, MSG_TRIGGERED};
    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        struct rig *r = rig_start();
        struct buf payload = {0};
        buf_adds(&payload, "nonsense");
        assert_true(chan_send(r->chan, types[i], 1, &payload));
        buf_free(&payload);
        while (!r->closed)
            rig_turn(r, 100);
        int status = rig_end(r);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 3);
    }
}

static void test_ends_with_probes_under_way(void **state)
{
    (void)state;
    struct rig *r = rig_start();
    rig_check(r, "actor", "act=hang");
    rig_check(r, "actor", "act=resolve;text=localhost");
    rig_load(r);
    for (uint32_t i = 0; i < 50; i++)
        rig_ask_at(r, 1 + i % 2, 0, clock_mono_ns() + i * 5 * NS_PER_MS);
    rig_turn(r, 20);
    assert_int_equal(rig_end(r), 0);
}

/* Also one that has nothing else to do and nothing else to say. */
static void test_answers_a_ping(void **state)
{
    (void)state;
    struct rig *r = rig_start();
    struct buf nothing = {0};
    for (unsigned i = 1; i <= 3; i++) {
        assert_true(chan_send(r->chan, MSG_PING, 0, &nothing));
        int64_t until = clock_mono_ns() + RIG_WAIT_MS * NS_PER_MS;
        while (r->pongs < i && !r->closed && clock_mono_ns() < until)
            rig_turn(r, 100);
        assert_int_equal(r->pongs, i);
    }
    assert_int_equal(rig_end(r), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_starts_when_due_and_never_early),
        cmocka_unit_test(test_late_is_marked),
        cmocka_unit_test(test_timer_and_duration),
        cmocka_unit_test(test_host_ends_it),
        cmocka_unit_test(test_scope),
        cmocka_unit_test(test_ended_twice),
        cmocka_unit_test(test_check_scope),
        cmocka_unit_test(test_reload_under_a_probe),
        cmocka_unit_test(test_scope_outlives_its_callback),
        cmocka_unit_test(test_broken_plugins_and_settings),
        cmocka_unit_test(test_disturbed),
        cmocka_unit_test(test_resolve),
        cmocka_unit_test(test_log_is_clean_and_limited),
        cmocka_unit_test(test_blocking),
        cmocka_unit_test(test_black_box),
        cmocka_unit_test(test_nonsense_ends_it),
        cmocka_unit_test(test_answers_a_ping),
        cmocka_unit_test(test_ends_with_probes_under_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
