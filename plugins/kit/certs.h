/* kit/certs.h: which certificates are trusted, and what a handshake learnt.
 *
 * Loading a bundle of 140 certificates takes 25 to 110 ms, and OpenSSL's users
 * do it anew for every connection. Here a bundle is loaded once in a process,
 * when it is first needed, in slices, and again when its file changes. Plugins
 * install the result in the SSL_CTX of a connection (libcurl:
 * CURLOPT_SSL_CTX_FUNCTION) together with a callback that remembers what the
 * peer showed, even when the verdict is no.
 *
 * One thread only, as everything in a worker. */
#ifndef KIT_CERTS_H
#define KIT_CERTS_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kit/init.h"

/* Zeroed is fine to begin with. What is in it is read-only. */
struct kit_peer {
    bool verify; /* a chain that does not verify is refused */

    /* filled during the handshake */
    bool seen;           /* the peer showed a certificate */
    int64_t not_after_s; /* its end, seconds since 1970 UTC */
    int64_t chain_end_s; /* the first end in the chain that was verified, or,
                            if it was not, in the one that was shown */
    int error;           /* X509_V_OK or an X509_V_ERR_ */
    int depth;           /* which certificate it is about; 0 is the peer's */
    int64_t bad_from_s, bad_until_s; /* validity of that one */
    char bad_subject[96];
    char tls_version[12]; /* "TLSv1.3" */
    char tls_cipher[40];
    X509 *leaf; /* what was shown, owned; NULL unless seen */
};

/* Before a handshake, also another one; what an earlier one has left is
 * forgotten. */
KIT_EXPORT void kit_peer_begin(struct kit_peer *, bool verify);
/* To be called at the end. */
KIT_EXPORT void kit_peer_forget(struct kit_peer *);
/* Fills it from a connection whose handshake was in an earlier probe. */
KIT_EXPORT void kit_peer_look(struct kit_peer *, const SSL *);

enum kit_trust { KIT_TRUST_READY, KIT_TRUST_LOADING, KIT_TRUST_FAILED };

/* Brings the bundle ca_file (NULL or "": the system's) up to date, a few
 * milliseconds' worth in a call, so that no loop stands still meanwhile: where
 * it is LOADING, call again on the loop's next turn. FAILED: it cannot be read
 * and never could; why says so. To be called before a connection is begun. */
KIT_EXPORT enum kit_trust kit_certs_load(const char *ca_file, char *why,
                                         size_t size);

/* Makes connections of ctx trust that bundle, as loaded, and report into peer,
 * which was begun and must outlive the handshake; renegotiation is switched
 * off, so nothing is reported later. The name of the host is not checked: that
 * is the caller's (libcurl's) part. False: as above. */
KIT_EXPORT bool kit_certs_use(SSL_CTX *ctx, const char *ca_file,
                              struct kit_peer *peer);

/* For a library that shakes hands by itself and lets nobody into its SSL_CTX:
 * verifies, after the handshake and before anything is said, what the peer has
 * shown, against that bundle as loaded, and fills peer, which was begun, as
 * above. host: the name
 * or address that it must be for; NULL: any. False: it is not valid, or
 * (error is X509_V_OK) not for host. */
KIT_EXPORT bool kit_certs_verify(SSL *, const char *ca_file, const char *host,
                                 struct kit_peer *peer);

/* Whether the certificate that the peer has shown is for that name or address;
 * the name of its subject counts for nothing. For the kit's own files. */
bool kit_certs_are_for(const SSL *, const char *host);

/* Until that time, in seconds since 1970 UTC; at most what a duration can hold,
 * 292 years, as authorities say "never" by the year 9999. */
KIT_EXPORT int64_t kit_certs_left_ns(int64_t not_after_s);

/* A short word for an X509_V_ERR_: "CERT_HAS_EXPIRED"; at most 31 bytes. */
KIT_EXPORT const char *kit_certs_code(int error);

/* A sentence without a full stop: what is wrong, with which certificate, and
 * the date where a date is the reason. Only sensible if error is not OK. */
KIT_EXPORT void kit_certs_reason(const struct kit_peer *, char *text,
                                 size_t size);

#endif
