/* dns/channel.c: c-ares on the worker's loop.
 *
 * Owns the c-ares channel and the watches of its sockets. Called by run.c.
 *
 * Happy path: channel_open() → channel_ask() → c-ares opens a socket
 * (on_open), asks for it to be watched (on_state), sends → on_event() → the
 * answer comes: fn → settle.
 *
 * Ways it can fail: c-ares says why with a status only; the calls to the
 * system are our own, so that the errno is known, too. c-ares forbids that its
 * channel ends in one of its callbacks: so fn only notes what came, and
 * settle(), once c-ares has returned, ends the probe. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/uio.h>
#include <unistd.h>

#include "dns/dns.h"
#include "kit/why.h"

#define MS       1000000ll
#define EDNS_MAX 1232 /* what passes everywhere in one piece */
#define TRIES    16   /* the deadline ends it, not their number */
#define TRY_MS   2000 /* the first; each next waits twice as long */

/* ------------------------------------------------------------ system calls */

static ares_socket_t on_open(int family, int type, int protocol, void *arg)
{
    struct channel *channel = arg;
    int fd = socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol);
    if (fd < 0)
        channel->sys_errno = errno;
    return fd;
}

static int on_close(ares_socket_t fd, void *arg)
{
    (void)arg;
    return close(fd);
}

static void note(struct channel *channel)
{
    if (errno != EAGAIN && errno != EINPROGRESS && errno != EINTR)
        channel->sys_errno = errno;
}

static int on_connect(ares_socket_t fd, const struct sockaddr *address,
                      ares_socklen_t len, void *arg)
{
    int rc = connect(fd, address, len);
    if (rc)
        note(arg);
    return rc;
}

static ares_ssize_t on_receive(ares_socket_t fd, void *bytes, size_t size,
                               int flags, struct sockaddr *from,
                               ares_socklen_t *len, void *arg)
{
    struct channel *channel = arg;
    ssize_t n = recvfrom(fd, bytes, size, flags, from, len);
    if (n < 0)
        note(channel);
    else if (!n)
        channel->ended = true;
    return n;
}

static ares_ssize_t on_send(ares_socket_t fd, const struct iovec *parts,
                            int count, void *arg)
{
    ssize_t n = writev(fd, parts, count);
    if (n < 0)
        note(arg);
    return n;
}

static const struct ares_socket_functions calls = {
    on_open, on_close, on_connect, on_receive, on_send};

/* -------------------------------------------------------------------- loop */

static void set_timer(struct channel *channel)
{
    struct timeval tv, *left = ares_timeout(channel->ares, NULL, &tv);
    dns_host->rearm(channel->timer, 0,
                    left ? left->tv_sec * 1000 * MS + left->tv_usec * 1000
                         : -1);
}

static void turn(struct channel *channel, ares_socket_t in, ares_socket_t out)
{
    ares_process_fd(channel->ares, in, out);
    set_timer(channel);
    channel->settle(channel->arg);
}

static void on_time(void *arg, int events)
{
    (void)events;
    turn(arg, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
}

/* An error is read, too: that is how it is learnt. */
static void on_event(void *arg, int events)
{
    struct asocket *s = arg;
    turn(s->channel, events & (RLV_READ | RLV_ERROR) ? s->fd : ARES_SOCKET_BAD,
         events & RLV_WRITE ? s->fd : ARES_SOCKET_BAD);
}

static struct asocket *socket_of(struct channel *channel, int fd)
{
    struct asocket *free_one = NULL;
    for (size_t i = 0; i < SOCKETS; i++) {
        struct asocket *s = &channel->sockets[i];
        if (s->watch && s->fd == fd)
            return s;
        if (!s->watch && !free_one)
            free_one = s;
    }
    return free_one;
}

static void on_state(void *arg, ares_socket_t fd, int readable, int writable)
{
    struct channel *channel = arg;
    struct asocket *s = socket_of(channel, fd);
    int events = (readable ? RLV_READ : 0) | (writable ? RLV_WRITE : 0);
    if (!s)
        return; /* more than there can be for one question */
    if (!events && s->watch) {
        dns_host->unwatch(s->watch);
        s->watch = NULL;
    } else if (events && s->watch) {
        dns_host->rearm(s->watch, events, 0);
    } else if (events) {
        *s = (struct asocket){.channel = channel, .fd = fd};
        s->watch = dns_host->watch(dns_host->probe_scope(channel->probe), fd,
                                   events, on_event, s);
    }
}

/* ----------------------------------------------------------------- channel */

bool channel_open(struct channel *channel, const struct dns_conf *conf,
                  const char *servers)
{
    int64_t left_ms =
        (dns_host->deadline(channel->probe) - dns_host->now()) / MS;
    struct ares_options options = {
        .flags = ARES_FLAG_NOSEARCH | ARES_FLAG_NOALIASES |
                 ARES_FLAG_NOCHECKRESP | ARES_FLAG_EDNS |
                 (conf->protocol == DNS_TCP ? ARES_FLAG_USEVC : 0),
        .timeout = left_ms / 4 < TRY_MS ? (int)(left_ms / 4) + 1 : TRY_MS,
        .tries = TRIES,
        .ednspsz = EDNS_MAX,
        .lookups = (char *)"b",
        .sock_state_cb = on_state,
        .sock_state_cb_data = channel,
    };
    if (ares_init_options(&channel->ares, &options,
                          ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES |
                              ARES_OPT_EDNSPSZ | ARES_OPT_LOOKUPS |
                              ARES_OPT_SOCK_STATE_CB) != ARES_SUCCESS) {
        channel->ares = NULL;
        return false;
    }
    ares_set_socket_functions(channel->ares, &calls, channel);
    channel->timer = dns_host->timer(dns_host->probe_scope(channel->probe),
                                     1000 * MS, on_time, channel);
    dns_host->rearm(channel->timer, 0, -1);
    return !servers ||
           ares_set_servers_ports_csv(channel->ares, servers) == ARES_SUCCESS;
}

static void on_answer(void *arg, int status, int timeouts, unsigned char *bytes,
                      int len)
{
    struct channel *channel = arg;
    if (channel->ares)
        channel->fn(channel->arg, status, timeouts, bytes,
                    len > 0 ? (size_t)len : 0);
}

bool channel_ask(struct channel *channel, const char *name, int type,
                 bool recursion)
{
    unsigned char *query = NULL;
    unsigned short id = 0;
    int len = 0;
    if (getrandom(&id, sizeof id, 0) != (ssize_t)sizeof id ||
        ares_create_query(name, 1, type, id, recursion, &query, &len,
                          EDNS_MAX) != ARES_SUCCESS)
        return false;
    ares_send(channel->ares, query, len, on_answer, channel);
    ares_free_string(query);
    set_timer(channel);
    return true;
}

/* c-ares calls back once more for a question that is under way. */
void channel_close(struct channel *channel)
{
    ares_channel ares = channel->ares;
    channel->ares = NULL;
    if (ares)
        ares_destroy(ares);
}

void channel_servers(struct channel *channel, char *text, size_t size)
{
    struct ares_addr_port_node *all = NULL;
    size_t len = 0;
    text[0] = '\0';
    if (ares_get_servers_ports(channel->ares, &all) != ARES_SUCCESS)
        return;
    for (const struct ares_addr_port_node *s = all; s && len < size;
         s = s->next) {
        char ip[INET6_ADDRSTRLEN];
        ares_inet_ntop(s->family, &s->addr, ip, sizeof ip);
        len += (size_t)snprintf(text + len, size - len, "%s%s port %d",
                                len ? ", " : "", ip,
                                s->udp_port ? s->udp_port : 53);
    }
    ares_free_data(all);
}
