/* kit/easy.c: see easy.h. Owns nothing; called by dial.c and by the http plugin
 * before each transfer. */
#include "kit/easy.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "kit/why.h"

#define MS            1000000ll /* nanoseconds */
#define HANDED_MAX    8         /* addresses, to libcurl */
#define ADDRESSES_MAX 64        /* of a name, where each is probed */

bool kit_is_address(const char *host)
{
    unsigned char any[sizeof(struct in6_addr)];
    return inet_pton(AF_INET, host, any) == 1 ||
           inet_pton(AF_INET6, host, any) == 1;
}

bool kit_list_add(struct curl_slist **list, const char *fmt, ...)
{
    char *line = NULL;
    va_list args;
    va_start(args, fmt);
    int n = vasprintf(&line, fmt, args);
    va_end(args);
    struct curl_slist *longer = n < 0 ? NULL : curl_slist_append(*list, line);
    if (n >= 0)
        free(line);
    if (longer)
        *list = longer;
    return longer != NULL;
}

/* ------------------------------------------------------------------- TLS - */

static void show_certificate(CURL *easy, const struct kit_net *net)
{
    curl_easy_setopt(easy, CURLOPT_SSLCERT, net->cert_file);
    curl_easy_setopt(easy, CURLOPT_SSLKEY,
                     net->key_file ? net->key_file : net->cert_file);
    /* Without one, OpenSSL asks on the terminal. */
    curl_easy_setopt(easy, CURLOPT_KEYPASSWD,
                     net->key_passphrase ? net->key_passphrase : "");
}

void kit_easy_tls(CURL *easy, const struct kit_net *net, bool certificate,
                  curl_ssl_ctx_callback on_context, void *arg)
{
    static const long versions[] = {
        [KIT_TLS_1_0] = CURL_SSLVERSION_TLSv1_0,
        [KIT_TLS_1_1] = CURL_SSLVERSION_TLSv1_1,
        [KIT_TLS_1_2] = CURL_SSLVERSION_TLSv1_2,
        [KIT_TLS_1_3] = CURL_SSLVERSION_TLSv1_3,
    };
    /* No bundle by path: libcurl would load it for each connection. */
    curl_easy_setopt(easy, CURLOPT_CAINFO, NULL);
    curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
    curl_easy_setopt(easy, CURLOPT_PROXY_CAINFO, NULL);
    curl_easy_setopt(easy, CURLOPT_PROXY_CAPATH, NULL);
    curl_easy_setopt(easy, CURLOPT_SSL_CTX_FUNCTION, on_context);
    curl_easy_setopt(easy, CURLOPT_SSL_CTX_DATA, arg);
    curl_easy_setopt(easy, CURLOPT_SSLVERSION, versions[net->min_version]);
    if (!net->verify) {
        curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
        curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
        curl_easy_setopt(easy, CURLOPT_PROXY_SSL_VERIFYPEER, 0L);
        curl_easy_setopt(easy, CURLOPT_PROXY_SSL_VERIFYHOST, 0L);
    }
    /* A resumed session shows no certificate, and one that was verified
     * against another bundle would be taken for good. */
    curl_easy_setopt(easy, CURLOPT_SSL_SESSIONID_CACHE, 0L);
    if (certificate && net->cert_file)
        show_certificate(easy, net);
}

CURLcode kit_easy_trust(void *context, const struct kit_net *net,
                        struct kit_peer *peer)
{
    kit_peer_begin(peer, net->verify);
    /* OpenSSL's level 1 and above knows no hash for TLS before 1.2. */
    if (net->min_version < KIT_TLS_1_2)
        SSL_CTX_set_security_level(context, 0);
    return kit_certs_use(context, net->ca_file, peer)
               ? CURLE_OK
               : CURLE_SSL_CACERT_BADFILE;
}

/* ------------------------------------------------------------------- way - */

void kit_easy_proxy(CURL *easy, const char *proxy)
{
    curl_easy_setopt(easy, CURLOPT_PROXY, proxy ? proxy : "");
    if (proxy)
        curl_easy_setopt(easy, CURLOPT_NOPROXY, "");
}

void kit_easy_addresses(CURL *easy, const struct kit_net *net,
                        const struct rlv_probe *probe,
                        struct curl_slist *resolve,
                        struct curl_slist *connect_to)
{
    static const long families[] = {[KIT_FAMILY_ANY] = CURL_IPRESOLVE_WHATEVER,
                                    [KIT_FAMILY_4] = CURL_IPRESOLVE_V4,
                                    [KIT_FAMILY_6] = CURL_IPRESOLVE_V6};
    int64_t left_ns = kit_host->deadline(probe) - kit_host->now();
    /* Our own addresses must last until they are looked up, which may be once
     * more (digest). */
    curl_easy_setopt(easy, CURLOPT_DNS_CACHE_TIMEOUT,
                     resolve ? (long)(left_ns / MS / 1000) + 2 : 0L);
    curl_easy_setopt(easy, CURLOPT_IPRESOLVE, families[net->ip_family]);
    if (resolve)
        curl_easy_setopt(easy, CURLOPT_RESOLVE, resolve);
    if (connect_to)
        curl_easy_setopt(easy, CURLOPT_CONNECT_TO, connect_to);
    /* libcurl shares this time out among the addresses. */
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS,
                     (long)(left_ns / MS) + 100);
}

static int by_text(const void *a, const void *b)
{
    char x[KIT_IP_SIZE], y[KIT_IP_SIZE];
    kit_ip_text(x, sizeof x, a);
    kit_ip_text(y, sizeof y, b);
    return strcmp(x, y);
}

/* Returns how many different ones there are; /etc/hosts gives some twice. */
static size_t take_addresses(struct sockaddr_storage *all,
                             const struct sockaddr_storage *given, size_t count)
{
    size_t n = 0;
    for (size_t i = 0; i < count && n < ADDRESSES_MAX; i++) {
        size_t same = 0;
        while (same < n && by_text(&all[same], &given[i]) != 0)
            same++;
        if (same == n)
            all[n++] = given[i];
    }
    return n;
}

unsigned kit_addresses_text(char *text, size_t size,
                            const struct sockaddr_storage *addresses,
                            size_t count, bool each, unsigned number)
{
    struct sockaddr_storage all[ADDRESSES_MAX];
    size_t len = 0, n = take_addresses(all, addresses, count), shown = n;
    if (each && n > 0) {
        qsort(all, n, sizeof *all, by_text);
        all[0] = all[number % n];
        shown = 1;
    }
    for (size_t i = 0; i < shown && i < HANDED_MAX; i++) {
        char ip[KIT_IP_SIZE];
        kit_ip_text(ip, sizeof ip, &all[i]);
        len += (size_t)snprintf(text + len, size - len,
                                strchr(ip, ':') ? "%s[%s]" : "%s%s",
                                i ? "," : "", ip);
    }
    return (unsigned)n;
}

/* ------------------------------------------------------------------ unix - */

const char *kit_unix_path_flaw(const char *path)
{
    if (path[0] != '/' && path[0] != '@')
        return "the path of a unix socket begins with / (or with @, an "
               "abstract one)";
    if (strlen(path) >= sizeof((struct sockaddr_un *)0)->sun_path)
        return "the path of a unix socket has at most 107 bytes";
    return NULL;
}

void kit_easy_unix(CURL *easy, const char *path)
{
    if (path[0] == '@')
        curl_easy_setopt(easy, CURLOPT_ABSTRACT_UNIX_SOCKET, path + 1);
    else
        curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH, path);
}

bool kit_unix_queue_full(CURLcode rc, int sys_errno)
{
    return rc == CURLE_COULDNT_CONNECT && (!sys_errno || sys_errno == EAGAIN);
}
