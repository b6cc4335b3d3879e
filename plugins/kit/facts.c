/* kit/facts.c: see facts.h.
 *
 * Texts are made of the certificate when something reads them. They are the
 * peer's: whatever is not printable in them is written out. */
#include "kit/facts.h"

#include <arpa/inet.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

#define SAN_MAX    4096 /* what is kept of a text */
#define ISSUER_MAX 512

static void add_char(char *text, size_t size, size_t *len, unsigned char c)
{
    char form[8];
    int n = c >= 0x20 && c < 0x7f ? snprintf(form, sizeof form, "%c", c)
                                  : snprintf(form, sizeof form, "\\x%02x", c);
    if (*len + (size_t)n >= size) {
        *len = size; /* full: nothing shorter comes after it */
        return;
    }
    memcpy(text + *len, form, (size_t)n + 1);
    *len += (size_t)n;
}

static void add_bytes(char *text, size_t size, size_t *len,
                      const unsigned char *at, int n)
{
    for (int i = 0; i < n; i++)
        add_char(text, size, len, at[i]);
}

static void add_address(char *text, size_t size, size_t *len,
                        const ASN1_OCTET_STRING *address)
{
    char form[INET6_ADDRSTRLEN] = "?";
    int n = ASN1_STRING_length(address);
    const unsigned char *bytes = ASN1_STRING_get0_data(address);
    if (n == 4)
        inet_ntop(AF_INET, bytes, form, sizeof form);
    else if (n == 16)
        inet_ntop(AF_INET6, bytes, form, sizeof form);
    for (const char *c = form; *c; c++)
        add_char(text, size, len, (unsigned char)*c);
}

void kit_facts_names(const struct kit_peer *peer, char *text, size_t size)
{
    size_t len = 0;
    text[0] = '\0';
    GENERAL_NAMES *all =
        peer->leaf
            ? X509_get_ext_d2i(peer->leaf, NID_subject_alt_name, NULL, NULL)
            : NULL;
    for (int i = 0; i < sk_GENERAL_NAME_num(all); i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(all, i);
        if (name->type != GEN_DNS && name->type != GEN_IPADD)
            continue;
        if (len)
            add_bytes(text, size, &len, (const unsigned char *)", ", 2);
        if (name->type == GEN_IPADD)
            add_address(text, size, &len, name->d.iPAddress);
        else
            add_bytes(text, size, &len, ASN1_STRING_get0_data(name->d.dNSName),
                      ASN1_STRING_length(name->d.dNSName));
    }
    GENERAL_NAMES_free(all);
}

static void issuer_text(X509 *leaf, char *text, size_t size)
{
    BIO *out = BIO_new(BIO_s_mem());
    char *made = NULL;
    text[0] = '\0';
    if (!out)
        return;
    X509_NAME_print_ex(out, X509_get_issuer_name(leaf), 0,
                       XN_FLAG_RFC2253 & ~(unsigned long)ASN1_STRFLGS_ESC_MSB);
    long n = BIO_get_mem_data(out, &made);
    snprintf(text, size, "%.*s", (int)n, made ? made : "");
    BIO_free(out);
}

static void observe_text(struct rlv_probe *probe, unsigned field,
                         const char *text)
{
    if (*text)
        kit_host->observe(probe, field, rlv_text(text));
}

static void observe_end(struct rlv_probe *probe, unsigned field, int64_t end_s)
{
    if (end_s)
        kit_host->observe(probe, field, rlv_duration(kit_certs_left_ns(end_s)));
}

void kit_facts_observe(struct rlv_probe *probe, unsigned first,
                       const struct kit_peer *peer)
{
    if (!peer || !peer->seen)
        return;
    observe_text(probe, first + KIT_TLS_VERSION, peer->tls_version);
    observe_text(probe, first + KIT_TLS_CIPHER, peer->tls_cipher);
    observe_end(probe, first + KIT_CERT_EXPIRY, peer->not_after_s);
    observe_end(probe, first + KIT_CHAIN_EXPIRY, peer->chain_end_s);
    char issuer[ISSUER_MAX];
    issuer_text(peer->leaf, issuer, sizeof issuer);
    observe_text(probe, first + KIT_CERT_ISSUER, issuer);
    if (kit_host->wants(probe, first + KIT_CERT_SAN)) {
        char names[SAN_MAX];
        kit_facts_names(peer, names, sizeof names);
        observe_text(probe, first + KIT_CERT_SAN, names);
    }
}

bool kit_facts_pin(const struct kit_peer *peer, uint8_t pin[KIT_PIN])
{
    unsigned char *der = NULL;
    int len = peer && peer->leaf
                  ? i2d_X509_PUBKEY(X509_get_X509_PUBKEY(peer->leaf), &der)
                  : 0;
    bool made = len > 0 && EVP_Digest(der, (size_t)len, pin, NULL, EVP_sha256(),
                                      NULL) == 1;
    OPENSSL_free(der);
    return made;
}
