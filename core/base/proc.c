/* base/proc.c: see proc.h. */
#include "base/proc.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"

enum { MOST_PROCESSES = 4096 };

ssize_t proc_read(const char *path, char *out, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    ssize_t n = read(fd, out, size - 1);
    close(fd);
    out[n < 0 ? 0 : n] = '\0';
    return n;
}

const char *proc_boot_id(char out[PROC_BOOT_ID])
{
    if (proc_read("/proc/sys/kernel/random/boot_id", out, PROC_BOOT_ID) < 0)
        out[0] = '\0';
    out[strcspn(out, "\n")] = '\0';
    return out;
}

/* proc(5): "pid (comm) state ppid …"; comm may hold anything, so count from
 * the last parenthesis. */
bool proc_look(pid_t pid, int64_t *start, char *state)
{
    char path[64], text[1024];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    if (proc_read(path, text, sizeof text) <= 0)
        return false;
    char *at = strrchr(text, ')');
    char letter;
    long long ticks;
    if (at == NULL ||
        sscanf(at + 1,
               " %c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s"
               " %*s %*s %*s %*s %lld",
               &letter, &ticks) != 2)
        return false;
    if (start != NULL)
        *start = ticks;
    if (state != NULL)
        *state = letter;
    return true;
}

bool proc_is_alive(pid_t pid, int64_t start)
{
    int64_t seen;
    char state;
    return pid > 0 && proc_look(pid, &seen, &state) && seen == start &&
           state != 'Z' && state != 'X';
}

/* statm: "size resident …", in pages. */
size_t proc_memory(pid_t pid)
{
    char path[64], text[128];
    snprintf(path, sizeof path, "/proc/%d/statm", (int)pid);
    unsigned long pages = 0;
    if (proc_read(path, text, sizeof text) > 0)
        (void)!sscanf(text, "%*s %lu", &pages);
    return pages * (size_t)sysconf(_SC_PAGESIZE);
}

/* ----------------------------------------------------------- marked --- */

enum { ENVIRONMENT = 256 * 1024, PAUSE_US = 10000 };

static bool has_entry(const char *text, size_t n, const char *entry)
{
    size_t len = strlen(entry);
    for (const char *at = text, *end = text + n; at < end;) {
        size_t left = (size_t)(end - at), this = strnlen(at, left);
        if (this == len && memcmp(at, entry, len) == 0)
            return true;
        at += this + 1;
    }
    return false;
}

static bool is_marked(pid_t pid, const char *entry, char *text)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/environ", (int)pid);
    ssize_t n = proc_read(path, text, ENVIRONMENT);
    return n > 0 && has_entry(text, (size_t)n, entry);
}

/* The pidfd is of the very process whose environment is then read: a number
 * that is given to another one meanwhile harms nobody. */
static bool kill_if_marked(pid_t pid, const char *entry, char *text)
{
    if (pid == getpid() || !is_marked(pid, entry, text))
        return false;
    int fd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (fd < 0)
        return false;
    bool marked = is_marked(pid, entry, text);
    if (marked)
        syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0);
    close(fd);
    return marked;
}

static size_t kill_marked_once(const char *entry, char *text)
{
    size_t count = 0;
    DIR *proc = opendir("/proc");
    for (struct dirent *e; proc != NULL && (e = readdir(proc)) != NULL;) {
        int pid = atoi(e->d_name);
        count += pid > 0 && kill_if_marked(pid, entry, text);
    }
    if (proc != NULL)
        closedir(proc);
    return count;
}

size_t proc_kill_marked(const char *entry, int64_t limit_ns)
{
    char *text = xmalloc(ENVIRONMENT);
    int64_t until_ns = clock_mono_ns() + limit_ns;
    size_t count = 0, found;
    while ((found = kill_marked_once(entry, text)) > 0) {
        count += found;
        if (clock_mono_ns() >= until_ns)
            break;
        usleep(PAUSE_US);
    }
    free(text);
    return count;
}

/* ------------------------------------------------------ descendants --- */

void proc_list_free(struct proc_list *l)
{
    free(l->pids);
    *l = (struct proc_list){0};
}

void proc_list_add(struct proc_list *l, pid_t pid)
{
    l->pids = xgrow(l->pids, l->count, &l->cap, sizeof *l->pids);
    l->pids[l->count++] = pid;
}

bool proc_list_has(const struct proc_list *l, pid_t pid)
{
    for (size_t i = 0; i < l->count; i++)
        if (l->pids[i] == pid)
            return true;
    return false;
}

static void add_children_of_thread(pid_t pid, const char *thread,
                                   struct proc_list *found)
{
    char path[320];
    snprintf(path, sizeof path, "/proc/%d/task/%s/children", (int)pid, thread);
    FILE *f = fopen(path, "re");
    if (f == NULL)
        return;
    int child;
    while (found->count < MOST_PROCESSES && fscanf(f, "%d", &child) == 1)
        if (!proc_list_has(found, child))
            proc_list_add(found, child);
    fclose(f);
}

void proc_children(pid_t pid, struct proc_list *found)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
    DIR *dir = opendir(path);
    if (dir == NULL)
        return;
    struct dirent *entry;
    while ((entry = readdir(dir)) != NULL)
        if (entry->d_name[0] != '.')
            add_children_of_thread(pid, entry->d_name, found);
    closedir(dir);
}

void proc_descendants(pid_t pid, struct proc_list *out)
{
    struct proc_list found = {0};
    proc_children(pid, &found);
    for (size_t i = 0; i < found.count; i++)
        proc_children(found.pids[i], &found);
    for (size_t i = 0; i < found.count; i++) {
        char state;
        if (proc_look(found.pids[i], NULL, &state) && state != 'Z' &&
            state != 'X')
            proc_list_add(out, found.pids[i]);
    }
    proc_list_free(&found);
}
