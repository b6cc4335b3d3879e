/* Words to a service manager, which is a socket of ours here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/notify.h"

static int manager;
static char dir[64], path[96];

static int set_up(void **state)
{
    (void)state;
    unsetenv("NOTIFY_SOCKET");
    unsetenv("WATCHDOG_USEC");
    unsetenv("WATCHDOG_PID");
    manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    snprintf(dir, sizeof dir, "/tmp/relevo-notify-XXXXXX");
    if (manager < 0 || mkdtemp(dir) == NULL)
        return -1;
    snprintf(path, sizeof path, "%s/socket", dir);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    close(manager);
    unlink(path);
    return rmdir(dir);
}

static void listen_at_path(void)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    snprintf(at.sun_path, sizeof at.sun_path, "%s", path);
    assert_int_equal(bind(manager, (struct sockaddr *)&at, sizeof at), 0);
    setenv("NOTIFY_SOCKET", path, 1);
}

static void assert_heard(const char *expected)
{
    char text[600];
    ssize_t n = recv(manager, text, sizeof text - 1, 0);
    assert_true(n >= 0);
    text[n] = '\0';
    assert_string_equal(text, expected);
}

static void assert_nothing_heard(void)
{
    char text[8];
    assert_true(recv(manager, text, sizeof text, 0) < 0);
}

static void words_arrive(void **state)
{
    (void)state;
    struct notify n;
    listen_at_path();
    notify_open(&n);
    notify_send(&n, "READY=1\nSTATUS=%d checks", 7);
    assert_heard("READY=1\nSTATUS=7 checks");
    notify_close(&n);
    notify_send(&n, "STOPPING=1");
    assert_nothing_heard();
}

/* The kernel chooses the name: five hexadecimal digits after the zero. */
static void words_arrive_in_the_abstract_space(void **state)
{
    (void)state;
    struct notify n;
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    socklen_t len = sizeof at.sun_family;
    char name[16];
    assert_int_equal(bind(manager, (struct sockaddr *)&at, len), 0);
    len = sizeof at;
    assert_int_equal(getsockname(manager, (struct sockaddr *)&at, &len), 0);
    snprintf(name, sizeof name, "@%.5s", at.sun_path + 1);
    setenv("NOTIFY_SOCKET", name, 1);
    notify_open(&n);
    notify_send(&n, "READY=1");
    assert_heard("READY=1");
    notify_close(&n);
}

/* Half a word would be another one. */
static void what_is_too_long_is_not_said(void **state)
{
    (void)state;
    struct notify n;
    char much[600];
    memset(much, 'x', sizeof much - 1);
    much[sizeof much - 1] = '\0';
    listen_at_path();
    notify_open(&n);
    notify_send(&n, "STATUS=%s", much);
    assert_nothing_heard();
    notify_close(&n);
}

static void nobody_behind_it_is_no_matter(void **state)
{
    (void)state;
    struct notify n;
    setenv("NOTIFY_SOCKET", path, 1); /* no such socket */
    notify_open(&n);
    notify_send(&n, "READY=1");
    notify_close(&n);
    notify_open(&n); /* nor a variable, now */
    assert_int_equal(n.fd, -1);
    notify_send(&n, "READY=1");
    notify_close(&n);
}

static void a_name_that_is_none(void **state)
{
    (void)state;
    char much[200];
    memset(much, 'x', sizeof much - 1);
    much[0] = '/';
    much[sizeof much - 1] = '\0';
    const char *const names[] = {"", "relative", "/", "@", much};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct notify n;
        setenv("NOTIFY_SOCKET", names[i], 1);
        notify_open(&n);
        assert_int_equal(n.fd, -1);
        assert_null(getenv("NOTIFY_SOCKET"));
    }
}

static int64_t watchdog(const char *usec, const char *pid)
{
    struct notify n;
    setenv("NOTIFY_SOCKET", path, 1);
    setenv("WATCHDOG_USEC", usec, 1);
    if (pid != NULL)
        setenv("WATCHDOG_PID", pid, 1);
    notify_open(&n);
    notify_close(&n);
    assert_null(getenv("NOTIFY_SOCKET")); /* no other process speaks for us */
    assert_null(getenv("WATCHDOG_USEC"));
    assert_null(getenv("WATCHDOG_PID"));
    return n.watchdog_ns;
}

static void the_watchdog_is_ours_only(void **state)
{
    (void)state;
    char own[16], other[16];
    snprintf(own, sizeof own, "%d", (int)getpid());
    snprintf(other, sizeof other, "%d", (int)getppid());
    assert_int_equal(watchdog("60000000", NULL), 60 * NS_PER_S);
    assert_int_equal(watchdog("60000000", own), 60 * NS_PER_S);
    assert_int_equal(watchdog("60000000", other), 0);
    assert_int_equal(watchdog("60000000", "x"), 0);
    assert_int_equal(watchdog("-1", NULL), 0);
    assert_int_equal(watchdog("soon", NULL), 0);
    assert_int_equal(watchdog("9223372036854775807", NULL), 0);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(words_arrive),
        CASE(words_arrive_in_the_abstract_space),
        CASE(what_is_too_long_is_not_said),
        CASE(nobody_behind_it_is_no_matter),
        CASE(a_name_that_is_none),
        CASE(the_watchdog_is_ours_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
