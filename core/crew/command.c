/* crew/command.c: commands of `exec` checks, from the worker that wants one to
 * the runner, and what became of it back. A worker names a probe of its own
 * and no more: which command that is, as whom and with what, says the
 * configuration here. What a command printed is given on unread.
 *
 * Happy path: MSG_ASK_COMMAND → an order, MSG_COMMAND → MSG_COMMAND_ENDED →
 * MSG_COMMAND_DONE.
 * Ways it can fail: there is no runner, or it is lost: the worker is told that
 * the command was not started, or not finished. The worker dies: its commands
 * are stopped, and begun anew with its probes. The probe is over already: the
 * worker finds nobody who waits. */
#include <errno.h>
#include <pwd.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "crew/internal.h"
#include "model/kind.h"
#include "model/kind_exec.h"

struct command {
    struct command *next;
    uint64_t order;
    struct worker *worker;
    uint64_t probe;
};

static bool is_exec(const struct check_spec *spec)
{
    return spec->catalog != NULL && spec->catalog->path == NULL &&
           str_eq(spec->catalog->name, kind_exec.name);
}

size_t command_programs(const struct conf *conf, const char **programs)
{
    size_t n = 0;
    for (size_t i = 0; i < conf->check_count; i++) {
        const struct check_spec *spec = &conf->checks[i];
        for (size_t k = 0; is_exec(spec) && k < spec->setting_count; k++) {
            const struct rlv_list *list = &spec->settings[k].value.list;
            if (str_eq(spec->settings[k].name, "command") && list->count > 0)
                programs[n++] = list->items[0];
        }
    }
    return n;
}

/* ------------------------------------------------------------- answers --- */

static void tell_done(struct worker *w, const struct buf *payload)
{
    if (w->child != NULL)
        process_send(w->child, MSG_COMMAND_DONE, w->crew->conf->generation,
                     payload);
}

static void tell_failed(struct worker *w, uint64_t probe, const char *why)
{
    struct buf payload = {0};
    msg_put_command_ended(
        &payload, &(struct msg_command_ended){.number = probe,
                                              .how = COMMAND_NOT_STARTED,
                                              .text = why});
    tell_done(w, &payload);
    buf_free(&payload);
}

bool command_ended(struct crew *c, const struct frame *f)
{
    uint64_t order;
    struct buf payload = {0};
    if (!msg_command_number(f->payload, f->len, &order))
        return false;
    struct command **link = &c->commands;
    while (*link != NULL && (*link)->order != order)
        link = &(*link)->next;
    struct command *found = *link;
    if (found == NULL)
        return true; /* it was stopped meanwhile */
    *link = found->next;
    msg_renumber_command(&payload, f->payload, f->len, found->probe);
    tell_done(found->worker, &payload);
    buf_free(&payload);
    free(found);
    return true;
}

void commands_lost(struct crew *c, const char *why)
{
    while (c->commands != NULL) {
        struct command *lost = c->commands;
        c->commands = lost->next;
        tell_failed(lost->worker, lost->probe, why);
        free(lost);
    }
}

static void stop(struct crew *c, uint64_t order)
{
    struct buf payload = {0};
    msg_put_stop_command(&payload, order);
    if (runner_is_here(c))
        process_send(c->runner, MSG_STOP_COMMAND, 0, &payload);
    buf_free(&payload);
}

void commands_forget(struct worker *w)
{
    struct crew *c = w->crew;
    for (struct command **link = &c->commands; *link != NULL;) {
        struct command *one = *link;
        if (one->worker != w) {
            link = &one->next;
            continue;
        }
        *link = one->next;
        stop(c, one->order);
        free(one);
    }
}

/* -------------------------------------------------------------- orders --- */

/* As whom a command runs that names nobody: as main, which may have given up
 * what its runner still is. NULL: they are the same. */
static const char *own_user(struct crew *c)
{
    if (!c->runner_is_root || geteuid() == 0)
        return NULL;
    if (c->user == NULL) {
        const struct passwd *p = getpwuid(geteuid());
        c->user = xstrdup(p == NULL ? "" : p->pw_name);
    }
    return c->user;
}

static struct msg_pair *pairs_of(const struct rlv_dict *d, struct arena *arena)
{
    struct msg_pair *pairs = arena_alloc(arena, d->count * sizeof *pairs);
    for (size_t i = 0; i < d->count; i++)
        pairs[i] = (struct msg_pair){d->pairs[i].key, d->pairs[i].value};
    return pairs;
}

static bool make_order(struct crew *c, const struct check_spec *spec,
                       struct arena *arena, struct msg_command *m)
{
    struct exec_conf conf;
    struct err err;
    if (!option_fill(spec->catalog->options, spec->catalog->option_count,
                     spec->settings, spec->setting_count, &conf, arena, NULL,
                     &err))
        return false;
    m->output_bytes = conf.output_bytes;
    m->user = conf.user != NULL ? conf.user : own_user(c);
    m->argv = conf.command;
    m->environment = pairs_of(&conf.environment, arena);
    m->environment_count = conf.environment.count;
    return true;
}

static void send_order(struct worker *w, uint64_t probe,
                       const struct msg_command *m)
{
    struct crew *c = w->crew;
    struct buf payload = {0};
    struct command *new = xcalloc(1, sizeof *new);
    *new = (struct command){c->commands, m->order, w, probe};
    c->commands = new;
    msg_put_command(&payload, m);
    process_send(c->runner, MSG_COMMAND, c->conf->generation, &payload);
    buf_free(&payload);
}

static bool is_ordered(const struct crew *c, uint64_t probe)
{
    const struct command *one = c->commands;
    while (one != NULL && one->probe != probe)
        one = one->next;
    return one != NULL;
}

static void order(struct worker *w, const struct flight *f,
                  const struct check_spec *spec, int64_t deadline_ns)
{
    struct crew *c = w->crew;
    int64_t latest_ns = clock_mono_ns() + spec->timeout_ns;
    struct msg_command m = {.order = ++c->last_order,
                            .deadline_ns = deadline_ns < latest_ns ? deadline_ns
                                                                   : latest_ns};
    struct arena *arena = arena_new();
    if (!runner_wanted(c))
        tell_failed(w, f->probe.probe, "there is no runner at the moment");
    else if (!make_order(c, spec, arena, &m))
        tell_failed(w, f->probe.probe, "its options have changed");
    else
        send_order(w, f->probe.probe, &m);
    arena_free(arena);
}

bool command_ask(struct worker *w, const struct frame *f)
{
    struct msg_ask_command m;
    if (!msg_get_ask_command(f->payload, f->len, &m))
        return false;
    const struct flight *flight = crew_flight(w, m.probe);
    const struct crew_check *check =
        flight == NULL ? NULL : crew_check(w->crew, flight->probe.check);
    if (check == NULL)
        return true; /* a reload has removed it */
    if (!is_exec(check->spec) || is_ordered(w->crew, m.probe))
        return false;
    order(w, flight, check->spec, m.deadline_ns);
    return true;
}
