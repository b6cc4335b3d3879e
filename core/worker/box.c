/* worker/box.c: see box.h. */
#include "worker/box.h"

#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "worker/load.h"

static struct blackbox *page;
static struct box_frame now; /* what the page says */
static uint64_t served;      /* told by serving() */
static struct plugin *last_plugin, *named;
static bool closing;
static int64_t longest_ns;
static uint64_t longest_probe;

#define STORE(field, value) \
    atomic_store_explicit(&page->field, value, memory_order_relaxed)

/* --------------------------------------------------------------- deaths --- */

static const int deadly[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT};
static struct sigaction usual[ARRAY_LEN(deadly)];
static pid_t loop_thread;

/* Then as if we had not been here: what failed is done again, or what was sent
 * is sent again, and ends the process. */
static void on_deadly(int number, siginfo_t *info, void *context)
{
    pid_t me = (pid_t)syscall(SYS_gettid);
    (void)context;
    if (me != loop_thread)
        STORE(foreign, 1);
    for (size_t i = 0; i < ARRAY_LEN(deadly); i++)
        if (deadly[i] == number)
            sigaction(number, &usual[i], NULL);
    if (info->si_code <= 0)
        syscall(SYS_tgkill, getpid(), me, number);
}

/* Where a stack has overflown there is no room for a handler on it. */
static void watch_deaths(void)
{
    static char room[16384];
    stack_t other = {0}, mine = {.ss_sp = room, .ss_size = sizeof room};
    struct sigaction action = {.sa_flags = SA_SIGINFO | SA_ONSTACK};
    loop_thread = (pid_t)syscall(SYS_gettid);
    action.sa_sigaction = on_deadly;
    if (sigaltstack(NULL, &other) == 0 && (other.ss_flags & SS_DISABLE))
        sigaltstack(&mine, NULL);
    for (size_t i = 0; i < ARRAY_LEN(deadly); i++)
        sigaction(deadly[i], &action, &usual[i]);
}

void box_open(int fd)
{
    void *map =
        mmap(NULL, sizeof *page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    page = map == MAP_FAILED ? xcalloc(1, sizeof *page) : map;
    watch_deaths();
}

/* ------------------------------------------------------------ callbacks --- */

static void show(void)
{
    /* A plugin's name is known only once it is loaded. */
    if (now.callback != BLACKBOX_NONE &&
        (now.plugin != named || now.callback <= BLACKBOX_INIT)) {
        snprintf(page->plugin, sizeof page->plugin, "%s",
                 plugin_name(now.plugin));
        named = now.plugin;
    }
    STORE(probe, served != 0 ? served : now.probe);
    STORE(callback, now.callback);
    atomic_store_explicit(&page->entered_ns, now.entered_ns,
                          memory_order_release);
}

struct box_frame box_enter(enum blackbox_callback callback,
                           struct plugin *plugin, uint64_t probe)
{
    struct box_frame before = now;
    if (before.callback == BLACKBOX_NONE)
        served = 0;
    now = (struct box_frame){callback, probe, clock_mono_ns(), plugin};
    if (plugin != NULL)
        last_plugin = plugin;
    show();
    return before;
}

static void remember(uint64_t probe, int64_t ended_ns)
{
    uint32_t newest = atomic_load_explicit(&page->newest, memory_order_relaxed);
    if (atomic_load_explicit(&page->recent[newest].probe,
                             memory_order_relaxed) != probe)
        newest = (newest + 1) % BLACKBOX_RECENT;
    STORE(recent[newest].probe, probe);
    STORE(recent[newest].callback, now.callback);
    STORE(recent[newest].ended_ns, ended_ns);
    STORE(newest, newest);
}

static void leave_last(void)
{
    int64_t ended_ns = clock_mono_ns();
    uint64_t probe = served != 0 ? served : now.probe;
    if (ended_ns - now.entered_ns > longest_ns) {
        longest_ns = ended_ns - now.entered_ns;
        longest_probe = probe;
    }
    if (probe != 0 && !closing)
        remember(probe, ended_ns);
    served = 0;
}

void box_leave(const struct box_frame *before)
{
    if (before->callback == BLACKBOX_NONE)
        leave_last();
    now = *before;
    if (now.plugin != NULL)
        last_plugin = now.plugin;
    show();
}

void box_close(void) { closing = true; }

void box_serving(uint64_t probe)
{
    served = probe;
    STORE(probe, served != 0 ? served : now.probe);
}

void box_effects(uint64_t probe)
{
    STORE(effects[probe % BLACKBOX_EFFECTS], probe);
}

struct plugin *box_plugin(void) { return last_plugin; }

enum blackbox_callback box_callback(void)
{
    return (enum blackbox_callback)now.callback;
}

int64_t box_entered_ns(void) { return now.entered_ns; }

uint64_t box_longest(int64_t *took_ns)
{
    uint64_t probe = longest_probe;
    *took_ns = longest_ns;
    longest_ns = 0;
    longest_probe = 0;
    return probe;
}
