/* kit/facts.h: what every plugin that speaks TLS observes of it, by the same
 * names.
 *
 * A plugin gives KIT_FACT_COUNT numbers of its fields to them, from one of its
 * own choosing on, and has KIT_FACT_FIELDS() fill those rows of its table:
 *
 *     enum my_field { …, FIELD_TLS, FIELD_NEXT = FIELD_TLS + KIT_FACT_COUNT, …
 * }; static const struct rlv_field fields[] = { …, KIT_FACT_FIELDS(FIELD_TLS)
 * }; kit_facts_observe(probe, FIELD_TLS, &peer); */
#ifndef KIT_FACTS_H
#define KIT_FACTS_H

#include "kit/certs.h"

enum kit_fact {
    KIT_TLS_VERSION,
    KIT_TLS_CIPHER,
    KIT_CERT_EXPIRY,
    KIT_CHAIN_EXPIRY,
    KIT_CERT_ISSUER,
    KIT_CERT_SAN,
    KIT_FACT_COUNT
};

// clang-format off
#define KIT_FACT_FIELDS(first) \
    [(first) + KIT_TLS_VERSION]  = {"tls_version", RLV_T_TEXT, 0, "", \
        "TLSv1.2 or TLSv1.3; absent without TLS."}, \
    [(first) + KIT_TLS_CIPHER]   = {"tls_cipher", RLV_T_TEXT, 0, "", \
        "The cipher suite, by OpenSSL's name: TLS_AES_256_GCM_SHA384."}, \
    [(first) + KIT_CERT_EXPIRY]  = {"cert_expiry", RLV_T_DURATION, RLV_RECORDED, "", \
        "Until the certificate of the host asked expires; absent without TLS."}, \
    [(first) + KIT_CHAIN_EXPIRY] = {"chain_expiry", RLV_T_DURATION, RLV_RECORDED, "", \
        "Until the first certificate of the chain that vouches for it expires, its own and the root included."}, \
    [(first) + KIT_CERT_ISSUER]  = {"cert_issuer", RLV_T_TEXT, 0, "", \
        "Who issued that certificate: CN=R11,O=Let's Encrypt,C=US."}, \
    [(first) + KIT_CERT_SAN]     = {"cert_san", RLV_T_TEXT, RLV_COSTLY, "", \
        "The names and addresses that it is for: app.example.com, 192.0.2.7."}
// clang-format on

/* Nothing where no certificate was seen (NULL: none was). */
KIT_EXPORT void kit_facts_observe(struct rlv_probe *, unsigned first,
                                  const struct kit_peer *);

/* The names and addresses of the peer's certificate, separated by commas, cut
 * to size; what is no printable ASCII stands as \x00. "": none. */
KIT_EXPORT void kit_facts_names(const struct kit_peer *, char *text,
                                size_t size);

#define KIT_PIN 32
/* The SHA-256 of the SubjectPublicKeyInfo of the peer's certificate, which is
 * the same in the next one for the same key. False: none was seen. */
KIT_EXPORT bool kit_facts_pin(const struct kit_peer *, uint8_t pin[KIT_PIN]);

#endif
