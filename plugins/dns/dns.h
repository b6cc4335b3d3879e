/* dns/dns.h: what the files of the dns plugin share.
 *
 *   dns.c      the tables and their validation
 *   target.c   the url, or name, type and server
 *   message.c  an answer taken apart
 *   run.c      one probe: ask through c-ares, observe, end
 *   channel.c  c-ares on the worker's loop
 */
#ifndef DNS_DNS_H
#define DNS_DNS_H

#include <ares.h>
#include <relevo/plugin.h>

#include "kit/init.h"

struct dns_conf {
    const char *url; /* NULL: name and so on */
    const char *name, *server;
    int64_t type;     /* index in DNS_TYPES */
    int64_t protocol; /* enum dns_protocol */
    int64_t recursion;
};

enum dns_protocol { DNS_UDP, DNS_TCP };

enum dns_field {
    FIELD_LATENCY,
    FIELD_RCODE,
    FIELD_ANSWERS,
    FIELD_ANSWER,
    FIELD_COUNT,
    FIELD_TTL,
    FIELD_ALIAS,
    FIELD_SERIAL,
    FIELD_AUTHORITATIVE,
    FIELD_RETRIES,
    FIELD_SERVER
};

extern const struct rlv_host *dns_host;

/* ------------------------------------------------------------------ target */

/* X(NAME, number of the type) in the order of the option's words. */
#define DNS_TYPE_MAP(X) \
    X(A, 1)             \
    X(AAAA, 28)         \
    X(CNAME, 5)         \
    X(MX, 15) X(NS, 2) X(SOA, 6) X(TXT, 16) X(SRV, 33) X(PTR, 12) X(CAA, 257)
#define DNS_TYPES "A|AAAA|CNAME|MX|NS|SOA|TXT|SRV|PTR|CAA"

#define DNS_NAME 256

struct target {
    char name[DNS_NAME]; /* what is asked for; of an address, its PTR name */
    const char *type;    /* "MX" */
    int number;
    char server[DNS_NAME]; /* a name or an address; "": the system's */
    uint16_t port;
};
/* False: why is filled, and *option named. */
bool target_read(struct target *, const struct dns_conf *, const char **option,
                 char *why, size_t size);

/* ----------------------------------------------------------------- message */

/* An answer; texts are the message's, which owns them. */
struct message {
    int rcode; /* with the upper bits of EDNS */
    bool authoritative;
    size_t count;
    char **answers; /* sorted */
    int64_t *ttls;  /* seconds, of each */
    char *alias;    /* where the last CNAME leads; or NULL */
    int64_t serial; /* of an SOA; -1: there is none */
};
/* False: it is malformed. message_fini() is due in any case. */
bool message_read(struct message *, const unsigned char *bytes, size_t len,
                  int type);
void message_fini(struct message *);
/* "NXDOMAIN", "RCODE11" in text. */
const char *message_rcode(int rcode, char *text, size_t size);

/* ----------------------------------------------------------------- channel */

#define SOCKETS 8

struct channel;
typedef void channel_fn(void *arg, int status, int timeouts,
                        const unsigned char *answer, size_t len);

struct asocket {
    struct channel *channel;
    struct rlv_watch *watch; /* NULL: not in use */
    int fd;
};

/* c-ares for one question; a member of its user's, in the scope of the probe,
 * ended by channel_close(). */
struct channel {
    struct rlv_probe *probe;
    ares_channel ares; /* NULL: closed */
    struct rlv_watch *timer;
    struct asocket sockets[SOCKETS];
    channel_fn *fn;
    void (*settle)(void *); /* called last in each turn of the loop */
    void *arg;
    int sys_errno; /* of the last call that failed; 0: none */
    bool ended;    /* the server closed a connection */
};
/* False: out of memory, or descriptors. servers: "192.0.2.1:53,…"; NULL: the
 * system's. */
bool channel_open(struct channel *, const struct dns_conf *,
                  const char *servers);
/* False: the name is none. fn is called once, before or after it returns. */
bool channel_ask(struct channel *, const char *name, int type, bool recursion);
void channel_close(struct channel *);
/* "192.0.2.1 port 53", or several. */
void channel_servers(struct channel *, char *text, size_t size);

/* --------------------------------------------------------------------- run */

void dns_start(struct rlv_probe *, const void *conf);

#endif
