/* lib/wire_again.h: each message decoded and encoded again, for the unit test
 * and the fuzzer of core/wire. */
#ifndef RELEVO_TESTS_WIRE_AGAIN_H
#define RELEVO_TESTS_WIRE_AGAIN_H

#include "wire/msg.h"

/* false: the bytes are no such message; nothing was appended. */
typedef bool wire_again_fn(const void *bytes, size_t n, struct arena *,
                           struct buf *out);

#define AGAIN(name, type, get)                                         \
    static bool again_##name(const void *p, size_t n, struct arena *a, \
                             struct buf *out)                          \
    {                                                                  \
        struct type m;                                                 \
        (void)a;                                                       \
        if (!(get))                                                    \
            return false;                                              \
        msg_put_##name(out, &m);                                       \
        return true;                                                   \
    }

AGAIN(vet, msg_vet, msg_get_vet(p, n, a, &m))
AGAIN(complaint, msg_complaint, msg_get_complaint(p, n, a, &m))
AGAIN(load, msg_load, msg_get_load(p, n, a, &m))
AGAIN(probe, msg_probe, msg_get_probe(p, n, a, &m))
AGAIN(trigger, msg_trigger, msg_get_trigger(p, n, a, &m))
AGAIN(triggered, msg_triggered, msg_get_triggered(p, n, a, &m))
AGAIN(log, msg_log, msg_get_log(p, n, a, &m))
AGAIN(web, msg_web, msg_get_web(p, n, a, &m))
AGAIN(pulse, msg_pulse, msg_get_pulse(p, n, &m))
AGAIN(question, msg_question, msg_get_question(p, n, a, &m))
AGAIN(beat, msg_beat, msg_get_beat(p, n, a, &m))
AGAIN(status, msg_status, msg_get_status(p, n, a, &m))
AGAIN(allow, msg_allow, msg_get_allow(p, n, a, &m))
AGAIN(run, msg_run, msg_get_run(p, n, a, &m))
AGAIN(run_started, msg_run_started, msg_get_run_started(p, n, &m))
AGAIN(ask_command, msg_ask_command, msg_get_ask_command(p, n, &m))
AGAIN(command, msg_command, msg_get_command(p, n, a, &m))
AGAIN(command_ended, msg_command_ended, msg_get_command_ended(p, n, a, &m))
AGAIN(run_exited, msg_run_exited, msg_get_run_exited(p, n, a, &m))

static bool again_heard(const void *p, size_t n, struct arena *a,
                        struct buf *out)
{
    enum heard heard;
    (void)a;
    if (!msg_get_heard(p, n, &heard))
        return false;
    msg_put_heard(out, heard);
    return true;
}

static bool again_text(const void *p, size_t n, struct arena *a,
                       struct buf *out)
{
    const char *text;
    if (!msg_get_text(p, n, a, &text))
        return false;
    msg_put_text(out, text);
    return true;
}

static bool again_stop_run(const void *p, size_t n, struct arena *a,
                           struct buf *out)
{
    uint64_t run;
    (void)a;
    if (!msg_get_stop_run(p, n, &run))
        return false;
    msg_put_stop_run(out, run);
    return true;
}

static bool again_catalog(const void *p, size_t n, struct arena *a,
                          struct buf *out)
{
    struct catalog *c = msg_get_catalog(p, n);
    (void)a;
    if (c == NULL)
        return false;
    msg_put_catalog(out, c);
    catalog_free(c);
    return true;
}

static bool again_result(const void *p, size_t n, struct arena *a,
                         struct buf *out)
{
    struct result *r = msg_get_result(p, n);
    (void)a;
    if (r == NULL)
        return false;
    msg_put_result(out, r);
    result_free(r);
    return true;
}

#define AGAIN_MAP(X) \
    X(vet)           \
    X(catalog)       \
    X(complaint)     \
    X(text)          \
    X(load)          \
    X(probe)         \
    X(trigger)       \
    X(triggered)     \
    X(result)        \
    X(log)           \
    X(allow)         \
    X(run)           \
    X(stop_run)      \
    X(run_started)   \
    X(run_exited)    \
    X(ask_command)   \
    X(command)       \
    X(command_ended) \
    X(web)           \
    X(pulse)         \
    X(question)      \
    X(beat)          \
    X(heard)         \
    X(status)

#endif
