/* postgres/session.c: one connection to a server, through libpq: its life, what
 * is sent and received. How it comes about is in open.c.
 *
 * libpq is never let wait: it gets an address, not a name; PQconnectPoll() is
 * called when its socket is ready and guard.c has no objection; results are
 * fetched only when they have come. Owns the connection, and its watch. Called
 * by run.c; calls back into it.
 *
 * Happy path: session_open() … run_connected() → session_send() or
 * session_send_all() → receive() hands each result over, and NULL at the end.
 *
 * Ways it can fail: the server ends it, sends more than max_bytes, or what
 * takes libpq too long to read: run_lost(). Any callback may close it: each
 * looks whether it did before it goes on. A kept one that the server closes
 * between two probes just is not there for the next. */
#include "postgres/session.h"

#include <errno.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "kit/why.h"
#include "postgres/away.h"
#include "postgres/run.h"

#define IDLE_EVENTS 16
#define EXTRA       65536       /* bytes beside max_bytes: names, notices */
#define SLOW_CPU_NS 500000000ll /* of an answer's parsing, all in all */

/* ------------------------------------------------------------------- stages */

void session_enter(struct session *session, enum stage stage)
{
    static const int phases[] = {[STAGE_CLOSED] = -1,
                                 [STAGE_TRUST] = -1,
                                 [STAGE_CONNECT] = RLV_PH_CONNECT,
                                 [STAGE_TLS] = RLV_PH_TLS,
                                 [STAGE_AUTH] = RLV_PH_AUTH,
                                 [STAGE_OPEN] = -1};
    int64_t now_ns = postgres_host->now();
    int phase = phases[session->stage];
    if (stage == session->stage)
        return;
    if (phase >= 0 && session->run)
        postgres_host->phase(session->run->probe, (enum rlv_phase)phase,
                             now_ns - session->stage_ns);
    session->stage = stage;
    session->stage_ns = now_ns;
}

void session_unwatch(struct session *session)
{
    if (session->watch)
        postgres_host->unwatch(session->watch);
    session->watch = NULL;
}

void session_close(struct session *session)
{
    session_enter(session, STAGE_CLOSED);
    session_unwatch(session);
    away_forget(session);
    PQfinish(session->conn);
    session->conn = NULL;
    session->results = NULL;
    session->pipeline = false;
    kit_peer_forget(&session->certificate);
}

const char *session_doing(const struct session *session)
{
    switch (session->stage) {
    case STAGE_TLS: return "an answer to whether it speaks TLS";
    case STAGE_AUTH: return "letting us in";
    default: return session->run ? session->run->waiting : "anything";
    }
}

/* ------------------------------------------------------------------ results */

/* What is open and may no longer be trusted to be in step. */
static void lose(struct session *session, const struct verdict *verdict)
{
    run_lost(session->run, verdict);
}

static void lose_as_libpq_says(struct session *session)
{
    struct verdict verdict;
    if (session->farewell.fault) {
        lose(session, &session->farewell);
        return;
    }
    verdict_of_text(&verdict, PQerrorMessage(session->conn), session->peer,
                    session_doing(session));
    lose(session, &verdict);
}

static bool is_copy(const PGresult *result)
{
    ExecStatusType status = PQresultStatus(result);
    return status == PGRES_COPY_IN || status == PGRES_COPY_OUT ||
           status == PGRES_COPY_BOTH;
}

/* A kept one that the server ended at the moment when it was used again. */
static bool is_belated(const struct session *session, const PGresult *result)
{
    const char *code = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    return session->reused && !session->answered && code &&
           strncmp(code, "57P0", 4) == 0;
}

/* Nothing of what is under way comes any more. */
static void end_of_results(struct session *session)
{
    result_fn *results = session->results;
    session->results = NULL;
    if (session->pipeline)
        PQexitPipelineMode(session->conn);
    session->pipeline = false;
    results(session->run, NULL);
}

/* False: the session, or the run, is at its end; nothing more is to be read. */
static bool take(struct session *session, PGresult *result)
{
    struct run *run = session->run;
    bool synced = PQresultStatus(result) == PGRES_PIPELINE_SYNC;
    bool belated = is_belated(session, result);
    struct verdict verdict;
    session->answered = !belated;
    if (is_copy(result)) {
        verdict_set(&verdict, RLV_F_PROTOCOL, "copy",
                    "%s wants to copy a table; a check does not",
                    session->peer);
        lose(session, &verdict);
    } else if (belated || (PQresultStatus(result) == PGRES_FATAL_ERROR &&
                           PQstatus(session->conn) == CONNECTION_BAD)) {
        verdict_of_result(&verdict, result, session->peer,
                          session_doing(session));
        lose(session, &verdict);
    } else if (synced) {
        end_of_results(session);
    } else {
        session->results(run, result);
    }
    return !run->over && session->results;
}

/* In a pipeline NULL ends one statement, and the sync all of them. */
static void take_results(struct session *session)
{
    bool go_on = true;
    while (go_on && !PQisBusy(session->conn)) {
        PGresult *result = PQgetResult(session->conn);
        if (!result && session->pipeline)
            continue;
        if (!result) {
            end_of_results(session);
            return;
        }
        go_on = take(session, result);
        PQclear(result);
    }
}

/* OpenSSL may hold what no longer makes the socket readable. */
static bool more_within_tls(PGconn *conn)
{
    SSL *ssl = PQsslInUse(conn) ? PQsslStruct(conn, "OpenSSL") : NULL;
    return ssl && SSL_pending(ssl) > 0;
}

static void drop_notifications(PGconn *conn)
{
    PGnotify *notify;
    while ((notify = PQnotifies(conn)))
        PQfreemem(notify);
}

static int64_t cpu_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return now.tv_sec * 1000000000ll + now.tv_nsec;
}

/* libpq keeps parameters that a server reports in a list, and searches it for
 * each: one that reports new ones without end costs ever more, a little in each
 * of many pieces. */
static bool parses_quickly(struct session *session)
{
    bool large = guard_counts(&session->guard);
    int64_t began_ns = large ? cpu_ns() : 0;
    (void)PQisBusy(session->conn);
    if (large)
        session->parsing_ns += cpu_ns() - began_ns;
    return session->parsing_ns < SLOW_CPU_NS;
}

static bool is_too_large(struct session *session)
{
    return guard_counts(&session->guard) &&
           guard_received(&session->guard, session->conn) >
               session->run->conf->max_bytes + EXTRA;
}

/* An answer that is not whole by then may be a large one: it is counted. */
static void take_what_came(struct session *session)
{
    drop_notifications(session->conn);
    if (session->results)
        take_results(session);
    if (session->results && !guard_counts(&session->guard))
        (void)guard_received(&session->guard, session->conn);
}

static void receive(struct session *session)
{
    PGconn *conn = session->conn;
    struct verdict verdict;
    do {
        guard_before_input(&session->guard, conn);
        if (!PQconsumeInput(conn)) {
            lose_as_libpq_says(session);
            return;
        }
    } while (more_within_tls(conn));
    if (!parses_quickly(session)) {
        verdict_set(&verdict, RLV_F_PROTOCOL, "flood",
                    "%s answered %s with what takes too long to read",
                    session->peer, session_doing(session));
        lose(session, &verdict);
    } else if (is_too_large(session)) {
        verdict_set(&verdict, RLV_F_PROTOCOL, "size",
                    "%s answered %s with more than max_bytes (%lld bytes)",
                    session->peer, session_doing(session),
                    (long long)session->run->conf->max_bytes);
        lose(session, &verdict);
    } else {
        take_what_came(session);
    }
}

/* ------------------------------------------------------------------- events */

static void flush(struct session *session)
{
    int left = PQflush(session->conn);
    if (left < 0)
        lose_as_libpq_says(session);
    else
        postgres_host->rearm(session->watch, RLV_READ | (left ? RLV_WRITE : 0),
                             0);
}

/* Between two probes a server has nothing to say but that it goes; one that
 * talks all the same is not kept. */
static void on_idle(struct session *session)
{
    if (++session->idle_events > IDLE_EVENTS ||
        !PQconsumeInput(session->conn) ||
        PQstatus(session->conn) != CONNECTION_OK)
        session_close(session);
    else
        drop_notifications(session->conn);
}

static void on_event(void *arg, int events)
{
    struct session *session = arg;
    struct run *run = session->run;
    if (!run) {
        on_idle(session);
        return;
    }
    if (session->stage != STAGE_OPEN)
        session_step(session);
    else if (events & RLV_WRITE && !(events & (RLV_READ | RLV_ERROR)))
        flush(session);
    else
        receive(session);
    run_settle(run);
}

void session_watch(struct session *session, int events)
{
    session->watch = postgres_host->watch(
        session->scope, PQsocket(session->conn), events, on_event, session);
}

/* -------------------------------------------------------------------- sending
 * - */

void session_lend(struct session *session, struct run *run)
{
    session->run = run;
    session->reused = run != NULL;
    session->answered = false;
    session->idle_events = 0;
}

bool session_is_idle(const struct session *session)
{
    return session->stage == STAGE_OPEN && !session->results &&
           PQtransactionStatus(session->conn) == PQTRANS_IDLE;
}

static void sent(struct session *session, result_fn *fn, bool fine)
{
    session->results = fn;
    session->parsing_ns = 0;
    guard_count_anew(&session->guard);
    if (fine)
        flush(session);
    else
        lose_as_libpq_says(session);
}

void session_send(struct session *session, const char *sql, result_fn *fn)
{
    sent(session, fn, PQsendQuery(session->conn, sql) == 1);
}

void session_send_all(struct session *session,
                      const struct statement *statements, size_t count,
                      result_fn *fn)
{
    PGconn *conn = session->conn;
    bool fine = PQenterPipelineMode(conn) == 1;
    session->pipeline = true;
    for (size_t i = 0; fine && i < count; i++)
        fine =
            PQsendQueryParams(conn, statements[i].sql, (int)statements[i].count,
                              NULL, statements[i].params, NULL, NULL, 0) == 1;
    sent(session, fn, fine && PQpipelineSync(conn) == 1);
}

/* -------------------------------------------------------------------- facts */

const char *session_said(const struct session *session, const char *parameter)
{
    return session->conn ? PQparameterStatus(session->conn, parameter) : NULL;
}

void session_late(struct session *session, const char *waiting,
                  int64_t since_ns, struct verdict *verdict)
{
    double spent_s = (double)(postgres_host->now() - since_ns) / 1e9;
    switch (session->stage) {
    case STAGE_CLOSED:
    case STAGE_TRUST:
        verdict_set(verdict, RLV_F_RESOURCE, "tls.ca_file",
                    "trusted certificates not loaded in %.2f s", spent_s);
        break;
    case STAGE_CONNECT:
        verdict_errno(verdict, RLV_F_CONNECT_TIMEOUT, ETIMEDOUT,
                      "connect to %s: no answer in %.2f s", session->peer,
                      spent_s);
        break;
    case STAGE_TLS:
        if (session->conn && PQsslInUse(session->conn)) {
            verdict_set(verdict, RLV_F_TLS, "timeout",
                        "connected to %s, TLS handshake not finished in "
                        "%.2f s",
                        session->peer, spent_s);
            break;
        }
        verdict_set(verdict, RLV_F_TIMEOUT, "startup",
                    "connected to %s, which says nothing: no answer in %.2f s",
                    session->peer, spent_s);
        break;
    case STAGE_AUTH:
        if (away_has(session)) {
            verdict_set(verdict, RLV_F_RESOURCE, "scram_iterations",
                        "%s asks for so many rounds of SCRAM that they were "
                        "not computed in %.2f s",
                        session->peer, spent_s);
            break;
        }
        verdict_set(verdict, RLV_F_TIMEOUT,
                    session->guard.answered ? "auth" : "startup",
                    "connected to %s, %s in %.2f s", session->peer,
                    session->guard.answered ? "not let in"
                                            : "which says nothing: no answer",
                    spent_s);
        break;
    case STAGE_OPEN:
        verdict_set(verdict, RLV_F_TIMEOUT, "query",
                    "connected to %s, %.100s did not end in %.2f s",
                    session->peer, waiting, spent_s);
        break;
    }
}
