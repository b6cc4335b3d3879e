/* A plugin that says a text over a stream of plugins/kit and waits for another:
 * for tests of the kit. It does with a stream whatever kit/stream.h permits:
 * keeps it, goes through all addresses, sends a lot, closes it in a callback.
 */
#include <relevo/plugin.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kit/stream.h"

struct conf {
    const char *host, *unix_path, *say, *until;
    int64_t port, tls, keep, bulk;
    struct kit_net net;
};

enum { GOT, SIZE, IP, ADDRESSES, DIALLED, PEER, TLS_VERSION, SENT };

// clang-format off
static const struct rlv_option options[] = {
    {"host", RLV_STRING, 0, offsetof(struct conf, host), NULL, NULL, "name"},
    {"port", RLV_INT, 0, offsetof(struct conf, port), "1", "1..65535", "port"},
    {"unix", RLV_STRING, 0, offsetof(struct conf, unix_path), NULL, NULL, "path"},
    {"secure", RLV_BOOL, 0, offsetof(struct conf, tls), "false", NULL, "speak TLS"},
    {"say", RLV_STRING, 0, offsetof(struct conf, say), NULL, NULL, "first words"},
    {"until", RLV_STRING, 0, offsetof(struct conf, until), NULL, NULL,
     "read until this, or to the end; empty: do not read"},
    {"keep", RLV_BOOL, 0, offsetof(struct conf, keep), "false", NULL, "keep it"},
    {"bulk", RLV_SIZE, 0, offsetof(struct conf, bulk), "0B", NULL,
     "send as much more"},
    KIT_NET_OPTIONS(conf, net),
};

static const struct rlv_field fields[] = {
    [GOT] = {"got", RLV_T_TEXT, 0, "", "What was read, its last 4 KiB."},
    [SIZE] = {"size", RLV_T_SIZE, 0, "", "How much was read."},
    [IP] = {"ip", RLV_T_TEXT, 0, "", "Whose address."},
    [ADDRESSES] = {"addresses", RLV_T_INT, 0, "", "How many there are."},
    [DIALLED] = {"dialled", RLV_T_INT, 0, "", "Connections so far."},
    [PEER] = {"peer", RLV_T_TEXT, 0, "", "Whom we speak to."},
    [TLS_VERSION] = {"tls_version", RLV_T_TEXT, 0, "", "Of TLS."},
    [SENT] = {"waited", RLV_T_BOOL, 0, "", "Whether sending had to wait."},
};
// clang-format on

struct kept {
    struct kit_stream *stream;
    int64_t dialled;
};

struct talk {
    struct rlv_probe *probe;
    const struct conf *conf;
    struct kit_stream *stream;
    struct kept *kept;
    unsigned address;
    int64_t size;
    bool waited;
    size_t len;
    char got[4096 + 1];
};

static const struct rlv_host *host;

static void dial(struct talk *);

static void finish(struct talk *talk)
{
    const struct kit_stream *stream = talk->stream;
    const struct kit_peer *shown = kit_stream_certificate(stream);
    host->observe(talk->probe, GOT, rlv_text_n(talk->got, talk->len));
    host->observe(talk->probe, SIZE, rlv_size(talk->size));
    host->observe(talk->probe, IP, rlv_text(kit_stream_ip(stream)));
    host->observe(talk->probe, PEER, rlv_text(kit_stream_peer(stream)));
    host->observe(talk->probe, ADDRESSES,
                  rlv_int(kit_stream_addresses(stream)));
    host->observe(talk->probe, DIALLED, rlv_int(talk->kept->dialled));
    host->observe(talk->probe, SENT, rlv_bool(talk->waited));
    if (shown)
        host->observe(talk->probe, TLS_VERSION, rlv_text(shown->tls_version));
    if (talk->conf->keep)
        kit_stream_lend(talk->stream, NULL, NULL, NULL);
    else
        kit_stream_close(talk->stream);
    host->done(talk->probe);
}

/* This address answered: the next one, or the end. */
static void answered(struct talk *talk)
{
    if (!talk->conf->net.all_addresses ||
        talk->address + 1 >= kit_stream_addresses(talk->stream)) {
        finish(talk);
        return;
    }
    kit_stream_close(talk->stream);
    talk->address++;
    talk->len = 0;
    dial(talk);
}

static void fail(struct talk *talk)
{
    kit_stream_fault(talk->stream, "what was waited for");
    if (talk->conf->keep) {
        kit_stream_close(talk->stream);
        talk->kept->stream = NULL;
    }
    host->done(talk->probe);
}

static void keep_end(struct talk *talk, const char *bytes, size_t n)
{
    size_t room = sizeof talk->got - 1;
    talk->size += (int64_t)n;
    if (n > room) {
        bytes += n - room;
        n = room;
    }
    if (talk->len + n > room) {
        size_t drop = talk->len + n - room;
        memmove(talk->got, talk->got + drop, talk->len - drop);
        talk->len -= drop;
    }
    memcpy(talk->got + talk->len, bytes, n);
    talk->len += n;
    talk->got[talk->len] = '\0';
}

static void receive(struct talk *talk)
{
    char bytes[16384];
    for (;;) {
        ptrdiff_t n = kit_stream_receive(talk->stream, bytes, sizeof bytes);
        if (n == KIT_EMPTY)
            return;
        if (n == KIT_CLOSED && !talk->conf->until) {
            answered(talk);
            return;
        }
        if (n < 0) {
            fail(talk);
            return;
        }
        keep_end(talk, bytes, (size_t)n);
        if (talk->conf->until && strstr(talk->got, talk->conf->until)) {
            answered(talk);
            return;
        }
    }
}

static void speak(struct talk *talk)
{
    const struct conf *conf = talk->conf;
    if (conf->say)
        kit_stream_send(talk->stream, conf->say, strlen(conf->say));
    if (conf->bulk) {
        char *bulk = calloc(1, (size_t)conf->bulk);
        if (!bulk || !kit_stream_send(talk->stream, bulk, (size_t)conf->bulk))
            host->fault(talk->probe, RLV_F_CONFIG, "bulk", 0, "too much");
        free(bulk);
    }
    if (conf->until && !*conf->until)
        answered(talk);
}

static void on_event(void *arg, enum kit_event event)
{
    struct talk *talk = arg;
    switch (event) {
    case KIT_OPEN: speak(talk); break;
    case KIT_READABLE: receive(talk); break;
    case KIT_SENT: talk->waited = true; break;
    case KIT_FAILED: fail(talk); break;
    }
}

static void dial(struct talk *talk)
{
    const struct conf *conf = talk->conf;
    struct kit_peer_at at = {.host = conf->host,
                             .port = (uint16_t)conf->port,
                             .unix_path = conf->unix_path,
                             .tls = conf->tls != 0,
                             .address = talk->address,
                             .net = &conf->net};
    talk->kept->dialled++;
    talk->stream = kit_stream_open(conf->keep ? host->check_scope(talk->probe)
                                              : host->probe_scope(talk->probe),
                                   talk->probe, &at, on_event, talk);
    if (conf->keep)
        talk->kept->stream = talk->stream;
}

static void on_deadline(void *arg, int events)
{
    (void)events;
    struct talk *talk = arg;
    kit_stream_fault_deadline(talk->stream, "words", "what was waited for");
    if (talk->conf->keep && !kit_stream_is_open(talk->stream))
        talk->kept->stream = NULL; /* it goes with the probe */
    host->done(talk->probe);
}

static void start(struct rlv_probe *probe, const void *conf)
{
    struct rlv_scope *scope = host->probe_scope(probe);
    struct talk *talk = host->alloc(scope, sizeof *talk);
    talk->probe = probe;
    talk->conf = conf;
    talk->kept = host->keep(probe, sizeof *talk->kept);
    host->timer(scope, host->deadline(probe) - host->now(), on_deadline, talk);
    if (talk->kept->stream && kit_stream_dead(talk->kept->stream)) {
        kit_stream_close(talk->kept->stream);
        talk->kept->stream = NULL;
    }
    talk->stream = talk->kept->stream;
    if (!talk->stream) {
        dial(talk);
        return;
    }
    kit_stream_lend(talk->stream, probe, on_event, talk);
    speak(talk);
}

static bool validate(const void *arg, const char **option, char *why,
                     size_t size)
{
    return kit_net_validate(&((const struct conf *)arg)->net, option, why,
                            size);
}

static int init(const struct rlv_host *h)
{
    host = h;
    return kit_init(h);
}

RLV_PLUGIN(.name = "talk", .version = "1", .summary = "Says and hears",
           RLV_OPTIONS(struct conf, options), RLV_FIELDS(fields), .init = init,
           .validate = validate, .start = start);
