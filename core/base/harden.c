/* base/harden.c: see harden.h. */
#include "base/harden.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/proc.h"

/* A limit on core files is not enough: where core_pattern is a pipe, as with
 * systemd-coredump, the kernel does not ask for it. */
void harden_memory(void)
{
    const struct rlimit none = {0, 0};
    if (getenv("RELEVO_DUMPABLE") != NULL)
        return;
    setrlimit(RLIMIT_CORE, &none);
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

void harden_oom(int score)
{
    char text[16];
    int n = snprintf(text, sizeof text, "%d", score);
    int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return; /* a wish only */
    (void)!write(fd, text, (size_t)n);
    close(fd);
}

static bool drop_capabilities(void)
{
    struct __user_cap_header_struct header = {.version =
                                                  _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct none[2] = {0};
    for (int cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++)
        prctl(PR_CAPBSET_DROP, cap, 0, 0, 0); /* who may not has none */
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    return syscall(SYS_capset, &header, none) == 0;
}

bool harden_rights(void)
{
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && drop_capabilities();
}

void harden_heap(size_t bytes)
{
#ifndef RELEVO_SANITIZED
    struct rlimit limit;
    if (getrlimit(RLIMIT_DATA, &limit) != 0 || limit.rlim_cur <= bytes)
        return;
    limit.rlim_cur = limit.rlim_max = bytes;
    setrlimit(RLIMIT_DATA, &limit);
#else
    (void)bytes;
#endif
}

/* The fourth field of /proc/loadavg is "running/all". The kernel counts by
 * user, we by machine: so nobody is refused what he has already. */
unsigned long harden_count_tasks(void)
{
    char text[128];
    unsigned long all = 0;
    if (proc_read("/proc/loadavg", text, sizeof text) < 0)
        return 0;
    const char *slash = strchr(text, '/');
    if (slash != NULL)
        all = strtoul(slash + 1, NULL, 10);
    return all;
}

void harden_tasks(unsigned more)
{
    harden_tasks_beyond(harden_count_tasks(), more);
}

void harden_tasks_beyond(unsigned long now, unsigned more)
{
    struct rlimit limit;
    if (now == 0 || getrlimit(RLIMIT_NPROC, &limit) != 0)
        return;
    if (limit.rlim_cur > now + more)
        limit.rlim_cur = now + more;
    if (limit.rlim_max > limit.rlim_cur)
        limit.rlim_max = limit.rlim_cur;
    setrlimit(RLIMIT_NPROC, &limit);
}
