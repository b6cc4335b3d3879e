/* kit/stream.c: the life of a stream: opened, lent, sent on, received from,
 * closed. See stream.h; how it is opened is dial.c's.
 *
 * Owns the easy handle (which stays in the crank: libcurl closes a CONNECT_ONLY
 * connection with its handle's stay), the watch of the descriptor, what waits
 * to be sent. The memory is the scope's.
 *
 * Happy path: kit_stream_open() dials; announce() watches the descriptor and
 * looks for a first byte (libcurl takes a connection that was never used for an
 * idle one, which it may close); on_event() sends what waits and
 * says KIT_READABLE; kit_stream_receive() reads until libcurl has nothing, for
 * what OpenSSL holds wakes no watch.
 *
 * Ways it can fail: not opened: KIT_FAILED. The peer ends it: the next receive
 * says so. Sending fails: what the peer sent before is still to be read, so it
 * is told by receive, too. A user's callback may close the stream or end its
 * probe, so nothing is touched after one. A peer that never stops sending: a
 * turn receives TURN_MAX bytes, and the loop serves others before the next. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kit/dial.h"

#define QUEUE_MAX (1024 * 1024)
#define TURN_MAX  (256 * 1024)

/* ------------------------------------------------------------- callbacks - */

/* The last thing that a function does: the stream may be gone. */
static void say(struct kit_stream *stream, enum kit_event event)
{
    if (!stream->fn)
        return;
    kit_host->serving(stream->transfer.probe);
    stream->fn(stream->arg, event);
}

static void announce(struct kit_stream *);

static void on_kick(void *arg, int events)
{
    (void)events;
    struct kit_stream *stream = arg;
    stream->received = 0;
    if (stream->stage == KIT_STAGE_FAILED)
        say(stream, KIT_FAILED);
    else if (stream->stage == KIT_STAGE_OPEN && !stream->announced)
        announce(stream);
    else if (stream->stage == KIT_STAGE_TLS || stream->stage == KIT_STAGE_TRUST)
        starttls_turn(stream);
    else if (stream->stage == KIT_STAGE_OPEN)
        say(stream, KIT_READABLE);
}

void stream_kick(struct kit_stream *stream)
{
    if (stream->kick)
        kit_host->rearm(stream->kick, 0, 0);
    else
        stream->kick = kit_host->timer(stream->scope, 0, on_kick, stream);
}

/* ------------------------------------------------------------------- end - */

static void unwatch(struct kit_stream *stream)
{
    if (stream->watch)
        kit_host->unwatch(stream->watch);
    stream->watch = NULL;
}

/* It is being said to be open; NULL as soon as it ends in doing so. */
static struct kit_stream *announcing;

/* Ends everything but the facts. */
static void shut(struct kit_stream *stream)
{
    struct kit_crank *crank = stream->transfer.crank;
    if (announcing == stream)
        announcing = NULL;
    unwatch(stream);
    starttls_end(stream);
    kit_crank_remove(&stream->transfer);
    /* One that has read a proxy's headers must read no others: http/lane.c. */
    if (crank && !stream->proxied)
        crank_easy_back(crank, stream->transfer.easy);
    else
        curl_easy_cleanup(stream->transfer.easy);
    stream->transfer.easy = NULL;
    dial_release(stream);
    free(stream->queue.at);
    stream->queue = (struct kit_bytes){0};
}

static void drop_kick(struct kit_stream *stream)
{
    if (stream->kick)
        kit_host->unwatch(stream->kick);
    stream->kick = NULL;
}

/* Streams of checks' scopes that are closed and may be opened again. A check
 * that connects anew every minute would fill its scope otherwise. */
#define IDLE_BUCKETS 64
static struct kit_stream *idle[IDLE_BUCKETS];

static struct kit_stream **idle_of(const struct rlv_scope *scope)
{
    return &idle[((uintptr_t)scope >> 6) % IDLE_BUCKETS];
}

static struct kit_stream *take_idle(struct rlv_scope *scope)
{
    struct kit_stream **at = idle_of(scope);
    while (*at && (*at)->scope != scope)
        at = &(*at)->next;
    struct kit_stream *found = *at;
    if (found)
        *at = found->next;
    return found;
}

static bool leave_idle(struct kit_stream *stream)
{
    for (struct kit_stream **at = idle_of(stream->scope); *at;
         at = &(*at)->next) {
        if (*at == stream) {
            *at = stream->next;
            return true;
        }
    }
    return false;
}

static void on_scope_end(void *arg)
{
    struct kit_stream *stream = arg;
    if (!leave_idle(stream)) {
        if (stream->lease)
            stream->lease->stream = NULL;
        shut(stream);
    }
    kit_peer_forget(&stream->certificate);
    kit_peer_forget(&stream->proxy_certificate);
}

/* ----------------------------------------------------------------- lease - */

static void serve_nobody(struct kit_stream *stream)
{
    if (stream->lease)
        stream->lease->stream = NULL;
    stream->lease = NULL;
    stream->transfer.probe = NULL;
    stream->fn = NULL;
    stream->arg = NULL;
}

/* The probe that it served ends. */
static void on_lease_end(void *arg)
{
    struct kit_lease *lease = arg;
    if (!lease->stream)
        return;
    if (lease->stream->stage == KIT_STAGE_OPEN)
        serve_nobody(lease->stream);
    else
        kit_stream_close(lease->stream);
}

static void serve(struct kit_stream *stream, struct rlv_probe *probe,
                  kit_stream_fn *fn, void *arg)
{
    struct rlv_scope *scope = kit_host->probe_scope(probe);
    struct kit_lease *lease = kit_host->alloc(scope, sizeof *lease);
    serve_nobody(stream);
    lease->stream = stream;
    if (stream->scope != scope)
        kit_host->defer(scope, on_lease_end, lease);
    stream->lease = lease;
    stream->transfer.probe = probe;
    stream->fn = fn;
    stream->arg = arg;
    stream->served_ns = kit_host->now();
}

void kit_stream_close(struct kit_stream *stream)
{
    if (!stream || stream->stage == KIT_STAGE_CLOSED)
        return;
    bool kept = !stream->lease ||
                kit_host->probe_scope(stream->transfer.probe) != stream->scope;
    shut(stream);
    drop_kick(stream);
    serve_nobody(stream);
    stream->stage = KIT_STAGE_CLOSED;
    if (!kept)
        return;
    stream->next = *idle_of(stream->scope);
    *idle_of(stream->scope) = stream;
}

/* ------------------------------------------------------------------ read - */

/* What recv gives: bytes, or one of KIT_EMPTY, KIT_CLOSED, KIT_BROKEN. */
static ptrdiff_t take(struct kit_stream *stream, void *bytes, size_t size)
{
    size_t n = 0;
    stream->used = true;
    CURLcode rc = stream->ssl
                      ? starttls_recv(stream, bytes, size, &n)
                      : curl_easy_recv(stream->transfer.easy, bytes, size, &n);
    if (rc == CURLE_OK && n)
        return (ptrdiff_t)n;
    if (rc == CURLE_AGAIN && !stream->unsendable)
        return KIT_EMPTY;
    if (rc == CURLE_OK)
        stream->rc = rc;
    else if (rc != CURLE_AGAIN)
        lost_note(stream, rc);
    stream->ended = true;
    unwatch(stream);
    return stream->rc == CURLE_OK ? KIT_CLOSED : KIT_BROKEN;
}

static int wanted_events(const struct kit_stream *stream)
{
    bool full = !stream->fn && stream->has_ahead;
    bool waits = stream->queue.len > stream->queue.done;
    return (full ? 0 : RLV_READ) | (waits ? RLV_WRITE : 0);
}

static void rewatch(struct kit_stream *stream)
{
    if (stream->watch)
        kit_host->rearm(stream->watch, wanted_events(stream), 0);
}

/* Is there a byte, or an end? */
static void look_ahead(struct kit_stream *stream)
{
    if (stream->has_ahead || stream->ended)
        return;
    stream->has_ahead = take(stream, &stream->ahead, 1) == 1;
}

ptrdiff_t kit_stream_receive(struct kit_stream *stream, void *bytes,
                             size_t size)
{
    if (stream->stage != KIT_STAGE_OPEN || !size)
        return KIT_EMPTY;
    if (stream->received >= TURN_MAX) {
        stream_kick(stream);
        return KIT_EMPTY;
    }
    ptrdiff_t n = 0;
    if (stream->has_ahead) {
        *(char *)bytes = stream->ahead;
        stream->has_ahead = false;
        n = 1;
    }
    if (!stream->ended && (size_t)n < size) {
        ptrdiff_t more = take(stream, (char *)bytes + n, size - (size_t)n);
        if (more > 0)
            n += more;
        else if (!n && more != KIT_EMPTY)
            return more;
    }
    stream->received += (size_t)n;
    if (n || !stream->ended)
        return n;
    return stream->rc == CURLE_OK ? KIT_CLOSED : KIT_BROKEN;
}

/* ------------------------------------------------------------------ send - */

/* Bytes that went; none, too, where it is broken. */
static size_t give(struct kit_stream *stream, const char *bytes, size_t len)
{
    size_t done = 0;
    stream->used = true;
    while (done < len && !stream->unsendable) {
        size_t n = 0;
        CURLcode rc = stream->ssl
                          ? starttls_send(stream, bytes + done, len - done, &n)
                          : curl_easy_send(stream->transfer.easy, bytes + done,
                                           len - done, &n);
        done += n;
        if (rc == CURLE_AGAIN || (rc == CURLE_OK && !n))
            break;
        if (rc != CURLE_OK) {
            lost_note(stream, rc);
            stream->unsendable = true;
        }
    }
    return done;
}

static bool enqueue(struct kit_bytes *queue, const char *bytes, size_t len)
{
    if (queue->done == queue->len)
        queue->done = queue->len = 0;
    if (queue->len + len > queue->size) {
        size_t size = queue->size ? queue->size : 4096;
        while (size < queue->len + len)
            size *= 2;
        char *grown = realloc(queue->at, size);
        if (!grown)
            return false;
        queue->at = grown;
        queue->size = size;
    }
    memcpy(queue->at + queue->len, bytes, len);
    queue->len += len;
    return true;
}

bool kit_stream_send(struct kit_stream *stream, const void *bytes, size_t len)
{
    struct kit_bytes *queue = &stream->queue;
    size_t waits = queue->len - queue->done, done = 0;
    if (waits + len > QUEUE_MAX)
        return false;
    if (stream->stage != KIT_STAGE_OPEN || stream->ended)
        return true; /* which receive tells */
    if (!waits)
        done = give(stream, bytes, len);
    if (stream->unsendable) {
        stream_kick(stream);
        return true;
    }
    if (done == len)
        return true;
    if (!enqueue(queue, (const char *)bytes + done, len - done))
        return false;
    rewatch(stream);
    return true;
}

/* True: all of it went just now. */
static bool drain(struct kit_stream *stream)
{
    struct kit_bytes *queue = &stream->queue;
    if (queue->done == queue->len)
        return false;
    queue->done +=
        give(stream, queue->at + queue->done, queue->len - queue->done);
    if (stream->unsendable)
        queue->done = queue->len;
    if (queue->done < queue->len)
        return false;
    rewatch(stream);
    return !stream->unsendable;
}

/* ---------------------------------------------------------------- events - */

static void on_event(void *arg, int events)
{
    struct kit_stream *stream = arg;
    kit_host->serving(stream->transfer.probe);
    stream->received = 0;
    if (stream->stage != KIT_STAGE_OPEN) {
        starttls_turn(stream);
    } else if (!stream->fn) {
        look_ahead(stream);
        rewatch(stream);
    } else if ((events & RLV_WRITE) && drain(stream)) {
        say(stream, KIT_SENT); /* a byte to be read wakes us again */
    } else if (events & (RLV_READ | RLV_ERROR) || stream->unsendable) {
        say(stream, KIT_READABLE);
    }
}

static void note_ip(struct kit_stream *stream)
{
    char *ip = NULL;
    struct sockaddr_storage *address = &stream->attempt.address;
    if (stream->at.unix_path || stream->proxied)
        return;
    curl_easy_getinfo(stream->transfer.easy, CURLINFO_PRIMARY_IP, &ip);
    if (!ip)
        return;
    struct sockaddr_in *v4 = (void *)address;
    struct sockaddr_in6 *v6 = (void *)address;
    snprintf(stream->ip, sizeof stream->ip, "%s", ip);
    if (inet_pton(AF_INET6, ip, &v6->sin6_addr) == 1)
        address->ss_family = AF_INET6;
    else if (inet_pton(AF_INET, ip, &v4->sin_addr) == 1)
        address->ss_family = AF_INET;
}

/* Once more where TLS was started: then it is watched already. */
static void announce(struct kit_stream *stream)
{
    stream->announced = true;
    look_ahead(stream);
    if (!stream->ended && !stream->watch)
        stream->watch = kit_host->watch(
            stream->scope, stream->fd, wanted_events(stream), on_event, stream);
    rewatch(stream);
    if (stream->has_ahead || stream->ended)
        stream_kick(stream);
    say(stream, KIT_OPEN);
}

void stream_opened(struct kit_stream *stream)
{
    curl_socket_t fd = CURL_SOCKET_BAD;
    curl_easy_getinfo(stream->transfer.easy, CURLINFO_ACTIVESOCKET, &fd);
    note_ip(stream);
    lost_peer(stream);
    if (fd == CURL_SOCKET_BAD) {
        stream_failed(stream, KIT_LOST_RESOURCE);
        return;
    }
    dial_stage(stream, KIT_STAGE_OPEN);
    stream->at = (struct kit_peer_at){.tls = stream->at.tls};
    stream->opened_ns = stream->stage_ns;
    stream->rc = CURLE_OK;
    stream->sys_errno = 0;
    stream->fd = fd;
    lost_begin(stream);
    if (stream->opening)
        stream_kick(stream);
    else
        announce(stream);
}

void stream_failed(struct kit_stream *stream, enum kit_lost lost)
{
    stream->lost = lost;
    lost_peer(stream);
    dial_stage(stream, KIT_STAGE_FAILED);
    shut(stream);
    if (stream->opening)
        stream_kick(stream);
    else
        say(stream, KIT_FAILED);
}

/* ------------------------------------------------------------------ open - */

struct kit_stream *kit_stream_open(struct rlv_scope *scope,
                                   struct rlv_probe *probe,
                                   const struct kit_peer_at *at,
                                   kit_stream_fn *fn, void *arg)
{
    struct kit_stream *stream = take_idle(scope);
    if (stream) {
        kit_peer_forget(&stream->certificate);
        kit_peer_forget(&stream->proxy_certificate);
        *stream = (struct kit_stream){.scope = scope};
    } else {
        stream = kit_host->alloc(scope, sizeof *stream);
        stream->scope = scope;
        kit_host->defer(scope, on_scope_end, stream);
    }
    stream->at = *at;
    serve(stream, probe, fn, arg);
    stream->opening = true;
    dial_begin(stream);
    stream->opening = false;
    return stream;
}

void kit_stream_lend(struct kit_stream *stream, struct rlv_probe *probe,
                     kit_stream_fn *fn, void *arg)
{
    if (!probe) {
        if (stream->stage == KIT_STAGE_OPEN)
            serve_nobody(stream);
        else
            kit_stream_close(stream);
        return;
    }
    serve(stream, probe, fn, arg);
    rewatch(stream);
    if (stream->has_ahead || stream->ended)
        stream_kick(stream);
}

/* ----------------------------------------------------------------- facts - */

bool kit_stream_dead(const struct kit_stream *stream)
{
    return stream->stage != KIT_STAGE_OPEN || stream->ended ||
           stream->unsendable;
}

bool kit_stream_is_open(const struct kit_stream *stream)
{
    return stream->stage == KIT_STAGE_OPEN;
}

int64_t kit_stream_opened_ns(const struct kit_stream *stream)
{
    return stream->opened_ns;
}

const char *kit_stream_peer(const struct kit_stream *stream)
{
    return stream->peer;
}

const char *kit_stream_ip(const struct kit_stream *stream)
{
    return stream->ip;
}

unsigned kit_stream_addresses(const struct kit_stream *stream)
{
    return stream->addresses;
}

const struct kit_peer *kit_stream_certificate(const struct kit_stream *stream)
{
    return stream->certificate.seen ? &stream->certificate : NULL;
}
