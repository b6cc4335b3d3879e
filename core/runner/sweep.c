/* runner/sweep.c: see sweep.h. */
#include "runner/sweep.h"

#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

enum {
    PASSES = 32, /* of SIGKILL before we look at anything else */
    CROWD = 64,  /* so many may outrun us */
    MOST_NOTED = 4096
};

static void note_survivor(struct sweep *s, pid_t pid)
{
    if (s->survivors.count < MOST_NOTED && !proc_list_has(&s->survivors, pid))
        proc_list_add(&s->survivors, pid);
}

/* SIGCONT lets a stopped process see its SIGTERM. */
static void ask(struct sweep *s, pid_t pid)
{
    if (proc_list_has(&s->asked, pid))
        return;
    if (s->asked.count < MOST_NOTED)
        proc_list_add(&s->asked, pid);
    kill(pid, SIGTERM);
    kill(pid, SIGCONT);
}

/* Wishes only: as root we then run before those that fork without end. */
static void hurry(void)
{
    const struct sched_param first = {.sched_priority = 1};
    (void)setpriority(PRIO_PROCESS, 0, -20);
    (void)sched_setscheduler(0, SCHED_RR | SCHED_RESET_ON_FORK, &first);
}

/* How many there were. */
static size_t signal_all(struct sweep *s, pid_t script)
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
    size_t count = all.count;
    proc_list_free(&all);
    return count;
}

static void kill_all(struct sweep *s, pid_t script)
{
    size_t count = signal_all(s, script);
    if (count > CROWD)
        hurry();
    for (int i = 0; i < PASSES && count > 0; i++)
        count = signal_all(s, script);
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
    if (s->phase == SWEEP_KILL)
        kill_all(s, script);
    else
        signal_all(s, script);
}
