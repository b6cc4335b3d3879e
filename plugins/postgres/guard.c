/* postgres/guard.c: what a peer may make libpq do before a session stands.
 *
 * libpq trusts whoever it talks to. A peer that asks for 2^31 rounds of SCRAM
 * has it compute for half an hour, on the loop; one that asks for GSSAPI has it
 * wait for other servers there. So whatever answers the startup packet is
 * looked at first, still in the kernel's buffer, or in OpenSSL's, and libpq is
 * called only once a whole message of a sort that is harmless has come.
 *
 * Nothing can slip through in pieces: libpq reads once in a call, and the
 * message that holds the number of rounds must begin with the nonce that libpq
 * has just made up. If its beginning was taken earlier, then what is seen next
 * begins with that nonce, which is no beginning of a message.
 *
 * It also picks up the key for cancelling, which libpq keeps to itself, and
 * counts bytes. Called by session.c; owns nothing. */
#include "postgres/guard.h"

#include <errno.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#define ROUNDS_LOOP 8192   /* of SCRAM; 4096 are usual, and take 5 ms */
#define ROUNDS_MAX  262144 /* a third of a second, in a thread */
#define FLOOD       32768  /* bytes of answers before a session stands */
#define AUTH_MAX    2000   /* libpq takes no longer one */
#define ERROR_MAX   30000
#define PEEK        8192
#define INPUT       16384 /* bytes that libpq takes at a time */
#define PEEK_CLOSED (-2)  /* ended, or broken */

enum request { /* of AuthenticationRequest */
               REQUEST_GSS = 7,
               REQUEST_GSS_CONTINUE = 8,
               REQUEST_SSPI = 9,
               REQUEST_SASL_CONTINUE = 11
};

static uint32_t number_at(const unsigned char *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 |
           (uint32_t)at[2] << 8 | at[3];
}

/* ------------------------------------------------------------------ peeking */

/* Where it is broken errno says how: nobody else gets to know it. */
static ssize_t peek_tls(SSL *ssl, unsigned char *bytes, size_t size)
{
    errno = 0;
    ERR_clear_error();
    int n = SSL_peek(ssl, bytes, (int)size);
    int sys_errno = errno;
    int error = n > 0 ? SSL_ERROR_NONE : SSL_get_error(ssl, n);
    ERR_clear_error();
    errno = sys_errno;
    if (n > 0)
        return n;
    return error == SSL_ERROR_WANT_READ ? 0 : PEEK_CLOSED;
}

static ssize_t peek(PGconn *conn, unsigned char *bytes, size_t size)
{
    SSL *ssl = PQsslInUse(conn) ? PQsslStruct(conn, "OpenSSL") : NULL;
    if (ssl)
        return peek_tls(ssl, bytes, size);
    errno = 0;
    ssize_t n = recv(PQsocket(conn), bytes, size, MSG_PEEK | MSG_DONTWAIT);
    if (n > 0)
        return n;
    return n < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : PEEK_CLOSED;
}

/* libpq finds out about an end by itself, but no longer about a reset. */
static enum guard_says look_at_end(const char *peer, struct verdict *verdict)
{
    if (errno != ECONNRESET)
        return GUARD_PASS;
    verdict_errno(verdict, RLV_F_RESET, ECONNRESET, "%s reset the connection",
                  peer);
    return GUARD_REFUSE;
}

/* ----------------------------------------------------------------- messages */

/* What libpq would take for a number is more than digits, so nothing but digits
 * will do. */
enum guard_says guard_rounds(const unsigned char *at, size_t len)
{
    const unsigned char *i = memmem(at, len, ",i=", 3);
    int64_t rounds = 0;
    for (const unsigned char *c = i ? i + 3 : at + len; c < at + len; c++) {
        rounds = rounds * 10 + (*c - '0');
        if (*c < '0' || *c > '9' || rounds > ROUNDS_MAX)
            return GUARD_REFUSE;
    }
    return rounds > ROUNDS_LOOP ? GUARD_AWAY : GUARD_PASS;
}

static enum guard_says look_at_request(const unsigned char *message, size_t len,
                                       const char *peer,
                                       struct verdict *verdict)
{
    uint32_t request = number_at(message + 5);
    if (request == REQUEST_GSS || request == REQUEST_GSS_CONTINUE ||
        request == REQUEST_SSPI) {
        verdict_set(verdict, RLV_F_AUTH, "gss",
                    "%s asks for GSSAPI or SSPI, which is not offered", peer);
        return GUARD_REFUSE;
    }
    if (request != REQUEST_SASL_CONTINUE)
        return GUARD_PASS;
    enum guard_says says = guard_rounds(message + 9, len - 9);
    if (says == GUARD_REFUSE)
        verdict_set(verdict, RLV_F_PROTOCOL, "scram_iterations",
                    "%s asks for more than %d rounds of SCRAM", peer,
                    ROUNDS_MAX);
    return says;
}

/* A server that cannot fork says so in a form of its own: E, text, NUL. */
static enum guard_says refuse(const unsigned char *bytes, size_t n,
                              const char *peer, struct verdict *verdict)
{
    char text[200];
    size_t len = 0;
    for (size_t i = 1; i < n && bytes[i] >= ' ' && bytes[i] < 127; i++)
        if (len + 1 < sizeof text)
            text[len++] = (char)bytes[i];
    text[len] = '\0';
    if (bytes[0] == 'E' && strstr(text, "fork"))
        verdict_set(verdict, RLV_F_OVERLOADED, "fork", "%s said: %s", peer,
                    text);
    else
        verdict_set(verdict, RLV_F_PROTOCOL, "startup",
                    "%s does not speak PostgreSQL's protocol", peer);
    return GUARD_REFUSE;
}

static enum guard_says look_at_answer(struct guard *guard,
                                      const unsigned char *bytes, size_t n,
                                      const char *peer, struct verdict *verdict)
{
    if (!strchr("REv", bytes[0]) || !bytes[0])
        return refuse(bytes, n, peer, verdict);
    if (n < 5)
        return GUARD_WAIT;
    uint32_t len = number_at(bytes + 1);
    if (len < 8 || len > (bytes[0] == 'E' ? ERROR_MAX : AUTH_MAX))
        return refuse(bytes, n, peer, verdict);
    guard->answered = true;
    if (bytes[0] != 'R')
        return GUARD_PASS;
    if (n <= len)
        return GUARD_WAIT;
    guard->asks = true;
    return look_at_request(bytes, len + 1, peer, verdict);
}

/* BackendKeyData, where it happens to lie whole in what is seen. */
static void note_key(struct guard *guard, const unsigned char *bytes, size_t n)
{
    for (size_t at = 0; at + 5 <= n;) {
        uint32_t len = number_at(bytes + at + 1);
        if (bytes[at] == 'K' && len == 12 && at + 13 <= n) {
            guard->pid = number_at(bytes + at + 5);
            guard->key = number_at(bytes + at + 9);
            guard->has_key = true;
            return;
        }
        if (len < 4 || len > n)
            return;
        at += len + 1;
    }
}

enum guard_says guard_look(struct guard *guard, PGconn *conn, const char *peer,
                           struct verdict *verdict)
{
    unsigned char bytes[PEEK];
    ConnStatusType status = PQstatus(conn);
    enum guard_says says = GUARD_PASS;
    if (status != CONNECTION_AWAITING_RESPONSE && status != CONNECTION_AUTH_OK)
        return GUARD_PASS;
    ssize_t n = peek(conn, bytes, sizeof bytes);
    if (n == PEEK_CLOSED)
        return look_at_end(peer, verdict);
    if (n > 0)
        note_key(guard, bytes, (size_t)n);
    if (status == CONNECTION_AWAITING_RESPONSE)
        says = n > 0 ? look_at_answer(guard, bytes, (size_t)n, peer, verdict)
                     : GUARD_WAIT;
    if (says != GUARD_WAIT)
        guard->seen += n;
    if (guard->seen <= FLOOD)
        return says;
    verdict_set(verdict, RLV_F_PROTOCOL, "flood",
                "%s sent %d bytes, and there is no session", peer, FLOOD);
    return GUARD_REFUSE;
}

/* ---------------------------------------------------------------- counting */

/* Unlike TCP, a unix socket has no count. libpq takes 16 KiB at a time, but for
 * messages that are larger: of these, an answer may grow to several times the
 * limit before it is noticed. */
void guard_before_input(struct guard *guard, PGconn *conn)
{
    int unread = 0;
    if (guard->counted_from < 0 || !guard->is_local)
        return;
    ioctl(PQsocket(conn), FIONREAD, &unread);
    guard->local += unread < INPUT ? unread : INPUT;
}

int64_t guard_received(struct guard *guard, PGconn *conn)
{
    struct tcp_info info;
    socklen_t size = sizeof info;
    int unread = 0;
    memset(&info, 0, sizeof info);
    guard->is_local =
        getsockopt(PQsocket(conn), IPPROTO_TCP, TCP_INFO, &info, &size) != 0;
    int64_t now =
        guard->is_local ? guard->local : (int64_t)info.tcpi_bytes_received;
    if (guard->counted_from < 0) {
        if (!guard->is_local)
            ioctl(PQsocket(conn), FIONREAD, &unread);
        guard->counted_from = now - unread;
    }
    return now - guard->counted_from;
}

bool guard_counts(const struct guard *guard)
{
    return guard->counted_from >= 0;
}

/* Most answers are there at once, and nobody ever asks. */
void guard_count_anew(struct guard *guard) { guard->counted_from = -1; }
