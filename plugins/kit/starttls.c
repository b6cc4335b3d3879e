/* kit/starttls.c: TLS on a stream that stood without it, because its protocol
 * agrees on it first (STARTTLS).
 *
 * Owns the stream's SSL, from kit_stream_start_tls() until the stream ends.
 * libcurl goes on owning the descriptor, and no longer reads or writes it.
 * Called by the stream's user to begin, by stream.c for all that follows.
 *
 * Happy path: kit_stream_start_tls() → the trusted certificates are there, or
 * are loaded in slices → handshakes until OpenSSL is content → the certificate
 * is for that name → KIT_OPEN, once more.
 *
 * Ways it can fail: the bundle cannot be read; bytes came before the handshake;
 * OpenSSL refuses the peer, or the peer us; the peer ends. All of them are told
 * as libcurl tells them, so that lost.c has one sentence for each. */
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <string.h>

#include "kit/dial.h"

/* ------------------------------------------------------------------ errors */

/* As libcurl words it: lost.c reads its form. */
static void note_error(struct kit_stream *stream, const char *otherwise)
{
    unsigned long error = ERR_peek_error();
    if (error)
        ERR_error_string_n(error, stream->error, sizeof stream->error);
    else
        snprintf(stream->error, sizeof stream->error, "%s", otherwise);
    ERR_clear_error();
}

static void fail(struct kit_stream *stream, CURLcode rc, const char *text)
{
    stream->rc = rc;
    note_error(stream, text);
    stream_failed(stream, KIT_LOST_LIBCURL);
}

static bool is_unverified(unsigned long error)
{
    return ERR_GET_LIB(error) == ERR_LIB_SSL &&
           ERR_GET_REASON(error) == SSL_R_CERTIFICATE_VERIFY_FAILED;
}

static void fail_handshake(struct kit_stream *stream, int error)
{
    bool unverified = is_unverified(ERR_peek_error());
    stream->sys_errno = error == SSL_ERROR_SYSCALL ? errno : 0;
    fail(stream,
         unverified ? CURLE_PEER_FAILED_VERIFICATION : CURLE_SSL_CONNECT_ERROR,
         stream->sys_errno ? strerror(stream->sys_errno)
                           : "the peer closed the connection");
}

/* --------------------------------------------------------------- beginning */

/* Where there is none, too: else OpenSSL asks on the terminal. */
static int give_passphrase(char *text, int size, int writing, void *arg)
{
    (void)writing;
    const char *passphrase = ((const struct kit_net *)arg)->key_passphrase;
    size_t len = passphrase ? strlen(passphrase) : 0;
    if (len >= (size_t)size)
        return 0;
    memcpy(text, passphrase ? passphrase : "", len);
    return (int)len;
}

static bool use_own_certificate(SSL_CTX *context, const struct kit_net *net)
{
    const char *key = net->key_file ? net->key_file : net->cert_file;
    SSL_CTX_set_default_passwd_cb(context, give_passphrase);
    SSL_CTX_set_default_passwd_cb_userdata(context, (void *)net);
    return !net->cert_file ||
           (SSL_CTX_use_certificate_chain_file(context, net->cert_file) == 1 &&
            SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) == 1);
}

static void set_options(struct kit_stream *stream, SSL *ssl)
{
    static const int versions[] = {
        [KIT_TLS_1_0] = TLS1_VERSION,
        [KIT_TLS_1_1] = TLS1_1_VERSION,
        [KIT_TLS_1_2] = TLS1_2_VERSION,
        [KIT_TLS_1_3] = TLS1_3_VERSION,
    };
    const struct kit_net *net = stream->at.net;
    SSL_set_verify(ssl, net->verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, NULL);
    SSL_set_min_proto_version(ssl, versions[net->min_version]);
    SSL_set_fd(ssl, stream->fd);
    if (!stream->name_literal)
        SSL_set_tlsext_host_name(ssl, stream->name);
    SSL_set_connect_state(ssl);
}

/* False: it has failed, and the stream may be gone. */
static bool begin(struct kit_stream *stream)
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    bool ready = context && dial_context(stream, context);
    bool ours = ready && use_own_certificate(context, stream->at.net);
    if (ours)
        stream->ssl = SSL_new(context);
    SSL_CTX_free(context);
    if (stream->ssl) {
        set_options(stream, stream->ssl);
        return true;
    }
    if (ready && !ours)
        fail(stream, CURLE_SSL_CERTPROBLEM, "not to be used");
    else
        fail(stream, CURLE_OUT_OF_MEMORY, "no TLS session");
    return false;
}

/* False: not yet; or it has failed, and the stream may be gone. */
static bool have_trust(struct kit_stream *stream)
{
    enum kit_trust trust =
        stream->at.net->verify
            ? kit_certs_load(stream->at.net->ca_file, stream->error,
                             sizeof stream->error)
            : KIT_TRUST_READY;
    if (trust == KIT_TRUST_LOADING)
        stream_kick(stream);
    else if (trust == KIT_TRUST_FAILED)
        stream_failed(stream, KIT_LOST_TRUST);
    return trust == KIT_TRUST_READY;
}

/* --------------------------------------------------------------- handshake */

static void finished(struct kit_stream *stream)
{
    if (stream->at.net->verify &&
        !kit_certs_are_for(stream->ssl, stream->name)) {
        fail(stream, CURLE_PEER_FAILED_VERIFICATION, "not for that name");
        return;
    }
    stream->at = (struct kit_peer_at){.tls = true};
    dial_stage(stream, KIT_STAGE_OPEN);
    stream->announced = false;
    stream_kick(stream);
}

static void shake(struct kit_stream *stream)
{
    ERR_clear_error();
    errno = 0;
    int rc = SSL_do_handshake(stream->ssl);
    int error = SSL_get_error(stream->ssl, rc);
    if (rc == 1)
        finished(stream);
    else if (error == SSL_ERROR_WANT_READ)
        kit_host->rearm(stream->watch, RLV_READ, 0);
    else if (error == SSL_ERROR_WANT_WRITE)
        kit_host->rearm(stream->watch, RLV_WRITE, 0);
    else
        fail_handshake(stream, error);
}

void starttls_turn(struct kit_stream *stream)
{
    if (stream->has_ahead) {
        fail(stream, CURLE_SSL_CONNECT_ERROR,
             "bytes without TLS came after it was agreed on");
        return;
    }
    if (stream->stage == KIT_STAGE_TRUST &&
        (!have_trust(stream) || !begin(stream)))
        return;
    if (stream->stage == KIT_STAGE_TLS)
        shake(stream);
}

void kit_stream_start_tls(struct kit_stream *stream, const char *name,
                          const struct kit_net *net)
{
    if (stream->stage != KIT_STAGE_OPEN)
        return;
    stream->at.net = net;
    stream->at.tls = true;
    dial_name(stream, net->server_name ? net->server_name : name);
    dial_stage(stream, KIT_STAGE_TRUST);
    kit_host->rearm(stream->watch, 0, 0);
    stream_kick(stream);
}

/* -------------------------------------------------------------- afterwards */

static CURLcode result(struct kit_stream *stream, int rc, CURLcode otherwise)
{
    int error = SSL_get_error(stream->ssl, rc);
    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE)
        return CURLE_AGAIN;
    if (error == SSL_ERROR_ZERO_RETURN)
        return CURLE_OK; /* and no bytes: the end */
    stream->sys_errno = error == SSL_ERROR_SYSCALL ? errno : 0;
    note_error(stream, stream->sys_errno ? strerror(stream->sys_errno) : "");
    return otherwise;
}

CURLcode starttls_recv(struct kit_stream *stream, void *bytes, size_t size,
                       size_t *n)
{
    ERR_clear_error();
    errno = 0;
    int rc = SSL_read_ex(stream->ssl, bytes, size, n);
    return rc == 1 ? CURLE_OK : result(stream, rc, CURLE_RECV_ERROR);
}

CURLcode starttls_send(struct kit_stream *stream, const void *bytes, size_t len,
                       size_t *n)
{
    ERR_clear_error();
    errno = 0;
    int rc = SSL_write_ex(stream->ssl, bytes, len, n);
    return rc == 1 ? CURLE_OK : result(stream, rc, CURLE_SEND_ERROR);
}

void starttls_end(struct kit_stream *stream)
{
    SSL_free(stream->ssl);
    stream->ssl = NULL;
}
