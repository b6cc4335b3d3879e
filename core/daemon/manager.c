/* daemon/manager.c: how the daemon fares, for a service manager that asked
 * (Type=notify): ready, reloading, stopping, a status line, and the watchdog's
 * food.
 *
 * Happy path: open → READY once the first checks are loaded → WATCHDOG every
 * third of the manager's period → STOPPING.
 *
 * Fed are only two that both move: the scheduler (this very loop, and the wake
 * that the model asked for has come) and the store's writer (it waits for
 * records, waits for a disk that refuses, or has gone on since we looked). A
 * full disk is no reason to be restarted: what waits in memory would be lost.
 * Ways it can fail: main's loop stands still, the writer hangs in a system call
 * or is gone. Then nothing is sent, and the manager kills and restarts us. */
#include <stdlib.h>

#include "base/human.h"
#include "base/mem.h"
#include "base/notify.h"
#include "daemon/internal.h"

struct manager {
    struct notify notify;
    uv_timer_t feed;
    uint64_t turns;   /* of the writer, when we last looked */
    int64_t moved_ns; /* when it was last seen to be fine, or to move */
    bool starving;    /* told that it is not fed */
};

/* Half the period: the manager must not wait much longer than it said. */
static int64_t patience_ns(const struct manager *m)
{
    return m->notify.watchdog_ns / 2;
}

static bool writer_moves(struct daemon *d, int64_t now_ns)
{
    struct manager *m = d->manager;
    struct store_pulse pulse = store_pulse(d->store);
    if (pulse.waits || pulse.turns != m->turns)
        m->moved_ns = now_ns;
    m->turns = pulse.turns;
    return now_ns - m->moved_ns <= patience_ns(m);
}

static bool scheduler_ticks(const struct daemon *d, int64_t now_ns)
{
    return d->wake_due_ns == MODEL_NEVER ||
           now_ns - d->wake_due_ns <= patience_ns(d->manager);
}

static void on_feed(uv_timer_t *timer)
{
    struct daemon *d = timer->data;
    struct manager *m = d->manager;
    int64_t now_ns = clock_mono_ns();
    bool writes = writer_moves(d, now_ns), ticks = scheduler_ticks(d, now_ns);
    if (writes && ticks)
        notify_send(&m->notify, "WATCHDOG=1");
    else if (!m->starving)
        log_error("the %s does not move: the watchdog is not fed any more",
                  writes ? "scheduler" : "history's writer");
    m->starving = !writes || !ticks;
}

static void say_status(const struct daemon *d, const char *prefix)
{
    char checks[HUMAN_TEXT];
    notify_send(&d->manager->notify, "%sSTATUS=watching %s", prefix,
                human_count(d->conf->check_count, "check", checks));
}

void manager_open(struct daemon *d)
{
    d->manager = xcalloc(1, sizeof *d->manager);
    notify_open(&d->manager->notify);
    uv_timer_init(&d->loop, &d->manager->feed);
    d->manager->feed.data = d;
}

void manager_ready(struct daemon *d)
{
    struct manager *m = d->manager;
    uint64_t ms = (uint64_t)(m->notify.watchdog_ns / NS_PER_MS / 3);
    say_status(d, "READY=1\n");
    m->moved_ns = clock_mono_ns();
    if (m->notify.watchdog_ns > 0)
        uv_timer_start(&m->feed, on_feed, 0, ms > 0 ? ms : 1);
}

void manager_reloading(struct daemon *d)
{
    notify_send(&d->manager->notify,
                "RELOADING=1\nMONOTONIC_USEC=%lld\nSTATUS=reloading",
                (long long)(clock_mono_ns() / NS_PER_US));
}

void manager_reloaded(struct daemon *d, bool refused)
{
    if (refused)
        notify_send(&d->manager->notify,
                    "READY=1\nSTATUS=the new configuration is refused, the "
                    "old one stays; see the log");
    else
        say_status(d, "READY=1\n");
}

void manager_stopping(struct daemon *d)
{
    notify_send(&d->manager->notify, "STOPPING=1\nSTATUS=stopping");
}

/* Once the loop is closed. */
void manager_free(struct daemon *d)
{
    notify_close(&d->manager->notify);
    free(d->manager);
}
