/* The opening handshake: the request that is written, the answers that a strict
 * client must refuse, the URLs that lead there. */
#include "websocket/websocket.h"

#include <stdio.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

/* RFC 6455 section 1.3 */
#define KEY    "dGhlIHNhbXBsZSBub25jZQ=="
#define ACCEPT "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
#define GOOD                                                     \
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n" \
    "Connection: Upgrade\r\nSec-WebSocket-Accept: " ACCEPT "\r\n"

static const char *const offers[] = {"chat.v2", "chat.v1"};

static void the_accept_of_the_standard(void **state)
{
    (void)state;
    char accept[29];
    upgrade_accept(KEY, accept);
    assert_string_equal(accept, ACCEPT);
}

static void keys_differ(void **state)
{
    (void)state;
    char a[WS_KEY], b[WS_KEY];
    upgrade_key(a);
    upgrade_key(b);
    assert_int_equal(strlen(a), 24);
    assert_string_not_equal(a, b);
}

/* ------------------------------------------------------------------- url - */

static void a_url_is_taken_apart(void **state)
{
    (void)state;
    static const struct {
        const char *url, *host, *authority, *resource;
        uint16_t port;
        bool tls;
    } table[] = {
        {"ws://a.example", "a.example", "a.example", "/", 80, false},
        {"wss://a.example/x?y=1", "a.example", "a.example", "/x?y=1", 443,
         true},
        {"WSS://a.example:443/", "a.example", "a.example", "/", 443, true},
        {"ws://u:p@[::1]:8080/x", "::1", "[::1]:8080", "/x", 8080, false},
        {"ws://a.example:443/", "a.example", "a.example:443", "/", 443, false},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct target target;
        char why[200] = "";
        if (!target_read(&target, table[i].url, why, sizeof why))
            fail_msg("%s: %s", table[i].url, why);
        assert_string_equal(target.host, table[i].host);
        assert_string_equal(target.authority, table[i].authority);
        assert_string_equal(target.resource, table[i].resource);
        assert_int_equal(target.port, table[i].port);
        assert_int_equal(target.tls, table[i].tls);
    }
}

static void bad_urls_are_refused(void **state)
{
    (void)state;
    static const char *const urls[] = {
        "",          "a.example",     "http://a.example/", "ws://",
        "ws:///x",   "ws://a:99999/", "ws://a.example/#x", "ws://a b/",
        "ws://[::1",
    };
    for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
        struct target target;
        char why[200] = "";
        if (target_read(&target, urls[i], why, sizeof why))
            fail_msg("%s was taken", urls[i]);
        assert_true(*why);
    }
}

/* --------------------------------------------------------------- request - */

static size_t request(const struct websocket_conf *conf, const char *url,
                      char *text, size_t size)
{
    struct target target;
    char why[200];
    assert_true(target_read(&target, url, why, sizeof why));
    size_t n = upgrade_request(conf, &target, KEY, text, size);
    text[n] = '\0';
    return n;
}

static void what_a_request_says(void **state)
{
    (void)state;
    const struct rlv_pair headers[] = {{"X-One", "1"}};
    struct websocket_conf conf = {.user_agent = "relevo/1",
                                  .origin = "https://a.example",
                                  .headers = {headers, 1},
                                  .subprotocols = {offers, 2}};
    char text[2048];
    assert_true(request(&conf, "ws://me:s%40crt@a.example:81/p?q", text,
                        sizeof text - 1));
    assert_string_equal(
        text, "GET /p?q HTTP/1.1\r\nHost: a.example:81\r\n"
              "Upgrade: websocket\r\nConnection: Upgrade\r\n"
              "Sec-WebSocket-Key: " KEY "\r\nSec-WebSocket-Version: 13\r\n"
              "Origin: https://a.example\r\nUser-Agent: relevo/1\r\n"
              "Sec-WebSocket-Protocol: chat.v2, chat.v1\r\n"
              "Authorization: Basic bWU6c0BjcnQ=\r\nX-One: 1\r\n\r\n");
}

static void a_request_that_does_not_fit_is_none(void **state)
{
    (void)state;
    struct websocket_conf conf = {.user_agent = ""};
    char text[120];
    for (size_t size = 1; size < sizeof text; size++)
        assert_int_equal(
            request(&conf, "ws://a.example/0123456789", text, size), 0);
}

static void options_that_would_break_it(void **state)
{
    (void)state;
    const struct rlv_pair bad[] = {{"Upgrade", "h2c"},
                                   {"Sec-WebSocket-Extensions", "x"},
                                   {"Origin", "x"},
                                   {"a b", "x"},
                                   {"A", "x\r\nB: y"}};
    char why[200];
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct websocket_conf conf = {.headers = {&bad[i], 1}};
        assert_string_equal(upgrade_flaw(&conf, why, sizeof why), "headers");
    }
    struct websocket_conf conf = {.origin = "x\ny"};
    assert_string_equal(upgrade_flaw(&conf, why, sizeof why), "origin");
    conf = (struct websocket_conf){.user_agent = "fine"};
    assert_null(upgrade_flaw(&conf, why, sizeof why));
}

/* ---------------------------------------------------------------- answer - */

static void a_status_is_read_strictly(void **state)
{
    (void)state;
    static const struct {
        const char *head;
        int status;
    } table[] = {{"HTTP/1.1 101 Switching\r\n\r\n", 101},
                 {"HTTP/1.0 200 OK\r\n\r\n", 200},
                 {"HTTP/1.1 503\r\n\r\n", 503},
                 {"HTTP/2 101 no\r\n\r\n", 0},
                 {"HTTP/1.1 1o1 no\r\n\r\n", 0},
                 {"HTTP/1.1 1011 no\r\n\r\n", 0},
                 {"-ERR no\r\n\r\n", 0},
                 {"", 0}};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        assert_int_equal(upgrade_status(table[i].head, strlen(table[i].head)),
                         table[i].status);
}

static void answers_are_held_against_the_request(void **state)
{
    (void)state;
    static const struct {
        const char *more, *code; /* NULL: it is accepted */
    } table[] = {
        {"", NULL},
        {"Sec-WebSocket-Protocol: chat.v1\r\n", NULL},
        {"Sec-WebSocket-Protocol: chat.v3\r\n", "subprotocol"},
        {"Sec-WebSocket-Protocol: chat.v1\r\nSec-WebSocket-Protocol: chat.v2"
         "\r\n",
         "subprotocol"},
        {"Sec-WebSocket-Extensions: permessage-deflate\r\n", "extensions"},
        {"Upgrade: websocket\r\n", "upgrade"},
        {"Sec-WebSocket-Accept: " ACCEPT "\r\n", "accept"},
    };
    struct websocket_conf conf = {.subprotocols = {offers, 2}};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        char head[512];
        struct flaw flaw = {.code = "none"};
        int n = snprintf(head, sizeof head, GOOD "%s\r\n", table[i].more);
        bool fine = upgrade_verify(&conf, KEY, head, (size_t)n, &flaw);
        assert_int_equal(fine, table[i].code == NULL);
        if (table[i].code) {
            assert_string_equal(flaw.code, table[i].code);
            assert_int_equal(flaw.fault, RLV_F_PROTOCOL);
        }
    }
}

static void a_head_ends_with_its_empty_line(void **state)
{
    (void)state;
    const char *whole = GOOD "\r\nrest";
    size_t end = strlen(GOOD) + 2;
    for (size_t n = 0; n <= strlen(whole); n++)
        assert_int_equal(upgrade_head_length(whole, n), n < end ? 0 : end);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_accept_of_the_standard),
        cmocka_unit_test(keys_differ),
        cmocka_unit_test(a_url_is_taken_apart),
        cmocka_unit_test(bad_urls_are_refused),
        cmocka_unit_test(what_a_request_says),
        cmocka_unit_test(a_request_that_does_not_fit_is_none),
        cmocka_unit_test(options_that_would_break_it),
        cmocka_unit_test(a_status_is_read_strictly),
        cmocka_unit_test(answers_are_held_against_the_request),
        cmocka_unit_test(a_head_ends_with_its_empty_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
