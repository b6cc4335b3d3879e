/* runner/sweep.c: see sweep.h. */
#include "runner/sweep.h"

#include <signal.h>
#include <unistd.h>

static void note_survivor(struct sweep *s, pid_t pid)
{
    if (!proc_list_has(&s->survivors, pid))
        proc_list_add(&s->survivors, pid);
}

/* SIGCONT lets a stopped process see its SIGTERM. */
static void ask(struct sweep *s, pid_t pid)
{
    if (proc_list_has(&s->asked, pid))
        return;
    proc_list_add(&s->asked, pid);
    kill(pid, SIGTERM);
    kill(pid, SIGCONT);
}

static void signal_all(struct sweep *s, pid_t script)
{
    struct proc_list all = {0};
    proc_descendants(getpid(), &all);
    if (s->phase == SWEEP_KILL && script > 0)
        kill(-script, SIGKILL);
    for (size_t i = 0; i < all.count; i++) {
        if (script == 0)
            note_survivor(s, all.pids[i]);
        if (s->phase == SWEEP_KILL)
            kill(all.pids[i], SIGKILL);
        else
            ask(s, all.pids[i]);
    }
    proc_list_free(&all);
}

void sweep_begin(struct sweep *s, pid_t script, int64_t now_ns,
                 int64_t grace_ns)
{
    s->phase = SWEEP_TERM;
    s->kill_ns = now_ns + grace_ns;
    signal_all(s, script);
}

void sweep_tick(struct sweep *s, pid_t script, int64_t now_ns)
{
    if (s->phase == SWEEP_TERM && now_ns >= s->kill_ns) {
        s->phase = SWEEP_KILL;
        s->give_up_ns = now_ns + SWEEP_LONGEST_NS;
    }
    if (s->phase == SWEEP_KILL && now_ns >= s->give_up_ns) {
        s->phase = SWEEP_OVER;
        return;
    }
    signal_all(s, script);
}

void sweep_free(struct sweep *s)
{
    proc_list_free(&s->survivors);
    proc_list_free(&s->asked);
}
