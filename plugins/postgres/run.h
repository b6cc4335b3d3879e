/* postgres/run.h: one probe, and what its parts ask of it. */
#ifndef POSTGRES_RUN_H
#define POSTGRES_RUN_H

#include "postgres/fault.h"
#include "postgres/postgres.h"
#include "postgres/session.h"
#include "postgres/sets.h"
#include "postgres/target.h"

#define POSTGRES_ADDRESSES 8 /* of a name, that are tried */

/* Called with each result of a statement, an SQL error among them, which is
 * no fault by itself; and with NULL once all have come. The result is gone on
 * return. */
typedef result_fn statement_fn;

/* One probe. Lives in the probe's scope. */
struct run {
    struct rlv_probe *probe;
    const struct postgres_conf *conf;
    struct target target;
    struct kept *kept;       /* what the check keeps between probes */
    struct session *session; /* own, or kept's */
    struct session own;
    /* What is being waited for: "SELECT 1", "the set locks"; for the message
     * where it does not come. */
    const char *waiting;
    bool over;    /* done() at the end of this turn */
    bool faulted; /* with a fault */

    unsigned host; /* of the target, that is tried next */
    unsigned address, addresses;
    struct sockaddr_storage at[POSTGRES_ADDRESSES];
    bool resolving;
    bool second_pass;          /* prefer-standby: now any will do */
    int64_t tried_ns;          /* since when this host, or address, is tried */
    struct rlv_watch *attempt; /* timer: it has had its share of the time */
    struct verdict verdict; /* the one that says most, of those that failed */

    size_t step;        /* what is done next in the session */
    int64_t began_ns;   /* when the present statement was sent */
    int64_t latency_ns; /* of the query; -1: none yet */
    unsigned results;   /* of the present pipeline, so far */
    statement_fn *statement;
    unsigned inside; /* a transaction: how many statements */
    statement_fn *on_inside;
    unsigned heartbeats; /* results of heartbeat.c, so far */
    struct sets_run sets;
};

/* What a check keeps from one probe to the next. */
struct kept {
    struct session session;
    uint64_t identity; /* of the target that session leads to */
    bool registered;   /* session_close is deferred */
    struct sets_kept sets;
};

void postgres_start(struct rlv_probe *, const void *conf);
/* Every entry from the loop ends with this: it ends the probe if it is over,
 * and the run with it. */
void run_settle(struct run *);
void run_fault(struct run *, enum rlv_fault, const char *code, const char *fmt,
               ...) RLV_PRINTF(4, 5);
void run_verdict(struct run *, const struct verdict *);
/* False: an SQL error, which is the probe's fault from now on. */
bool run_accepts(struct run *, const PGresult *, const char *asked);
/* There is nothing more to do: what is known of the session is observed. */
void run_finish(struct run *);
struct kept *run_kept(struct run *);

/* session.c calls these. What was rejected or lost is to be closed. */
void run_answered(struct run *); /* level = ready: it asks who we are */
void run_connected(struct run *);
void run_rejected(struct run *, const struct verdict *); /* before that */
void run_lost(struct run *, const struct verdict *);     /* after it */

/* ------------------------------------------------------- further statements */

/* Sends it in libpq's simple protocol, so it may be several statements, which
 * then are one transaction: "SET LOCAL statement_timeout = 900; SELECT …".
 * `waiting` names it for messages and lives as long as the run. A lost session
 * and the deadline end the probe by themselves, and fn is not called again.
 * Only when the one before has ended. */
void run_statement(struct run *, const char *waiting, const char *sql,
                   statement_fn *);

/* Sends these, one statement each, as one pipeline; run->results counts what
 * has come of it. Likewise. */
void run_pipeline(struct run *, const char *waiting, const struct statement *,
                  size_t count, statement_fn *);

/* transaction.c: statements in a transaction of their own, which ends before
 * the deadline. fn gets their results, and NULL at the end; what opens and
 * closes the transaction is seen to. At most four. */
void transaction_begin(struct run *, const char *waiting, bool read_only,
                       const struct statement *, size_t count, statement_fn *);

/* query.c, heartbeat.c (and sets_begin()): begin; each ends with run_next(). */
void query_begin(struct run *);
void heartbeat_begin(struct run *);
/* The query, or whatever came last, is done: begins what comes next. */
void run_next(struct run *);

#endif
