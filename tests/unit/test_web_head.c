/* Heads of requests: judged alike whole, byte by byte, and cut anywhere. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "web/head.h"

#define GOOD "GET /a?b=c HTTP/1.1\r\nHost: h\r\n"

static const struct {
    const char *text;
    enum head judged;
} cases[] = {
    {GOOD "\r\n", HEAD_FINE},
    {GOOD "\r\nbody that follows", HEAD_FINE},
    {"POST /b HTTP/1.0\r\nhost:h\r\nCONTENT-LENGTH: 12 \r\n\r\n", HEAD_FINE},
    {GOOD "X:\r\nY: \t a\t\xc3\xa9 \r\n\r\n", HEAD_FINE},
    {"", HEAD_MORE},
    {"GET", HEAD_MORE},
    {GOOD, HEAD_MORE},
    {GOOD "\r", HEAD_MORE},
    {"GET / HTTP/1.1\r\n\r\n", HEAD_BAD},
    {"GET / HTTP/1.1\n", HEAD_BAD},
    {"\r\n" GOOD "\r\n", HEAD_BAD},
    {"GET /  HTTP/1.1\r\n", HEAD_BAD},
    {"GET  HTTP/1.1\r\n", HEAD_BAD},
    {"GET HTTP/1.1\r\n", HEAD_BAD},
    {"GET / HTTP/1.10\r\n", HEAD_BAD},
    {GOOD " folded\r\n\r\n", HEAD_BAD},
    {GOOD "X : a\r\n\r\n", HEAD_BAD},
    {GOOD "\n", HEAD_BAD},
    {GOOD "X: a\rb\r\n\r\n", HEAD_BAD},
    {GOOD "Host: h\r\n\r\n", HEAD_BAD},
    {GOOD "Content-Length: 1\r\nContent-Length: 1\r\n\r\n", HEAD_BAD},
    {GOOD "Content-Length: -1\r\n\r\n", HEAD_BAD},
    {GOOD "Content-Length:\r\n\r\n", HEAD_BAD},
    {GOOD "Content-Length: 1\r\nTransfer-Encoding: x\r\n\r\n", HEAD_BAD},
    {GOOD "Transfer-Encoding: chunked\r\n\r\n", HEAD_CODED},
    {GOOD "Content-Encoding: gzip\r\n\r\n", HEAD_CODED},
};

/* Exactly as many bytes as there are: a sanitizer sees one read too many. */
static enum head judge(const char *text, size_t n)
{
    char *bytes = malloc(n == 0 ? 1 : n);
    assert_non_null(bytes);
    memcpy(bytes, text, n);
    enum head judged = head_judge(bytes, n);
    free(bytes);
    return judged;
}

static void each_is_judged_so_however_it_comes(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        size_t n = strlen(cases[i].text);
        enum head last = HEAD_MORE;
        for (size_t len = 0; len <= n && last == HEAD_MORE; len++)
            last = judge(cases[i].text, len);
        if (last != cases[i].judged ||
            judge(cases[i].text, n) != cases[i].judged)
            fail_msg("case %zu: %s", i, cases[i].text);
    }
}

static void none_is_without_end(void **state)
{
    char *text = malloc(HEAD_MOST * 2);
    (void)state;
    assert_non_null(text);
    memset(text, 'a', HEAD_MOST * 2);
    assert_int_equal(judge(text, HEAD_MOST + 1), HEAD_LONG);
    assert_int_equal(judge(text, HEAD_MOST), HEAD_MORE);
    size_t n = strlen(strcpy(text, GOOD));
    for (int i = 0; i < 100; i++)
        n += strlen(strcpy(text + n, "X: a\r\n"));
    assert_int_equal(judge(text, n), HEAD_LONG);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_is_judged_so_however_it_comes),
        cmocka_unit_test(none_is_without_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
