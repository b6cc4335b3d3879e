/* cli/cmd_maintenance_run.c: `relevo maintenance run … -- COMMAND`: a window
 * that lasts as long as a command.
 *
 * Happy path: the daemon opens a window that is bound to our connection; the
 * command starts; signals that somebody sends to us go on to it (those of the
 * terminal reach it by themselves); it ends; we end the window and leave with
 * its exit status.
 *
 * Ways it can fail:
 * - no daemon: the command is not run, unless --anyway is given. A wrong
 *   --state-dir would otherwise have the deployment watched as an outage;
 * - we are killed: the connection closes, and the daemon ends the window;
 * - the daemon restarts meanwhile: the window is stored and stays open; it is
 *   ended over a new connection, else it ends by itself after --for. */
#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "cli/ask.h"
#include "cli/window.h"
#include "report/json.h"

enum { LONGEST_MS = 4 * 60 * 60 * 1000, NOT_FOUND = 127, NOT_STARTED = 126 };

/* -------------------------------------------------------------- window --- */

static json_t *start_request(const struct args *args)
{
    json_t *request = ask_request("maintenance.start", args);
    ask_add_checks(request, args, args->rest);
    ask_add_tags(request, args);
    /* Its arguments may hold secrets: only what it is called. */
    ask_add_word(request, "reason", args->words[args->rest]);
    ask_add_text(request, args, "reason");
    json_object_set_new(request, "for_ms", json_integer(LONGEST_MS));
    json_object_set_new(request, "bound", json_true());
    return request;
}

/* An exit status; *ask is NULL when there is no window and none is needed. */
static int open_window(const struct args *args, struct ask **ask, char *window,
                       size_t size)
{
    struct err err;
    json_t *request = start_request(args), *answer = NULL;
    int status = ask_add_for(request, args);
    *ask = status == EXIT_FINE ? ask_open(cli_state_dir(args), &err) : NULL;
    if (*ask == NULL)
        json_decref(request);
    else if ((answer = ask_one(*ask, request, &err)) == NULL) {
        ask_close(*ask);
        *ask = NULL;
    }
    if (status != EXIT_FINE)
        return status;
    if (answer != NULL) {
        snprintf(window, size, "%s", report_member(answer, "window"));
        fprintf(stderr, "relevo: maintenance %s for %s\n", window,
                window_covers(answer));
        json_decref(answer);
        return EXIT_FINE;
    }
    if (err.code == ERR_DENIED)
        return cli_fail(EXIT_USAGE, "%s", err.text);
    if (!args_has(args, "anyway"))
        return cli_fail(EXIT_INTERNAL,
                        "%s; the command was not run (--anyway runs it "
                        "without a window)",
                        err.text);
    cli_fail(EXIT_FINE, "%s; the command runs without a window", err.text);
    return EXIT_FINE;
}

static json_t *end_request(const struct args *args, const char *window)
{
    json_t *request = ask_request("maintenance.end", args);
    ask_add_word(request, "window", window);
    json_object_del(request, "environment");
    return request;
}

/* Over its own connection, or a new one where the daemon was restarted. */
static void end_window(const struct args *args, struct ask *ask,
                       const char *window)
{
    struct err err;
    json_t *answer = ask_one(ask, end_request(args, window), &err);
    ask_close(ask);
    if (answer == NULL && err.code != ERR_DENIED &&
        (ask = ask_open(cli_state_dir(args), &err)) != NULL) {
        answer = ask_one(ask, end_request(args, window), &err);
        ask_close(ask);
    }
    if (answer == NULL)
        cli_fail(EXIT_FINE, "maintenance %s was not ended: %s", window,
                 err.text);
    json_decref(answer);
}

/* ------------------------------------------------------------- command --- */

static const int forwarded[] = {SIGINT,  SIGTERM, SIGHUP,
                                SIGQUIT, SIGUSR1, SIGUSR2};

/* Signals wait from here on: none is lost before the command is there. */
static void hold_signals(sigset_t *held, sigset_t *before)
{
    signal(SIGCHLD, SIG_DFL);
    sigemptyset(held);
    sigaddset(held, SIGCHLD);
    for (size_t i = 0; i < ARRAY_LEN(forwarded); i++)
        sigaddset(held, forwarded[i]);
    sigprocmask(SIG_BLOCK, held, before);
}

/* 0, or the errno with which it could not be started. */
static int start(const char *const *command, const sigset_t *mask, pid_t *pid)
{
    extern char **environ;
    posix_spawnattr_t how;
    posix_spawnattr_init(&how);
    posix_spawnattr_setflags(&how, POSIX_SPAWN_SETSIGMASK);
    posix_spawnattr_setsigmask(&how, mask);
    int failed = posix_spawnp(pid, command[0], NULL, &how,
                              (char *const *)(uintptr_t)command, environ);
    posix_spawnattr_destroy(&how);
    return failed;
}

static int wait_for(pid_t pid, const sigset_t *held)
{
    int ended = 0;
    while (waitpid(pid, &ended, WNOHANG) != pid) {
        siginfo_t info;
        int signal = sigwaitinfo(held, &info);
        if (signal > 0 && signal != SIGCHLD && info.si_code != SI_KERNEL)
            kill(pid, signal);
    }
    return WIFSIGNALED(ended) ? 128 + WTERMSIG(ended) : WEXITSTATUS(ended);
}

static int run(const char *const *command, const sigset_t *held,
               const sigset_t *before)
{
    pid_t pid;
    int failed = start(command, before, &pid);
    if (failed == 0)
        return wait_for(pid, held);
    return cli_fail(failed == ENOENT ? NOT_FOUND : NOT_STARTED, "%s: %s",
                    command[0], strerror(failed));
}

int cmd_maintenance_run(const struct args *args)
{
    struct ask *ask;
    sigset_t held, before;
    char window[64] = "";
    if (args->rest == args->word_count)
        return cli_fail(EXIT_USAGE, "the command stands after --: relevo "
                                    "maintenance run [NAME]… -- COMMAND "
                                    "[ARG]…");
    if (args_has(args, "json"))
        return cli_fail(EXIT_USAGE, "--json: what is printed is the command's");
    int status = open_window(args, &ask, window, sizeof window);
    if (status != EXIT_FINE)
        return status;
    hold_signals(&held, &before);
    status = run(args->words + args->rest, &held, &before);
    if (ask != NULL)
        end_window(args, ask, window);
    return status;
}
