/* postgres/run.c: one probe, from start to done.
 *
 * Owns the run (in the probe's scope) and what a check keeps between probes
 * (struct kept). Called by the host, by sessions and by the steps.
 *
 * Happy path: postgres_start() takes the kept session, or try_next() resolves
 * the first host and opens a session to its first address → run_connected() →
 * run_next() begins one step after the other: the query, the heartbeat, the
 * sets → none is left: run_finish().
 *
 * Ways it can fail: a host cannot be had (run_rejected): the next address, or
 * host, is tried, each within its share of the time, and at the end the failure
 * that says most is the probe's; an SQL error (run_accepts); a session that
 * breaks (run_lost); the deadline (on_deadline), which also has the server give
 * up what it is still at. A kept session that broke meanwhile is no failure:
 * the probe begins again on a new one. The host ends the probe at any time:
 * release() undoes all of it.
 *
 * done() releases the run; so whoever decides that it is over only says so,
 * and run_settle(), the last step of every entry from the loop, ends it. */
#include "postgres/run.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "kit/why.h"
#include "postgres/cancel.h"

#define SECOND_NS 1000000000ll

/* --------------------------------------------------------------------- ends */

void run_fault(struct run *run, enum rlv_fault fault, const char *code,
               const char *fmt, ...)
{
    char text[700];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    postgres_host->fault(run->probe, fault, code, 0, "%s", text);
    run->over = run->faulted = true;
}

void run_verdict(struct run *run, const struct verdict *verdict)
{
    postgres_host->fault(run->probe, verdict->fault,
                         *verdict->code ? verdict->code : NULL,
                         verdict->sys_errno, "%s", verdict->text);
    run->over = run->faulted = true;
}

void run_settle(struct run *run)
{
    if (run->over)
        postgres_host->done(run->probe);
}

bool run_accepts(struct run *run, const PGresult *result, const char *asked)
{
    struct verdict verdict;
    ExecStatusType status = PQresultStatus(result);
    if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK ||
        status == PGRES_EMPTY_QUERY)
        return true;
    const char *text = PQresultErrorMessage(result);
    verdict_of_result(&verdict, result, run->session->peer, asked);
    postgres_host->evidence(run->probe, "error", text, strlen(text));
    run_verdict(run, &verdict);
    return false;
}

static void observe_text(struct run *run, enum postgres_field field,
                         const char *text)
{
    if (text && *text)
        postgres_host->observe(run->probe, field, rlv_text(text));
}

static void observe_session(struct run *run)
{
    const struct session *session = run->session;
    const char *standby = session_said(session, "in_hot_standby");
    const char *read_only =
        session_said(session, "default_transaction_read_only");
    if (standby)
        observe_text(run, FIELD_ROLE,
                     strcmp(standby, "on") == 0 ? "standby" : "primary");
    if (read_only)
        postgres_host->observe(run->probe, FIELD_READ_ONLY,
                               rlv_bool(strcmp(read_only, "on") == 0));
    observe_text(run, FIELD_VERSION, session_said(session, "server_version"));
    observe_text(run, FIELD_HOST, session->name);
    observe_text(run, FIELD_IP, session->ip);
    kit_facts_observe(run->probe, FIELD_TLS, &session->certificate);
}

void run_finish(struct run *run)
{
    if (run->latency_ns >= 0)
        postgres_host->observe(run->probe, FIELD_LATENCY,
                               rlv_duration(run->latency_ns));
    observe_session(run);
    run->over = true;
}

/* -------------------------------------------------------------------- hosts */

static void try_next(struct run *run);

/* Of several failures the last of those that say most is kept. */
static void note_failure(struct run *run, const struct verdict *verdict)
{
    if (run->target.host_count > 1 || run->addresses > 1)
        postgres_host->evidence(run->probe, "host", verdict->text,
                                strlen(verdict->text));
    if (verdict_rank(verdict) >= verdict_rank(&run->verdict))
        run->verdict = *verdict;
}

static void give_up(struct run *run)
{
    bool again = run->target.attrs == ATTRS_PREFER_STANDBY &&
                 !run->second_pass && run->verdict.fault == RLV_F_READONLY;
    if (!again) {
        run_verdict(run, &run->verdict);
        return;
    }
    run->second_pass = true;
    run->verdict = (struct verdict){.fault = RLV_F_NONE};
    run->host = run->address = run->addresses = 0;
    try_next(run);
}

/* level = ready: a server that refuses who we are has answered. */
static bool has_answered(const struct run *run, const struct verdict *verdict)
{
    return run->conf->level == LEVEL_READY && is_sqlstate(verdict->code) &&
           (verdict->fault == RLV_F_AUTH || verdict->fault == RLV_F_FORBIDDEN ||
            verdict->fault == RLV_F_ERROR_RESPONSE);
}

void run_rejected(struct run *run, const struct verdict *verdict)
{
    if (has_answered(run, verdict)) {
        run_answered(run);
        return;
    }
    observe_session(run); /* a certificate that is not valid, too */
    session_close(run->session);
    note_failure(run, verdict);
    if (verdict_goes_on(verdict)) {
        try_next(run);
        return;
    }
    run_verdict(run, verdict);
}

static void on_attempt_over(void *arg, int events)
{
    (void)events;
    struct run *run = arg;
    struct verdict verdict;
    if (run->over || run->session->stage == STAGE_OPEN)
        return;
    if (run->resolving)
        verdict_set(&verdict, RLV_F_DNS, "timeout",
                    "resolve %s: no answer in %.2f s",
                    run->target.hosts[run->host - 1].name,
                    (double)(postgres_host->now() - run->tried_ns) / 1e9);
    else
        session_late(run->session, run->waiting, run->tried_ns, &verdict);
    run->resolving = false;
    run_rejected(run, &verdict);
    run_settle(run);
}

/* What is left of the time is shared out among what is left to be tried. */
static void begin_attempt(struct run *run)
{
    int64_t now_ns = postgres_host->now();
    unsigned left = run->target.host_count - run->host + 1;
    if (run->addresses)
        left += run->addresses - run->address;
    run->tried_ns = now_ns;
    int64_t share_ns = (postgres_host->deadline(run->probe) - now_ns) / left;
    postgres_host->rearm(run->attempt, 0, left > 1 ? share_ns : -1);
}

static void open_session(struct run *run, const struct sockaddr_storage *at)
{
    bool keep = run->conf->keep_connection;
    begin_attempt(run);
    session_open(run->session, run,
                 keep ? postgres_host->check_scope(run->probe)
                      : postgres_host->probe_scope(run->probe),
                 &run->target.hosts[run->host - 1], at);
}

static void on_resolved(void *arg, int gai,
                        const struct sockaddr_storage *addresses, size_t count)
{
    struct run *run = arg;
    const char *name = run->target.hosts[run->host ? run->host - 1 : 0].name;
    if (run->over || !run->resolving)
        return;
    run->resolving = false;
    postgres_host->phase(run->probe, RLV_PH_DNS,
                         postgres_host->now() - run->tried_ns);
    run->addresses =
        (unsigned)(count < POSTGRES_ADDRESSES ? count : POSTGRES_ADDRESSES);
    run->address = 0;
    for (unsigned i = 0; i < run->addresses; i++)
        run->at[i] = addresses[i];
    if (gai || !count) {
        struct verdict verdict;
        verdict_of_resolve(&verdict, name, gai);
        run_rejected(run, &verdict);
    } else {
        try_next(run);
    }
    run_settle(run);
}

static const int families[] = {AF_UNSPEC, AF_INET, AF_INET6};

static void take_address(struct run *run, const char *address)
{
    void *at = memset(&run->at[0], 0, sizeof run->at[0]);
    struct sockaddr_in *v4 = at;
    struct sockaddr_in6 *v6 = at;
    int family = families[run->conf->ip_family];
    if (inet_pton(AF_INET, address, &v4->sin_addr) == 1)
        v4->sin_family = AF_INET;
    else if (inet_pton(AF_INET6, address, &v6->sin6_addr) == 1)
        v6->sin6_family = AF_INET6;
    if (family != AF_UNSPEC && run->at[0].ss_family != family) {
        run_fault(run, RLV_F_CONFIG, "ip_family",
                  "%s is not of the family that ip_family asks for", address);
        return;
    }
    run->addresses = 1;
    try_next(run);
}

static void try_next(struct run *run)
{
    if (run->address < run->addresses) {
        run->address++;
        open_session(run, &run->at[run->address - 1]);
        return;
    }
    run->address = run->addresses = 0;
    if (run->host == run->target.host_count) {
        give_up(run);
        return;
    }
    const struct target_host *host = &run->target.hosts[run->host++];
    if (target_is_socket(host)) {
        open_session(run, NULL);
    } else if (host->address) {
        take_address(run, host->address);
    } else {
        begin_attempt(run);
        run->resolving = true;
        postgres_host->resolve(run->probe, host->name, host->port,
                               families[run->conf->ip_family], on_resolved,
                               run);
    }
}

/* -------------------------------------------------------------------- steps */

/* Of a session that stands, in this order. */
static void (*const steps[])(struct run *) = {query_begin, heartbeat_begin,
                                              sets_begin, run_finish};

void run_next(struct run *run)
{
    if (!run->over)
        steps[run->step++](run);
}

void run_answered(struct run *run)
{
    run->latency_ns = postgres_host->now() - run->tried_ns;
    run_finish(run);
}

void run_connected(struct run *run)
{
    postgres_host->rearm(run->attempt, 0, -1);
    if (run->conf->level == LEVEL_QUERY)
        run_next(run);
    else
        run_answered(run);
}

static void on_statement(struct run *run, const PGresult *result)
{
    if (!result)
        postgres_host->phase(run->probe, RLV_PH_WAIT,
                             postgres_host->now() - run->began_ns);
    run->statement(run, result);
}

void run_statement(struct run *run, const char *waiting, const char *sql,
                   statement_fn *fn)
{
    run->waiting = waiting;
    run->statement = fn;
    run->began_ns = postgres_host->now();
    session_send(run->session, sql, on_statement);
}

void run_pipeline(struct run *run, const char *waiting,
                  const struct statement *statements, size_t count,
                  statement_fn *fn)
{
    run->waiting = waiting;
    run->statement = fn;
    run->results = 0;
    run->began_ns = postgres_host->now();
    session_send_all(run->session, statements, count, on_statement);
}

/* ------------------------------------------------------------------ session */

void run_lost(struct run *run, const struct verdict *verdict)
{
    bool again = run->session->reused && !run->session->answered;
    if (!again) {
        run_verdict(run, verdict);
        return;
    }
    session_close(run->session);
    run->step = 0;
    run->host = run->address = run->addresses = 0;
    try_next(run);
}

static void on_deadline(void *arg, int events)
{
    (void)events;
    struct run *run = arg;
    struct session *session = run->session;
    if (run->over)
        return;
    if (session->stage != STAGE_OPEN) {
        run->host = run->target.host_count; /* there is no time for others */
        run->address = run->addresses;
        run->second_pass = true;
        on_attempt_over(run, 0);
        return;
    }
    struct verdict verdict;
    session_late(session, run->waiting, run->began_ns, &verdict);
    postgres_host->phase(run->probe, RLV_PH_WAIT,
                         postgres_host->now() - run->began_ns);
    cancel_send(session);
    run_verdict(run, &verdict);
    run_settle(run);
}

static void close_kept(void *arg) { session_close(arg); }

struct kept *run_kept(struct run *run)
{
    if (!run->kept)
        run->kept = postgres_host->keep(run->probe, sizeof *run->kept);
    return run->kept;
}

/* FNV-1a of all that decides where a session leads and as whom. */
static uint64_t identity_of(const struct target *target)
{
    uint64_t hash = 14695981039346656037ull;
    const char *parts[5 + 2 * TARGET_HOSTS] = {target->user, target->password,
                                               target->dbname, target->passfile,
                                               target->application_name};
    for (unsigned i = 0; i < target->host_count; i++) {
        parts[5 + 2 * i] = target->hosts[i].name;
        parts[6 + 2 * i] = target->hosts[i].address;
        hash = (hash ^ target->hosts[i].port) * 1099511628211ull;
    }
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        for (const char *at = parts[i] ? parts[i] : "\1"; *at; at++)
            hash = (hash ^ (unsigned char)*at) * 1099511628211ull;
        hash *= 1099511628211ull;
    }
    return hash;
}

static void take_kept(struct run *run)
{
    struct kept *kept = run_kept(run);
    uint64_t identity = identity_of(&run->target);
    run->session = &kept->session;
    if (!kept->registered) {
        postgres_host->defer(postgres_host->check_scope(run->probe), close_kept,
                             &kept->session);
        kept->registered = true;
    }
    bool stands = session_is_idle(&kept->session) && kept->identity == identity;
    kept->identity = identity;
    if (!stands) {
        try_next(run);
        return;
    }
    session_lend(run->session, run);
    run_connected(run);
}

/* Also when the host ends the probe. */
static void release(void *arg)
{
    struct run *run = arg;
    struct session *session = run->session;
    bool keep = session != &run->own && run->over && !run->faulted &&
                session_is_idle(session);
    if (!keep)
        session_close(session);
    session_lend(session, NULL);
    target_free(&run->target);
}

/* -------------------------------------------------------------------- start */

void postgres_start(struct rlv_probe *probe, const void *conf)
{
    struct rlv_scope *scope = postgres_host->probe_scope(probe);
    struct run *run = postgres_host->alloc(scope, sizeof *run);
    const char *option = NULL;
    char why[300];
    run->probe = probe;
    run->conf = conf;
    run->session = &run->own;
    run->waiting = "anything";
    run->latency_ns = -1;
    postgres_host->defer(scope, release, run);
    if (!target_read(&run->target, conf, true, &option, why, sizeof why)) {
        postgres_host->fault(probe, RLV_F_CONFIG, option, 0, "%s", why);
        postgres_host->done(probe);
        return;
    }
    postgres_host->timer(scope,
                         postgres_host->deadline(probe) - postgres_host->now(),
                         on_deadline, run);
    run->attempt = postgres_host->timer(scope, SECOND_NS, on_attempt_over, run);
    postgres_host->rearm(run->attempt, 0, -1);
    if (run->conf->keep_connection)
        take_kept(run);
    else
        try_next(run);
    run_settle(run);
}
