/* The vet role in a forked process: describe, complain, fail, crash. */
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/plugin_dir.h"
#include "vet/vet.h"
#include "wire/blackbox.h"
#include "wire/chan.h"
#include "wire/msg.h"

static struct arena *arena;

struct answer {
    struct catalog *catalog;
    struct msg_complaint complaints[8];
    size_t complaint_count;
    const char *error; /* NULL: no MSG_VETTED came */
    int status;
};

static bool on_frame(void *arg, const struct frame *f)
{
    struct answer *a = arg;
    if (f->type == MSG_CATALOG) {
        a->catalog = msg_get_catalog(f->payload, f->len);
        return a->catalog != NULL;
    }
    if (f->type == MSG_COMPLAINT)
        return msg_get_complaint(f->payload, f->len, arena,
                                 &a->complaints[a->complaint_count++]);
    return f->type == MSG_VETTED &&
           msg_get_text(f->payload, f->len, arena, &a->error);
}

static pid_t start(int *ours)
{
    int fds[2];
    struct err err;
    assert_true(chan_pair(fds, &err));
    fflush(NULL);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        int fd = fcntl(fds[1], F_DUPFD, 20);
        dup2(fd, ROLE_FD_CHAN);
        for (int i = 4; i < 64; i++)
            close(i);
        exit(vet_main());
    }
    close(fds[1]);
    *ours = fds[0];
    return pid;
}

static struct answer ask(const struct buf *payload, enum msg_type type)
{
    struct answer a = {0};
    struct err err;
    int fd;
    pid_t pid = start(&fd);
    struct chan *chan = chan_new(fd, 1u << 26);
    enum chan_status status = CHAN_OPEN;
    assert_true(chan_send(chan, (uint16_t)type, 0, payload));
    assert_int_equal(chan_flush(chan, &err), CHAN_OPEN);
    while (status == CHAN_OPEN) {
        struct pollfd p = {chan_fd(chan), POLLIN, 0};
        if (poll(&p, 1, 300) == 0)
            kill(pid, SIGKILL); /* it hangs: as main would */
        status = chan_receive(chan, on_frame, &a, &err);
    }
    assert_int_equal(status, CHAN_CLOSED);
    chan_free(chan);
    assert_int_equal(waitpid(pid, &a.status, 0), pid);
    return a;
}

static struct answer vet(const char *plugin, bool describe,
                         const char *const *ports, size_t n)
{
    struct msg_subject subjects[8];
    struct setting settings[8][2];
    for (size_t i = 0; i < n; i++) {
        settings[i][0] = (struct setting){
            .name = "host", .value = {.type = RAW_TEXT, .text = "h"}};
        settings[i][1] = (struct setting){
            .name = "port", .value = {.type = RAW_INT, .text = ports[i]}};
        subjects[i] = (struct msg_subject){"check", settings[i], 2};
    }
    struct msg_vet request = {
        plugin_path(arena, plugin), describe, {NULL, 0}, subjects, n};
    struct buf payload = {0};
    msg_put_vet(&payload, &request);
    struct answer a = ask(&payload, MSG_VET);
    buf_free(&payload);
    return a;
}

static void test_describe(void **state)
{
    (void)state;
    struct answer a = vet("good", true, NULL, 0);
    assert_int_equal(a.status, 0);
    assert_string_equal(a.error, "");
    assert_non_null(a.catalog);
    assert_string_equal(a.catalog->name, "good");
    assert_int_equal(a.catalog->option_count, 11);
    catalog_free(a.catalog);
}

static void test_complaints(void **state)
{
    (void)state;
    const char *ports[] = {"80", "0", "13"};
    struct answer a = vet("good", false, ports, 3);
    assert_int_equal(a.status, 0);
    assert_string_equal(a.error, "");
    assert_null(a.catalog);
    assert_int_equal(a.complaint_count, 2);
    assert_int_equal(a.complaints[0].subject, 1);
    assert_string_equal(a.complaints[0].option, "port");
    assert_non_null(strstr(a.complaints[0].text, "0 is not within 1"));
    assert_int_equal(a.complaints[1].subject, 2);
    assert_string_equal(a.complaints[1].option, "port");
    assert_string_equal(a.complaints[1].text, "port 13 brings bad luck to h");
}

static void test_missing_option(void **state)
{
    (void)state;
    struct msg_subject subject = {"check", NULL, 0};
    struct msg_vet request = {
        plugin_path(arena, "good"), false, {NULL, 0}, &subject, 1};
    struct buf payload = {0};
    msg_put_vet(&payload, &request);
    struct answer a = ask(&payload, MSG_VET);
    buf_free(&payload);
    assert_int_equal(a.complaint_count, 1);
    assert_null(a.complaints[0].option);
    assert_non_null(strstr(a.complaints[0].text, "\"host\" is missing"));
}

static void test_bad_plugin(void **state)
{
    (void)state;
    struct answer a = vet("bad-magic", true, NULL, 0);
    assert_int_equal(a.status, 0);
    assert_non_null(a.error);
    assert_non_null(strstr(a.error, "bad-magic.so: relevo_plugin_v1 begins"));
    assert_null(a.catalog);
}

static void test_crash_and_hang(void **state)
{
    (void)state;
    const char *crash[] = {"80", "14"}, *hang[] = {"15"};
    struct answer a = vet("good", true, crash, 2);
    assert_true(WIFSIGNALED(a.status));
    assert_int_equal(WTERMSIG(a.status), SIGABRT);
    assert_null(a.error);
    catalog_free(a.catalog);
    a = vet("good", false, hang, 1);
    assert_int_equal(WTERMSIG(a.status), SIGKILL);
    assert_null(a.error);
}

static void test_nonsense(void **state)
{
    (void)state;
    struct buf payload = {0};
    buf_adds(&payload, "nonsense");
    struct answer a = ask(&payload, MSG_VET);
    assert_int_equal(WEXITSTATUS(a.status), 1);
    a = ask(&payload, MSG_PROBE);
    assert_int_equal(WEXITSTATUS(a.status), 1);
    assert_null(a.error);
    buf_free(&payload);
}

/* Main went away before it asked. */
static void test_nobody_asks(void **state)
{
    (void)state;
    int fd, status;
    pid_t pid = start(&fd);
    close(fd);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

static int set_up(void **state)
{
    (void)state;
    arena = arena_new();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_describe),
        cmocka_unit_test(test_complaints),
        cmocka_unit_test(test_missing_option),
        cmocka_unit_test(test_bad_plugin),
        cmocka_unit_test(test_crash_and_hang),
        cmocka_unit_test(test_nonsense),
        cmocka_unit_test(test_nobody_asks),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
