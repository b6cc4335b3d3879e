/* postgres/open.c: how a session comes about.
 *
 * Owns nothing that session.c does not know of. Called by run.c, and by
 * session.c with each event until the session stands.
 *
 * Happy path: session_open() sees to the trusted certificates, if they are
 * asked for → begin() → session_step() on each event, once guard.c has no
 * objection, until PQconnectPoll() is content → opened() → run_connected().
 *
 * Ways it can fail: the bundle cannot be read, libpq or the guard objects, the
 * certificate is not valid: run_rejected(). The deadline is the run's to see
 * to, which then closes the session; what comes after that finds it closed. */
#include <errno.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "kit/why.h"
#include "postgres/away.h"
#include "postgres/run.h"

#define MS            1000000ll
#define LOOK_AGAIN_NS (5 * MS)
/* No file has this name: libpq is to look into none of a home. */
#define NO_FILE "/nonexistent/relevo"

/* The run decides what becomes of it, and most often closes it. */
static void reject(struct session *session, const struct verdict *verdict)
{
    run_rejected(session->run, verdict);
}

static void reject_as_libpq_says(struct session *session)
{
    struct verdict verdict;
    verdict_of_text(&verdict, PQerrorMessage(session->conn), session->peer,
                    session_doing(session));
    reject(session, &verdict);
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
    if (PQstatus(conn) != CONNECTION_MADE)
        return PQstatus(conn) == CONNECTION_BAD; /* else it has said a word */
    kit_peer_begin(&session->certificate, target->sslmode >= SSLMODE_VERIFY_CA);
    session->verified =
        kit_certs_verify(ssl, target->ca_file, by_name ? session->name : NULL,
                         &session->certificate);
    return session->verified;
}

static void reject_certificate(struct session *session)
{
    struct verdict verdict;
    const struct kit_peer *shown = &session->certificate;
    char text[640];
    if (!shown->seen) {
        verdict_set(&verdict, RLV_F_TLS, "no_certificate",
                    "%s showed no certificate", session->peer);
    } else {
        bool literal = strcmp(session->name, session->ip) == 0;
        const char *code = kit_certificate_words(shown, session->name, literal,
                                                 text, sizeof text);
        verdict_set(&verdict, RLV_F_CERTIFICATE, code, "%s", text);
    }
    reject(session, &verdict);
}

static void opened(struct session *session)
{
    const char *version = session_said(session, "server_version");
    size_t n = version ? strlen(version) : 0;
    session->console = n > 8 && strcmp(version + n - 8, "/bouncer") == 0;
    session_enter(session, STAGE_OPEN);
    session->opened_ns = session->stage_ns;
    if (session->guard.pid != (uint32_t)PQbackendPID(session->conn))
        session->guard.has_key = false;
    PQsetnonblocking(session->conn, 1);
    session_watch(session, RLV_READ);
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
    session_step(session);
    run_settle(run);
}

static void reject_for_want_of_a_thread(struct session *session, int error)
{
    struct verdict verdict;
    verdict_errno(
        &verdict, RLV_F_RESOURCE, error,
        "no thread to compute the rounds of SCRAM in that %s asks for",
        session->peer);
    reject(session, &verdict);
}

static void go_away(struct session *session)
{
    session_unwatch(session);
    if (!away_step(session))
        reject_for_want_of_a_thread(session, errno);
}

/* True: libpq may go on. A message of which a part has come keeps the socket
 * readable, so that it is no use to watch it. */
static bool may_go_on(struct session *session)
{
    struct verdict verdict;
    if (session->polled != PGRES_POLLING_READING)
        return true;
    enum guard_says says =
        guard_look(&session->guard, session->conn, session->peer, &verdict);
    bool enough =
        session->guard.asks && session->run->conf->level == LEVEL_READY;
    switch (says) {
    case GUARD_PASS:
    case GUARD_AWAY:
        if (enough)
            run_answered(session->run);
        else if (says == GUARD_AWAY)
            go_away(session);
        return session->conn && !session->run->over;
    case GUARD_WAIT:
        session_unwatch(session);
        postgres_host->timer(postgres_host->probe_scope(session->run->probe),
                             LOOK_AGAIN_NS, on_look_again, session);
        return false;
    case GUARD_REFUSE:
    default: reject(session, &verdict); return false;
    }
}

static void take_step(struct session *session)
{
    if (session->polled != PGRES_POLLING_OK &&
        session->polled != PGRES_POLLING_FAILED)
        session_enter(session, stage_of(session->conn));
    if (!verify(session))
        reject_certificate(session);
    else if (session->polled == PGRES_POLLING_OK)
        opened(session);
    else if (session->polled == PGRES_POLLING_FAILED)
        reject_as_libpq_says(session);
    else
        session_watch(session, session->polled == PGRES_POLLING_READING
                                   ? RLV_READ
                                   : RLV_WRITE);
}

/* The socket may be another afterwards: libpq tries without TLS, for one. */
void session_step(struct session *session)
{
    if (!may_go_on(session))
        return;
    session_unwatch(session);
    session->polled = PQconnectPoll(session->conn);
    take_step(session);
}

/* One that says why the session ends comes before the end; of all others a
 * probe has no use. */
static void on_notice(void *arg, const PGresult *result)
{
    struct session *session = arg;
    const char *code = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    if (code && strncmp(code, "57P0", 4) == 0)
        verdict_of_result(&session->farewell, result, session->peer,
                          session_doing(session));
}

void session_stepped(struct session *session, PGconn *conn,
                     PostgresPollingStatusType polled, int error)
{
    struct run *run = session->run;
    session->conn = conn;
    session->polled = polled;
    PQsetNoticeReceiver(conn, on_notice, session);
    if (error)
        reject_for_want_of_a_thread(session, error);
    else
        take_step(session);
    run_settle(run);
}

/* --------------------------------------------------------------- parameters */

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
    session_enter(session, STAGE_CONNECT);
    session->conn = PQconnectStartParams(with.keywords, with.values, 0);
    if (!session->conn) {
        struct verdict verdict;
        verdict_set(&verdict, RLV_F_RESOURCE, "ENOMEM", "out of memory");
        reject(session, &verdict);
        return;
    }
    PQsetErrorVerbosity(session->conn, PQERRORS_VERBOSE);
    PQsetNoticeReceiver(session->conn, on_notice, session);
    session->polled = PGRES_POLLING_WRITING;
    if (PQstatus(session->conn) == CONNECTION_BAD)
        reject_as_libpq_says(session);
    else
        session_watch(session, RLV_WRITE);
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
    session->farewell = (struct verdict){.fault = RLV_F_NONE};
    session->verified = session->reused = session->answered = false;
    name_peer(session);
    if (run->target.sslmode < SSLMODE_VERIFY_CA) {
        begin(session);
        return;
    }
    session_enter(session, STAGE_TRUST);
    on_trust(session, 0);
}
