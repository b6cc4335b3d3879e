/* kit/certs.c: trusted bundles, loaded once, and the verify callback.
 *
 * Owns a list of stores, one for each bundle that was ever asked for; it ends
 * with the process. Called by plugins that speak TLS, from inside libcurl's
 * or OpenSSL's connection set-up. */
#include "kit/certs.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

/* --------------------------------------------------------------- bundles - */

#define SLICE_NS 4000000ll

struct bundle {
    struct bundle *next;
    X509_STORE *store; /* in use; NULL: none yet */
    struct stat stamp; /* of the file that it was loaded from */

    /* While it is being loaded; input NULL: it is not. */
    BIO *input;
    X509_STORE *fresh;
    struct stat fresh_stamp;
    size_t count; /* certificates so far */
    char path[];  /* "": no file, OpenSSL's default directory */
};

static struct bundle *bundles;

/* Where the distributions keep the system's bundle. */
static const char *system_path(void)
{
    static const char *const places[] = {"/etc/ssl/certs/ca-certificates.crt",
                                         "/etc/pki/tls/certs/ca-bundle.crt",
                                         "/etc/ssl/ca-bundle.pem",
                                         "/etc/ssl/cert.pem"};
    const char *chosen = getenv("SSL_CERT_FILE");
    if (chosen && *chosen)
        return chosen;
    struct stat st;
    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        if (stat(places[i], &st) == 0)
            return places[i];
    return "";
}

static const char *bundle_path(const char *ca_file)
{
    return ca_file && *ca_file ? ca_file : system_path();
}

static bool same_stamp(const struct stat *a, const struct stat *b)
{
    return a->st_ino == b->st_ino && a->st_size == b->st_size &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
           a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static struct bundle *bundle_get(const char *path)
{
    for (struct bundle *b = bundles; b; b = b->next)
        if (strcmp(b->path, path) == 0)
            return b;
    size_t len = strlen(path) + 1;
    struct bundle *b = kit_calloc(1, sizeof *b + len);
    memcpy(b->path, path, len);
    b->next = bundles;
    bundles = b;
    return b;
}

static enum kit_trust load_end(struct bundle *b, bool ok)
{
    BIO_free(b->input);
    b->input = NULL;
    ERR_clear_error();
    if (ok) {
        X509_STORE_free(b->store);
        b->store = b->fresh;
        b->stamp = b->fresh_stamp;
    } else {
        X509_STORE_free(b->fresh);
    }
    b->fresh = NULL;
    return b->store ? KIT_TRUST_READY : KIT_TRUST_FAILED;
}

static bool load_begin(struct bundle *b, const struct stat *st, char *why,
                       size_t size)
{
    b->fresh_stamp = *st;
    b->count = 0;
    b->fresh = X509_STORE_new();
    b->input = BIO_new_file(*b->path ? b->path : "/dev/null", "r");
    if (!b->fresh || !b->input) {
        snprintf(why, size, "%s: %s", b->path, strerror(errno));
        return false;
    }
    /* As libcurl does: an intermediate, or the peer's own certificate, in the
     * bundle is an anchor too. */
    X509_STORE_set_flags(b->fresh,
                         X509_V_FLAG_TRUSTED_FIRST | X509_V_FLAG_PARTIAL_CHAIN);
    if (!*b->path && X509_STORE_set_default_paths(b->fresh))
        b->count = 1;
    return true;
}

static int64_t now_ns(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static enum kit_trust load_slice(struct bundle *b, char *why, size_t size)
{
    for (int64_t end_ns = now_ns() + SLICE_NS; now_ns() < end_ns;) {
        X509 *cert = PEM_read_bio_X509_AUX(b->input, NULL, NULL, NULL);
        if (!cert) {
            unsigned long error = ERR_peek_last_error();
            bool at_end = ERR_GET_LIB(error) == ERR_LIB_PEM &&
                          ERR_GET_REASON(error) == PEM_R_NO_START_LINE;
            const char *reason = ERR_reason_error_string(error);
            snprintf(why, size, "%s: %s", b->path,
                     at_end || !reason ? "holds no certificate" : reason);
            return load_end(b, at_end && b->count);
        }
        b->count += X509_STORE_add_cert(b->fresh, cert) == 1;
        X509_free(cert);
    }
    return KIT_TRUST_LOADING;
}

/* A bundle that changed and cannot be read at this moment (it is being
 * replaced) leaves the one in use alone. */
enum kit_trust kit_certs_load(const char *ca_file, char *why, size_t size)
{
    struct bundle *b = bundle_get(bundle_path(ca_file));
    if (b->input)
        return load_slice(b, why, size);
    struct stat st = {0};
    if (*b->path && stat(b->path, &st)) {
        snprintf(why, size, "%s: %s", b->path, strerror(errno));
        return b->store ? KIT_TRUST_READY : KIT_TRUST_FAILED;
    }
    if (b->store && same_stamp(&b->stamp, &st))
        return KIT_TRUST_READY;
    if (!load_begin(b, &st, why, size))
        return load_end(b, false);
    return load_slice(b, why, size);
}

/* ---------------------------------------------------------- verification - */

static int64_t seconds_of(const ASN1_TIME *when)
{
    struct tm tm;
    return when && ASN1_TIME_to_tm(when, &tm) ? (int64_t)timegm(&tm) : 0;
}

static void note_bad(struct kit_peer *peer, X509_STORE_CTX *ctx)
{
    peer->error = X509_STORE_CTX_get_error(ctx);
    peer->depth = X509_STORE_CTX_get_error_depth(ctx);
    const X509 *bad = X509_STORE_CTX_get_current_cert(ctx);
    if (!bad)
        return;
    peer->bad_from_s = seconds_of(X509_get0_notBefore(bad));
    peer->bad_until_s = seconds_of(X509_get0_notAfter(bad));
    X509_NAME_get_text_by_NID(X509_get_subject_name(bad), NID_commonName,
                              peer->bad_subject, (int)sizeof peer->bad_subject);
}

/* The first end in the chain, of which leaf may be no part. */
static int64_t first_end(X509 *leaf, const STACK_OF(X509) * chain)
{
    int64_t first_s = seconds_of(X509_get0_notAfter(leaf));
    for (int i = 0; i < sk_X509_num(chain); i++) {
        int64_t end_s = seconds_of(X509_get0_notAfter(sk_X509_value(chain, i)));
        if (end_s && end_s < first_s)
            first_s = end_s;
    }
    return first_s;
}

/* While TLS 1.2 shakes hands, it is agreed on and not yet in use. */
static const char *cipher_name(const SSL *ssl)
{
    const SSL_CIPHER *cipher = SSL_get_current_cipher(ssl);
    return SSL_CIPHER_get_name(cipher ? cipher : SSL_get_pending_cipher(ssl));
}

static void note_shown(struct kit_peer *peer, const SSL *ssl, X509 *leaf,
                       const STACK_OF(X509) * chain)
{
    if (ssl) {
        snprintf(peer->tls_version, sizeof peer->tls_version, "%s",
                 SSL_get_version(ssl));
        snprintf(peer->tls_cipher, sizeof peer->tls_cipher, "%s",
                 cipher_name(ssl));
    }
    if (!leaf)
        return;
    peer->seen = true;
    peer->not_after_s = seconds_of(X509_get0_notAfter(leaf));
    peer->chain_end_s = first_end(leaf, chain);
    X509_up_ref(leaf);
    X509_free(peer->leaf);
    peer->leaf = leaf;
}

void kit_peer_begin(struct kit_peer *peer, bool verify)
{
    kit_peer_forget(peer);
    peer->verify = verify;
}

void kit_peer_forget(struct kit_peer *peer)
{
    X509_free(peer->leaf);
    *peer = (struct kit_peer){0};
}

void kit_peer_look(struct kit_peer *peer, const SSL *ssl)
{
    const STACK_OF(X509) *chain = SSL_get0_verified_chain(ssl);
    kit_peer_begin(peer, chain != NULL);
    note_shown(peer, ssl, SSL_get0_peer_certificate(ssl),
               chain ? chain : SSL_get_peer_cert_chain(ssl));
}

static bool chain_is_valid(X509_STORE_CTX *ctx, X509 *leaf,
                           struct kit_peer *peer)
{
    bool ok = X509_verify_cert(ctx) > 0;
    if (ok)
        peer->chain_end_s = first_end(leaf, X509_STORE_CTX_get0_chain(ctx));
    else
        note_bad(peer, ctx);
    return ok;
}

static bool names_hosts(X509 *leaf)
{
    bool any = false;
    GENERAL_NAMES *all =
        X509_get_ext_d2i(leaf, NID_subject_alt_name, NULL, NULL);
    for (int i = 0; i < sk_GENERAL_NAME_num(all); i++) {
        int type = sk_GENERAL_NAME_value(all, i)->type;
        any |= type == GEN_DNS || type == GEN_IPADD;
    }
    GENERAL_NAMES_free(all);
    return any;
}

static int on_verify(X509_STORE_CTX *ctx, void *arg)
{
    struct kit_peer *peer = arg;
    const SSL *ssl =
        X509_STORE_CTX_get_ex_data(ctx, SSL_get_ex_data_X509_STORE_CTX_idx());
    X509 *leaf = X509_STORE_CTX_get0_cert(ctx);
    note_shown(peer, ssl, leaf, X509_STORE_CTX_get0_untrusted(ctx));
    if (!peer->verify) {
        X509_STORE_CTX_set_error(ctx, X509_V_OK);
        return 1;
    }
    if (!chain_is_valid(ctx, leaf, peer))
        return 0;
    bool named = names_hosts(leaf);
    if (!named) /* which libcurl would take the subject's name for */
        X509_STORE_CTX_set_error(ctx, X509_V_ERR_HOSTNAME_MISMATCH);
    return named;
}

bool kit_certs_use(SSL_CTX *ctx, const char *ca_file, struct kit_peer *peer)
{
    SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION);
    SSL_CTX_set_cert_verify_callback(ctx, on_verify, peer);
    if (!peer->verify)
        return true;
    const struct bundle *b = bundle_get(bundle_path(ca_file));
    if (!b->store)
        return false;
    SSL_CTX_set1_cert_store(ctx, b->store);
    return true;
}

static bool is_for(X509 *leaf, const char *host)
{
    unsigned flags = X509_CHECK_FLAG_NEVER_CHECK_SUBJECT;
    return X509_check_ip_asc(leaf, host, 0) == 1 ||
           X509_check_host(leaf, host, strlen(host), flags, NULL) == 1;
}

bool kit_certs_are_for(const SSL *ssl, const char *host)
{
    return is_for(SSL_get0_peer_certificate(ssl), host);
}

/* As within a handshake: weak keys and hashes count, too. */
static bool begin_verification(X509_STORE_CTX *ctx, SSL *ssl, X509 *leaf,
                               const char *ca_file)
{
    const struct bundle *b = bundle_get(bundle_path(ca_file));
    if (!b->store ||
        !X509_STORE_CTX_init(ctx, b->store, leaf, SSL_get_peer_cert_chain(ssl)))
        return false;
    X509_STORE_CTX_set_default(ctx, "ssl_server");
    X509_VERIFY_PARAM_set_auth_level(X509_STORE_CTX_get0_param(ctx),
                                     SSL_get_security_level(ssl));
    return true;
}

bool kit_certs_verify(SSL *ssl, const char *ca_file, const char *host,
                      struct kit_peer *peer)
{
    X509 *leaf = SSL_get0_peer_certificate(ssl);
    peer->error = X509_V_OK;
    note_shown(peer, ssl, leaf, SSL_get_peer_cert_chain(ssl));
    if (!peer->verify)
        return true;
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    peer->error = X509_V_ERR_UNSPECIFIED;
    bool valid = leaf && ctx && begin_verification(ctx, ssl, leaf, ca_file) &&
                 chain_is_valid(ctx, leaf, peer);
    X509_STORE_CTX_free(ctx);
    if (!valid)
        return false;
    peer->error = X509_V_OK;
    return !host || is_for(leaf, host);
}

/* ----------------------------------------------------------------- words - */

/* OpenSSL has no call for these names; two are longer than a code may be. */
#define VERIFY_MAP(X)                                                     \
    X(UNSPECIFIED, "UNSPECIFIED")                                         \
    X(UNABLE_TO_GET_ISSUER_CERT, "UNABLE_TO_GET_ISSUER_CERT")             \
    X(UNABLE_TO_GET_CRL, "UNABLE_TO_GET_CRL")                             \
    X(CERT_SIGNATURE_FAILURE, "CERT_SIGNATURE_FAILURE")                   \
    X(CERT_NOT_YET_VALID, "CERT_NOT_YET_VALID")                           \
    X(CERT_HAS_EXPIRED, "CERT_HAS_EXPIRED")                               \
    X(DEPTH_ZERO_SELF_SIGNED_CERT, "DEPTH_ZERO_SELF_SIGNED_CERT")         \
    X(SELF_SIGNED_CERT_IN_CHAIN, "SELF_SIGNED_CERT_IN_CHAIN")             \
    X(UNABLE_TO_GET_ISSUER_CERT_LOCALLY, "UNABLE_TO_GET_LOCAL_ISSUER")    \
    X(UNABLE_TO_VERIFY_LEAF_SIGNATURE, "UNABLE_TO_VERIFY_LEAF_SIGNATURE") \
    X(CERT_CHAIN_TOO_LONG, "CERT_CHAIN_TOO_LONG")                         \
    X(CERT_REVOKED, "CERT_REVOKED")                                       \
    X(INVALID_CA, "INVALID_CA")                                           \
    X(PATH_LENGTH_EXCEEDED, "PATH_LENGTH_EXCEEDED")                       \
    X(INVALID_PURPOSE, "INVALID_PURPOSE")                                 \
    X(CERT_UNTRUSTED, "CERT_UNTRUSTED")                                   \
    X(CERT_REJECTED, "CERT_REJECTED")                                     \
    X(HOSTNAME_MISMATCH, "HOSTNAME_MISMATCH")                             \
    X(IP_ADDRESS_MISMATCH, "IP_ADDRESS_MISMATCH")                         \
    X(EE_KEY_TOO_SMALL, "EE_KEY_TOO_SMALL")                               \
    X(CA_KEY_TOO_SMALL, "CA_KEY_TOO_SMALL")                               \
    X(CA_MD_TOO_WEAK, "CA_MD_TOO_WEAK")                                   \
    X(PERMITTED_VIOLATION, "PERMITTED_VIOLATION")                         \
    X(EXCLUDED_VIOLATION, "EXCLUDED_VIOLATION")

int64_t kit_certs_left_ns(int64_t not_after_s)
{
    int64_t left_s = not_after_s - (int64_t)time(NULL);
    int64_t most_s = INT64_MAX / 1000000000ll;
    return (left_s < most_s ? left_s : most_s) * 1000000000ll;
}

const char *kit_certs_code(int error)
{
    static const struct {
        int error;
        const char *code;
    } table[] = {
#define X(name, code) {X509_V_ERR_##name, code},
        VERIFY_MAP(X)
#undef X
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (table[i].error == error)
            return table[i].code;
    return "CERT_INVALID";
}

static void date_text(int64_t when_s, char *text, size_t size)
{
    time_t when = (time_t)when_s;
    struct tm tm;
    text[0] = '\0';
    if (gmtime_r(&when, &tm))
        strftime(text, size, "%Y-%m-%d %H:%M:%S UTC", &tm);
}

void kit_certs_reason(const struct kit_peer *peer, char *text, size_t size)
{
    char about[128] = "", date[40] = "", when[64] = "";
    if (peer->depth > 0)
        snprintf(about, sizeof about, " (issuer \"%s\")", peer->bad_subject);
    if (peer->error == X509_V_ERR_CERT_HAS_EXPIRED) {
        date_text(peer->bad_until_s, date, sizeof date);
        snprintf(when, sizeof when, " on %s", date);
    } else if (peer->error == X509_V_ERR_CERT_NOT_YET_VALID) {
        date_text(peer->bad_from_s, date, sizeof date);
        snprintf(when, sizeof when, " before %s", date);
    }
    snprintf(text, size, "%s%s%s", X509_verify_cert_error_string(peer->error),
             when, about);
}
