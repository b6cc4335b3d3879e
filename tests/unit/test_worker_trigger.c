/* Triggers in a worker: what a probe asks of main, what the answer does, and
 * what stands in the {{name}} places of the probe that was triggered. */
#include "lib/worker_rig.h"

#include "base/str.h"

static const struct rlv_pair nonce[] = {{"nonce", "n-7"}, {"k", "{{nonce}}"}};

static const char *text_of(const struct result *r, const char *name)
{
    const struct rlv_value *v = result_observation(r, name, NULL);
    return v == NULL ? "(none)" : v->as.s;
}

/* The i-th question; waits for it. */
static const struct msg_trigger *question(struct rig *r, size_t i)
{
    int64_t until = clock_mono_ns() + RIG_WAIT_MS * NS_PER_MS;
    while (r->trigger_count <= i && clock_mono_ns() < until)
        rig_turn(r, 100);
    assert_true(r->trigger_count > i);
    return &r->triggers[i];
}

static void answer(struct rig *r, const struct msg_trigger *ask,
                   enum rlv_fault fault, const char *text)
{
    struct buf payload = {0};
    msg_put_triggered(&payload, &(struct msg_triggered){.probe = ask->probe,
                                                        .ticket = ask->ticket,
                                                        .fault = fault,
                                                        .started_ns = 1000,
                                                        .ended_ns = 9000,
                                                        .text = text});
    assert_true(chan_send(r->chan, MSG_TRIGGERED, r->generation, &payload));
    buf_free(&payload);
}

/* ------------------------------------------------------------- the asker ---
 */

static void test_it_asks_and_hears(void **state)
{
    (void)state;
    struct rig *r = rig_start();
    rig_check(r, "relay", "trigger=publish;value=42");
    rig_load(r);
    uint64_t probe = rig_ask_at(r, 1, 0, clock_mono_ns());
    const struct msg_trigger *ask = question(r, 0);
    assert_int_equal(ask->probe, probe);
    assert_string_equal(ask->check, "publish");
    assert_int_equal(ask->values.count, 2);
    assert_string_equal(ask->values.pairs[1].key, "nonce");
    assert_string_equal(ask->values.pairs[1].value, "42");
    assert_true(ask->deadline_ns > clock_mono_ns());
    answer(r, ask, RLV_F_NONE, "");
    const struct result *x = rig_result(r, probe);
    assert_int_equal(x->outcome, OUTCOME_OK);
    assert_int_equal(x->phases_ns[RLV_PH_PUBLISH], 8000);
    assert_int_equal(rig_end(r), 0);
}

/* A fault that only the core may set is the plugin's to pass on, then. */
static void test_a_fault_is_passed_on(void **state)
{
    (void)state;
    static const enum rlv_fault faults[] = {RLV_F_REFUSED, RLV_F_CANCELLED,
                                            RLV_F_MISMATCH};
    struct rig *r = rig_start();
    rig_check(r, "relay", "trigger=publish");
    rig_load(r);
    for (size_t i = 0; i < ARRAY_LEN(faults); i++) {
        uint64_t probe = rig_ask_at(r, 1, 0, clock_mono_ns());
        answer(r, question(r, i), faults[i], "publish: it says why");
        const struct result *x = rig_result(r, probe);
        assert_string_equal(fault_name(x->fault), fault_name(faults[i]));
        assert_string_equal(x->code, "TRIGGER");
        assert_int_equal(x->evidence_count, 1);
        assert_string_equal(x->evidence[0].label, "trigger");
        assert_memory_equal(x->evidence[0].bytes, "publish: it says why", 20);
    }
    assert_int_equal(rig_end(r), 0);
}

/* Neither an answer to nobody nor one that is given twice does anything. */
static void test_answers_that_nobody_waits_for(void **state)
{
    (void)state;
    struct rig *r = rig_start();
    rig_check(r, "relay", "trigger=publish;times=2");
    rig_load(r);
    uint64_t probe = rig_ask_at(r, 1, 0, clock_mono_ns());
    struct msg_trigger first = *question(r, 0), other = *question(r, 1);
    struct msg_trigger foreign = first;
    foreign.ticket = 1;
    assert_int_not_equal(first.ticket, other.ticket);
    answer(r, &foreign, RLV_F_REFUSED, "");
    answer(r, &first, RLV_F_NONE, "");
    answer(r, &first, RLV_F_REFUSED, "");
    answer(r, &other, RLV_F_NONE, "");
    const struct result *x = rig_result(r, probe);
    assert_int_equal(x->outcome, OUTCOME_OK);
    assert_int_equal(result_observation(x, "answers", NULL)->as.i, 2);
    answer(r, &other, RLV_F_NONE, "");
    assert_int_equal(rig_end(r), 0);
}

/* Main never answers: the probe ends all the same, and a late answer is none.
 */
static void test_the_probe_ends_first(void **state)
{
    (void)state;
    struct rig *r = rig_start();
    rig_check(r, "relay", "trigger=publish")->timeout_ns = 50 * NS_PER_MS;
    rig_load(r);
    const struct result *x = rig_run(r, 1, 0);
    assert_string_equal(fault_name(x->fault), "timeout");
    answer(r, question(r, 0), RLV_F_NONE, "");
    assert_string_equal(fault_name(rig_run(r, 1, 0)->fault), "timeout");
    assert_int_equal(rig_end(r), 0);
}

static void test_too_many_at_once(void **state)
{
    (void)state;
    struct rig *r = rig_start();
    rig_check(r, "relay", "trigger=publish;times=17")->timeout_ns =
        50 * NS_PER_MS;
    rig_load(r);
    const struct result *x = rig_run(r, 1, 0);
    assert_string_equal(fault_name(x->fault), "plugin");
    assert_non_null(strstr(x->message, "more than 16 checks at once"));
    assert_int_equal(r->trigger_count, 16);
    assert_int_equal(rig_end(r), 0);
}

/* ---------------------------------------------------------- the triggered ---
 */

static void test_places_are_filled_for_that_probe_only(void **state)
{
    (void)state;
    const char *items[] = {"{{{{nonce}} {{nonce}}"};
    const struct rlv_pair pairs[] = {{"a", "<{{nonce}}>"}};
    struct rig *r = rig_start();
    struct msg_check *c =
        rig_check(r, "relay", "text=PUBLISH {{nonce}} {{k}};own={{nonce}}");
    struct setting *s = (struct setting *)(uintptr_t)c->settings;
    s[c->setting_count++] = (struct setting){
        .name = "list", .value = {.type = RAW_LIST, .list = {items, 1}}};
    s[c->setting_count++] = (struct setting){
        .name = "dict", .value = {.type = RAW_DICT, .dict = {pairs, 1}}};
    rig_load(r);
    r->values = (struct rlv_dict){nonce, 2};
    const struct result *x = rig_run(r, 1, 0);
    assert_int_equal(x->outcome, OUTCOME_OK);
    assert_string_equal(text_of(x, "text_seen"), "PUBLISH n-7 {{nonce}}");
    assert_string_equal(text_of(x, "own_seen"), "{{nonce}}");
    assert_string_equal(text_of(x, "list_seen"), "{{nonce}} n-7");
    assert_string_equal(text_of(x, "dict_seen"), "<n-7>");
    r->values = (struct rlv_dict){0};
    x = rig_run(r, 1, 0);
    assert_string_equal(fault_name(x->fault), "config");
    assert_int_equal(x->outcome, OUTCOME_UNKNOWN);
    assert_string_equal(x->message, "text: {{nonce}} has no value: a check "
                                    "that triggers this one gives it");
    assert_int_equal(rig_end(r), 0);
}

static void test_literals_need_no_values(void **state)
{
    (void)state;
    struct rig *r = rig_start();
    rig_check(r, "relay", "text={{{{nonce}} {{ x }}");
    rig_load(r);
    assert_string_equal(text_of(rig_run(r, 1, 0), "text_seen"),
                        "{{nonce}} {{ x }}");
    assert_int_equal(rig_end(r), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_it_asks_and_hears),
        cmocka_unit_test(test_a_fault_is_passed_on),
        cmocka_unit_test(test_answers_that_nobody_waits_for),
        cmocka_unit_test(test_the_probe_ends_first),
        cmocka_unit_test(test_too_many_at_once),
        cmocka_unit_test(test_places_are_filled_for_that_probe_only),
        cmocka_unit_test(test_literals_need_no_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
