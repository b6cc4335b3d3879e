/* The floor of an exec check: a command started by posix_spawn from a small
 * program, its output read from a pipe, its end waited for.
 *
 *     bench_spawn COUNT RATE PROGRAM [ARGUMENT…]
 *
 * So many begin a second, at even distances, as checks do. Prints one JSON
 * line: microseconds of CPU a command, its own included. */
#include <fcntl.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double cpu_us(int who)
{
    struct rusage u;
    getrusage(who, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1e6 +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

static void run(char **argv)
{
    int ends[2], status;
    char text[65536];
    pid_t pid;
    posix_spawn_file_actions_t actions;
    if (pipe2(ends, O_CLOEXEC) != 0)
        exit(3);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    if (posix_spawn(&pid, argv[0], &actions, NULL, argv, environ) != 0)
        exit(3);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    while (read(ends[0], text, sizeof text) > 0)
        ;
    close(ends[0]);
    if (waitpid(pid, &status, 0) != pid || status != 0)
        exit(3);
}

int main(int argc, char **argv)
{
    if (argc < 4)
        return 2;
    long count = atol(argv[1]), rate = atol(argv[2]);
    struct timespec next;
    double before = cpu_us(RUSAGE_SELF) + cpu_us(RUSAGE_CHILDREN);
    clock_gettime(CLOCK_MONOTONIC, &next);
    for (long i = 0; i < count; i++) {
        run(argv + 3);
        int64_t ns = next.tv_nsec + 1000000000 / rate;
        next.tv_sec += ns / 1000000000;
        next.tv_nsec = ns % 1000000000;
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, NULL);
    }
    double spent = cpu_us(RUSAGE_SELF) + cpu_us(RUSAGE_CHILDREN) - before;
    printf("{\"cpu_us\": %.1f}\n", spent / (double)count);
    return 0;
}
