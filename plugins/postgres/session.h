/* postgres/session.h: one connection to a server, through libpq. */
#ifndef POSTGRES_SESSION_H
#define POSTGRES_SESSION_H

#include "kit/certs.h"
#include "postgres/fault.h"
#include "postgres/guard.h"
#include "postgres/target.h"

struct run;

enum stage {
    STAGE_CLOSED,
    STAGE_TRUST, /* the trusted certificates are being loaded */
    STAGE_CONNECT,
    STAGE_TLS,  /* asked whether there is TLS, and shaking hands */
    STAGE_AUTH, /* from the startup packet to "ready for query" */
    STAGE_OPEN
};

/* See run_statement() in run.h. */
typedef void result_fn(struct run *, const PGresult *);

struct session {
    struct run *run; /* NULL: kept, between two probes */
    PGconn *conn;    /* NULL: closed, or away */
    struct rlv_scope *scope;
    struct rlv_watch *watch; /* of PQsocket(); NULL: none */
    enum stage stage;
    int64_t stage_ns, opened_ns;
    PostgresPollingStatusType polled;

    const struct target_host *host; /* until it is open or has failed */
    struct sockaddr_storage at;     /* AF_UNSPEC: a unix socket */
    char peer[400];                 /* "db (192.0.2.7) port 5432" */
    char name[256], ip[48];

    struct guard guard;
    struct kit_peer certificate;
    struct verdict farewell; /* why the server ends it; RLV_F_NONE: no word */
    bool verified;           /* certificate is filled, and found good */

    result_fn *results; /* NULL: nothing is under way */
    int64_t parsing_ns; /* of CPU, for what came of it so far */
    bool pipeline;      /* what is under way is one */
    bool console;  /* of pgbouncer: only SHOW, and libpq's simple protocol */
    bool reused;   /* it was there before this probe */
    bool answered; /* a result came in this probe */
    unsigned idle_events; /* since it serves nobody */
};

/* Begins to connect for the run, in scope; ends in run_connected() or
 * run_rejected(), or in neither where the run closes it before. at: the address
 * of host; NULL: it is a unix socket. */
void session_open(struct session *, struct run *, struct rlv_scope *scope,
                  const struct target_host *,
                  const struct sockaddr_storage *at);
/* One that was never opened, too. */
void session_close(struct session *);

/* A kept one serves this probe; between probes it serves nobody (NULL). */
void session_lend(struct session *, struct run *);
/* Open, nothing under way. */
bool session_is_idle(const struct session *);

/* Sends, in the simple protocol. fn gets each result and at last NULL; or the
 * run gets run_lost(). */
void session_send(struct session *, const char *sql, result_fn *fn);
/* Sends these as one pipeline: each is one statement and has its own number of
 * parameters. Results as above. */
struct statement {
    const char *sql;
    const char *const *params;
    size_t count;
};
void session_send_all(struct session *, const struct statement *, size_t count,
                      result_fn *fn);

/* What the deadline found it in the midst of; waiting: see run.h. */
void session_late(struct session *, const char *waiting, int64_t since_ns,
                  struct verdict *);
/* "off", "15.3", …; NULL: the server has not said. */
const char *session_said(const struct session *, const char *parameter);

/* --------------------------------------------- between session.c, open.c,
 * away.c */

/* Reports how long it was in the stage before. */
void session_enter(struct session *, enum stage);
void session_watch(struct session *, int events);
void session_unwatch(struct session *);
/* What it waits for. */
const char *session_doing(const struct session *);
/* An event, before it stands. */
void session_step(struct session *);
/* away.c gives it back. error: an errno value why it could not do its work; 0:
 * it has. */
void session_stepped(struct session *, PGconn *, PostgresPollingStatusType,
                     int error);

#endif
