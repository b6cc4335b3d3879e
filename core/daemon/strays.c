/* daemon/strays.c: what a run left when its keeper was lost, and the runner
 * with it: nobody is left who has them as children. They are known by the run's
 * folder, which stands in the environment that the script was given. Called by
 * runs.c.
 *
 * Happy path: a thread of the loop's pool kills whoever has that entry, until
 * nobody is found. Ways it can fail: they run as another user, or have cleared
 * their environment: docs/security.md says so. */
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/proc.h"
#include "daemon/internal.h"

#define LONGEST_NS (5 * NS_PER_S)

struct strays {
    uv_work_t work;
    uint64_t run;
    size_t count;
    char mark[4300];
};

static void end_them(uv_work_t *work)
{
    struct strays *s = work->data;
    s->count = proc_kill_marked(s->mark, LONGEST_NS);
}

static void on_ended(uv_work_t *work, int status)
{
    struct strays *s = work->data;
    (void)status;
    if (s->count > 0)
        log_warn("run R-%llu: what was left of it was killed",
                 (unsigned long long)s->run);
    free(s);
}

void strays_end(struct daemon *d, uint64_t run)
{
    char dir[4200];
    struct strays *s = xcalloc(1, sizeof *s);
    context_run_dir(d, run, dir, sizeof dir);
    snprintf(s->mark, sizeof s->mark, "RELEVO_RUN_DIR=%s", dir);
    s->run = run;
    s->work.data = s;
    if (uv_queue_work(&d->loop, &s->work, end_them, on_ended) != 0)
        free(s);
}
