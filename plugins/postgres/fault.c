/* postgres/fault.c: what an error stands for: an SQLSTATE, or, where the server
 * said nothing, libpq's own words.
 *
 * libpq offers no SQLSTATE for a session that it could not get; but with
 * PQERRORS_VERBOSE its text has it: "FATAL:  28P01: password …". Pure; called
 * by session.c and by whatever reads results. */
#include "postgres/fault.h"

#include <errno.h>
#include <netdb.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "kit/why.h"

void verdict_set(struct verdict *verdict, enum rlv_fault fault,
                 const char *code, const char *fmt, ...)
{
    va_list ap;
    *verdict = (struct verdict){.fault = fault};
    snprintf(verdict->code, sizeof verdict->code, "%s", code);
    va_start(ap, fmt);
    vsnprintf(verdict->text, sizeof verdict->text, fmt, ap);
    va_end(ap);
}

void verdict_errno(struct verdict *verdict, enum rlv_fault fault, int sys_errno,
                   const char *fmt, ...)
{
    va_list ap;
    *verdict = (struct verdict){.fault = fault, .sys_errno = sys_errno};
    va_start(ap, fmt);
    vsnprintf(verdict->text, sizeof verdict->text, fmt, ap);
    va_end(ap);
}

/* ----------------------------------------------------------------- SQLSTATE */

bool is_sqlstate(const char *text)
{
    return strspn(text, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") >= 5;
}

/* The longest that fits comes first. 57014 is a statement that was given up:
 * by statement_timeout, which is ours. */
static const struct {
    const char *begins;
    enum rlv_fault fault;
} sqlstates[] = {
    {"57P03", RLV_F_STARTING},  {"57P01", RLV_F_CLOSED},
    {"57P02", RLV_F_CLOSED},    {"57P05", RLV_F_CLOSED},
    {"57014", RLV_F_TIMEOUT},   {"55P03", RLV_F_TIMEOUT},
    {"42501", RLV_F_FORBIDDEN}, {"25006", RLV_F_READONLY},
    {"53", RLV_F_OVERLOADED},   {"28", RLV_F_AUTH},
    {"0P", RLV_F_AUTH},
};

/* Poolers have one SQLSTATE for nearly everything, and words. */
static enum rlv_fault fault_of_pooler(const char *text)
{
    if (strstr(text, "no more connections allowed") ||
        strstr(text, "client_login_timeout") ||
        strstr(text, "query_wait_timeout"))
        return RLV_F_OVERLOADED;
    if (strstr(text, "auth failed") || strstr(text, "password authentication"))
        return RLV_F_AUTH;
    return RLV_F_ERROR_RESPONSE;
}

enum rlv_fault fault_of(const char *sqlstate, const char *text)
{
    for (size_t i = 0; i < sizeof sqlstates / sizeof *sqlstates; i++)
        if (strncmp(sqlstate, sqlstates[i].begins,
                    strlen(sqlstates[i].begins)) == 0)
            return sqlstates[i].fault;
    return strncmp(sqlstate, "08", 2) == 0 ? fault_of_pooler(text)
                                           : RLV_F_ERROR_RESPONSE;
}

void verdict_of_result(struct verdict *verdict, const PGresult *result,
                       const char *peer, const char *asked)
{
    const char *code = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char *text = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    if (!code || !is_sqlstate(code) || strlen(code) != 5) {
        text = PQresultErrorMessage(result); /* of libpq's own making */
        verdict_of_text(verdict, text, peer, asked);
        return;
    }
    text = text ? text : "";
    verdict_set(verdict, fault_of(code, text), code,
                "%s answered %.60s: %.300s", peer, asked, text);
}

/* ------------------------------------------------------------ libpq's words */

/* Begins behind `"FATAL:  "`, in whatever language that is. NULL: no line of
 * the text has an SQLSTATE; else the last one that has. */
static const char *find_sqlstate(const char *text)
{
    const char *found = NULL;
    for (const char *at = strstr(text, ":  "); at; at = strstr(at + 3, ":  "))
        if (is_sqlstate(at + 3) && strncmp(at + 8, ": ", 2) == 0)
            found = at + 3;
    return found;
}

/* The last attempt's own words: what is behind `failed: `. */
static const char *last_reason(const char *text)
{
    static const char failed[] = " failed: ";
    const char *found = text;
    for (const char *at = strstr(text, failed); at; at = strstr(at + 1, failed))
        found = at + sizeof failed - 1;
    return found;
}

static int errno_in(const char *text)
{
    static const int known[] = {ECONNREFUSED, ECONNRESET,   EPIPE,  ETIMEDOUT,
                                EHOSTUNREACH, ENETUNREACH,  EACCES, EPERM,
                                ENOENT,       EMFILE,       ENFILE, ENOMEM,
                                ENOBUFS,      EADDRNOTAVAIL};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strstr(text, strerror(known[i])))
            return known[i];
    return 0;
}

static bool begins(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

/* Words of libpq's that are no errno. */
static const struct {
    const char *words;
    enum rlv_fault fault;
    const char *code;
} said[] = {
    {"no password supplied", RLV_F_AUTH, "no_password"},
    {"requires a password", RLV_F_AUTH, "no_password"},
    {"SCRAM", RLV_F_AUTH, "scram"},
    {"channel binding", RLV_F_AUTH, "channel_binding"},
    {"session is read-only", RLV_F_READONLY, "role"},
    {"session is not read-only", RLV_F_READONLY, "role"},
    {"server is in hot standby mode", RLV_F_READONLY, "role"},
    {"server is not in hot standby mode", RLV_F_READONLY, "role"},
    {"server does not support SSL", RLV_F_TLS, "not_offered"},
    {"server closed the connection", RLV_F_CLOSED, "closed"},
    {"connection has been closed unexpectedly", RLV_F_CLOSED, "closed"},
    {"EOF detected", RLV_F_CLOSED, "closed"},
    {"private key file", RLV_F_CONFIG, "tls.key_file"},
    {"certificate file", RLV_F_CONFIG, "tls.cert_file"},
    {"requirepeer", RLV_F_AUTH, "requirepeer"},
    {"out of memory", RLV_F_RESOURCE, "ENOMEM"},
    {"cannot allocate memory", RLV_F_PROTOCOL, "size"},
};

static void verdict_of_tls(struct verdict *verdict, const char *reason, int len,
                           const char *peer)
{
    char code[32] = "handshake";
    const char *alert = strstr(reason, "alert ");
    const char *word = alert ? alert : strstr(reason, "SSL error: ");
    size_t n = 0;
    if (word && !alert)
        word += strlen("SSL error: ");
    if (!strncmp(reason, "SSL error: ", 11)) { /* kit/why.c has it without */
        reason += 11;
        len -= 11;
    }
    for (; word && *word && *word != '\n' && n + 1 < sizeof code; word++)
        code[n++] = *word == ' '                   ? '_'
                    : *word >= 'a' && *word <= 'z' ? (char)(*word - 32)
                                                   : *word;
    if (n)
        code[n] = '\0';
    verdict_set(verdict, RLV_F_TLS, code, "TLS handshake with %s failed: %.*s",
                peer, len, reason);
}

static void verdict_of_errno(struct verdict *verdict, int sys_errno,
                             const char *reason, const char *peer,
                             const char *doing)
{
    enum rlv_fault fault = kit_why_fault(sys_errno);
    if (sys_errno == ENOENT)
        fault = RLV_F_REFUSED; /* whose socket it is does not run */
    else if (sys_errno == EACCES || sys_errno == EPERM)
        fault = RLV_F_CONFIG;
    if (sys_errno == ECONNRESET || sys_errno == EPIPE)
        verdict_errno(verdict, fault, sys_errno, "%s reset the connection",
                      peer);
    else if (begins(reason, "could not") || strstr(reason, "SYSCALL"))
        verdict_errno(verdict, sys_errno == ETIMEDOUT ? RLV_F_TIMEOUT : fault,
                      sys_errno, "%s, while waiting for %s: %s", peer, doing,
                      strerror(sys_errno));
    else
        verdict_errno(verdict, fault, sys_errno, "connect to %s failed: %s",
                      peer, strerror(sys_errno));
}

static void verdict_of_server(struct verdict *verdict, const char *sqlstate,
                              const char *peer)
{
    char code[6] = "", text[300];
    const char *message = sqlstate + 7;
    memcpy(code, sqlstate, 5);
    snprintf(text, sizeof text, "%.*s", (int)strcspn(message, "\n"), message);
    verdict_set(verdict, fault_of(code, text), code, "%s said: %s", peer, text);
}

void verdict_of_text(struct verdict *verdict, const char *text,
                     const char *peer, const char *doing)
{
    const char *sqlstate = find_sqlstate(text);
    const char *reason = last_reason(text);
    int len = (int)strcspn(reason, "\n");
    if (sqlstate) {
        verdict_of_server(verdict, sqlstate, peer);
        return;
    }
    for (size_t i = 0; i < sizeof said / sizeof *said; i++) {
        if (!strstr(reason, said[i].words))
            continue;
        if (said[i].fault == RLV_F_CLOSED)
            verdict_set(verdict, said[i].fault, said[i].code,
                        "%s closed the connection without %s", peer, doing);
        else
            verdict_set(verdict, said[i].fault, said[i].code, "%s: %.*s", peer,
                        len, reason);
        return;
    }
    int sys_errno = errno_in(reason);
    if (sys_errno)
        verdict_of_errno(verdict, sys_errno, reason, peer, doing);
    else if (strstr(reason, "SSL error"))
        verdict_of_tls(verdict, reason, len, peer);
    else
        verdict_set(verdict, RLV_F_PROTOCOL, "libpq", "%s: %.*s", peer,
                    len < 300 ? len : 300, reason);
}

void verdict_of_resolve(struct verdict *verdict, const char *name, int gai)
{
    if (gai == EAI_MEMORY)
        verdict_set(verdict, RLV_F_RESOURCE, "EAI_MEMORY",
                    "resolve %s: out of memory", name);
    else
        verdict_set(verdict, RLV_F_DNS, kit_gai_code(gai), "resolve %s: %s",
                    name, gai ? gai_strerror(gai) : "no address");
}

/* ------------------------------------------------------------ several hosts */

int verdict_rank(const struct verdict *verdict)
{
    switch (verdict->fault) {
    case RLV_F_NONE: return 0;
    case RLV_F_DNS:
    case RLV_F_UNREACHABLE: return 1;
    case RLV_F_CONNECT_TIMEOUT: return 2;
    case RLV_F_REFUSED: return 3;
    case RLV_F_READONLY: return 6; /* all of it is well but for the role */
    case RLV_F_RESET:
    case RLV_F_CLOSED:
    case RLV_F_TIMEOUT: return 4;
    default: return 5;
    }
}

bool verdict_goes_on(const struct verdict *verdict)
{
    switch (verdict->fault) {
    case RLV_F_AUTH:
    case RLV_F_FORBIDDEN:
    case RLV_F_ERROR_RESPONSE:
    case RLV_F_CONFIG:
    case RLV_F_RESOURCE: return false;
    default: return true;
    }
}
