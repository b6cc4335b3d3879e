/* postgres/session.c: one connection to a server, through libpq.
 *
 * libpq is never let wait: it gets an address, not a name; PQconnectPoll() is
 * called when its socket is ready and guard.c has no objection; results are
 * fetched only when they have come. Owns the connection, and its watch. Called
 * by run.c; calls back into it.
 *
 * Happy path: session_open() sees to the trusted certificates, if they are
 * asked for → begin() → step() on each event, until PQconnectPoll() is content
 * → run_connected() → session_send() or session_send_all() → receive() hands
 * each result over, and NULL at the end.
 *
 * Ways it can fail: before it stands, run_rejected(), with what libpq, the
 * guard or the certificate had against it; after that, run_lost(). Any callback
 * may close it: each looks whether it did before it goes on. A kept one that
 * the server closes between two probes just is not there for the next. */
#include "postgres/session.h"

#include <errno.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "kit/why.h"
#include "postgres/run.h"

#define MS            1000000ll
#define LOOK_AGAIN_NS (5 * MS)
/* No file has this name: libpq is to look into none of a home. */
#define NO_FILE      "/nonexistent/relevo"
#define RESULT_EXTRA 65536 /* bytes beside max_bytes: names, notices */

/* ------------------------------------------------------------------- stages -
 */

static void enter(struct session *session, enum stage stage)
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

static enum stage stage_of(PGconn *conn)
{
    switch (PQstatus(conn)) {
    case CONNECTION_STARTED:
    case CONNECTION_NEEDED: return STAGE_CONNECT;
    case CONNECTION_SSL_STARTUP: return STAGE_TLS;
    default: return STAGE_AUTH;
    }
}

static void unwatch(struct session *session)
{
    if (session->watch)
        postgres_host->unwatch(session->watch);
    session->watch = NULL;
}

void session_close(struct session *session)
{
    enter(session, STAGE_CLOSED);
    unwatch(session);
    PQfinish(session->conn);
    session->conn = NULL;
    session->results = NULL;
    session->pipeline = false;
}

/* The run decides what becomes of it, and most often closes it. */
static void reject(struct session *session, const struct verdict *verdict)
{
    run_rejected(session->run, verdict);
}

static const char *doing(const struct session *session)
{
    switch (session->stage) {
    case STAGE_TLS: return "an answer to whether it speaks TLS";
    case STAGE_AUTH: return "letting us in";
    default: return session->run ? session->run->waiting : "anything";
    }
}

static void reject_as_libpq_says(struct session *session)
{
    struct verdict verdict;
    verdict_of_text(&verdict, PQerrorMessage(session->conn), session->peer,
                    doing(session));
    reject(session, &verdict);
}

/* ------------------------------------------------------------------ results -
 */

/* What is open and may no longer be trusted to be in step. */
static void lose(struct session *session, const struct verdict *verdict)
{
    run_lost(session->run, verdict);
}

static void lose_as_libpq_says(struct session *session)
{
    struct verdict verdict;
    verdict_of_text(&verdict, PQerrorMessage(session->conn), session->peer,
                    doing(session));
    lose(session, &verdict);
}

static bool is_copy(const PGresult *result)
{
    ExecStatusType status = PQresultStatus(result);
    return status == PGRES_COPY_IN || status == PGRES_COPY_OUT ||
           status == PGRES_COPY_BOTH;
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
    session->answered = true;
    if (is_copy(result)) {
        struct verdict verdict;
        verdict_set(&verdict, RLV_F_PROTOCOL, "copy",
                    "%s wants to copy a table; a check does not",
                    session->peer);
        lose(session, &verdict);
    } else if (PQresultStatus(result) == PGRES_FATAL_ERROR &&
               PQstatus(session->conn) == CONNECTION_BAD) {
        struct verdict verdict;
        verdict_of_result(&verdict, result, session->peer, doing(session));
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

static void receive(struct session *session)
{
    struct run *run = session->run;
    PGconn *conn = session->conn;
    int64_t most = run->conf->max_bytes + RESULT_EXTRA;
    do {
        if (!PQconsumeInput(conn)) {
            lose_as_libpq_says(session);
            return;
        }
    } while (more_within_tls(conn));
    drop_notifications(conn);
    if (session->results && PQisBusy(conn) &&
        guard_floods(&session->guard, conn, most)) {
        struct verdict verdict;
        verdict_set(&verdict, RLV_F_PROTOCOL, "size",
                    "%s answered %s with more than max_bytes (%lld bytes)",
                    session->peer, doing(session),
                    (long long)run->conf->max_bytes);
        lose(session, &verdict);
        return;
    }
    if (session->results)
        take_results(session);
}

/* ------------------------------------------------------------------- events -
 */

static void step(struct session *session);

static void flush(struct session *session)
{
    int left = PQflush(session->conn);
    if (left < 0)
        lose_as_libpq_says(session);
    else
        postgres_host->rearm(session->watch, RLV_READ | (left ? RLV_WRITE : 0),
                             0);
}

/* Between two probes a server has nothing to say but that it goes. */
static void on_idle(struct session *session)
{
    if (!PQconsumeInput(session->conn) ||
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
        step(session);
    else if (events & RLV_WRITE && !(events & (RLV_READ | RLV_ERROR)))
        flush(session);
    else
        receive(session);
    run_settle(run);
}

static void watch(struct session *session, int events)
{
    session->watch = postgres_host->watch(
        session->scope, PQsocket(session->conn), events, on_event, session);
}

/* ------------------------------------------------------------------- opening -
 */

/* The certificate is looked at when the handshake is done: libpq then waits
 * for its socket once, before it says the first word within TLS. */
static bool verify(struct session *session)
{
    PGconn *conn = session->conn;
    SSL *ssl = PQsslInUse(conn) ? PQsslStruct(conn, "OpenSSL") : NULL;
    const struct target *target = &session->run->target;
    bool by_name = target->sslmode == SSLMODE_VERIFY_FULL;
    if (session->verified || !ssl || !SSL_is_init_finished(ssl))
        return true;
    session->certificate =
        (struct kit_peer){.verify = target->sslmode >= SSLMODE_VERIFY_CA};
    session->verified =
        kit_certs_verify(ssl, target->ca_file, by_name ? session->name : NULL,
                         &session->certificate);
    return session->verified;
}

static void reject_certificate(struct session *session)
{
    struct verdict verdict;
    const struct kit_peer *shown = &session->certificate;
    char reason[320];
    if (!shown->seen) {
        verdict_set(&verdict, RLV_F_TLS, "no_certificate",
                    "%s showed no certificate", session->peer);
    } else if (shown->error == X509_V_OK) {
        verdict_set(&verdict, RLV_F_CERTIFICATE,
                    kit_certs_code(strcmp(session->name, session->ip)
                                       ? X509_V_ERR_HOSTNAME_MISMATCH
                                       : X509_V_ERR_IP_ADDRESS_MISMATCH),
                    "certificate is not for %s: it names %s", session->name,
                    *shown->names ? shown->names : "no host");
    } else {
        kit_certs_reason(shown, reason, sizeof reason);
        verdict_set(&verdict, RLV_F_CERTIFICATE, kit_certs_code(shown->error),
                    "certificate of %s: %s", session->name, reason);
    }
    reject(session, &verdict);
}

static void opened(struct session *session)
{
    const char *version = session_said(session, "server_version");
    size_t n = version ? strlen(version) : 0;
    session->console = n > 8 && strcmp(version + n - 8, "/bouncer") == 0;
    enter(session, STAGE_OPEN);
    session->opened_ns = session->stage_ns;
    if (session->guard.pid != (uint32_t)PQbackendPID(session->conn))
        session->guard.has_key = false;
    PQsetnonblocking(session->conn, 1);
    watch(session, RLV_READ);
    run_connected(session->run);
}

static void on_look_again(void *arg, int events)
{
    (void)events;
    struct session *session = arg;
    struct run *run = session->run;
    if (!run || !session->conn || session->stage == STAGE_OPEN ||
        session->watch)
        return;
    step(session);
    run_settle(run);
}

/* True: libpq may go on. A message of which a part has come keeps the socket
 * readable, so that it is no use to watch it. */
static bool may_go_on(struct session *session)
{
    struct verdict verdict;
    if (session->polled != PGRES_POLLING_READING)
        return true;
    switch (
        guard_look(&session->guard, session->conn, session->peer, &verdict)) {
    case GUARD_PASS:
        if (!session->guard.asks || session->run->conf->level != LEVEL_READY)
            return true;
        run_answered(session->run);
        return session->conn && !session->run->over;
    case GUARD_WAIT:
        unwatch(session);
        postgres_host->timer(postgres_host->probe_scope(session->run->probe),
                             LOOK_AGAIN_NS, on_look_again, session);
        return false;
    case GUARD_REFUSE:
    default: reject(session, &verdict); return false;
    }
}

/* The socket may be another afterwards: libpq tries without TLS, for one. */
static void step(struct session *session)
{
    if (!may_go_on(session))
        return;
    unwatch(session);
    session->polled = PQconnectPoll(session->conn);
    if (session->polled != PGRES_POLLING_OK &&
        session->polled != PGRES_POLLING_FAILED)
        enter(session, stage_of(session->conn));
    if (!verify(session))
        reject_certificate(session);
    else if (session->polled == PGRES_POLLING_OK)
        opened(session);
    else if (session->polled == PGRES_POLLING_FAILED)
        reject_as_libpq_says(session);
    else
        watch(session,
              session->polled == PGRES_POLLING_READING ? RLV_READ : RLV_WRITE);
}

static void on_notice(void *arg, const PGresult *result)
{
    (void)arg, (void)result;
}

/* --------------------------------------------------------------- parameters -
 */

struct parameters {
    const char *keywords[40], *values[40];
    size_t count;
};

static void add(struct parameters *to, const char *keyword, const char *value)
{
    if (!value || to->count + 1 == sizeof to->keywords / sizeof(char *))
        return;
    to->keywords[to->count] = keyword;
    to->values[to->count++] = value;
}

/* verify-… is done here, so that libpq does not load a bundle each time. */
static const char *libpq_mode(enum sslmode mode)
{
    switch (mode) {
    case SSLMODE_DISABLE: return "disable";
    case SSLMODE_ALLOW: return "allow";
    case SSLMODE_AUTO:
    case SSLMODE_PREFER: return "prefer";
    default: return "require";
    }
}

/* prefer-standby is two passes of ours: libpq sees one host at a time. */
static const char *attrs_wanted(const struct run *run)
{
    static const char *const words[] = {"any",     "read-write", "read-only",
                                        "primary", "standby",    "standby"};
    return words[run->second_pass ? ATTRS_ANY : run->target.attrs];
}

static void gather(struct parameters *to, const struct session *session,
                   char *port, size_t size)
{
    static const char *const passed[] = {
        "options",          "keepalives",          "keepalives_idle",
        "tcp_user_timeout", "keepalives_interval", "keepalives_count",
        "channel_binding",  "requirepeer",         "sslsni"};
    static const char *const versions[] = {"TLSv1", "TLSv1.1", "TLSv1.2",
                                           "TLSv1.3"};
    const struct target *target = &session->run->target;
    snprintf(port, size, "%u", session->host->port);
    add(to, "host", session->host->name);
    add(to, "hostaddr", *session->ip ? session->ip : NULL);
    add(to, "port", port);
    add(to, "user", target->user ? target->user : postgres_user);
    add(to, "password", target->password);
    add(to, "dbname", target->dbname);
    add(to, "passfile", target->passfile ? target->passfile : NO_FILE);
    add(to, "application_name", target->application_name);
    add(to, "client_encoding", "UTF8");
    add(to, "gssencmode", "disable");
    add(to, "target_session_attrs", attrs_wanted(session->run));
    add(to, "sslmode", libpq_mode(target->sslmode));
    add(to, "sslrootcert", NO_FILE);
    add(to, "sslcert", target->cert_file ? target->cert_file : NO_FILE);
    add(to, "sslkey", target->key_file ? target->key_file : target->cert_file);
    add(to, "sslcrl", NO_FILE);
    add(to, "ssl_min_protocol_version",
        versions[session->run->conf->min_version]);
    for (size_t i = 0; i < sizeof passed / sizeof *passed; i++)
        add(to, passed[i], target_said(target, passed[i]));
}

static void begin(struct session *session)
{
    struct parameters with = {.count = 0};
    char port[8];
    gather(&with, session, port, sizeof port);
    enter(session, STAGE_CONNECT);
    session->conn = PQconnectStartParams(with.keywords, with.values, 0);
    if (!session->conn) {
        struct verdict verdict;
        verdict_set(&verdict, RLV_F_RESOURCE, "ENOMEM", "out of memory");
        reject(session, &verdict);
        return;
    }
    PQsetErrorVerbosity(session->conn, PQERRORS_VERBOSE);
    PQsetNoticeReceiver(session->conn, on_notice, NULL);
    session->polled = PGRES_POLLING_WRITING;
    if (PQstatus(session->conn) == CONNECTION_BAD)
        reject_as_libpq_says(session);
    else
        watch(session, RLV_WRITE);
}

/* Called again, on the next turn of the loop, until they are loaded. */
static void on_trust(void *arg, int events)
{
    struct session *session = arg;
    struct run *run = session->run;
    struct verdict verdict;
    char why[300];
    if (!run || session->stage != STAGE_TRUST)
        return;
    switch (kit_certs_load(run->target.ca_file, why, sizeof why)) {
    case KIT_TRUST_FAILED:
        verdict_set(&verdict, RLV_F_CONFIG, "tls.ca_file", "%s", why);
        reject(session, &verdict);
        break;
    case KIT_TRUST_LOADING:
        postgres_host->timer(postgres_host->probe_scope(run->probe), 0,
                             on_trust, session);
        return;
    case KIT_TRUST_READY: begin(session); break;
    }
    if (events) /* not called by session_open() */
        run_settle(run);
}

static void name_peer(struct session *session)
{
    const struct target_host *host = session->host;
    snprintf(session->name, sizeof session->name, "%s", host->name);
    kit_ip_text(session->ip, sizeof session->ip, &session->at);
    if (target_is_socket(host))
        snprintf(session->peer, sizeof session->peer, "unix %s/.s.PGSQL.%u",
                 host->name, host->port);
    else
        kit_peer_text(session->peer, sizeof session->peer, host->name,
                      host->port, strcmp(session->name, session->ip) == 0,
                      &session->at);
}

void session_open(struct session *session, struct run *run,
                  struct rlv_scope *scope, const struct target_host *host,
                  const struct sockaddr_storage *at)
{
    session_close(session);
    session->run = run;
    session->scope = scope;
    session->host = host;
    session->at = at ? *at : (struct sockaddr_storage){.ss_family = AF_UNSPEC};
    session->guard = (struct guard){0};
    session->certificate = (struct kit_peer){0};
    session->verified = session->reused = session->answered = false;
    name_peer(session);
    if (run->target.sslmode < SSLMODE_VERIFY_CA) {
        begin(session);
        return;
    }
    enter(session, STAGE_TRUST);
    on_trust(session, 0);
}

/* -------------------------------------------------------------------- sending
 * - */

void session_lend(struct session *session, struct run *run)
{
    session->run = run;
    session->reused = run != NULL;
    session->answered = false;
}

bool session_is_idle(const struct session *session)
{
    return session->stage == STAGE_OPEN && !session->results &&
           PQtransactionStatus(session->conn) == PQTRANS_IDLE;
}

static void sent(struct session *session, result_fn *fn, bool fine)
{
    session->results = fn;
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

/* --------------------------------------------------------------------- facts -
 */

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
