/* worker/worker.c: the process: its beginning, its messages, its end.
 *
 * Happy path: main sends MSG_LOAD, then MSG_PROBE for ever; results and log
 * lines gather during a turn of the loop and go out together before the next
 * wait; good results gather for longer, up to the next beat.
 * Ways it can fail: main closes the channel: scopes end, then the process. It
 * sends nonsense or does not read: we end and are started anew. A plugin
 * crashes or hangs: main sees it on the black-box page. */
#include "worker/worker.h"

#include <errno.h>
#include <locale.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/failpoint.h"
#include "base/harden.h"
#include "base/log.h"
#include "wire/chan.h"
#include "wire/msg.h"
#include "worker/box.h"
#include "worker/judge.h"
#include "worker/kind_exec.h"
#include "worker/load.h"
#include "worker/loop.h"
#include "worker/probe.h"
#include "worker/resolve.h"
#include "worker/tell.h"
#include "worker/trigger.h"
#include "worker/view.h"

#define DISTURBED_NS (20 * NS_PER_MS)
/* Good results of the schedule leave on this beat of the monotonic clock, which
 * all workers share: main wakes once for many of them. Anything else leaves at
 * the end of its turn and takes along what waits; so does the last for now. */
#define BEAT_NS (20 * NS_PER_MS)
/* While probes run we wake this often, so that a standstill is noticed. */
#define PULSE_NS (250 * NS_PER_MS)
#define TRIM_NS  (10 * NS_PER_S) /* between two looks at what malloc holds */

enum {
    QUEUE_BYTES = 64 << 20,
    LINES_A_SECOND = 50,  /* of plugins' logs */
    HEAP_BYTES = 1 << 30, /* main looks for less than that, see crew */
    TASKS = 64,           /* threads and processes of plugins and ours */
    END_SECONDS = 2       /* for plugins to let go */
};

static struct chan *chan;
static struct loop_source chan_source;
static uint32_t chan_events = EPOLLIN;
static struct loop_timer beat; /* set: what is queued may wait for it */
static struct loop_timer pulse;
static bool pressing; /* something is queued that may not */
static int exit_status;
static int64_t gave_back_ns; /* when malloc last did; 0: it shall */
static struct buf payload;   /* work space */

/* ------------------------------------------------------------- telling --- */

static void queue_frame(uint16_t type, uint32_t generation)
{
    bool ok = chan_send(chan, type, generation, &payload);
    buf_clear(&payload);
    if (!ok) {
        log_set_sink(NULL);
        die("main does not read what it is sent");
    }
}

/* Leaves at the end of this turn, with all that waits. */
static void send_frame(uint16_t type, uint32_t generation)
{
    queue_frame(type, generation);
    pressing = true;
}

static void on_pulse(struct loop_timer *t) { (void)t; }

static void on_beat(struct loop_timer *t)
{
    (void)t;
    pressing = true;
}

static void wait_for_beat(void)
{
    if (!heap_has(&beat.node))
        loop_timer_set(&beat, (clock_mono_ns() / BEAT_NS + 1) * BEAT_NS);
}

void tell_result(const struct result *r)
{
    (void)FAILPOINT("worker.before_result");
    msg_put_result(&payload, r);
    queue_frame(MSG_RESULT, r->generation);
    if (r->outcome == OUTCOME_OK && r->purpose == PURPOSE_SCHEDULE)
        wait_for_beat();
    else
        pressing = true;
}

void tell_trigger(const struct msg_trigger *m)
{
    msg_put_trigger(&payload, m);
    send_frame(MSG_TRIGGER, 0);
}

void tell_ask_command(const struct msg_ask_command *m)
{
    msg_put_ask_command(&payload, m);
    send_frame(MSG_ASK_COMMAND, 0);
}

static void send_line(enum log_level level, uint32_t check, const char *text)
{
    msg_put_log(&payload, &(struct msg_log){(unsigned)level, check, text});
    send_frame(MSG_LOG, 0);
}

void tell_log(enum log_level level, uint32_t check, const char *text)
{
    static int64_t second;
    static unsigned lines;
    int64_t now = clock_mono_ns() / NS_PER_S;
    if (now != second && lines > LINES_A_SECOND) {
        char lost[64];
        snprintf(lost, sizeof lost, "%u lines of plugins were left out",
                 lines - LINES_A_SECOND);
        send_line(LOG_LEVEL_WARN, 0, lost);
    }
    if (now != second)
        lines = 0;
    second = now;
    if (lines++ < LINES_A_SECOND)
        send_line(level, check, text);
}

/* Our own lines. An error may be the last thing that we say. */
static void log_sink(enum log_level level, const char *line)
{
    send_line(level, 0, line);
    if (level == LOG_LEVEL_ERROR)
        (void)chan_flush(chan, NULL);
}

/* ------------------------------------------------------------ messages --- */

static bool on_load(const struct frame *f)
{
    if (!load_generation(f->payload, f->len))
        return false;
    gave_back_ns = 0;
    send_frame(MSG_LOADED, f->generation);
    return true;
}

static bool on_probe(const struct frame *f)
{
    struct msg_probe ask;
    struct arena *arena = arena_new();
    bool ok = msg_get_probe(f->payload, f->len, arena, &ask);
    if (ok)
        probe_ask(&ask, f->generation);
    arena_free(arena);
    return ok;
}

static bool on_triggered(const struct frame *f)
{
    struct msg_triggered answer;
    struct arena *arena = arena_new();
    bool ok = msg_get_triggered(f->payload, f->len, arena, &answer);
    if (ok)
        trigger_answer(&answer);
    arena_free(arena);
    return ok;
}

static bool on_ping(const struct frame *f)
{
    send_frame(MSG_PONG, f->generation);
    return true;
}

static bool on_frame(void *arg, const struct frame *f)
{
    (void)arg;
    switch (f->type) {
    case MSG_PING: return on_ping(f);
    case MSG_LOAD: return on_load(f);
    case MSG_PROBE: return on_probe(f);
    case MSG_TRIGGERED: return on_triggered(f);
    case MSG_COMMAND_DONE: return exec_done(f->payload, f->len);
    default: return false;
    }
}

static void follow(enum chan_status status, const struct err *err)
{
    if (status == CHAN_OPEN)
        return;
    log_set_sink(NULL); /* nobody is there to hear it */
    if (status == CHAN_BROKEN) {
        log_error("%s", err->text);
        exit_status = 3;
    }
    loop_stop();
}

/* Nothing will come before the beat that it could gather. */
static bool waits_in_vain(void)
{
    return !probe_is_running() && loop_timer_is_next(&beat);
}

static void flush(void)
{
    struct err err;
    if (!pressing && !waits_in_vain() && (chan_events & EPOLLOUT) == 0)
        return;
    pressing = false;
    loop_timer_stop(&beat);
    follow(chan_flush(chan, &err), &err);
    uint32_t wanted = EPOLLIN | (chan_wants_write(chan) ? EPOLLOUT : 0u);
    if (wanted == chan_events)
        return;
    chan_events = wanted;
    if (!loop_rewatch(chan_fd(chan), wanted, &chan_source))
        die("the channel cannot be watched");
}

static void on_channel(struct loop_source *source, uint32_t events)
{
    (void)source;
    struct err err;
    if (events & (EPOLLIN | EPOLLHUP | EPOLLERR))
        follow(chan_receive(chan, on_frame, NULL, &err), &err);
}

/* --------------------------------------------------------------- turns --- */

/* Probes that piled up leave holes, which glibc keeps: a rush of 2,000 left 50
 * MB behind; and so does a generation that is over. */
static void give_back(void)
{
    int64_t now = loop_turn_ns();
    if (now - gave_back_ns < TRIM_NS)
        return;
    gave_back_ns = now;
    malloc_trim(0);
}

/* Main ends us, outside any callback, and has our probes made again. */
static void retire(const char *why)
{
    struct err err;
    enum chan_status status = CHAN_OPEN;
    msg_put_text(&payload, why);
    send_frame(MSG_RETIRE, 0);
    while (status == CHAN_OPEN && chan_wants_write(chan)) {
        struct pollfd p = {chan_fd(chan), POLLOUT, 0};
        poll(&p, 1, -1);
        status = chan_flush(chan, &err);
    }
    if (status != CHAN_OPEN) {
        follow(status, &err);
        return;
    }
    for (;;)
        pause(); /* main kills us, or dies and takes us along */
}

/* With another one, numbers would be read and written with commas, by all. */
static void keep_locale(void)
{
    char text[120];
    const char *locale = setlocale(LC_ALL, NULL);
    if (locale == NULL || strcmp(locale, "C") == 0)
        return;
    setlocale(LC_ALL, "C");
    snprintf(text, sizeof text, "plugin %s: it changed the locale; set back",
             plugin_name(box_plugin()));
    tell_log(LOG_LEVEL_ERROR, 0, text);
}

/* Whoever was under way while the loop stood still has measured that, too. */
static void on_turn_began(int64_t lag_ns)
{
    if (lag_ns > DISTURBED_NS)
        probe_disturb_all(0, lag_ns);
}

static void on_turn_ended(int64_t busy_ns)
{
    int64_t longest_ns;
    uint64_t culprit = box_longest(&longest_ns);
    load_bury();
    watch_bury();
    keep_locale();
    give_back();
    if (view_outdated() != NULL)
        retire(view_outdated());
    if (load_reopened() != NULL)
        retire(load_reopened());
    if (busy_ns > DISTURBED_NS)
        probe_disturb_all(busy_ns - longest_ns <= DISTURBED_NS ? culprit : 0,
                          busy_ns);
    if (!probe_is_running())
        loop_timer_stop(&pulse);
    else if (!heap_has(&pulse.node))
        loop_timer_set(&pulse, clock_mono_ns() + PULSE_NS);
}

/* ------------------------------------------------------------ begin and end */

static void ignore(int number) { (void)number; }

/* Signals from a terminal or a service manager are for main, which closes our
 * channel. A handler, unlike SIG_IGN, is not inherited by what plugins start.
 */
static void set_signals(void)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
    struct sigaction action = {.sa_handler = ignore, .sa_flags = SA_RESTART};
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
        sigaction(numbers[i], &action, NULL);
    signal(SIGPIPE, SIG_IGN);
}

/* What a plugin prints goes to the log, not into somebody's JSON. */
static void harden(void)
{
    struct rlimit files;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (!harden_rights())
        die("capabilities cannot be given up: %s", strerror(errno));
    harden_tasks(TASKS);
    harden_heap(HEAP_BYTES);
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    set_signals();
    dup2(STDERR_FILENO, STDOUT_FILENO);
}

static void open_all(void)
{
    log_init("worker");
    harden();
    loop_open();
    box_open(ROLE_FD_BLACKBOX);
    chan = chan_new(ROLE_FD_CHAN, QUEUE_BYTES);
    log_set_sink(log_sink);
    chan_source.ready = on_channel;
    beat.fire = on_beat;
    pulse.fire = on_pulse;
    if (!loop_watch(ROLE_FD_CHAN, EPOLLIN, &chan_source))
        die("the channel cannot be watched");
    resolve_open();
    judge_open();
}

/* A plugin that hangs now is not waited for: the alarm ends us. */
static void close_all(void)
{
    log_set_sink(NULL);
    box_close();
    alarm(END_SECONDS);
    probe_close();
    load_close();
    watch_close();
    resolve_close();
    judge_close();
    loop_close();
    chan_free(chan);
    buf_free(&payload);
    alarm(0);
}

int worker_main(void)
{
    static const struct loop_hooks hooks = {flush, on_turn_began,
                                            on_turn_ended};
    open_all();
    loop_run(&hooks);
    close_all();
    return exit_status;
}
