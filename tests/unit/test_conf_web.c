/* The group `web`: what is taken out of it, and the exact messages. */
#include "test_conf_fixture.h"

#define CHECKS "checks = { a = { url = \"http://h\"; }; };"

// clang-format off
static const struct {
    const char *web, *told;
} cases[] = {
    {"listen = \"8970\";",
     "x.cfg:1:18: web.listen: \"8970\" is no address to serve on; expected \"127.0.0.1:8970\", \"[::1]:8970\", \"*:8970\" or the absolute path of a socket\n"},
    {"listen = [\"127.0.0.1:99999\", \"[::1]:1\"];",
     "x.cfg:1:18: web.listen: \"127.0.0.1:99999\" is no address to serve on; expected \"127.0.0.1:8970\", \"[::1]:8970\", \"*:8970\" or the absolute path of a socket\n"},
    {"listen = \"status.example.com:80\";",
     "x.cfg:1:18: web.listen: \"status.example.com:80\" is no address to serve on; expected \"127.0.0.1:8970\", \"[::1]:8970\", \"*:8970\" or the absolute path of a socket\n"},
    {"listen = [];",
     "x.cfg:1:18: web.listen: expected one to four addresses; `enabled = false;` serves the page nowhere\n"},
    {"hosts = [\"https://status.example.com\"];",
     "x.cfg:1:17: web.hosts: \"https://status.example.com\" is no name of a host; expected one without port, such as \"status.example.com\"\n"},
    {"token = \"zq7\";",
     "x.cfg:1:17: web.token: it is shorter than 16 characters: one is guessed; `openssl rand -hex 16` makes a good one\n"},
    {"token = \"has a space in the middle\";",
     "x.cfg:1:17: web.token: a token has no spaces, and nothing but ASCII\n"},
    {"lisen = \"x\";",
     "x.cfg:1:9: web: unknown key \"lisen\"; did you mean \"listen\"?\n"},
    {"listen = { env = \"HOME\"; };",
     "x.cfg:1:18: web.listen: everybody sees it: it cannot hold a secret\n"},
};
// clang-format on

static void each_is_told(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char text[400];
        snprintf(text, sizeof text, "web = { %s }; " CHECKS, cases[i].web);
        char *told = fixture_told(text);
        assert_string_equal(told, cases[i].told);
        free(told);
    }
}

static void without_it_the_page_is_on_loopback(void **state)
{
    (void)state;
    struct conf *conf = fixture_good(CHECKS);
    assert_true(conf->web.enabled);
    assert_int_equal(conf->web.listen.count, 1);
    assert_string_equal(conf->web.listen.items[0], "127.0.0.1:8970");
    assert_null(conf->web.token);
    conf_unref(conf);
}

static void what_is_given_is_taken(void **state)
{
    (void)state;
    struct conf *conf =
        fixture_good("web = { listen = [\"[::1]:0\", \"/run/x.sock\"]; hosts = "
                     "\"Status.Example.COM\"; token = "
                     "\"0123456789abcdef-secret\"; }; " CHECKS);
    assert_int_equal(conf->web.listen.count, 2);
    assert_string_equal(conf->web.hosts.items[0], "status.example.com");
    assert_string_equal(conf->web.token, "0123456789abcdef-secret");
    /* It is blotted out of whatever is printed. */
    bool noted = false;
    for (size_t i = 0; i < conf->secret_count; i++)
        noted |= strcmp(conf->secrets[i], conf->web.token) == 0;
    assert_true(noted);
    struct buf shown = {0};
    conf_show(conf, NULL, &shown);
    assert_null(strstr(buf_text(&shown), "0123456789abcdef"));
    assert_non_null(strstr(buf_text(&shown), "token = \"***\""));
    buf_free(&shown);
    conf_unref(conf);
}

static void a_token_that_is_missing_is_no_error(void **state)
{
    (void)state;
    struct conf *conf = fixture_good(
        "web = { token = { env = \"RELEVO_TEST_NO_SUCH\"; }; }; " CHECKS);
    assert_null(conf->web.token);
    assert_non_null(conf->web.missing);
    conf_unref(conf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_is_told),
        cmocka_unit_test(without_it_the_page_is_on_loopback),
        cmocka_unit_test(what_is_given_is_taken),
        cmocka_unit_test(a_token_that_is_missing_is_no_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
