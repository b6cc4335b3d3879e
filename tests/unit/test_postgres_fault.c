/* tests/unit/test_postgres_fault.c: what libpq's words stand for, as libpq 15
 * says them. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "postgres/fault.h"

#define AT "connection to server at \"127.0.0.1\", port 5432 failed: "

static struct verdict verdict;

static void stands_for(const char *text, enum rlv_fault fault, const char *code)
{
    verdict_of_text(&verdict, text, "db port 5432", "letting us in");
    if (verdict.fault != fault || strcmp(verdict.code, code) != 0)
        fail_msg("%s: fault %d, code %s", text, verdict.fault, verdict.code);
    if (strchr(verdict.text, '\n'))
        fail_msg("%s: more than a line", verdict.text);
}

static void servers_say(void **state)
{
    (void)state;
    stands_for(AT "FATAL:  28P01: password authentication failed for user "
                  "\"x\"\nLOCATION:  auth_failed, auth.c:326\n",
               RLV_F_AUTH, "28P01");
    assert_string_equal(verdict.text,
                        "db port 5432 said: password authentication failed "
                        "for user \"x\"");
    stands_for(AT "FATAL:  57P03: the database system is starting up\n",
               RLV_F_STARTING, "57P03");
    stands_for(AT "FATAL:  53300: sorry, too many clients already\n",
               RLV_F_OVERLOADED, "53300");
    stands_for(AT "SCHWERWIEGEND:  3D000: Datenbank »x« existiert nicht\n",
               RLV_F_ERROR_RESPONSE, "3D000");
    stands_for(AT "FATAL:  28000: no pg_hba.conf entry, SSL encryption\n" AT
                  "FATAL:  28000: no pg_hba.conf entry, no encryption\n",
               RLV_F_AUTH, "28000");
    stands_for(AT "FATAL:  08P01: no more connections allowed "
                  "(max_client_conn)\n",
               RLV_F_OVERLOADED, "08P01");
}

static void libpq_says(void **state)
{
    (void)state;
    stands_for(AT "Connection refused\n\tIs the server running on that host "
                  "and accepting TCP/IP connections?\n",
               RLV_F_REFUSED, "");
    assert_int_equal(verdict.sys_errno, ECONNREFUSED);
    stands_for("connection to server on socket \"/x/.s.PGSQL.5432\" failed: "
               "No such file or directory\n\tIs the server running locally "
               "and accepting connections on that socket?\n",
               RLV_F_REFUSED, "");
    stands_for(AT "fe_sendauth: no password supplied\n", RLV_F_AUTH,
               "no_password");
    stands_for(AT "server does not support SSL, but SSL was required\n",
               RLV_F_TLS, "not_offered");
    stands_for(AT "server is in hot standby mode\n", RLV_F_READONLY, "role");
    stands_for(AT "SSL error: wrong version number\n", RLV_F_TLS,
               "WRONG_VERSION_NUMBER");
    stands_for(AT "SSL error: tlsv1 alert unknown ca\n", RLV_F_TLS,
               "ALERT_UNKNOWN_CA");
    stands_for("server closed the connection unexpectedly\n\tThis probably "
               "means the server terminated abnormally\n",
               RLV_F_CLOSED, "closed");
    stands_for("could not receive data from server: Connection reset by peer\n",
               RLV_F_RESET, "");
    stands_for(AT "received invalid response to SSL negotiation: H\n",
               RLV_F_PROTOCOL, "libpq");
}

static void of_several_hosts_the_answer_counts(void **state)
{
    static const enum rlv_fault less_to_more[] = {
        RLV_F_NONE,    RLV_F_DNS,      RLV_F_CONNECT_TIMEOUT, RLV_F_REFUSED,
        RLV_F_TIMEOUT, RLV_F_STARTING, RLV_F_READONLY};
    (void)state;
    for (size_t i = 1; i < sizeof less_to_more / sizeof *less_to_more; i++)
        assert_true(
            verdict_rank(&(struct verdict){.fault = less_to_more[i]}) >
            verdict_rank(&(struct verdict){.fault = less_to_more[i - 1]}));
    assert_false(verdict_goes_on(&(struct verdict){.fault = RLV_F_AUTH}));
    assert_true(verdict_goes_on(&(struct verdict){.fault = RLV_F_REFUSED}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(servers_say),
        cmocka_unit_test(libpq_says),
        cmocka_unit_test(of_several_hosts_the_answer_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
