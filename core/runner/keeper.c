/* runner/keeper.c: see keeper.h.
 *
 * Happy path: folder lent, script checked, secrets written, keeper.json there
 * → the script starts → its outputs are read as they come → SIGCHLD: it ended,
 * nobody is left → secrets removed, folder taken back, outcome.json.
 *
 * Ways it can fail: something before the start (the outcome says so, exit -1);
 * the time is over, or main wants it stopped (sweep.h, from SIGTERM on); it
 * forks without end (SIGKILL at once: there would soon be no room for us); the
 * script ended and left processes behind (the same, with a short grace); they
 * hold the pipes open (nobody waits for the end of a pipe, only for the end of
 * processes); the folder is not where it was (it is made anew); the disk is
 * full (a shorter outcome is tried, then last words to the runner). The
 * runner's death, and main's, go unnoticed here. */
#include "runner/keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/failpoint.h"
#include "base/fs.h"
#include "base/log.h"
#include "model/finding.h"
#include "model/outcome.h"
#include "runner/capture.h"
#include "runner/child.h"
#include "runner/folder.h"
#include "runner/intake.h"
#include "runner/sweep.h"

enum {
    LARGEST_OUTPUT = 4 * 1024 * 1024,
    CHUNK = 64 * 1024,
    ROUNDS = 16,
    MOST_REAPED = 4096, /* before we look at anything else */
    MOST_PROCESSES = 512
};

#define COUNT_NS (100 * NS_PER_MS) /* between two counts of processes */

#define STRAGGLER_GRACE_NS (2 * NS_PER_S)

enum { AT_SIGNALS, AT_OUTPUT, AT_ERRORS, AT_FINDINGS, AT_FAILURE, AT_COUNT };

struct keeper {
    const struct msg_run *run;
    struct folder folder;
    struct account account;
    struct script script;
    struct redact *redact;
    int fds[AT_COUNT]; /* -1: at its end */
    pid_t pid;         /* of the script; 0: not started, or reaped */
    int status;        /* from waitpid */
    bool started, timed_out, stopped, crowded, alone;
    int64_t deadline_ns, counted_ns, started_us;
    struct capture output, errors;
    struct intake findings;
    struct buf failure;
    struct sweep sweep;
    struct err err; /* why it could not be started */
};

/* --------------------------------------------------------------- begin --- */

/* Nothing of the runner's stays open: main must see its death. */
static void close_inherited(int words)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null >= 0) {
        dup2(null, STDIN_FILENO);
        dup2(null, STDOUT_FILENO);
    }
    if (words > STDERR_FILENO + 1)
        close_range(STDERR_FILENO + 1, (unsigned)words - 1, 0);
    close_range((unsigned)words + 1, ~0u, 0);
}

static void become_keeper(struct keeper *k)
{
    sigset_t watched;
    setsid();
    prctl(PR_SET_NAME, "relevo-keeper", 0, 0, 0);
    must(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0);
    signal(SIGHUP, SIG_IGN);
    signal(SIGINT, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
    sigemptyset(&watched);
    sigaddset(&watched, SIGCHLD);
    sigaddset(&watched, SIGTERM);
    sigprocmask(SIG_SETMASK, &watched, NULL);
    k->fds[AT_SIGNALS] = signalfd(-1, &watched, SFD_CLOEXEC | SFD_NONBLOCK);
    if (k->fds[AT_SIGNALS] < 0)
        die("signalfd: %s", strerror(errno));
}

/* Everything secret about the run, not only what main listed. */
static struct redact *make_redact(const struct msg_run *m)
{
    size_t n = 0;
    const char **values =
        xcalloc(m->redact.count + m->secret_count, sizeof *values);
    for (size_t i = 0; i < m->redact.count; i++)
        if (m->redact.items[i] != NULL)
            values[n++] = m->redact.items[i];
    for (size_t i = 0; i < m->secret_count; i++)
        values[n++] = m->secrets[i].value;
    struct redact *r = redact_new(values, n);
    free(values);
    return r;
}

static bool write_keeper_file(struct keeper *k)
{
    char boot_id[PROC_BOOT_ID];
    int64_t start = 0;
    proc_look(getpid(), &start, NULL);
    json_t *object =
        json_pack("{s:I, s:i, s:I, s:s}", "run", (json_int_t)k->run->run, "pid",
                  (int)getpid(), "pid_start", (json_int_t)start, "boot_id",
                  proc_boot_id(boot_id));
    bool ok = folder_write(&k->folder, KEEPER_FILE, object, &k->err);
    json_decref(object);
    return ok;
}

static bool start_script(struct keeper *k)
{
    const struct child_plan plan = {k->run, &k->script, &k->account, getpid()};
    struct child_pipes pipes;
    if (!child_start(&plan, &k->pid, &pipes, &k->err))
        return false;
    k->fds[AT_OUTPUT] = pipes.output;
    k->fds[AT_ERRORS] = pipes.errors;
    k->fds[AT_FINDINGS] = pipes.findings;
    k->fds[AT_FAILURE] = pipes.failure;
    k->started = true;
    (void)FAILPOINT("keeper.mid_run");
    return true;
}

static bool prepare(struct keeper *k)
{
    const struct msg_run *m = k->run;
    return account_find(&k->account, m->user, &k->err) &&
           script_check(&k->script, m->script, k->account.uid, &k->err) &&
           folder_lend(&k->folder, &k->account, &k->err) &&
           folder_add_secrets(&k->folder, m->secrets, m->secret_count,
                              &k->account, &k->err) &&
           write_keeper_file(k);
}

/* --------------------------------------------------------------- watch --- */

static void take(struct keeper *k, int which, const char *bytes, size_t n)
{
    switch (which) {
    case AT_OUTPUT: capture_add(&k->output, bytes, n); break;
    case AT_ERRORS: capture_add(&k->errors, bytes, n); break;
    case AT_FINDINGS: intake_add(&k->findings, bytes, n); break;
    case AT_FAILURE: buf_add(&k->failure, bytes, n); break;
    default: break;
    }
}

/* What is there, without waiting; bounded, so that a busy writer does not keep
 * us from looking at the clock. */
static void drain(struct keeper *k, int which)
{
    static char chunk[CHUNK];
    for (int i = 0; i < ROUNDS && k->fds[which] >= 0; i++) {
        ssize_t n = read(k->fds[which], chunk, sizeof chunk);
        if (n > 0) {
            take(k, which, chunk, (size_t)n);
        } else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
            close(k->fds[which]);
            k->fds[which] = -1;
        } else if (errno == EAGAIN) {
            return;
        }
    }
}

static void reap(struct keeper *k)
{
    for (int i = 0; i < MOST_REAPED; i++) {
        int status;
        pid_t pid = waitpid(-1, &status, WNOHANG | __WALL);
        if (pid < 0 && errno == EINTR)
            continue;
        k->alone = pid < 0;
        if (pid <= 0)
            return;
        if (pid == k->pid) {
            k->status = status;
            k->pid = 0;
        }
    }
}

static void begin_end(struct keeper *k, bool *why, int64_t grace_ns)
{
    if (k->sweep.phase != SWEEP_OFF)
        return;
    if (why != NULL)
        *why = true;
    sweep_begin(&k->sweep, k->pid, clock_mono_ns(), grace_ns);
}

static void read_signals(struct keeper *k)
{
    struct signalfd_siginfo info;
    while (read(k->fds[AT_SIGNALS], &info, sizeof info) == sizeof info)
        if (info.ssi_signo == SIGTERM)
            begin_end(k, &k->stopped, k->run->grace_ns);
    reap(k);
}

static int64_t short_grace(const struct keeper *k)
{
    return k->run->grace_ns < STRAGGLER_GRACE_NS ? k->run->grace_ns
                                                 : STRAGGLER_GRACE_NS;
}

static bool is_crowded(struct keeper *k, int64_t now_ns)
{
    if (now_ns - k->counted_ns < COUNT_NS)
        return false;
    struct proc_list all = {0};
    proc_descendants(getpid(), &all);
    size_t count = all.count;
    proc_list_free(&all);
    k->counted_ns = now_ns;
    return count > MOST_PROCESSES;
}

static void look_at_clock(struct keeper *k)
{
    int64_t now_ns = clock_mono_ns();
    if (k->sweep.phase != SWEEP_OFF)
        sweep_tick(&k->sweep, k->pid, now_ns);
    else if (k->pid == 0)
        begin_end(k, NULL, short_grace(k));
    else if (now_ns >= k->deadline_ns)
        begin_end(k, &k->timed_out, k->run->grace_ns);
    else if (is_crowded(k, now_ns))
        begin_end(k, &k->crowded, 0);
}

static int wait_ms(const struct keeper *k)
{
    if (k->sweep.phase != SWEEP_OFF)
        return SWEEP_TICK_NS / NS_PER_MS;
    int64_t left_ms = (k->deadline_ns - clock_mono_ns()) / NS_PER_MS + 1;
    int64_t most_ms = COUNT_NS / NS_PER_MS;
    return left_ms < 0 ? 0 : left_ms > most_ms ? (int)most_ms : (int)left_ms;
}

static void watch(struct keeper *k)
{
    while (!k->alone && k->sweep.phase != SWEEP_OVER) {
        struct pollfd polled[AT_COUNT];
        for (int i = 0; i < AT_COUNT; i++)
            polled[i] = (struct pollfd){.fd = k->fds[i], .events = POLLIN};
        int n = poll(polled, AT_COUNT, wait_ms(k));
        for (int i = AT_OUTPUT; n > 0 && i < AT_COUNT; i++)
            if (polled[i].revents != 0)
                drain(k, i);
        read_signals(k);
        if (!k->alone)
            look_at_clock(k);
    }
    for (int i = AT_OUTPUT; i < AT_COUNT; i++)
        drain(k, i);
    if (child_explain(k->failure.data, k->failure.len, &k->script, &k->err))
        k->started = false;
}

/* ----------------------------------------------------------------- end --- */

static json_t *list_left_behind(void)
{
    struct proc_list left = {0};
    json_t *array = json_array();
    proc_descendants(getpid(), &left);
    for (size_t i = 0; i < left.count; i++)
        json_array_append_new(array, json_integer(left.pids[i]));
    proc_list_free(&left);
    return array;
}

static json_t *redacted(const struct keeper *k, const char *text)
{
    struct buf clean = {0};
    redact_text(k->redact, text, strlen(text), &clean);
    json_t *string = capture_string(buf_text(&clean), clean.len);
    buf_free(&clean);
    return string;
}

static json_t *describe(struct keeper *k)
{
    int end_signal = WIFSIGNALED(k->status) ? WTERMSIG(k->status) : 0;
    int code = !k->started      ? -1
               : end_signal > 0 ? 128 + end_signal
                                : WEXITSTATUS(k->status);
    return json_pack(
        "{s:I, s:i, s:i, s:b, s:b, s:I, s:o, s:I, s:I, s:s, s:o}", "run",
        (json_int_t)k->run->run, "exit", code, "signal",
        k->started ? end_signal : 0, "timed_out", k->timed_out, "stopped",
        k->stopped, "survivors_killed", (json_int_t)k->sweep.survivors.count,
        "left_behind", list_left_behind(), "started_us",
        (json_int_t)k->started_us, "ended_us", (json_int_t)clock_wall_us(),
        "sha256", k->script.sha256, "error", redacted(k, k->err.text));
}

static void add_outputs(json_t *object, json_t *out, uint64_t out_dropped,
                        json_t *errors, uint64_t errors_dropped,
                        json_t *findings)
{
    json_object_set_new(object, "stdout", out);
    json_object_set_new(object, "stderr", errors);
    json_object_set_new(object, "stdout_dropped",
                        json_integer((json_int_t)out_dropped));
    json_object_set_new(object, "stderr_dropped",
                        json_integer((json_int_t)errors_dropped));
    json_object_set_new(object, "findings", findings);
}

static bool leave_outcome(struct keeper *k, struct err *err)
{
    uint64_t out_dropped, errors_dropped;
    json_t *object = describe(k);
    must(object != NULL);
    json_t *out = capture_end(&k->output, &out_dropped);
    json_t *errors = capture_end(&k->errors, &errors_dropped);
    json_t *findings = intake_end(&k->findings);
    if (k->crowded)
        json_array_append_new(findings, finding_crowded(MOST_PROCESSES));
    uint64_t out_all = out_dropped + json_string_length(out);
    uint64_t errors_all = errors_dropped + json_string_length(errors);
    add_outputs(object, out, out_dropped, errors, errors_dropped, findings);
    bool ok = folder_write(&k->folder, OUTCOME_FILE, object, err);
    if (!ok) { /* no space: the verdict matters more than the transcript */
        add_outputs(object, json_string(""), out_all, json_string(""),
                    errors_all, json_array());
        ok = folder_write(&k->folder, OUTCOME_FILE, object, err);
    }
    json_decref(object);
    return ok;
}

static void init(struct keeper *k, const struct msg_run *m)
{
    size_t cap = m->output_bytes < LARGEST_OUTPUT ? (size_t)m->output_bytes
                                                  : LARGEST_OUTPUT;
    *k = (struct keeper){.run = m};
    for (int i = 0; i < AT_COUNT; i++)
        k->fds[i] = -1;
    k->redact = make_redact(m);
    capture_init(&k->output, cap, k->redact);
    capture_init(&k->errors, cap, k->redact);
    intake_init(&k->findings, k->redact);
    k->started_us = clock_wall_us();
    k->deadline_ns = clock_mono_ns() + m->timeout_ns;
}

void keeper_run(const struct msg_run *m, int words)
{
    static struct keeper k;
    struct err err = {0};
    log_set_sink(NULL);
    close_inherited(words);
    init(&k, m);
    become_keeper(&k);
    bool ok = folder_open(&k.folder, m->dir, &err);
    if (ok) {
        (void)FAILPOINT("keeper.before_note");
        if (prepare(&k) && start_script(&k))
            watch(&k);
        (void)FAILPOINT("keeper.before_outcome");
        folder_remove_secrets(&k.folder, m->secrets, m->secret_count);
        folder_take_back(&k.folder);
        ok = folder_find_again(&k.folder, m->dir, &err) &&
             leave_outcome(&k, &err);
    }
    (void)FAILPOINT("keeper.after_outcome");
    if (!ok)
        (void)!fs_write_all(words, err.text, strlen(err.text));
    _exit(ok ? 0 : 1);
}
