/* tcp/run.c: one probe, from start to done.
 *
 * Owns the run (in the probe's scope), its stream, and what was received.
 * Called by the host and by the stream.
 *
 * Happy path: tcp_start() opens the stream → KIT_OPEN → with starttls the
 * moves of its protocol, and the handshake: KIT_OPEN again → the pins hold →
 * the steps, or without any the banner if somebody reads it → with
 * all_addresses the same for each other address of the name → observed, done.
 *
 * Ways it can fail: the stream, before or after it stood; a key that is none
 * of the pins; a protocol that will not start TLS; a step that does not come
 * about in its time, or by the deadline; a peer that says more than
 * max_received. verdict.c names them.
 *
 * done() releases the run; so whoever decides that it is over only says so,
 * and settle(), the last step of every entry from the loop, ends it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tcp/tcp.h"

static void settle(struct run *run)
{
    if (run->over)
        tcp_host->done(run->probe);
}

static void set_clock(struct run *run, int64_t after_ns);

static void enter(struct run *run, enum stage stage)
{
    run->stage = stage;
    run->stage_ns = tcp_host->now();
}

/* ------------------------------------------------------------------- ends */

static void dial(struct run *run);

static void finish(struct run *run)
{
    int64_t opened_ns = kit_stream_opened_ns(run->stream);
    set_clock(run, -1);
    if (run->step_at || run->stage == STAGE_BANNER)
        tcp_host->phase(run->probe, RLV_PH_WAIT,
                        tcp_host->now() - run->stage_ns);
    if (run->latency_ns < 0 && opened_ns)
        run->latency_ns = opened_ns - run->began_ns;
    if (run->conf->net.all_addresses &&
        run->address + 1 < kit_stream_addresses(run->stream)) {
        run->address++;
        kit_stream_close(run->stream);
        dial(run);
        return;
    }
    verdict_observe(run);
    run->over = true;
}

/* ------------------------------------------------------------------ moves */

static bool send_bytes(struct run *run, const void *bytes, size_t len)
{
    tcp_host->effects(run->probe);
    run->sent_ns = tcp_host->now();
    if (!kit_stream_send(run->stream, bytes, len))
        verdict_fault(run, RLV_F_CONFIG, "steps",
                      "step %zu: it is too large to be sent: %zu bytes",
                      run->step_at + 1, len);
    return !run->over;
}

static void begin_move(struct run *run)
{
    char why[160];
    pattern_fini(&run->pattern);
    if (!run->move->good) {
        enter(run, STAGE_SECURE);
        kit_stream_start_tls(run->stream,
                             run->target.host ? run->target.host : "localhost",
                             &run->conf->net);
        return;
    }
    run->pattern.regex = kit_regex_new(run->move->reply, why, sizeof why);
    if (run->move->send)
        send_bytes(run, run->move->send, run->move->len);
}

static void refuse_upgrade(struct run *run, const char *verdict, size_t len)
{
    const char *peer = kit_stream_peer(run->stream);
    int shown = (int)(len < 200 ? len : 200);
    if (shown && verdict[shown - 1] == '\r')
        shown--;
    if (run->move[1].good) { /* not at TLS yet */
        char code[8];
        snprintf(code, sizeof code, "%.*s", shown < 3 ? shown : 3, verdict);
        verdict_fault(run, RLV_F_ERROR_RESPONSE, code, "%s said \"%.*s\"", peer,
                      shown, verdict);
        return;
    }
    verdict_fault(run, RLV_F_TLS, "starttls",
                  "%s does not start TLS: it said \"%.*s\"", peer, shown,
                  verdict);
}

/* False: nothing can be done before more is received. */
static bool look_at_move(struct run *run)
{
    struct kit_match found;
    if (!pattern_find(&run->pattern, run->received, run->len, run->taken,
                      &found))
        return false;
    const char *verdict = run->received + run->taken + found.group;
    size_t good = strlen(run->move->good);
    run->taken += found.end;
    if (found.group_len < good || memcmp(verdict, run->move->good, good) != 0) {
        refuse_upgrade(run, verdict, found.group_len);
        return true;
    }
    run->move++;
    if (!run->move->good && run->taken < run->len) {
        verdict_fault(run, RLV_F_PROTOCOL, "starttls",
                      "%s said %zu bytes more after it had agreed to TLS: they "
                      "could be anybody's",
                      kit_stream_peer(run->stream), run->len - run->taken);
        return true;
    }
    begin_move(run);
    return true;
}

/* ------------------------------------------------------------------ steps */

static void steps_flaw(struct run *run, const char *why)
{
    verdict_fault(run, RLV_F_CONFIG, "steps", "step %zu: %s", run->step_at + 1,
                  why);
}

static void begin_step(struct run *run)
{
    const struct rlv_steps *steps = &run->conf->steps;
    char why[360];
    if (run->step_at == steps->count) {
        finish(run);
        return;
    }
    pattern_fini(&run->pattern);
    if (!step_read(&run->step, &steps->steps[run->step_at], why, sizeof why) ||
        !pattern_prepare(&run->pattern, &run->step, &run->values, why,
                         sizeof why)) {
        steps_flaw(run, why);
        return;
    }
    run->step_ns = tcp_host->now();
    set_clock(run, run->step.within_ns);
}

static void answered(struct run *run)
{
    int64_t took_ns = tcp_host->now() - run->sent_ns;
    if (run->sent_ns && took_ns > run->latency_ns)
        run->latency_ns = took_ns;
    run->sent_ns = 0;
}

static void capture(struct run *run, const struct kit_match *found)
{
    if (run->step.capture)
        kit_values_set(&run->values, run->step.capture,
                       run->received + run->taken + found->group,
                       found->group_len);
}

static bool look_at_step(struct run *run)
{
    struct kit_match found;
    if (verb_receives(run->step.verb)) {
        if (!pattern_find(&run->pattern, run->received, run->len, run->taken,
                          &found))
            return false;
        capture(run, &found);
        answered(run);
        run->taken += found.end;
    } else if (run->step.verb == VERB_EXPECT_CLOSE) {
        return false;
    } else if (!send_bytes(run, run->pattern.bytes, run->pattern.len)) {
        return true;
    }
    run->step_at++;
    begin_step(run);
    return true;
}

static bool look_at_banner(struct run *run)
{
    if (!run->len || !memchr(run->received, '\n', run->len))
        return false;
    finish(run);
    return true;
}

/* As far as what was received goes. */
static void look(struct run *run)
{
    unsigned address = run->address;
    bool more = true;
    while (more && !run->over && run->address == address) {
        switch (run->stage) {
        case STAGE_UPGRADE: more = look_at_move(run); break;
        case STAGE_STEPS: more = look_at_step(run); break;
        case STAGE_BANNER: more = look_at_banner(run); break;
        case STAGE_CONNECT:
        case STAGE_SECURE: more = false; break;
        }
    }
}

/* ------------------------------------------------------------------- time */

static void on_step_late(void *arg, int events)
{
    (void)events;
    struct run *run = arg;
    verdict_step_late(run);
    settle(run);
}

static void set_clock(struct run *run, int64_t after_ns)
{
    if (run->clock)
        tcp_host->rearm(run->clock, 0, after_ns);
    else if (after_ns >= 0)
        run->clock = tcp_host->timer(tcp_host->probe_scope(run->probe),
                                     after_ns, on_step_late, run);
}

static void on_deadline(void *arg, int events)
{
    (void)events;
    struct run *run = arg;
    verdict_deadline(run);
    settle(run);
}

/* ----------------------------------------------------------------- stream */

static bool pins_hold(struct run *run)
{
    const struct rlv_list *pins = &run->conf->pins;
    uint8_t pin[KIT_PIN], shown[KIT_PIN];
    bool any = !pins->count,
         seen = kit_facts_pin(kit_stream_certificate(run->stream), shown);
    for (size_t i = 0; seen && i < pins->count && !any; i++)
        any = target_pin(pins->items[i], pin) &&
              memcmp(pin, shown, sizeof pin) == 0;
    if (!any)
        verdict_fault(run, RLV_F_CERTIFICATE, "PIN_MISMATCH",
                      "certificate of %s: its key is none of tls.pin_sha256",
                      run->target.host ? run->target.host
                                       : run->target.unix_path);
    return any;
}

static void on_open(struct run *run)
{
    bool upgrade = run->conf->starttls && run->stage != STAGE_SECURE;
    if (upgrade) {
        enter(run, STAGE_UPGRADE);
        run->move = upgrade_moves(run->conf->starttls);
        begin_move(run);
    } else if (!pins_hold(run)) {
        return;
    } else if (!run->conf->steps.count && !run->len &&
               tcp_host->wants(run->probe, FIELD_BANNER)) {
        enter(run, STAGE_BANNER);
    } else {
        enter(run, STAGE_STEPS);
        begin_step(run);
    }
}

/* False: it holds as much as it may. */
static bool make_room(struct run *run)
{
    size_t most = (size_t)run->conf->max_received;
    if (run->len < run->size)
        return true;
    if (run->size >= most)
        return false;
    run->size = run->size ? run->size * 2 : 1024;
    if (run->size > most)
        run->size = most;
    run->received = kit_realloc(run->received, run->size);
    return true;
}

/* What it has, then what that means, then its end: a peer that answers and
 * closes has answered. */
static void receive(struct run *run)
{
    unsigned address = run->address;
    ptrdiff_t n = KIT_EMPTY;
    bool room;
    while ((room = make_room(run)) &&
           (n = kit_stream_receive(run->stream, run->received + run->len,
                                   run->size - run->len)) > 0)
        run->len += (size_t)n;
    look(run);
    if (run->over || run->address != address || run->stage == STAGE_SECURE)
        return;
    bool closes = run->stage == STAGE_STEPS &&
                  run->step.verb == VERB_EXPECT_CLOSE && n < 0 &&
                  kit_stream_was_ended(run->stream);
    if (closes)
        finish(run);
    else if (!room)
        verdict_flood(run);
    else if (n < 0)
        verdict_lost(run);
}

static void on_event(void *arg, enum kit_event event)
{
    struct run *run = arg;
    switch (event) {
    case KIT_OPEN:
        on_open(run);
        look(run);
        break;
    case KIT_READABLE: receive(run); break;
    case KIT_SENT: break;
    case KIT_FAILED: verdict_lost(run); break;
    }
    settle(run);
}

static void dial(struct run *run)
{
    const struct target *target = &run->target;
    struct kit_peer_at at = {.host = target->host,
                             .port = target->port,
                             .unix_path = target->unix_path,
                             .tls = target->tls,
                             .address = run->address,
                             .net = &run->conf->net};
    enter(run, STAGE_CONNECT);
    run->began_ns = run->stage_ns;
    run->len = run->taken = run->step_at = 0;
    run->sent_ns = 0;
    run->stream = kit_stream_open(tcp_host->probe_scope(run->probe), run->probe,
                                  &at, on_event, run);
}

/* ------------------------------------------------------------------ start */

/* Also when the host ends the probe. */
static void release(void *arg)
{
    struct run *run = arg;
    kit_stream_close(run->stream);
    pattern_fini(&run->pattern);
    kit_values_fini(&run->values);
    free(run->received);
}

void tcp_start(struct rlv_probe *probe, const void *conf)
{
    struct rlv_scope *scope = tcp_host->probe_scope(probe);
    struct run *run = tcp_host->alloc(scope, sizeof *run);
    char why[200];
    run->probe = probe;
    run->conf = conf;
    run->latency_ns = -1;
    tcp_host->defer(scope, release, run);
    if (!target_read(&run->target, run->conf->url, why, sizeof why)) {
        verdict_fault(run, RLV_F_CONFIG, "url", "%s", why);
        settle(run);
        return;
    }
    tcp_host->timer(scope, tcp_host->deadline(probe) - tcp_host->now(),
                    on_deadline, run);
    dial(run);
}
