/* tcp/tcp.h: what the files of the tcp plugin share.
 *
 *   tcp.c     the tables and their validation
 *   target.c  the url: where to go, with TLS or without; pins
 *   steps.c   the option `steps`, read, and held against what was received
 *   upgrade.c how protocols agree on TLS (STARTTLS)
 *   run.c     one probe: connect, upgrade, steps, end
 *   verdict.c observations of a probe, and why it did not get on
 */
#ifndef TCP_TCP_H
#define TCP_TCP_H

#include <relevo/plugin.h>

#include "kit/facts.h"
#include "kit/script.h"
#include "kit/stream.h"

struct tcp_conf {
    const char *url;
    int64_t starttls; /* 0: none; else of upgrade_find() */
    struct rlv_steps steps;
    int64_t max_received; /* bytes */
    struct rlv_list pins;
    struct kit_net net;
};

enum tcp_field {
    FIELD_LATENCY,
    FIELD_BANNER,
    FIELD_RECEIVED,
    FIELD_BYTES,
    FIELD_VALUE,
    FIELD_IP,
    FIELD_CERT_PIN,
    FIELD_TLS /* and so on: kit/facts.h */
};

extern const struct rlv_host *tcp_host;

/* ------------------------------------------------------------------ target */

/* Texts lie in text. */
struct target {
    const char *host; /* NULL: unix_path */
    const char *unix_path;
    uint16_t port;
    bool tls;
    char text[512];
};
/* False: why is filled. */
bool target_read(struct target *, const char *url, char *why, size_t size);
/* The SHA-256 of a public key: "sha256//BASE64", "BASE64", or hex. */
bool target_pin(const char *text, uint8_t pin[KIT_PIN]);

/* ------------------------------------------------------------------- steps */

enum verb {
    VERB_SEND,
    VERB_SEND_HEX,
    VERB_RECEIVE,
    VERB_RECEIVE_REGEX,
    VERB_RECEIVE_HEX,
    VERB_EXPECT_CLOSE,
    VERB_COUNT
};

struct step {
    enum verb verb;
    const char *text;    /* the verb's value; of the configuration */
    const char *capture; /* or NULL */
    int64_t within_ns;   /* -1: until the deadline */
};

const char *verb_name(enum verb);
bool verb_receives(enum verb);
/* Reads step n (from 0). False: why is filled. */
bool step_read(struct step *, const struct rlv_dict *, char *why, size_t size);
/* All of a check: each step, and the names that they fill in. */
bool steps_check(const struct rlv_steps *, char *why, size_t size);

/* What a step sends, or waits for: ready. */
struct pattern {
    char *bytes; /* filled in; owned */
    size_t len;
    struct kit_regex *regex; /* of receive_regex; owned */
};
bool pattern_prepare(struct pattern *, const struct step *,
                     const struct kit_values *, char *why, size_t size);
void pattern_fini(struct pattern *);
/* Looks from `from` on, which is where \A is; the match counts from there. */
bool pattern_find(const struct pattern *, const char *bytes, size_t len,
                  size_t from, struct kit_match *);

/* ----------------------------------------------------------------- upgrade */

#define TCP_STARTTLS "none|smtp|imap|pop3|ftp|postgres"

/* One exchange of a protocol on its way to TLS. */
struct move {
    const char *send; /* NULL: the peer speaks first */
    size_t len;
    const char *reply; /* a regular expression; its group is the verdict */
    const char *good; /* what a good verdict begins with; NULL: no more moves */
};
/* The moves of a protocol, by its place in TCP_STARTTLS. */
const struct move *upgrade_moves(int64_t starttls);

/* -------------------------------------------------------------------- runs */

enum stage {
    STAGE_CONNECT,
    STAGE_UPGRADE, /* the moves of starttls */
    STAGE_SECURE,  /* and its handshake */
    STAGE_BANNER,  /* nothing is to be done but to hear it */
    STAGE_STEPS
};

/* One probe. Lives in the probe's scope. */
struct run {
    struct rlv_probe *probe;
    const struct tcp_conf *conf;
    struct target target;
    struct kit_stream *stream;
    unsigned address; /* all_addresses: this one */
    enum stage stage;
    bool over;               /* done() at the end of this turn */
    struct rlv_watch *clock; /* of the present step; or NULL */

    char *received; /* since the connection stood; owned */
    size_t len, size;
    size_t taken; /* of these, what steps have gone past */

    const struct move *move; /* the present one */
    size_t step_at;
    struct step step; /* the present one */
    struct pattern pattern;
    struct kit_values values;
    int64_t began_ns; /* the connection */
    int64_t step_ns, stage_ns;
    int64_t sent_ns;    /* and not answered yet; 0: nothing */
    int64_t latency_ns; /* the slowest; -1: none */
};

void tcp_start(struct rlv_probe *, const void *conf);

/* ----------------------------------------------------------------- verdict */

/* Ends the probe, once this turn is over. */
void verdict_fault(struct run *, enum rlv_fault, const char *code,
                   const char *fmt, ...) RLV_PRINTF(4, 5);
/* The stream failed, or ended while something was waited for. */
void verdict_lost(struct run *);
void verdict_deadline(struct run *);
void verdict_step_late(struct run *);
void verdict_flood(struct run *);
/* What TLS showed: also of a handshake that failed. */
void verdict_observe_tls(struct run *);
void verdict_observe(struct run *);

#endif
