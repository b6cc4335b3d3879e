/* lib/worker_rig.h: a worker in a forked process, fed over its channel as main
 * would, with the plugins of lib/plugins. For the unit tests of core/worker;
 * include it from one .c file. */
#ifndef RELEVO_TESTS_WORKER_RIG_H
#define RELEVO_TESTS_WORKER_RIG_H

#include <errno.h>
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
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/mem.h"
#include "lib/plugin_dir.h"
#include "model/fault.h"
#include "wire/blackbox.h"
#include "wire/chan.h"
#include "wire/msg.h"
#include "worker/worker.h"

enum {
    RIG_CHECKS = 32,
    RIG_RESULTS = 2048,
    RIG_TRIGGERS = 32,
    RIG_WAIT_MS = 20000
};

struct rig {
    pid_t pid;
    struct chan *chan;
    struct blackbox *box;
    struct arena *arena;
    struct msg_load load;
    const char *paths[4];
    struct msg_check checks[RIG_CHECKS];
    uint32_t generation, loaded; /* sent, answered */
    uint64_t last_probe;
    uint32_t asked[RIG_RESULTS];         /* the check, by probe number */
    struct result *results[RIG_RESULTS]; /* in the order of their arrival */
    size_t result_count;
    struct rlv_dict values; /* for the probes asked from now */
    struct msg_trigger triggers[RIG_TRIGGERS]; /* asked by probes */
    size_t trigger_count;
    struct buf logs; /* "LEVEL CHECK text\n" */
    unsigned pongs;
    bool closed;
};

/* The worker's leaks are its own: what it inherits stays reachable there. */
static struct rig *volatile rig_inherited;

/* ------------------------------------------------------- begin and end --- */

static void rig_child(int chan, int box)
{
    int a = fcntl(chan, F_DUPFD, 20), b = fcntl(box, F_DUPFD, 20);
    dup2(a, ROLE_FD_CHAN);
    dup2(b, ROLE_FD_BLACKBOX);
    for (int fd = 5; fd < 64; fd++)
        close(fd);
    exit(worker_main());
}

static struct rig *rig_start(void)
{
    int fds[2];
    struct err err;
    struct rig *r = xcalloc(1, sizeof *r);
    assert_true(chan_pair(fds, &err));
    int box = memfd_create("box", MFD_CLOEXEC);
    assert_true(box >= 0);
    assert_int_equal(ftruncate(box, sizeof *r->box), 0);
    rig_inherited = r;
    fflush(NULL);
    r->pid = fork();
    assert_true(r->pid >= 0);
    if (r->pid == 0)
        rig_child(fds[1], box);
    close(fds[1]);
    r->box = mmap(NULL, sizeof *r->box, PROT_READ, MAP_SHARED, box, 0);
    assert_ptr_not_equal(r->box, MAP_FAILED);
    close(box);
    r->chan = chan_new(fds[0], 64u << 20);
    r->arena = arena_new();
    r->load.plugins.items = r->paths;
    r->load.checks = r->checks;
    return r;
}

/* Closes the channel, unless that is done; returns the wait status. */
static int rig_end(struct rig *r)
{
    int status = 0;
    if (r->chan != NULL)
        chan_free(r->chan);
    assert_int_equal(waitpid(r->pid, &status, 0), r->pid);
    for (size_t i = 0; i < r->result_count; i++)
        result_free(r->results[i]);
    buf_free(&r->logs);
    munmap(r->box, sizeof *r->box);
    arena_free(r->arena);
    free(r);
    return status;
}

/* ---------------------------------------------------------- what comes --- */

static bool rig_frame(void *arg, const struct frame *f)
{
    struct rig *r = arg;
    struct msg_log log;
    struct result *result;
    struct arena *arena = arena_new();
    switch (f->type) {
    case MSG_LOADED: r->loaded = f->generation; break;
    case MSG_PONG: r->pongs++; break;
    case MSG_LOG:
        assert_true(msg_get_log(f->payload, f->len, arena, &log));
        buf_addf(&r->logs, "%u %u %s\n", log.level, log.check, log.text);
        break;
    case MSG_TRIGGER:
        assert_true(r->trigger_count < RIG_TRIGGERS);
        assert_true(msg_get_trigger(f->payload, f->len, r->arena,
                                    &r->triggers[r->trigger_count++]));
        break;
    case MSG_RESULT:
        result = msg_get_result(f->payload, f->len);
        assert_non_null(result);
        assert_int_equal(result->generation, f->generation);
        assert_true(r->result_count < RIG_RESULTS);
        r->results[r->result_count++] = result;
        break;
    default: fail_msg("a frame of type %u", f->type);
    }
    arena_free(arena);
    return true;
}

/* One wait; false: nothing came, or the worker is gone. */
static bool rig_turn(struct rig *r, int wait_ms)
{
    struct err err;
    assert_int_not_equal(chan_flush(r->chan, &err), CHAN_BROKEN);
    struct pollfd p = {chan_fd(r->chan), POLLIN, 0};
    if (poll(&p, 1, wait_ms) <= 0)
        return false;
    enum chan_status status = chan_receive(r->chan, rig_frame, r, &err);
    if (status == CHAN_BROKEN)
        fail_msg("%s", err.text);
    r->closed = status == CHAN_CLOSED;
    return !r->closed;
}

/* ----------------------------------------------------------- what goes --- */

static uint16_t rig_plugin(struct rig *r, const char *name)
{
    const char *path = plugin_path(r->arena, name);
    for (size_t i = 0; i < r->load.plugins.count; i++)
        if (strcmp(r->paths[i], path) == 0)
            return (uint16_t)i;
    r->paths[r->load.plugins.count] = path;
    return (uint16_t)r->load.plugins.count++;
}

/* Another check, numbered from 1. settings: "name=value;name=value". */
static struct msg_check *rig_check(struct rig *r, const char *plugin,
                                   const char *settings)
{
    struct msg_check *c = &r->checks[r->load.check_count++];
    struct setting *s = arena_alloc(r->arena, 8 * sizeof *s);
    *c = (struct msg_check){.check = (uint32_t)r->load.check_count,
                            .plugin = rig_plugin(r, plugin),
                            .name = "check",
                            .timeout_ns = 5 * NS_PER_S,
                            .evidence_bytes = 4096,
                            .fingerprint = r->load.check_count,
                            .settings = s};
    char *text = arena_strdup(r->arena, settings), *at = NULL;
    for (char *one = strtok_r(text, ";", &at); one != NULL;
         one = strtok_r(NULL, ";", &at)) {
        char *equals = strchr(one, '=');
        *equals = '\0';
        s[c->setting_count++] = (struct setting){
            .name = one, .value = {.type = RAW_TEXT, .text = equals + 1}};
    }
    return c;
}

static void rig_line(struct rig *r, struct line_spec **lines, size_t *count,
                     const char *text, bool is_default)
{
    if (*lines == NULL)
        *lines = arena_alloc(r->arena, 8 * sizeof **lines);
    (*lines)[(*count)++] = (struct line_spec){
        .text = arena_strdup(r->arena, text), .is_default = is_default};
}

static inline void rig_expect(struct rig *r, struct msg_check *c,
                              const char *text)
{
    rig_line(r, &c->expects, &c->expect_count, text, false);
}

static inline void rig_warn(struct rig *r, struct msg_check *c,
                            const char *text)
{
    rig_line(r, &c->warns, &c->warn_count, text, false);
}

static void rig_load(struct rig *r)
{
    struct buf payload = {0};
    msg_put_load(&payload, &r->load);
    assert_true(chan_send(r->chan, MSG_LOAD, ++r->generation, &payload));
    buf_free(&payload);
    int64_t until = clock_mono_ns() + RIG_WAIT_MS * NS_PER_MS;
    while (r->loaded != r->generation && !r->closed && clock_mono_ns() < until)
        rig_turn(r, 100);
    assert_int_equal(r->loaded, r->generation);
}

static uint64_t rig_ask_at(struct rig *r, uint32_t check, unsigned flags,
                           int64_t due_ns)
{
    struct buf payload = {0};
    struct msg_probe ask = {.probe = ++r->last_probe,
                            .check = check,
                            .purpose = PURPOSE_SCHEDULE,
                            .flags = flags,
                            .due_ns = due_ns,
                            .values = r->values};
    assert_true(ask.probe < RIG_RESULTS);
    r->asked[ask.probe] = check;
    msg_put_probe(&payload, &ask);
    assert_true(chan_send(r->chan, MSG_PROBE, r->generation, &payload));
    buf_free(&payload);
    return ask.probe;
}

static struct result *rig_find(struct rig *r, uint64_t probe)
{
    for (size_t i = 0; i < r->result_count; i++)
        if (r->results[i]->probe == probe &&
            r->results[i]->check == r->asked[probe])
            return r->results[i];
    return NULL;
}

/* Of the check that was probed. */
static struct result *rig_result(struct rig *r, uint64_t probe)
{
    struct result *result;
    int64_t until = clock_mono_ns() + RIG_WAIT_MS * NS_PER_MS;
    while ((result = rig_find(r, probe)) == NULL && !r->closed &&
           clock_mono_ns() < until)
        rig_turn(r, 100);
    if (result == NULL)
        fail_msg("probe %llu has no result; log: %s", (unsigned long long)probe,
                 buf_text(&r->logs));
    return result;
}

/* One probe of that check, now. */
static struct result *rig_run(struct rig *r, uint32_t check, unsigned flags)
{
    return rig_result(r, rig_ask_at(r, check, flags, clock_mono_ns()));
}

#endif
