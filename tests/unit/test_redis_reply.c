/* tests/unit/test_redis_reply.c: bytes to replies, within limits; what error
 * replies mean; and the streams that Redis' own reader is tested with
 * (shared/vectors/resp, skipped where absent). */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <jansson.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>

#include "redis/reply.h"

/* ----------------------------------------------------------------- vectors */

static size_t unhex(const char *hex, unsigned char *bytes)
{
    size_t n = strlen(hex) / 2;
    for (size_t i = 0; i < n; i++) {
        unsigned value;
        assert_int_equal(sscanf(hex + 2 * i, "%2x", &value), 1);
        bytes[i] = (unsigned char)value;
    }
    return n;
}

/* All feeds, each from memory of exactly its size. */
static enum reader_state feed(struct reader *reader, const json_t *feeds,
                              redisReply **reply)
{
    enum reader_state state = READER_EMPTY;
    size_t i;
    json_t *one;
    *reply = NULL;
    json_array_foreach (feeds, i, one) {
        const char *hex = json_string_value(one);
        unsigned char *bytes = malloc(strlen(hex) / 2 + 1);
        reader_feed(reader, bytes, unhex(hex, bytes));
        free(bytes);
        freeReplyObject(*reply);
        state = reader_next(reader, reply);
        if (state != READER_EMPTY && state != READER_REPLY)
            break;
    }
    return state;
}

/* We speak version 2 of the protocol and ask for no other (HELLO 3): what only
 * version 3 has is, from a server that was not asked for it, no RESP. */
static bool is_of_version_3(const json_t *vector)
{
    unsigned char first[64];
    const json_t *feeds = json_object_get(vector, "feeds_hex");
    unhex(json_string_value(json_array_get(feeds, 0)), first);
    if (strchr("=>,_#%~(", first[0]))
        return true;
    return first[0] == '*' && first[4] == ',';
}

static void hold(const json_t *vector)
{
    const char *title = json_string_value(json_object_get(vector, "title"));
    const char *ret = json_string_value(json_object_get(vector, "ret"));
    const char *type = json_string_value(json_object_get(vector, "type"));
    struct reader reader = {0};
    redisReply *reply;
    reader_init(&reader, 1 << 20, 1024);
    enum reader_state state =
        feed(&reader, json_object_get(vector, "feeds_hex"), &reply);
    bool good = strcmp(ret, "OK") == 0 && !is_of_version_3(vector);
    if (good != (state == READER_REPLY) || state == READER_EMPTY)
        fail_msg("%s: wanted %s, came to %d: %s", title, good ? "OK" : "ERR",
                 state, reader_error(&reader));
    if (good && type && strcmp(type, "REDIS_REPLY_ARRAY") == 0)
        assert_string_equal(reply_type(reply), "array");
    if (good && type && strcmp(type, "REDIS_REPLY_INTEGER") == 0)
        assert_string_equal(reply_type(reply), "integer");
    if (!good) /* and it stays so */
        assert_true(reader_next(&reader, &reply) != READER_REPLY);
    freeReplyObject(reply);
    reader_fini(&reader);
}

static void the_streams_of_others_hold(void **state)
{
    (void)state;
    const char *dir = getenv("RELEVO_VECTORS"), *source;
    char path[512];
    source = getenv("RELEVO_SOURCE");
    if (dir)
        snprintf(path, sizeof path, "%s/resp/hiredis_reader.json", dir);
    else
        snprintf(path, sizeof path,
                 "%s/../shared/vectors/resp/hiredis_reader.json",
                 source ? source : ".");
    json_t *vectors = json_load_file(path, 0, NULL), *vector;
    size_t i;
    if (!vectors) {
        print_message("no %s: skipped\n", path);
        skip();
    }
    assert_int_equal(json_array_size(vectors), 33);
    json_array_foreach (vectors, i, vector)
        hold(vector);
    json_decref(vectors);
}

/* ------------------------------------------------------------------ limits */

static enum reader_state read_text(struct reader *reader, const char *text,
                                   redisReply **reply)
{
    reader_feed(reader, text, strlen(text));
    return reader_next(reader, reply);
}

static void announced_lengths_are_not_believed(void **state)
{
    (void)state;
    struct reader reader = {0};
    redisReply *reply;
    reader_init(&reader, 1024, 8);
    assert_int_equal(read_text(&reader, "*2147483647\r\n", &reply),
                     READER_LARGE);
    reader_init(&reader, 1024, 8);
    assert_int_equal(read_text(&reader, "*4\r\n*4\r\n*1\r\n", &reply),
                     READER_LARGE);
    reader_init(&reader, 1024, 8);
    assert_int_equal(read_text(&reader, "*4\r\n*4\r\n+a\r\n", &reply),
                     READER_EMPTY);
    reader_fini(&reader);
}

static void a_reply_has_a_largest_size(void **state)
{
    (void)state;
    struct reader reader = {0};
    redisReply *reply;
    char text[600];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    reader_init(&reader, 1024, 8);
    assert_int_equal(read_text(&reader, "$5000\r\n", &reply), READER_LARGE);
    reader_init(&reader, 1024, 8);
    assert_int_equal(read_text(&reader, "*1\r\n$1025\r\n", &reply),
                     READER_LARGE);
    reader_init(&reader, 1024, 8);
    assert_int_equal(read_text(&reader, "+", &reply), READER_EMPTY);
    assert_int_equal(read_text(&reader, text, &reply), READER_EMPTY);
    assert_int_equal(read_text(&reader, text, &reply), READER_LARGE);
    reader_init(&reader, 16, 8); /* also if it comes in one piece */
    assert_int_equal(read_text(&reader, "+1234567890123456\r\n", &reply),
                     READER_LARGE);
    reader_fini(&reader);
}

static void limits_are_those_of_each_reply(void **state)
{
    (void)state;
    struct reader reader = {0};
    redisReply *reply;
    reader_init(&reader, 64, 3);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(
            read_text(&reader, "*3\r\n:1\r\n:2\r\n$4\r\nabcd\r\n", &reply),
            READER_REPLY);
        assert_int_equal(reply->elements, 3);
        freeReplyObject(reply);
    }
    reader_fini(&reader);
}

static void replies_come_in_pieces(void **state)
{
    (void)state;
    static const char text[] = "*2\r\n$3\r\na\0b\r\n-ERR no\r\n+PONG\r\n";
    struct reader reader = {0};
    redisReply *reply = NULL;
    unsigned seen = 0;
    reader_init(&reader, 1024, 8);
    for (size_t i = 0; i < sizeof text - 1; i++) {
        reader_feed(&reader, &text[i], 1);
        if (reader_next(&reader, &reply) != READER_REPLY)
            continue;
        if (seen++ == 0) {
            assert_int_equal(reply->element[0]->len, 3);
            assert_string_equal(reply_type(reply->element[1]), "error");
        } else {
            assert_true(reply_is(reply, "PONG"));
        }
        freeReplyObject(reply);
    }
    assert_int_equal(seen, 2);
    reader_fini(&reader);
}

/* ----------------------------------------------------------------- verdict */

static void verdict_is(const char *text, enum rlv_fault fault, const char *code)
{
    redisReply reply = {.type = REDIS_REPLY_ERROR, .len = strlen(text)};
    reply.str = strdup(text);
    struct verdict verdict = verdict_of(&reply);
    if (verdict.fault != fault || strcmp(verdict.code, code) != 0)
        fail_msg("%s: fault %d code %s, wanted %d %s", text, verdict.fault,
                 verdict.code, fault, code);
    free(reply.str);
}

static void errors_become_faults(void **state)
{
    (void)state;
    verdict_is("NOAUTH Authentication required.", RLV_F_AUTH, "NOAUTH");
    verdict_is("WRONGPASS invalid username-password pair", RLV_F_AUTH,
               "WRONGPASS");
    verdict_is("NOPERM this user has no permissions", RLV_F_FORBIDDEN,
               "NOPERM");
    verdict_is("LOADING Redis is loading", RLV_F_STARTING, "LOADING");
    verdict_is("READONLY You can't write", RLV_F_READONLY, "READONLY");
    verdict_is("OOM command not allowed", RLV_F_OVERLOADED, "OOM");
    verdict_is("ERR max number of clients reached", RLV_F_OVERLOADED, "ERR");
    verdict_is("MISCONF Redis is configured", RLV_F_ERROR_RESPONSE, "MISCONF");
    verdict_is("BUSY Redis is busy", RLV_F_ERROR_RESPONSE, "BUSY");
    verdict_is("MASTERDOWN Link", RLV_F_ERROR_RESPONSE, "MASTERDOWN");
    verdict_is("NOREPLICAS Not enough", RLV_F_ERROR_RESPONSE, "NOREPLICAS");
    verdict_is("CLUSTERDOWN", RLV_F_ERROR_RESPONSE, "CLUSTERDOWN");
    verdict_is("MOVED 3999 127.0.0.1:6381", RLV_F_ERROR_RESPONSE, "MOVED");
    verdict_is("WRONGTYPE Operation", RLV_F_ERROR_RESPONSE, "WRONGTYPE");
}

static void odd_errors_have_a_code_too(void **state)
{
    (void)state;
    verdict_is("", RLV_F_ERROR_RESPONSE, "ERR");
    verdict_is("Access denied", RLV_F_ERROR_RESPONSE, "ERR");
    verdict_is("A", RLV_F_ERROR_RESPONSE, "ERR");
    verdict_is("ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFGHIJKLMNOPQRSTUVWXYZ",
               RLV_F_ERROR_RESPONSE, "ERR");
}

static bool refuses(const char *text)
{
    redisReply reply = {.type = REDIS_REPLY_ERROR, .len = strlen(text)};
    reply.str = strdup(text);
    bool refused = verdict_is_refusal(&reply);
    free(reply.str);
    return refused;
}

static void what_a_managed_server_refuses(void **state)
{
    (void)state;
    assert_true(refuses("ERR unknown command 'INFO', with args beginning"));
    assert_true(refuses("NOPERM this user has no permissions to run 'info'"));
    assert_true(refuses("ERR Command is not available: 'SLOWLOG'"));
    assert_false(refuses("LOADING Redis is loading the dataset in memory"));
    assert_false(refuses("ERR This instance has cluster support disabled"));
    assert_false(refuses("NOAUTH Authentication required."));
    assert_false(refuses("ERR No such master with that name"));
}

static void arguments_are_not_shown(void **state)
{
    (void)state;
    char text[] = "ERR unknown command 'AUTH', with args beginning with: 'pw'";
    redisReply reply = {
        .type = REDIS_REPLY_ERROR, .len = strlen(text), .str = text};
    assert_int_equal(error_shown(&reply), strlen("ERR unknown command 'AUTH'"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_streams_of_others_hold),
        cmocka_unit_test(announced_lengths_are_not_believed),
        cmocka_unit_test(a_reply_has_a_largest_size),
        cmocka_unit_test(limits_are_those_of_each_reply),
        cmocka_unit_test(replies_come_in_pieces),
        cmocka_unit_test(errors_become_faults),
        cmocka_unit_test(odd_errors_have_a_code_too),
        cmocka_unit_test(what_a_managed_server_refuses),
        cmocka_unit_test(arguments_are_not_shown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
