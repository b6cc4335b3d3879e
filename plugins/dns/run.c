/* dns/run.c: one probe, from start to done.
 *
 * Owns the run (in the probe's scope). Called by the host and by channel.c.
 *
 * Happy path: dns_start() → a server that is a name is resolved on the
 * worker's pool → a channel to it → the question → the answer, taken apart,
 * observed. What a server says no with (NXDOMAIN, SERVFAIL, REFUSED) is an
 * answer, too: observed, with a hint for the lines that want another.
 *
 * Ways it can fail: the server's name does not resolve; nobody listens there;
 * no answer by the deadline (a datagram that is lost is sent again before); an
 * answer that is malformed. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "dns/dns.h"
#include "kit/why.h"

struct run {
    struct rlv_probe *probe;
    const struct dns_conf *conf;
    struct target target;
    struct channel channel;
    struct message message;
    char peer[300]; /* whom we ask; "" as long as it is being resolved */
    int64_t began_ns, asked_ns;
    int retries;
    bool over; /* done() at the end of this turn */
};

static void settle(void *arg)
{
    struct run *run = arg;
    if (run->over)
        dns_host->done(run->probe);
}

/* ------------------------------------------------------------ observations */

static void observe_answers(struct run *run)
{
    const struct message *m = &run->message;
    char text[4096];
    size_t len = 0;
    int64_t least = m->ttls[0];
    for (size_t i = 0; i < m->count; i++) {
        if (m->ttls[i] < least)
            least = m->ttls[i];
        if (len < sizeof text)
            len += (size_t)snprintf(text + len, sizeof text - len, "%s%s",
                                    i ? ", " : "", m->answers[i]);
        dns_host->observe_key(run->probe, FIELD_ANSWER, m->answers[i],
                              rlv_duration(m->ttls[i] * 1000000000));
    }
    dns_host->observe(run->probe, FIELD_ANSWERS, rlv_text(text));
    dns_host->observe(run->probe, FIELD_TTL, rlv_duration(least * 1000000000));
}

/* Where an expectation turns out false, this is why. */
static void hint(struct run *run, const char *rcode)
{
    const struct target *target = &run->target;
    const struct message *m = &run->message;
    if (m->rcode)
        dns_host->hint(run->probe,
                       m->rcode == 5 ? RLV_F_FORBIDDEN : RLV_F_ERROR_RESPONSE,
                       rcode, "%s answered %s to %s %s", run->peer, rcode,
                       target->type, target->name);
    else if (!m->count)
        dns_host->hint(run->probe, RLV_F_ERROR_RESPONSE, "NODATA",
                       "%s knows %s, and no %s record of it", run->peer,
                       target->name, target->type);
}

static void observe(struct run *run)
{
    const struct message *m = &run->message;
    struct rlv_probe *probe = run->probe;
    char text[16];
    const char *rcode = message_rcode(m->rcode, text, sizeof text);
    int64_t took_ns = dns_host->now() - run->asked_ns;
    dns_host->phase(probe, RLV_PH_WAIT, took_ns);
    dns_host->observe(probe, FIELD_LATENCY, rlv_duration(took_ns));
    dns_host->observe(probe, FIELD_RCODE, rlv_text(rcode));
    dns_host->observe(probe, FIELD_AUTHORITATIVE, rlv_bool(m->authoritative));
    dns_host->observe(probe, FIELD_RETRIES, rlv_int(run->retries));
    dns_host->observe(probe, FIELD_SERVER, rlv_text(run->peer));
    if (!m->rcode)
        dns_host->observe(probe, FIELD_COUNT, rlv_int((int64_t)m->count));
    if (m->alias)
        dns_host->observe(probe, FIELD_ALIAS, rlv_text(m->alias));
    if (m->serial >= 0)
        dns_host->observe(probe, FIELD_SERIAL, rlv_int(m->serial));
    if (m->count)
        observe_answers(run);
    hint(run, rcode);
}

/* ------------------------------------------------------------------ faults */

static void late(struct run *run)
{
    double s = (double)(dns_host->now() - run->began_ns) / 1e9;
    if (run->asked_ns)
        dns_host->phase(run->probe, RLV_PH_WAIT,
                        dns_host->now() - run->asked_ns);
    dns_host->fault(run->probe, RLV_F_TIMEOUT, run->target.type, 0,
                    "%s did not answer to %s %s in %.2f s", run->peer,
                    run->target.type, run->target.name, s);
}

static void on_deadline(void *arg, int events)
{
    (void)events;
    struct run *run = arg;
    run->over = true;
    if (*run->peer)
        late(run);
    else
        kit_why_late_resolve(run->probe, run->target.server,
                             dns_host->now() - run->began_ns);
    settle(run);
}

static void fault_status(struct run *run, int status)
{
    const struct channel *channel = &run->channel;
    if (status == ARES_ENOMEM)
        dns_host->fault(run->probe, RLV_F_RESOURCE, "ENOMEM", ENOMEM,
                        "no memory for the question");
    else if (status == ARES_ETIMEOUT)
        late(run);
    else if (channel->sys_errno)
        kit_why_connect(run->probe, run->peer, channel->sys_errno, "");
    else if (channel->ended)
        dns_host->fault(run->probe, RLV_F_CLOSED, "closed", 0,
                        "%s closed the connection without an answer to %s %s",
                        run->peer, run->target.type, run->target.name);
    else
        dns_host->fault(run->probe, RLV_F_PROTOCOL, "answer", 0,
                        "no answer of %s to %s %s: %s", run->peer,
                        run->target.type, run->target.name,
                        ares_strerror(status));
}

/* c-ares asks but once by TCP, and gives up at the time of one try. */
static bool ask_again(struct run *run)
{
    return dns_host->now() < dns_host->deadline(run->probe) &&
           channel_ask(&run->channel, run->target.name, run->target.number,
                       run->conf->recursion);
}

static void on_answer(void *arg, int status, int timeouts,
                      const unsigned char *bytes, size_t len)
{
    struct run *run = arg;
    run->retries += timeouts;
    if (status == ARES_ETIMEOUT && ask_again(run))
        return;
    run->over = true;
    if (status != ARES_SUCCESS) {
        fault_status(run, status);
        return;
    }
    if (message_read(&run->message, bytes, len, run->target.number)) {
        observe(run);
        return;
    }
    dns_host->evidence(run->probe, "answer", bytes, len);
    dns_host->fault(run->probe, RLV_F_PROTOCOL, "answer", 0,
                    "the answer of %s to %s %s is malformed", run->peer,
                    run->target.type, run->target.name);
}

/* ------------------------------------------------------------------- asking */

static void misconfigured(struct run *run, const char *option, const char *why)
{
    dns_host->fault(run->probe, RLV_F_CONFIG, option, 0, "%s", why);
    run->over = true;
}

static void ask(struct run *run, const char *servers)
{
    if (!channel_open(&run->channel, run->conf, servers)) {
        dns_host->fault(run->probe, RLV_F_RESOURCE, "c-ares", 0,
                        "c-ares could not be set up");
        run->over = true;
        return;
    }
    if (!*run->peer)
        channel_servers(&run->channel, run->peer, sizeof run->peer);
    run->asked_ns = dns_host->now();
    if (!channel_ask(&run->channel, run->target.name, run->target.number,
                     run->conf->recursion))
        misconfigured(run, "name", "what is asked for is no name of the DNS");
}

static void ask_address(struct run *run, const struct sockaddr_storage *address,
                        bool literal)
{
    char ip[INET6_ADDRSTRLEN], servers[INET6_ADDRSTRLEN + 16];
    kit_ip_text(ip, sizeof ip, address);
    kit_peer_text(run->peer, sizeof run->peer, run->target.server,
                  run->target.port, literal, address);
    snprintf(servers, sizeof servers,
             address->ss_family == AF_INET6 ? "[%s]:%u" : "%s:%u", ip,
             run->target.port);
    ask(run, servers);
}

static void on_resolved(void *arg, int gai,
                        const struct sockaddr_storage *addresses, size_t count)
{
    struct run *run = arg;
    dns_host->phase(run->probe, RLV_PH_DNS, dns_host->now() - run->began_ns);
    if (gai || !count) {
        kit_why_resolve(run->probe, run->target.server, gai);
        run->over = true;
    } else {
        ask_address(run, &addresses[0], false);
    }
    settle(run);
}

static bool address_of(const char *text, struct sockaddr_storage *address)
{
    struct sockaddr_in *v4 = (void *)address;
    struct sockaddr_in6 *v6 = (void *)address;
    *address = (struct sockaddr_storage){0};
    if (inet_pton(AF_INET, text, &v4->sin_addr) == 1)
        address->ss_family = AF_INET;
    else if (inet_pton(AF_INET6, text, &v6->sin6_addr) == 1)
        address->ss_family = AF_INET6;
    return address->ss_family != AF_UNSPEC;
}

/* Also when the host ends the probe. */
static void release(void *arg)
{
    struct run *run = arg;
    channel_close(&run->channel);
    message_fini(&run->message);
}

void dns_start(struct rlv_probe *probe, const void *conf)
{
    struct rlv_scope *scope = dns_host->probe_scope(probe);
    struct run *run = dns_host->alloc(scope, sizeof *run);
    struct sockaddr_storage address;
    const char *option;
    char why[200];
    run->probe = run->channel.probe = probe;
    run->conf = conf;
    run->channel.fn = on_answer;
    run->channel.settle = settle;
    run->channel.arg = run;
    run->began_ns = dns_host->now();
    dns_host->defer(scope, release, run);
    dns_host->timer(scope, dns_host->deadline(probe) - run->began_ns,
                    on_deadline, run);
    if (!target_read(&run->target, conf, &option, why, sizeof why))
        misconfigured(run, option, why);
    else if (!*run->target.server)
        ask(run, NULL);
    else if (address_of(run->target.server, &address))
        ask_address(run, &address, true);
    else
        dns_host->resolve(probe, run->target.server, run->target.port,
                          AF_UNSPEC, on_resolved, run);
    settle(run);
}
