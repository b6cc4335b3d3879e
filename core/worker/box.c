/* worker/box.c: see box.h. */
#include "worker/box.h"

#include <stdio.h>
#include <sys/mman.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "worker/load.h"

static struct blackbox *page;
static struct box_frame now; /* what the page says */
static uint64_t served;      /* told by serving() */
static struct plugin *last_plugin, *named;
static int64_t longest_ns;
static uint64_t longest_probe;

void box_open(int fd)
{
    void *map =
        mmap(NULL, sizeof *page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    page = map == MAP_FAILED ? xcalloc(1, sizeof *page) : map;
}

#define STORE(field, value) \
    atomic_store_explicit(&page->field, value, memory_order_relaxed)

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

void box_leave(const struct box_frame *before)
{
    if (before->callback == BLACKBOX_NONE) {
        int64_t took_ns = clock_mono_ns() - now.entered_ns;
        if (took_ns > longest_ns) {
            longest_ns = took_ns;
            longest_probe = served != 0 ? served : now.probe;
        }
        served = 0;
    }
    now = *before;
    if (now.plugin != NULL)
        last_plugin = now.plugin;
    show();
}

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
