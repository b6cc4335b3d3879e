/* tests/unit/test_dns_message.c: answers taken apart, good ones and broken. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "dns/dns.h"

#define A   1
#define MX  15
#define TXT 16

static unsigned char bytes[4096];
static size_t len;
static struct message message;

static void add(const void *more, size_t n)
{
    memcpy(bytes + len, more, n);
    len += n;
}
#define ADD(text) add(text, sizeof(text) - 1)

/* An answer to a question about x.test, with so many records. */
static void begin(unsigned char answers, unsigned char others)
{
    unsigned char head[] = {0, 7, 0x85, 0x80, 0, 1, 0, 0, 0, 0, 0, 0};
    head[7] = answers;
    head[11] = others;
    len = 0;
    add(head, sizeof head);
    ADD("\1x\4test\0\0\1\0\1"); /* the name is at 12 */
}

static void add_record(const char *name, size_t name_len, int type,
                       const void *data, size_t n, size_t said)
{
    unsigned char head[] = {
        (unsigned char)(type >> 8), (unsigned char)type, 0, 1, 0, 0, 0, 60,
        (unsigned char)(said >> 8), (unsigned char)said};
    add(name, name_len);
    add(head, sizeof head);
    add(data, n);
}
#define RECORD(type, data) \
    add_record("\xc0\x0c", 2, type, data, sizeof(data) - 1, sizeof(data) - 1)

static bool reads(int type)
{
    /* Exactly as long, so that a sanitizer sees what is read past the end. */
    unsigned char *copy = kit_malloc(len ? len : 1);
    memcpy(copy, bytes, len);
    message_fini(&message);
    bool ok = message_read(&message, copy, len, type);
    free(copy);
    return ok;
}

static void is_answer(int type, const char *text)
{
    assert_true(reads(type));
    assert_int_equal(message.count, 1);
    assert_string_equal(message.answers[0], text);
}

/* ------------------------------------------------------------------- cases */

static void records_become_text(void **state)
{
    (void)state;
    begin(1, 0);
    RECORD(A, "\300\0\2\1");
    is_answer(A, "192.0.2.1");
    assert_true(message.authoritative);
    assert_int_equal(message.ttls[0], 60);
    begin(1, 0);
    RECORD(28, "\x20\1\r\xb8\0\0\0\0\0\0\0\0\0\0\0\1");
    is_answer(28, "2001:db8::1");
    begin(1, 0);
    RECORD(MX, "\0\12\4mail\xc0\x0c");
    is_answer(MX, "10 mail.x.test");
    begin(1, 0);
    RECORD(TXT, "\3a\"b\0\2\\\7");
    is_answer(TXT, "a\\\"b\\\\\\007");
    begin(1, 0);
    RECORD(257, "\x80\5issueca.test");
    is_answer(257, "128 issue \"ca.test\"");
    begin(1, 0);
    RECORD(6, "\2ns\xc0\x0c\0\0\0\0\5\0\0\0\1\0\0\0\2\0\0\0\3\0\0\0\4");
    is_answer(6, "ns.x.test . 5 1 2 3 4");
    assert_int_equal(message.serial, 5);
}

static void answers_are_sorted_with_their_ages(void **state)
{
    (void)state;
    begin(3, 0);
    RECORD(A, "\300\0\2\3");
    RECORD(A, "\300\0\2\1");
    bytes[len - 7] = 9;
    RECORD(A, "\300\0\2\2");
    assert_true(reads(A));
    assert_int_equal(message.count, 3);
    assert_string_equal(message.answers[0], "192.0.2.1");
    assert_string_equal(message.answers[2], "192.0.2.3");
    assert_int_equal(message.ttls[0], 9);
    assert_int_equal(message.ttls[2], 60);
}

static void aliases_and_others_are_no_answers(void **state)
{
    (void)state;
    begin(2, 1);
    RECORD(5, "\3www\xc0\x0c");
    RECORD(A, "\300\0\2\1");
    RECORD(A, "\300\0\2\2"); /* an additional one */
    is_answer(A, "192.0.2.1");
    assert_string_equal(message.alias, "www.x.test");
}

static void a_code_has_more_bits_in_edns(void **state)
{
    char text[16];
    (void)state;
    begin(0, 1);
    add("\0\0\x29\4\xd0\1\0\0\0\0\0", 11);
    assert_true(reads(A));
    assert_int_equal(message.rcode, 16);
    assert_string_equal(message_rcode(16, text, sizeof text), "BADVERS");
    assert_string_equal(message_rcode(3, text, sizeof text), "NXDOMAIN");
    assert_string_equal(message_rcode(4000, text, sizeof text), "RCODE4000");
}

static void is_broken(int type)
{
    if (reads(type))
        fail_msg("taken for an answer of type %d", type);
}

static void what_is_broken_is_no_answer(void **state)
{
    (void)state;
    begin(1, 0);
    is_broken(A); /* the record is missing */
    begin(1, 0);
    RECORD(A, "\300\0\2");
    is_broken(A);
    begin(1, 0);
    RECORD(A, "\300\0\2\1\1");
    is_broken(A);
    begin(1, 0);
    add_record("\xc0\x0c", 2, A, "\300\0\2\1", 4, 40); /* longer than it is */
    is_broken(A);
    begin(1, 0);
    add_record("\xc0\x18", 2, A, "\300\0\2\1", 4, 4); /* points at itself */
    is_broken(A);
    begin(1, 0);
    add_record("\xff\xff", 2, A, "\300\0\2\1", 4, 4); /* beyond the end */
    is_broken(A);
    begin(1, 0);
    add_record("\x80", 1, A, "\300\0\2\1", 4, 4); /* no sort of label */
    is_broken(A);
    begin(1, 0);
    RECORD(MX, "\0");
    is_broken(MX);
    begin(1, 0);
    RECORD(MX, "\0\1\0more");
    is_broken(MX);
    begin(1, 0);
    RECORD(TXT, "\7abc");
    is_broken(TXT);
    begin(1, 0);
    RECORD(257, "\0\xffissue");
    is_broken(257);
    begin(1, 0);
    RECORD(6, "\0\0\0\0\0\1");
    is_broken(6);
    begin(1, 0);
    RECORD(33, "\0\1\0\1\0\1");
    is_broken(33);
}

/* What is within the message, and beyond the record. */
static void a_record_keeps_to_its_length(void **state)
{
    static const int types[] = {2, 5, 6, A, MX, TXT, 33, 257};
    (void)state;
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        begin(2, 0);
        RECORD(types[i], "");
        RECORD(A, "\300\0\2\1");
        if (types[i] != TXT)
            is_broken(types[i]);
        begin(2, 0);
        RECORD(types[i], "\3");
        RECORD(A, "abcdefgh");
        is_broken(types[i]);
    }
}

static void wherever_it_is_cut(void **state)
{
    (void)state;
    begin(2, 1);
    RECORD(5, "\3www\xc0\x0c");
    RECORD(MX, "\0\12\4mail\xc0\x0c");
    RECORD(A, "\300\0\2\2");
    assert_true(reads(MX));
    for (size_t whole = len; len > 0;) {
        len--;
        assert_false(reads(MX));
        assert_true(len < whole);
    }
}

static int forget(void **state)
{
    (void)state;
    message_fini(&message);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_become_text),
        cmocka_unit_test(answers_are_sorted_with_their_ages),
        cmocka_unit_test(aliases_and_others_are_no_answers),
        cmocka_unit_test(a_code_has_more_bits_in_edns),
        cmocka_unit_test(what_is_broken_is_no_answer),
        cmocka_unit_test(a_record_keeps_to_its_length),
        cmocka_unit_test(wherever_it_is_cut),
    };
    return cmocka_run_group_tests(tests, NULL, forget);
}
