/* The option `steps`: what is read out of each, and what is refused with which
 * words. */
#include "websocket/websocket.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define MOST 8

/* "send=x; on=first | receive=y" as the option. */
struct written {
    char text[512];
    struct rlv_pair pairs[MOST][MOST];
    struct rlv_dict groups[MOST];
    struct websocket_conf conf;
};

static void write_steps(struct written *w, const char *text)
{
    char *group_end = NULL, *pair_end = NULL;
    size_t n = 0;
    *w = (struct written){.conf = {.connections = 1}};
    assert_true(strlen(text) < sizeof w->text);
    strcpy(w->text, text);
    for (char *group = strtok_r(w->text, "|", &group_end); group;
         group = strtok_r(NULL, "|", &group_end), n++) {
        size_t k = 0;
        for (char *pair = strtok_r(group, ";", &pair_end); pair;
             pair = strtok_r(NULL, ";", &pair_end)) {
            pair += strspn(pair, " ");
            char *equals = strchr(pair, '=');
            assert_non_null(equals);
            *equals = '\0';
            w->pairs[n][k++] = (struct rlv_pair){pair, equals + 1};
        }
        w->groups[n] = (struct rlv_dict){w->pairs[n], k};
    }
    w->conf.steps = (struct rlv_steps){w->groups, n};
}

static void steps_that_are_fine(void **state)
{
    (void)state;
    static const char *const table[] = {
        "send=x;binary=true",
        "send={{nonce}}|receive={{nonce}};within=2s;ignore_others=false",
        "receive_json=.id;capture=id|send_json={\"a\": \"{{id}}\"}",
        "send={{{{literal",
        "receive_regex=^{{nonce}}(",
        "receive_hex=00 FF;within=1.5s",
        "receive_any=true;capture=a|receive_none=10ms|wait=1m|ping=true",
        "close=true;expect_close=1000",
        "close=4000;reason=bye;expect_close=1000, 4000",
        "expect_close=true;within=100us",
        "close=true;on=first|send=x",
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct written w;
        char why[400] = "";
        write_steps(&w, table[i]);
        if (!steps_check(&w.conf, why, sizeof why))
            fail_msg("%s: %s", table[i], why);
    }
}

static void steps_that_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text, *word;
    } table[] = {
        {"sent=x", "one of send, send_json"},
        {"send=x;within=1s", "within has no meaning beside send"},
        {"send=x;receive=y", "exclude each other"},
        {"within=1s", "says not what to do"},
        {"send=x;until=1s", "\"until\" is unknown"},
        {"receive=x;within=1", "not a duration"},
        {"receive=x;within=-1s", "not a duration"},
        {"receive=x;within=99999h", "not a duration"},
        {"receive=x;ignore_others=yes", "true or false"},
        {"receive=x;on=second", "all, first or others"},
        {"receive=x;on=others", "connections = 2"},
        {"receive=x;capture=9a", "a name"},
        {"receive=x;capture=nonce", "the probe's own"},
        {"receive=x;equals=y", "no meaning"},
        {"receive_json=a", "a path"},
        {"receive_regex=(", "byte 1"},
        {"receive_hex=0", "hex digits"},
        {"send_hex=0g", "hex digits"},
        {"send_json={", "not JSON"},
        {"ping=false", "true"},
        {"close=999", "a close code"},
        {"close=1000x", "a close code"},
        {"close=true;expect_close=", "a close code"},
        {"close=true;expect_close=1000 x", "a close code"},
        {"expect_close=1000,1001,1002,1003,1004,1005,1006,1007,1008", "eight"},
        {"send={{id}}", "captures {{id}}"},
        {"send={{id}}|receive=x;capture=id", "step 1"},
        {"close=true|send=x", "nothing can follow"},
        {"close=true;reason=0123456789012345678901234567890123456789"
         "01234567890123456789012345678901234567890123456789012345678901234567"
         "890123456789abcd",
         "123 bytes"},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct written w;
        char why[400] = "";
        write_steps(&w, table[i].text);
        if (steps_check(&w.conf, why, sizeof why))
            fail_msg("%s was taken", table[i].text);
        if (!strstr(why, table[i].word))
            fail_msg("%s: %s", table[i].text, why);
    }
}

static void what_is_read(void **state)
{
    (void)state;
    struct written w;
    struct step step;
    char why[400];
    write_steps(&w, "close=4001;reason=r;expect_close=1000, 1006;within=250ms;"
                    "on=first");
    assert_true(step_read(&step, &w.groups[0], why, sizeof why));
    assert_int_equal(step.verb, VERB_CLOSE);
    assert_int_equal(step.close_code, 4001);
    assert_string_equal(step.reason, "r");
    assert_int_equal(step.expect[0], 1000);
    assert_int_equal(step.expect[1], 1006);
    assert_int_equal(step.expect[2], 0);
    assert_int_equal(step.time_ns, 250000000);
    assert_int_equal(step.on, ON_FIRST);
    write_steps(&w, "receive=x");
    assert_true(step_read(&step, &w.groups[0], why, sizeof why));
    assert_int_equal(step.time_ns, -1);
    assert_true(step.ignore_others);
}

static void every_verb_has_its_name(void **state)
{
    (void)state;
    for (int v = 0; v < VERB_COUNT; v++)
        assert_non_null(verb_name((enum verb)v));
    assert_true(verb_sends(VERB_SEND_HEX) && !verb_sends(VERB_RECEIVE));
    assert_true(verb_receives(VERB_RECEIVE) && verb_receives(VERB_RECEIVE_ANY));
    assert_false(verb_receives(VERB_RECEIVE_NONE) || verb_receives(VERB_SEND));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(steps_that_are_fine),
        cmocka_unit_test(steps_that_are_refused),
        cmocka_unit_test(what_is_read),
        cmocka_unit_test(every_verb_has_its_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
