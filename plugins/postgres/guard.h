/* postgres/guard.h: what a peer may make libpq do before a session stands. */
#ifndef POSTGRES_GUARD_H
#define POSTGRES_GUARD_H

#include "postgres/fault.h"

struct guard {
    int64_t seen;  /* bytes, before a session stands */
    int64_t local; /* bytes by a unix socket, more or less */
    bool is_local;
    int64_t counted_from; /* what had come by then; -1: not looked yet */
    bool answered;        /* the server has answered the startup packet */
    bool asks;            /* in fact it has asked who we are */
    bool has_key;         /* it has said how to cancel: */
    uint32_t pid, key;
};

enum guard_says {
    GUARD_PASS,  /* PQconnectPoll() may have what has come */
    GUARD_AWAY,  /* it may, but not on the loop: it computes for long */
    GUARD_WAIT,  /* for more of it: look again a little later */
    GUARD_REFUSE /* the verdict says why */
};

/* To be called before each PQconnectPoll(). */
enum guard_says guard_look(struct guard *, PGconn *, const char *peer,
                           struct verdict *);

/* What is done about "r=NONCE,s=SALT,i=ROUNDS": up to 8,192 rounds of SCRAM
 * pass, up to 262,144 are computed away from the loop. */
enum guard_says guard_rounds(const unsigned char *at, size_t len);

/* Bytes that came since the first call after guard_count_anew(), when libpq had
 * what had come by then. */
int64_t guard_received(struct guard *, PGconn *);
bool guard_counts(const struct guard *); /* there was such a call */
/* To be called before each PQconsumeInput(). */
void guard_before_input(struct guard *, PGconn *);
void guard_count_anew(struct guard *);

#endif
