/* websocket/websocket.h: what the files of the websocket plugin share.
 *
 *   websocket.c  the tables and their validation
 *   target.c     the url: where to go, what to ask for, as whom
 *   upgrade.c    the opening handshake: the request, the answer held against it
 *   steps.c      the option `steps`, read and checked
 *   match.c      whether a message is the one awaited; captures; {{name}}
 *   path.c       one value inside a JSON document
 *   watchful.c   gaps, age and sequence of messages
 *   link.h       one connection: link.c, handshake.c, frames.c
 *   session.c    one probe: connect, steps, trigger, hold, close
 *   play.c       the steps of a session, one after the other
 *   verdict.c    faults and observations of a session
 */
#ifndef WEBSOCKET_WEBSOCKET_H
#define WEBSOCKET_WEBSOCKET_H

#include <jansson.h>
#include <relevo/plugin.h>

#include "kit/facts.h"
#include "kit/script.h"
#include "kit/stream.h"

#define WS_NONCE      33 /* bytes of a nonce's text, its NUL included */
#define WS_KEY        25 /* of Sec-WebSocket-Key */
#define WS_HEAD_MAX   16384
#define WS_EXCERPT    4096
#define WS_REASON_MAX 123 /* bytes of a close frame, beside its code */

struct websocket_conf {
    const char *url;
    struct rlv_dict headers;
    const char *origin, *host_header, *user_agent;
    struct rlv_list subprotocols;
    const char *username, *password, *bearer;
    const char *unix_socket;
    struct kit_net net;
    struct rlv_steps steps;
    int64_t connections;
    int64_t hold_ns;
    const char *trigger;  /* another check, or NULL */
    const char *sequence; /* JSON paths, or NULL */
    const char *timestamp;
    int64_t max_message; /* bytes */
};

enum websocket_field {
    FIELD_STATUS,
    FIELD_LATENCY,
    FIELD_HANDSHAKE,
    FIELD_HEADER,
    FIELD_SUBPROTOCOL,
    FIELD_MESSAGE,
    FIELD_VALUE,
    FIELD_MESSAGES,
    FIELD_BYTES,
    FIELD_PING,
    FIELD_SERVER_PINGS,
    FIELD_GAP,
    FIELD_AGE,
    FIELD_MISSING,
    FIELD_DISORDERED,
    FIELD_DELIVERY,
    FIELD_ARRIVAL,
    FIELD_CLOSE_CODE,
    FIELD_CLOSE_REASON,
    FIELD_CLEAN,
    FIELD_IP,
    FIELD_TLS /* and so on: kit/facts.h */
};

extern const struct rlv_host *websocket_host;

/* What went wrong, before it is told to the host. */
struct flaw {
    enum rlv_fault fault; /* RLV_F_NONE: nothing */
    char code[32];
    char text[400];
};
void flaw_set(struct flaw *, enum rlv_fault, const char *code, const char *fmt,
              ...) RLV_PRINTF(4, 5);

/* ------------------------------------------------------------------ target */

/* Texts lie in text. */
struct target {
    const char *host; /* IPv6 without brackets */
    uint16_t port;
    bool tls;
    const char *authority;           /* for the Host header */
    const char *resource;            /* path and query */
    const char *username, *password; /* in the url; or NULL */
    size_t used;
    char text[8192];
};
/* False: why is filled. */
bool target_read(struct target *, const char *url, char *why, size_t size);

/* ----------------------------------------------------------------- upgrade */

void upgrade_random(void *bytes, size_t n); /* for keys, masks, nonces */
void upgrade_key(char key[WS_KEY]);         /* a fresh one */
/* What a server makes of it (RFC 6455 section 4.2.2). */
void upgrade_accept(const char *key, char accept[29]);
/* The whole request; 0: it does not fit. */
size_t upgrade_request(const struct websocket_conf *, const struct target *,
                       const char *key, char *out, size_t size);
/* NULL, or the option that would break the request, and why. */
const char *upgrade_flaw(const struct websocket_conf *, char *why, size_t size);
/* The head's length, its empty line included; 0: not complete. */
size_t upgrade_head_length(const char *bytes, size_t len);
/* The status of a complete head; 0: no HTTP/1.1 status line. */
int upgrade_status(const char *head, size_t len);
/* Holds a 101 against the request. False: *flaw says what is wrong. */
bool upgrade_verify(const struct websocket_conf *, const char *key,
                    const char *head, size_t len, struct flaw *);
/* Copies a header's value; false: it is not there. */
bool upgrade_header(const char *head, size_t len, const char *name, char *out,
                    size_t size);

/* ------------------------------------------------------------------- steps */

enum verb {
    VERB_SEND,
    VERB_SEND_JSON,
    VERB_SEND_HEX,
    VERB_RECEIVE,
    VERB_RECEIVE_CONTAINS,
    VERB_RECEIVE_REGEX,
    VERB_RECEIVE_JSON,
    VERB_RECEIVE_HEX,
    VERB_RECEIVE_ANY,
    VERB_RECEIVE_NONE,
    VERB_PING,
    VERB_WAIT,
    VERB_CLOSE,
    VERB_EXPECT_CLOSE,
    VERB_COUNT
};
enum on { ON_ALL, ON_FIRST, ON_OTHERS };

#define CLOSE_CODES 8

struct step {
    enum verb verb;
    const char *text;             /* the verb's value; of the configuration */
    const char *equals, *capture; /* or NULL */
    int64_t time_ns;              /* within, or how long; -1: the deadline */
    enum on on;
    bool ignore_others, binary;
    uint16_t close_code; /* ours; 0: without */
    const char *reason;
    uint16_t expect[CLOSE_CODES]; /* 0 ends; none: any */
};

bool verb_sends(enum verb);
bool verb_receives(enum verb);
const char *verb_name(enum verb);

/* Reads step n (from 0). False: why is filled. */
bool step_read(struct step *, const struct rlv_dict *, char *why, size_t size);
/* All of a check: each step, and what they are to each other. */
bool steps_check(const struct websocket_conf *, char *why, size_t size);

/* -------------------------------------------------------------------- path */

/* ".a.b[0]", "$.a", "." */
bool path_is_valid(const char *path);
/* Borrowed from root; NULL: it leads nowhere. */
const json_t *path_get(const char *path, const json_t *root);
/* A text as it is, anything else as JSON; the caller frees. */
char *path_text(const json_t *);

/* ------------------------------------------------------------------- match */

struct message {
    struct message *next;
    int64_t at_ns;
    bool binary;
    size_t len;
    char bytes[]; /* and a NUL */
};

/* A step's pattern, ready to be held against messages. */
struct pattern {
    const struct step *step;
    char *text, *equals; /* filled in */
    struct kit_regex *regex;
    uint8_t *bytes; /* of receive_hex */
    size_t len;
};
bool pattern_prepare(struct pattern *, const struct step *,
                     const struct kit_values *, char *why, size_t size);
void pattern_fini(struct pattern *);
/* On a match the step's capture, if any, is set in values. */
bool pattern_matches(const struct pattern *, const struct message *,
                     struct kit_values *);

/* ---------------------------------------------------------------- watchful */

/* What is said of the messages of one connection. */
struct watchful {
    int64_t last_ns, gap_ns; /* of a message, or the opening */
    int64_t age_ns;          /* the oldest at its arrival */
    bool aged;
    int64_t number; /* of the last message */
    bool numbered;
    int64_t missing, disordered;
};
void watchful_begin(struct watchful *, int64_t now);
void watchful_message(struct watchful *, const struct websocket_conf *,
                      const struct message *);
void watchful_end(struct watchful *, int64_t now);
/* RFC 3339, or a number of seconds, milli-, micro- or nanoseconds since 1970.
 * False: neither. */
bool watchful_time(const json_t *, int64_t *ns);

/* ---------------------------------------------------------------- sessions */

enum stage {
    STAGE_CONNECT, /* until all links are open */
    STAGE_STEPS,
    STAGE_TRIGGER,
    STAGE_HOLD,
    STAGE_CLOSE,
    STAGE_AGAIN, /* all went well: now the next address */
    STAGE_OVER
};

struct link; /* link.h */

/* One probe. Lives in the probe's scope. */
struct session {
    struct rlv_probe *probe;
    const struct websocket_conf *conf;
    struct target target;
    struct kit_peer_at at;
    struct link *links;
    unsigned link_count;
    unsigned address; /* all_addresses: this one */
    enum stage stage;
    int64_t started_ns, stage_ns;
    struct rlv_watch *clock; /* of the present step or stage; or NULL */

    struct kit_values values;
    size_t step_at;
    struct step step; /* the present one */
    struct pattern pattern;
    int64_t step_ns;
    int64_t sent_ns;       /* the last send of any link; 0: none */
    int64_t exchange_ns;   /* the slowest; -1: none */
    int64_t ping_ns;       /* likewise */
    struct message *shown; /* what a step received last */
    char nonce[WS_NONCE];

    bool triggered; /* that check has ended, well */
    int64_t published_ns, publish_end_ns;

    struct link *refused; /* by its status */
    struct flaw flaw;
    bool told; /* the stream has told the host of a fault */
};

void websocket_start(struct rlv_probe *, const void *conf);
/* Nothing that comes from the links now counts any more. */
bool session_is_over(const struct session *);
/* Every entry from the loop ends with this: the session may be gone then. */
void session_settle(struct session *);
void session_fail(struct session *, enum rlv_fault, const char *code,
                  const char *fmt, ...) RLV_PRINTF(4, 5);
/* Called by links. */
void session_opened(struct session *, struct link *);
void session_refused(struct session *, struct link *);
void session_message(struct session *, struct link *, struct message **);
void session_closed(struct session *, struct link *); /* by a close frame */
/* The stream failed, or ended without a close frame. */
void session_lost(struct session *, struct link *, bool orderly);
/* Called by play.c when there are no more steps. */
void session_played(struct session *);
/* on_time() is called, once, then; < 0: never. */
void session_clock(struct session *, int64_t after_ns);

/* -------------------------------------------------------------------- play */

void play_next(struct session *); /* begins the step at step_at */
/* Something happened to the link: perhaps what its step waits for. */
void play_look(struct session *, struct link *);
void play_pong(struct session *, struct link *, const void *, size_t);
void play_time(struct session *); /* the step's time is over */
bool play_awaits_close(const struct session *, const struct link *);
/* `step 3: no answer to the ping on connection 2`; code is the step's verb. */
void play_waits(const struct session *, struct flaw *);

/* ----------------------------------------------------------------- verdict */

/* The fault that a close code stands for. */
enum rlv_fault verdict_close(uint16_t code);
const char *verdict_close_text(uint16_t code);
void verdict_deadline(struct session *);
/* The time that the present stage took. */
void verdict_phase(struct session *);
/* Observations, hint and evidence. */
void verdict_observe(struct session *);

#endif
