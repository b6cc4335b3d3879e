/* worker/host.c: the functions that a plugin calls: struct rlv_host of
 * relevo/plugin.h, whose sentences are the contract. Here calls are checked
 * (is the probe alive? may a blocking plugin ask for that?) and handed on. */
#include "worker/host.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/str.h"
#include "model/fault.h"
#include "worker/box.h"
#include "worker/judge.h"
#include "worker/load.h"
#include "worker/probe.h"
#include "worker/resolve.h"
#include "worker/tell.h"
#include "worker/trigger.h"

/* A scope that nothing comes of: what a call that must not be returns. */
static struct rlv_scope *no_scope(void)
{
    static struct rlv_scope none;
    if (none.arena == NULL)
        none.arena = arena_new();
    none.state = SCOPE_OVER;
    none.plugin = box_plugin();
    return &none;
}

/* blocking() may use only some of the functions. */
static bool is_allowed(const char *function)
{
    char text[160];
    if (box_callback() != BLACKBOX_BLOCKING)
        return true;
    snprintf(text, sizeof text,
             "plugin %s: %s() must not be called in "
             "blocking()",
             plugin_name(box_plugin()), function);
    tell_log(LOG_LEVEL_ERROR, 0, text);
    return false;
}

/* The probe is over only when its scope is: deferred calls may still ask. */
static bool exists(const struct rlv_probe *p, const char *function)
{
    return (p != NULL && p->state == PROBE_ENDING) ||
           probe_is_live(p, function);
}

/* ---------------------------------------------------------------- time --- */

static int64_t host_now(void) { return clock_mono_ns(); }

static int64_t host_deadline(const struct rlv_probe *p)
{
    return exists(p, "deadline") ? p->deadline_ns : 0;
}

/* -------------------------------------------------------------- scopes --- */

static struct rlv_scope *host_probe_scope(struct rlv_probe *p)
{
    return exists(p, "probe_scope") ? &p->scope : no_scope();
}

static struct rlv_scope *host_check_scope(struct rlv_probe *p)
{
    return is_allowed("check_scope") && exists(p, "check_scope")
               ? &p->check->scope
               : no_scope();
}

static struct rlv_scope *host_worker_scope(void)
{
    struct plugin *plugin = box_plugin();
    return plugin != NULL && is_allowed("worker_scope") ? &plugin->scope
                                                        : no_scope();
}

static void *host_alloc(struct rlv_scope *s, size_t n)
{
    return scope_alloc(s, n);
}

static void host_defer(struct rlv_scope *s, void (*fn)(void *), void *arg)
{
    if (s->state != SCOPE_OVER)
        scope_defer(s, fn, arg);
}

/* The size should be the same each time; a larger one gets a copy. */
static void *host_keep(struct rlv_probe *p, size_t n)
{
    if (!exists(p, "keep"))
        return scope_alloc(no_scope(), n);
    struct check *c = p->check;
    if (c->kept == NULL || n > c->kept_bytes) {
        void *fresh = scope_alloc(&c->scope, n);
        if (c->kept != NULL)
            memcpy(fresh, c->kept, c->kept_bytes);
        c->kept = fresh;
        c->kept_bytes = n;
    }
    return c->kept;
}

/* ------------------------------------------------------------- watches --- */

static struct rlv_watch *host_watch(struct rlv_scope *s, int fd, int events,
                                    rlv_event_fn *fn, void *arg)
{
    return watch_fd(is_allowed("watch") ? s : no_scope(), fd, events, fn, arg);
}

static struct rlv_watch *host_timer(struct rlv_scope *s, int64_t after_ns,
                                    rlv_event_fn *fn, void *arg)
{
    return watch_timer(is_allowed("timer") ? s : no_scope(), after_ns, fn, arg);
}

static void host_rearm(struct rlv_watch *w, int events, int64_t after_ns)
{
    if (w != NULL)
        watch_rearm(w, events, after_ns);
}

static void host_unwatch(struct rlv_watch *w)
{
    if (w != NULL)
        watch_end(w);
}

static void host_serving(struct rlv_probe *p)
{
    box_serving(p == NULL ? 0 : p->ask.probe);
}

static void host_effects(struct rlv_probe *p)
{
    if (exists(p, "effects"))
        box_effects(p->ask.probe);
}

static void host_resolve(struct rlv_probe *p, const char *name, uint16_t port,
                         int family, rlv_addr_fn *fn, void *arg)
{
    if (!is_allowed("resolve") || !probe_is_live(p, "resolve"))
        return;
    if (name == NULL)
        probe_breach(p, "it asked for the address of NULL");
    else
        resolve_ask(p, name, port, family, fn, arg);
}

/* -------------------------------------------------------- observations --- */

/* Who watches a probe sees all that it can show at no cost, and what a
 * scheduled one would store. */
static bool host_wants(const struct rlv_probe *p, unsigned field)
{
    if (!probe_is_live(p, "wants"))
        return false;
    const struct catalog *catalog = p->check->plugin->catalog;
    if (field >= catalog->own_field_count)
        return false;
    bool only_if_asked = (catalog->fields[field].flags & RLV_COSTLY) != 0 &&
                         (catalog->fields[field].flags & RLV_RECORDED) != 0;
    return p->check->wanted[field] ||
           ((p->ask.flags & PROBE_TRACE) != 0 && !only_if_asked);
}

static void host_phase(struct rlv_probe *p, enum rlv_phase phase,
                       int64_t spent_ns)
{
    if (!probe_is_live(p, "phase"))
        return;
    if ((unsigned)phase >= RLV_PH_COUNT) {
        probe_breach(p, "it named phase %u", (unsigned)phase);
        return;
    }
    int64_t *sum = &p->result->phases_ns[phase];
    if (spent_ns < 0)
        spent_ns = 0;
    *sum = (*sum == RESULT_NO_PHASE ? 0 : *sum) + spent_ns;
}

static void host_observe(struct rlv_probe *p, unsigned field,
                         struct rlv_value v)
{
    if (probe_is_live(p, "observe"))
        probe_observe(p, field, NULL, v);
}

static void host_observe_key(struct rlv_probe *p, unsigned field,
                             const char *key, struct rlv_value v)
{
    if (!probe_is_live(p, "observe_key"))
        return;
    if (key == NULL)
        probe_breach(p, "it observed a key that is NULL");
    else
        probe_observe(p, field, key, v);
}

/* -------------------------------------------------------------- faults --- */

static bool may_set(struct rlv_probe *p, enum rlv_fault fault,
                    const char *function)
{
    const struct fault_info *info = fault_info(fault);
    if (info->number == fault && !info->core_only)
        return true;
    if (fault != RLV_F_NONE && trigger_ended_as(p, fault))
        return true;
    probe_breach(p, "%s() with %s, which is not a plugin's to set", function,
                 info->number == fault ? info->name : "an unknown fault");
    return false;
}

static void host_fault(struct rlv_probe *p, enum rlv_fault fault,
                       const char *code, int sys, const char *fmt, ...)
{
    if (!probe_is_live(p, "fault") || !may_set(p, fault, "fault"))
        return;
    va_list ap;
    va_start(ap, fmt);
    probe_faultv(p, fault, code, sys, fmt, ap);
    va_end(ap);
}

static void host_hint(struct rlv_probe *p, enum rlv_fault fault,
                      const char *code, const char *fmt, ...)
{
    if (!probe_is_live(p, "hint") || !may_set(p, fault, "hint"))
        return;
    va_list ap;
    va_start(ap, fmt);
    probe_hintv(p, fault, code, fmt, ap);
    va_end(ap);
}

static void host_evidence(struct rlv_probe *p, const char *label,
                          const void *bytes, size_t len)
{
    if (probe_is_live(p, "evidence"))
        probe_evidence(p, label == NULL ? "" : label, bytes, len);
}

/* TRACE is for a probe that someone watches. */
static void host_log(struct rlv_probe *p, enum rlv_level level, const char *fmt,
                     ...)
{
    static const enum log_level levels[] = {
        [RLV_LOG_TRACE] = LOG_LEVEL_DEBUG,
        [RLV_LOG_INFO] = LOG_LEVEL_INFO,
        [RLV_LOG_WARNING] = LOG_LEVEL_WARN,
        [RLV_LOG_ERROR] = LOG_LEVEL_ERROR,
    };
    if (p != NULL && !exists(p, "log"))
        return;
    if (level == RLV_LOG_TRACE &&
        (p == NULL || (p->ask.flags & PROBE_TRACE) == 0))
        return;
    char raw[1024], clean[1100];
    int n = snprintf(raw, sizeof raw, "plugin %s: ", plugin_name(box_plugin()));
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(raw + n, sizeof raw - (size_t)n, fmt, ap);
    va_end(ap);
    str_clean(clean, sizeof clean, raw, strlen(raw));
    tell_log((unsigned)level < ARRAY_LEN(levels) ? levels[level]
                                                 : LOG_LEVEL_ERROR,
             p == NULL ? 0 : p->check->id, clean);
}

static bool host_another(struct rlv_probe *p)
{
    if (!is_allowed("another") || !probe_is_live(p, "another") ||
        !judge_is_well(p))
        return false;
    probe_forget(p);
    return true;
}

static void host_trigger(struct rlv_probe *p, const char *check,
                         const struct rlv_pair *values, size_t count,
                         rlv_trigger_fn *fn, void *arg)
{
    if (is_allowed("trigger") && probe_is_live(p, "trigger"))
        trigger_ask(p, check, values, count, fn, arg);
}

/* ----------------------------------------------------------------- end --- */

static void host_done(struct rlv_probe *p)
{
    if (!probe_is_live(p, "done"))
        return;
    if (box_callback() == BLACKBOX_BLOCKING)
        probe_breach(p, "it called done() in blocking()");
    else
        probe_finish(p);
}

const struct rlv_host worker_host = {
    .size = (uint32_t)sizeof(struct rlv_host),
    .major = RLV_ABI_MAJOR,
    .minor = RLV_ABI_MINOR,
    .now = host_now,
    .deadline = host_deadline,
    .probe_scope = host_probe_scope,
    .check_scope = host_check_scope,
    .worker_scope = host_worker_scope,
    .alloc = host_alloc,
    .defer = host_defer,
    .keep = host_keep,
    .watch = host_watch,
    .timer = host_timer,
    .rearm = host_rearm,
    .unwatch = host_unwatch,
    .serving = host_serving,
    .effects = host_effects,
    .resolve = host_resolve,
    .wants = host_wants,
    .phase = host_phase,
    .observe = host_observe,
    .observe_key = host_observe_key,
    .fault = host_fault,
    .hint = host_hint,
    .evidence = host_evidence,
    .log = host_log,
    .done = host_done,
    .trigger = host_trigger,
    .another = host_another,
};
