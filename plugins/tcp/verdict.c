/* tcp/verdict.c: what a probe has observed, and why it did not get on.
 *
 * Called by run.c; each fault here ends the probe. */
#include <openssl/evp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "tcp/tcp.h"

#define SHOWN  120
#define BANNER 256

/* ------------------------------------------------------------ observations */

void verdict_observe_tls(struct run *run)
{
    const struct kit_peer *shown =
        run->stream ? kit_stream_certificate(run->stream) : NULL;
    uint8_t pin[KIT_PIN];
    char text[64];
    if (!kit_facts_pin(shown, pin))
        return;
    EVP_EncodeBlock((unsigned char *)text, pin, KIT_PIN);
    tcp_host->observe(run->probe, FIELD_CERT_PIN, rlv_text(text));
    kit_facts_observe(run->probe, FIELD_TLS, shown);
}

/* The first line that the peer has said. */
static void observe_banner(struct run *run)
{
    const char *end = memchr(run->received, '\n', run->len);
    size_t len = end ? (size_t)(end - run->received) : run->len;
    if (len && run->received[len - 1] == '\r')
        len--;
    tcp_host->observe(run->probe, FIELD_BANNER,
                      rlv_text_n(run->received, len < BANNER ? len : BANNER));
}

void verdict_observe(struct run *run)
{
    const char *ip = kit_stream_ip(run->stream);
    tcp_host->observe(run->probe, FIELD_LATENCY, rlv_duration(run->latency_ns));
    tcp_host->observe(run->probe, FIELD_BYTES, rlv_size((int64_t)run->len));
    if (run->len)
        observe_banner(run);
    if (run->len)
        tcp_host->observe(run->probe, FIELD_RECEIVED,
                          rlv_body(run->received, run->len));
    for (size_t i = 0; i < run->values.count; i++)
        tcp_host->observe_key(run->probe, FIELD_VALUE, run->values.pairs[i].key,
                              rlv_text(run->values.pairs[i].value));
    if (*ip)
        tcp_host->observe(run->probe, FIELD_IP, rlv_text(ip));
    verdict_observe_tls(run);
    tcp_host->evidence(run->probe, "received", run->len ? run->received : "",
                       run->len);
}

/* ------------------------------------------------------------------ faults */

static void end(struct run *run)
{
    verdict_observe_tls(run);
    if (run->len)
        tcp_host->evidence(run->probe, "received", run->received, run->len);
    run->over = true;
}

void verdict_fault(struct run *run, enum rlv_fault fault, const char *code,
                   const char *fmt, ...)
{
    char text[600];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    tcp_host->fault(run->probe, fault, code, 0, "%s", text);
    end(run);
}

/* What is waited for, as a code and in words. */
static const char *waits(const struct run *run, char *text, size_t size)
{
    const char *verb = verb_name(run->step.verb);
    switch (run->stage) {
    case STAGE_UPGRADE:
        snprintf(text, size, "the answer to \"%.*s\"",
                 run->move->send ? (int)strcspn(run->move->send, "\r") : 8,
                 run->move->send ? run->move->send : "connect");
        return "starttls";
    case STAGE_BANNER: snprintf(text, size, "a first line"); return "banner";
    case STAGE_STEPS:
        snprintf(text, size, "what step %zu waits for (%s \"%.100s\")",
                 run->step_at + 1, verb, run->step.text);
        return verb;
    case STAGE_CONNECT:
    case STAGE_SECURE: break;
    }
    snprintf(text, size, "the connection");
    return "connect";
}

void verdict_lost(struct run *run)
{
    char doing[200];
    waits(run, doing, sizeof doing);
    kit_stream_fault(run->stream, doing);
    end(run);
}

/* ", but "…"": what came in its place. */
static void say_received(const struct run *run, char *text, size_t size)
{
    size_t len = run->len - run->taken;
    if (!len)
        snprintf(text, size, "nothing came");
    else
        snprintf(text, size, "what came was \"%.*s\"%s",
                 (int)(len < SHOWN ? len : SHOWN), run->received + run->taken,
                 len > SHOWN ? "…" : "");
}

static void late(struct run *run, int64_t since_ns)
{
    char doing[200], came[SHOWN + 32];
    const char *code = waits(run, doing, sizeof doing);
    int64_t now_ns = tcp_host->now();
    say_received(run, came, sizeof came);
    tcp_host->phase(run->probe, RLV_PH_WAIT, now_ns - run->stage_ns);
    verdict_fault(run, RLV_F_TIMEOUT, code,
                  "connected to %s, %s did not come in %.2f s; %s",
                  kit_stream_peer(run->stream), doing,
                  (double)(now_ns - since_ns) / 1e9, came);
}

void verdict_step_late(struct run *run) { late(run, run->step_ns); }

void verdict_deadline(struct run *run)
{
    if (kit_stream_is_open(run->stream)) {
        late(run, run->stage_ns);
        return;
    }
    kit_stream_fault_deadline(run->stream, "connect", "the connection");
    end(run);
}

void verdict_flood(struct run *run)
{
    char doing[200];
    waits(run, doing, sizeof doing);
    verdict_fault(run, RLV_F_PROTOCOL, "flood",
                  "%s said more than max_received (%lld bytes), and %s was not "
                  "in it",
                  kit_stream_peer(run->stream),
                  (long long)run->conf->max_received, doing);
}
