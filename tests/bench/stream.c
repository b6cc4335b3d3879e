/* The floor of a WebSocket check: a bare program on the same stream code
 * (plugins/kit) that connects, upgrades, has one message echoed, and closes.
 * It trusts its server: nothing is verified.
 *
 *     bench_stream PORT COUNT IN_FLIGHT RATE */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host.h"
#include "kit/stream.h"

struct echo {
    struct rlv_probe *probe;
    struct kit_stream *stream;
    bool upgraded;
    size_t len;
    char got[2048];
};

static uint16_t port;

static const char upgrade[] =
    "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
    "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
/* A text, "hello", and a close with 1000; the masks are zero. */
static const char hello[] = "\x81\x85\0\0\0\0hello";
static const char farewell[] = "\x88\x82\0\0\0\0\x03\xe8";

static void fail(struct echo *echo)
{
    kit_stream_fault(echo->stream, "the echo");
    bench_host.done(echo->probe);
}

/* True: it is over. */
static bool advance(struct echo *echo)
{
    if (!echo->upgraded) {
        const char *end = memmem(echo->got, echo->len, "\r\n\r\n", 4);
        if (end == NULL)
            return false;
        echo->len -= (size_t)(end + 4 - echo->got);
        memmove(echo->got, end + 4, echo->len);
        echo->upgraded = true;
        kit_stream_send(echo->stream, hello, sizeof hello - 1);
    }
    if (echo->len < 7 || memcmp(echo->got, "\x81\x05hello", 7) != 0)
        return false;
    kit_stream_send(echo->stream, farewell, sizeof farewell - 1);
    kit_stream_close(echo->stream);
    bench_host.done(echo->probe);
    return true;
}

static void receive(struct echo *echo)
{
    ptrdiff_t n;
    while ((n = kit_stream_receive(echo->stream, echo->got + echo->len,
                                   sizeof echo->got - echo->len)) > 0) {
        echo->len += (size_t)n;
        if (advance(echo))
            return;
    }
    if (n < 0)
        fail(echo);
}

static void on_event(void *arg, enum kit_event event)
{
    struct echo *echo = arg;
    switch (event) {
    case KIT_OPEN:
        kit_stream_send(echo->stream, upgrade, sizeof upgrade - 1);
        break;
    case KIT_READABLE: receive(echo); break;
    case KIT_SENT: break;
    case KIT_FAILED: fail(echo); break;
    }
}

static void start(struct rlv_probe *probe, const void *conf)
{
    static const struct kit_net net = {.verify = 1};
    struct rlv_scope *scope = bench_host.probe_scope(probe);
    struct echo *echo = bench_host.alloc(scope, sizeof *echo);
    struct kit_peer_at at = {.host = "127.0.0.1", .port = port, .net = &net};
    (void)conf;
    echo->probe = probe;
    echo->stream = kit_stream_open(scope, probe, &at, on_event, echo);
}

int main(int argc, char **argv)
{
    if (argc != 5) {
        fprintf(stderr, "usage: bench_stream PORT COUNT IN_FLIGHT RATE\n");
        return 2;
    }
    port = (uint16_t)atoi(argv[1]);
    if (kit_init(&bench_host) != 0)
        return 2;
    struct load load = {start, NULL, atol(argv[2]), atol(argv[3]),
                        atol(argv[4])};
    return bench_run(&load);
}
