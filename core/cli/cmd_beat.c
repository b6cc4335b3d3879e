/* cli/cmd_beat.c: `relevo beat`: the job of a heartbeat reports, or a command
 * is run and reported.
 *
 * Happy path of `relevo beat NAME -- COMMAND`: the daemon hears of the start;
 * the command runs; the daemon hears of its end, with its exit status, how long
 * it ran and the end of what it printed; we leave with its exit status.
 *
 * Ways it can fail: no daemon, one that does not answer, or refuses: that is
 * said on standard error, and the command runs all the same, to the same exit
 * status. The end is tried again for a few seconds, for a daemon that restarts;
 * its run has a name, so that it counts once. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "cli/ask.h"
#include "cli/child.h"
#include "cli/out.h"
#include "model/beat.h"
#include "report/json.h"

enum { START_S = 2, END_S = 5, END_TRIES = 3 };

static json_t *request_of(const struct args *args, const char *event,
                          const char *rid)
{
    json_t *request = ask_request("beat", args);
    ask_add_word(request, "name", args->words[0]);
    ask_add_word(request, "event", event);
    if (rid != NULL)
        ask_add_word(request, "rid", rid);
    return request;
}

/* -------------------------------------------------------------- a word --- */

static int count_events(const struct args *args)
{
    return args_has(args, "start") + args_has(args, "fail") +
           args_has(args, "exit");
}

/* EXIT_FINE, or what to return after it has said why. */
static int add_exit(json_t *request, const struct args *args)
{
    int64_t status;
    const char *text = args_get(args, "exit");
    if (text == NULL)
        return EXIT_FINE;
    if (!str_to_i64(text, &status) || status < 0 || status > 255)
        return cli_fail(EXIT_USAGE, "--exit: expected a number from 0 to 255");
    json_object_set_new(request, "exit", json_integer(status));
    return EXIT_FINE;
}

static void print_heard(const json_t *answer)
{
    printf("%s: heard%s\n", report_member(answer, "heard"),
           json_is_true(json_object_get(answer, "stored"))
               ? ""
               : "; it is not stored yet");
}

static int report_word(const struct args *args)
{
    const char *log = args_get(args, "log");
    const char *event = args_has(args, "start")      ? "start"
                        : args_has(args, "fail")     ? "fail"
                        : log && !count_events(args) ? "log"
                                                     : "end";
    if (count_events(args) > 1)
        return cli_fail(EXIT_USAGE, "--start, --fail and --exit: one of them");
    if (args_has(args, "start") && log != NULL)
        return cli_fail(EXIT_USAGE, "--log: a start has no text; send it as a "
                                    "beat of its own");
    json_t *request = request_of(args, event, args_get(args, "rid"));
    int status = add_exit(request, args);
    if (status != EXIT_FINE) {
        json_decref(request);
        return status;
    }
    if (log != NULL)
        ask_add_word(request, "text", log);
    return ask_and_print(args, request, print_heard);
}

/* ----------------------------------------------------------- a command --- */

static void make_rid(char out[40])
{
    unsigned char random[16];
    if (getrandom(random, sizeof random, 0) != sizeof random)
        snprintf((char *)random, sizeof random, "%lld",
                 (long long)clock_wall_us());
    for (size_t i = 0; i < sizeof random; i++)
        snprintf(out + 2 * i, 3, "%02x", random[i]);
}

/* Takes the request over. */
static bool tell(const struct args *args, json_t *request, int silence_s,
                 struct err *err)
{
    struct ask *ask = ask_open_within(cli_state_dir(args), silence_s, err);
    json_t *answer = NULL;
    if (ask == NULL)
        json_decref(request);
    else
        answer = ask_one(ask, request, err);
    ask_close(ask);
    json_decref(answer);
    return answer != NULL;
}

static json_t *end_request(const struct args *args, const char *rid, int status,
                           int64_t ran_ns, const struct child_tail *tail)
{
    json_t *request = request_of(args, "end", rid);
    json_object_set_new(request, "exit", json_integer(status));
    json_object_set_new(request, "ran_ms", json_integer(ran_ns / NS_PER_MS));
    json_object_set_new(request, "text", report_text(tail->bytes, tail->len));
    return request;
}

static void tell_end(const struct args *args, json_t *request)
{
    struct err err;
    bool heard = false;
    for (int i = 0; !heard && i < END_TRIES; i++) {
        if (i > 0)
            nanosleep(&(struct timespec){.tv_sec = 1}, NULL);
        heard = tell(args, json_incref(request), END_S, &err);
        if (!heard && err.code == ERR_DENIED)
            break;
    }
    json_decref(request);
    if (!heard)
        cli_fail(EXIT_FINE, "the end of the run is not reported: %s", err.text);
}

static int run_and_report(const struct args *args)
{
    struct err err;
    char rid[40];
    char bytes[BEAT_TEXT];
    struct child_tail tail = {.bytes = bytes, .size = sizeof bytes};
    make_rid(rid);
    if (!tell(args, request_of(args, "start", rid), START_S, &err))
        cli_fail(EXIT_FINE,
                 "the start of the run is not reported: %s; it runs "
                 "all the same",
                 err.text);
    int64_t began_ns = clock_mono_ns();
    int status = child_run(args->words + args->rest, &tail);
    tell_end(args,
             end_request(args, rid, status, clock_mono_ns() - began_ns, &tail));
    return status;
}

int cmd_beat(const struct args *args)
{
    bool has_command = args->rest < args->word_count;
    if (args->word_count == 0 || args->rest == 0 ||
        (has_command ? args->rest : args->word_count) != 1)
        return cli_fail(EXIT_USAGE, "one name of a heartbeat is needed: relevo "
                                    "beat NAME [-- COMMAND [ARG]…]");
    if (!has_command)
        return report_word(args);
    if (count_events(args) > 0 || args_has(args, "log") ||
        args_has(args, "rid") || args_has(args, "json"))
        return cli_fail(EXIT_USAGE, "with a command, relevo reports its start "
                                    "and end itself: no other option goes with "
                                    "it");
    return run_and_report(args);
}
