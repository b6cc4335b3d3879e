/* example/async/memcached.c: a complete plugin that does not block, to copy
 * from for anything that is asked over a socket. It asks for the version.
 *
 * Happy path: start → on_addresses → try_next → on_connected → on_answer →
 * done. Ways it can fail: the name does not resolve; each address refuses; the
 * deadline comes, and `late` knows what it was waiting for; the answer is cut
 * off, or no memcached's. Whatever happens, hang_up() runs when the probe's
 * scope ends. docs/plugins.md says what it relies on. */
#include <errno.h>
#include <netinet/in.h>
#include <relevo/plugin.h>
#include <unistd.h>

struct conf {
    const char *host;
    int64_t port;
};
static const struct rlv_option options[] = {
    {"host", RLV_STRING, 0, offsetof(struct conf, host), "127.0.0.1", NULL,
     "The server's name or address."},
    {"port", RLV_INT, 0, offsetof(struct conf, port), "11211", "1..65535",
     "The server's port."},
};
enum { VERSION, LATENCY };
static const struct rlv_field fields[] = {
    [VERSION] = {"version", RLV_T_TEXT, 0, "", "What it says it is."},
    [LATENCY] = {"latency", RLV_T_DURATION, RLV_RECORDED, "",
                 "From the question to the answer."},
};

struct run { /* one probe, from start() to done() */
    struct rlv_probe *probe;
    const struct conf *conf;
    enum rlv_fault late; /* what it is, if the deadline comes now */
    struct sockaddr_storage addrs[8];
    size_t count, next, len;
    struct rlv_watch *watch;
    int fd;
    int64_t since;
    char answer[256];
};
static const struct rlv_host *host;

static void fail(struct run *r, enum rlv_fault fault, int error,
                 const char *why)
{
    host->fault(r->probe, fault, NULL, error, "%s port %d: %s", r->conf->host,
                (int)r->conf->port, error != 0 ? strerror(error) : why);
    host->done(r->probe); /* r is gone: whoever calls this returns */
}

static void on_deadline(void *arg, int events)
{
    struct run *r = arg;
    (void)events;
    fail(r, r->late, 0,
         r->late == RLV_F_TIMEOUT ? "no answer in time"
                                  : "no connection in time");
}

static void on_answer(struct run *r)
{
    ssize_t n = recv(r->fd, r->answer + r->len, sizeof r->answer - r->len, 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return; /* the watch calls again */
    if (n <= 0) {
        fail(r, n == 0 ? RLV_F_CLOSED : RLV_F_RESET, n == 0 ? 0 : errno,
             "closed before the answer was whole");
        return;
    }
    r->len += (size_t)n; /* it may come in pieces, and be anything */
    char *end = memchr(r->answer, '\r', r->len);
    if (memcmp(r->answer, "VERSION ", r->len < 8 ? r->len : 8) != 0 ||
        (end == NULL && r->len == sizeof r->answer)) {
        host->evidence(r->probe, "answer", r->answer, r->len);
        fail(r, RLV_F_PROTOCOL, 0, "the answer is not a memcached's");
    } else if (end != NULL) {
        int64_t took = host->now() - r->since;
        host->phase(r->probe, RLV_PH_WAIT, took);
        host->observe(r->probe, LATENCY, rlv_duration(took));
        host->observe(r->probe, VERSION,
                      rlv_text_n(r->answer + 8, (size_t)(end - r->answer) - 8));
        host->done(r->probe);
    }
}

static void hang_up(void *arg) /* also called when the probe's scope ends */
{
    struct run *r = arg;
    if (r->fd >= 0)
        close(r->fd);
    r->fd = -1;
}

static void try_next(struct run *r, int error);

static void on_connected(struct run *r)
{
    int error = 0;
    socklen_t size = sizeof error;
    getsockopt(r->fd, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0) {
        host->unwatch(r->watch); /* before the descriptor is closed */
        hang_up(r);
        try_next(r, error);
        return;
    }
    host->phase(r->probe, RLV_PH_CONNECT, host->now() - r->since);
    r->late = RLV_F_TIMEOUT;
    r->since = host->now();
    if (send(r->fd, "version\r\n", 9, MSG_NOSIGNAL) != 9)
        fail(r, RLV_F_RESET, errno, "");
    else
        host->rearm(r->watch, RLV_READ, 0);
}

static void on_event(void *arg, int events)
{
    struct run *r = arg;
    (void)events; /* RLV_ERROR, too: the call says what it is */
    if (r->late == RLV_F_CONNECT_TIMEOUT)
        on_connected(r);
    else
        on_answer(r);
}

/* error: why the address before did not do. */
static void try_next(struct run *r, int error)
{
    while (r->next < r->count) {
        struct sockaddr_storage *a = &r->addrs[r->next++];
        r->fd =
            socket(a->ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (r->fd < 0) {
            fail(r, RLV_F_RESOURCE, errno, "");
            return;
        }
        r->since = host->now();
        if (connect(r->fd, (struct sockaddr *)a,
                    a->ss_family == AF_INET6
                        ? sizeof(struct sockaddr_in6)
                        : sizeof(struct sockaddr_in)) == 0 ||
            errno == EINPROGRESS) {
            r->late = RLV_F_CONNECT_TIMEOUT;
            r->watch = host->watch(host->probe_scope(r->probe), r->fd,
                                   RLV_WRITE, on_event, r);
            return;
        }
        error = errno;
        hang_up(r);
    }
    fail(r,
         error == ECONNREFUSED ? RLV_F_REFUSED
         : error == ETIMEDOUT  ? RLV_F_CONNECT_TIMEOUT
         : error == ECONNRESET ? RLV_F_RESET
                               : RLV_F_UNREACHABLE,
         error, "no address");
}

static void on_addresses(void *arg, int gai,
                         const struct sockaddr_storage *addrs, size_t count)
{
    struct run *r = arg;
    if (gai != 0) {
        fail(r, RLV_F_DNS, 0, "the name does not resolve");
        return;
    }
    r->count = count < 8 ? count : 8;
    memcpy(r->addrs, addrs, r->count * sizeof *addrs); /* theirs end now */
    try_next(r, 0);
}

static void start(struct rlv_probe *probe, const void *conf)
{
    struct rlv_scope *scope = host->probe_scope(probe);
    struct run *r = host->alloc(scope, sizeof *r); /* zeroed */
    r->probe = probe;
    r->conf = conf;
    r->fd = -1;
    r->late = RLV_F_DNS;
    host->defer(scope, hang_up, r);
    host->timer(scope, host->deadline(probe) - host->now(), on_deadline, r);
    host->resolve(probe, r->conf->host, (uint16_t)r->conf->port, AF_UNSPEC,
                  on_addresses, r);
}

static int init(const struct rlv_host *h)
{
    host = h;
    return 0;
}

RLV_PLUGIN(.name = "memcached", .version = "1.0", .summary = "A memcached",
           RLV_OPTIONS(struct conf, options), RLV_FIELDS(fields), .init = init,
           .start = start);
