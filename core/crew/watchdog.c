/* crew/watchdog.c: ends the workers that do not end by themselves, and starts
 * again those whose delay is over. Ten looks a second.
 *
 * Happy path: a worker is inside no callback for long, answers a ping and has
 * little memory: nothing is done.
 * Ways it can fail: a callback that does not return, a blocking probe past its
 * deadline, silence, a closed channel, too much memory: the worker is killed,
 * with whom to blame, and workers.c hears of its death. We stood still
 * ourselves: nobody is late because of it. */
#include <stdio.h>

#include "base/clock.h"
#include "base/human.h"
#include "base/proc.h"
#include "crew/internal.h"

#define TICK_MS          100
#define PING_TICKS       20  /* without a ping */
#define SILENT_TICKS     100 /* without an answer to one */
#define WEIGH_TICKS      10  /* between two looks at its memory */
#define MOST_MEMORY      (512u << 20)
#define LONG_CALLBACK    (100 * NS_PER_MS)
#define STANDSTILL       (1 * NS_PER_S) /* of ourselves, between two looks */
#define LONGEST_CALLBACK (1 * NS_PER_S)
#define BLOCKING_GRACE   (100 * NS_PER_MS)

/* Somebody stopped it: it will not go on by itself. */
static bool is_stopped(const struct worker *w)
{
    char state;
    return proc_look(process_pid(w->child), NULL, &state) &&
           (state == 'T' || state == 't');
}

static void kill_worker(struct worker *w, const char *why)
{
    if (is_stopped(w))
        process_kill_for(w->child, BLAME_NOBODY, "it was stopped by a signal");
    else
        process_kill(w->child, why);
}

/* A worker that stands still outside any callback shows only by its silence.
 * Ticks are counted, not time: when we were stopped ourselves, it is not the
 * worker's fault. */
static void ping_worker(struct worker *w)
{
    struct buf nothing = {0};
    w->ticks++;
    bool silent = w->pinged && w->ticks > PING_TICKS && is_stopped(w);
    if (silent || (w->pinged && w->ticks > SILENT_TICKS)) {
        kill_worker(w, "it does not answer");
    } else if (!w->pinged && w->ticks > PING_TICKS) {
        w->pinged = true;
        w->ticks = 0;
        process_send(w->child, MSG_PING, 0, &nothing);
    }
}

/* One that leaks a little every time is replaced before the machine suffers:
 * nobody in particular did it. One that takes all at once is in a callback, and
 * named; or has reached the limit that a worker sets itself, and is named, too.
 */
static void weigh_worker(struct worker *w, int64_t now)
{
    char text[80], size[HUMAN_TEXT];
    if (w->weigh_ticks++ < WEIGH_TICKS)
        return;
    w->weigh_ticks = 0;
    size_t bytes = process_memory(w->child);
    if (bytes <= MOST_MEMORY)
        return;
    int64_t entered = atomic_load(&process_blackbox(w->child)->entered_ns);
    bool long_since = entered != 0 && now - entered > LONG_CALLBACK;
    snprintf(text, sizeof text, "it has %s of memory",
             human_size((int64_t)bytes, size));
    process_kill_for(w->child, long_since ? BLAME_RUNNING : BLAME_NOBODY, text);
}

/* What has lasted since then, but for the time in which we stood still: its
 * end may only not have been read yet. */
static int64_t lasted_ns(const struct crew *c, int64_t since_ns, int64_t now)
{
    return now - (since_ns > c->resumed_ns ? since_ns : c->resumed_ns);
}

/* A callback that does not return, a blocking probe past its deadline. */
static void watch_worker(struct worker *w, int64_t now)
{
    struct crew *c = w->crew;
    if (!w->blocking)
        ping_worker(w);
    const struct blackbox *box = process_blackbox(w->child);
    if (process_is_mute(w->child, now)) {
        process_kill_for(w->child, BLAME_LAST, "it closed its channel");
        return;
    }
    weigh_worker(w, now);
    int64_t entered =
        atomic_load_explicit(&box->entered_ns, memory_order_relaxed);
    uint32_t callback =
        atomic_load_explicit(&box->callback, memory_order_relaxed);
    if (w->blocking && w->flights != NULL) {
        const struct crew_check *check =
            crew_check(w->crew, w->flights->probe.check);
        int64_t limit = check == NULL ? 0 : check->spec->timeout_ns;
        int64_t since = w->flights->sent_ns > w->flights->probe.due_ns
                            ? w->flights->sent_ns
                            : w->flights->probe.due_ns;
        if (lasted_ns(c, since, now) > limit + BLOCKING_GRACE)
            kill_worker(w, "past its deadline");
    } else if (entered != 0 && callback != BLACKBOX_BLOCKING &&
               callback != BLACKBOX_LOAD &&
               lasted_ns(c, entered, now) > LONGEST_CALLBACK) {
        kill_worker(w, "a callback did not return within 1 s");
    }
}

static void load_again(struct crew *c)
{
    for (unsigned i = 0; i < c->worker_count + c->blocking_count; i++)
        worker_send_load(&c->workers[i]);
}

static void on_tick(uv_timer_t *timer)
{
    struct crew *c = timer->data;
    int64_t now = clock_mono_ns();
    if (c->ticked_ns != 0 && now - c->ticked_ns > STANDSTILL)
        c->resumed_ns = now;
    c->ticked_ns = now;
    if (quarantine_tick(c, now))
        load_again(c);
    for (unsigned i = 0; i < c->worker_count + c->blocking_count; i++) {
        struct worker *w = &c->workers[i];
        if (w->child != NULL)
            watch_worker(w, now);
        else if (w->respawn_ns != 0 && now >= w->respawn_ns && !w->blocking)
            worker_start(w);
        else if (w->respawn_ns != 0 && now >= w->respawn_ns)
            w->respawn_ns = 0; /* started when a probe waits */
    }
    crew_pump_blocking(c);
    runner_tick(c, now);
    web_tick(c, now);
}

void watchdog_start(struct crew *c)
{
    uv_timer_init(c->loop, &c->watchdog);
    c->watchdog.data = c;
    uv_timer_start(&c->watchdog, on_tick, TICK_MS, TICK_MS);
}
